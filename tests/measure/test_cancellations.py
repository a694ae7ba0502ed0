"""Bars of what was added, cancelled and filled: by hand, conserved, the same bars as the panel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.cancellations import CANCELLATIONS
from tests.measure.order_tapes import OPEN, market, orders, quotes

DAY = [
    (0, "a", "add", 1, 99, 10),  # at the opening instant: of the first bar
    (1, "b", "add", 1, 98, 4),
    (2, "c", "add", -1, 98, 2),  # marketable: at the bid or below
    (3, "b", "delete", 1, 98, 4),  # two seconds old, behind the touch
    (4, "c", "delete", -1, 98, 2),
    (5, "x", "delete", -1, 101, 7),  # at the touch, not seen to be added
    (60, "a", "fill", 1, 99, 3),  # at a bar's end: of the bar that ends there
    (60.5, "0", "hidden_fill", 1, 99.5, 5),
    (70, "a", "reduce", 1, 99, 2),
    (80, "y", "fill", 1, 99, 6),
    (90, None, "cross", None, 99, 50),
    (100, "a", "delete", 1, 99, 5),
    (130, "d", "add", -1, 101.5, 8),
]


def test_by_hand():
    bars = mm.cancellations(market(*DAY)).set_index("bar")
    first, second, third = bars.loc[0], bars.loc[1], bars.loc[2]
    assert (first["orders_added"], first["added"]) == (3, 16)
    assert (first["orders_cancelled"], first["cancelled"]) == (2, 6)
    assert (first["unseen_cancelled"], first["pulled"], first["pulled_at_touch"]) == (7, 13, 9)
    assert (first["filled"], first["orders_filled"], first["standing"]) == (3, 0, 7)
    assert first["pulled_per_second"] == 13 / 60
    assert first["touch_pulled_per_second"] == 9 / 60
    assert first["pulled_share"] == 13 / 16
    assert first["order_to_trade"] == 6 / 1
    assert first["cancel_rate_orders"] == 2 / 3
    assert first["cancel_rate_size"] == 6 / 16
    # c would have traded at once: it is neither fleeting nor among those that could be
    assert (first["fleeting"], first["fleeting_share"]) == (1, 1 / 2)
    assert (second["hidden_filled"], second["crossed"], second["unseen_filled"]) == (5, 50, 6)
    assert (second["cancelled"], second["standing"], second["orders_standing"]) == (7, 0, 0)
    assert second["pulled_share"] == 7 / 13
    assert np.isnan(second["cancel_rate_size"])  # nothing was added
    assert (third["standing"], third["orders_standing"]) == (8, 1)
    assert np.isnan(third["pulled_share"])
    assert bars.attrs["apart"] == {
        "cancellations of orders not seen to be added": 1,
        "fills of orders not seen to be added": 1,
        "fills of hidden orders": 1,
        "auction crosses": 1,
    }


@pytest.mark.parametrize(("within", "many"), [("1s", 0), ("1999ms", 0), ("2s", 1), ("200s", 2)])
def test_how_soon_is_fleeting(within, many):
    assert mm.cancellations(market(*DAY), within=within)["fleeting"].sum() == many


def test_mirror():
    turned = [(t, i, e, None if s is None else -s, 200 - p, n) for t, i, e, s, p, n in DAY]
    one, other = mm.cancellations(market(*DAY)), mm.cancellations(market(*turned))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("freq", ["1min", "7s", "1D", "3 trades"])
def test_conservation_and_the_bars_of_the_panel(freq):
    rng = np.random.default_rng(5)
    rows, rest = [], {}
    for k in range(300):
        at, standing = 2.0 * k - 10, [i for i, left in rest.items() if left > 0]
        if not standing or rng.random() < 0.4:
            rest[f"n{k}"] = float(rng.integers(2, 9))
            rows.append((at, f"n{k}", "add", 1, 99, rest[f"n{k}"]))
            continue
        own = str(rng.choice(standing))
        event = str(rng.choice(["fill", "delete"]))
        size = rest[own] if event == "delete" else 1.0
        rest[own] -= size
        rows.append((at, own, event, 1, 99, size))
    table = orders(*rows)
    prints = table[table["event"] == "fill"].drop(columns=["order_id", "event"]).assign(side=-1.0)
    made = market(*rows, trades=prints)
    bars, lives = mm.cancellations(made, freq=freq), mm.order_lives(made)
    pd.testing.assert_frame_equal(bars[KEYS], mm.panel(made, freq=freq)[KEYS])
    left = bars["standing"].iloc[-1]
    assert bars["added"].sum() == bars["cancelled"].sum() + bars["filled"].sum() + left
    assert left == lives["size_standing"].sum()
    assert bars["orders_standing"].iloc[-1] == (lives["size_standing"] > 0).sum()
    assert bars["orders_cancelled"].sum() == (lives["end"] == "cancel").sum()
    inside = table[(table["time"] >= OPEN) & (table["time"] <= OPEN + pd.Timedelta("10min"))]
    by_event = inside.groupby("event")["size"].sum()
    assert bars["added"].sum() == by_event["add"]
    assert bars["pulled"].sum() == by_event["delete"]
    assert (bars["filled"] + bars["unseen_filled"]).sum() == by_event["fill"]


KEYS = ["symbol", "day", "bar", "start", "end", "time_of_day"]


def test_standing_starts_from_nothing_in_each_session():
    first = orders((10, "a", "add", 1, 99, 10))
    second = orders((10, "b", "add", 1, 99, 3), open_=OPEN + pd.Timedelta(days=1))
    bars = mm.cancellations(market(orders=pd.concat([first, second])), freq="1D")
    assert bars["standing"].tolist() == [10, 3]


def test_a_clear_is_conserved():
    rows = orders((1, "a", "add", 1, 99, 10), (3, "a", "delete", 1, 99, 10))
    bars = mm.cancellations(market(orders=rows.assign(snapshot=[False, True])))
    assert (bars["cleared"].sum(), bars["cancelled"].sum(), bars["standing"].iloc[-1]) == (10, 0, 0)
    assert bars["orders_standing"].iloc[-1] == 0


def test_without_quotes():
    bars = mm.cancellations(mm.Market(orders=orders(*DAY)))
    assert bars["pulled_at_touch"].isna().all()
    assert bars["pulled"].sum() == 20


def test_contract_and_refusals():
    made = market(*DAY)
    assert mm.cancellations(made).columns.tolist() == CANCELLATIONS["column"].tolist()
    with pytest.raises(ValueError, match="within must be a length of time"):
        mm.cancellations(made, within="-1s")
    with pytest.raises(ValueError, match="has no orders"):
        mm.cancellations(mm.Market(quotes=quotes((0, 0, 99.0, 101.0))))
    with pytest.raises(ValueError, match="there is no clock"):
        mm.cancellations(mm.Market(calendar="dates", orders=orders(*DAY)))
