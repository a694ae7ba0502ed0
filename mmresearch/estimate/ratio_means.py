"""Ratios of sums over days, or over the bars of a few days, with errors and joint covariance.

`mean_curves` has the means of single events that overlap. Its errors are others: cosines where here
lags are few, and a regression on the weights where here the weights are as random as the sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.result import TIDY
from mmresearch.estimate.sandwich import Rule, error_rule, small_sample_factor, sum_covariance
from mmresearch.estimate.wild import accepted, cluster_weights, p_value, wild_test

ERRORS = ("auto", "cluster", "wild", "hac")
FEWEST_PIECES = 8  # days, or bars of them
_FEW = 200  # bars: with more the critical value of Newey-West's t is the normal's
_DRAWS = 4_000


class Cells(NamedTuple):
    """Independent pieces: sums [n, m], what they are divided by [n], and the day of each."""

    sums: np.ndarray
    weights: np.ndarray
    days: pd.Series


class Means(NamedTuple):
    """Sums over weights: a row a term as `TIDY`, joint covariance, rule and critical value."""

    table: pd.DataFrame
    covariance: np.ndarray
    rule: Rule
    critical: float
    told: bool


def cells_of(rows: pd.DataFrame, columns: list[str], weight: str, *, errors: str) -> Cells:
    """Sums by day, or, where errors are Newey-West's, by the rows' start; all series together.

    `weight` is a column, or "days": then the ratio is the mean of days.
    """
    days = rows["day"].nunique()
    keys = ["day"]
    if error_rule(rows["day"].drop_duplicates(), errors=errors).kind == "hac":
        keys += [name for name in ("start",) if name in rows]
    names = columns if weight == "days" else [*columns, weight]
    summed = rows.groupby(keys)[names].sum()
    units = np.full(len(summed), days / len(summed))
    if weight != "days":
        units = summed[weight].to_numpy("float64")
    days_of = pd.Series(summed.index.get_level_values("day"))
    return Cells(summed[columns].to_numpy("float64"), units, days_of)


def ratio_means(
    cells: Cells, terms: list[str], *, errors: str, level: float, seed: int = 0
) -> Means:
    """Each column's sum over the sum of weights, with intervals.

    errors as in `regress`. "wild": the interval holds every a for which the mean of sums - a *
    weights is not told from 0, by the restricted wild bootstrap. "hac": critical values of the t
    of as many independent normal pieces, by draws, where there are fewer than 200: with few pieces
    Newey-West's errors are too small for Student's. Below 8 pieces there are no intervals.
    """
    chosen = "auto" if errors == "auto" else errors
    rule = error_rule(cells.days, errors=_kind(cells, chosen))
    total = cells.weights.sum()
    means = cells.sums.sum(axis=0) / total
    influence = (cells.sums - cells.weights[:, None] * means) / total
    clustered = rule._replace(kind="cluster") if rule.kind == "wild" else rule
    days, pieces = cells.days.nunique(), len(influence)
    told = pieces >= FEWEST_PIECES if rule.kind == "hac" else days > 1
    covariance = np.full((len(means), len(means)), np.nan)
    if told:
        factor = small_sample_factor(clustered, pieces, 1, days)
        covariance = sum_covariance(influence, cells.days, clustered) * factor
    drawn = None
    if rule.kind == "hac" and told and pieces < _FEW:
        drawn = _drawn(cells.days, rule, seed)
    table, critical = _table(terms, means, covariance, rule, drawn, level)
    if rule.kind == "wild":
        table = _wild(table, cells, level, seed)
    return Means(table, covariance, rule, critical, told)


def _kind(cells: Cells, errors: str) -> str:
    """The errors asked for; "auto" by the number of days, not of pieces."""
    return error_rule(cells.days.drop_duplicates(), errors=errors).kind


def _drawn(days: pd.Series, rule: Rule, seed: int) -> np.ndarray:
    """|t| of independent normal pieces under the same rule, by draws."""
    day = np.sort(pd.factorize(days.to_numpy())[0])
    n = len(day)
    drawn = np.random.default_rng(seed).standard_normal((n, _DRAWS))
    away = drawn - drawn.mean(axis=0)
    square = (away**2).sum(axis=0)
    for lag in range(1, rule.lags + 1):
        product = away[lag:] * away[:-lag] * (day[lag:] == day[:-lag])[:, None]
        square += 2 * (1 - lag / (rule.lags + 1)) * product.sum(axis=0)
    error = np.sqrt(np.maximum(square, 1e-12) * n / (n - 1)) / n
    return np.abs(drawn.mean(axis=0)) / error


def _table(
    terms: list[str],
    means: np.ndarray,
    covariance: np.ndarray,
    rule: Rule,
    drawn: np.ndarray | None,
    level: float,
) -> tuple[pd.DataFrame, float]:
    """The table, and the critical value of its intervals."""
    error = np.sqrt(np.clip(np.diag(covariance), 0, None))
    error = np.where(error > 1e-12 * np.abs(means), error, np.nan)
    t = means / error
    if drawn is None:
        critical = float(scipy.stats.t.ppf((1 + level) / 2, rule.df)) if rule.df > 0 else np.nan
        p = 2 * scipy.stats.t.sf(np.abs(t), rule.df)
    else:
        critical = float(np.quantile(drawn, level))
        p = (1 + (drawn >= np.abs(t)[:, None]).sum(axis=1)) / (1 + len(drawn))
        p = np.where(np.isnan(t), np.nan, p)
    columns = (terms, means, error, t, p, means - critical * error, means + critical * error)
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True))), critical


def _wild(table: pd.DataFrame, cells: Cells, level: float, seed: int) -> pd.DataFrame:
    """The same with p-values and intervals of the restricted wild bootstrap."""
    groups, names = pd.factorize(cells.days.to_numpy())
    draws = cluster_weights(len(names), draws=999, seed=seed)
    flat = np.ones((len(groups), 1))
    for place in np.flatnonzero(table["std_error"].notna()):
        test = wild_test(cells.sums[:, place], cells.weights, flat, 0, groups, draws)
        table.loc[place, "p"] = p_value(test, 0.0)
        table.loc[place, ["low", "high"]] = accepted(test, level=level)
    return table
