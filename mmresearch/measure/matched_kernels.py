"""Compiled search for the next row that is alike; imported only where it runs."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def next_alike(
    fills: tuple[np.ndarray, np.ndarray, np.ndarray],
    others: tuple[np.ndarray, np.ndarray, np.ndarray],
    beyond: int,
    within: int,
    ratios: tuple[float, float],
) -> np.ndarray:
    """For each fill [n] the row of the first other that comes later and is alike, -1 for none.

    Parameters
    ----------
    fills, others
        time (nanoseconds), size, spread; the others in order of time.
    beyond, within
        How much later an other is: more than `beyond`, at most `within`, nanoseconds.
    ratios
        By which factor size and spread may differ.
    """
    at, size, spread = fills
    when, sizes, spreads = others
    found = np.full(len(at), -1)
    for i in range(len(at)):
        row = np.searchsorted(when, at[i] + beyond, side="right")
        while row < len(when) and when[row] - at[i] <= within:
            alike = _alike(size[i], sizes[row], ratios[0])
            if alike and _alike(spread[i], spreads[row], ratios[1]):
                found[i] = row
                break
            row += 1
    return found


@njit(cache=True)
def _alike(one: float, other: float, ratio: float) -> bool:
    return max(one, other) <= ratio * min(one, other) * (1 + 1e-9)
