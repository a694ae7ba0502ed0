"""The interval for rho by inverting a test, and the median-unbiased estimate.

For each rho the distribution of the least squares rho_hat is simulated with the same stretches, the
same means to estimate and the same openings as in the data; every rho under which the observed
rho_hat lies between the 2.5 % and 97.5 % quantiles belongs to the interval, and the rho under which
it is the median is the median-unbiased estimate (Andrews 1993; Andrews and Chen 1994 for several
lags). Errors are Gaussian, or the residuals under that rho with random signs (grid bootstrap of
Hansen 1999, recursive wild bootstrap of Goncalves and Kilian 2004), one sign a time bar, shared by
the series.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np
from scipy import linalg, optimize

from mmresearch.estimate.autoregression import Design, group_means, least_squares, restricted

LOWEST = -0.999
INTERVALS = ("bootstrap", "gaussian")


class Inversion(NamedTuple):
    """rho_hat, the median-unbiased rho, its interval, and how well the simulation knows them.

    low is -inf and high inf where no bound lies between -0.999 and `highest`. p_unit is the
    two-sided p-value of rho = 1. errors: Monte Carlo standard errors of low, median and high.
    """

    rho: float
    low: float
    median: float
    high: float
    p_unit: float
    errors: tuple[float, float, float]
    highest: float
    draws: int


def invert(
    design: Design,
    *,
    interval: str = "bootstrap",
    draws: int = 999,
    seed: int = 0,
    level: float = 0.95,
) -> Inversion:
    """Median-unbiased rho and its equal-tailed interval, with errors "bootstrap" or "gaussian".

    Every rho sees the same random numbers, so quantiles move smoothly with it. Bounds are searched
    between -0.999 and 1 + 5 / (rows of the longest chain).
    """
    fit = least_squares(design)
    simulate = simulator(design, interval=interval, draws=draws, seed=seed)
    return invert_simulated(simulate, fit.rho, fit.se, highest_rho(design), draws, level=level)


def highest_rho(design: Design) -> float:
    """Where the search for bounds ends: 1 + 5 / (rows of the longest chain)."""
    return 1 + 5 / max(int(np.diff(design.chains).max()), 5)


def invert_simulated(
    simulate: Callable[[float], np.ndarray],
    rho: float,
    step: float,
    highest: float,
    draws: int,
    *,
    level: float = 0.95,
) -> Inversion:
    """The inversion of any estimate of rho, given the function rho -> estimates in paths.

    `step`, a standard error or so, is how far the search for bounds moves at first.
    """
    curve = _Curve(simulate, rho, step)
    levels = ((1 + level) / 2, 0.5, (1 - level) / 2)
    guesses = (rho - 2 * step, rho + step / 2, rho + 2.5 * step)
    points = [_solve(curve, *pair, highest) for pair in zip(levels, guesses, strict=True)]
    errors = tuple(_error(curve, *pair) for pair in zip(levels, points, strict=True))
    at_one = curve.drawn(1.0)
    fewer = min(np.sum(at_one <= rho), np.sum(at_one >= rho))
    p_unit = min(1.0, 2 * float(fewer + 1) / (draws + 1))
    return Inversion(rho, *points, p_unit, errors, highest, draws)


class _Curve:
    """Quantiles of the simulated rho_hat less the one observed, each rho simulated once."""

    def __init__(self, simulate: Callable[[float], np.ndarray], rho: float, step: float) -> None:
        self._simulate, self._known = simulate, {}
        self.rho, self.step = rho, step

    def drawn(self, rho: float) -> np.ndarray:
        if rho not in self._known:
            self._known[rho] = np.sort(self._simulate(rho))
        return self._known[rho]

    def gap(self, rho: float, tau: float) -> float:
        drawn = self.drawn(rho)
        return float(drawn[_rank(len(drawn), tau)]) - self.rho


def _rank(draws: int, tau: float) -> int:
    """The order statistic whose expected level is tau: (draws + 1) tau, counted from 0."""
    return min(max(round((draws + 1) * tau) - 1, 0), draws - 1)


def _solve(curve: _Curve, tau: float, guess: float, top: float) -> float:
    """The rho under which the observed rho_hat is the tau quantile; infinite if out of reach."""
    here = min(max(guess, LOWEST), top)
    away = 1.0 if curve.gap(here, tau) < 0 else -1.0
    width = curve.step
    while True:
        there = min(max(here + away * width, LOWEST), top)
        if curve.gap(there, tau) * away >= 0:
            break
        if there in (LOWEST, top):
            return away * float("inf")
        here, width = there, 2 * width
    if curve.gap(there, tau) == 0:
        return there
    ends = sorted((here, there))
    return optimize.brentq(curve.gap, *ends, args=(tau,), xtol=2e-3 * curve.step)


def _error(curve: _Curve, tau: float, at: float) -> float:
    """Monte Carlo standard error of a solution: the quantile's, over the slope of the quantile."""
    if not np.isfinite(at):
        return float("nan")
    drawn = curve.drawn(at)
    rank, reach = _rank(len(drawn), tau), np.sqrt(len(drawn) * tau * (1 - tau))
    low = max(rank - max(round(reach), 1), 0)
    high = min(rank + max(round(reach), 1), len(drawn) - 1)
    spread = (drawn[high] - drawn[low]) * reach / (high - low)
    slope = (curve.gap(at, tau) - curve.gap(at - curve.step, tau)) / curve.step
    return float(spread / slope) if slope > 0 else float("nan")


def simulator(
    design: Design, *, interval: str, draws: int, seed: int, signs: np.ndarray | None = None
) -> Callable[[float], np.ndarray]:
    """The function rho -> `draws` values of rho_hat under it, with common random numbers.

    `signs`, [bars, draws], where other designs share those of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((len(design.chains) - 1, draws))
    if interval == "gaussian":
        shock, column = rng.standard_normal((len(design.x), draws)), np.arange(len(design.x))
    else:
        signs = _signs(rng, int(design.bar.max()) + 1, draws) if signs is None else signs
        shock, column = signs, design.bar

    def simulate(rho: float) -> np.ndarray:
        momentum, residual = restricted(design, rho)
        scale = series_scale(residual, design.series)
        fixed, width = openings(design, rho, momentum, scale)
        error = scale if interval == "gaussian" else residual
        cross = _cross_products(
            np.append(rho, momentum),
            error,
            shock,
            column,
            design.jump,
            design.fresh,
            fixed,
            width[:, None] * z,
            design.chains,
            design.bounds,
            design.means,
        )
        return _first_slope(cross)

    return simulate


def shared_signs(bars: int, draws: int, seed: int) -> np.ndarray:
    """Random signs, one a time bar and draw, int8 [bars, draws]."""
    return _signs(np.random.default_rng(seed), bars, draws)


def _signs(rng: np.random.Generator, bars: int, draws: int) -> np.ndarray:
    return 2 * rng.integers(0, 2, (bars, draws), dtype=np.int8) - 1


def _first_slope(cross: np.ndarray) -> np.ndarray:
    """rho_hat of every draw from the cross-products of regressors and level, [k, k + 1, draws]."""
    if len(cross) == 1:
        return cross[0, 1] / cross[0, 0]
    normal = np.moveaxis(cross, 2, 0)
    return np.linalg.solve(normal[:, :, :-1], normal[:, :, -1:])[:, 0, 0]


def series_scale(residual: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Root mean square residual of each row's series, [n]."""
    return np.sqrt(np.bincount(series, residual**2) / np.bincount(series))[series]


def openings(
    design: Design, rho: float, momentum: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where chains open, as deviation from the mean: a fixed part, the spread of a random one.

    A chain with a mean of its own opens at a draw from its stationary law (at rho = 1 that mean
    absorbs the opening, and 0 serves). Chains that share a mean, or have a known one, open at the
    level observed.
    """
    first, alone = design.chains[:-1], lone_chains(design)
    fixed = np.where(alone, 0, design.x[first] - targets_under(design, rho)[first])
    return fixed, scale[first] * alone * _stationary_spread(rho, momentum)


def lone_chains(design: Design) -> np.ndarray:
    """Whether a chain is the only one of its mean group, [chains]."""
    if not design.means:
        return np.zeros(len(design.chains) - 1, bool)
    group = np.searchsorted(design.bounds, design.chains[:-1], side="right") - 1
    return np.bincount(group)[group] == 1


def _stationary_spread(rho: float, momentum: np.ndarray) -> float:
    """Standard deviation of the level for errors of one; 0 where it has no stationary law."""
    if not len(momentum):
        return 1 / np.sqrt(1 - rho**2) if abs(rho) < 1 else 0.0
    moves = np.append(rho - 1, momentum)
    companion = np.eye(len(moves), k=-1)
    companion[0] = moves  # state: the level, then changes, the newest first
    companion[0, 0] += 1
    companion[1] = moves
    if np.abs(np.linalg.eigvals(companion)).max() >= 1:
        return 0.0
    news = np.zeros(len(moves))
    news[:2] = 1
    law = linalg.solve_discrete_lyapunov(companion, np.outer(news, news))
    return float(np.sqrt(max(law[0, 0], 0.0)))


def targets_under(design: Design, rho: float) -> np.ndarray:
    """Each row's mean under rho, kept within the levels seen: no drift is left at rho = 1."""
    if not design.means:
        return np.zeros(len(design.x))
    sizes, first = np.diff(design.bounds), design.bounds[:-1]
    mean = group_means(design.x, design.bounds)
    if rho < 1:
        mean = group_means(design.y - rho * design.x, design.bounds) / (1 - rho)
    lowest = np.minimum.reduceat(np.minimum(design.x, design.y), first)
    highest = np.maximum.reduceat(np.maximum(design.x, design.y), first)
    return np.repeat(np.clip(mean, lowest, highest), sizes)


@numba.njit(cache=True)
def _cross_products(
    coefficients, error, shock, column, jump, fresh, fixed, random, chains, bounds, means
):
    """Cross-products within groups of simulated chains: [k, k + 1, draws], the level y last.

    Rows outside, draws inside: the inner loops have no dependence and run as vector instructions.
    """
    k, draws = len(coefficients), shock.shape[1]
    v = np.zeros((k + 1, draws))
    sums = np.zeros((k + 1, draws))
    total = np.zeros((k, k + 1, draws))
    chain = 0
    for group in range(len(bounds) - 1):
        sums[:] = 0.0
        for row in range(bounds[group], bounds[group + 1]):
            for j in range(k - 1, 0, -1):  # changes move one place back
                for d in range(draws):
                    newest = v[k, d] - v[0, d] if j == 1 else v[j - 1, d]
                    v[j, d] = 0.0 if fresh[row] else newest
            if row == chains[chain]:
                for d in range(draws):
                    v[k, d] = fixed[chain] + random[chain, d]
                chain += 1
            drawn, scale, moved = shock[column[row]], error[row], jump[row]
            for d in range(draws):
                v[0, d] = v[k, d] + moved
                v[k, d] = coefficients[0] * v[0, d] + scale * drawn[d]
            for j in range(1, k):
                for d in range(draws):
                    v[k, d] += coefficients[j] * v[j, d]
            for i in range(k + 1):
                for d in range(draws):
                    sums[i, d] += v[i, d]
            for i in range(k):
                for j in range(i, k + 1):
                    for d in range(draws):
                        total[i, j, d] += v[i, d] * v[j, d]
        if means:
            n = bounds[group + 1] - bounds[group]
            for i in range(k):
                for j in range(i, k + 1):
                    for d in range(draws):
                        total[i, j, d] -= sums[i, d] * sums[j, d] / n
    for i in range(k):
        for j in range(i):
            total[i, j] = total[j, i]
    return total
