"""Filter, smoother and expectation-maximisation of regimes that switch inside sessions.

Every session starts from the regimes' own long-run shares: nothing is known of them from the night
before. A bar whose value is missing moves the probabilities by the transitions alone.
"""

from __future__ import annotations

import numba
import numpy as np

_NEVER = 1e-90  # a chance of leaving that is none; of four regimes its powers are still numbers


@numba.njit(cache=True)
def long_run(transition: np.ndarray) -> np.ndarray:
    """Shares [K] of time in each regime; transition[i, j] is the chance of j after i.

    Regimes are taken out one by one, without a subtraction (Grassmann, Taksar and Heyman 1985):
    stays of a million bars lose no digit, and one without end is no matrix that cannot be inverted.
    """
    k = len(transition)
    way = transition.copy()
    for last in range(k - 1, 0, -1):
        leaves = 0.0
        for j in range(last):
            leaves += way[last, j]
        for i in range(last):
            way[i, last] /= max(leaves, _NEVER)
            for j in range(last):
                way[i, j] += way[i, last] * way[last, j]
    shares = np.zeros(k)
    shares[0] = 1.0
    for j in range(1, k):
        for i in range(j):
            shares[j] += shares[i] * way[i, j]
    return shares / shares.sum()


@numba.njit(cache=True)
def densities(y: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal densities [n, K] by regime, each row divided by exp of the largest [n]."""
    n, k = len(y), len(mean)
    found, top = np.ones((n, k)), np.zeros(n)
    for t in range(n):
        if np.isnan(y[t]):
            continue
        best = -np.inf
        for j in range(k):
            z = (y[t] - mean[j]) / sd[j]
            found[t, j] = -0.5 * z * z - np.log(sd[j]) - 0.9189385332046727
            best = max(best, found[t, j])
        top[t] = best
        for j in range(k):
            found[t, j] = np.exp(found[t, j] - best)
    return found, top


@numba.njit(cache=True)
def filtered(
    y: np.ndarray, begins: np.ndarray, mean: np.ndarray, sd: np.ndarray, transition: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities before each bar [n, K], with it [n, K], and log-likelihood of each bar [n]."""
    n, k = len(y), len(mean)
    dens, top = densities(y, mean, sd)
    first = long_run(transition)
    before, now, likelihood = np.empty((n, k)), np.empty((n, k)), np.zeros(n)
    for t in range(n):
        if begins[t]:
            before[t] = first
        else:
            for j in range(k):
                total = 0.0
                for i in range(k):
                    total += now[t - 1, i] * transition[i, j]
                before[t, j] = total
        total = 0.0
        for j in range(k):
            now[t, j] = before[t, j] * dens[t, j]
            total += now[t, j]
        total = max(total, 1e-300)
        for j in range(k):
            now[t, j] /= total
        if not np.isnan(y[t]):
            likelihood[t] = np.log(total) + top[t]
    return before, now, likelihood


@numba.njit(cache=True)
def smoothed(
    before: np.ndarray, now: np.ndarray, begins: np.ndarray, transition: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities given the whole session [n, K], and expected moves from i to j [K, K]."""
    n, k = now.shape
    after, moves = now.copy(), np.zeros((k, k))
    for t in range(n - 2, -1, -1):
        if begins[t + 1]:
            continue
        for i in range(k):
            total = 0.0
            for j in range(k):
                ahead = max(before[t + 1, j], 1e-300)
                share = now[t, i] * transition[i, j] * after[t + 1, j] / ahead
                moves[i, j] += share
                total += share
            after[t, i] = total
    return after, moves


@numba.njit(cache=True)
def climbed(
    y: np.ndarray,
    begins: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    transition: np.ndarray,
    least_sd: float,
    steps: int,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Expectation-maximisation from a start, and the log-likelihood where it ended."""
    k = len(mean)
    last = -np.inf
    for _ in range(steps):
        before, now, likelihood = filtered(y, begins, mean, sd, transition)
        value = likelihood.sum()
        if value - last < tolerance:
            break
        last = value
        after, moves = smoothed(before, now, begins, transition)
        mean, sd, transition = mean.copy(), sd.copy(), transition.copy()
        for j in range(k):
            weight, total, square = 0.0, 0.0, 0.0
            for t in range(len(y)):
                if not np.isnan(y[t]):
                    weight += after[t, j]
                    total += after[t, j] * y[t]
            if weight < 1e-8:
                continue
            mean[j] = total / weight
            for t in range(len(y)):
                if not np.isnan(y[t]):
                    square += after[t, j] * (y[t] - mean[j]) ** 2
            sd[j] = max(np.sqrt(square / weight), least_sd)
            leaves = moves[j].sum()
            if leaves > 1e-8:
                for i in range(k):
                    transition[j, i] = min(max(moves[j, i] / leaves, 1e-6), 1.0)
                transition[j] /= transition[j].sum()
    return mean, sd, transition, last


@numba.njit(cache=True)
def drawn_path(
    uniform: np.ndarray,
    normal: np.ndarray,
    begins: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    transition: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Values [n] and regimes [n] of a world with these parameters and sessions."""
    n, k = len(uniform), len(mean)
    first = long_run(transition)
    y, state = np.empty(n), np.empty(n, np.int64)
    for t in range(n):
        law = first if begins[t] else transition[state[t - 1]]
        total, s = 0.0, k - 1
        for j in range(k):
            total += law[j]
            if uniform[t] < total:
                s = j
                break
        state[t] = s
        y[t] = mean[s] + sd[s] * normal[t]
    return y, state
