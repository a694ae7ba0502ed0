"""Slippage: the hand book, both sides, what is not filled, and means over time beside depth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.measure.test_depth_of_book import FIRST, SECOND, market

HAND = pd.DataFrame(
    {
        "bid_1": [99.99],
        "bid_size_1": [150.0],
        "ask_1": [100.01],
        "ask_size_1": [100.0],
        "bid_2": [99.96],
        "bid_size_2": [50.0],
        "ask_2": [100.02],
        "ask_size_2": [200.0],
    }
)


def test_the_hand_book():
    # 100 at .01 and 150 at .02 beyond the mid of 100.00: 1.00 + 3.00 = 4.00, .016 a unit
    found = mm.slippage(HAND, sizes=250, side="buy").iloc[0]
    assert found["cost"] == pytest.approx(4.00)
    assert found["cost_a_unit"] == pytest.approx(0.016)
    assert found["price"] == pytest.approx(100.016)
    assert found["slippage_bps"] == pytest.approx(1.6)
    assert (found["filled"], found["unfilled"]) == (250, 0)


def test_a_sale_walks_the_bids_and_costs_too():
    # 150 at .01 and 10 at .04 below the mid: 1.50 + 0.40
    found = mm.slippage(HAND, sizes=160, side="sell").iloc[0]
    assert found["cost"] == pytest.approx(1.90)
    assert found["price"] == pytest.approx(100 - 1.9 / 160)
    assert found["side"] == -1


def test_what_the_book_does_not_hold_is_reported_and_not_priced():
    found = mm.slippage(HAND, sizes=[300, 301]).set_index(["side", "size"])
    buy = found.loc[1]
    assert buy.loc[300, "unfilled"] == 0
    assert buy.loc[300, "cost"] == pytest.approx(5.0)
    assert buy.loc[301, "unfilled"] == 1
    assert buy.loc[301, "filled"] == 300
    assert buy.loc[301, "cost"] == pytest.approx(5.0)  # of the 300
    assert np.isnan(buy.loc[301, "slippage_bps"])
    assert np.isnan(buy.loc[301, "cost_a_unit"])
    sell = found.loc[-1]
    assert sell.loc[300, "unfilled"] == 100
    assert np.isnan(sell.loc[300, "slippage_bps"])


@pytest.mark.bad_input("crossed, locked and one-sided book rows")
def test_rows_that_are_not_ordinary_cost_nothing_that_is_known():
    rows = pd.concat([HAND] * 4, ignore_index=True)
    rows.loc[1, "bid_1"] = 100.01  # locked
    rows.loc[2, "bid_1"] = 100.05  # crossed
    rows.loc[3, ["ask_1", "ask_2"]] = np.nan
    found = mm.slippage(rows, sizes=10, side="buy")
    assert found["state"].tolist() == ["quoted", "locked", "crossed", "one_sided"]
    assert found["cost"].notna().tolist() == [True, False, False, False]
    assert found["filled"].notna().tolist() == [True, False, False, False]


def test_cost_a_unit_never_falls_with_size_and_pieces_cost_no_more():
    rng = np.random.default_rng(2)
    made = mm.simulate.queue_book(session_seconds=120, levels=10, seed=8).market["book"]
    sizes = np.sort(rng.uniform(1, 300, 12))
    found = mm.slippage(made.iloc[::20], sizes=sizes)
    by = found.pivot_table("cost_a_unit", index=["row", "side"], columns="size")
    steps = by.diff(axis=1).iloc[:, 1:].to_numpy()
    assert (steps[np.isfinite(steps)] >= -1e-12).all()


def test_round_trip_of_the_smallest_size_is_the_spread():
    made = mm.simulate.queue_book(session_seconds=600, levels=5, seed=9).market
    cost = mm.slippage(made, sizes=1)
    spread = mm.depth(made)["spread_bps"]
    np.testing.assert_allclose(cost["round_trip_bps"], spread, rtol=1e-12)
    np.testing.assert_allclose(cost["buy_bps"] + cost["sell_bps"], spread, rtol=1e-12)


def test_closed_form_in_a_book_of_equal_levels():
    # x = m full levels of D beyond the best q: the average distance is known row by row
    made = mm.simulate.queue_book(depth=50, session_seconds=60, levels=6, seed=10).market["book"]
    found = mm.slippage(made, sizes=150, side="buy")
    q, half = made["ask_size_1"], (made["ask_1"] - made["bid_1"]) / 2
    left = 150 - q
    full = np.floor(left / 50)
    ticks = (50 * full * (full + 1) / 2 + (left - 50 * full) * (full + 1)) / 100
    np.testing.assert_allclose(found["cost"], 150 * half + ticks, rtol=1e-9)


def test_means_over_time_by_hand():
    # sizes 30: FIRST sells 10 at .01 and 20 at .03 (15 s), SECOND 30 at .01 (45 s)
    found = mm.slippage(market([(0, *FIRST), (15, *SECOND)]), sizes=[30, 95]).iloc[:2]
    first, second = 1e4 * 0.70 / 3000, 1e4 * 0.30 / 3000
    assert found["sell_bps"].iloc[0] == pytest.approx((15 * first + 45 * second) / 60)
    # 95 sold: 90 stand in FIRST, a quarter of the time: 5 lack then
    assert found["sell_filled_share"].iloc[1] == pytest.approx(0.75)
    assert found["sell_unfilled"].iloc[1] == pytest.approx(1.25)
    assert np.isnan(found["sell_bps"].iloc[1])
    assert np.isnan(found["round_trip_bps"].iloc[1])
    assert found["buy_bps"].iloc[1] > 0


def test_sizes_are_chosen_where_none_are_given():
    made = mm.simulate.queue_book(session_seconds=120, levels=5, seed=11).market
    found = mm.slippage(made)
    best = np.median(made["book"][["bid_size_1", "ask_size_1"]])
    assert found.attrs["sizes"][2] == pytest.approx(best, rel=0.05)
    assert len(set(found["size"])) == 5


@pytest.mark.bad_input("sizes below 0, a side that is not known, a table without levels")
def test_refusals():
    with pytest.raises(ValueError, match="above 0"):
        mm.slippage(HAND, sizes=[10, -1])
    with pytest.raises(ValueError, match="side must be"):
        mm.slippage(HAND, side="long")
    with pytest.raises(ValueError, match="lack the columns bid, ask, bid_size, ask_size"):
        mm.slippage(pd.DataFrame({"price": [1.0]}))
