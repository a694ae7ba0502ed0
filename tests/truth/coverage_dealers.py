"""Coverage and size of the dealers' estimators: name -> function(replications, seed) -> rows.

A row says the estimator, the case, the truth, the nominal share, the share found among the answers
given, the share refused, and the Monte Carlo error of the share found. Case "size ..." counts
rejections of a true null at 5 %, every other case intervals that hold the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

import mmresearch as mm


class Row(NamedTuple):
    estimator: str
    case: str
    truth: float
    nominal: float
    covered: float
    refused: float
    mc_error: float


def row(estimator: str, case: str, truth: float, nominal: float, hits: list) -> Row:
    """`hits`: True, False, or None where the answer was refused."""
    given = [hit for hit in hits if hit is not None]
    share = float(np.mean(given)) if given else np.nan
    error = np.sqrt(share * (1 - share) / len(given)) if given else np.nan
    return Row(estimator, case, truth, nominal, share, 1 - len(given) / len(hits), float(error))


# --- profit by horizon ----------------------------------------------------------------------------


def wave_days(days: int, rng: np.random.Generator, *, skewed: bool) -> pd.DataFrame:
    """One-second bars whose inventory and mid share a wave of 30 seconds, in noise.

    A day's wave is of size 3 in inventory and 1 in the change of the mid, times a day's size of
    mean 1 (lognormal where skewed): expected profit in the middle band 3 * 120 / 2 = 180 a day,
    plus that of the noise, which is 0.
    """
    n = 120
    size = rng.lognormal(-0.125, 0.5, days) if skewed else rng.normal(1, 0.5, days)
    wave = np.cos(2 * np.pi * np.arange(n) / 30)
    held = 3 * size[:, None] * wave + rng.normal(size=(days, n))
    moved = wave + rng.standard_t(4, size=(days, n))
    mid = 1000 + np.cumsum(moved, axis=1)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(days), n), unit="D")
    bar = np.tile(np.arange(n), days)
    start = day.tz_localize("UTC") + pd.to_timedelta(bar, unit="s")
    end_held = np.hstack([held[:, 1:], held[:, -1:]])
    return pd.DataFrame(
        {"account": "A", "symbol": "X", "day": day, "bar": bar, "start": start}
        | {"end": start + pd.Timedelta("1s"), "opening_known": True}
        | {"inventory_start": held.ravel(), "inventory_end": end_held.ravel()}
        | {"mid_start": (mid - moved).ravel(), "mid": mid.ravel()}
    )


def horizons(replications: int = 400, seed: int = 1) -> list[Row]:
    """The day bootstrap's interval of a band's expected profit a session."""
    rows = []
    for days, skewed in ((10, False), (10, True), (20, True), (40, True)):
        rng, hits = np.random.default_rng(seed), []
        for _ in range(replications):
            result = mm.inventory_by_horizon(
                wave_days(days, rng, skewed=skewed), bands=(10.0, 60.0), lags=1, draws=999
            )
            band = result.quantities["10 s to 1 min"]
            hits.append(band.low <= 180 <= band.high if band.identified else None)
        case = f"{days} days, {'lognormal' if skewed else 'normal'} day sizes"
        rows.append(row("inventory_by_horizon", case, 180.0, 0.95, hits))
    return rows


COVERAGE: dict[str, Callable[[int, int], list[Row]]] = {"inventory_by_horizon": horizons}
