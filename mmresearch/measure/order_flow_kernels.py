"""The compiled loop that adds the flow of orders at one level to bars; imported where it runs.

Rows that count are first written one behind the other into a small buffer, the one that stood
before in front, so that the sums over them need no look at what was passed over.
"""

from __future__ import annotations

import numpy as np
from numba import njit

Edges = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
ROWS = 2048  # of the buffer: what fits into the processor's nearest memory


@njit(cache=True, nogil=True)
def flow_of_level(
    order: tuple[np.ndarray, np.ndarray],
    level: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    best: tuple[np.ndarray, np.ndarray],
    aside: bool,
    bars: Edges,
    place: tuple[int, int, int],
    standing: np.ndarray,
    table: np.ndarray,
) -> tuple[int, int, int]:
    """Add a block of ordered book rows, one level of them, to the bars that hold them.

    Parameters
    ----------
    order, level, best
        Of each row time and seq; bid, ask and their sizes at the level; the best bid and ask.
    aside
        Whether a row whose best bid is not below its best ask, or lacks one, is passed over.
    bars
        As in `bar_kernels`.
    place, standing
        Carried from block to block. place: the bar, whether it has begun, how many rows no bar
        holds; returned. standing: bid, ask, their sizes (a side that is missing is no size at a
        price worse than any; all missing: none yet in the session), mid, the session's first mid.
    table
        A row a bar: order flow imbalance, rows that stood, sum of (bid_size + ask_size)/2 over the
        two-sided of them and how many these are, rows one-sided and rows locked or crossed, moves
        of the bid and the sum of the sizes that they tell, as much of the ask, the mid before the
        bar and at its end.
    """
    time, seq = order
    start, end, until, opens = bars
    bar, begun, outside = place
    buffer = np.empty((4, ROWS + 1))
    row, count = 0, len(time)
    while bar < len(start):
        mine = table[bar]
        if not begun:
            if opens[bar]:
                standing[:] = np.nan
            mine[:] = 0.0
            mine[0] = np.nan if np.isnan(standing[0]) else 0.0
            mine[10], begun = standing[4], 1
        while row < count and time[row] < start[bar]:
            row, outside = row + 1, outside + 1
        stop = row + np.searchsorted(time[row:], end[bar])
        while stop < count and time[stop] == end[bar] and seq[stop] <= until[bar]:
            stop += 1
        while row < stop:
            upto = min(stop, row + ROWS)
            kept = _kept(level, best, aside, row, upto, standing, buffer, mine)
            if kept > 0:
                _add(buffer, kept, standing, mine)
            row = upto
        if row == count:
            break
        mine[11] = standing[4]
        bar, begun = bar + 1, 0
    return bar, begun, outside + count - row


@njit(cache=True)
def _kept(
    level: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    best: tuple[np.ndarray, np.ndarray],
    aside: bool,
    begin: int,
    stop: int,
    standing: np.ndarray,
    buffer: np.ndarray,
    mine: np.ndarray,
) -> int:
    """Write what stood and the rows that count into the buffer; how many these are."""
    bids, asks, bid_sizes, ask_sizes = level
    firsts, seconds = best
    bid_row, ask_row, bid_size_row, ask_size_row = buffer
    for side in range(4):
        buffer[side, 0] = standing[side]
    kept, one_sided, odd = 0, 0, 0
    for i in range(begin, stop):
        plain = firsts[i] < seconds[i]
        lacks = (firsts[i] != firsts[i]) | (seconds[i] != seconds[i])
        odd += not plain
        one_sided += lacks
        no_bid, no_ask = bids[i] != bids[i], asks[i] != asks[i]
        bid_row[kept + 1] = -np.inf if no_bid else bids[i]
        ask_row[kept + 1] = np.inf if no_ask else asks[i]
        bid_size_row[kept + 1] = 0.0 if no_bid else bid_sizes[i]
        ask_size_row[kept + 1] = 0.0 if no_ask else ask_sizes[i]
        kept += plain | (not aside)
    mine[4] += one_sided
    mine[5] += odd - one_sided
    return kept


@njit(cache=True)
def _add(buffer: np.ndarray, kept: int, standing: np.ndarray, mine: np.ndarray) -> None:
    """Add the buffer's rows to the bar; the last of them stands."""
    bids, asks = buffer[0], buffer[1]
    mine[1] += kept
    none_before = np.isnan(bids[0])  # the session's first row is compared with none
    if none_before:
        mine[0] = 0.0
    _held(buffer, 1, kept + 1, mine)
    _flow(buffer, 2 if none_before else 1, kept + 1, mine)
    if np.isnan(standing[5]):
        for i in range(1, kept + 1):
            if np.isfinite(bids[i] + asks[i]):
                mine[10] = standing[5] = (bids[i] + asks[i]) / 2
                break
    for side in range(4):
        standing[side] = buffer[side, kept]
    mid = (standing[0] + standing[1]) / 2
    standing[4] = mid if np.isfinite(mid) else np.nan


# sums in any order, so that several rows are added at once; what is missing stays missing
@njit(cache=True, fastmath={"reassoc", "nsz"})
def _held(buffer: np.ndarray, begin: int, stop: int, mine: np.ndarray) -> None:
    """Sizes of the rows that have both sides."""
    bids, asks, bid_sizes, ask_sizes = buffer
    depth, both = 0.0, 0.0
    for i in range(begin, stop):
        two = (bids[i] > -np.inf) & (asks[i] < np.inf)
        depth += bid_sizes[i] + ask_sizes[i] if two else 0.0
        both += 1.0 if two else 0.0
    mine[2] += depth / 2
    mine[3] += both


@njit(cache=True, fastmath={"reassoc", "nsz"})
def _flow(buffer: np.ndarray, begin: int, stop: int, mine: np.ndarray) -> None:
    """The terms e_n of `order_flow_imbalance`, and what moves of the prices tell."""
    bids, asks, bid_sizes, ask_sizes = buffer
    flow, lower, bid_moved, higher, ask_moved = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(begin, stop):
        bid, ask, bid_size, ask_size = bids[i], asks[i], bid_sizes[i], ask_sizes[i]
        old_bid, old_ask = bids[i - 1], asks[i - 1]
        old_bid_size, old_ask_size = bid_sizes[i - 1], ask_sizes[i - 1]
        flow += (bid_size if bid >= old_bid else 0.0) - (old_bid_size if bid <= old_bid else 0.0)
        flow += (old_ask_size if ask >= old_ask else 0.0) - (ask_size if ask <= old_ask else 0.0)
        lower += 1.0 if bid != old_bid else 0.0
        bid_moved += bid_size if bid < old_bid else (old_bid_size if bid > old_bid else 0.0)
        higher += 1.0 if ask != old_ask else 0.0
        ask_moved += ask_size if ask > old_ask else (old_ask_size if ask < old_ask else 0.0)
    mine[0] += flow
    mine[6] += lower
    mine[7] += bid_moved
    mine[8] += higher
    mine[9] += ask_moved
