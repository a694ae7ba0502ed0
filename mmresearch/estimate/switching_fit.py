"""The likeliest regimes: many starts, a polished end, errors, and how many there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.optimize

from mmresearch.estimate.switching_kernels import climbed, drawn_path, filtered

_STEPS = 400
_TOLERANCE = 1e-7
_FINEST = 0.02  # least deviation of a regime, of the whole one: a spike has none
_STEP = 1e-4  # of numerical derivatives
_STAY = (0.7, 0.98)  # chances of staying, of starts


class Switching(NamedTuple):
    """Regimes in order: mean [K], sd [K], transition [K, K] (row: from), log-likelihood.

    starts: how many starts came within 0.01 of the best, of how many.
    """

    mean: np.ndarray
    sd: np.ndarray
    transition: np.ndarray
    likelihood: float
    starts: tuple[int, int] = (1, 1)

    @property
    def parameters(self) -> int:
        k = len(self.mean)
        return 2 * k + k * (k - 1)

    def ordered(self, by: str) -> Switching:
        """The same regimes by rising mean or variance: their numbers mean nothing before."""
        place = np.argsort(self.mean if by == "mean" else self.sd, kind="stable")
        turned = self.transition[np.ix_(place, place)]
        return self._replace(mean=self.mean[place], sd=self.sd[place], transition=turned)


def fit_regimes(
    y: np.ndarray, begins: np.ndarray, regimes: int, *, starts: int, seed: int
) -> Switching:
    """The best of many climbs, some from slices of the values and some at random."""
    known = y[np.isfinite(y)]
    whole = float(known.std())
    if regimes == 1:
        one = np.array([known.mean()]), np.array([whole]), np.ones((1, 1))
        return Switching(*one, float(filtered(y, begins, *one)[2].sum()))
    rng, least = np.random.default_rng(seed), _FINEST * whole
    ends = []
    for number in range(starts):
        start = _start(known, regimes, number, rng)
        ends.append(climbed(y, begins, *start, least, _STEPS, _TOLERANCE))
    best = max(ends, key=lambda end: end[3])
    near = sum(end[3] > best[3] - 0.01 for end in ends)
    polished = _polished(y, begins, Switching(*best[:3], best[3]), least)
    return polished._replace(starts=(near, starts))


def _start(
    known: np.ndarray, regimes: int, number: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means from quantiles (then at random), deviations alike or unlike, regimes that stay."""
    whole = known.std()
    if number == 0:
        mean = np.quantile(known, (np.arange(regimes) + 0.5) / regimes)
        sd = np.full(regimes, 0.6 * whole)
    elif number == 1:
        mean = np.full(regimes, known.mean()) + 1e-3 * whole * np.arange(regimes)
        sd = whole * np.geomspace(0.5, 1.8, regimes)
    else:
        mean = rng.choice(known, regimes)
        sd = whole * np.exp(rng.uniform(-1.2, 0.3, regimes))
    stay = rng.uniform(*_STAY, regimes) if number else np.full(regimes, 0.9)
    off = (1 - stay) / (regimes - 1)
    transition = np.where(np.eye(regimes, dtype=bool), stay[:, None], off[:, None])
    return mean.astype("float64"), sd, transition


def packed(found: Switching) -> np.ndarray:
    """Means, log deviations and logits against staying, without bounds."""
    k = len(found.mean)
    stay = np.diag(found.transition)[:, None]
    odds = np.log(np.clip(found.transition, 1e-12, None) / np.clip(stay, 1e-12, None))
    return np.concatenate([found.mean, np.log(found.sd), odds[~np.eye(k, dtype=bool)]])


def unpacked(theta: np.ndarray, regimes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    k = regimes
    odds = np.zeros((k, k))
    odds[~np.eye(k, dtype=bool)] = theta[2 * k :]
    size = np.exp(odds - odds.max(axis=1, keepdims=True))
    return theta[:k], np.exp(theta[k : 2 * k]), size / size.sum(axis=1, keepdims=True)


def _polished(y: np.ndarray, begins: np.ndarray, found: Switching, least: float) -> Switching:
    """The end of the climb, on the likelihood in which sessions start from long-run shares."""
    k = len(found.mean)
    scale = float(np.nanstd(y))
    theta = packed(found)
    unit = np.concatenate([np.full(k, scale), np.ones(len(theta) - k)])

    def loss(moved: np.ndarray) -> float:
        parts = unpacked(theta + unit * moved, k)
        if (parts[1] < least).any():
            return 1e10
        return -float(filtered(y, begins, *parts)[2].sum())

    start = np.zeros(len(theta))
    told = scipy.optimize.minimize(loss, start, method="BFGS", options={"maxiter": 100})
    if not np.isfinite(told.fun) or -told.fun < found.likelihood:
        return found
    return Switching(*unpacked(theta + unit * told.x, k), float(-told.fun))


def covariance(y: np.ndarray, begins: np.ndarray, found: Switching) -> np.ndarray | None:
    """Of the packed parameters: inverse Hessian around the products of each bar's scores.

    None where the Hessian is not that of a maximum.
    """
    k, theta = len(found.mean), packed(found)
    unit = np.concatenate([found.sd, np.ones(len(theta) - k)]) * _STEP

    def each(at: np.ndarray) -> np.ndarray:
        return filtered(y, begins, *unpacked(at, k))[2]

    m = len(theta)
    steps = np.diag(unit)
    scores = np.column_stack([(each(theta + s) - each(theta - s)) for s in steps]) / (2 * unit)
    hessian = np.empty((m, m))
    wide = 10 * steps
    for i in range(m):
        for j in range(i + 1):
            corners = [
                sign * each(theta + a * wide[i] + b * wide[j]).sum()
                for a, b, sign in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            ]
            hessian[i, j] = hessian[j, i] = sum(corners) / (4 * 100 * unit[i] * unit[j])
    if not np.isfinite(hessian).all() or (np.linalg.eigvalsh(-hessian) <= 0).any():
        return None
    bread = np.linalg.inv(-hessian)
    return bread @ (scores.T @ scores) @ bread


class Number(NamedTuple):
    """A test of k regimes against k + 1: statistic, p by simulation, its own error, draws."""

    regimes: int
    statistic: float
    p: float
    mc_error: float
    draws: int


def number_test(
    y: np.ndarray, begins: np.ndarray, small: Switching, *, draws: int, starts: int, seed: int
) -> Number:
    """Likelihood ratio against its law in worlds of the fewer regimes (parametric bootstrap).

    The ratio of the data is climbed anew, by as many starts as each world's: ten starts find a
    spike that four miss, and a p of ten against worlds of four would be too small.
    """
    statistic = ratio(y, begins, len(small.mean), starts=starts, seed=seed)
    told = worlds(y, begins, small, starts=starts, seed=seed)
    reached = sum(other >= statistic for other in itertools.islice(told, draws))
    p = (1 + reached) / (1 + draws)
    return Number(len(small.mean), statistic, p, float(np.sqrt(p * (1 - p) / draws)), draws)


def worlds(
    y: np.ndarray, begins: np.ndarray, small: Switching, *, starts: int, seed: int
) -> Iterator[float]:
    """The ratio in one simulated world after another, with the data's sessions and holes."""
    rng, missing = np.random.default_rng(seed), ~np.isfinite(y)
    law = small.mean, small.sd, small.transition
    for number in itertools.count(1):
        uniform, normal = rng.random(len(y)), rng.standard_normal(len(y))
        world = drawn_path(uniform, normal, begins, *law)[0]
        world[missing] = np.nan
        yield ratio(world, begins, len(small.mean), starts=starts, seed=seed + number)


def ratio(y: np.ndarray, begins: np.ndarray, regimes: int, *, starts: int, seed: int) -> float:
    """Twice what one regime more than `regimes` adds to the log-likelihood."""
    less, more = (
        fit_regimes(y, begins, k, starts=starts, seed=seed) for k in (regimes, regimes + 1)
    )
    return 2 * (more.likelihood - less.likelihood)
