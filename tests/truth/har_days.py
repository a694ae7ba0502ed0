"""Daily variance by a heterogeneous autoregression; a predictor foretells it or does not."""

from __future__ import annotations

import numpy as np
import pandas as pd

CONST, DAY, WEEK, MONTH = 0.1, 0.35, 0.3, 0.25  # the mean variance is 1


def har_days(
    rng: np.random.Generator,
    *,
    days: int,
    gain: float = 0.0,
    persistence: float = 0.7,
    noise: float = 0.35,
    predictors: tuple[str, ...] = ("withdrawal",),
) -> pd.DataFrame:
    """Rows of day, known, rv, quarticity and predictors; the first adds `gain` a deviation.

    Tomorrow's variance is its expectation times a lognormal of mean 1, `noise` its deviation: so
    it stays above 0 while the expectation does (the predictor is bounded at 2.5 deviations).
    """
    burn = 60
    n = days + burn
    z = np.zeros((n, len(predictors)))
    shock = rng.standard_normal(z.shape) * np.sqrt(1 - persistence**2)
    for t in range(1, n):
        z[t] = np.clip(persistence * z[t - 1] + shock[t], -2.5, 2.5)
    news = np.exp(noise * rng.standard_normal(n) - noise**2 / 2)
    rv = np.ones(n)
    for t in range(22, n):
        past = DAY * rv[t - 1] + WEEK * rv[t - 5 : t].mean() + MONTH * rv[t - 22 : t].mean()
        rv[t] = max(CONST + past + gain * z[t - 1, 0], 0.05) * news[t]
    day = pd.date_range("2015-01-01", periods=days, freq="B")
    table = pd.DataFrame({"day": day, "known": day.tz_localize("UTC") + pd.Timedelta("21h")})
    table = table.assign(rv=rv[burn:], quarticity=rv[burn:] ** 2)
    return table.assign(**{name: z[burn:, j] for j, name in enumerate(predictors)})


def ahead(
    table: pd.DataFrame,
    places: np.ndarray,
    horizon: int,
    rng: np.random.Generator,
    *,
    gain: float = 0.0,
    persistence: float = 0.7,
    noise: float = 0.35,
    draws: int = 400,
    predictor: str = "withdrawal",
) -> tuple[np.ndarray, np.ndarray]:
    """Expected mean variance of the next `horizon` rows, and of its square, as each place knew it.

    By `draws` futures of `har_days` from the rows' past and predictor; news come with both signs.
    """
    rv = table["rv"].to_numpy()
    path = np.empty((22 + horizon, len(places), draws))
    path[:22] = rv[places - np.arange(21, -1, -1)[:, None]][:, :, None]
    z = np.repeat(table[predictor].to_numpy()[places][:, None], draws, axis=1)
    for t in range(22, 22 + horizon):
        week, month = path[t - 5 : t].mean(axis=0), path[t - 22 : t].mean(axis=0)
        past = DAY * path[t - 1] + WEEK * week + MONTH * month
        half = rng.standard_normal((len(places), draws // 2))
        news = np.exp(noise * np.concatenate([half, -half], axis=1) - noise**2 / 2)
        path[t] = np.maximum(CONST + past + gain * z, 0.05) * news
        shock = rng.standard_normal(z.shape) * np.sqrt(1 - persistence**2)
        z = np.clip(persistence * z + shock, -2.5, 2.5)
    mean = path[22:].mean(axis=0)
    return mean.mean(axis=1), (mean**2).mean(axis=1)
