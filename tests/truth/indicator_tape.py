"""Trades and quotes that follow Huang and Stoll's three-way model exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd


def tape(
    rng: np.random.Generator,
    *,
    days: int = 50,
    trades: int = 200,
    adverse: float = 0.1,
    inventory: float = 0.3,
    reversal: float = 0.7,
    spread: float = 0.125,
    spread_range: float = 0.0,
    news: float = 0.03,
    error: float = 0.02,
) -> pd.DataFrame:
    """A table as `mm.quoted_trades` makes it: the mid before each trade, price at mid + S/2 Q.

    V_t = V_(t-1) + adverse S/2 (Q_(t-1) - (1 - 2 reversal) Q_(t-2)) + news,
    M_t = V_t + inventory * sum of S/2 Q before t, P_t = M_t + S/2 Q_t + error. The spread of each
    trade is drawn within `spread_range` of `spread`, as a share of it.
    """
    shape = (days, trades)
    first = np.where(rng.random((days, 1)) < 0.5, 1.0, -1.0)
    turn = np.where(rng.random((days, trades - 1)) < reversal, -1.0, 1.0)
    side = np.cumprod(np.hstack([first, turn]), axis=1)
    wide = spread * (1 + spread_range * rng.uniform(-1, 1, shape))
    half = wide / 2
    told = np.zeros(shape)
    told[:, 1:] = adverse * half[:, :-1] * side[:, :-1]
    told[:, 2:] -= adverse * (1 - 2 * reversal) * half[:, :-2] * side[:, :-2]
    moved = np.zeros(shape)
    moved[:, 1:] = inventory * half[:, :-1] * side[:, :-1]
    mid = 50 + np.cumsum(told + moved + news * rng.standard_normal(shape), axis=1)
    price = mid + half * side + error * rng.standard_normal(shape)
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), trades), "D")
    number = np.tile(np.arange(trades), days)
    return pd.DataFrame(
        {
            "symbol": "X",
            "day": date,
            "time": date.tz_localize("UTC") + pd.to_timedelta(number, unit="s"),
            "seq": number,
            "side": side.ravel(),
            "price": price.ravel(),
            "size": 1.0,
            "bid": (mid - half).ravel(),
            "ask": (mid + half).ravel(),
        }
    )
