"""Compiled loops over order events: what became of each order; imported only where they run."""

from __future__ import annotations

import numpy as np
from numba import njit

from mmresearch.measure.order_codes import (
    ADD,
    ADDED,
    AFTER_END,
    BEFORE_ADD,
    CANCELLED,
    CLEAN,
    CLEARED,
    CROSS,
    CROSSED,
    DELETE,
    FAULTY,
    FILL,
    FILLED,
    HALT,
    HALTED,
    HIDDEN,
    HIDDEN_FILL,
    LESS_DELETED,
    MORE_CANCELLED,
    MORE_FILLED,
    NO_ID,
    NO_SIZE,
    OUTSIDE,
    RESTING,
    STANDING,
    TWICE,
    UNSEEN_CANCELLED,
    UNSEEN_FILLED,
)

_NEVER = np.iinfo(np.int64).min


@njit(cache=True, nogil=True)
def replay(
    time: np.ndarray,
    session: np.ndarray,
    event: np.ndarray,
    order: np.ndarray,
    size: np.ndarray,
    again: np.ndarray,
    orders: int,
    out: tuple[np.ndarray, ...],
    lives: tuple[np.ndarray, ...],
    faults: np.ndarray,
) -> int:
    """Go through one symbol's events in order; how many lives were written.

    Parameters
    ----------
    time, session, event, order, size, again
        Of each event: nanoseconds, row of its session (-1 outside), place in `EVENTS`, number of
        the order (-1 without an id), size, whether it is of a snapshot or clear.
    orders
        How many numbers there are.
    out
        Filled, a value an event: what it was, the size that counts, the life (-1 if none).
    lives
        Filled, a value a life: row of the add, its number among those of its order in the session,
        time and kind of its end, time of the first fill, size, filled, cancelled, cleared, whether
        it was replaced at the same instant, the first fault met.
    faults
        Counted, events by fault.
    """
    what, part, life = out
    row, number, ended, end, first, whole, filled, cancelled, cleared, replaced, flaw = lives
    current = np.full(orders, -1)  # the last life of each order
    unseen = np.full(orders, _NEVER)  # when an order was last met that had not been added
    unseen_in = np.full(orders, -1)
    rest = np.zeros(len(row))
    made = 0
    for i in range(len(time)):
        kind, o, s, life[i], part[i] = event[i], order[i], session[i], -1, 0.0
        if s < 0:
            what[i] = OUTSIDE
            continue
        if kind in (HALT, HIDDEN_FILL, CROSS):
            what[i] = HALTED if kind == HALT else HIDDEN if kind == HIDDEN_FILL else CROSSED
            part[i] = 0.0 if np.isnan(size[i]) else size[i]
            continue
        fault, at = CLEAN, -1
        if o >= 0 and current[o] >= 0 and session[row[current[o]]] == s:
            at = current[o]
        stands = at >= 0 and rest[at] > 0
        if o < 0:
            fault = NO_ID
        elif np.isnan(size[i]) and not (kind == DELETE and stands):
            fault = NO_SIZE
        elif kind == ADD and again[i]:
            what[i], unseen[o], unseen_in[o], part[i] = RESTING, time[i], s, size[i]
            continue
        elif kind == ADD and stands:
            fault = TWICE
        elif kind != ADD and at >= 0 and not stands:
            fault = AFTER_END
        if fault != CLEAN:
            what[i] = FAULTY
            faults[fault] += 1
            if at >= 0 and flaw[at] == CLEAN:
                flaw[at] = fault
            continue
        if kind == ADD:
            new = made
            made += 1
            row[new], number[new], whole[new], rest[new] = i, 1, size[i], size[i]
            ended[new], end[new], first[new], flaw[new] = _NEVER, STANDING, _NEVER, CLEAN
            filled[new], cancelled[new], cleared[new], replaced[new] = 0.0, 0.0, 0.0, False
            if at >= 0:
                number[new] = number[at] + 1
                replaced[at] = end[at] == CANCELLED and ended[at] == time[i]
            elif unseen_in[o] == s and unseen[o] < time[i]:
                flaw[new] = BEFORE_ADD
                faults[BEFORE_ADD] += 1
            current[o] = new
            what[i], part[i], life[i] = ADDED, size[i], new
            continue
        if not stands:
            what[i] = UNSEEN_FILLED if kind == FILL else UNSEEN_CANCELLED
            part[i], unseen[o], unseen_in[o] = size[i], time[i], s
            continue
        asked = rest[at] if np.isnan(size[i]) else size[i]
        gone = rest[at] if kind == DELETE else min(asked, rest[at])
        slack = 1e-9 * whole[at]
        if asked > rest[at] + slack:
            fault = MORE_FILLED if kind == FILL else MORE_CANCELLED
        elif kind == DELETE and asked < rest[at] - slack:
            fault = LESS_DELETED
        if fault != CLEAN:
            faults[fault] += 1
            if flaw[at] == CLEAN:
                flaw[at] = fault
        if rest[at] - gone <= slack:
            gone = rest[at]
        rest[at] -= gone
        part[i], life[i] = gone, at
        if kind == FILL:
            what[i] = FILLED
            filled[at] += gone
            if first[at] == _NEVER:
                first[at] = time[i]
        elif again[i]:
            what[i] = CLEARED
            cleared[at] += gone
        else:
            what[i] = CANCELLED
            cancelled[at] += gone
        if rest[at] <= 0:
            rest[at], ended[at], end[at] = 0.0, time[i], what[i]
    return made


@njit(cache=True, nogil=True)
def first_beyond(values: np.ndarray, begin: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """For each the first place from `begin` on whose value is above the limit; -1 if there is none.

    Missing values are above nothing.
    """
    leaves = 1
    while leaves < len(values):
        leaves *= 2
    tree = np.full(2 * leaves, -np.inf)
    for i in range(len(values)):
        if not np.isnan(values[i]):
            tree[leaves + i] = values[i]
    for i in range(leaves - 1, 0, -1):
        tree[i] = max(tree[2 * i], tree[2 * i + 1])
    found = np.full(len(begin), -1)
    for k in range(len(begin)):
        if begin[k] >= len(values):
            continue
        node = leaves + begin[k]
        while not tree[node] > limit[k]:
            while node > 1 and node % 2 == 1:  # a right child: up to where there is a right one
                node //= 2
            if node <= 1:
                node = 0
                break
            node += 1
        if node == 0:
            continue
        while node < leaves:
            node = 2 * node if tree[2 * node] > limit[k] else 2 * node + 1
        found[k] = node - leaves
    return found


@njit(cache=True, nogil=True)
def bar_of(
    time: np.ndarray,
    seq: np.ndarray,
    bars: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    """The bar that holds each ordered event, -1 if none does."""
    start, end, until, _ = bars
    found, bar = np.full(len(time), -1), 0
    for i in range(len(time)):
        while bar < len(start) and not (
            time[i] < end[bar] or (time[i] == end[bar] and seq[i] <= until[bar])
        ):
            bar += 1
        if bar < len(start) and time[i] >= start[bar]:
            found[i] = bar
    return found
