"""Daily spreads that follow the makers' inventory and losses of the day before by a known law."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import lfilter

BEFORE = 50  # days that are not seen


def spreads(
    rng: np.random.Generator,
    *,
    days: int = 120,
    symbols: int = 5,
    inventory: float = 0.0,
    squared: float = 0.0,
    top: float = 0.0,
    loss: float = 0.0,
    earned: float = 0.0,
    common: float = 0.5,
) -> pd.DataFrame:
    """A daily panel of one maker. Inventories, news of spreads: a share `common` is all symbols'.

    Spread in bps: 20, 0.3 of its distance of the day before, the law's terms, and news of one;
    inventory in millions has standard deviation one and autocorrelation 0.8. Revenue in millions is
    news of one and `earned` for each bp of the day's news of the spread.
    """
    shape = (BEFORE + days, symbols)

    def mixed() -> np.ndarray:
        shared = rng.standard_normal((shape[0], 1))
        return np.sqrt(common) * shared + np.sqrt(1 - common) * rng.standard_normal(shape)

    held = lfilter([0.6], [1, -0.8], mixed(), axis=0)
    news = mixed()
    revenue = rng.standard_normal(shape) + earned * news
    size = np.abs(held)
    law = inventory * size + squared * size**2 + loss * np.maximum(-revenue, 0)
    law += top * (size > np.quantile(size[BEFORE:], 0.9, axis=0))
    push = np.vstack([np.zeros((1, symbols)), law[:-1]]) + news
    spread = 20 + lfilter([1], [1, -0.3], push, axis=0)
    return panel(held[BEFORE:], spread[BEFORE:], revenue[BEFORE:])


def panel(held: np.ndarray, spread: np.ndarray, revenue: np.ndarray) -> pd.DataFrame:
    """Inventories in millions (days, symbols), spreads and revenues as a daily panel."""
    days, symbols = held.shape
    day, symbol = (w.ravel() for w in np.meshgrid(range(days), range(symbols), indexing="ij"))
    return pd.DataFrame(
        {
            "account": "MM",
            "symbol": [f"S{k:02d}" for k in symbol],
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D"),
            "bar": 0,
            "inventory_end": 1e6 * held.ravel() / 10,
            "mid": 10.0,
            "spread_bps": spread.ravel(),
            "revenue": 1e6 * revenue.ravel(),
            "gap": False,
            "opening_known": True,
        }
    )
