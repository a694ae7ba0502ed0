"""A dealer whose price follows cumulative flow, for good or for a while, or parts from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import lfilter


def flow_market(
    rng: np.random.Generator,
    *,
    days: int,
    trades: int,
    beta: float = 0.5,
    rho: float = 1.0,
    news: float = 2.0,
    bounce: float = 1.0,
    hedges: bool = True,
    others: float = 0.0,
) -> pd.DataFrame:
    """The dealer's fills as of `mm.trader_fills`, with a column "flow" of what others bought.

    Price (bps of 100) = day's level + beta * customers' flow up to and with the trade + others *
    the others' flow + z + bounce * direction; z_t = rho z_(t-1) + news * e_t, e normal with a
    session's bursts. rho = 1: price and flow part. A dealer who hedges gives half of its inventory
    away after every third trade.
    """
    shape = (days, trades)
    amount = rng.choice([-1.0, 1.0], shape) * np.exp(0.5 * rng.standard_normal(shape))
    flow = rng.standard_normal(shape)
    burst = np.exp(0.3 * lfilter([1.0], [1.0, -0.9], rng.standard_normal(shape), axis=1))
    steps = news * burst * rng.standard_normal(shape)
    gap = lfilter([1.0], [1.0, -rho], steps, axis=1)
    level = 10 * rng.standard_normal((days, 1))
    summed = beta * np.cumsum(amount, axis=1) + others * np.cumsum(flow, axis=1)
    price = 100 * (1 + (level + summed + gap + bounce * np.sign(amount)) / 1e4)
    held = np.zeros(shape)
    for t in range(1, trades):
        kept = 0.5 if hedges and t % 3 == 0 else 1.0
        held[:, t] = kept * (held[:, t - 1] - amount[:, t - 1])
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), trades), "D")
    number = np.tile(np.arange(trades), days)
    return pd.DataFrame(
        {
            "account": "dealer",
            "symbol": "X",
            "day": date,
            "time": date.tz_localize("UTC") + pd.to_timedelta(number, unit="min"),
            "seq": number,
            "side": -np.sign(amount).ravel(),
            "size": np.abs(amount).ravel(),
            "price": price.ravel(),
            "held": held.ravel(),
            "held_session": held.ravel(),
            "flow": flow.ravel(),
        }
    )
