"""Inventory that reverts to a target which jumps: the paths of HT2."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import lfilter

RHO = 0.5 ** (1 / 7.3)


def shifting_path(
    rng: np.random.Generator, bars: int, *, rho: float = RHO, chance: float = 0.0, sd: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Levels [bars + 1] and the first bars of new targets; noise of one."""
    jumps = rng.random(bars) < chance
    jumps[0] = True
    target = rng.normal(0, sd, jumps.sum())[np.cumsum(jumps) - 1]
    news = (1 - rho) * target + rng.standard_normal(bars)
    start = target[0]
    path = np.append(start, lfilter([1], [1, -rho], news, zi=[rho * start])[0])
    return path, np.flatnonzero(jumps)[1:]


def daily_panel(levels: np.ndarray, *, account: str = "A", known: bool = True) -> pd.DataFrame:
    """A panel of one bar a session."""
    n = len(levels) - 1
    day = pd.date_range("2000-01-03", periods=n, freq="D")
    start = day.tz_localize("UTC") + pd.Timedelta("9h")
    return pd.DataFrame(
        {"account": account, "symbol": "X", "day": day, "bar": 0, "start": start}
        | {"end": start + pd.Timedelta("8h"), "inventory_start": levels[:-1]}
        | {"inventory_end": levels[1:], "gap": False, "opening_known": known}
    )
