"""Trade prices that bounce round a mid which walks: by coin, or with sides that go on."""

from __future__ import annotations

import numpy as np
import pandas as pd


def bouncing_days(
    rng: np.random.Generator,
    *,
    days: int,
    half: float,
    follow: float = 0.0,
    variance: float = 1e4,
    stretches: int = 13,
    prices: int = 60,
    volatile: float = 0.0,
) -> pd.DataFrame:
    """Rows of symbol, day, time, price, mid; half the spread in bps, variance of a day in bps².

    follow: correlation of neighbouring sides. volatile: standard deviation of days' log variance.
    """
    n = stretches * prices
    scale = np.exp(volatile * rng.standard_normal((days, 1)) / 2)
    steps = scale * rng.standard_normal((days, n)) * np.sqrt(variance / n)
    mid = np.cumsum(steps, axis=1)
    turn = np.where(rng.random((days, n)) < (1 + follow) / 2, 1, -1)
    side = np.cumprod(turn, axis=1) if follow else np.where(rng.random((days, n)) < 0.5, 1, -1)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), n), unit="D")
    second = pd.to_timedelta(np.tile(np.arange(n) * 1800.0 / prices, days), unit="s")
    return pd.DataFrame(
        {
            "symbol": "X",
            "day": day,
            "time": day.tz_localize("UTC") + second,
            "price": 100 * np.exp((mid + half * side).ravel() / 1e4),
            "mid": 100 * np.exp(mid.ravel() / 1e4),
        }
    )
