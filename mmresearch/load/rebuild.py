"""Order books rebuilt from increments: the levels that a source adds, changes and deletes.

The loop is compiled; import this module only where it runs. A side of the book is a list of short
sorted blocks: an update near the best price touches the last block alone, one far from it no more
than a few cache lines, and no book is so deep or so oddly ordered that it takes long.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numba import njit

_BLOCK = 64  # levels in one sorted piece of a side
_BLOCKS = 64  # pieces a side before there is room for more
_BID, _ASK = 0, 1
_KEY, _SIZE = 0, 1
_ORDER, _COUNT, _USED = 0, 1, 2
_DONE, _ROWS, _UNKNOWN, _CROSSED, _TOUCHED = 0, 1, 2, 3, 4  # places in the kernel's tally
_compiled = njit(cache=True)
_inlined = njit(cache=True, inline="always")  # called so often that the calls would cost a third


class Books(NamedTuple):
    """The best levels after each message that changed them: n rows, best level first.

    rows: index of the last increment of the message. bid, bid_size, ask, ask_size: n x levels,
    price NaN and size 0 where there is no level. unknown: deletes of levels that were not there.
    crossed: rows with the best bid at or above the best ask.
    """

    rows: np.ndarray
    bid: np.ndarray
    bid_size: np.ndarray
    ask: np.ndarray
    ask_size: np.ndarray
    unknown: int
    crossed: int


def books(
    group: np.ndarray,
    side: np.ndarray,
    price: np.ndarray,
    size: np.ndarray,
    reset: np.ndarray,
    *,
    levels: int = 10,
) -> Books:
    """The book of one symbol after each message, from its increments in their order.

    Parameters
    ----------
    group : array of int64
        The message that an increment came in, never falling: the book is looked at after the last
        increment of each.
    side : array of int8
        +1 bid, -1 ask.
    price, size : arrays of float64
        Finite; the size that the level now has, 0 deletes it.
    reset : array of bool
        The increment begins a snapshot: the book is emptied before it is applied. With size 0 it
        only empties.
    levels : int
        How many of each side come out.

    Returns
    -------
    Books
        A row a message after which any of the best `levels` has another price or size than in the
        row before; the book is empty before the first.
    """
    if levels < 1:
        raise ValueError(f"levels must be 1 or more, not {levels}")
    given = zip(
        (group, side, price, size, reset),
        (np.int64, np.int8, np.float64, np.float64, np.bool_),
        strict=True,
    )
    increments = tuple(_frozen(values, dtype) for values, dtype in given)
    if len({len(values) for values in increments}) > 1:
        raise ValueError("group, side, price, size and reset must be of one length")
    return _rebuilt(increments, levels)


def _frozen(values: np.ndarray, dtype: type) -> np.ndarray:
    """The values for the kernel: always read-only, so that it compiles once for all callers."""
    view = np.ascontiguousarray(values, dtype).view()
    view.flags.writeable = False
    return view


def _rebuilt(increments: tuple[np.ndarray, ...], levels: int) -> Books:
    group = increments[0]
    messages = np.count_nonzero(group[1:] != group[:-1]) + (len(group) > 0)
    # room for a row a message; what is never written takes no memory
    rows = np.empty(messages, np.int64)
    out = [np.empty((messages, levels)) for _ in range(4)]
    cells, index = _room(_BLOCKS)
    tally = np.zeros(5, np.int64)
    while tally[_DONE] < len(group):
        if _is_full(index):
            cells, index = _grown(cells, index)
        _apply(*increments, cells, index, tally, rows, *out)
    for values in (rows, *out):
        values.resize((tally[_ROWS], *values.shape[1:]), refcheck=False)
    return Books(rows, *out, unknown=int(tally[_UNKNOWN]), crossed=int(tally[_CROSSED]))


def _room(blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Two empty sides in blocks of sorted levels: cells and index, the first axis is the side.

    cells [side, block, _KEY or _SIZE, level]: keys (price of bids, -price of asks) rise.
    index [side, _ORDER, place]: block numbers, the first [side, _USED, 0] of them by rising keys,
    so that the best level is the last of the last one; behind them are the free ones.
    index [side, _COUNT, block]: levels in the block.
    """
    cells = np.empty((2, blocks, 2, _BLOCK))
    index = np.zeros((2, 3, blocks), np.int64)
    index[:, _ORDER] = np.arange(blocks)
    index[:, _USED, 0] = 1
    return cells, index


def _grown(cells: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same levels in twice the blocks."""
    blocks = cells.shape[1]
    more_cells, more_index = _room(2 * blocks)
    more_cells[:, :blocks], more_index[:, :, :blocks] = cells, index
    return more_cells, more_index


@_compiled
def _is_full(index: np.ndarray) -> bool:
    """Whether a side has no free block left."""
    return max(index[_BID, _USED, 0], index[_ASK, _USED, 0]) == index.shape[2]


@_compiled
def _apply(
    group: np.ndarray,
    side: np.ndarray,
    price: np.ndarray,
    size: np.ndarray,
    reset: np.ndarray,
    cells: np.ndarray,
    index: np.ndarray,
    tally: np.ndarray,
    rows: np.ndarray,
    bid: np.ndarray,
    bid_size: np.ndarray,
    ask: np.ndarray,
    ask_size: np.ndarray,
) -> None:
    """Apply increments from where the tally stands until they or the free blocks are used up.

    Sides, tally and outputs are changed in place; who calls makes room and calls again.
    """
    count, levels, row = len(price), bid.shape[1], tally[_ROWS]
    touched = tally[_TOUCHED]  # 1: among the best bids, 2: asks, 3: both
    i = tally[_DONE]
    while i < count and not _is_full(index):
        if reset[i]:
            _empty(index)
            touched = 3
        s = _BID if side[i] > 0 else _ASK
        key = price[i] if s == _BID else -price[i]
        better, known = _set_level(cells, index, s, key, size[i])
        if better < levels:
            touched |= 1 + s
        tally[_UNKNOWN] += not (known or size[i] > 0 or reset[i])
        i += 1
        if touched and (i == count or group[i] != group[i - 1]):
            moved = _look(cells, index, _BID, touched & 1, bid, bid_size, row)
            moved |= _look(cells, index, _ASK, touched & 2, ask, ask_size, row)
            touched = 0
            if moved:
                rows[row] = i - 1
                tally[_CROSSED] += bid[row, 0] >= ask[row, 0]
                row += 1
    tally[_DONE], tally[_ROWS], tally[_TOUCHED] = i, row, touched


@_compiled
def _empty(index: np.ndarray) -> None:
    for s in range(2):
        index[s, _USED, 0] = 1
        index[s, _COUNT, index[s, _ORDER, 0]] = 0


@_inlined
def _set_level(
    cells: np.ndarray, index: np.ndarray, s: int, key: float, size: float
) -> tuple[int, bool]:
    """Set a level's size, 0 removes it: how many levels are better, and whether it was there."""
    at, place, better = _seek(cells, index, s, key)
    block = index[s, _ORDER, at]
    known = place < index[s, _COUNT, block] and cells[s, block, _KEY, place] == key
    if known and size > 0:
        cells[s, block, _SIZE, place] = size
    elif known:
        _remove(cells, index, s, at, place)
    elif size > 0:
        if index[s, _COUNT, block] == _BLOCK:
            _split(cells, index, s, at)
            at, place, better = _seek(cells, index, s, key)
        _insert(cells, index, s, index[s, _ORDER, at], place, key, size)
    return better - known, known


@_inlined
def _seek(cells: np.ndarray, index: np.ndarray, s: int, key: float) -> tuple[int, int, int]:
    """Where a key is or belongs: the place of its block in the order, its place in the block.

    And how many keys are not below it, itself included; blocks are searched from the best on.
    """
    at, better = index[s, _USED, 0] - 1, 0
    while at > 0 and cells[s, index[s, _ORDER, at], _KEY, 0] > key:
        better += index[s, _COUNT, index[s, _ORDER, at]]
        at -= 1
    block = index[s, _ORDER, at]
    count, below = index[s, _COUNT, block], 0
    for i in range(count):  # counted, not searched: there is no branch to guess wrong
        below += cells[s, block, _KEY, i] < key
    return at, below, better + count - below


@_inlined
def _insert(
    cells: np.ndarray, index: np.ndarray, s: int, block: int, place: int, key: float, size: float
) -> None:
    """A new level at a place of a block that is not full."""
    for i in range(index[s, _COUNT, block], place, -1):
        cells[s, block, _KEY, i] = cells[s, block, _KEY, i - 1]
        cells[s, block, _SIZE, i] = cells[s, block, _SIZE, i - 1]
    cells[s, block, _KEY, place] = key
    cells[s, block, _SIZE, place] = size
    index[s, _COUNT, block] += 1


@_inlined
def _remove(cells: np.ndarray, index: np.ndarray, s: int, at: int, place: int) -> None:
    """A level less; a block left empty is free again, unless it is the only one."""
    block = index[s, _ORDER, at]
    index[s, _COUNT, block] -= 1
    for i in range(place, index[s, _COUNT, block]):
        cells[s, block, _KEY, i] = cells[s, block, _KEY, i + 1]
        cells[s, block, _SIZE, i] = cells[s, block, _SIZE, i + 1]
    if index[s, _COUNT, block] == 0 and index[s, _USED, 0] > 1:
        index[s, _USED, 0] -= 1
        for i in range(at, index[s, _USED, 0]):
            index[s, _ORDER, i] = index[s, _ORDER, i + 1]
        index[s, _ORDER, index[s, _USED, 0]] = block


@_compiled
def _split(cells: np.ndarray, index: np.ndarray, s: int, at: int) -> None:
    """Half of a full block moved to a free one behind it."""
    used, half = index[s, _USED, 0], _BLOCK // 2
    block, free = index[s, _ORDER, at], index[s, _ORDER, used]
    for i in range(used, at + 1, -1):
        index[s, _ORDER, i] = index[s, _ORDER, i - 1]
    index[s, _ORDER, at + 1] = free
    index[s, _USED, 0] = used + 1
    for i in range(half):
        cells[s, free, _KEY, i] = cells[s, block, _KEY, half + i]
        cells[s, free, _SIZE, i] = cells[s, block, _SIZE, half + i]
    index[s, _COUNT, block] = index[s, _COUNT, free] = half


@_compiled
def _look(
    cells: np.ndarray,
    index: np.ndarray,
    s: int,
    touched: int,
    prices: np.ndarray,
    sizes: np.ndarray,
    row: int,
) -> bool:
    """Write one side's best levels into `row`; whether they differ from the row above."""
    levels, level, moved = prices.shape[1], 0, False
    if touched:
        level = _copy_best(cells, index, s, prices, sizes, row)
    for i in range(level, levels):
        keeps = row > 0 and not touched
        prices[row, i] = prices[row - 1, i] if keeps else np.nan
        sizes[row, i] = sizes[row - 1, i] if keeps else 0.0
    if row == 0:
        moved = sizes[0, 0] > 0
    elif touched:
        for i in range(levels):
            # without a level both sizes are 0, so that two missing prices are no change
            moved |= sizes[row, i] != sizes[row - 1, i]
            moved |= (prices[row, i] != prices[row - 1, i]) & (sizes[row, i] > 0)
    return moved


@_inlined
def _copy_best(
    cells: np.ndarray, index: np.ndarray, s: int, prices: np.ndarray, sizes: np.ndarray, row: int
) -> int:
    """Write the best levels into `row` as far as there are; how many of those wanted there are."""
    level, at = 0, index[s, _USED, 0] - 1
    sign = 1.0 if s == _BID else -1.0
    while level < prices.shape[1] and at >= 0:
        block = index[s, _ORDER, at]
        count = index[s, _COUNT, block]
        taken = min(count, prices.shape[1] - level)
        for i in range(taken):
            prices[row, level + i] = sign * cells[s, block, _KEY, count - 1 - i]
            sizes[row, level + i] = cells[s, block, _SIZE, count - 1 - i]
        level += taken
        at -= 1
    return level


def tables(
    found: Books, time: np.ndarray | pd.Series, seq: np.ndarray, symbol: str
) -> dict[str, pd.DataFrame]:
    """The schema's quotes (rows where the best level changed) and, beyond one level, its book.

    `time` (UTC) and `seq` are those of every increment that the books were built from.
    """
    times = pd.DatetimeIndex(np.asarray(time, "datetime64[ns]")[found.rows]).tz_localize("UTC")
    about = {"time": times, "seq": np.asarray(seq)[found.rows], "symbol": symbol}
    sides = {"bid": found.bid, "ask": found.ask}
    sides |= {"bid_size": found.bid_size, "ask_size": found.ask_size}
    best = pd.DataFrame(about | {name: values[:, 0] for name, values in sides.items()})
    made = {"quotes": best[_changed(best[list(sides)])].reset_index(drop=True)}
    levels = found.bid.shape[1]
    if levels > 1:
        cells = {f"{c}_{n + 1}": v[:, n] for n in range(levels) for c, v in sides.items()}
        made["book"] = pd.DataFrame(about | cells)
    return made


def _changed(best: pd.DataFrame) -> np.ndarray:
    """Whether a row differs from the one above; the first from an empty book."""
    values = best.to_numpy()
    above = np.vstack([[np.nan, np.nan, 0.0, 0.0], values[:-1]])
    same = (values == above) | (np.isnan(values) & np.isnan(above))
    return ~same.all(axis=1)
