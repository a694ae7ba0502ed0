"""What pressure and information are computed from, with the error of each part and their ratio."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import unit_root_critical
from mmresearch.estimate.pressure_rows import centred
from mmresearch.estimate.sandwich import Rule, small_sample_factor, sum_covariance


class Reversion(NamedTuple):
    """AR(1) of inventory over the rows: rho by least squares and corrected, its surprises.

    `t` is of the corrected rho - 1, `critical` what it must be below for a unit root to be rejected
    at 5 %.
    """

    rho: float
    corrected: float
    surprise: pd.Series
    t: float
    critical: float


class Parts(NamedTuple):
    """Coefficients of return on (1, change, lag) and of change on (1, lag), and their covariance.

    held: of lag, in the first; total: of change; pull: rho - 1, corrected. covariance: (3, 3).
    """

    held: float
    total: float
    pull: float
    covariance: np.ndarray


def inventory_reversion_of(frame: pd.DataFrame, rule: Rule) -> Reversion:
    """AR(1) of inventory by least squares, a mean each series, and whether it reverts at all."""
    lag, change = (centred(frame[c], frame["series"]) for c in ("lag", "change"))
    away = lag - lag.mean()
    variation = float(away @ away)
    if variation <= 1e-18 * max(1.0, float(lag @ lag)):
        raise ValueError("inventory before each return is the same in every row")
    pull = float(away @ change) / variation
    surprise = change - change.mean() - pull * away
    covariance = sum_covariance(
        (away * surprise / variation).to_numpy()[:, None], frame["day"], rule, bars=frame["bar"]
    )
    count = len(frame) / frame["series"].nunique()
    factor = small_sample_factor(rule, len(frame), 2, frame["day"].nunique())
    rho = 1 + pull
    corrected = rho if count <= 4 else min((count * rho + 1) / (count - 3), max(rho, 1.0))
    t = (corrected - 1) / np.sqrt(covariance[0, 0] * factor)
    return Reversion(rho, corrected, surprise, float(t), unit_root_critical(rule.df))


def pressure_parts(
    fit: object, lag: pd.Series, reversion: Reversion, rule: Rule, frame: pd.DataFrame
) -> Parts:
    """Influence rows of the three coefficients, their sums' covariance by the rule of errors."""
    covariance = sum_covariance(
        influences(fit, lag, reversion), frame["day"], rule, bars=frame["bar"]
    )
    factor = small_sample_factor(rule, len(frame), 3, frame["day"].nunique())
    held, total = fit.params["inventory_lag"], fit.params["inventory_change"]
    return Parts(float(held), float(total), reversion.corrected - 1, covariance * factor)


def influences(fit: object, lag: pd.Series, reversion: Reversion) -> np.ndarray:
    """What every row adds to the errors of held, total and pull: [n, 3]."""
    direct = np.linalg.pinv(fit.model.exog).T * fit.resid.to_numpy()[:, None]
    away = (lag - lag.mean()).to_numpy()
    pull = away * reversion.surprise.to_numpy() / (away @ away)
    return np.column_stack([direct[:, 2], direct[:, 1], pull])


def fieller(
    top: float, below: float, covariance: np.ndarray, critical: float
) -> tuple[float, float]:
    """Interval of top / below by inverting the t-test of top - a * below = 0 (Fieller 1954).

    (-inf, inf) where `below` is not significantly different from zero.
    """
    square = below**2 - critical**2 * covariance[1, 1]
    if square <= 0:
        return -np.inf, np.inf
    middle = top * below - critical**2 * covariance[0, 1]
    rest = top**2 - critical**2 * covariance[0, 0]
    reach = np.sqrt(max(middle**2 - square * rest, 0.0))
    return (middle - reach) / square, (middle + reach) / square
