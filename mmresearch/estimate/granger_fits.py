"""Tests that lags of one series add nothing to the equation of another, by groups or with HAC."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.result import TIDY
from mmresearch.estimate.sandwich import Rule, small_sample_factor, sum_covariance
from mmresearch.estimate.wild import accepted, cluster_weights, p_value, wild_test


class Direction(NamedTuple):
    """One equation: the joint test of the cause's lags, and the sum of their coefficients.

    table: coefficients, as a Result's. left [n]: residuals. f, q, df: the statistic and its degrees
    of freedom. plain_f, plain_p: if errors had one variance and no dependence. total, error, low,
    high, total_p: of the sum. heaviest: the most that one row has of what tells the cause's
    coefficients, its leverage beyond the effect's own past.
    """

    table: pd.DataFrame
    left: np.ndarray
    f: float
    q: int
    df: float
    p: float
    plain_f: float
    plain_p: float
    total: float
    error: float
    low: float
    high: float
    total_p: float
    heaviest: float


class Equation(NamedTuple):
    """y on a constant and x [n, 2 lags], of which the first `lags` are the cause's.

    group, bar [n]: of which rows errors may be in common, and places in it.
    """

    y: np.ndarray
    x: np.ndarray
    lags: int
    group: np.ndarray
    bar: np.ndarray
    names: tuple[str, ...]


def direction(equation: Equation, rule: Rule, *, level: float, draws: int, seed: int) -> Direction:
    """Least squares of one equation and what is told of the cause in it."""
    n, q = len(equation.y), equation.lags
    y, x, back = _standardised(equation)
    # with differences from the first lag, that lag's coefficient is the sum of all
    z = x.copy()
    z[:, 2 : 1 + q] -= z[:, 1:2]
    beta, left, covariance = _fit(y, x, equation, rule)
    tested = slice(1, 1 + q)
    f = _wald(beta[tested], covariance[tested, tested]) / q
    df = rule.df if rule.kind in ("cluster", "wild") else n - x.shape[1]
    p = float(scipy.stats.f.sf(f, q, df))
    rest = np.delete(x, np.arange(1, 1 + q), axis=1)
    restricted = y - rest @ np.linalg.lstsq(rest, y, rcond=None)[0]
    if rule.kind == "wild":
        weights = cluster_weights(_count(equation.group), draws=draws, seed=seed)
        p = _wild_p(f * q, x, restricted, equation, rule, weights)
    plain = (restricted @ restricted - left @ left) / q / (left @ left / (n - x.shape[1]))
    total, _, spread = _fit(y, z, equation, rule)
    ends = _sum(float(total[1]), float(spread[1, 1]), y, z, equation, rule, df, level, draws, seed)
    told = [value * back[1, 1] for value in ends[:4]] + [ends[4]]
    whole = back @ beta
    whole[0] += equation.y.mean()
    table = _table(equation.names, whole, back @ covariance @ back.T, df, level)
    plain_p = float(scipy.stats.f.sf(plain, q, n - x.shape[1]))
    heaviest = _heaviest(x[:, tested], rest)
    return Direction(table, left, f, q, df, p, float(plain), plain_p, *told, heaviest)


def _standardised(equation: Equation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y and x (with a constant) about 0 with deviation 1, and what turns coefficients back.

    Volumes of billions beside variances of billionths lose in products what is told of the latter.
    """
    q = equation.lags
    of_series = np.repeat([0, q], q)
    centre, size = equation.x.mean(axis=0)[of_series], equation.x.std(axis=0)[of_series]
    size[size == 0] = 1.0
    scale = float(equation.y.std()) or 1.0
    x = np.column_stack([np.ones(len(equation.y)), (equation.x - centre) / size])
    back = scale * np.diag(np.append(1.0, 1 / size))
    back[0, 1:] = -scale * centre / size
    return (equation.y - equation.y.mean()) / scale, x, back


def _heaviest(tested: np.ndarray, rest: np.ndarray) -> float:
    beyond = tested - rest @ np.linalg.lstsq(rest, tested, rcond=None)[0]
    base = np.linalg.svd(beyond, full_matrices=False)[0]
    return float((base**2).sum(axis=1).max())


def correlation(
    one: np.ndarray,
    two: np.ndarray,
    group: np.ndarray,
    bar: np.ndarray,
    rule: Rule,
    level: float,
    params: int,
) -> tuple[float, float, float, float]:
    """Correlation of what is new in both series, its interval, and the p of none.

    params: coefficients of each equation, which took as many degrees of freedom from what is new.
    """
    a, b = (v / np.sqrt(v @ v / len(v)) for v in (one, two))
    r = float(a @ b / len(a))
    influence = (a * b - r * (a**2 + b**2) / 2)[:, None] / len(a)
    spread = sum_covariance(influence, pd.Series(group), rule, bars=pd.Series(bar))
    error = math.sqrt(max(float(spread[0, 0]), 0.0)) / max(1 - r**2, 1e-12)
    error *= math.sqrt(small_sample_factor(rule, len(a), params, _count(group)))
    reach = scipy.stats.t.ppf((1 + level) / 2, rule.df) * error
    centre = math.atanh(min(max(r, -1 + 1e-12), 1 - 1e-12))
    p = float(2 * scipy.stats.t.sf(abs(centre) / error, rule.df)) if error > 0 else math.nan
    return r, math.tanh(centre - reach), math.tanh(centre + reach), p


def _fit(
    y: np.ndarray, x: np.ndarray, equation: Equation, rule: Rule
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, residuals and the covariance of the rule."""
    bread = np.linalg.pinv(x.T @ x, hermitian=True)
    beta = bread @ (x.T @ y)
    left = y - x @ beta
    group, bar = pd.Series(equation.group), pd.Series(equation.bar)
    middle = sum_covariance(x * left[:, None], group, rule, bars=bar)
    factor = small_sample_factor(rule, len(y), x.shape[1], _count(equation.group))
    return beta, left, factor * bread @ middle @ bread


def _wild_p(
    wald: float,
    x: np.ndarray,
    restricted: np.ndarray,
    equation: Equation,
    rule: Rule,
    weights: np.ndarray,
) -> float:
    """Share of draws, by signs of whole groups' restricted residuals, whose Wald is as large."""
    groups = pd.factorize(equation.group)[0]
    count, k, q = groups.max() + 1, x.shape[1], equation.lags
    bread = np.linalg.pinv(x.T @ x, hermitian=True)[1 : 1 + q]
    whole = np.linalg.pinv(x.T @ x, hermitian=True)
    scores, cross = np.zeros((count, k)), np.zeros((count, k, k))
    for g in range(count):
        here = groups == g
        scores[g], cross[g] = x[here].T @ restricted[here], x[here].T @ x[here]
    moved = weights @ scores  # [draws, k]
    effect = moved @ bread.T
    fit = moved @ whole
    own = weights[:, :, None] * (scores @ bread.T)[None]
    own -= np.einsum("qk,gkl,bl->bgq", bread, cross, fit, optimize=True)
    factor = small_sample_factor(rule, len(restricted), k, count)
    spread = factor * np.einsum("bgq,bgr->bqr", own, own)
    drawn = np.einsum("bq,bqr,br->b", effect, np.linalg.pinv(spread, hermitian=True), effect)
    return float((1 + np.count_nonzero(drawn >= wald * (1 - 1e-10))) / (1 + len(drawn)))


def _sum(
    total: float,
    spread: float,
    y: np.ndarray,
    z: np.ndarray,
    equation: Equation,
    rule: Rule,
    df: float,
    level: float,
    draws: int,
    seed: int,
) -> tuple[float, float, float, float, float]:
    """The sum of the cause's coefficients: value, error, interval and p."""
    error = math.sqrt(max(spread, 0.0))
    if rule.kind == "wild":
        groups = pd.factorize(equation.group)[0]
        weights = cluster_weights(groups.max() + 1, draws=draws, seed=seed)
        test = wild_test(y, z[:, 1], z, 1, groups, weights)
        low, high = accepted(test, level=level)
        return total, error, float(low), float(high), float(p_value(test, 0.0))
    reach = scipy.stats.t.ppf((1 + level) / 2, df) * error
    p = float(2 * scipy.stats.t.sf(abs(total) / error, df)) if error > 0 else math.nan
    return total, error, total - reach, total + reach, p


def _table(
    names: tuple[str, ...], beta: np.ndarray, covariance: np.ndarray, df: float, level: float
) -> pd.DataFrame:
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = beta / error
    reach = scipy.stats.t.ppf((1 + level) / 2, df) * error
    p = 2 * scipy.stats.t.sf(np.abs(t), df)
    columns = [["const", *names], beta, error, t, p, beta - reach, beta + reach]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _wald(beta: np.ndarray, covariance: np.ndarray) -> float:
    return float(beta @ np.linalg.pinv(covariance, hermitian=True) @ beta)


def _count(group: np.ndarray) -> int:
    return len(np.unique(group))
