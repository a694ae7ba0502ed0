"""Intervals of `price_pressure` without any effect and under two laws."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mmresearch.estimate.pressure import price_pressure
from tests.truth.coverage import Row, row
from tests.truth.test_pressure_recovery import economy

RHO = 0.7
BARS = 26
DRAWS = 199
WORLDS = (
    ("no effect", 0.0, 0.0),
    ("pressure alone", -0.2, 0.0),
    ("pressure and information", -0.5, -0.3),
)


def truths(alpha: float, kappa: float) -> dict[str, float]:
    """What the quantities estimate where inventory's surprise has the standard deviation 1."""
    held = 1 / math.sqrt(1 - RHO**2)
    return {
        "pressure": alpha,
        "information": kappa,
        "total": alpha + kappa,
        "pressure_sd": abs(alpha) * held,
    }


def pressure(days: int, errors: str) -> Callable[[int, int], list[Row]]:
    """Inventory carries over from day to day and keeps 0.7 of itself from bar to bar."""

    def study(replications: int, seed: int) -> list[Row]:
        rows = []
        for number, (name, alpha, kappa) in enumerate(WORLDS):
            rng, found = np.random.default_rng([seed, number]), []
            for i in range(replications):
                panel = economy(days, BARS, rng, rho=RHO, alpha=alpha, kappa=kappa)
                result = price_pressure(panel, per=1.0, errors=errors, draws=DRAWS, seed=i)
                found.append(result.quantities)
            for term, truth in truths(alpha, kappa).items():
                case = f"{term}: {days} days of {BARS} bars ({errors}), {name}"
                rows.append(row("price_pressure", case, truth, [q[term] for q in found]))
        return rows

    return study


COVERAGE = {
    "price_pressure": pressure(50, "cluster"),
    "price_pressure few days": pressure(12, "wild"),
}
