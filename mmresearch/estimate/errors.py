"""Regression with honest standard errors: what is independent of what is said, not assumed.

Days are the independent pieces. From 40 days up errors are clustered by day; with 6 to 39 they come
from a restricted wild cluster bootstrap; with fewer, from Newey-West sums within days, and the
result is flagged.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.linalg
import scipy.stats
import statsmodels.api as sm

from mmresearch.estimate.result import TIDY
from mmresearch.estimate.sandwich import Rule, error_rule, within_day_hac
from mmresearch.estimate.wild import accepted, cluster_weights, p_value, wild_test


class Regression(NamedTuple):
    """A fitted regression: the coefficients, how errors were computed, what to heed, the fit.

    `fit` is statsmodels' result with the errors of the sandwich; for "wild" and "bootstrap" those
    are the clustered ones, and p-values and intervals stand in `table`.
    """

    table: pd.DataFrame
    errors: str
    flags: tuple[str, ...]
    fit: sm.regression.linear_model.RegressionResultsWrapper


def regress(
    y: pd.Series,
    x: pd.DataFrame,
    days: pd.Series,
    *,
    errors: str = "auto",
    bars: pd.Series | None = None,
    overlap: int = 1,
    level: float = 0.95,
    draws: int = 999,
    seed: int = 0,
) -> Regression:
    """Least squares of y on the columns of x, with errors that allow for dependence within a day.

    Parameters
    ----------
    y : Series (n,)
    x : DataFrame (n, k)
        The regressors as they are: no constant is added. Rows in order of time within a day.
    days : Series (n,)
        The day of each row, whatever its type: rows of different days are independent.
    errors : str
        "auto": "cluster" from 40 days, "wild" with 6 to 39, else "hac".
        "cluster": clustered by day, G/(G-1) * (n-1)/(n-k) corrected, t with G-1 degrees.
        "wild": restricted wild cluster bootstrap-t (Cameron, Gelbach and Miller 2008), Rademacher
        weights, below 12 days the six points of Webb (2014); the interval inverts the test.
        "hac": Newey and West (1987) within days, lag floor(4 (n/100)^(2/9)), n/(n-k) corrected.
        "bootstrap": whole days drawn with replacement, t with G-1 degrees.
        "HC1": White (1980), n/(n-k) corrected: for rows without serial dependence.
    bars : Series (n,), optional
        The time within the day. With "hac", rows of one day and bar (several series) are summed
        before lags are taken (Driscoll and Kraay 1998).
    overlap : int
        Rows that one y spans; with "hac" the lag is at least 1.5 times that where above one.
    level : float
        Of the intervals.
    draws, seed : int
        Of the bootstraps.

    Raises
    ------
    ValueError
        Missing or infinite values, fewer rows than regressors, collinear columns, y constant.
    """
    _refuse(y, x, days)
    rule = error_rule(days, errors=errors, overlap=overlap, bars=bars, params=x.shape[1])
    frame = x.astype("float64").reset_index(drop=True)
    target = y.astype("float64").reset_index(drop=True)
    groups = pd.factorize(days.to_numpy())[0]
    fit = _sandwich(sm.OLS(target, frame), rule, groups, bars)
    words = rule.words
    if rule.kind == "wild":
        table, words = _wild_table(fit, groups, level, draws, seed), f"{words}, {draws} draws"
    elif rule.kind == "bootstrap":
        spread = _day_bootstrap(frame.to_numpy(), target.to_numpy(), groups, draws, seed)
        table, words = _table(fit.params, spread, rule.df, level), f"{words}, {draws} draws"
    else:
        table = _table(fit.params, fit.bse.to_numpy(), rule.df, level)
    return Regression(table, words, rule.flags, fit)


def _refuse(y: pd.Series, x: pd.DataFrame, days: pd.Series) -> None:
    if not len(y) == len(x) == len(days):
        raise ValueError(f"y, x and days differ in length: {len(y)}, {len(x)}, {len(days)}")
    values = x.to_numpy(dtype="float64")
    target = y.to_numpy(dtype="float64")
    bad = ~np.isfinite(values).all(axis=1) | ~np.isfinite(target) | days.isna().to_numpy()
    if bad.any():
        first = np.flatnonzero(bad)[:3].tolist()
        raise ValueError(f"{bad.sum()} rows with missing or infinite values, first at {first}")
    if len(y) <= x.shape[1]:
        raise ValueError(f"{len(y)} rows cannot estimate {x.shape[1]} coefficients with errors")
    collinear = _collinear(values)
    if collinear:
        names = ", ".join(str(x.columns[j]) for j in collinear)
        raise ValueError(f"collinear regressors: {names} can be written by the others")
    if np.ptp(target) == 0:
        raise ValueError(f"y is constant ({target[0]:g}): there is nothing to explain")


def _collinear(values: np.ndarray) -> list[int]:
    """Columns that add nothing to those before them."""
    length = np.linalg.norm(values, axis=0)
    scaled = values / np.where(length > 0, length, 1.0)
    left = np.abs(np.diag(np.linalg.qr(scaled, mode="r")))
    return np.flatnonzero(left < 1e-9).tolist()


def _sandwich(
    model: sm.OLS, rule: Rule, groups: np.ndarray, bars: pd.Series | None
) -> sm.regression.linear_model.RegressionResultsWrapper:
    if rule.kind == "HC1":
        return model.fit(cov_type="HC1", use_t=True)
    if rule.kind != "hac":
        return model.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    # statsmodels' "hac-panel" takes one series; a day may hold several
    fit = model.fit(cov_type="HC1", use_t=True)
    scores = model.exog * fit.resid.to_numpy()[:, None]
    middle = within_day_hac(scores, groups, bars, rule.lags)
    bread = fit.normalized_cov_params.to_numpy()
    covariance = bread @ middle @ bread * fit.nobs / fit.df_resid
    fit._results.cov_params_default = covariance
    fit._results.cov_type = "hac-panel"
    fit._results.cov_kwds = {"description": rule.words}
    return fit


def _table(params: pd.Series, spread: np.ndarray, df: float, level: float) -> pd.DataFrame:
    estimate = params.to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        t = estimate / spread
    reach = scipy.stats.t.ppf((1 + level) / 2, df) * spread
    p = 2 * scipy.stats.t.sf(np.abs(t), df)
    columns = [list(params.index), estimate, spread, t, p, estimate - reach, estimate + reach]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _wild_table(
    fit: sm.regression.linear_model.RegressionResultsWrapper,
    groups: np.ndarray,
    level: float,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    table = _table(fit.params, fit.bse.to_numpy(), groups.max(), level)
    weights = cluster_weights(groups.max() + 1, draws=draws, seed=seed)
    y, x = fit.model.endog, fit.model.exog
    for column in range(x.shape[1]):
        test = wild_test(y, x[:, column], x, column, groups, weights)
        table.loc[column, "p"] = p_value(test, 0.0)
        table.loc[column, ["low", "high"]] = accepted(test, level=level)
    return table


def _day_bootstrap(
    x: np.ndarray, y: np.ndarray, groups: np.ndarray, draws: int, seed: int
) -> np.ndarray:
    """Standard deviation of the coefficients over samples of whole days."""
    count = groups.max() + 1
    cross = np.zeros((count, x.shape[1], x.shape[1]))
    np.add.at(cross, groups, x[:, :, None] * x[:, None, :])
    moment = np.zeros((count, x.shape[1]))
    np.add.at(moment, groups, x * y[:, None])
    rng = np.random.default_rng(seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype("float64")
    left = np.tensordot(times, cross, axes=1)
    right = times @ moment
    usable = np.linalg.cond(left) < 1e12
    if usable.mean() < 0.95:
        raise ValueError("too few days hold every regressor for a bootstrap by day; use 'wild'")
    solved = np.linalg.solve(left[usable], right[usable][:, :, None])[:, :, 0]
    return solved.std(axis=0, ddof=1)
