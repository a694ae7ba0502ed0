"""Compiled loops of reversion that depends on the level; imported only where they run."""

from __future__ import annotations

import numpy as np
from numba import njit

_STEPS = 24  # golden section, after a grid of g
_GOLDEN = (np.sqrt(5) - 1) / 2


@njit(cache=True)
def threshold_grid(x: np.ndarray, low: float, high: float, points: int) -> np.ndarray:
    """Levels |x| at evenly spaced ranks between two quantiles, [points]."""
    ordered = np.sort(np.abs(x))
    n = len(x)
    grid = np.empty(points)
    for k in range(points):
        share = low + (high - low) * k / (points - 1)
        grid[k] = ordered[int(share * (n - 1))]
    return grid


@njit(cache=True)
def threshold_fits(
    x: np.ndarray, change: np.ndarray, grid: np.ndarray, continuous: bool
) -> tuple[np.ndarray, float]:
    """Least squares at every threshold of the grid, [points, 3]: b_in, b_out, SSR; and linear SSR.

    continuous: change = b_in clip(x, -c, c) + b_out (x less that). Else b_in x inside, b_out x
    outside. A row is inside where |x| <= c. Slopes are missing where one side has no variation.
    """
    points = len(grid)
    sums = np.zeros((5, points + 1))  # rows, |x|, x^2, s, |x| s, by the first threshold they fit in
    square = 0.0
    for i in range(len(x)):
        a = abs(x[i])
        s = change[i] if x[i] >= 0 else -change[i]
        k = np.searchsorted(grid, a)
        sums[0, k] += 1
        sums[1, k] += a
        sums[2, k] += a * a
        sums[3, k] += s
        sums[4, k] += a * s
        square += s * s
    total = sums.sum(axis=1)
    out = np.empty((points, 3))
    inside = np.zeros(5)
    for k in range(points):
        inside += sums[:, k]
        rest, c = total - inside, grid[k]
        uu, ud, ww, wd, uw = inside[2], inside[4], rest[2], rest[4], 0.0
        if continuous:
            uu += c * c * rest[0]
            ud += c * rest[3]
            uw = c * (rest[1] - c * rest[0])
            ww += -2 * c * rest[1] + c * c * rest[0]
            wd -= c * rest[3]
        det = uu * ww - uw * uw
        if det > 1e-12 * total[2] ** 2:
            b_in, b_out = (ww * ud - uw * wd) / det, (uu * wd - uw * ud) / det
            out[k] = b_in, b_out, square - b_in * ud - b_out * wd
        else:
            out[k] = np.nan
            out[k, 2] = np.inf
    return out, square - total[4] ** 2 / total[2]


@njit(cache=True)
def best_threshold(
    x: np.ndarray, change: np.ndarray, low: float, high: float, points: int, continuous: bool
) -> tuple[float, float, float, float, float]:
    """The threshold of least SSR: c, b_in, b_out, its SSR and the linear one."""
    grid = threshold_grid(x, low, high, points)
    fits, linear = threshold_fits(x, change, grid, continuous)
    k = np.argmin(fits[:, 2])
    return grid[k], fits[k, 0], fits[k, 1], fits[k, 2], linear


@njit(cache=True)
def _path(
    d: int,
    law: np.ndarray,
    kind: int,
    error: np.ndarray,
    signs: np.ndarray,
    jump: np.ndarray,
    chains: np.ndarray,
    opening: np.ndarray,
    recentre: bool,
    x: np.ndarray,
    change: np.ndarray,
) -> None:
    """One path into x and change. law: c, b_in, b_out (kinds 0 band, 1 jump); g, b, theta (2)."""
    chain, level = 0, 0.0
    for row in range(len(error)):
        if row == chains[chain]:
            level = opening[chain]
            chain += 1
        at = level + jump[row]
        if kind == 2:
            move = at * (law[1] + law[2] * (1 - np.exp(-law[0] * at * at)))
        elif abs(at) <= law[0]:
            move = law[1] * at
        elif kind == 0:
            edge = law[0] if at > 0 else -law[0]
            move = law[1] * edge + law[2] * (at - edge)
        else:
            move = law[2] * at
        move += error[row] * signs[row, d]
        x[row], change[row], level = at, move, at + move
    if recentre:
        x -= x.mean()


@njit(cache=True)
def threshold_paths(
    law: np.ndarray,
    continuous: bool,
    error: np.ndarray,
    signs: np.ndarray,
    jump: np.ndarray,
    chains: np.ndarray,
    opening: np.ndarray,
    recentre: bool,
    low: float,
    high: float,
    points: int,
) -> np.ndarray:
    """The search in simulated paths, [draws, 5]: sup F, c, b_in, b_out, likelihood ratio of law[0].

    law: c, b_in, b_out.
    """
    n, draws = len(error), signs.shape[1]
    out = np.empty((draws, 5))
    x, change = np.empty(n), np.empty(n)
    kind = 0 if continuous else 1
    for d in range(draws):
        _path(d, law, kind, error, signs, jump, chains, opening, recentre, x, change)
        c, b_in, b_out, ssr, linear = best_threshold(x, change, low, high, points, continuous)
        out[d, 0] = n * (linear - ssr) / ssr
        out[d, 1], out[d, 2], out[d, 3] = c, b_in, b_out
        at_law = min(threshold_fits(x, change, law[:1], continuous)[0][0, 2], linear)
        out[d, 4] = n * max(at_law - ssr, 0.0) / ssr
    return out


@njit(cache=True)
def cubic_tests(x: np.ndarray, change: np.ndarray) -> tuple[float, float]:
    """T of x^3 alone (Kapetanios, Shin and Snell 2003), and of x^3 beside x."""
    n = len(x)
    cube = x**3
    scale = np.sqrt((x * x).sum())
    alone = (cube * change).sum() / (cube * cube).sum()
    rest = change - alone * cube
    t_alone = alone * np.sqrt((cube * cube).sum() / ((rest * rest).sum() / (n - 1)))
    line = x / scale
    cube = cube - (cube * line).sum() * line
    y = change - (change * line).sum() * line
    beside = (cube * y).sum() / (cube * cube).sum()
    rest = y - beside * cube
    t_beside = beside * np.sqrt((cube * cube).sum() / ((rest * rest).sum() / (n - 2)))
    return t_alone, t_beside


@njit(cache=True)
def _smooth_at(x: np.ndarray, change: np.ndarray, g: float) -> tuple[float, float]:
    """Theta and SSR of change = theta x (1 - exp(-g x^2))."""
    zz, zd, dd = 0.0, 0.0, 0.0
    for i in range(len(x)):
        z = x[i] * (1 - np.exp(-g * x[i] * x[i]))
        zz += z * z
        zd += z * change[i]
        dd += change[i] * change[i]
    theta = zd / zz if zz > 0 else 0.0
    return theta, dd - theta * zd


@njit(cache=True)
def fit_smooth(x: np.ndarray, change: np.ndarray, grid: np.ndarray) -> tuple[float, float, float]:
    """Least squares of change = theta x (1 - exp(-g x^2)): g, theta, SSR.

    grid: g in units of 1 / mean x^2, increasing; the best is refined by golden section.
    """
    variance = (x * x).mean()
    best, least = 0, np.inf
    for k in range(len(grid)):
        ssr = _smooth_at(x, change, grid[k] / variance)[1]
        if ssr < least:
            best, least = k, ssr
    left = np.log(grid[max(best - 1, 0)])
    right = np.log(grid[min(best + 1, len(grid) - 1)])
    for _ in range(_STEPS):
        one, two = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
        first = _smooth_at(x, change, np.exp(one) / variance)[1]
        if first < _smooth_at(x, change, np.exp(two) / variance)[1]:
            right = two
        else:
            left = one
    g = np.exp((left + right) / 2) / variance
    theta, ssr = _smooth_at(x, change, g)
    return g, theta, ssr


@njit(cache=True)
def cubic_paths(
    b: float,
    error: np.ndarray,
    signs: np.ndarray,
    jump: np.ndarray,
    chains: np.ndarray,
    opening: np.ndarray,
    recentre: bool,
) -> np.ndarray:
    """Both cubic t in linear paths, [draws, 2]."""
    n, draws = len(error), signs.shape[1]
    out, law = np.empty((draws, 2)), np.array([0.0, b, 0.0])
    x, change = np.empty(n), np.empty(n)
    for d in range(draws):
        _path(d, law, 2, error, signs, jump, chains, opening, recentre, x, change)
        out[d, 0], out[d, 1] = cubic_tests(x, change)
    return out


@njit(cache=True)
def smooth_paths(
    g: float,
    theta: float,
    grid: np.ndarray,
    error: np.ndarray,
    signs: np.ndarray,
    jump: np.ndarray,
    chains: np.ndarray,
    opening: np.ndarray,
    recentre: bool,
) -> np.ndarray:
    """The fit in simulated paths, [draws, 2]: g, theta."""
    n, draws = len(error), signs.shape[1]
    out, law = np.empty((draws, 2)), np.array([g, 0.0, theta])
    x, change = np.empty(n), np.empty(n)
    for d in range(draws):
        _path(d, law, 2, error, signs, jump, chains, opening, recentre, x, change)
        out[d, 0], out[d, 1], _ = fit_smooth(x, change, grid)
    return out
