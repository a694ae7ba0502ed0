"""Depth bar by bar: by hand, by conservation, beside the panel, and with books that are not fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

OPEN = pd.Timestamp("2024-03-04 00:00", tz="UTC")
CALENDAR = "00:00-00:10 UTC"
STATES = ["quoted", "locked", "crossed", "one_sided", "unquoted", "halted"]
SHARES = [f"{name}_share" for name in STATES]


def book(rows, levels=3):
    """Rows of (second, bids [(price, size)], asks): what is lacking is missing."""
    made = []
    for seq, (second, bids, asks) in enumerate(rows):
        row = {"time": OPEN + pd.Timedelta(second, "s"), "seq": seq, "symbol": "X"}
        for side, shown in (("bid", bids), ("ask", asks)):
            for m in range(levels):
                price, size = shown[m] if m < len(shown) else (np.nan, np.nan)
                row |= {f"{side}_{m + 1}": price, f"{side}_size_{m + 1}": size}
        made.append(row)
    return pd.DataFrame(made)


def market(rows, calendar=CALENDAR, **tables):
    return mm.Market(book=book(rows), calendar=calendar, **tables)


FIRST = ([(99.99, 10), (99.97, 30), (99.93, 50)], [(100.01, 20), (100.03, 40), (100.07, 60)])
SECOND = ([(99.99, 40), (99.97, 30), (99.93, 50)], [(100.01, 20), (100.03, 40), (100.07, 60)])


def test_means_over_time_by_hand():
    # FIRST stands 0 to 15 s, SECOND 15 to 60 s: bid at the best (10*15 + 40*45)/60 = 32.5
    found = mm.depth(market([(0, *FIRST), (15, *SECOND)]), within_bps=(1, 4, 8)).iloc[0]
    assert found["seconds"] == 60
    assert found["quoted_share"] == 1
    assert found["bid_depth"] == pytest.approx(32.5)
    assert found["ask_depth"] == pytest.approx(20)
    assert found["depth"] == pytest.approx(26.25)
    # levels are 1, 3 and 7 bps away
    assert found["spread_bps"] == pytest.approx(2)
    assert found["bid_depth_1bps"] == pytest.approx(32.5)
    assert found["bid_depth_4bps"] == pytest.approx(62.5)
    assert found["ask_depth_4bps"] == pytest.approx(60)
    assert found["depth_4bps"] == pytest.approx(61.25)
    # the book ends 7 bps from the mid: what is within 8 is not known, and is not 120
    assert np.isnan(found["ask_depth_8bps"])
    assert found["known_8bps"] == 0
    assert found["levels"] == 3
    assert found["reach_bps"] == pytest.approx(7)


def test_slope_by_hand():
    # sizes up to 1, 3, 7 bps: 20, 60, 120. mean x 11/3, y 200/3; Sxy = 20*1+60*3+120*7-11*200/3
    # = 306.667, Sxx = 1+9+49-121/3 = 18.667
    found = mm.depth(market([(0, *FIRST)])).iloc[0]
    assert found["ask_slope"] == pytest.approx(306.6666667 / 18.6666667)


def test_a_book_of_equal_levels_has_the_slope_of_its_levels():
    made = mm.simulate.queue_book(depth=50, levels=8, session_seconds=600, spread=1, seed=3)
    found = mm.depth(made.market, within_bps=(3,))
    # a level of 50 each cent of about 100: 50 units a basis point, but for the first level
    assert found["slope"].to_numpy() == pytest.approx(50 * found["mid"] / 100, rel=0.02)
    assert (found["known_3bps"] == 1).all()


def test_depth_and_spread_are_the_panels_where_quotes_are_ordinary():
    made = mm.simulate.queue_book(session_seconds=600, seed=1).market
    ours = mm.depth(made, freq="30s")
    panel = mm.panel(made, freq="30s")
    keys = ["symbol", "day", "bar", "start", "end", "time_of_day"]
    pd.testing.assert_frame_equal(ours[keys], panel[keys])
    np.testing.assert_allclose(ours["depth"], panel["depth"], rtol=1e-12)
    np.testing.assert_allclose(ours["spread_bps"], panel["spread_bps"], rtol=1e-12)


@pytest.mark.parametrize("freq", ["1min", "1D", "100 trades", "7s"])
def test_bars_are_the_panels(freq):
    made = mm.simulate.queue_book(days=2, session_seconds=600, seed=2).market
    keys = ["symbol", "day", "bar", "start", "end", "gap"]
    ours, panel = mm.depth(made, freq=freq), mm.panel(made, freq=freq)
    pd.testing.assert_frame_equal(ours[keys], panel[keys])


@pytest.mark.bad_input("locked, crossed and one-sided quotes")
def test_what_is_not_ordinary_is_counted_apart():
    locked = ([(100.0, 5)], [(100.0, 7)])
    crossed = ([(100.02, 5)], [(100.0, 7)])
    no_ask, none = ([(99.99, 5)], []), ([], [])
    rows = [(6, *FIRST), (12, *locked), (24, *crossed), (30, *no_ask), (36, *none), (48, *FIRST)]
    found = mm.depth(market(rows)).iloc[0]
    # before the first quote (6 s) and without a side (12 s) nothing is quoted
    assert found[SHARES[:5]].tolist() == pytest.approx([0.3, 0.2, 0.1, 0.1, 0.3])
    assert np.isnan(found["halted_share"])  # no orders would tell
    assert found["bid_depth"] == pytest.approx(10)  # of the ordinary 18 s alone


@pytest.mark.bad_input("a halt")
def test_a_halt_is_no_quoted_time():
    def event(second, code):
        time = OPEN + pd.Timedelta(second, "s")
        row = {"time": time, "seq": 90 + second, "symbol": "X", "order_id": "0", "event": "halt"}
        return row | {"side": np.nan, "price": np.nan, "size": np.nan, "halt": code}

    orders = pd.DataFrame([event(15, -1), event(30, 0), event(45, 1)])
    found = mm.depth(market([(0, *FIRST), (20, *SECOND)], orders=orders)).iloc[0]
    assert found["halted_share"] == pytest.approx(0.5)  # quoting resumed is no trading
    assert found["quoted_share"] == pytest.approx(0.5)
    assert found["bid_depth"] == pytest.approx((15 * 10 + 15 * 40) / 30)
    assert found[SHARES].sum() == pytest.approx(1)


def test_a_halt_that_is_not_ended_lasts():
    orders = pd.DataFrame(
        {
            "time": [OPEN + pd.Timedelta("30s")],
            "seq": [9],
            "symbol": ["X"],
            "order_id": ["0"],
            "event": ["halt"],
            "side": [np.nan],
            "price": [np.nan],
            "size": [np.nan],
        }
    )
    found = mm.depth(market([(0, *FIRST), (500, *FIRST)], orders=orders))
    assert found["halted_share"].tolist() == pytest.approx([0.5] + [1.0] * 8)


def test_shares_sum_to_one_and_seconds_to_the_session():
    rng = np.random.default_rng(5)
    rows = []
    for second in np.sort(rng.uniform(0, 600, 200)):
        tick = rng.integers(-2, 4, 2)
        bids = [(100 - tick[0] / 100, rng.integers(0, 3))] if rng.random() < 0.9 else []
        asks = [(100 + tick[1] / 100, rng.integers(0, 3))] if rng.random() < 0.9 else []
        rows.append((second, bids, asks))
    found = mm.depth(market(rows))
    assert found[SHARES].sum(axis=1).to_numpy() == pytest.approx(1)
    assert found["seconds"].sum() == pytest.approx(600)


def test_nothing_is_carried_over_the_night():
    rows = [(0, *FIRST), (86_400 + 30, *FIRST)]
    found = mm.depth(market(rows))
    second = found[found["day"] == found["day"].max()].iloc[0]
    assert second["unquoted_share"] == pytest.approx(0.5)


def test_round_the_clock_only_what_was_observed_counts():
    rows = [(20, *FIRST), (80, *SECOND)]
    found = mm.depth(market(rows, calendar="24/7"))
    assert found["seconds"].tolist() == pytest.approx([40, 20])
    assert (found["quoted_share"] == 1).all()


def test_a_depth_that_is_known_for_a_part_of_the_time_is_missing():
    thin = ([(99.99, 1), (99.80, 1)], [(100.01, 1), (100.20, 1)])
    made = market([(0, *FIRST), (30, *thin)])
    found = mm.depth(made, within_bps=(10,)).iloc[0]
    assert found["known_10bps"] == pytest.approx(0.5)
    assert np.isnan(found["depth_10bps"])
    part = mm.depth(made, within_bps=(10,), least_known=0.4).iloc[0]
    assert part["depth_10bps"] == pytest.approx(1)  # of the thin half, as was asked


def test_mirror_and_scale():
    made = mm.simulate.queue_book(session_seconds=300, levels=3, seed=4).market
    ours = mm.depth(made)
    rows = made["book"]
    doubled = rows.assign(**{c: 2 * rows[c] for c in rows if "_size_" in c})
    twice = mm.depth(made.replace(book=doubled))
    np.testing.assert_allclose(twice["depth"], 2 * ours["depth"])
    np.testing.assert_allclose(twice["bid_slope"], 2 * ours["bid_slope"])
    turned = {}
    for m in range(1, 4):
        turned |= {f"bid_{m}": 200 - rows[f"ask_{m}"], f"ask_{m}": 200 - rows[f"bid_{m}"]}
        turned |= {f"bid_size_{m}": rows[f"ask_size_{m}"], f"ask_size_{m}": rows[f"bid_size_{m}"]}
    flipped = mm.depth(made.replace(book=rows.assign(**turned)))
    np.testing.assert_allclose(flipped["bid_depth"], ours["ask_depth"])


def test_a_saved_market_by_day_has_the_same_depth(tmp_path):
    made = mm.simulate.queue_book(days=2, session_seconds=300, levels=3, seed=6).market
    made.save(tmp_path / "m", by="day")
    pd.testing.assert_frame_equal(mm.depth(mm.open(tmp_path / "m")), mm.depth(made))


def test_quotes_show_one_level():
    made = mm.simulate.queue_book(session_seconds=300, seed=7).market
    found = mm.depth(made, within_bps=(1, 50))
    assert found["slope"].isna().all()
    assert (found["levels"] == 1).all()
    assert found["depth_50bps"].isna().all()
    assert found.attrs["source"] == "quotes"


@pytest.mark.bad_input("no quotes, odd distances")
def test_refusals():
    made = market([(0, *FIRST)])
    with pytest.raises(ValueError, match="above 0"):
        mm.depth(made, within_bps=(0, 5))
    with pytest.raises(ValueError, match="no quotes"):
        mm.depth(made, source="quotes")
    with pytest.raises(ValueError, match="no book of Y"):
        mm.depth(made, symbol="Y")
    with pytest.raises(ValueError, match="least_known"):
        mm.depth(made, least_known=0)
    with pytest.raises(ValueError, match="no clock"):
        mm.depth(mm.Market(book=book([(0, *FIRST)]), calendar="dates"), freq="1D")
    trades = pd.DataFrame({"time": [OPEN], "seq": [0], "symbol": "X", "price": 1.0, "size": 1.0})
    with pytest.raises(ValueError, match="no quotes and no book"):
        mm.depth(mm.Market(trades=trades.assign(side=1.0)))
