"""Sessions of bars whose regimes are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.truth.times_of_day import factors, table_of

MEAN, SD, STAY = (-1.0, 0.0), (0.5, 0.35), (0.9, 0.96)


def switching(
    rng: np.random.Generator,
    days: int,
    bars: int,
    *,
    mean: tuple[float, ...] = MEAN,
    sd: tuple[float, ...] = SD,
    stay: tuple[float, float] = STAY,
    shape: bool = False,
    rho: float = 0.0,
) -> pd.DataFrame:
    """Logarithms are normal with the mean and deviation of each regime; sessions start afresh.

    Of two regimes, low and high; the column state says which (0 or 1). What is away from a regime's
    mean, in its deviations, is an autoregression with rho.
    """
    leave = np.array([1 - stay[0], 1 - stay[1]])
    first = leave[1] / leave.sum()  # long-run share of regime 0
    state = np.empty((days, bars), int)
    state[:, 0] = rng.random(days) > first
    moved = rng.random((days, bars))
    for t in range(1, bars):
        state[:, t] = np.where(
            moved[:, t] < leave[state[:, t - 1]], 1 - state[:, t - 1], state[:, t - 1]
        )
    away = rng.normal(size=(days, bars))
    for t in range(1, bars if rho else 0):
        away[:, t] = rho * away[:, t - 1] + np.sqrt(1 - rho**2) * away[:, t]
    y = np.array(mean)[state] + np.array(sd)[state] * away
    values = np.exp(y) * (factors(bars) if shape else 1.0)
    return table_of(values, seconds=60.0, name="depth").assign(state=state.ravel())
