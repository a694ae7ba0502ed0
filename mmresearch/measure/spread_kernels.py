"""Compiled loops that put quotes beside trades, now and later; imported only where they run."""

from __future__ import annotations

import numpy as np
from numba import njit

NEVER = np.iinfo(np.int64).max
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
    bids, asks, bid_sizes, ask_sizes = sides
    n, count = len(at), len(steps)
    due = np.empty(count + 1, np.int64)
    for k in range(count + 1):
        due[k] = _due(at, place[k], steps[k - 1] if k else 0)
    for j in range(len(when)):
        now = when[j]
        while place[0] < n and (due[0] < now or (due[0] == now and seq[place[0]] <= order[j])):
            i = place[0]
            known[0, i], known[1, i], known[2, i] = state[0], state[1], state[2]
            met[i] = stood[0]
            place[0] += 1
            due[0] = _due(at, place[0], 0)
        for k in range(count):
            while due[k + 1] < now:
                later[k, place[k + 1]] = state[3]
                place[k + 1] += 1
                due[k + 1] = _due(at, place[k + 1], steps[k])
        state[0], state[1] = bids[j], asks[j]
        state[2] = _reference(bids[j], asks[j], bid_sizes[j], ask_sizes[j], weighted)
        if not np.isnan(state[2]):
            state[3] = state[2]
        stood[0] = now


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


@njit(cache=True)
def _due(at: np.ndarray, i: int, step: int) -> int:
    return at[i] + step if i < len(at) else NEVER


@njit(cache=True)
def _reference(bid: float, ask: float, bid_size: float, ask_size: float, weighted: bool) -> float:
    if not weighted:
        return (bid + ask) / 2
    both = bid_size + ask_size
    return (ask * bid_size + bid * ask_size) / both if both > 0 else np.nan
