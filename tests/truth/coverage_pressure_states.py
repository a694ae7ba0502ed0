"""Intervals of `price_pressure(method="state_space")` in noisy prices, the regression beside.

The regression's errors are u + e - e of the bar before: where a bar is a session it takes them for
independent.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mmresearch.estimate.pressure import price_pressure
from mmresearch.estimate.result import Quantity
from tests.truth.coverage import Row, row
from tests.truth.test_pressure_in_noise import noisy

RHO = 0.7
WORLDS = (("no effect", 0.0, 0.0), ("pressure and information", -0.5, -0.3))


def truths(alpha: float, kappa: float) -> dict[str, float]:
    """Of the quantities where u, e and inventory's surprise have the standard deviation 1."""
    held = alpha**2 / (1 - RHO**2)
    moved = 2 * alpha**2 / (1 + RHO) + 2
    told = {
        "pressure": alpha,
        "information": kappa,
        "total": alpha + kappa,
        "noise_sd": 1.0,
        "variance_ratio": (held + 1) / (kappa**2 + 1),
        "transitory_share": moved / (moved + kappa**2 + 1),
    }
    # where there is no pressure it has no half-life
    return told | ({"price_half_life": math.log(0.5) / math.log(RHO)} if alpha else {})


def states(days: int, bars: int, errors: str) -> Callable[[int, int], list[Row]]:
    """Inventory carries over from day to day and keeps 0.7 of itself from bar to bar."""

    def study(replications: int, seed: int) -> list[Row]:
        rows = []
        for number, (name, alpha, kappa) in enumerate(WORLDS):
            rng = np.random.default_rng([seed, number])
            found: list[dict[str, Quantity]] = []
            beside: list[Quantity] = []
            for i in range(replications):
                panel = noisy(days, bars, rng, rho=RHO, alpha=alpha, kappa=kappa)
                # inventory's own half-life is `inventory_reversion`'s study
                panel = panel.drop(columns="opening_known")
                how = {"per": 1.0, "errors": errors, "draws": 199, "seed": i}
                result = price_pressure(panel, method="state_space", **how)
                # its unit in bars: without opening_known the clock is not read
                found.append(dict(result.quantities))
                beside.append(price_pressure(panel, **how).quantities["total"])
            world = f"{days} days of {bars} bars ({errors}), noisy prices, {name}"
            for term, truth in truths(alpha, kappa).items():
                given = [q[term] for q in found]
                rows.append(row("price_pressure, state space", f"{term}: {world}", truth, given))
            case = f"total by regression: {world}"
            rows.append(row("price_pressure", case, alpha + kappa, beside))
        return rows

    return study


COVERAGE = {
    "price_pressure states, daily": states(500, 1, "cluster"),
    "price_pressure states": states(50, 26, "cluster"),
    "price_pressure states, few days": states(12, 26, "wild"),
}
