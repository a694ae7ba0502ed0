"""Quoting at random: an account's presence in the mirror, in other units, at another hour.

The market's mid stays 100 while it is told, so that prices upside down around 100 leave basis
points as they are; its quotes may be locked, crossed or lack a side, and so may the account's own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from tests.at_random import calmly

OPEN = pd.Timestamp("2024-03-04 09:00", tz="UTC")
TURNED = {"at_touch_bid": "at_touch_ask", "distance_bid_bps": "distance_ask_bps"}
TURNED |= {b: a for a, b in TURNED.items()}
UNITS = ["own_depth", "depth", "maker_volume", "market_volume", "inventory_start", "inventory_end"]
HOURS = st.sampled_from([-7, 1, 24 * 7])
WAIT, LACKS = st.integers(1, 60), st.sampled_from([*[""] * 8, "bid", "ask", "bid ask"])
# seconds after the last; ticks of bid and ask from 100; sizes; who lacks
BEST = st.lists(
    st.tuples(
        WAIT, st.sampled_from([2, 1, 2, 3, 0, -1]), st.integers(1, 9), st.integers(1, 9), LACKS
    ),
    min_size=3,
    max_size=6,
)
OWN = st.lists(
    st.tuples(
        WAIT, st.integers(0, 5), st.integers(-1, 5), st.integers(0, 9), st.integers(0, 9), LACKS
    ),
    min_size=3,
    max_size=6,
)
FILLS = st.lists(
    st.tuples(WAIT, st.sampled_from([-1.0, 1.0]), st.integers(1, 5), st.booleans()),
    min_size=2,
    max_size=4,
)


def market(best, own, fills, *, sign=1, size=1.0, price=1.0, hours=0):
    """The market; with sign -1 who bought sells, and prices are 200 less what they were."""
    begin = OPEN + pd.Timedelta(hours, "h")

    def quotes(rows):
        rows = [
            (wait, *(pair[::sign]), *(sizes[::sign]), lacks) for wait, pair, sizes, lacks in rows
        ]
        wait, bid, ask, bid_size, ask_size, lacks = zip(*rows, strict=True)
        table = pd.DataFrame({"time": begin + pd.to_timedelta(np.cumsum(wait), unit="s")})
        for side, s, away, many in (("bid", -1, bid, bid_size), ("ask", 1, ask, ask_size)):
            named = side if sign > 0 else {"bid": "ask", "ask": "bid"}[side]
            gone = np.array([named in word for word in lacks])
            table[side] = np.where(gone, np.nan, price * (100 + s * np.array(away) / 100))
            table[f"{side}_size"] = np.where(gone, np.nan, size * np.array(many, float))
        return table.assign(symbol="X", seq=np.arange(len(table)))

    wait, side, many, maker = zip(*fills, strict=True)
    filled = pd.DataFrame({"time": begin + pd.to_timedelta(np.cumsum(wait), unit="s")})
    filled = filled.assign(side=sign * np.array(side), size=size * np.array(many, float))
    filled["price"] = price * (100 - filled["side"] / 100)
    filled = filled.assign(symbol="X", account="M", maker=maker, fee=0.0, seq=50)
    theirs = quotes([(w, (a, b), (m, n), lacks) for w, a, b, m, n, lacks in own])
    tables = {"quotes": quotes([(w, (a, a), (m, n), lacks) for w, a, m, n, lacks in best])}
    tables |= {"own_quotes": theirs.assign(account="M"), "fills": filled}
    tape = filled[["time", "seq", "symbol", "price", "size"]].assign(side=-filled["side"])
    calendar = f"{begin:%H:%M}-{begin + pd.Timedelta('4min'):%H:%M} UTC"
    return mm.Market(calendar=calendar, trades=tape, **tables)


def measured(best, own, fills, **how):
    return mm.provision(market(best, own, fills, **how))


@calmly(6)
@given(BEST, OWN, FILLS)
def test_in_the_mirror_the_bids_answers_are_the_asks(best, own, fills):
    found, wanted = measured(best, own, fills, sign=-1), measured(best, own, fills)
    counted = found.attrs["left_out"], wanted.attrs["left_out"]
    wanted = wanted.rename(columns=TURNED)[found.columns.tolist()]
    wanted[["inventory_start", "inventory_end"]] *= -1
    # of the account's own mid, which moves from m to 200 - m: not the same basis points
    apart = "own_spread_bps"
    np.testing.assert_allclose(found[apart], wanted[apart], rtol=2e-3)
    pd.testing.assert_frame_equal(
        found.drop(columns=apart), wanted.drop(columns=apart), rtol=1e-9, atol=1e-9
    )
    assert counted[0] == counted[1]


@calmly(6)
@given(BEST, OWN, FILLS, st.sampled_from([0.25, 3.0]), st.sampled_from([0.01, 40.0]), HOURS)
def test_sizes_scale_units_prices_the_mid_and_no_share_at_any_hour(
    best, own, fills, k, price, hours
):
    found = measured(best, own, fills, size=k, price=price, hours=hours)
    wanted = measured(best, own, fills)
    wanted[UNITS] *= k
    wanted["mid"] *= price
    moved = {c: wanted[c] + pd.Timedelta(hours, "h") for c in ("start", "end")}
    moved["day"] = moved["start"].dt.tz_localize(None).dt.floor("D")
    wanted = wanted.assign(**moved)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, rtol=1e-9, atol=1e-9)
