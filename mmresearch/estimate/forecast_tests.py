"""Which of two forecasts is better, and which of many may be the best."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

FEWEST_FORECASTS = 30


class Test(NamedTuple):
    """A mean with its error, statistic and p."""

    mean: float
    error: float
    statistic: float
    p: float


def squared(realized: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """(RV - F)², bps to the fourth."""
    return (realized - forecast) ** 2


def qlike(realized: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """RV/F - ln(RV/F) - 1: 0 where the forecast is right, and hardly moved by noise of RV."""
    ratio = realized / forecast
    return ratio - np.log(ratio) - 1


def loss_lags(forecasts: int, horizon: int) -> int:
    """Lags of a loss difference: those of the overlap, and at least the cube root of n."""
    return max(horizon - 1, math.ceil(forecasts ** (1 / 3)))


def long_variance(values: np.ndarray, lags: int) -> float:
    """Newey-West long-run variance of values whose mean is taken out."""
    away = values - values.mean()
    total = away @ away
    for lag in range(1, min(lags, len(away) - 1) + 1):
        total += 2 * (1 - lag / (lags + 1)) * (away[lag:] @ away[:-lag])
    return float(total) / len(away)


def diebold_mariano(better: np.ndarray, horizon: int) -> Test:
    """Are loss differences 0 on average? Two-sided, with the small-sample factor of Harvey et al.

    better: loss of the first less loss of the second, above 0 where the second is better. Between
    nested models the test hardly ever rejects: `clark_west` is for these.
    """
    n = len(better)
    mean = float(better.mean())
    error = math.sqrt(long_variance(better, loss_lags(n, horizon)) / n)
    factor = math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    if not error > 0:
        return Test(mean, error, math.nan, math.nan)
    t = factor * mean / error
    return Test(mean, error, t, float(2 * scipy.stats.t.sf(abs(t), n - 1)))


def clark_west(realized: np.ndarray, small: np.ndarray, large: np.ndarray, horizon: int) -> Test:
    """Does the larger of two nested models foretell more? One-sided, against the normal.

    f = e0² - (e1² - (F0 - F1)²): what the larger model loses by estimating coefficients that are 0
    is given back. Clark and West (2007).
    """
    f = (realized - small) ** 2 - (realized - large) ** 2 + (small - large) ** 2
    n, mean = len(f), float(f.mean())
    error = math.sqrt(long_variance(f, math.ceil(1.5 * (horizon - 1))) / n)
    if not error > 0:
        return Test(mean, error, math.nan, math.nan)
    return Test(mean, error, mean / error, float(scipy.stats.norm.sf(mean / error)))


def giacomini_white(better: np.ndarray, horizon: int) -> Test:
    """Can the loss difference be foretold from its own last value? chi² with 2 degrees.

    Of forecasts with a rolling window only, whose estimation error does not go away. The
    instruments are 1 and the difference known at the origin. Giacomini and White (2006).
    """
    now, then = better[horizon:], better[:-horizon]
    z = np.column_stack([now, now * then])
    n, lags = len(z), math.ceil(1.5 * (horizon - 1))
    middle = z.T @ z / n
    for lag in range(1, lags + 1):
        cross = z[lag:].T @ z[:-lag] / n
        middle += (1 - lag / (lags + 1)) * (cross + cross.T)
    mean = z.mean(axis=0)
    if np.linalg.matrix_rank(middle) < 2:
        return Test(float(now.mean()), math.nan, math.nan, math.nan)
    statistic = float(n * mean @ np.linalg.solve(middle, mean))
    return Test(float(now.mean()), math.nan, statistic, float(scipy.stats.chi2.sf(statistic, 2)))


def r2_against(
    base: np.ndarray, model: np.ndarray, horizon: int, level: float
) -> tuple[float, float, float]:
    """1 - Σ e1²/Σ e0² and its interval, by the delta method with Newey-West's errors."""
    n, ratio = len(base), float(model.sum() / base.sum())
    influence = (model - ratio * base) / base.mean()
    error = math.sqrt(long_variance(influence, loss_lags(n, horizon)) / n)
    reach = float(scipy.stats.t.ppf((1 + level) / 2, n - 1)) * error
    return 1 - ratio, 1 - ratio - reach, 1 - ratio + reach


def confidence_set(
    losses: pd.DataFrame, horizon: int, *, size: float, draws: int, seed: int
) -> pd.DataFrame:
    """Mean loss of each column, and p: below `size` it is not among those that may be best.

    Of Hansen, Lunde and Nason (2011), by stationary bootstrap, as `arch.bootstrap.MCS` has it.
    """
    from arch.bootstrap import MCS  # slow to import

    values = losses.to_numpy("float64")
    names = pd.Series(losses.columns, name="model")
    table = pd.DataFrame({"model": names, "loss": values.mean(axis=0)})
    apart = np.unique(values.round(12), axis=1).shape[1] > 1
    if draws < 1 or values.shape[1] < 2 or not apart:
        return table.assign(p=np.nan, may_be_best=True)
    found = MCS(
        values,
        size=size,
        reps=draws,
        block_size=loss_lags(len(values), horizon),
        method="R",
        bootstrap="stationary",
        seed=np.random.default_rng(seed),
    )
    found.compute()
    p = found.pvalues["Pvalue"].sort_index().to_numpy()
    return table.assign(p=p, may_be_best=p > size).sort_values("loss", ignore_index=True)
