"""Hasbrouck's inventory economy as a tape, and its exact moments.

The mid's distance from value, s = q - m, follows s_t = (a - b c) s_(t-1) + b v2_t, and a VAR of
r_t = q_t - q_(t-1) and x_t needs infinitely many lags: its moving average has a unit root, for
what fades is a distance that neither variable shows. What a VAR with few lags gives in the
population is a projection, and exact.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.linalg import solve_discrete_lyapunov

from tests.truth.inventory_economy import A, B, C, Z, economy


def autocovariances(lags: int) -> np.ndarray:
    """Exact covariances of (x_t, r_t) with (x_(t-k), r_(t-k)), [lags + 1, 2, 2].

    State (s_(t-1), v2_t, v1_t); its variance solves P = F P F' + Q.
    """
    move = np.array([[A - B * C, B, 0.0], [0, 0, 0], [0, 0, 0]])
    variance = solve_discrete_lyapunov(move, np.diag([0.0, 1.0, 1.0]))
    seen = np.array([[-C, 1.0, 0.0], [A - B * C - 1, Z + B, 1.0]])
    found = []
    for _ in range(lags + 1):
        found.append(seen @ variance @ seen.T)
        variance = move @ variance
    return np.array(found)


def population_moments(lags: int) -> np.ndarray:
    """E[w w'] of w = (1, x_t, r_t, x_(t-1), r_(t-1), ...), exact, [2 lags + 3, 2 lags + 3]."""
    gamma = autocovariances(lags)
    blocks = [
        [gamma[j - i] if j >= i else gamma[i - j].T for j in range(lags + 1)]
        for i in range(lags + 1)
    ]
    moments = np.zeros((2 * lags + 3,) * 2)
    moments[0, 0] = 1
    moments[1:, 1:] = np.block(blocks)
    return moments


def economy_tape(
    rng: np.random.Generator, *, days: int = 20, trades: int = 500, uneven: float = 0.0
) -> pd.DataFrame:
    """Trades with the quotes before them, as `mm.quoted_trades` makes them; mids near 1,000.

    With `uneven` news v1 has a size of its own each day, lognormal, its mean square one: the
    covariances are what they are without.
    """
    noise = np.exp(uneven * rng.standard_normal(days) - uneven**2)
    made = [economy(rng, trades, noise=own) for own in noise]
    return tape_of(np.array([x for _, x in made]), np.array([r for r, _ in made]))


def tape_of(x: np.ndarray, r: np.ndarray) -> pd.DataFrame:
    """The table of signed sizes and of the mid's revisions after each, [days, trades]."""
    days, trades = x.shape
    mid = 1000 + np.cumsum(r, axis=1) - r
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), trades), "D")
    number = np.tile(np.arange(trades), days)
    side = np.where(x > 0, 1.0, -1.0)
    return pd.DataFrame(
        {
            "symbol": "X",
            "day": date,
            "time": date.tz_localize("UTC") + pd.to_timedelta(number, unit="s"),
            "seq": number,
            "side": side.ravel(),
            "price": (mid + 0.5 * side).ravel(),
            "size": np.abs(x).ravel(),
            "bid": (mid - 0.5).ravel(),
            "ask": (mid + 0.5).ravel(),
        }
    )
