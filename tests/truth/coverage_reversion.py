"""Intervals of `inventory_reversion` under a random walk and at two speeds of reversion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from mmresearch.estimate.result import Quantity
from mmresearch.estimate.reversion import inventory_reversion
from tests.panels import panel_of
from tests.truth.coverage import Row, row

BEFORE = 300  # bars that are not seen, after which a reverting level is stationary


def path(rho: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Levels [n + 1]: stationary below one, else from 0."""
    news = rng.standard_normal(BEFORE + n)
    return (
        lfilter([1], [1, -rho], news)[BEFORE - 1 :] if rho < 1 else np.append(0, news[:n].cumsum())
    )


def flat_days(rho: float, days: int, n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Sessions that open flat."""
    news = rng.standard_normal((days, n))
    return [np.append(0, lfilter([1], [1, -rho], day)) for day in news]


def rho_of(
    levels: list[np.ndarray], *, known: bool, rng: np.random.Generator, **options: object
) -> Quantity:
    """The interval with draws of its own: shared ones would shift every replication's alike."""
    panel, seed = panel_of(levels, known=known), int(rng.integers(2**31))
    return inventory_reversion(panel, draws=399, seed=seed, **options).quantities["rho"]


def one_session(interval: str) -> Callable[[int, int], list[Row]]:
    """100 bars of one session with an unknown mean."""

    def study(replications: int, seed: int) -> list[Row]:
        rows = []
        for rho in (0.9, 0.95, 1.0):
            rng = np.random.default_rng([seed, round(100 * rho)])
            found = [
                rho_of([path(rho, 100, rng)], known=False, rng=rng, interval=interval)
                for _ in range(replications)
            ]
            name = f"inventory_reversion(interval={interval!r})"
            rows.append(row(name, "1 session of 100 bars, mean unknown", rho, found))
        return rows

    return study


def flat_openings(replications: int, seed: int) -> list[Row]:
    """20 sessions of 30 bars that open flat: no mean is estimated."""
    rows = []
    for rho in (0.9, 0.97, 1.0):
        rng = np.random.default_rng([seed, round(100 * rho)])
        found = [
            rho_of(flat_days(rho, 20, 30, rng), known=True, rng=rng) for _ in range(replications)
        ]
        rows.append(row("inventory_reversion", "20 sessions of 30 bars, flat openings", rho, found))
    return rows


COVERAGE = {
    "reversion": one_session("bootstrap"),
    "reversion gaussian": one_session("gaussian"),
    "reversion flat openings": flat_openings,
}
