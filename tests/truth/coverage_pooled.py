"""Intervals of `inventory_reversion` for several series pooled, in both scales."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd

from mmresearch.estimate.reversion import inventory_reversion
from tests.panels import panel_of
from tests.truth.coverage import Row, row
from tests.truth.coverage_reversion import BEFORE

SERIES, DAYS = 8, 100


def daily_panel(
    rho: float,
    rng: np.random.Generator,
    *,
    series: int = SERIES,
    days: int = DAYS,
    common: float = 0.5,
) -> pd.DataFrame:
    """Dealers' levels at the ends of days, means unknown. A share `common` of the variance of news
    is common; their size differs between dealers and is a half larger in every second month."""
    shared, own = (
        rng.standard_normal((BEFORE + days, 1)),
        rng.standard_normal((BEFORE + days, series)),
    )
    news = np.sqrt(common) * shared + np.sqrt(1 - common) * own
    news *= 1 + 0.5 * (np.arange(BEFORE + days)[:, None] // 21 % 2)
    held = np.zeros((BEFORE + days + 1, series))
    for t, shock in enumerate(news):
        held[t + 1] = rho * held[t] + shock
    held = 100 + held[BEFORE:] * np.exp(rng.normal(0, 1, series))
    panels = [
        panel_of([np.array(pair) for pair in pairwise(h)], account=f"D{k}")
        for k, h in enumerate(held.T)
    ]
    return pd.concat(panels, ignore_index=True).assign(opening_known=False)


def pooled(scale: str) -> Callable[[int, int], list[Row]]:
    """8 dealers, 100 days: one rho and a mean each."""

    def study(replications: int, seed: int) -> list[Row]:
        rows = []
        for rho in (0.9, 0.97, 1.0):
            rng, found = np.random.default_rng([seed, round(100 * rho)]), []
            for _ in range(replications):
                panel, own = daily_panel(rho, rng), int(rng.integers(2**31))
                answer = inventory_reversion(panel, scale=scale, draws=199, seed=own)
                found.append(answer.quantities["rho"])
            name = f"inventory_reversion(scale={scale!r})"
            rows.append(row(name, f"{SERIES} series pooled, {DAYS} days, half common", rho, found))
        return rows

    return study


COVERAGE = {"reversion pooled": pooled("changes"), "reversion pooled levels": pooled("levels")}
