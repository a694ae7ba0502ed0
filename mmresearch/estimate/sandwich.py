"""Which errors rows get, and the middle of the sandwich that gives them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.wild import WEBB_BELOW

MANY_DAYS = 40
SOME_DAYS = 6
_KINDS = ("auto", "cluster", "wild", "hac", "bootstrap", "HC1")


class Rule(NamedTuple):
    """How errors are computed: kind, lags (HAC), degrees of freedom of t, words, flags."""

    kind: str
    lags: int
    df: float
    words: str
    flags: tuple[str, ...]


def error_rule(
    days: pd.Series,
    *,
    errors: str = "auto",
    overlap: int = 1,
    bars: pd.Series | None = None,
    params: int = 1,
) -> Rule:
    """Which errors these rows get, in numbers and words."""
    if errors not in _KINDS:
        raise ValueError(f"errors must be one of {', '.join(_KINDS)}, not {errors!r}")
    rows, count = len(days), int(pd.Series(days).nunique())
    if errors == "auto":
        errors = "cluster" if count >= MANY_DAYS else "wild" if count >= SOME_DAYS else "hac"
    if errors in ("cluster", "wild", "bootstrap"):
        return _by_day(errors, count)
    flags = ("few_days",) if count < SOME_DAYS else ()
    if errors == "HC1":
        words = "heteroscedasticity-robust (HC1), no dependence between rows allowed for"
        return Rule("HC1", 0, rows - params, words, flags)
    longest = _longest_day(days, bars)
    lags = min(newey_west_lags(rows, overlap), longest - 1)
    own = f", at least 1.5 times the overlap of {overlap}" if overlap > 1 else ""
    words = (
        f"Newey-West within days ({_count(count)}), {lags} lags: "
        f"floor(4 (n/100)^(2/9)) with n = {rows:,}{own}, within the longest day"
    )
    return Rule("hac", lags, rows - params, words, flags)


def newey_west_lags(rows: int, overlap: int = 1) -> int:
    """floor(4 (n/100)^(2/9)), and at least 1.5 times the overlap where returns overlap."""
    rule = int(np.floor(4 * (rows / 100) ** (2 / 9)))
    return max(rule, int(np.ceil(1.5 * overlap))) if overlap > 1 else rule


def sum_covariance(
    rows: np.ndarray, days: pd.Series, rule: Rule, *, bars: pd.Series | None = None
) -> np.ndarray:
    """Covariance of the column sums of `rows` (n, m) with mean zero, without small-sample factors.

    The middle of every sandwich here: with rows x u it is the regression's, with the influence
    rows of several estimates it is their joint covariance.
    """
    groups = pd.factorize(pd.Series(days).to_numpy())[0]
    if rule.kind == "HC1":
        return rows.T @ rows
    if rule.kind == "hac":
        return within_day_hac(rows, groups, bars, rule.lags)
    total = pd.DataFrame(rows).groupby(groups).sum().to_numpy()
    return total.T @ total


def small_sample_factor(rule: Rule, rows: int, params: int, days: int) -> float:
    """G/(G-1) * (n-1)/(n-k) for clusters, n/(n-k) otherwise."""
    if rule.kind in ("HC1", "hac"):
        return rows / (rows - params)
    return days / (days - 1) * (rows - 1) / (rows - params)


def within_day_hac(
    rows: np.ndarray, groups: np.ndarray, bars: pd.Series | None, lags: int
) -> np.ndarray:
    """Bartlett-weighted products of rows at most `lags` apart, none across days."""
    keys = [groups] if bars is None else [groups, np.asarray(bars)]
    if bars is None:
        order = np.argsort(groups, kind="stable")
        total, day = rows[order], groups[order]
    else:
        summed = pd.DataFrame(rows).groupby(keys).sum()
        total, day = summed.to_numpy(), summed.index.get_level_values(0).to_numpy()
    middle = total.T @ total
    for lag in range(1, lags + 1):
        same = day[lag:] == day[:-lag]
        product = total[lag:][same].T @ total[:-lag][same]
        middle += (1 - lag / (lags + 1)) * (product + product.T)
    return middle


def _by_day(kind: str, count: int) -> Rule:
    if count < 2:
        raise ValueError(f"errors={kind!r} needs two days or more, there is {count}; use 'hac'")
    flags = ("few_days",) if count < SOME_DAYS else ()
    if kind == "cluster" and SOME_DAYS <= count < MANY_DAYS:
        flags = ("few_clusters",)
    weights = "Webb" if count < WEBB_BELOW else "Rademacher"
    words = {
        "cluster": f"clustered by day ({_count(count)}), t with {count - 1} degrees of freedom",
        "wild": f"restricted wild cluster bootstrap-t by day ({_count(count)}, {weights} weights), "
        "intervals by test inversion",
        "bootstrap": f"whole days drawn with replacement ({_count(count)}), "
        f"t with {count - 1} degrees of freedom",
    }[kind]
    return Rule(kind, 0, count - 1, words, flags)


def _count(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def _longest_day(days: pd.Series, bars: pd.Series | None) -> int:
    day = pd.Series(np.asarray(days))
    if bars is None:
        return int(day.value_counts().max())
    return int(pd.Series(np.asarray(bars)).groupby(day.to_numpy()).nunique().max())
