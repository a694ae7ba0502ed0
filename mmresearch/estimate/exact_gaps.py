"""Likelihood of an Ornstein-Uhlenbeck level seen at any times, on arrays, and its interval.

Over a gap d the level goes from x to y with

    y | x ~ N(mu + (x - mu) e^{-kappa d},  sigma^2 (1 - e^{-2 kappa d}) / (2 kappa)),

which holds for kappa = 0 (a random walk: the limits) and below (it moves away). mu, a mean a group,
and sigma are concentrated out; `kappa` and gaps are in units of one another, so a caller measures
gaps in mean gaps. Levels move a * g(d) with a = kappa mu and g(d) = (1 - e^{-kappa d}) / kappa, so
that what is concentrated out has a limit at kappa = 0 too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np
from scipy import optimize

from mmresearch.estimate.autoregression import Design
from mmresearch.estimate.inversion import Inversion, invert_simulated, lone_chains

_FASTEST = 20.0  # kappa times the shortest gap: e^-20 of a level is left, any kappa above is alike
_GRID = 80


class Moves(NamedTuple):
    """What a level does over each gap under kappa, [n]: and the derivatives by kappa.

    stays: e^{-kappa d}. drift: g(d). spread: variance for sigma = 1. `d_*`: by kappa.
    """

    stays: np.ndarray
    drift: np.ndarray
    spread: np.ndarray
    d_drift: np.ndarray
    d_spread: np.ndarray


class OUFit(NamedTuple):
    """kappa and a = kappa mu a group of the largest likelihood, sigma, and the information.

    step: 1 / sqrt(information on kappa), a scale for searches.
    """

    kappa: float
    drift: np.ndarray
    sigma: float
    step: float


def moves(gaps: np.ndarray, kappa: float) -> Moves:
    """The functions of the gaps that the likelihood is made of."""
    reach = kappa * gaps
    small = np.abs(reach) < 1e-5
    if kappa == 0 or small.all():
        drift, spread = gaps * (1 - reach / 2), gaps * (1 - reach)
        d_drift, d_spread = _d_drift(gaps, reach), _d_spread(gaps, reach)
        return Moves(np.exp(-reach), drift, spread, d_drift, d_spread)
    stays = np.exp(-reach)
    drift = -np.expm1(-reach) / kappa
    spread = -np.expm1(-2 * reach) / (2 * kappa)
    d_drift = np.where(small, _d_drift(gaps, reach), (gaps * stays - drift) / kappa)
    d_spread = np.where(small, _d_spread(gaps, reach), (gaps * stays**2 - spread) / kappa)
    return Moves(stays, drift, spread, d_drift, d_spread)


def _d_drift(gaps: np.ndarray, reach: np.ndarray) -> np.ndarray:
    return -(gaps**2) / 2 * (1 - 2 * reach / 3)


def _d_spread(gaps: np.ndarray, reach: np.ndarray) -> np.ndarray:
    return -(gaps**2) * (1 - 4 * reach / 3)


def standardised(design: Design, gaps: np.ndarray, kappa: float) -> tuple[np.ndarray, np.ndarray]:
    """Residuals over the square root of the spread [n], and a of each group, under kappa."""
    now = moves(gaps, kappa)
    root = np.sqrt(now.spread)
    u = (design.y - now.stays * design.x) / root
    if not design.means:
        return u, np.zeros(1)
    h, first = now.drift / root, design.bounds[:-1]
    a = np.add.reduceat(h * u, first) / np.add.reduceat(h * h, first)
    return u - np.repeat(a, np.diff(design.bounds)) * h, a


def log_likelihood(design: Design, gaps: np.ndarray, kappa: float) -> float:
    """The concentrated log likelihood of kappa."""
    residual, _ = standardised(design, gaps, kappa)
    n, spread = len(gaps), moves(gaps, kappa).spread
    variance = residual @ residual / n
    return float(-n / 2 * (np.log(2 * np.pi * variance) + 1) - np.log(spread).sum() / 2)


def score(design: Design, gaps: np.ndarray, kappa: float) -> float:
    """The derivative of the concentrated log likelihood by kappa."""
    now = moves(gaps, kappa)
    residual, a = standardised(design, gaps, kappa)
    root = np.sqrt(now.spread)
    change = now.d_spread / now.spread
    pull = gaps * now.stays * design.x - np.repeat(a, np.diff(design.bounds)) * now.d_drift
    slope = 2 * residual @ (pull / root) - residual**2 @ change
    return float(-len(gaps) / 2 * slope / (residual @ residual) - change.sum() / 2)


def maximum_likelihood(design: Design, gaps: np.ndarray) -> OUFit:
    """The kappa of the largest likelihood over all that the gaps can tell, below 0 too."""
    low, high = _range(design, gaps)
    grid = np.unique(np.append(np.linspace(low, -low, 20), np.geomspace(-low / 20, high, _GRID)))
    values = np.array([log_likelihood(design, gaps, kappa) for kappa in grid])
    best = int(np.argmax(values))
    left, right = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    kappa = grid[best]
    if score(design, gaps, left) > 0 > score(design, gaps, right):
        kappa = optimize.brentq(lambda k: score(design, gaps, k), left, right, xtol=1e-13)
    residual, a = standardised(design, gaps, kappa)
    h = 1e-4 * max(abs(kappa), -low)
    bend = (score(design, gaps, kappa - h) - score(design, gaps, kappa + h)) / (2 * h)
    step = 1 / np.sqrt(bend) if bend > 0 else max(abs(kappa), -low)
    return OUFit(float(kappa), a, float(np.sqrt(residual @ residual / len(gaps))), float(step))


def _range(design: Design, gaps: np.ndarray) -> tuple[float, float]:
    """Where kappa is searched: below 0 by five over the span of the longest chain."""
    longest = np.add.reduceat(gaps, design.chains[:-1]).max()
    return -5 / float(longest), _FASTEST / float(np.quantile(gaps, 0.1))


def invert_kappa(
    design: Design,
    gaps: np.ndarray,
    fit: OUFit,
    *,
    interval: str = "bootstrap",
    draws: int = 999,
    seed: int = 0,
    level: float = 0.95,
) -> Inversion:
    """Median-unbiased persistence over a unit of time, e^{-kappa}, and its interval.

    The distribution of the estimate under each kappa is simulated at the gaps observed. A path's
    estimate is below the observed one where, and only where, the path's score at the observed
    estimate is negative (the likelihood has one peak), so no path is maximised: one step of
    Newton's from the observed estimate has the right sign, which is all that quantiles need.
    """
    rho = float(np.exp(-fit.kappa))
    simulate = _simulator(design, gaps, fit, interval=interval, draws=draws, seed=seed)
    highest = float(np.exp(-_range(design, gaps)[0]))
    return invert_simulated(simulate, rho, rho * fit.step, highest, draws, level=level)


def _simulator(
    design: Design, gaps: np.ndarray, fit: OUFit, *, interval: str, draws: int, seed: int
) -> Callable[[float], np.ndarray]:
    """The function e^{-kappa} -> `draws` estimates of it under kappa, with common random numbers.

    Random signs alone would keep each gap's squared error, and with it what errors say of kappa by
    growing with the gap; drawn from anywhere in the series, errors would forget that their variance
    changes with time. So they come from a few rows before and after.
    """
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((len(design.chains) - 1, draws))
    shock_of = _normal if interval == "gaussian" else _resampled
    shocks = shock_of(design, rng, draws)
    weights, fastest = _weights(gaps, fit.kappa), _range(design, gaps)[1]

    def simulate(rho: float) -> np.ndarray:
        kappa = min(-np.log(rho), fastest) if rho > 0 else fastest
        residual, a = standardised(design, gaps, kappa)
        scale = np.sqrt(np.bincount(design.series, residual**2) / np.bincount(design.series))
        scale = scale[design.series]
        now = moves(gaps, kappa)
        fixed, width = _openings(design, kappa, a, scale)
        slope = _path_scores(
            now.stays, np.sqrt(now.spread), shocks(residual, scale), design.jump, fixed,
            width[:, None] * z, design.chains, design.bounds, design.means, *weights,
        )  # fmt: skip
        return np.exp(-fit.kappa) * (1 - fit.step**2 * slope)

    return simulate


_NEAR = 10  # rows before and after from which an error is drawn
_Shocks = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _normal(design: Design, rng: np.random.Generator, draws: int) -> _Shocks:
    """(residuals, scale) -> normal errors of each series' scale, [n, draws]."""
    z = rng.standard_normal((len(design.x), draws))
    return lambda residual, scale: scale[:, None] * z


def _resampled(design: Design, rng: np.random.Generator, draws: int) -> _Shocks:
    """(residuals, scale) -> residuals from nearby rows of the series, random signs, [n, draws]."""
    n = len(design.x)
    place = np.empty((n, draws), np.int32)
    for number in range(int(design.series.max()) + 1):
        own = np.flatnonzero(design.series == number)
        last = len(own) - 1
        near = np.arange(last + 1)[:, None] + rng.integers(-_NEAR, _NEAR + 1, (last + 1, draws))
        near = np.clip(last - np.abs(last - np.abs(near)), 0, last)  # turned back at both ends
        place[own] = own[near] + n * rng.integers(0, 2, near.shape)
    return lambda residual, scale: np.append(residual, -residual)[place]


def _openings(
    design: Design, kappa: float, a: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where chains open, as deviation from the mean: a fixed part, the spread of a random one."""
    first, alone = design.chains[:-1], lone_chains(design)
    target = _means_within_levels(design, kappa, a)
    fixed = np.where(alone, 0, design.x[first] - target[first])
    return fixed, scale[first] * alone * (1 / np.sqrt(2 * kappa) if kappa > 0 else 0.0)


def _means_within_levels(design: Design, kappa: float, a: np.ndarray) -> np.ndarray:
    """Each row's mean under kappa, kept within the levels seen; their middle at a random walk."""
    if not design.means:
        return np.zeros(len(design.x))
    sizes, first = np.diff(design.bounds), design.bounds[:-1]
    mean = np.add.reduceat(design.x, first) / sizes if kappa <= 0 else a / kappa
    lowest = np.minimum.reduceat(np.minimum(design.x, design.y), first)
    highest = np.maximum.reduceat(np.maximum(design.x, design.y), first)
    return np.repeat(np.clip(mean, lowest, highest), sizes)


def _weights(gaps: np.ndarray, kappa: float) -> tuple[np.ndarray, ...]:
    """What the score at kappa multiplies the levels of each gap by."""
    now = moves(gaps, kappa)
    root = np.sqrt(now.spread)
    pull, turn = gaps * now.stays / root, now.d_drift / root
    return 1 / root, now.stays, now.drift / root, pull, turn, now.d_spread / now.spread


@numba.njit(cache=True)
def _path_scores(
    stays, spread, shock, jump, fixed, random, chains, bounds, means,
    unit, held, h, pull, turn, change,
):  # fmt: skip
    """Score of simulated paths at the observed estimate, [draws]: rows outside, draws inside."""
    n, draws = shock.shape
    level = np.zeros(draws)
    square, slope = np.zeros(draws), np.zeros(draws)
    s = np.zeros((7, draws))  # u², hu, u·pull·x, h·pull·x, u·turn, change·u², change·hu
    chain = 0
    for group in range(len(bounds) - 1):
        s[:] = 0.0
        hh, ht, hc = 0.0, 0.0, 0.0
        for row in range(bounds[group], bounds[group + 1]):
            if row == chains[chain]:
                for d in range(draws):
                    level[d] = fixed[chain] + random[chain, d]
                chain += 1
            drawn, size, moved, kept = shock[row], spread[row], jump[row], stays[row]
            hh += h[row] * h[row]
            ht += h[row] * turn[row]
            hc += change[row] * h[row] * h[row]
            for d in range(draws):
                x = level[d] + moved
                level[d] = kept * x + size * drawn[d]
                u = (level[d] - held[row] * x) * unit[row]
                p = pull[row] * x
                s[0, d] += u * u
                s[1, d] += h[row] * u
                s[2, d] += u * p
                s[3, d] += h[row] * p
                s[4, d] += u * turn[row]
                s[5, d] += change[row] * u * u
                s[6, d] += change[row] * h[row] * u
        for d in range(draws):
            a = s[1, d] / hh if means else 0.0
            square[d] += s[0, d] - a * s[1, d]
            slope[d] += 2 * (s[2, d] - a * s[3, d]) - 2 * a * (s[4, d] - a * ht)
            slope[d] -= s[5, d] - 2 * a * s[6, d] + a * a * hc
    return -n / 2 * slope / square - change.sum() / 2
