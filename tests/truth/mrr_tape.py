"""Trades that follow Madhavan, Richardson and Roomans' model exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd


def mrr_tape(
    rng: np.random.Generator,
    *,
    days: int = 50,
    trades: int = 200,
    theta: float = 0.04,
    phi: float = 0.05,
    rho: float = 0.4,
    lam: float = 0.0,
    news: float = 0.03,
    rounding: float = 0.02,
) -> pd.DataFrame:
    """A table as `mm.quoted_trades` makes it; crossed trades have no side and print at the mid.

    Sides: the one before's with probability (1 - lam + rho) / 2, the other with (1 - lam - rho) /
    2, else crossed; after a crossed one either side alike. mu_t = mu_(t-1) + theta (x_t - rho
    x_(t-1)) + news, p_t = mu_t + phi x_t + rounding. Bid and ask stand around the price of a
    crossed trade and around mu of others.
    """
    shape = (days, trades)
    draw, coin = rng.random(shape), np.where(rng.random(shape) < 0.5, 1.0, -1.0)
    x = np.empty(shape)
    x[:, 0] = np.where(draw[:, 0] < lam, 0.0, coin[:, 0])
    for t in range(1, trades):
        last = x[:, t - 1]
        on, back = (1 - lam + rho) / 2, (1 - lam - rho) / 2
        after = np.select([draw[:, t] < on, draw[:, t] < on + back], [last, -last], 0.0)
        x[:, t] = np.where(last == 0, np.where(draw[:, t] < 1 - lam, coin[:, t], 0.0), after)
    moved = theta * x + news * rng.standard_normal(shape)
    moved[:, 1:] -= theta * rho * x[:, :-1]
    value = 50 + np.cumsum(moved, axis=1)
    price = value + phi * x + rounding * rng.standard_normal(shape)
    mid = np.where(x == 0, price, value)
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), trades), "D")
    number = np.tile(np.arange(trades), days)
    return pd.DataFrame(
        {
            "symbol": "X",
            "day": date,
            "time": date.tz_localize("UTC") + pd.to_timedelta(number, unit="s"),
            "seq": number,
            "side": np.where(x == 0, np.nan, x).ravel(),
            "price": price.ravel(),
            "size": 1.0,
            "bid": (mid - 0.5).ravel(),
            "ask": (mid + 0.5).ravel(),
        }
    )
