"""A rho for each regime of bars on one path, on arrays: estimates and their simulated law.

    y - mu = rho_r (x - mu) + e    in the bars of regime r,

by least squares in each regime, with a mean of its own in each mean group. Bars of other regimes
lie between, so paths are simulated whole: every bar moves at its own regime's rho.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np

from mmresearch.estimate.autoregression import Design
from mmresearch.estimate.inversion import openings, series_scale
from mmresearch.estimate.size_paths import size_slopes


class Regimes(NamedTuple):
    """The design with the regime of each row, [n]: 0 .. count - 1, `count` where none is known.

    edges: of sizes, [count - 1], where regimes are those of the level's own size (`size_paths`).
    """

    design: Design
    label: np.ndarray
    count: int
    edges: np.ndarray | None = None

    def centred(self, values: np.ndarray) -> np.ndarray:
        """Values less their mean in their regime and mean group, where means are estimated."""
        if not self.design.means:
            return values
        group = np.repeat(np.arange(self.design.groups), np.diff(self.design.bounds))
        cell = group * (self.count + 1) + self.label
        sizes = np.maximum(np.bincount(cell), 1)
        return values - (np.bincount(cell, values) / sizes)[cell]

    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """Least squares rho of each regime and its textbook error; missing where x is constant."""
        x, y = self.centred(self.design.x), self.centred(self.design.y)
        sums = [np.bincount(self.label, v, self.count + 1)[: self.count] for v in (x * x, x * y)]
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = sums[1] / np.where(
                sums[0] > 1e-18 * (self.design.x @ self.design.x), sums[0], np.nan
            )
            known = np.append(np.nan_to_num(rho), 0)[self.label]
            square = np.bincount(self.label, (y - known * x) ** 2, self.count + 1)[: self.count]
            rows = np.bincount(self.label, minlength=self.count + 1)[: self.count]
            return rho, np.sqrt(square / np.maximum(rows - 2, 1) / sums[0])


def path_slopes(regimes: Regimes, *, draws: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """The function (rho of each regime and of unlabelled bars, [count + 1]) -> estimates in paths.

    They are [count, draws]; errors are the residuals under those rho with random signs, one a time
    bar shared by series, the same for every call.
    """
    design = regimes.design
    if regimes.edges is not None:
        return size_slopes(design, regimes.edges, regimes.centred, draws=draws, seed=seed)
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((len(design.chains) - 1, draws))
    signs = 2 * rng.integers(0, 2, (int(design.bar.max()) + 1, draws), dtype=np.int8) - 1

    def simulate(rho: np.ndarray) -> np.ndarray:
        moves = rho[regimes.label]
        residual = regimes.centred(design.y - moves * design.x)
        scale = series_scale(residual, design.series)
        fixed, width = openings(design, float(moves.mean()), np.empty(0), scale)
        return _slopes(
            moves, residual, signs, design.bar, regimes.label, regimes.count, design.jump, fixed,
            width[:, None] * z, design.chains, design.bounds, design.means,
        )  # fmt: skip

    return simulate


@numba.njit(cache=True)
def _slopes(
    moves, error, signs, column, label, count, jump, fixed, random, chains, bounds, means
):  # fmt: skip
    """Least squares slopes of the regimes of simulated paths, [count, draws]."""
    draws = signs.shape[1]
    level = np.zeros(draws)
    sums = np.zeros((count + 1, 4, draws))  # x, y, xx, xy
    rows = np.zeros(count + 1)
    total = np.zeros((count, 2, draws))
    chain = 0
    for group in range(len(bounds) - 1):
        sums[:] = 0.0
        rows[:] = 0.0
        for row in range(bounds[group], bounds[group + 1]):
            if row == chains[chain]:
                for d in range(draws):
                    level[d] = fixed[chain] + random[chain, d]
                chain += 1
            r, drawn = label[row], signs[column[row]]
            rows[r] += 1
            for d in range(draws):
                x = level[d] + jump[row]
                level[d] = moves[row] * x + error[row] * drawn[d]
                sums[r, 0, d] += x
                sums[r, 1, d] += level[d]
                sums[r, 2, d] += x * x
                sums[r, 3, d] += x * level[d]
        for r in range(count):
            n = max(rows[r], 1.0) if means else np.inf
            for d in range(draws):
                total[r, 0, d] += sums[r, 2, d] - sums[r, 0, d] ** 2 / n
                total[r, 1, d] += sums[r, 3, d] - sums[r, 0, d] * sums[r, 1, d] / n
    return total[:, 1] / np.maximum(total[:, 0], 1e-300)
