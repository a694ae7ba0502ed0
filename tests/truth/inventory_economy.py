"""Hasbrouck's (1991) inventory economy: quotes lean, trades answer them, and trades inform.

m_t = m_{t-1} + z v2_t + v1_t;  q_t = m_t + a (q_{t-1} - m_{t-1}) + b x_t;
x_t = -c (q_{t-1} - m_{t-1}) + v2_t, unit variances. A trade moves q by z for good.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import lfilter

A, B, C, Z = 0.6, 1.0, 0.5, 1.0
_FAR = 400  # terms of the moving averages; 0.6 to that power is nothing
RESPONSE = Z + B * (A - B * C) ** np.arange(60)  # of q at h = 0, 1, ... to a unit v2


def economy(
    rng: np.random.Generator, trades: int, *, noise: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Quote revisions r_t = q_t - q_{t-1} and trades x_t, each (trades,); v1 has sd `noise`."""
    v1, v2 = rng.standard_normal((2, trades + 200)) * [[noise], [1.0]]
    away = lfilter([B], [1, -(A - B * C)], v2)  # d = q - m, an AR(1)
    before = np.append(0.0, away[:-1])
    trade, revision = v2 - C * before, Z * v2 + v1 + away - before
    return revision[200:], trade[200:]


def panel_of_economy(
    rng: np.random.Generator, *, days: int, bars: int, noise: float = 1.0
) -> pd.DataFrame:
    """The economy as a panel: return_bps is r, trade_imbalance x; each day starts anew."""
    made = [economy(rng, bars, noise=noise) for _ in range(days)]
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), bars), "D")
    bar = np.tile(np.arange(bars), days)
    start = day.tz_localize("UTC") + pd.to_timedelta(bar * 60, unit="s")
    return pd.DataFrame(
        {"account": "A", "symbol": "X", "day": day, "bar": bar, "start": start}
        | {"end": start + pd.Timedelta("1min"), "gap": False}
        | {"return_bps": np.concatenate([r for r, _ in made])}
        | {"trade_imbalance": np.concatenate([x for _, x in made])}
    )


def population(lags: int, horizons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exact responses of q to x beyond `lags` lags of r and x: by projection, and by the VAR."""
    cov = _autocovariances(lags + int(max(horizons)) + 2)
    past = [cov_block(cov, i - j) for i in range(1, lags + 1) for j in range(1, lags + 1)]
    gram = np.block([past[k * lags : (k + 1) * lags] for k in range(lags)])
    now = np.vstack([cov_block(cov, -i).T for i in range(1, lags + 1)]).T  # E z_t past'
    slope = np.linalg.solve(gram, now.T).T  # VAR(lags): z_t on the past
    news = cov_block(cov, 0) - slope @ now.T
    projected, level = [], 0.0
    for h in range(int(max(horizons)) + 1):
        ahead = np.vstack([cov_block(cov, -(h + i)).T for i in range(1, lags + 1)]).T
        own = (cov_block(cov, h).T - ahead @ slope.T).T  # E surprise_t z_{t+h}'
        level += own[1, 0] / news[1, 1]
        projected.append(level)
    response, state, var, level = [], [np.array([news[0, 1] / news[1, 1], 1.0])], [], 0.0
    for h in range(int(max(horizons)) + 1):
        if h:
            back = [state[h - i] if h >= i else np.zeros(2) for i in range(1, lags + 1)]
            state.append(slope @ np.concatenate(back))
        level += state[h][0]
        response.append(level)
    var = np.array(response)[horizons]
    return np.array(projected)[horizons], var


def _autocovariances(most: int) -> np.ndarray:
    """E z_t z_{t+k}' for k = 0 ... most, z = (r, x), from moving averages in (v1, v2)."""
    away = B * (A - B * C) ** np.arange(_FAR)
    before = np.append(0.0, away[:-1])
    impulse = np.eye(1, _FAR)[0]
    r2, x2 = Z * impulse + away - before, impulse - C * before
    weights = np.array([[impulse, r2], [np.zeros(_FAR), x2]])  # z, shock, lag
    found = np.zeros((most + 1, 2, 2))
    for k in range(most + 1):
        found[k] = np.einsum("isl,jsl->ij", weights[:, :, : _FAR - k], weights[:, :, k:])
    return found


def cov_block(cov: np.ndarray, k: int) -> np.ndarray:
    """E z_t z_{t+k}' for any k."""
    return cov[k] if k >= 0 else cov[-k].T
