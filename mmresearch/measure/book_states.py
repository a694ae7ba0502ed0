"""What a book or the best quotes show after each change: levels, and whether they are ordinary.

A level stands while it has a price and a size that is not 0. By its best bid and ask a state is
ordinary (bid below ask), locked (equal), crossed (bid above ask), one-sided, or no quote at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.quotes import QUOTE, quote_blocks

STATES = ("quoted", "locked", "crossed", "one_sided", "unquoted")
SOURCES = ("auto", "book", "quotes")
SAME = 1e-9  # by which a distance, a difference of floats, may pass its limit
_SIDES = QUOTE[2:]
_ROWS = 100_000  # of a block that is looked at together: the levels of so many fit in memory


class Shown(NamedTuple):
    """A block of states: what stood after each change, in order.

    time (nanoseconds), seq [n]. price, size [side, n, levels]: bids, then asks, missing where no
    level stands. state [n]: place in STATES. mid [n]: missing but in ordinary states.
    """

    time: np.ndarray
    seq: np.ndarray
    price: np.ndarray
    size: np.ndarray
    state: np.ndarray
    mid: np.ndarray


def source_of(market: Market, source: str = "auto") -> tuple[str, int]:
    """The table that shows depth, and how many levels: the book if it has several, else quotes."""
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}, not {source!r}")
    if source != "auto" and source not in market:
        raise ValueError(f"market {market.name!r} has no {source}; it has {', '.join(market)}")
    deep = 0
    if "book" in market:
        held = next(market.scans("book")).collect_schema().names()
        deep = sum(re.fullmatch(r"bid_\d+", c) is not None for c in held)
    if source == "book" or (source == "auto" and deep > (1 if "quotes" in market else 0)):
        return "book", deep
    if "quotes" not in market:
        raise ValueError(f"market {market.name!r} has no quotes and no book: no depth is told")
    return "quotes", 1


def shown_blocks(market: Market, symbol: str, source: str, levels: int) -> Iterator[Shown]:
    """The symbol's states in order, some rows at a time."""
    if source == "quotes":
        names, found = [QUOTE], quote_blocks(market, symbol)
        columns = [[side] for side in _SIDES]
    else:
        columns = [[f"{side}_{m}" for m in range(1, levels + 1)] for side in _SIDES]
        names = ["time", "seq", *(c for some in columns for c in some)]
        found = blocks.of_symbol(market, "book", names, symbol)
    for block in found or ():
        for begin in range(0, len(block["time"]), _ROWS):
            rows = slice(begin, begin + _ROWS)
            sides = [np.column_stack([block[c][rows] for c in some]) for some in columns]
            yield shown(block["time"][rows], block["seq"][rows], *sides)


def shown(
    time: np.ndarray,
    seq: np.ndarray,
    bid: np.ndarray,
    ask: np.ndarray,
    bid_size: np.ndarray,
    ask_size: np.ndarray,
) -> Shown:
    """States of levels [n, levels]."""
    price, size = np.stack([bid, ask]).astype("float64"), np.stack([bid_size, ask_size])
    gone = np.isnan(price) | (size == 0)
    price, size = np.where(gone, np.nan, price), np.where(gone, np.nan, size)
    bid, ask = price[:, :, 0]
    lacks = np.isnan(bid).astype(int) + np.isnan(ask)
    state = np.select([lacks == 2, lacks == 1, bid > ask, bid == ask], [4, 3, 2, 1], 0)
    mid = np.where(state == 0, (bid + ask) / 2, np.nan)
    return Shown(time, seq, price, size, state, mid)


def distance_bps(states: Shown) -> np.ndarray:
    """How far each level is from the mid, in basis points of it [side, n, levels]."""
    mid = states.mid[:, None]
    return 1e4 * np.stack([(mid - states.price[0]) / mid, (states.price[1] - mid) / mid])


def within(states: Shown, distance: np.ndarray, k: float) -> np.ndarray:
    """Units within k basis points of the mid [side, n]; missing where the levels end nearer."""
    limit = k + SAME * max(k, 1.0)
    near = distance <= limit
    total = np.where(near, states.size, 0.0).sum(axis=2)
    return np.where((distance > limit).any(axis=2), total, np.nan)


def halts_of(market: Market, symbol: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Starts and ends of trading halts, nanoseconds; None where no table would tell of any.

    Where the events carry a code (`halt`: -1 halted, 0 quoting resumed, 1 trading resumed) a halt
    lasts from -1 to 1, else from one halt event to the next; one that never ends lasts for good.
    """
    if "orders" not in market:
        return None
    orders = market["orders"]
    rows = orders[(orders["symbol"] == symbol) & (orders["event"] == "halt")]
    code = rows["halt"].to_numpy("float64") if "halt" in rows else np.full(len(rows), np.nan)
    starts, ends = [], []
    for at, what in zip(nanoseconds(rows["time"]), code, strict=True):
        halted = len(starts) > len(ends)
        if not halted and (what == -1 or np.isnan(what)):
            starts.append(at)
        elif halted and (what == 1 or np.isnan(what)):
            ends.append(at)
    ends += [np.iinfo(np.int64).max] * (len(starts) - len(ends))
    return np.array(starts, "int64"), np.array(ends, "int64")


def shown_symbols(market: Market, source: str, symbol: str | Sequence[str] | None) -> list[str]:
    """The symbols asked for that have rows in the table."""
    held: set[str] = set()
    for query in market.scans(source, ["symbol"]):
        held |= set(query.select("symbol").unique().collect()["symbol"].to_list())
    if not held:
        raise ValueError(f"market {market.name!r} has no row of {source}")
    asked = sorted(held) if symbol is None else [symbol] if isinstance(symbol, str) else [*symbol]
    lacking = sorted(set(asked) - held)
    if lacking or not asked:
        there = ", ".join(sorted(held)[:20])
        raise ValueError(f"no {source} of {', '.join(lacking) or 'no symbol'}; of {there}")
    return asked
