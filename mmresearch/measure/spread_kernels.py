"""Compiled loops that put quotes beside trades, now and later; imported only where they run."""

from __future__ import annotations

import numpy as np
from numba import njit

Quotes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@njit(cache=True, nogil=True)
def quotes_at(
    when: np.ndarray,
    order: np.ndarray,
    sides: Quotes,
    weighted: bool,
    trades: tuple[np.ndarray, np.ndarray],
    steps: np.ndarray,
    place: np.ndarray,
    state: np.ndarray,
    stood: np.ndarray,
    known: np.ndarray,
    met: np.ndarray,
    later: np.ndarray,
) -> None:
    """Write the quotes that stood before each trade, and the reference prices some steps after it.

    Parameters
    ----------
    when, order, sides
        A block of quotes in order: time, seq; bid, ask and their sizes. The last block is one that
        comes after everything.
    weighted
        Whether the reference price is weighted by the opposite sizes, or the plain middle.
    trades
        Time and seq of the n trades, in order.
    steps
        How long after each trade, nanoseconds [k].
    place, state, stood
        Carried from block to block: trades done before and by each step [1 + k]; bid, ask and
        reference price of the last quote and the last reference there was [4]; time of that quote.
    known, met, later
        Written: bid, ask, reference [3, n] and time [n] of the last quote with an earlier (time,
        seq); the last reference at each step, quotes of that instant included [k, n].
    """
    at, seq = trades
    bids, asks = sides[:2]
    n, m = len(at), len(when)
    now, last = _references(sides, weighted, state[3])
    i, j = place[0], 0
    while i < n:
        while j < m and (when[j] < at[i] or (when[j] == at[i] and order[j] < seq[i])):
            j += 1
        if j == m:
            break
        if j:
            known[0, i], known[1, i], known[2, i] = bids[j - 1], asks[j - 1], now[j - 1]
            met[i] = when[j - 1]
        else:
            known[0, i], known[1, i], known[2, i], met[i] = state[0], state[1], state[2], stood[0]
        i += 1
    place[0] = i
    for k in range(len(steps)):
        i, j = place[k + 1], 0
        while i < n:
            then = at[i] + steps[k]
            while j < m and when[j] <= then:
                j += 1
            if j == m:  # a quote of the next block may still come before
                break
            later[k, i] = last[j - 1] if j else state[3]
            i += 1
        place[k + 1] = i
    if m:
        state[0], state[1], state[2], state[3] = bids[-1], asks[-1], now[-1], last[-1]
        stood[0] = when[-1]


@njit(cache=True)
def _references(sides: Quotes, weighted: bool, last: float) -> tuple[np.ndarray, np.ndarray]:
    """The reference price of each quote, and the last there was."""
    bids, asks, bid_sizes, ask_sizes = sides
    now, held = np.empty(len(bids)), np.empty(len(bids))
    for j in range(len(bids)):
        now[j] = (bids[j] + asks[j]) / 2
        if weighted:
            both = bid_sizes[j] + ask_sizes[j]
            part = asks[j] * bid_sizes[j] + bids[j] * ask_sizes[j]
            now[j] = part / both if both > 0 else np.nan
        if now[j] == now[j]:
            last = now[j]
        held[j] = last
    return now, held


@njit(cache=True, nogil=True)
def full_spreads(
    price: np.ndarray,
    side: np.ndarray,
    known: np.ndarray,
    found: np.ndarray,
    scale: float,
) -> None:
    """Turn `found` into full spreads, in currency or, with scale 1e4, in parts of the reference.

    price, side [n]; known [3, n]: bid, ask, reference before each trade. found [2 + 2k, n]: in rows
    2 to 1 + k the later references; written: quoted, effective, k realized, k impact.
    """
    count = (len(found) - 2) // 2
    for i in range(len(price)):
        now = known[2, i]
        unit = scale / now if scale else 1.0
        twice = 2 * side[i] * unit
        found[0, i] = (known[1, i] - known[0, i]) * unit
        found[1, i] = twice * (price[i] - now)
        for k in range(2, 2 + count):
            then = found[k, i] if now == now else np.nan
            found[k, i] = twice * (price[i] - then)
            found[k + count, i] = twice * (then - now)


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
