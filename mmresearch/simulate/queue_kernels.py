"""The compiled loop of `queue_book`; imported only where it runs."""

from __future__ import annotations

import numpy as np
from numba import njit

PULL, MOST = 0.05, 0.2  # how a spread that is too wide (narrow) makes orders come (go)


@njit(cache=True, nogil=True)
def run_queues(
    draws: tuple[np.ndarray, np.ndarray, np.ndarray],
    trade_share: float,
    usual: int,
    state: np.ndarray,
    depth: float,
    quotes: np.ndarray,
    prints: np.ndarray,
) -> tuple[int, int]:
    """Add and remove at the best bid and ask; how many rows of quotes and prints there are.

    Parameters
    ----------
    draws
        Of each event two uniform numbers (which side and whether it adds; whether a removal is a
        trade) and its size.
    trade_share, usual
        Of removals; ticks that the spread is drawn to.
    state
        Bid and ask (ticks), units at each; changed.
    depth
        Units that every level holds.
    quotes, prints
        Filled: event, order, bid, ask, units at each; event, order, price, size, side.
    """
    which, kind, sizes = draws
    rows, trades, order = 0, 0, 0
    for event in range(len(which)):
        # by what the best levels hold too: a pull by whole ticks would keep them near full or empty
        wide = state[1] - state[0] - usual + 1 - (state[2] + state[3]) / depth
        add = 0.5 + min(max(PULL * wide, -MOST), MOST)
        side = 0 if which[event] < 0.5 else 1
        adds = (which[event] * 2) % 1.0 < add
        trade = kind[event] < trade_share
        inward = 1 if side == 0 else -1
        left = sizes[event]
        while left > 0:
            if adds:
                room = depth - state[2 + side]
                if room <= 0 and state[1] - state[0] <= 1:
                    break  # there is no price between bid and ask: what is left is not sent
                if room <= 0:
                    state[side] += inward
                    state[2 + side], room = 0.0, depth
                part = min(left, room)
                state[2 + side] += part
            else:
                part = min(left, state[2 + side])
                if trade:
                    line = prints[trades]
                    line[0], line[1], line[2] = event, order, state[side]
                    line[3], line[4] = part, -inward
                    trades, order = trades + 1, order + 1
                state[2 + side] -= part
                if state[2 + side] <= 0:
                    state[side] -= inward
                    state[2 + side] = depth
            left -= part
            line = quotes[rows]
            line[0], line[1], line[2:] = event, order, state
            rows, order = rows + 1, order + 1
    return rows, trades
