"""The change of inventory explained by its level, past changes, past returns, the time of day."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import (
    half_life_bars,
    kendall_rho,
    lagged,
    unit_root_critical,
    within,
)
from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.pairs import Pairs, inventory_pairs
from mmresearch.estimate.result import Quantity, Result, Sample
from mmresearch.estimate.sandwich import error_rule
from mmresearch.estimate.speed import bar_unit, no_speed, units

_HALF_HOUR = 1800
_NO_REVERSION = "a random walk is not rejected (t of rho - 1 is {:.2f}, needed below {:.2f})"
_QUESTION = "Does the inventory revert, given past flow, past returns and the time of day?"
_EQUATION = (
    r"\Delta I_t = a + b\,I_{t-1} + \sum_j g_j\,\Delta I_{t-j} + \sum_j d_j\,r_{t-j}"
    r" + \mathrm{time\ of\ day} + e_t"
)


def inventory_change(
    panel: pd.DataFrame, *, lags: int = 1, errors: str = "auto", seed: int = 0
) -> Result:
    """Regression of the change of inventory on its level, past changes and past returns.

    b < 0 is reversion; g > 0 is flow that continues (customers split orders); d < 0 is buying while
    the price falls. Past changes and returns are of the same session only (where bars are sessions:
    of the same stretch of sessions); returns, in basis points, are from prints where there is no
    mid; dummies for half-hours stand where the panel has a time of day. The flow of the bar itself
    is not a regressor: it is the change. Means, time of day and past returns are partialled out
    first (Frisch and Waugh 1933) where several series have means of their own.

    The half-life is ln(1/2) / ln(rho) bars, rho = 1 + b corrected for its bias as for an AR(1)
    (Kendall 1954, Nickell 1981) and with b's interval moved along. It is identified only where a
    random walk is rejected (`unit_root_critical`). That interval is normal and for slow reversion
    too narrow, so the result is flagged; the one to trust is that without controls.
    """
    pairs = inventory_pairs(panel, intercept="auto", lags=1)
    y, x, rows, dropped = _regressors(pairs, lags)
    if len(y) < 10 * (x.shape[1] + 1):
        return no_speed(_QUESTION, _EQUATION, pairs, f"{len(y)} bars for {x.shape[1]} coefficients")
    base = regress(y, x, rows["day"], errors=errors, bars=rows["bar_number"], seed=seed)
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    sample = Sample(
        len(y),
        dict(pairs.sample.dropped) | dropped,
        rows["day"].nunique(),
        rows["series"].nunique(),
    )
    return Result(
        _QUESTION,
        _EQUATION,
        unit=units(unit, length),
        table=base.table,
        sample=sample,
        errors=base.errors,
        fit=base.fit,
        quantities=_quantities(base, pairs, rows, errors, (unit, length)),
        flags=("normal_interval_on_persistent_regressor", *base.flags),
    )


def _regressors(pairs: Pairs, lags: int) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame, dict]:
    """Change, regressors and rows; rows without enough past in their segment are dropped."""
    design, rows = pairs.design, pairs.frame
    starts = np.append(np.flatnonzero(design.fresh), len(rows))
    y = design.y - design.x
    columns = {"inventory": design.x}
    columns |= _past("change", y, starts, lags)
    for name in ("return_bps", "trade_return_bps"):
        if name in rows and np.isfinite(rows[name]).any():
            columns |= _past("return", rows[name].to_numpy(float), starts, lags)
            break
    x = pd.DataFrame(columns)
    known = np.isfinite(x.to_numpy()).all(axis=1)
    x, y, rows = x[known], pd.Series(y)[known], rows[known]
    x = pd.concat([x, _time_of_day(rows)], axis=1)
    x, y = _without_means(x, y, rows, pairs)
    dropped = {"no past in the session": int((~known).sum())}
    return y.reset_index(drop=True), x.reset_index(drop=True), rows.reset_index(drop=True), dropped


def _past(name: str, values: np.ndarray, starts: np.ndarray, lags: int) -> dict[str, np.ndarray]:
    return {f"{name}_{j + 1}": past for j, past in enumerate(lagged(values, starts, lags).T)}


def _time_of_day(rows: pd.DataFrame) -> pd.DataFrame:
    """Dummies of half-hours since the open, but the first; none without a clock."""
    if "time_of_day" not in rows or rows["time_of_day"].isna().any():
        return pd.DataFrame(index=rows.index)
    half = (rows["time_of_day"] // _HALF_HOUR).astype(int)
    return pd.get_dummies(half, prefix="half_hour", drop_first=True, dtype=float)


def _without_means(
    x: pd.DataFrame, y: pd.Series, rows: pd.DataFrame, pairs: Pairs
) -> tuple[pd.DataFrame, pd.Series]:
    """A constant where there is one mean (or time of day), else every column within its group."""
    groups = rows["group"].nunique() if pairs.design.means else 1
    if groups == 1:
        return x.assign(const=1.0)[["const", *x.columns]], y
    bounds = np.append(np.flatnonzero(rows["group"].ne(rows["group"].shift())), len(rows))
    inner = pd.DataFrame(within(x.to_numpy(), bounds, means=True), x.index, x.columns)
    inner = inner.loc[:, inner.abs().max() > 1e-9]
    return inner, pd.Series(within(y.to_numpy(), bounds, means=True), y.index)


def _quantities(
    base: Regression, pairs: Pairs, rows: pd.DataFrame, errors: str, bar: tuple[str, float]
) -> dict[str, Quantity]:
    """What b says of rho and the half-life, corrected for bias; refused if a random walk may be."""
    b = base.table.set_index("term").loc["inventory"]
    groups = rows["group"].nunique() if pairs.design.means else 1
    corrected = kendall_rho(1 + b["estimate"], len(rows), groups)
    rho = corrected + (b[["estimate", "low", "high"]] - b["estimate"]).to_numpy(float)
    rule = error_rule(rows["day"], errors=errors, bars=rows["bar_number"], params=len(base.table))
    t, critical = (corrected - 1) / b["std_error"], unit_root_critical(rule.df)
    reason = "" if t < critical else _NO_REVERSION.format(t, critical)
    method = "1 + b, bias corrected, normal interval"
    return {
        "rho": Quantity("rho", *rho, "a bar", method),
        "half_life": _half_life(rho, reason, *bar, method),
    }


def _half_life(rho: np.ndarray, reason: str, unit: str, length: float, method: str) -> Quantity:
    value, low, high = (length * half_life_bars(r) for r in rho)
    if not reason and rho[0] <= 0:
        reason = "inventory changes sign from bar to bar (rho not above 0): use shorter bars"
    if reason:
        high = math.inf
    low = math.nan if math.isinf(low) else low
    return Quantity("half-life", value, low, high, unit, method, not reason, reason)
