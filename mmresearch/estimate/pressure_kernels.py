"""Compiled loops of the price pressure filter; imported only where they run."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def whiten(values: np.ndarray, begins: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """What is new in each row of u_t + e_t - e_{t-1}, over its standard deviation (that of u is 1).

    The Kalman filter of the noise e, variance `ratio`, from its own law at the first row of each
    stretch. values: [n, k], columns filtered alike. Returns [n, k] and the variances [n].
    """
    n, k = values.shape
    white, variance = np.empty((n, k)), np.empty(n)
    noise = np.zeros(k)
    spread = ratio
    for t in range(n):
        if begins[t]:
            noise[:] = 0.0
            spread = ratio
        total = spread + 1.0 + ratio
        root = np.sqrt(total)
        for j in range(k):
            surprise = values[t, j] + noise[j]
            white[t, j] = surprise / root
            noise[j] = ratio * surprise / total
        variance[t] = total
        spread = ratio * (1.0 - ratio / total)
    return white, variance


@njit(cache=True)
def faded(
    phi: float, begins: np.ndarray, lag: np.ndarray, surprise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Changes of z_t = phi z_{t-1} + surprise_t and of dz/dphi; z is `lag` before each stretch."""
    n = len(lag)
    change, slope = np.empty(n), np.empty(n)
    z = d = 0.0
    for t in range(n):
        if begins[t]:
            z, d = lag[t], 0.0
        new_z, new_d = phi * z + surprise[t], z + phi * d
        change[t], slope[t] = new_z - z, new_d - d
        z, d = new_z, new_d
    return change, slope
