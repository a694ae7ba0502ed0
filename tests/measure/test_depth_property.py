"""Depth of books at random: in the mirror, in other units of size and price, at another hour.

Books of three levels whose states are ordinary, locked, crossed, one-sided or nothing, with a level
that may lack behind the best; before the first of them, nothing is quoted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from tests.at_random import calmly

OPEN = pd.Timestamp("2024-03-04 09:00", tz="UTC")
WITHIN = (1, 3, 6)
SIDES = ["depth", "slope", *(f"depth_{k}bps" for k in WITHIN)]
SHARES = [f"{s}_share" for s in ("quoted", "locked", "crossed", "one_sided", "unquoted")]
UNITS = [c for side in ("bid_", "ask_", "") for c in (f"{side}{name}" for name in SIDES)]
BPS = ["spread_bps", "reach_bps", *(f"known_{k}bps" for k in WITHIN)]
# seconds after the last; mid and half spread in ticks; gaps between levels; sizes; who lacks
STATES = st.lists(
    st.tuples(
        st.integers(1, 50),
        st.integers(-8, 8),
        st.sampled_from([1, 1, 1, 2, 3, 0, -1]),
        st.lists(st.integers(1, 4), min_size=4, max_size=4),
        st.lists(st.integers(0, 30), min_size=6, max_size=6),
        st.sampled_from([*[""] * 8, "bid", "ask", "bid ask"]),
    ),
    min_size=2,
    max_size=6,
)


def market(states, *, turned="", size=1.0, price=1.0, hours=0):
    """The market; `turned`: prices upside down around each state's mid, or all around 100."""
    rows, at = [], 0
    for seq, (wait, mid, half, gaps, sizes, lacks) in enumerate(states):
        at += wait
        row = {"time": OPEN + pd.Timedelta(at, "s") + pd.Timedelta(hours, "h"), "seq": seq}
        steps = np.cumsum([[half, *gaps[:2]], [half, *gaps[2:]]], axis=1)
        for k, (name, sign) in enumerate((("bid", -1), ("ask", 1))):
            own, lacking = name, name in lacks
            if turned:
                own = "ask" if name == "bid" else "bid"
            sign, middle = (-sign, -mid) if turned == "around 100" else (sign, mid)
            sign = -sign if turned == "around the mid" else sign
            for m in range(3):
                tick = 10_000 + middle + sign * steps[k][m]
                shown = np.nan if lacking else float(sizes[3 * k + m])
                row[f"{own}_{m + 1}"] = np.nan if lacking else price * tick / 100
                row[f"{own}_size_{m + 1}"] = size * shown
        rows.append(row)
    begin = OPEN + pd.Timedelta(hours, "h")
    calendar = f"{begin:%H:%M}-{begin + pd.Timedelta('5min'):%H:%M} UTC"
    return mm.Market(book=pd.DataFrame(rows).assign(symbol="X"), calendar=calendar)


def measured(states, **how):
    return mm.depth(market(states, **how), within_bps=WITHIN)


def same(found, wanted, names, times=1.0):
    for name in names:
        np.testing.assert_allclose(
            found[name], times * wanted[name], rtol=1e-9, atol=1e-9, err_msg=name
        )


def other_side(table):
    """With bid for ask in the names of columns."""
    turned = {"bid": "ask", "ask": "bid"}
    return table.rename(columns=lambda c: "_".join(turned.get(p, p) for p in c.split("_")))


@calmly(8)
@given(STATES)
def test_turned_around_its_mid_the_bids_answers_are_the_asks(states):
    found, wanted = measured(states, turned="around the mid"), measured(states)
    same(found, other_side(wanted), [*UNITS, *SHARES, *BPS, "mid", "levels", "seconds"])


@calmly(8)
@given(STATES)
def test_prices_upside_down_around_a_constant_swap_the_best_sizes(states):
    """The mid moves to 200 less itself, and a distance in bps of it with it: units stay."""
    found, wanted = measured(states, turned="around 100"), measured(states)
    same(found, other_side(wanted), ["bid_depth", "ask_depth", "depth", *SHARES, "levels"])
    same(found, wanted.assign(mid=200 - wanted["mid"]), ["mid"])


@calmly(8)
@given(STATES, st.sampled_from([0.25, 3.0]), st.sampled_from([0.01, 40.0]))
def test_sizes_scale_depth_prices_the_mid_and_neither_a_share_or_basis_point(states, k, price):
    found, wanted = measured(states, size=k, price=price), measured(states)
    same(found, wanted, UNITS, k)
    same(found, wanted, ["mid"], price)
    same(found, wanted, [*SHARES, *BPS, "levels"])


@calmly(8)
@given(STATES, st.sampled_from([-7, 1, 24 * 7]))
def test_at_another_hour_the_same_is_shown(states, hours):
    found, wanted = measured(states, hours=hours), measured(states)
    moved = pd.Timedelta(hours, "h")
    edges = {c: wanted[c] + moved for c in ("start", "end")}
    wanted = wanted.assign(**edges, day=edges["start"].dt.tz_localize(None).dt.floor("D"))
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)
