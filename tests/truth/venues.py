"""One value seen at two venues with noise, the second perhaps a step late; exact moments beside.

m_t = m_(t-1) + e_t, p1_t = m_t + s n1_t, p2_t = m_(t - late) + s n2_t, unit variances, in bps.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.share_moments import solve_correction


def two_venues(
    rng: np.random.Generator, *, days: int, steps: int, noise: float = 1.0, late: int = 0
) -> pd.DataFrame:
    """A table as `mm.venue_prices` makes it: day, time, first, second; prices near 100."""
    value = np.cumsum(rng.standard_normal((days, steps + late)), axis=1)
    seen = value[:, late:], value[:, :steps]
    first, second = (v + noise * rng.standard_normal(v.shape) for v in seen)
    return venue_table({"first": first, "second": second})


def venue_table(logs: dict[str, np.ndarray]) -> pd.DataFrame:
    """The table of log prices in bps, each [days, steps]."""
    days, steps = next(iter(logs.values())).shape
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), steps), "D")
    time = day.tz_localize("UTC") + pd.to_timedelta(np.tile(np.arange(steps), days), unit="s")
    columns = {name: 100 * np.exp(1e-4 * log.ravel()) for name, log in logs.items()}
    return pd.DataFrame({"day": day, "time": time} | columns)


def population_shares(noise: float, late: int, lags: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Exact shares by ordering [2, 2] (first venue first, second first) and component shares."""
    fit = solve_correction(_moments(noise, late, lags)[None], 2, lags)
    return fit.shares()[:, 0], fit.weights()[0]


def _moments(s: float, late: int, lags: int) -> np.ndarray:
    """E[w w'], w = (1, y_t, y_(t-1), ...), y = (dp1, dp2, p1 - p2), from weights on (e, n1, n2)."""
    now = [[1, s, 0], [1 - late, 0, s], [late, s, -s]]
    before = [[0, -s, 0], [late, 0, -s], [0, 0, 0]]
    weights = np.array([now, before])
    gamma = np.zeros((lags + 1, 3, 3))
    gamma[0] = weights[0] @ weights[0].T + weights[1] @ weights[1].T
    gamma[1] = weights[1] @ weights[0].T
    moments = np.zeros((1 + 3 * (lags + 1),) * 2)
    moments[0, 0] = 1
    moments[1:, 1:] = np.block(
        [
            [gamma[j - i] if j >= i else gamma[i - j].T for j in range(lags + 1)]
            for i in range(lags + 1)
        ]
    )
    return moments
