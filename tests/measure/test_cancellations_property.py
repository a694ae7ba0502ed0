"""Orders at random: what was pulled in the mirror, in other units, at another hour.

Adds, and reductions, deletions and fills of what stands or of orders that were never added; fills
of hidden orders; quotes that lack a side.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from tests.at_random import calmly

OPEN = pd.Timestamp("2024-03-04 09:00", tz="UTC")
HOURS = st.sampled_from([-7, 1, 24 * 7])
UNITS = ["added", "cancelled", "filled", "cleared", "standing", "unseen_cancelled"]
UNITS += ["unseen_filled", "hidden_filled", "crossed", "pulled", "pulled_at_touch"]
UNITS += ["pulled_per_second", "touch_pulled_per_second"]
# seconds after the last, which of those that stand, event, side, ticks from 100, size
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 2, 3, 20]),
        st.integers(0, 3),
        st.sampled_from(["add", "add", "add", "reduce", "delete", "delete", "fill", "hidden_fill"]),
        st.sampled_from([-1.0, 1.0]),
        st.integers(-4, 4),
        st.integers(1, 9),
    ),
    min_size=6,
    max_size=20,
)
QUOTES = st.lists(
    st.tuples(st.integers(0, 90), st.integers(-2, 2), st.integers(1, 2), st.booleans()),
    min_size=1,
    max_size=4,
)


def tape(events):
    """Rows of seconds, id, event, side, ticks, size: what is no add is of an order that stands."""
    rows, standing = [], {}
    for number, (wait, which, event, side, tick, size) in enumerate(events):
        row = (wait, f"n{number}", event, side, tick, size)
        if event == "add":
            standing[number] = [side, tick, size]
        elif event != "hidden_fill" and which < len(standing):
            whom = sorted(standing)[which]
            side, tick, left = standing[whom]
            size = left if event == "delete" else min(size, left)
            standing[whom][2] -= size
            if size == left:
                del standing[whom]
            row = (wait, f"n{whom}", event, side, tick, size)
        rows.append(row)
    return rows


def market(events, quotes, *, sign=1, size=1.0, price=1.0, hours=0):
    """The market; with sign -1 who bought sells, and prices are 200 less what they were."""
    begin = OPEN + pd.Timedelta(hours, "h")

    def at(seconds):
        return begin + pd.to_timedelta(np.cumsum(seconds), unit="s")

    wait, order, event, side, tick, many = zip(*tape(events), strict=True)
    orders = pd.DataFrame({"time": at(wait), "order_id": order, "event": event})
    orders = orders.assign(side=sign * np.array(side), size=size * np.array(many, float))
    orders["price"] = price * (100 + sign * np.array(tick) / 10)
    wait, mid, half, whole = map(np.array, zip(*quotes, strict=True))
    low, high = (100 + (sign * mid + s * half) / 10 for s in (-1, 1))
    bid, ask = (np.where(whole | (sign != s), price * p, np.nan) for s, p in ((1, low), (-1, high)))
    best = pd.DataFrame(
        {"time": at(wait), "bid": bid, "ask": ask, "bid_size": 1.0, "ask_size": 1.0}
    )
    tables = {"orders": orders, "quotes": best}
    tables = {n: t.assign(symbol="X", seq=2 * np.arange(len(t))) for n, t in tables.items()}
    calendar = f"{begin:%H:%M}-{begin + pd.Timedelta('10min'):%H:%M} UTC"
    return mm.Market(calendar=calendar, **tables)


def measured(events, quotes, **how):
    return mm.cancellations(market(events, quotes, **how))


@calmly(10)
@given(EVENTS, QUOTES)
def test_in_the_mirror_the_same_was_pulled(events, quotes):
    found, wanted = measured(events, quotes, sign=-1), measured(events, quotes)
    pd.testing.assert_frame_equal(found, wanted)
    assert found.attrs == wanted.attrs


@calmly(10)
@given(EVENTS, QUOTES, st.sampled_from([0.25, 3.0]), st.sampled_from([0.5, 8.0]), HOURS)
def test_sizes_scale_what_was_pulled_prices_nothing_at_any_hour(events, quotes, k, price, hours):
    found = measured(events, quotes, size=k, price=price, hours=hours)
    wanted = measured(events, quotes)
    wanted[UNITS] *= k
    moved = {c: wanted[c] + pd.Timedelta(hours, "h") for c in ("start", "end")}
    moved["day"] = moved["start"].dt.tz_localize(None).dt.floor("D")
    pd.testing.assert_frame_equal(found, wanted.assign(**moved), check_dtype=False, rtol=1e-12)
    assert found.attrs == wanted.attrs
