"""Panels of bars whose returns follow flow by a known slope."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd


def flow_bars(
    rng: np.random.Generator,
    *,
    days: int = 60,
    bars: int = 80,
    slope: float | Callable[[pd.DataFrame], np.ndarray] = 2.0,
    noise: float = 5.0,
    feedback: float = 0.0,
    price: float = 50.0,
    sd: float = 4000.0,
) -> pd.DataFrame:
    """A panel as `mm.panel` makes it, the columns that Kyle's regression reads.

    return_bps = slope * flow / 1,000 units + noise; flow has the feedback, units a bp, on the
    return of the bar before in its day. A slope by rows is a function of the panel without returns.
    """
    session, bar = np.repeat(np.arange(days), bars), np.tile(np.arange(bars), days)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(session, unit="D")
    panel = pd.DataFrame({"account": "A", "symbol": "X", "day": day, "bar": bar})
    panel["time_of_day"] = 300.0 * bar
    panel["realized_variance"] = rng.gamma(2, 10, len(panel))
    drawn = sd * rng.standard_normal((days, bars))
    panel["trade_imbalance"] = drawn.ravel()
    told = slope(panel) if callable(slope) else np.full(len(panel), slope)
    told, shock = told.reshape(days, bars), noise * rng.standard_normal((days, bars))
    returns = np.empty((days, bars))
    for t in range(bars):
        drawn[:, t] += feedback * returns[:, t - 1] if t else 0.0
        returns[:, t] = told[:, t] * drawn[:, t] / 1000 + shock[:, t]
    panel["trade_imbalance"] = drawn.ravel()
    panel["order_flow_imbalance"] = 2 * panel["trade_imbalance"]
    panel["flow"] = -panel["trade_imbalance"]
    panel["return_bps"] = returns.ravel()
    panel["mid_start"] = price
    panel["mid"] = price * np.exp(panel["return_bps"] / 1e4)
    return panel
