"""Regimes by how far the level is from its mean: labels that simulated levels give themselves.

    z_t = |x_t - m| / s,    regime r where edges[r - 1] < z_t <= edges[r],

m the mean of the mean group (0 where means are known to be 0), s the root mean square of x - m in
the series. Where a path goes, its labels go too: they are no fixed part of the design.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from mmresearch.estimate.autoregression import Design, within
from mmresearch.estimate.inversion import openings, series_scale


def sizes(design: Design) -> np.ndarray:
    """The z of each row, [n]; 0 in series that never leave their mean."""
    away = within(design.x, design.bounds, means=design.means)
    scale = series_scale(away, design.series)
    return np.abs(away) / np.where(scale > 0, scale, np.inf)


def size_edges(z: np.ndarray, cells: int) -> np.ndarray:
    """Quantiles of z between `cells` regimes, all of which have rows: fewer where many z tie."""
    edges = np.unique(np.quantile(z, np.arange(1, cells) / cells, method="lower"))
    return edges[edges < z.max()]


def size_slopes(
    design: Design,
    edges: np.ndarray,
    residual: Callable[[np.ndarray], np.ndarray],
    *,
    draws: int,
    seed: int,
) -> Callable[[np.ndarray], np.ndarray]:
    """The function (rho of each regime, [regimes or more]) -> estimates in paths, [regimes, draws].

    residual(y - rho x): those of the estimate; they get random signs as in `path_slopes`. A path
    moves by the regimes of its own level, in units of the s observed, and its rho are estimated
    in regimes by its own m and s.
    """
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((len(design.chains) - 1, draws))
    signs = 2 * rng.integers(0, 2, (draws, int(design.bar.max()) + 1), dtype=np.int8) - 1
    label = np.searchsorted(edges, sizes(design))
    spread = series_scale(within(design.x, design.bounds, means=design.means), design.series)

    def simulate(rho: np.ndarray) -> np.ndarray:
        moves = rho[label]
        error = residual(design.y - moves * design.x)
        fixed, width = openings(
            design, float(moves.mean()), np.empty(0), series_scale(error, design.series)
        )
        return _slopes(
            rho, edges, spread, error, signs, design.bar, design.series, design.jump, fixed,
            width[:, None] * z, design.chains, design.bounds, design.means,
        )  # fmt: skip

    return simulate


@numba.njit(cache=True)
def _cell(z, edges):
    found = 0
    while found < len(edges) and z > edges[found]:
        found += 1
    return found


@numba.njit(cache=True)
def _slopes(
    rho, edges, spread, error, signs, column, series, jump, fixed, random, chains, bounds, means
):  # fmt: skip
    """Least squares slopes of the regimes of simulated paths, [regimes, draws]."""
    n, draws, count = len(error), len(signs), len(edges) + 1
    x, y = np.empty(n), np.empty(n)
    slopes = np.empty((count, draws))
    for d in range(draws):
        chain, level = 0, 0.0
        for row in range(n):
            if row == chains[chain]:
                level = fixed[chain] + random[chain, d]
                chain += 1
            x[row] = level + jump[row]
            place = _cell(abs(x[row]) / max(spread[row], 1e-300), edges)
            level = rho[place] * x[row] + error[row] * signs[d, column[row]]
            y[row] = level
        slopes[:, d] = _regime_slopes(x, y, edges, series, bounds, means)
    return slopes


@numba.njit(cache=True)
def _regime_slopes(x, y, edges, series, bounds, means):
    """Least squares slopes of one path in the regimes of its own sizes, [regimes]."""
    count, groups = len(edges) + 1, len(bounds) - 1
    middle = np.zeros(groups)
    square, rows = np.zeros(series.max() + 1), np.zeros(series.max() + 1)
    for group in range(groups):
        first, last = bounds[group], bounds[group + 1]
        if means:
            middle[group] = x[first:last].mean()
        for row in range(first, last):
            square[series[row]] += (x[row] - middle[group]) ** 2
            rows[series[row]] += 1.0
    total = np.zeros((count, 2))
    for group in range(groups):
        sums = np.zeros((count, 5))  # rows, x, y, xx, xy
        for row in range(bounds[group], bounds[group + 1]):
            own = series[row]
            a, b = x[row] - middle[group], y[row] - middle[group]
            r = _cell(abs(a) / max(np.sqrt(square[own] / rows[own]), 1e-300), edges)
            sums[r, 0] += 1.0
            sums[r, 1] += a
            sums[r, 2] += b
            sums[r, 3] += a * a
            sums[r, 4] += a * b
        for r in range(count):
            m = max(sums[r, 0], 1.0) if means else np.inf
            total[r, 0] += sums[r, 3] - sums[r, 1] ** 2 / m
            total[r, 1] += sums[r, 4] - sums[r, 1] * sums[r, 2] / m
    return total[:, 1] / np.maximum(total[:, 0], 1e-300)
