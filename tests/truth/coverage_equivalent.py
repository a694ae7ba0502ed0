"""Intervals of `equivalent_inventory`: no response, to ordinary and to equivalent inventory."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate import equivalent as estimator
from mmresearch.estimate.equivalent_fits import fit_outcome, fit_split
from mmresearch.estimate.equivalent_rows import CASES, KINDS, equivalent_rows, split_rows
from mmresearch.estimate.result import Quantity
from tests.truth.coverage import Row, row
from tests.truth.dealers import WINDOW, dealers, reverting

WORLDS = (
    ("random walks, no response", {}),
    ("to ordinary", {"theta": 0.3, "skew": -0.5}),
    ("to equivalent", {"theta_equivalent": 0.2, "skew_equivalent": -0.3}),
    ("to both", {"theta": 0.15, "theta_equivalent": 0.1, "skew": -1.0, "skew_equivalent": 0.5}),
)
TERMS = {
    "execution": "theta",
    "execution_equivalent": "theta_equivalent",
    "quote": "skew",
    "quote_equivalent": "skew_equivalent",
}


def intervals(panel: pd.DataFrame) -> dict[str, Quantity]:
    """The responses of `equivalent_inventory` without its reversion, which takes most time."""
    rows = equivalent_rows(panel, window=WINDOW, numbers=["quote_bps"])
    outcomes = {
        "execution": estimator._execution(rows.frame, None),
        "quote": rows.frame["quote_bps"],
    }
    found = {}
    for name, y in outcomes.items():
        fit = fit_outcome(name, y, rows.frame, KINDS, 0.95)
        found |= estimator._quantities(name, fit, KINDS, 0.95)
    split = fit_split(outcomes["quote"], split_rows(rows.frame, "binds"), KINDS, 0.95)
    for case in CASES:
        found |= estimator._quantities("quote", split, KINDS, 0.95, case)
    return found


def responses(replications: int, seed: int) -> list[Row]:
    """4 dealers of 3 symbols, 200 days after the first 60; inventory is the sum of executions."""
    rows = []
    for number, (name, law) in enumerate(WORLDS):
        rng = np.random.default_rng([seed, number])
        found = [intervals(dealers(rng, **law)) for _ in range(replications)]
        for term, key in TERMS.items():
            case = f"{term}: 200 days of 4 dealers, 3 symbols, {name}"
            truth = law.get(key, 0.0)
            rows.append(row("equivalent_inventory", case, truth, [q[term] for q in found]))
    return rows


def constraint(replications: int, seed: int) -> list[Row]:
    """Quotes follow ordinary inventory by `skew`, but not where the constraint binds."""
    rows = []
    for number, (skew, bound) in enumerate(((0.0, 0.5), (-0.5, 0.3), (-0.5, 0.7))):
        rng = np.random.default_rng([seed, 10 + number])
        found = [intervals(dealers(rng, skew=skew, bound=bound)) for _ in range(replications)]
        for term, truth in {
            "quote_free": skew,
            "quote_binds": 0,
            "quote_equivalent_free": 0,
        }.items():
            case = f"{term}: skew {skew:g}, bound {bound:.0%}, 200 days of 4 dealers, 3 symbols"
            rows.append(row("equivalent_inventory(binds=)", case, truth, [q[term] for q in found]))
    return rows


def reversion(replications: int, seed: int) -> list[Row]:
    """Equivalent inventories revert as ordinary ones do, betas of moving windows."""
    rows = []
    for rho in (0.9, 0.97, 1.0):
        rng, found = np.random.default_rng([seed, round(100 * rho)]), []
        for _ in range(replications):
            made = equivalent_rows(reverting(rng, rho), window=WINDOW, numbers=[])
            own = int(rng.integers(2**31))
            found.append(estimator._reversion(made, KINDS[1:], 199, own)["rho_equivalent"])
        case = "rho_equivalent: 150 days of 3 dealers, 3 symbols"
        rows.append(row("equivalent_inventory", case, rho, found))
    return rows


COVERAGE = {
    "equivalent_inventory": responses,
    "equivalent_inventory binds": constraint,
    "equivalent_inventory reversion": reversion,
}
