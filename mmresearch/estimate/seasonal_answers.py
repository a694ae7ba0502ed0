"""What is told of a shape over the time of day: its bands, ends against the middle, R2."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.result import TIDY, Quantity
from mmresearch.estimate.seasonal_fit import Fit, jackknifed, joint_reach, shape_of
from mmresearch.estimate.seasonal_rows import SeasonalRows

CALLED = {
    "open_to_middle": "first bar against the middle one",
    "close_to_middle": "last bar against the middle one",
    "r2": "share of the variance inside days that is shape",
    "no_shape": "p, that there is no shape",
}


class Told(NamedTuple):
    """Logarithms of the factors, or shifts, [N]; errors [N]; the same without each day [days, N].

    single, joint: how many errors wide the band of a bar and of the whole shape is. p: of none.
    """

    value: np.ndarray
    error: np.ndarray
    left: np.ndarray
    single: float
    joint: float
    p: float


def told_shape(fit: Fit, rows: SeasonalRows, level: float) -> Told:
    """The shape with errors of its logarithm (or of the shift), and the p of a flat one."""
    value, left = (_log_shape(fit.grid, b, rows.kind) for b in (fit.beta, fit.left))
    away = jackknifed(value, left)
    error = np.sqrt((away**2).sum(axis=0))
    joint, p_of = joint_reach(away, len(fit.beta), level)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nanmax(np.abs(value) / error)
    single = scipy.stats.t.ppf((1 + level) / 2, len(left) - 1)
    return Told(value, error, left, float(single), joint, p_of(float(t)))


def _log_shape(grid: np.ndarray, beta: np.ndarray, kind: str) -> np.ndarray:
    shape = shape_of(grid, beta, kind)
    return shape if kind == "shift" else np.log(shape)


def shape_table(fit: Fit, rows: SeasonalRows, told: Told | None) -> pd.DataFrame:
    """The factor or shift of each bar of a whole session, with its bands and rows."""
    name = "shift" if rows.kind == "shift" else "factor"
    bar = np.arange(rows.bars)
    shape = pd.DataFrame({"bar": bar, "time_of_day": bar * rows.seconds})
    shape[name] = shape_of(fit.grid, fit.beta, rows.kind)
    back = (lambda v: v) if rows.kind == "shift" else np.exp
    for ends, reach in ((("low", "high"), "single"), (("joint_low", "joint_high"), "joint")):
        for end, sign in zip(ends, (-1, 1), strict=True):
            shape[end] = np.nan
            if told is not None:
                shape[end] = back(told.value + sign * getattr(told, reach) * told.error)
    n = rows.frame["n"].to_numpy()[fit.use]
    place = np.clip(np.ceil(n - 1e-9).astype(int) - 1, 0, rows.bars - 1)
    return shape.assign(rows=np.bincount(place, minlength=rows.bars))


def coefficients(fit: Fit, level: float) -> pd.DataFrame:
    """The coefficients with errors by leaving days out, as a Result's table."""
    days = len(fit.left)
    error = np.full(len(fit.beta), np.nan)
    if days > 1:
        error = np.sqrt((jackknifed(fit.beta, fit.left) ** 2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = fit.beta / error
    df = max(days - 1, 1)
    reach = scipy.stats.t.ppf((1 + level) / 2, df) * error
    p = 2 * scipy.stats.t.sf(np.abs(t), df)
    columns = [list(fit.names), fit.beta, error, t, p, fit.beta - reach, fit.beta + reach]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def answers(
    fit: Fit, rows: SeasonalRows, told: Told | None, level: float, unit: str
) -> dict[str, Quantity]:
    """Both ends against the middle, R2 inside days and the p of no shape."""
    shown = {"open_to_middle": 0, "close_to_middle": rows.bars - 1}
    middle = rows.bars // 2
    log = _log_shape(fit.grid, fit.beta, rows.kind)
    back = (lambda v: v) if rows.kind == "shift" else np.exp
    if told is None:
        why = "of one day a shape is not told from that day's own slow moves"
        gone = (math.nan, math.nan, math.nan)
        values = {name: (float(back(log[b] - log[middle])), unit) for name, b in shown.items()}
        values |= {"r2": (_r2(fit), ""), "no_shape": (math.nan, "")}
        return {
            name: Quantity(CALLED[name], v, *gone[1:], u, "none", False, why, level)
            for name, (v, u) in values.items()
        }
    df = len(fit.left) - 1
    method = f"leaving each day out, t with {df} degrees of freedom"
    found = {}
    for name, b in shown.items():
        value, left = log[b] - log[middle], told.left[:, b] - told.left[:, middle]
        reach = told.single * math.sqrt(float((jackknifed(value, left) ** 2).sum()))
        ends = [float(back(v)) for v in (value, value - reach, value + reach)]
        found[name] = Quantity(CALLED[name], *ends, unit, method, level=level)
    found["r2"] = _r2_quantity(fit, told.single, method, level)
    p = float(told.p)
    how = "largest t of the shape: by draws or Bonferroni, whichever is larger"
    found["no_shape"] = Quantity(CALLED["no_shape"], p, p, p, "", how, level=level)
    return found


def _r2(fit: Fit, without: int | None = None) -> float:
    """Adjusted share of the variance inside days; without one day where that is given."""
    keep = np.arange(len(fit.sums.rows)) != (-1 if without is None else without)
    beta = fit.beta if without is None else fit.left[without]
    xx, xy, yy = (part[keep].sum(axis=0) for part in fit.sums[:3])
    rest = yy - 2 * beta @ xy + beta @ xx @ beta
    n = fit.sums.rows[keep].sum() - keep.sum()
    if not n > len(beta) or not yy > 0:
        return math.nan
    return float(1 - rest / (n - len(beta)) / (yy / n))


def _r2_quantity(fit: Fit, single: float, method: str, level: float) -> Quantity:
    value = _r2(fit)
    left = np.array([_r2(fit, d) for d in range(len(fit.left))])
    reach = single * math.sqrt(float((jackknifed(value, left) ** 2).sum()))
    ends = np.clip([value - reach, value + reach], 0.0, 1.0)
    return Quantity(CALLED["r2"], max(value, 0.0), *map(float, ends), "", method, level=level)
