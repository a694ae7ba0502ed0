"""Regressions of what dealers do on inventories of now and of a bar ago, errors by day."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
import statsmodels.api as sm
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from mmresearch.estimate.dealer_panel import panel_regress
from mmresearch.estimate.equivalent_rows import CASES, KINDS
from mmresearch.estimate.result import TIDY
from mmresearch.estimate.sandwich import MANY_DAYS

SPLIT = "quote by constraint"


class OutcomeFit(NamedTuple):
    """One outcome's regression: the table, errors in words, rows, what was dropped, the fit."""

    table: pd.DataFrame
    errors: str
    rows: int
    days: int
    dropped: dict[str, int]
    fit: Any


def fit_split(
    y: pd.Series, frame: pd.DataFrame, kinds: tuple[str, ...], level: float
) -> OutcomeFit | str:
    """The regression of quotes with inventories where the constraint binds and where not."""
    cases = tuple(f"{kind}_{case}" for kind in kinds for case in CASES)
    varies = (frame.groupby(["account", "symbol"])["binds"].std() > 0).any()
    constant = ("binds",) if varies else ()  # else it is in the constants of the series
    return fit_outcome(SPLIT, y.where(frame["binds"].notna()), frame, cases, level, constant)


def _few_days(rows: pd.DataFrame) -> str:
    """Why the constraint's cases cannot be told, if so: errors by day need days of each."""
    for binds, words in ((0, "does not bind"), (1, "binds")):
        days = rows.loc[rows["binds"] == binds, "day"].nunique()
        if days < MANY_DAYS:
            return f"the constraint {words} on {days} days, where clustering needs {MANY_DAYS}"
    return ""


def fit_outcome(
    name: str,
    y: pd.Series,
    frame: pd.DataFrame,
    kinds: tuple[str, ...],
    level: float,
    others: tuple[str, ...] = (),
) -> OutcomeFit | str:
    """The regression with the levels of now and of a bar ago, or why there is none."""
    columns = [*(f"{kind}{lag}" for kind in kinds for lag in ("", "_lag")), *others]
    rows = frame.assign(y=y, series=frame.groupby(["account", "symbol"]).ngroup())
    known = rows[columns].notna().all(axis=1) & ~rows["gap"].astype(bool)
    dropped = {
        f"no {name}": int(y.isna().sum()),
        "no relative inventory now and before": int((~known & y.notna()).sum()),
    }
    rows = rows[known & y.notna()]
    varies = rows["y"].groupby(rows["series"]).transform("std") > 0
    dropped[f"{name} of the series always the same"] = int((~varies).sum())
    rows = rows[varies]
    days = rows["day"].nunique()
    if days < MANY_DAYS:
        return f"{days} days, where clustering by day needs {MANY_DAYS}"
    few = _few_days(rows) if name == SPLIT else ""
    if few:
        return few
    try:
        table, errors, fit = (_logit if name == "execution" else _linear)(rows, columns, level)
    except (ValueError, np.linalg.LinAlgError, PerfectSeparationWarning) as error:
        return str(error) or "the regression has no solution"
    return OutcomeFit(table, errors, len(rows), days, dropped, fit)


def _logit(rows: pd.DataFrame, columns: list[str], level: float) -> tuple[pd.DataFrame, str, Any]:
    constants = pd.get_dummies(rows["series"], prefix="series", dtype=float)
    x = pd.concat([rows[columns], constants], axis=1)
    groups = pd.factorize(rows["day"])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = sm.Logit(rows["y"], x).fit(
            cov_type="cluster", cov_kwds={"groups": groups}, disp=0, method="newton"
        )
    table = _tidy(fit.params[columns], fit.bse[columns], groups.max(), level)
    return table, f"logit, clustered by day ({groups.max() + 1} days)", fit


def _linear(rows: pd.DataFrame, columns: list[str], level: float) -> tuple[pd.DataFrame, str, Any]:
    found = panel_regress(
        rows["y"],
        rows[columns],
        series=rows["series"],
        day=rows["day"],
        bar=rows.groupby(["day", "bar"]).ngroup(),
        errors="day",
        level=level,
    )
    return found.table, found.errors, found.fit


def _tidy(estimate: pd.Series, error: pd.Series, df: int, level: float) -> pd.DataFrame:
    t = estimate / error
    reach = scipy.stats.t.ppf((1 + level) / 2, df) * error
    p = 2 * scipy.stats.t.sf(t.abs(), df)
    columns = [estimate.index, estimate, error, t, p, estimate - reach, estimate + reach]
    return pd.DataFrame(dict(zip(TIDY, map(np.asarray, columns), strict=True)))


def interaction(fit: OutcomeFit, level: float) -> pd.DataFrame:
    """The response where the constraint binds less that where it does not, by inventory."""
    b, cov = fit.fit.params, fit.fit.cov
    kinds = [kind for kind in KINDS if f"{kind}_free" in b.index]
    signs = pd.DataFrame(0.0, index=kinds, columns=b.index)
    for kind in kinds:
        signs.loc[kind, [f"{kind}_free", f"{kind}_binds"]] = -1.0, 1.0
    error = np.sqrt(np.diag(signs @ cov @ signs.T))
    return _tidy(signs @ b, pd.Series(error, kinds), fit.days - 1, level)


def lag_test(fit: OutcomeFit, kind: str) -> tuple[str, float, float]:
    """null, t, p of the level a bar ago."""
    t, p = fit.table.set_index("term").loc[f"{kind}_lag", ["t", "p"]]
    return "only the last level acts", t, p


def lag_tests(fit: OutcomeFit) -> list[tuple[str, str, float, float]]:
    """inventory, null, t, p of every inventory in the regression."""
    terms = fit.table["term"]
    kinds = terms[terms.str.endswith("_lag")].str.removesuffix("_lag")
    return [(kind, *lag_test(fit, kind)) for kind in kinds]
