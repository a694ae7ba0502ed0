"""Compiled loops that put quotes beside rows of a tape, now and later; imported where they run."""

from __future__ import annotations

import numpy as np
from numba import njit

Sides = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Fair = tuple[np.ndarray, float]  # adjustment in ticks [spread in ticks, bucket], the tick
MID, WEIGHTED, MICRO = 0, 1, 2  # places in `references.REFERENCES`
# places in `references.APART`
NO_QUOTE, ONE_SIDE, LOCKED, CROSSED, NO_SIZES, AUCTION, OUTSIDE = 1, 2, 3, 4, 5, 6, 7


@njit(cache=True, nogil=True)
def quotes_at(
    when: np.ndarray,
    order: np.ndarray,
    sides: Sides,
    how: int,
    fair: Fair,
    tape: tuple[np.ndarray, np.ndarray, np.ndarray],
    opens: np.ndarray,
    steps: np.ndarray,
    to: np.ndarray,
    place: np.ndarray,
    state: np.ndarray,
    stood: np.ndarray,
    known: np.ndarray,
    why: np.ndarray,
    before: np.ndarray,
    later: np.ndarray,
) -> None:
    """Write the quotes that stood before each row, and the last valid reference some steps after.

    Parameters
    ----------
    when, order, sides
        A block of quotes in order: time, seq; bid, ask and their sizes. The last block is one that
        comes after everything.
    how, fair
        Which reference price: MID, WEIGHTED, or MICRO with its table.
    tape
        Time, seq and row of `opens` of the n rows, in order of (time, seq).
    opens
        When each session opens: no reference of before it is its.
    steps, to
        How long after each row, nanoseconds [k], and the row of `later` that takes the answer [k].
    place, state, stood
        Carried from block to block: rows done before and by each step [1 + k]; bid, ask and
        reference of the last quote and the last valid reference [4]; times of that quote and of
        that reference [2].
    known, why
        Written: bid, ask and reference [3, n] of the last quote with an earlier (time, seq), the
        reference missing where that quote is not valid; NO_QUOTE [n] where it is of before the
        session, else 0.
    before
        Written, unless it is empty: the last valid reference with an earlier (time, seq) [n].
    later
        Written: the last valid one at each step, of that instant included.
    """
    at, seq, session = tape
    bids, asks = sides[:2]
    n, m = len(at), len(when)
    now, last, since = _references(when, sides, how, fair, state[3], stood[1])
    i, j = place[0], 0
    while i < n:
        while j < m and (when[j] < at[i] or (when[j] == at[i] and order[j] < seq[i])):
            j += 1
        if j == m:
            break
        if j:
            known[0, i], known[1, i], known[2, i] = bids[j - 1], asks[j - 1], now[j - 1]
        else:
            known[0, i], known[1, i], known[2, i] = state[0], state[1], state[2]
        why[i] = NO_QUOTE if (when[j - 1] if j else stood[0]) < opens[session[i]] else 0
        if len(before):
            held, then = (last[j - 1], since[j - 1]) if j else (state[3], stood[1])
            before[i] = held if then >= opens[session[i]] else np.nan
        i += 1
    place[0] = i
    for k in range(len(steps)):
        i, j = place[k + 1], 0
        while i < n:
            end = at[i] + steps[k]
            while j < m and when[j] <= end:
                j += 1
            if j == m:  # a quote of the next block may still come before
                break
            held, then = (last[j - 1], since[j - 1]) if j else (state[3], stood[1])
            later[to[k], i] = held if then >= opens[session[i]] else np.nan
            i += 1
        place[k + 1] = i
    if m:
        state[0], state[1], state[2], state[3] = bids[-1], asks[-1], now[-1], last[-1]
        stood[0], stood[1] = when[-1], since[-1]


@njit(cache=True)
def _references(
    when: np.ndarray, sides: Sides, how: int, fair: Fair, last: float, since: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The reference of each quote, the last valid one there was, and its time."""
    bids, asks, bid_sizes, ask_sizes = sides
    n = len(bids)
    now, held, times = np.empty(n), np.empty(n), np.empty(n, np.int64)
    for j in range(n):
        if asks[j] > bids[j]:  # not so where a side is missing
            now[j] = (bids[j] + asks[j]) / 2
            if how != MID:
                sizes = (bid_sizes[j], ask_sizes[j])
                now[j] = _with_sizes(bids[j], asks[j], sizes, how, fair, now[j])
        else:
            now[j] = np.nan
        if now[j] == now[j]:
            last, since = now[j], when[j]
        held[j], times[j] = last, since
    return now, held, times


@njit(cache=True)
def _with_sizes(
    bid: float, ask: float, sizes: tuple[float, float], how: int, fair: Fair, mid: float
) -> float:
    """The weighted mid, or the mid and what the table adds to it; missing without sizes."""
    both = sizes[0] + sizes[1]
    if not both > 0:
        return np.nan
    if how == WEIGHTED:
        return (ask * sizes[0] + bid * sizes[1]) / both
    table, tick = fair
    row, column = state_of(bid, ask, sizes, tick, table.shape)
    return mid + tick * table[row, column]


@njit(cache=True)
def state_of(
    bid: float, ask: float, sizes: tuple[float, float], tick: float, shape: tuple[int, int]
) -> tuple[int, int]:
    """Row and column of a valid quote in a table of spreads and buckets of imbalance.

    Spreads are 1 tick and so on, the last row takes all wider ones. Buckets of bid_size/(bid_size +
    ask_size) are as many from 0 to 1, an edge belonging to the outer one: the quote with its sides
    turned has the column from the other end, whatever rounding does.
    """
    spread = min(max(round((ask - bid) / tick), 1), shape[0])
    larger = max(sizes[0], sizes[1])
    from_end = min(int(shape[1] * larger / (sizes[0] + sizes[1])), shape[1] - 1)
    return spread - 1, from_end if sizes[0] >= sizes[1] else shape[1] - 1 - from_end


@njit(cache=True, nogil=True)
def settle(
    tape: tuple[np.ndarray, np.ndarray, np.ndarray],
    closes: np.ndarray,
    steps: np.ndarray,
    to: np.ndarray,
    known: np.ndarray,
    later: np.ndarray,
    why: np.ndarray,
) -> None:
    """Take away what is not of a row's session, and write what its quote lacked: `APART`'s place.

    Quotes of before the session, in `why` already; steps that end after its close or the record's
    end (`closes`).
    """
    at, _, session = tape
    for i in range(len(at)):
        own = session[i]
        if own < 0 or why[i] == NO_QUOTE:
            known[0, i], known[1, i], known[2, i] = np.nan, np.nan, np.nan
        bid, ask = known[0, i], known[1, i]
        if own < 0:
            why[i] = OUTSIDE
        elif why[i] != NO_QUOTE:
            if not (bid == bid and ask == ask):
                why[i] = ONE_SIDE
            elif bid >= ask:
                why[i] = LOCKED if bid == ask else CROSSED
            elif known[2, i] != known[2, i]:
                why[i] = NO_SIZES
        for k in range(len(steps)):
            if own < 0 or at[i] + steps[k] > closes[own]:
                later[to[k], i] = np.nan


@njit(cache=True, nogil=True)
def first_after(when: np.ndarray, order: np.ndarray, at: np.ndarray, seq: np.ndarray) -> np.ndarray:
    """For each row of (at, seq) the first of (when, order) that is later; both in order."""
    found, j = np.empty(len(at), np.int64), 0
    for i in range(len(at)):
        while j < len(when) and (when[j] < at[i] or (when[j] == at[i] and order[j] <= seq[i])):
            j += 1
        found[i] = j
    return found


@njit(cache=True, nogil=True)
def count_moves(
    when: np.ndarray,
    sides: Sides,
    edges: tuple[np.ndarray, np.ndarray, np.ndarray],
    tick: float,
    shape: tuple[int, int],
    carried: np.ndarray,
    steps: np.ndarray,
    shift: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Count the steps between states of one valid quote and the next of its session.

    edges: when sessions open and close, and when pieces of the record begin. carried: session,
    state (-1: none) and half ticks of the last valid quote, piece. Added to: steps [piece, state,
    state], shift [piece, state] by how many half ticks the mid moved, counts (valid quotes, not
    valid, steps, moves of the mid). A state is row times columns plus column of `state_of`.
    """
    opens, closes, pieces = edges
    bids, asks, bid_sizes, ask_sizes = sides
    place, state, mid, piece = carried
    for j in range(len(when)):
        while place < len(opens) and when[j] > closes[place]:
            place, state = place + 1, -1
        if place == len(opens):
            break
        if when[j] < opens[place]:
            continue
        if not (asks[j] > bids[j] and bid_sizes[j] + ask_sizes[j] > 0):
            counts[1] += 1
            continue
        while piece + 1 < len(pieces) and when[j] >= pieces[piece + 1]:
            piece += 1
        sizes = (bid_sizes[j], ask_sizes[j])
        row, column = state_of(bids[j], asks[j], sizes, tick, shape)
        then = row * shape[1] + column
        here = round((bids[j] + asks[j]) / tick)
        counts[0] += 1
        if state >= 0:
            steps[piece, state, then] += 1
            shift[piece, state] += here - mid
            counts[2] += 1
            counts[3] += here != mid
        state, mid = then, here
    carried[0], carried[1], carried[2], carried[3] = place, state, mid, piece
