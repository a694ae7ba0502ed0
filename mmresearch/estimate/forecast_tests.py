"""Which of two forecasts is better, and which of many may be the best."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.cosines import FEWEST_COSINES, cosine_covariance

FEWEST_FORECASTS = 30
_DRAWS = 999  # of blocks, for the interval of R2


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
    """1 - Σ e1²/Σ e0² and its interval, by the delta method with errors of the slowest cosines.

    For a base like the mean of the past, whose losses last as long as volatility does: at least
    four cosines, no more than .41 n^(2/3), none faster than eight horizons, and t of as many
    degrees (Lazarus, Lewis, Stock and Watson 2018). Its truth is that of `r2_nested`.
    """
    n, ratio = len(base), float(model.sum() / base.sum())
    influence = (model - ratio * base) / base.mean() / n
    cosines = max(FEWEST_COSINES, int(min(0.41 * n ** (2 / 3), n / (4 * horizon))))
    error = math.sqrt(cosine_covariance(influence[:, None], cosines)[0, 0])
    reach = float(scipy.stats.t.ppf((1 + level) / 2, cosines)) * error
    return 1 - ratio, 1 - ratio - reach, min(1 - ratio + reach, 1.0)


def r2_nested(
    base: np.ndarray, model: np.ndarray, horizon: int, level: float, seed: int
) -> tuple[float, float, float]:
    """1 - Σ e1²/Σ e0² of a model and a part of it, and its interval, which stays below 1.

    Its truth is of these forecasts on these days, with all that their outcomes might have been:
    the ratio of mean losses that were to be expected at the origins (Lai, Gross and Shen 2011).
    Such forecasts differ on few days, whose losses are skewed, so that the ratio's logarithm goes
    astray further, in its standard errors, than t says. How far is told by blocks of days drawn
    again, each time with the error that the blocks drawn tell of themselves (Götze and Künsch
    1996), and to both sides alike (Hall 1988).
    """
    ratio = float(model.sum() / base.sum())
    length = _block(len(base), horizon)
    blocks = np.stack([_means_of_blocks(model, length), _means_of_blocks(base, length)])
    many = len(base) // length
    drawn = np.random.default_rng(seed).integers(0, len(base), (_DRAWS, many))
    with np.errstate(all="ignore"):  # blocks without a loss, or all alike, reach without bound
        at, error = _log_ratio(blocks, len(base) / length)
        if not error > 0:
            return (1 - ratio,) * 3
        again, errors = _log_ratio(blocks[:, drawn], many)
        away = np.nan_to_num(np.abs(again - at) / errors, nan=np.inf, posinf=np.inf)
        reach = np.sort(away)[math.ceil(level * _DRAWS) - 1] * error
        return 1 - ratio, float(1 - ratio * np.exp(reach)), float(1 - ratio * np.exp(-reach))


def _block(forecasts: int, horizon: int) -> int:
    """Forecasts of a block: twice the overlap, the cube root of n; no fewer than four blocks."""
    return min(max(2 * horizon, math.ceil(forecasts ** (1 / 3))), forecasts // 4)


def _means_of_blocks(losses: np.ndarray, length: int) -> np.ndarray:
    """Mean of the block that begins at each place; the last ones go on at the beginning."""
    ring = np.concatenate([losses, losses[: length - 1]])
    return np.convolve(ring, np.ones(length), "valid") / length


def _log_ratio(blocks: np.ndarray, many: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the ratio of two means (2, ..., blocks), and its error by the delta method."""
    means = blocks.mean(axis=-1)
    parts = blocks / means[..., None]
    return np.log(means[0] / means[1]), (parts[0] - parts[1]).std(axis=-1) / math.sqrt(many)


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
