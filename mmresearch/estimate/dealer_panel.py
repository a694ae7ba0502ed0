"""Regressions of many series over one calendar: fixed effects, errors by series and by day."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from linearmodels.panel import PanelOLS
from linearmodels.panel.utility import AbsorbingEffectError

from mmresearch.estimate.result import TIDY
from mmresearch.estimate.sandwich import MANY_DAYS, newey_west_lags

MANY_SERIES = 20
_KINDS = ("auto", "two-way", "day", "driscoll-kraay")


class PanelFit(NamedTuple):
    """A fitted panel: the coefficients, errors in words, what to heed, linearmodels' result."""

    table: pd.DataFrame
    errors: str
    df: int
    flags: tuple[str, ...]
    fit: Any


def panel_regress(
    y: pd.Series,
    x: pd.DataFrame,
    *,
    series: pd.Series,
    day: pd.Series,
    bar: pd.Series | None = None,
    errors: str = "auto",
    effects: bool = True,
    level: float = 0.95,
) -> PanelFit:
    """Least squares of y on x with a constant a series.

    Parameters
    ----------
    y : Series (n,)
    x : DataFrame (n, k)
        Without constants: they are the series'.
    series, day : Series (n,)
    bar : Series (n,), optional
        The bar of the day where a day has several.
    errors : str
        "two-way": clustered by series and by day (Cameron, Gelbach and Miller 2011), t with one
        degree less than the fewer of the two. "driscoll-kraay": any dependence between series,
        Newey-West over days (Driscoll and Kraay 1998), lags floor(4 (T/100)^(2/9)), t with T - 1
        degrees. "day": clustered by day. "auto": "two-way" from 20 series up, else
        "driscoll-kraay" where a day is one row a series, else "day".

    effects : bool
        False where the series' constants are known to be 0.

    Raises
    ------
    ValueError
        Missing or infinite values, too few rows or days, regressors that the constants hold.
    """
    _refuse(y, x, day)
    count, days = series.nunique(), day.nunique()
    several = bar is not None and len(bar) > 0 and bool(bar.max() > bar.min())
    kind = _kind(errors, count, several)
    frame = x.astype("float64").reset_index(drop=True)
    time = pd.factorize(day.to_numpy(), sort=True)[0]
    if several:
        time = pd.DataFrame({"day": time, "bar": np.asarray(bar)}).groupby(["day", "bar"]).ngroup()
    codes = pd.factorize(pd.Series(series).to_numpy())[0]
    index = pd.MultiIndex.from_arrays([codes, np.asarray(time)], names=["series", "time"])
    model = PanelOLS(
        pd.Series(y.to_numpy("float64"), index, name="y"),
        frame.set_axis(index),
        entity_effects=effects,
    )
    options, words, df = _options(kind, codes, pd.factorize(day.to_numpy())[0], index)
    try:
        fit = model.fit(**options)
    except AbsorbingEffectError as error:
        held = ", ".join(map(str, x.columns))
        raise ValueError(f"regressors ({held}): one is constant within every series") from error
    flags = ("few_clusters",) if days < MANY_DAYS else ()
    return PanelFit(_table(fit, df, level), words, df, flags, fit)


def _refuse(y: pd.Series, x: pd.DataFrame, day: pd.Series) -> None:
    bad = ~np.isfinite(np.column_stack([y.to_numpy("float64"), x.to_numpy("float64")])).all(axis=1)
    if bad.any():
        raise ValueError(f"{bad.sum()} rows with missing or infinite values")
    if day.nunique() < 3:
        raise ValueError(f"{day.nunique()} days, where errors by day need 3")


def _kind(errors: str, count: int, several: bool) -> str:
    if errors not in _KINDS:
        raise ValueError(f"errors must be one of {', '.join(_KINDS)}, not {errors!r}")
    if errors == "driscoll-kraay" and several:
        raise ValueError("errors='driscoll-kraay' takes one row a series and day; use 'day'")
    if errors != "auto":
        return errors
    return "two-way" if count >= MANY_SERIES else "day" if several else "driscoll-kraay"


def _options(
    kind: str, codes: np.ndarray, days: np.ndarray, index: pd.MultiIndex
) -> tuple[dict[str, Any], str, int]:
    count, periods = int(codes.max()) + 1, int(days.max()) + 1
    if kind == "driscoll-kraay":
        lags = min(newey_west_lags(periods), periods - 2)
        words = (
            f"Driscoll-Kraay ({count} series, {periods} days), {lags} lags: "
            f"floor(4 (T/100)^(2/9)), t with {periods - 1} degrees of freedom"
        )
        options = {"cov_type": "kernel", "kernel": "bartlett", "bandwidth": lags}
        return options | {"debiased": True}, words, periods - 1
    columns = {"series": codes, "day": days} if kind == "two-way" else {"day": days}
    df = (min(count, periods) if kind == "two-way" else periods) - 1
    by = "series and by day" if kind == "two-way" else "day"
    words = f"clustered by {by} ({count} series, {periods} days), t with {df} degrees of freedom"
    options = {"cov_type": "clustered", "clusters": pd.DataFrame(columns, index=index)}
    return options | {"debiased": True, "group_debias": True}, words, df


def _table(fit: Any, df: int, level: float) -> pd.DataFrame:
    estimate, error = fit.params.to_numpy(), fit.std_errors.to_numpy()
    t = np.divide(estimate, error, out=np.full(len(error), np.nan), where=error > 0)
    reach = scipy.stats.t.ppf((1 + level) / 2, df) * error
    p = 2 * scipy.stats.t.sf(np.abs(t), df)
    columns = [list(fit.params.index), estimate, error, t, p, estimate - reach, estimate + reach]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))
