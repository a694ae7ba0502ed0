"""Compiled loops of the break search and of simulated paths; imported only where they run."""

from __future__ import annotations

import numpy as np
from numba import njit

_ROUNDS = 20  # of break dates and rho in turn; three or four are used
_SPEEDS = 4  # starting points: the half-life without shifts, and 1/2, 1/4 and 1/8 of it


@njit(cache=True)
def find_shifts(
    x: np.ndarray, y: np.ndarray, step: int, shortest: int, penalty: float
) -> tuple[float, float, float, float, np.ndarray]:
    """Shifts of the intercept in y = rho x + c_k + e, by least n log(SSR) + penalty (shifts).

    Given rho and an error variance the dates are exact (dynamic programming); dates, rho and
    variance are then found in turn, which never raises the criterion, from several rho.

    x, y: [n]. step: dates are searched on every step-th row, then moved by single rows.
    shortest: rows of the shortest regime. Returns rho and SSR with shifts, rho and SSR without, and
    the first row of each regime after the first.
    """
    n = len(x)
    sums = _cumulated(x, y)
    breaks, found = np.empty(n // shortest + 1, np.int64), np.empty(0, np.int64)
    plain, ssr0 = _common_slope(sums, breaks, 0, n)
    rho, ssr, least = plain, ssr0, n * np.log(ssr0)
    base = min(plain, 0.999)
    for k in range(_SPEEDS if base > 0.05 else 1):
        trial, variance, before = plain if k == 0 else base ** (2.0**k), ssr0 / n, np.inf
        for _ in range(_ROUNDS):
            count = cheapest_partition(sums, trial, step, shortest, penalty * variance, breaks)
            if count == 0:  # rho without shifts, where the first start began
                break
            _move(sums, trial, step, shortest, breaks, count)
            trial, total = _common_slope(sums, breaks, count, n)
            value = n * np.log(total) + penalty * count
            if value < least:
                rho, ssr, least, found = trial, total, value, breaks[:count].copy()
            if value >= before:
                break
            before, variance = value, total / n
    return rho, ssr, plain, ssr0, found


@njit(cache=True)
def search_paths(
    rho: float,
    target: np.ndarray,
    error: np.ndarray,
    signs: np.ndarray,
    column: np.ndarray,
    jump: np.ndarray,
    chains: np.ndarray,
    opening: np.ndarray,
    step: int,
    shortest: int,
    penalty: float,
) -> np.ndarray:
    """The search in simulated paths, [draws, 4]: rho with shifts, rho without, gain, shifts.

    A path reverts at rho to target [n], with errors `error` times a sign a bar, from the observed
    openings [chains]. The gain is n log(SSR without / SSR with).
    """
    n, draws = len(error), signs.shape[1]
    out = np.empty((draws, 4))
    x, y = np.empty(n), np.empty(n)
    for d in range(draws):
        chain, level = 0, 0.0
        for row in range(n):
            if row == chains[chain]:
                level = opening[chain]
                chain += 1
            x[row] = level + jump[row]
            level = target[row] + rho * (x[row] - target[row]) + error[row] * signs[column[row], d]
            y[row] = level
        found, ssr, plain, ssr0, breaks = find_shifts(x, y, step, shortest, penalty)
        out[d, 0], out[d, 1] = found, plain
        out[d, 2], out[d, 3] = n * np.log(ssr0 / ssr), len(breaks)
    return out


@njit(cache=True)
def _cumulated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sums of x, y, xx, xy, yy over the rows before each place, [5, n + 1]; x, y less a level."""
    n, level = len(x), x.mean()
    sums = np.zeros((5, n + 1))
    for i in range(n):
        a, b = x[i] - level, y[i] - level
        sums[0, i + 1] = sums[0, i] + a
        sums[1, i + 1] = sums[1, i] + b
        sums[2, i + 1] = sums[2, i] + a * a
        sums[3, i + 1] = sums[3, i] + a * b
        sums[4, i + 1] = sums[4, i] + b * b
    return sums


@njit(cache=True)
def cheapest_partition(
    sums: np.ndarray, rho: float, step: int, shortest: int, price: float, breaks: np.ndarray
) -> int:
    """Dates of least SSR + price (shifts) of y - rho x about a mean a regime; their number.

    Writes the first rows of the later regimes into `breaks`.
    """
    n = sums.shape[1] - 1
    places = (n - 1) // step + 1  # candidates at 0, step, .., then n
    place = np.empty(places + 1)
    first, cost = np.empty(places + 1), np.empty(places + 1)
    last = np.zeros(places + 1, np.int64)
    for j in range(places + 1):
        at = min(j * step, n)
        place[j], first[j] = at, sums[1, at] - rho * sums[0, at]
    total = sums[4, n] - 2 * rho * sums[3, n] + rho**2 * sums[2, n]
    # the sum of squares is common to all partitions: only what the means take off counts
    cost[0] = -price
    for j in range(1, places + 1):
        cost[j] = np.inf
        for i in range(j):
            length = place[j] - place[i]
            if length < shortest:
                break
            value = cost[i] + price - (first[j] - first[i]) ** 2 / length
            if value < cost[j] - 1e-13 * total:
                cost[j], last[j] = value, i
    count, j = 0, last[places]
    while j > 0:
        breaks[count] = int(place[j])
        count, j = count + 1, last[j]
    breaks[:count] = breaks[:count][::-1].copy()
    return count


@njit(cache=True)
def _move(
    sums: np.ndarray, rho: float, step: int, shortest: int, breaks: np.ndarray, count: int
) -> None:
    """Each date to the row within `step` that fits best between its neighbours."""
    n = sums.shape[1] - 1
    z = sums[1] - rho * sums[0]
    for k in range(count if step > 1 else 0):
        left = breaks[k - 1] if k else 0
        right = breaks[k + 1] if k + 1 < count else n
        most = -np.inf
        for at in range(
            max(breaks[k] - step, left + shortest), min(breaks[k] + step, right - shortest) + 1
        ):
            taken = (z[at] - z[left]) ** 2 / (at - left) + (z[right] - z[at]) ** 2 / (right - at)
            if taken > most:
                most, best = taken, at
        if most > -np.inf:
            breaks[k] = best


@njit(cache=True)
def _common_slope(sums: np.ndarray, breaks: np.ndarray, count: int, n: int) -> tuple[float, float]:
    """Least squares rho and SSR with an intercept a regime."""
    xx, xy, yy, left = 0.0, 0.0, 0.0, 0
    for k in range(count + 1):
        right = breaks[k] if k < count else n
        s = sums[:, right] - sums[:, left]
        length = right - left
        xx += s[2] - s[0] * s[0] / length
        xy += s[3] - s[0] * s[1] / length
        yy += s[4] - s[1] * s[1] / length
        left = right
    rho = xy / xx if xx > 0 else 0.0
    return rho, max(yy - rho * xy, 1e-300)
