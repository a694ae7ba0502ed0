"""The bivariate VAR of flow and return: responses under both orderings, Granger tests."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.causality_rows import CausalityRows
from mmresearch.estimate.sandwich import SOME_DAYS, Rule, sum_covariance

FLOW, PRICE = 0, 1
ORDERINGS = ("flow first", "return first")
_PIECES = 20  # to draw from, where there are too few days
_SHORTEST = 4  # times the lags: bars of a piece of a day


class Var(NamedTuple):
    """Coefficients [2 lags + 1, 2] of (1, past) for (flow, return), errors' covariance [2, 2]."""

    coefficients: np.ndarray
    covariance: np.ndarray


class Sums(NamedTuple):
    """Products of (1, past) and of (flow, return), one block a group: [G, k, k], [G, k, 2], .."""

    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    count: np.ndarray


class Ordered(NamedTuple):
    """Of one ordering, in horizons 0 to H: cumulated responses and shares of variance.

    price, flow: of both to one unit of flow's own shock, [H + 1]. share: of the variance of the
    H-step return that is flow's, share_flow: of the flow's that is the return's.
    back: cumulated flow after a return shock of 1 bp, [H + 1]. correlation: of what is new in both.
    """

    price: np.ndarray
    flow: np.ndarray
    back: np.ndarray
    share: float
    share_flow: float
    correlation: float


def design(rows: CausalityRows) -> np.ndarray:
    return np.column_stack([np.ones(len(rows.now)), rows.past])


def sums_by(rows: CausalityRows, groups: np.ndarray) -> Sums:
    x, y = design(rows), rows.now
    count = int(groups.max()) + 1
    k = x.shape[1]
    xx, xy, yy = np.zeros((count, k, k)), np.zeros((count, k, 2)), np.zeros((count, 2, 2))
    for g in range(count):
        here = groups == g
        xx[g], xy[g], yy[g] = x[here].T @ x[here], x[here].T @ y[here], y[here].T @ y[here]
    return Sums(xx, xy, yy, np.bincount(groups, minlength=count).astype("float64"))


def fitted(sums: Sums, times: np.ndarray) -> Var:
    """Least squares of both equations with every group taken `times` times."""
    xx, xy, yy = (np.tensordot(times, s, axes=1) for s in (sums.xx, sums.xy, sums.yy))
    b = np.linalg.solve(xx, xy)
    freedom = times @ sums.count - len(xx)
    return Var(b, (yy - b.T @ xy) / freedom)


def ordered(var: Var, ordering: str, horizon: int) -> Ordered:
    """Responses where what comes first moves the other in the same bar, and not the reverse."""
    impact = np.eye(2)
    sigma = var.covariance
    first, then = (FLOW, PRICE) if ordering == ORDERINGS[0] else (PRICE, FLOW)
    impact[then, first] = sigma[then, first] / sigma[first, first]
    alone = sigma[then, then] - sigma[then, first] ** 2 / sigma[first, first]
    variance = np.empty(2)
    variance[first], variance[then] = sigma[first, first], alone
    lags = (len(var.coefficients) - 1) // 2
    blocks = [var.coefficients[1 + 2 * j : 3 + 2 * j].T for j in range(lags)]
    path = [impact]
    for h in range(1, horizon + 1):
        path.append(sum(blocks[j] @ path[h - 1 - j] for j in range(min(lags, h))))
    response = np.array(path)
    summed = response.cumsum(axis=0)
    parts = (summed**2).sum(axis=0) * variance  # of the H-step sums, by shock
    return Ordered(
        summed[:, PRICE, FLOW],
        summed[:, FLOW, FLOW],
        summed[:, FLOW, PRICE],
        float(parts[PRICE, FLOW] / parts[PRICE].sum()),
        float(parts[FLOW, PRICE] / parts[FLOW].sum()),
        float(sigma[FLOW, PRICE] / np.sqrt(sigma[FLOW, FLOW] * sigma[PRICE, PRICE])),
    )


def pieces(rows: CausalityRows) -> tuple[np.ndarray, str]:
    """What is drawn as a whole: days where there are six, else pieces of days."""
    day = pd.factorize(rows.day)[0]
    days = int(day.max()) + 1
    if days >= SOME_DAYS:
        return day, f"{days} whole days drawn with replacement"
    place = pd.Series(day).groupby(day).cumcount().to_numpy()
    length = max(len(day) // _PIECES, _SHORTEST * rows.lags, 1)
    groups = pd.factorize(pd.MultiIndex.from_arrays([day, place // length]))[0]
    count = int(groups.max()) + 1
    return groups, f"{count} pieces of {length} bars drawn with replacement"


class Draws(NamedTuple):
    """Both orderings in samples of whole days (or pieces), and how they were drawn.

    Samples are of `count` pieces, and residuals of n rows less what was estimated: their spread is
    too small by the square roots of both ratios, which `widen` makes good.
    """

    of: dict[str, list[Ordered]]
    words: str
    widen: float


def drawn(rows: CausalityRows, horizon: int, draws: int, seed: int) -> Draws:
    groups, words = pieces(rows)
    sums = sums_by(rows, groups)
    count = len(sums.count)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype("float64")
    found: dict[str, list[Ordered]] = {name: [] for name in ORDERINGS}
    for taken in times:
        try:
            var = fitted(sums, taken)
        except np.linalg.LinAlgError:
            continue
        if not np.isfinite(var.covariance).all() or (np.diag(var.covariance) <= 0).any():
            continue
        for name in ORDERINGS:
            found[name].append(ordered(var, name, horizon))
    n, taken_out = len(rows.day), 2 * rows.lags + rows.means
    widen = math.sqrt(count / max(count - 1, 1) * n / max(n - taken_out, 1))
    return Draws(found, words, widen)


class Granger(NamedTuple):
    """The test that the lags of one add nothing to the equation of the other."""

    statistic: float
    lags: int
    p: float
    low: float
    high: float
    how: str


def granger(
    rows: CausalityRows, cause: int, effect: int, rule: Rule, draws: int, seed: int
) -> Granger:
    """Score test with the rule's covariance: days are drawn signs where errors are by day.

    The bootstrap of scores (Kline and Santos 2012) keeps each day's score and turns its sign.
    """
    x = design(rows)
    excluded = 1 + cause + 2 * np.arange(rows.lags)
    rest = np.delete(x, excluded, axis=1)
    both = np.column_stack([x[:, excluded], rows.now[:, effect]])
    left = both - rest @ np.linalg.lstsq(rest, both, rcond=None)[0]
    scores = left[:, :-1] * left[:, -1:]
    middle = sum_covariance(scores, rows.day, rule, bars=rows.bar)
    inverse = np.linalg.pinv(middle, rcond=1e-10, hermitian=True)
    total = scores.sum(axis=0)
    statistic = float(total @ inverse @ total)
    groups = pd.factorize(rows.day)[0]
    count = int(groups.max()) + 1
    if rule.kind not in ("cluster", "wild", "bootstrap") or count <= rows.lags + 1:
        p = float(scipy.stats.chi2.sf(statistic, rows.lags))
        return Granger(statistic, rows.lags, p, p, p, f"score test, chi-squared; {rule.words}")
    by_day = pd.DataFrame(scores).groupby(groups).sum().to_numpy()
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(draws, count))
    moved = signs @ by_day
    reached = int((((moved @ inverse) * moved).sum(axis=1) >= statistic * (1 - 1e-10)).sum())
    p = (1 + reached) / (1 + draws)
    error = 1.96 * (p * (1 - p) / draws) ** 0.5
    how = f"score test by day ({count} days), {draws} draws of their signs"
    return Granger(statistic, rows.lags, p, max(p - error, 0.0), min(p + error, 1.0), how)
