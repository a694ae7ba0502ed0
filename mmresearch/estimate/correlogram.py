"""Autocorrelations of the inventory and of its changes, by lag, inside sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.stats


def correlogram(kept: pd.DataFrame, *, lags: int, level: float) -> pd.DataFrame:
    """A row a lag (bars): autocorrelation of levels and changes, each with its interval.

    Pairs are inside a stretch (column `stretch`), deviations from the mean of the series; series
    are put on one scale. Levels: Bartlett's variance, (1 + 2 sum of smaller lags' squares) / n.
    Changes: the variance of uncorrelated changes whose own variance may change, the mean of
    x_t^2 x_{t-k}^2 over pairs times the squared variance. Lags without pairs are missing.
    """
    if lags < 1:
        raise ValueError(f"lags must be 1 or more, not {lags}")
    stretch = kept["stretch"].to_numpy()
    series = kept.groupby(["account", "symbol"]).ngroup()
    reach = scipy.stats.norm.ppf((1 + level) / 2)
    level_r, count, _ = _correlations(_scaled(kept["inventory_start"], series), stretch, lags)
    change = kept["inventory_end"] - kept["inventory_start"]
    change_r, _, robust = _correlations(_scaled(change, series), stretch, lags)
    before = np.append(0.0, np.nancumsum(level_r**2)[:-1])
    bartlett = np.sqrt((1 + 2 * before) / len(kept))
    columns = {"lag": np.arange(1, lags + 1), "pairs": count}
    for name, r, error in (("level", level_r, bartlett), ("change", change_r, robust)):
        columns |= {name: r, f"{name}_low": r - reach * error, f"{name}_high": r + reach * error}
    return pd.DataFrame(columns).set_index("lag")


def _scaled(values: pd.Series, series: pd.Series) -> np.ndarray:
    """Deviations from each series' mean in its standard deviations; 0 where it never moves."""
    away = values - values.groupby(series).transform("mean")
    spread = np.sqrt((away**2).groupby(series).transform("mean"))
    return (away / spread.where(spread > 0)).fillna(0.0).to_numpy()


def _correlations(
    x: np.ndarray, stretch: np.ndarray, lags: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Autocorrelation, pairs and robust error at lags 1 to `lags`."""
    r, error = np.full((2, lags), np.nan)
    count = np.zeros(lags, dtype=int)
    variance = np.mean(x**2)
    for k in range(1, min(lags, len(x) - 1) + 1):
        product = (x[k:] * x[:-k])[stretch[k:] == stretch[:-k]]
        count[k - 1] = len(product)
        if len(product) and variance > 0:
            r[k - 1] = product.mean() / variance
            error[k - 1] = np.sqrt((product**2).mean() / len(product)) / variance
    return r, count, error
