"""Intervals of `liquidity_regimes`: parameters, stays and shares of time."""

from __future__ import annotations

import numpy as np

from mmresearch.estimate.liquidity_regimes import liquidity_regimes
from mmresearch.estimate.result import Quantity
from tests.truth.coverage import Row, row
from tests.truth.switching import MEAN, SD, STAY, switching

DAYS, BARS = 6, 100
NAME = "liquidity_regimes()"
TERMS = dict(
    zip(("mean_1", "mean_2", "sd_1", "sd_2", "p_11", "p_22"), MEAN + SD + STAY, strict=True)
)
LEAVE = (1 - STAY[0], 1 - STAY[1])
DERIVED = {
    "duration_1": 1 / LEAVE[0],
    "duration_2": 1 / LEAVE[1],
    "share_1": LEAVE[1] / sum(LEAVE),
}


def intervals(replications: int, seed: int) -> list[Row]:
    rng = np.random.default_rng([seed, 51])
    found: dict[str, list[Quantity]] = {name: [] for name in [*TERMS, *DERIVED]}
    for i in range(replications):
        told = liquidity_regimes(
            switching(rng, DAYS, BARS), "depth", deseasonalise=False, draws=0, starts=3, seed=i
        )
        table = told.table.set_index("term")
        for name in TERMS:
            ends = table.loc[name, ["estimate", "low", "high"]]
            found[name].append(Quantity(name, *map(float, ends), "", ""))
        for name in DERIVED:
            found[name].append(told.quantities[name])
    case = f"{DAYS} days of {BARS} bars, two regimes"
    truths = TERMS | DERIVED
    return [row(NAME, f"{name}: {case}", truths[name], found[name]) for name in truths]


COVERAGE = {"liquidity_regimes": intervals}
