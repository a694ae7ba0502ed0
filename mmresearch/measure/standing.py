"""Means over the time of a bar of what a book shows, and the time in which it shows nothing fit.

What `depth` and `slippage` share: the bars of `panel`, the states of `book_states`, and the loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Bars, Step, cut, labels, parse_freq, refuse_step
from mmresearch.measure.book_states import (
    STATES,
    Shown,
    halts_of,
    shown,
    shown_blocks,
    shown_symbols,
    source_of,
)
from mmresearch.sessions import has_clock

LEAST_KNOWN = 0.95  # of the quoted time, below which a mean would be one of chosen moments
_LABELS = ["symbol", "day", "bar", "start", "end", "time_of_day", "gap"]
_NEVER = np.iinfo(np.int64).max


class Stood(NamedTuple):
    """Of each bar its labels, seconds, shares of time; means [bars, m] and the share known."""

    frame: pd.DataFrame
    means: np.ndarray
    known: np.ndarray
    outside: int


def over_time(
    market: Market,
    values: Callable[[Shown], np.ndarray],
    many: int,
    *,
    freq: str | pd.Timedelta,
    symbol: str | Sequence[str] | None,
    source: str,
) -> tuple[list[Stood], str, int]:
    """What stood bar by bar, a piece a symbol; the table that it comes from and its levels.

    values: of a block of states the numbers [n, many] to be averaged over ordinary time.
    """
    step = parse_freq(freq)
    table, levels = source_of(market, source)
    names = shown_symbols(market, table, symbol)
    pieces = [_of_symbol(market, name, step, (table, levels), values, many) for name in names]
    return pieces, table, levels


def _of_symbol(
    market: Market,
    symbol: str,
    step: Step,
    source: tuple[str, int],
    values: Callable[[Shown], np.ndarray],
    many: int,
) -> Stood:
    from mmresearch.measure.standing_kernels import stand  # numba: loaded only here

    calendar, sessions = market.calendar(symbol), market.sessions(symbol)
    if not has_clock(calendar):
        raise ValueError(f"sessions of calendar {calendar!r} have no clock: no mean over time")
    refuse_step(step, calendar, sessions)
    bars = cut(step, sessions, _prints(market, symbol) if step.kind == "count" else None)
    first, last = (edge.as_unit("ns").value for edge in market.span(symbol))
    observed = (first, last) if calendar == "24/7" else (-_NEVER, _NEVER)
    halts = halts_of(market, symbol)
    none = (np.empty(0, "int64"),) * 2
    place, standing = (0, 0, 0, 4, 0), np.full(many, np.nan)
    shares, sums, known = np.zeros((len(bars), 6)), *np.zeros((2, len(bars), many))
    for some in itertools.chain(shown_blocks(market, symbol, *source), [_after_all(source[1])]):
        found = np.ascontiguousarray(values(some), "float64")
        order = (blocks.constant(array) for array in (some.time, some.seq))
        place = stand(
            *order, some.state, found, bars.edges, observed, halts or none, place, standing,
            shares, sums, known,
        )  # fmt: skip
    frame = _frame(symbol, bars, calendar, shares, halted=halts is not None)
    seen = _observed(bars, first, last)
    means = np.divide(sums, known, out=np.full(sums.shape, np.nan), where=known > 0)
    quoted = shares[:, :1]
    part = np.divide(known, quoted, out=np.full(known.shape, np.nan), where=quoted > 0)
    return Stood(frame[seen].reset_index(drop=True), means[seen], part[seen], place[-1] - 1)


def _frame(
    symbol: str, bars: Bars, calendar: str, shares: np.ndarray, *, halted: bool
) -> pd.DataFrame:
    """The bars' labels, observed seconds, and the shares of them in each state."""
    total = shares.sum(axis=1)
    names = [*(f"{name}_share" for name in STATES), "halted_share"]
    part = np.divide(
        shares, total[:, None], out=np.full(shares.shape, np.nan), where=total[:, None] > 0
    )
    columns = dict(zip(names, part.T, strict=True))
    if not halted:  # no table of orders would have told of one
        columns["halted_share"] = np.full(len(bars), np.nan)
    frame = pd.DataFrame(labels(bars, calendar) | {"seconds": total / 1e9} | columns)
    frame = frame.assign(**{edge: frame[edge].dt.tz_localize("UTC") for edge in ("start", "end")})
    frame.insert(0, "symbol", pd.Series([symbol] * len(frame), dtype="str"))
    return frame[[*_LABELS, "seconds", *names]]


def _observed(bars: Bars, first: int, last: int) -> np.ndarray:
    """As the panel has it: the clock bars between the symbol's first event and its last."""
    if bars.step.kind != "clock":
        return np.ones(len(bars), bool)
    opens_there = bars.opens & (bars.start == last)
    return (bars.end >= first) & ((bars.start < last) | opens_there)


def _prints(market: Market, symbol: str) -> pd.DataFrame:
    if "trades" not in market:
        raise ValueError("a count of trades needs the market's trades, and it has none")
    trades = market["trades"]
    return trades.loc[trades["symbol"] == symbol, ["time", "seq"]]


def _after_all(levels: int) -> Shown:
    """A state that ends every bar."""
    none = np.full((1, levels), np.nan)
    never = np.array([_NEVER])
    return shown(never, never, none, none, none, none)
