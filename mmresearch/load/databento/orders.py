"""Databento's order by order records as events of the orders and changes of the book's levels.

The loop is compiled; import this module only where it runs. A fill (F) does not change the book:
the cancel or modify that follows it takes the executed size out. Here the fill is the event, and
what the cancel takes out for it is silent: it changes the level and is no event of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numba import njit

from mmresearch.load.databento.files import SNAPSHOT, TOP

ADD, REDUCE, DELETE, FILL, TRADE, SILENT, CLEAR = range(7)
UNKNOWN_CANCEL, UNKNOWN_MODIFY, TWICE, TOO_MUCH, SAME, NOWHERE = range(6)  # see `DOUBTS`
DOUBTS = (
    "cancels of orders that were not seen to rest: events, and no change of the book",
    "modifies of orders that were not seen to rest: adds",
    "adds of orders that rest already: the old ones are deleted",
    "cancels of more than rests: what rests is deleted",
    "modifies that change neither price nor size: no event",
    "adds or modifies without a price or side: in no book",
)
_A, _C, _F, _M, _R, _T = (ord(letter) for letter in "ACFMRT")


class Events(NamedTuple):
    """What the records of one book did, in their order; one record may do several things.

    row: the record. what: ADD to CLEAR. order: number of the order, -1 where there is none. total:
    size of the level afterwards, missing where no level changed. replay: an order of a snapshot
    added, or dropped by a clear. doubts: how many records of each of `DOUBTS` there are.
    """

    row: np.ndarray
    what: np.ndarray
    order: np.ndarray
    side: np.ndarray
    price: np.ndarray
    size: np.ndarray
    total: np.ndarray
    replay: np.ndarray
    doubts: np.ndarray


def replay(
    action: np.ndarray,
    side: np.ndarray,
    order: np.ndarray,
    price: np.ndarray,
    size: np.ndarray,
    flags: np.ndarray,
) -> Events:
    """The events of one book from its records in the file's order.

    action: letter codes; side: +1 bid, -1 ask, 0 none; order: numbers from 0, an order's own;
    price: missing where it is not defined.
    """
    level, prices = pd.factorize(price)  # -1: no price
    # a record of a best price replaces all orders of its side: they are one order, always the same
    count = int(order.max(initial=-1)) + 1
    order = np.where(flags & TOP > 0, count + (side < 0), order).astype(np.int64)
    given = (action, side, order, level, size, flags)
    kinds = (np.uint8, np.int8, np.int64, np.int64, np.float64, np.uint8)
    columns = tuple(np.ascontiguousarray(v, k) for v, k in zip(given, kinds, strict=True))
    kinds = (np.int64, np.int8, np.int64, np.int8, np.int64, np.float64, np.float64, np.bool_)
    out = tuple(np.empty(_room(action), kind) for kind in kinds)
    doubts = np.zeros(len(DOUBTS), np.int64)
    made = _replay(*columns, count + 2, len(prices), out, doubts)
    row, what, order, side, level, size, total, again = (values[:made] for values in out)
    return Events(
        row, what, order, side, np.append(prices, np.nan)[level], size, total, again, doubts
    )


def _room(action: np.ndarray) -> int:
    """The most events that there can be: a clear deletes orders that were added before."""
    many = np.bincount(action, minlength=256)
    added = many[_A] + many[_M]
    cleared = added if many[_R] else 0
    return int(len(action) + 2 * added + many[_C] + cleared)


@njit(cache=True)
def _replay(
    action: np.ndarray,
    side: np.ndarray,
    order: np.ndarray,
    level: np.ndarray,
    size: np.ndarray,
    flags: np.ndarray,
    orders: int,
    levels: int,
    out: tuple,
    doubts: np.ndarray,
) -> int:
    """Go through the records; how many events were written to `out`.

    Of each order: rest, what rests; owed, what fills executed and no cancel has taken out yet; its
    side and level. depth: the size of every level, of bids (0) and asks (1).
    """
    rest, owed = np.zeros(orders), np.zeros(orders)
    own_side, own_level = np.zeros(orders, np.int8), np.zeros(orders, np.int64)
    depth = np.zeros((2, levels))
    made = 0
    for i in range(len(action)):
        a, o, first = action[i], order[i], made
        if a == _R:
            for j in range(orders):
                if rest[j] > 0:
                    made = _tell(out, made, DELETE, j, own_side[j], own_level[j], rest[j], np.nan)
            rest[:], owed[:], depth[:] = 0, 0, 0
            made = _tell(out, made, CLEAR, -1, 0, -1, 0, np.nan)
        elif a == _T:
            made = _tell(out, made, TRADE, o, side[i], level[i], size[i], np.nan)
        elif a == _F:
            owed[o] += size[i]
            made = _tell(out, made, FILL, o, side[i], level[i], size[i], np.nan)
        elif a in (_A, _M, _C):
            here = rest[o] > 0 and own_side[o] == side[i] and own_level[o] == level[i]
            nowhere = a != _C and (level[i] < 0 or side[i] == 0)
            gone, put, doubt = _change(a, rest[o], 0.0 if nowhere else size[i], here)
            silent = min(gone, owed[o])
            if not flags[i] & TOP:
                doubts[NOWHERE] += nowhere
                doubts[doubt] += doubt >= 0
            if rest[o] > 0:
                s = 0 if own_side[o] > 0 else 1
                for what, part in ((SILENT, silent), (DELETE, gone - silent)):
                    if part > 0:
                        rest[o] -= part
                        depth[s, own_level[o]] -= part
                        left, total = rest[o], depth[s, own_level[o]]
                        kind = REDUCE if what == DELETE and left > 0 else what
                        made = _tell(out, made, kind, o, own_side[o], own_level[o], part, total)
            elif gone > silent:
                made = _tell(out, made, DELETE, o, side[i], level[i], gone - silent, np.nan)
            owed[o] = 0
            if put > 0:
                rest[o], own_side[o], own_level[o] = put, side[i], level[i]
                s = 0 if side[i] > 0 else 1
                depth[s, level[i]] += put
                made = _tell(out, made, ADD, o, side[i], level[i], put, depth[s, level[i]])
        for k in range(first, made):
            out[0][k] = i
            out[7][k] = a == _R or flags[i] & SNAPSHOT > 0
    return made


@njit(cache=True)
def _tell(
    out: tuple,
    k: int,
    what: int,
    order: int,
    side: int,
    level: int,
    size: float,
    total: float,
) -> int:
    """Write event k but for its record; the number of the next one."""
    out[1][k], out[2][k], out[3][k], out[4][k] = what, order, side, level
    out[5][k], out[6][k] = size, total
    return k + 1


@njit(cache=True)
def _change(action: int, rest: float, size: float, here: bool) -> tuple[float, float, int]:
    """What an add, modify or cancel takes from its order, what it puts instead, what is odd.

    here: the order rests at the record's price and side.
    """
    if action == _A:
        return rest, size, TWICE if rest > 0 else -1
    if action == _C and rest == 0:
        return size, 0.0, UNKNOWN_CANCEL
    if action == _C:
        return min(size, rest), 0.0, TOO_MUCH if size > rest else -1
    if rest == 0:
        return 0.0, size, UNKNOWN_MODIFY
    if here and size == rest:
        return 0.0, 0.0, SAME
    if here and size < rest:
        return rest - size, 0.0, -1
    return rest, size, -1
