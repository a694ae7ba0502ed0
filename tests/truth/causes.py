"""Flow and returns of which it is known what moves what, in the bar and after it."""

from __future__ import annotations

import numpy as np
import pandas as pd


def world(
    days: int,
    bars: int,
    rng: np.random.Generator,
    *,
    flow: tuple[float, float] = (0.0, 0.0),
    price: tuple[float, float] = (0.0, 0.0),
    transfers: float = 0.0,
) -> pd.DataFrame:
    """Return = flow[0] x + flow[1] x_before + e; x = price[0] r + price[1] r_before + u + transfer.

    Both in the same bar are solved for. Sessions start afresh; the account is flat at the open.
    """
    e, u = rng.normal(size=(2, days, bars))
    moved = transfers * rng.normal(size=(days, bars)) * (rng.random((days, bars)) < 0.2)
    x, r = np.zeros((days, bars)), np.zeros((days, bars))
    inverse = 1 / (1 - flow[0] * price[0])
    for t in range(bars):
        before = (x[:, t - 1], r[:, t - 1]) if t else (0.0, 0.0)
        free = u[:, t] + moved[:, t] + price[1] * before[1]
        news = e[:, t] + flow[1] * before[0]
        x[:, t] = inverse * (free + price[0] * news)
        r[:, t] = news + flow[0] * x[:, t]
    held = x.cumsum(axis=1)
    day = np.repeat(np.arange(days), bars)
    return pd.DataFrame(
        {
            "account": "A",
            "symbol": "X",
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
            "bar": np.tile(np.arange(bars), days),
            "inventory_start": (held - x).ravel(),
            "inventory_end": held.ravel(),
            "transfer_flow": moved.ravel(),
            "return_bps": r.ravel(),
        }
    )
