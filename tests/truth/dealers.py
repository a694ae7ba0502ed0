"""Dealers in several symbols whose sales and quotes follow ordinary or equivalent inventories."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from mmresearch.estimate.equivalent_rows import lagged_betas

WINDOW = 60


def dealers(
    rng: np.random.Generator,
    *,
    days: int = 260,
    accounts: int = 4,
    symbols: int = 3,
    theta: float = 0.0,
    theta_equivalent: float = 0.0,
    skew: float = 0.0,
    skew_equivalent: float = 0.0,
    factor: float = 1.0,
    common: float = 0.3,
    repeat: float = 0.0,
    bound: float = 0.0,
) -> pd.DataFrame:
    """A daily panel. Every dealer trades one unit of every symbol a day, flat before the first.

    The log odds of a sale are theta * RI + theta_equivalent * RI^e, with the betas of the days
    before, in standard deviations of changes (one), and `repeat` more after a sale, less after a
    purchase. Customers of a symbol's dealers have a share `common` of their luck in common, and
    so have quotes, in bps, of the same law. Symbols load on one factor by `factor` 0.6, 1, 1.4.
    In a share `bound` of symbol-days "binds": quotes follow no inventory there, and are 2 higher.
    """
    returns = _returns(rng, days, symbols, factor)
    betas = lagged_betas(returns, np.arange(days), WINDOW)
    turn = np.nan_to_num(betas) + np.isnan(betas) * np.eye(symbols)
    levels = np.zeros((days + 1, accounts, symbols))
    quotes, shape, last = np.zeros((days, accounts, symbols)), (accounts, symbols), 0.0
    luck = _luck(rng, (days, *shape), common)
    noise = _luck(rng, (days, *shape), common)
    binds = (rng.random((days, 1, symbols)) if bound else np.ones((days, 1, symbols))) < bound
    for t in range(days):
        ordinary = _relative(levels[t])
        equivalent = _relative(levels[t] @ turn[t].T)
        odds = theta * ordinary + theta_equivalent * equivalent - repeat * last
        last = np.where(ndtr(luck[t]) < expit(odds), -1.0, 1.0)
        levels[t + 1] = levels[t] + last
        answer = skew * ordinary + skew_equivalent * equivalent
        quotes[t] = np.where(binds[t], 2.0, answer) + noise[t]
    panel = _panel(levels, returns, quotes)
    return panel.assign(binds=np.broadcast_to(binds, quotes.shape).ravel())


def reverting(
    rng: np.random.Generator, rho: float, *, days: int = 210, accounts: int = 3, symbols: int = 3
) -> pd.DataFrame:
    """A daily panel of inventories that are autoregressions by rho, from an unknown level."""
    levels, before = np.zeros((days + 1, accounts, symbols)), 200 if rho < 1 else 0
    news = _luck(rng, (before + days, accounts, symbols), 0.3)
    level = np.zeros((accounts, symbols))
    for shock in news[:before]:
        level = rho * level + shock
    levels[0] = level
    for t, shock in enumerate(news[before:]):
        levels[t + 1] = rho * levels[t] + shock
    returns = _returns(rng, days, symbols, 1.0)
    panel = _panel(50 + levels, returns, np.zeros((days, accounts, symbols)))
    return panel.assign(opening_known=False)


def _returns(rng: np.random.Generator, days: int, symbols: int, factor: float) -> np.ndarray:
    loads = factor * np.linspace(0.6, 1.4, symbols)
    return rng.standard_normal((days, 1)) * loads + rng.standard_normal((days, symbols))


def _luck(rng: np.random.Generator, shape: tuple, common: float) -> np.ndarray:
    shared = rng.standard_normal((shape[0], 1, shape[2]))
    return np.sqrt(common) * shared + np.sqrt(1 - common) * rng.standard_normal(shape)


def _relative(levels: np.ndarray) -> np.ndarray:
    return levels - np.median(levels, axis=0)


def _panel(levels: np.ndarray, returns: np.ndarray, quotes: np.ndarray) -> pd.DataFrame:
    day, account, symbol = (w.ravel() for w in np.indices(quotes.shape))
    date = pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D")
    return pd.DataFrame(
        {
            "account": [f"D{k}" for k in account],
            "symbol": [f"S{k}" for k in symbol],
            "day": date,
            "bar": 0,
            "start": date.tz_localize("UTC"),
            "end": date.tz_localize("UTC") + pd.Timedelta("8h"),
            "inventory_start": levels[:-1].ravel(),
            "inventory_end": levels[1:].ravel(),
            "return_bps": returns[day, symbol],
            "quote_bps": quotes.ravel(),
            "gap": False,
            "opening_known": True,
        }
    )
