"""Compiled loops of spreads, of trades and of time; imported only where they run."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def full_spreads(
    price: np.ndarray,
    side: np.ndarray,
    known: tuple[np.ndarray, np.ndarray, np.ndarray],
    apart: np.ndarray,
    found: np.ndarray,
    scale: float,
    of_later: bool,
) -> np.ndarray:
    """Turn `found` into full spreads, in currency or, with scale 1e4, in parts of the reference.

    price, side, apart (0: not) [n]; known: bid, ask, reference before each trade [n]. found
    [2 + 2k, n]: in rows 2 to 1 + k the later references; written: quoted, effective, k realized, k
    impact. The last two are in parts of the later reference with `of_later`, else all are in parts
    of the one before.
    Returns of those not apart how many have no side, and of those with one no later reference [k].
    """
    bid, ask, reference = known
    count = (len(found) - 2) // 2
    missed = np.zeros(1 + count, np.int64)
    for i in range(len(price)):
        now = reference[i]
        unit = scale / now if scale else 1.0
        twice = 2 * side[i] * unit
        found[0, i] = (ask[i] - bid[i]) * unit if now == now else np.nan
        found[1, i] = twice * (price[i] - now)
        usable = apart[i] == 0 and side[i] == side[i]
        missed[0] += apart[i] == 0 and side[i] != side[i]
        for k in range(2, 2 + count):
            missed[k - 1] += usable and found[k, i] != found[k, i]
            then = found[k, i] if now == now else np.nan
            if of_later and scale:
                twice = 2 * side[i] * scale / then
            found[k, i] = twice * (price[i] - then)
            found[k + count, i] = twice * (then - now)
    return missed


@njit(cache=True, nogil=True)
def standing_spreads(
    when: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    opens: np.ndarray,
    closes: np.ndarray,
    place: int,
    last: tuple[float, float, int],
    table: np.ndarray,
) -> tuple[int, tuple[float, float, int]]:
    """Add how long each spread of a block of quotes stood to the sessions that hold it.

    table: a row a session: spread x seconds, spread / mid x seconds, seconds with both sides,
    seconds with a spread of 0 or below. A quote is not carried into another session.
    """
    bids, asks = sides
    bid, ask, since = last
    for j in range(len(when)):
        now = when[j]
        while place < len(opens) and now > closes[place]:
            _stand(table[place], bid, ask, closes[place] - since)
            bid, ask, place = np.nan, np.nan, place + 1
        if place == len(opens):
            break
        if now >= opens[place]:
            _stand(table[place], bid, ask, now - since)
            bid, ask, since = bids[j], asks[j], now
    return place, (bid, ask, since)


@njit(cache=True)
def _stand(row: np.ndarray, bid: float, ask: float, length: int) -> None:
    spread, seconds = ask - bid, length / 1e9
    if not np.isnan(spread):
        row[0] += spread * seconds
        row[1] += spread / (bid + ask) * 2 * seconds
        row[2] += seconds
        if spread <= 0:
            row[3] += seconds
