"""Bars of many days whose shape over the time of day is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

BARS = 78
# amplitudes of the cosines and sines of a U with a dent, on logarithms
WAVES = ((0.45, 0.15), (0.2, -0.1), (0.08, 0.05), (-0.04, 0.06))


def factors(bars: int = BARS, waves: tuple[tuple[float, float], ...] = WAVES) -> np.ndarray:
    """The true factor of each bar, mean 1."""
    n = np.arange(1, bars + 1)
    level = np.zeros(bars)
    for p, (a, b) in enumerate(waves, start=1):
        level += a * np.cos(2 * np.pi * p * n / bars) + b * np.sin(2 * np.pi * p * n / bars)
    shape = np.exp(level)
    return shape / shape.mean()


def table_of(values: np.ndarray, *, seconds: float = 300.0, name: str = "y") -> pd.DataFrame:
    """Values [days, bars] as a table with a row a bar."""
    days, bars = values.shape
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), bars), unit="D")
    bar = np.tile(np.arange(bars), days)
    since = bar * seconds
    start = day.tz_localize("UTC") + pd.to_timedelta(9.5 * 3600 + since, unit="s")
    return pd.DataFrame(
        {"account": "A", "symbol": "X", "day": day, "bar": bar, "start": start}
        | {"time_of_day": since, name: values.ravel()}
    )


def noise(
    rng: np.random.Generator,
    days: int,
    bars: int,
    *,
    sd: float = 0.8,
    rho: float = 0.0,
    level: float = 0.3,
) -> np.ndarray:
    """Autoregressive noise of each day afresh, and a level of the day of that deviation."""
    news = rng.normal(size=(days, bars))
    made = np.empty((days, bars))
    made[:, 0] = news[:, 0]
    for t in range(1, bars):
        made[:, t] = rho * made[:, t - 1] + np.sqrt(1 - rho**2) * news[:, t]
    return sd * made + level * rng.normal(size=(days, 1))


def pair_of(
    rng: np.random.Generator,
    days: int,
    bars: int,
    *,
    moves: float = 0.0,
    together: float = 0.0,
    sd: float = 0.4,
    rho: float = 0.3,
) -> pd.DataFrame:
    """x and y of the same shape; log y = moves * log x a bar before + together * log x + its own.

    Of logarithms without the shape y = rho y_1 + together x + (moves - rho together) x_1
    - rho moves x_2 + e, so that in terms of lags of x alone, whose own is rho x_1, their sum is
    (1 - rho) moves.
    """
    x, y = (noise(rng, days, bars, sd=sd, rho=rho, level=0.0) for _ in range(2))
    y = y + together * x
    y[:, 1:] += moves * x[:, :-1]
    shape = factors(bars)
    table = table_of(shape * np.exp(x), name="x")
    return table.assign(y=(shape * np.exp(y)).ravel())


def far_bars(rng: np.random.Generator, bars: int) -> pd.DataFrame:
    """One day of x, signed and now and then ten deviations out, and y > 0 that it does not move.

    x is 0.2 of its last and news of Student's t with 2.5 degrees of freedom; log y is 0.5 of its
    last and normal news whose deviation moves by an autoregression of its own.
    """
    news, own, loud = rng.standard_t(2.5, bars), rng.normal(size=bars), rng.normal(size=bars)
    x, y, level = np.zeros(bars), np.zeros(bars), 0.0
    for t in range(bars):
        level = 0.9 * level + 0.2 * loud[t]
        x[t] = 0.2 * x[t - 1] * (t > 0) + news[t]
        y[t] = 0.5 * y[t - 1] * (t > 0) + 0.6 * np.exp(level) * own[t]
    table = table_of(1000 * x[None], seconds=60.0, name="x")
    return table.assign(y=np.exp(y))
