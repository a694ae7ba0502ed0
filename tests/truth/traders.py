"""Traders on a floor whose side and price depend on what they hold by a known law."""

from __future__ import annotations

import numpy as np
import pandas as pd

HALF = 5.0  # half-spread, bps


def floor(
    rng: np.random.Generator,
    *,
    days: int = 25,
    fills: int = 60,
    traders: int = 4,
    skew: float = -2.0,
    lean: float = 0.0,
    common: float = 3.0,
) -> pd.DataFrame:
    """A table as `mm.trader_fills` makes it: sides are +1 with probability 1/(1 + e^(lean I)).

    Every trader opens a day flat and trades one unit a fill. Prices are HALF bps below the mid on
    purchases, above it on sales, and `skew` bps higher for each standard deviation held, plus noise
    that has a part of `common` bps a day, shared by all traders and changing sign with inventory.
    """
    count = days * traders
    held, sides, level = [], [], np.zeros(count)
    for _ in range(fills):
        side = np.where(rng.random(count) < 1 / (1 + np.exp(lean * level)), 1.0, -1.0)
        held.append(level)
        sides.append(side)
        level = level + side
    held, side = np.column_stack(held), np.column_stack(sides)
    z = held / held.std(ddof=1)
    day = np.repeat(np.arange(days), traders)
    noise = 4 * rng.standard_normal(held.shape) + common * rng.standard_normal(days)[day, None] * z
    away = -HALF * side + skew * z + noise
    mid = 100 * np.exp(0.01 * rng.standard_normal((days, 1))[day] + np.zeros(held.shape))
    trader = np.tile([f"T{k}" for k in range(traders)], days)
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(day, fills), unit="D")
    number = np.tile(np.arange(fills), count)
    return pd.DataFrame(
        {
            "account": np.repeat(trader, fills),
            "symbol": "X",
            "day": date,
            "time": date.tz_localize("UTC") + pd.to_timedelta(number, unit="min"),
            "seq": number,
            "side": side.ravel(),
            "size": 1.0,
            "price": (mid * (1 + away / 1e4)).ravel(),
            "held": held.ravel(),
            "held_session": held.ravel(),
            "fair": mid.ravel(),
        }
    )
