"""Bars of several symbols: flows that go together, and cross-impact only where it is planted."""

from __future__ import annotations

import numpy as np
import pandas as pd


def crossing(
    rng: np.random.Generator,
    *,
    days: int = 20,
    bars: int = 100,
    symbols: int = 3,
    common: float = 0.4,
    now: float = 0.0,
    lagged: float = 0.0,
) -> pd.DataFrame:
    """Returns of 1 bp a unit of own flow, plus `now` and `lagged` of the next symbol's flow.

    Flows have variance 1 and correlation `common`; noise has variance 1. Both planted effects cross
    no night.
    """
    shape = (days, bars, symbols)
    own, all_ = rng.standard_normal(shape), rng.standard_normal((days, bars, 1))
    flow = np.sqrt(1 - common) * own + np.sqrt(common) * all_
    other = np.roll(flow, -1, axis=2)
    before = np.roll(other, 1, axis=1)
    before[:, 0] = 0
    y = flow + now * other + lagged * before + rng.standard_normal(shape)
    day, bar, symbol = (axis.ravel() for axis in np.indices(shape))
    dates = pd.date_range("2024-03-04", periods=days, freq="B", unit="ns")
    start = dates[day] + pd.to_timedelta(bar * 60, unit="s")
    columns = {"symbol": np.array([f"S{n}" for n in range(symbols)])[symbol], "day": dates[day]}
    columns |= {"bar": bar, "start": start.tz_localize("UTC"), "time_of_day": bar * 60.0}
    return pd.DataFrame(columns | {"ofi": flow.ravel(), "return_bps": y.ravel()})
