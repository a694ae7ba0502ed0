"""How a maker and the market stood over each bar, in whole nanoseconds: sums of one pass.

Every stretch in which nothing changes lies within one bar and is looked at once, so that the times
of a bar's states are its own, exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.market import Market
from mmresearch.measure.bars import Bars, nanoseconds
from mmresearch.measure.steady import standing, stretches
from mmresearch.sessions import session_of

SIDES = ("bid", "ask")
_SAME = 1 + 1e-9  # prices of one tick may differ by a rounding
_RESUMED = 1.0
_FLAGS = ("known", "market_locked", "market_crossed", "market_one_sided", "market_halted")


class Quotes(NamedTuple):
    """One series' quotes in order: time (ns), its session's row, price and size of each side.

    What stands behind the last is no quote at all: row -1 has neither side.
    """

    time: np.ndarray
    session: np.ndarray
    price: dict[str, np.ndarray]
    size: dict[str, np.ndarray]

    def stand(self, side: str) -> np.ndarray:
        """Whether the side is quoted: it has a price, and a size that is not 0."""
        return ~np.isnan(self.price[side]) & (self.size[side] != 0)

    def crossed(self) -> int:
        """How many of the sessions' quotes have a bid above the ask."""
        above = (self.price["bid"] > self.price["ask"])[:-1]
        return int((above & (self.session >= 0)).sum())


class Clock(NamedTuple):
    """Bars, what of their sessions was observed (ns) and when trading was halted (ns)."""

    bars: Bars
    begin: np.ndarray
    until: np.ndarray
    halts: tuple[np.ndarray, np.ndarray]


def quotes_of(table: pd.DataFrame, sessions: pd.DataFrame) -> Quotes:
    """A table of quotes of one series; its rows of one symbol, in order of (time, seq)."""
    columns = {name: table[name].to_numpy("float64") for s in SIDES for name in (s, f"{s}_size")}
    ended = {name: np.append(values, np.nan) for name, values in columns.items()}
    return Quotes(
        nanoseconds(table["time"]),
        session_of(table["time"], sessions),
        {side: ended[side] for side in SIDES},
        {side: ended[f"{side}_size"] for side in SIDES},
    )


def halted_time(market: Market, symbol: str) -> tuple[np.ndarray, np.ndarray]:
    """From when to when trading of the symbol was halted, nanoseconds, in order.

    A halt is an event of the orders; it ends with the code that says trading resumed, or, where the
    source has no codes, with the next event.
    """
    none = np.array([], dtype="int64")
    if "orders" not in market:
        return none, none
    pieces = []
    for scan in market.scans("orders", ["time", "symbol", "event", "halt"]):
        names = scan.collect_schema().names()
        code = pl.col("halt") if "halt" in names else pl.lit(None, dtype=pl.Float64)
        rows = scan.filter(pl.col("symbol").cast(pl.String) == symbol)
        halt = pl.col("event").cast(pl.String) == "halt"
        rows = rows.select("time", is_halt=halt, code=code)
        follows = pl.col("is_halt").shift(1).fill_null(False)
        pieces.append(rows.filter(pl.col("is_halt") | follows).collect())
    events = pl.concat(pieces).to_pandas()
    if not events["is_halt"].any():
        return none, none
    coded = events["code"].notna().any()
    halts = (events["is_halt"] & (events["code"] != _RESUMED)).to_numpy()
    over = ~halts if not coded else (events["code"] == _RESUMED).to_numpy()
    times = nanoseconds(events["time"])
    ends = np.append(times[over], np.iinfo(np.int64).max)
    start = times[halts]
    end = ends[np.searchsorted(times[over], start, side="left")]
    return start, np.maximum.accumulate(end)


def market_times(quotes: Quotes | None, clock: Clock) -> dict[str, np.ndarray]:
    """Sums over each bar's time of the market's states, spread and depth."""
    edges = [] if quotes is None else [quotes.time]
    bar, length, session, start = _pieces(edges, clock)
    state = _market_state(quotes, start, session, clock)
    n = len(clock.bars)
    sums = {"seconds": np.bincount(bar, length, n)}
    for name in _FLAGS:
        sums[name] = np.bincount(bar, length * state[name], n)
    for name, known in (("spread", "known"), ("depth", "sized")):
        held = state[known]
        sums[f"{name}_time"] = np.bincount(bar, length * held, n)
        sums[name] = np.bincount(bar, length * np.where(held, state[name], 0.0), n)
    return sums


def own_times(own: Quotes, quotes: Quotes | None, clock: Clock) -> dict[str, np.ndarray]:
    """Sums over each bar's time of the account's states, at the touch and behind it."""
    edges = [own.time] if quotes is None else [own.time, quotes.time]
    bar, length, session, start = _pieces(edges, clock)
    n = len(clock.bars)
    state = _market_state(quotes, start, session, clock)
    at = standing(own.time, own.session, start, session)
    stands = {side: own.stand(side)[at] for side in SIDES}
    price = {side: own.price[side][at] for side in SIDES}
    size = {side: np.where(stands[side], own.size[side][at], 0.0) for side in SIDES}
    both = stands["bid"] & stands["ask"]
    crossed = both & (price["bid"] > price["ask"])
    states = {
        "two_sided": both & ~crossed,
        "one_sided": stands["bid"] ^ stands["ask"],
        "absent": ~stands["bid"] & ~stands["ask"],
        "own_crossed": crossed,
    }
    sums = {name: np.bincount(bar, length * held, n) for name, held in states.items()}
    both &= ~crossed
    width = np.where(both, 2e4 * (price["ask"] - price["bid"]) / (price["ask"] + price["bid"]), 0.0)
    sums["own_spread"] = np.bincount(bar, length * width, n)
    touch = {}
    for side, sign in (("bid", 1.0), ("ask", -1.0)):
        held = stands[side] & ~crossed & state["known"]
        behind = sign * (state[side] - price[side])
        touch[side] = held & (behind <= (_SAME - 1) * np.abs(state[side]))
        distance = np.where(held, 1e4 * behind / state["mid"], 0.0)
        sums |= {f"{side}_time": np.bincount(bar, length * held, n)}
        sums |= {f"{side}_distance": np.bincount(bar, length * distance, n)}
        sums |= {f"touch_{side}": np.bincount(bar, length * touch[side], n)}
    sums["touch"] = np.bincount(bar, length * (touch["bid"] & touch["ask"]), n)
    sized = ~np.isnan(size["bid"]) & ~np.isnan(size["ask"])
    depth = np.where(sized, (size["bid"] + size["ask"]) / 2, 0.0)
    sums["own_depth"] = np.bincount(bar, length * depth, n)
    sums["own_depth_time"] = np.bincount(bar, length * sized, n)
    at_touch = sum(np.where(touch[side], size[side], 0.0) for side in SIDES) / 2
    shared = sized & state["sized"]
    sums["touch_depth"] = np.bincount(bar, length * np.where(shared, at_touch, 0.0), n)
    sums["shared_depth"] = np.bincount(bar, length * np.where(shared, state["depth"], 0.0), n)
    return sums


def _pieces(
    edges: list[np.ndarray], clock: Clock
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of every stretch: bar, length (ns, as floats that are whole), session, start."""
    bars = clock.bars
    all_edges = [*edges, bars.start, bars.end, *clock.halts]
    start, end, session = stretches(all_edges, clock.begin, clock.until)
    bar = np.searchsorted(bars.start, start, side="right") - 1
    return bar, (end - start).astype("float64"), session, start


def _market_state(
    quotes: Quotes | None, start: np.ndarray, session: np.ndarray, clock: Clock
) -> dict[str, np.ndarray]:
    """The market's best quotes in each stretch, and whether they say where the touch is."""
    begins, ends = clock.halts
    inside = np.searchsorted(begins, start, side="right") - 1
    halted = np.append(ends, 0)[inside] > start
    if quotes is None:
        no, none = np.zeros(len(start), bool), np.full(len(start), np.nan)
        flags = dict.fromkeys((*_FLAGS, "sized"), no)
        return (
            flags
            | {"market_halted": halted}
            | dict.fromkeys(("spread", "depth", "mid", *SIDES), none)
        )
    at = standing(quotes.time, quotes.session, start, session)
    stands = {side: quotes.stand(side)[at] for side in SIDES}
    bid, ask = (np.where(stands[side], quotes.price[side][at], np.nan) for side in SIDES)
    size = [quotes.size[side][at] for side in SIDES]
    both, mid = stands["bid"] & stands["ask"] & ~halted, (bid + ask) / 2
    crossed = both & (bid > ask)
    known, depth = both & ~crossed, (size[0] + size[1]) / 2
    return {
        "known": known,
        "sized": known & ~np.isnan(depth),
        "market_halted": halted,
        "market_locked": both & (bid == ask),
        "market_crossed": crossed,
        "market_one_sided": (stands["bid"] ^ stands["ask"]) & ~halted,
        "spread": np.where(known, 1e4 * (ask - bid) / mid, np.nan),
        "depth": depth,
        "mid": mid,
        "bid": bid,
        "ask": ask,
    }
