"""Large orders whose impact follows a power of their size, under noise."""

from __future__ import annotations

import numpy as np
import pandas as pd


def large_orders(
    rng: np.random.Generator,
    *,
    count: int = 20_000,
    prefactor: float = 0.8,
    delta: float = 0.5,
    noise: float = 0.3,
    days: int = 0,
    common: float = 0.0,
) -> pd.DataFrame:
    """size log-uniform from 1e-4 to 1e-1, impact Y size^delta + noise; days with a common part."""
    size = 10 ** rng.uniform(-4, -1, count)
    impact = prefactor * size**delta + noise * rng.standard_normal(count)
    orders = pd.DataFrame({"size": size, "impact": impact})
    if days:
        number = np.sort(rng.integers(days, size=count))
        orders["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(number, unit="D")
        orders["impact"] += common * rng.standard_normal(days)[number]
    return orders
