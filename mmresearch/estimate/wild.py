"""Restricted wild cluster bootstrap-t: tests, and intervals by inverting them.

The test is of one coefficient in the regression of `y - a * shift` on x, for any a. With `shift`
the regressor itself this is the test of "the coefficient equals a" (Cameron, Gelbach and Miller
2008); with `shift` an endogenous variable and the coefficient its instrument's, the test of
Anderson and Rubin (1949). Every draw's numerator is linear and its variance quadratic in a, so the
draws are made once and serve every a.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

WEBB_BELOW = 12
_WEBB = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])
_RADEMACHER = np.array([-1.0, 1.0])


class WildTest(NamedTuple):
    """The test of a coefficient of `y - a * shift`, ready for any a.

    effect: the coefficients of y and of shift, (2,). spread: their cluster covariance as (V00, V01,
    V11), (3,). drawn_effect (2, draws) and drawn_spread (3, draws): the same in each draw.
    """

    effect: np.ndarray
    spread: np.ndarray
    drawn_effect: np.ndarray
    drawn_spread: np.ndarray


def cluster_weights(clusters: int, *, draws: int, seed: int) -> np.ndarray:
    """A row a draw, a column a cluster: Rademacher, below 12 clusters Webb's (2014) six points."""
    points = _WEBB if clusters < WEBB_BELOW else _RADEMACHER
    return np.random.default_rng(seed).choice(points, size=(draws, clusters))


def wild_test(
    y: np.ndarray,
    shift: np.ndarray,
    x: np.ndarray,
    column: int,
    groups: np.ndarray,
    weights: np.ndarray,
) -> WildTest:
    """Restricted wild cluster bootstrap of coefficient `column` in `y - a * shift` on x.

    Parameters
    ----------
    y, shift : array (n,)
    x : array (n, k)
    column : int
        Whose coefficient is zero under the null.
    groups : array (n,)
        The cluster of each row, 0 to G - 1.
    weights : array (draws, G)
    """
    both = np.column_stack([y, shift])
    solve = np.linalg.pinv(x)
    effect = solve @ both
    direction = solve[column]
    observed = _sums(direction[:, None] * (both - x @ effect), groups)
    rest = np.delete(x, column, axis=1)
    restricted = both - rest @ (np.linalg.pinv(rest) @ both) if rest.shape[1] else both
    scores = _sums(direction[:, None] * restricted, groups)
    pull = _sums(direction[:, None] * x, groups)
    drawn = []
    for j in range(2):
        change = _sums(solve.T * restricted[:, [j]], groups)
        drawn.append(weights * scores[:, j] - (weights @ change) @ pull.T)
    return WildTest(
        effect[column],
        _products(observed.T[0], observed.T[1]),
        (weights @ scores).T,
        _products(drawn[0], drawn[1]),
    )


def p_value(test: WildTest, a: float) -> float:
    """Share of draws whose |t| is at least the observed one, itself counted among them.

    a = ±inf is the limit: the test that the coefficient of `shift` is zero.
    """
    observed = _squared_t(test.effect, test.spread, a)
    drawn = _squared_t(test.drawn_effect, test.drawn_spread, a)
    if np.isnan(observed):
        return np.nan
    reached = np.count_nonzero(drawn >= observed * (1 - 1e-10))
    return (1 + reached) / (1 + len(drawn))


def accepted(test: WildTest, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a that the test does not reject, by bisection from where its t is zero.

    (-inf, inf) where no |a| is too large to be accepted; missing where t has no variance.
    """
    size = 1 - level
    if test.effect[1] == 0:
        return -np.inf, np.inf
    centre = test.effect[0] / test.effect[1]
    step = np.sqrt(max(_quadratic(test.spread, centre), 0)) / abs(test.effect[1])
    if not np.isfinite(centre) or not step > 0:
        return np.nan, np.nan
    if p_value(test, np.inf) > size:
        return -np.inf, np.inf
    return _edge(test, centre, -step, size), _edge(test, centre, step, size)


def _edge(test: WildTest, centre: float, step: float, size: float) -> float:
    while p_value(test, centre + step) > size:
        step *= 2
    inside, outside = 0.0, step
    for _ in range(32):
        middle = (inside + outside) / 2
        if p_value(test, centre + middle) > size:
            inside = middle
        else:
            outside = middle
    return centre + inside


def _squared_t(effect: np.ndarray, spread: np.ndarray, a: float) -> np.ndarray:
    """t² of effect0 - a * effect1, missing where there is nothing to divide."""
    top = effect[1] ** 2 if np.isinf(a) else (effect[0] - a * effect[1]) ** 2
    below = spread[2] if np.isinf(a) else _quadratic(spread, a)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(top, np.maximum(below, 0.0))


def _quadratic(spread: np.ndarray, a: float) -> np.ndarray:
    return spread[0] - 2 * a * spread[1] + a**2 * spread[2]


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sums over clusters (the last axis) of squares and of the product."""
    return np.array([(first**2).sum(-1), (first * second).sum(-1), (second**2).sum(-1)])


def _sums(rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Sums of rows by cluster, (G, columns)."""
    total = np.zeros((groups.max() + 1, rows.shape[1]))
    np.add.at(total, groups, rows)
    return total
