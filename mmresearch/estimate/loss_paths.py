"""How the better of two forecasts came to be better: the running sum of what it lost less."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import scipy.optimize

from mmresearch.estimate.forecast_tests import long_variance, loss_lags, qlike, squared

LOSSES = {"qlike": qlike, "mse": squared}


def loss_path(
    table: pd.DataFrame, base: str, model: str, *, horizon: int, loss: str, level: float
) -> pd.DataFrame:
    """Running sum of the base's loss less the model's, and the band that it stays in by chance.

    table: the "forecasts" of `volatility_forecast`. Returns day, known, gain (of each forecast),
    sum, and `band`: of two forecasts that are equally good the whole path stays within -band and
    +band with probability `level`. Where the base is a part of the model it does so more often.
    """
    mine = table[table["horizon"] == horizon]
    lost = {}
    for name in (base, model):
        part = mine[mine["model"] == name]
        forecast = part["forecast"].to_numpy("float64")
        lost[name] = LOSSES[loss](part["realized"].to_numpy("float64"), forecast)
    path = part[["day", "known"]].reset_index(drop=True)
    gain = lost[base] - lost[model]
    wide = band(gain, horizon, level)
    return path.assign(gain=gain, sum=np.cumsum(gain), band=wide)


def band(gain: np.ndarray, horizon: int, level: float) -> float:
    """Half the width: the long-run deviation times the quantile of a Brownian path's largest."""
    spread = math.sqrt(long_variance(gain, loss_lags(len(gain), horizon)) * len(gain))
    return spread * largest_of_path(level)


def largest_of_path(level: float) -> float:
    """The x that a standard Brownian path on [0, 1] stays within, on both sides, so often.

    4/pi sum (-1)^k/(2k+1) exp(-pi² (2k+1)²/(8 x²)) = level; 2.2414 at 95 %.
    """
    k = np.arange(30)

    def within(x: float) -> float:
        odd = 2 * k + 1
        return float(4 / np.pi * np.sum((-1.0) ** k / odd * np.exp(-((np.pi * odd / x) ** 2) / 8)))

    return float(scipy.optimize.brentq(lambda x: within(x) - level, 0.3, 6.0))
