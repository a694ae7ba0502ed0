"""The speed that the mean path of recovery tells, by its shape r (1 - exp(-kappa h)).

For each kappa the part of the path that a change of kappa would move is tested, which is linear in
the path, so that the speeds that are not refused are an interval that holds also where nothing
comes back: it is unbounded then. A grid finds where they are; the speed fitted, at which the test
is 0, and both ends, at which it is critical, lie between its points and are found by halving. An
interval that ended on the grid would be short by up to a step a side, and where the path is well
known, a step is much of it. Each horizon has the weight of the events that were followed to it. The
inverse of its variance as estimated would favour those whose error is too small by chance: of 800
markets of each of two kinds, 93 in 100 held the true speed so, and 95 with these weights, by which
the speed fitted varied less, too.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.stats

from mmresearch.estimate.influence_errors import crossing
from mmresearch.estimate.recovery_fits import MeanPath

FEWEST_HORIZONS = 4  # for a speed
_GRID = 301


class Speed(NamedTuple):
    """kappa (1/s) with the interval of those not refused, and the share that comes back."""

    kappa: float
    low: float
    high: float
    returns: float


class Tested(NamedTuple):
    """At each kappa asked: t of what a change of it moves, the share r, what squares are left."""

    t: np.ndarray
    returns: np.ndarray
    left: np.ndarray


def speed_of(path: MeanPath, level: float) -> Speed:
    """The speed that the path's shape tells, and those that are not refused."""
    critical = float(scipy.stats.t.ppf((1 + level) / 2, path.rule.df))
    grid = np.log(np.geomspace(path.seconds[0] / 4, 4 * path.seconds[-1], _GRID))  # of half-lives
    found = tested(path, grid)
    best = _fitted(path, grid, found)
    inside = grid[np.abs(found.t) <= critical]
    first, last = (f(np.append(inside, best)) for f in (np.min, np.max))

    def holds(log_half: float) -> bool:
        return bool(abs(tested(path, np.array([log_half])).t[0]) <= critical)

    before, after = grid[grid < first], grid[grid > last]
    shortest = crossing(holds, first, before[-1]) if len(before) else -math.inf
    longest = crossing(holds, last, after[0]) if len(after) else math.inf
    kappa, low, high = (math.log(2) * math.exp(-x) for x in (best, longest, shortest))
    returns = float(tested(path, np.array([best])).returns[0])
    return Speed(kappa, low, high, returns)


def tested(path: MeanPath, log_half: np.ndarray) -> Tested:
    """The test of each speed, given by the log of its half-life (s)."""
    h, weight = path.seconds, path.events
    kappa = np.log(2) * np.exp(-log_half)[:, None]
    curve, moves = 1 - np.exp(-kappa * h), h * np.exp(-kappa * h)
    square = (curve * curve * weight).sum(axis=1)
    returns = (curve * weight) @ path.share / square
    away = moves - curve * ((curve * moves * weight).sum(axis=1) / square)[:, None]
    away = away * weight
    error = np.sqrt(np.clip(np.einsum("ki,ij,kj->k", away, path.covariance, away), 0, None))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (away @ path.share) / error
    gap = path.share - returns[:, None] * curve
    return Tested(t, returns, (gap * gap * weight).sum(axis=1))


def _fitted(path: MeanPath, grid: np.ndarray, found: Tested) -> float:
    """Least squares: beside the best of the grid, where the test, which is its slope, is 0."""
    best = int(found.left.argmin())
    for other in (best - 1, best + 1):
        if 0 <= other < len(grid) and found.t[best] * found.t[other] < 0:
            sign = found.t[best] > 0

            def same(log_half: float, sign: bool = sign) -> bool:
                return bool((tested(path, np.array([log_half])).t[0] > 0) == sign)

            return crossing(same, float(grid[best]), float(grid[other]))
    return float(grid[best])
