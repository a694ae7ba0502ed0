"""The compiled loop that adds up over time what stood, bar by bar; imported only where it runs."""

from __future__ import annotations

import numpy as np
from numba import njit

Edges = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@njit(cache=True, nogil=True)
def stand(
    time: np.ndarray,
    seq: np.ndarray,
    state: np.ndarray,
    values: np.ndarray,
    bars: Edges,
    observed: tuple[int, int],
    halts: tuple[np.ndarray, np.ndarray],
    place: tuple[int, int, int, int, int],
    standing: np.ndarray,
    shares: np.ndarray,
    sums: np.ndarray,
    known: np.ndarray,
) -> tuple[int, int, int, int, int]:
    """Add a block of ordered states to the bars in which they stood.

    Parameters
    ----------
    time, seq, state, values
        Of each change; 0 is an ordinary state, 1 to 3 odd ones, 4 none; values [n, m] are added up
        in ordinary states alone.
    bars
        As in `bar_kernels`.
    observed
        Before and after it nothing was.
    halts
        Starts and ends.
    place, standing
        Carried from block to block. place: the bar, whether it has begun, since when the state
        stands, which it is, how many rows no bar holds; returned. standing [m]: its values.
    shares, sums, known
        A row a bar: nanoseconds in each state and halted [6]; values times nanoseconds and the
        nanoseconds in which each is known [m].
    """
    start, end, until, opens = bars
    bar, begun, since, now, outside = place
    for i in range(len(time)):
        while bar < len(start):
            if not begun:
                if opens[bar]:
                    now = 4
                    standing[:] = np.nan
                begun, since = 1, start[bar]
            if time[i] < end[bar] or (time[i] == end[bar] and seq[i] <= until[bar]):
                break
            _add(
                max(since, observed[0]), min(end[bar], observed[1]), now, standing, halts,
                shares[bar], sums[bar], known[bar],
            )  # fmt: skip
            bar, begun = bar + 1, 0
        if bar == len(start) or time[i] < start[bar]:
            outside += 1
            continue
        _add(
            max(since, observed[0]), min(time[i], observed[1]), now, standing, halts,
            shares[bar], sums[bar], known[bar],
        )  # fmt: skip
        since, now = time[i], state[i]
        standing[:] = values[i]
    return bar, begun, since, now, outside


@njit(cache=True)
def _add(
    begin: int,
    stop: int,
    now: int,
    standing: np.ndarray,
    halts: tuple[np.ndarray, np.ndarray],
    shares: np.ndarray,
    sums: np.ndarray,
    known: np.ndarray,
) -> None:
    """Add one stretch to its bar's rows, without the time that was halted."""
    if stop <= begin:
        return
    length = stop - begin
    for h in range(len(halts[0])):
        over = min(stop, halts[1][h]) - max(begin, halts[0][h])
        if over > 0:
            shares[5] += over
            length -= over
    shares[now] += length
    if now == 0:
        for j in range(len(standing)):
            if not np.isnan(standing[j]):
                sums[j] += standing[j] * length
                known[j] += length
