"""Intervals of `inventory_liquidity` without any effect and under two laws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mmresearch.estimate import liquidity as estimator
from mmresearch.estimate.liquidity_rows import liquidity_rows
from mmresearch.estimate.result import Quantity
from tests.truth.coverage import Row, row
from tests.truth.liquidity import spreads

TERMS = {"inventory": "inventory", "top_decile": "top", "loss": "loss"}
WORLDS = (
    ("no effect", {}),
    ("weak", {"inventory": 0.3, "top": 0.5, "loss": 0.2}),
    ("strong", {"inventory": 1.0, "top": 2.0, "loss": 1.0}),
)


def intervals(panel: pd.DataFrame) -> dict[str, Quantity]:
    """The quantities of `inventory_liquidity` without its details, which take most of its time."""
    rows = liquidity_rows(panel, shape="decile", revenue="revenue", spread="spread_bps")
    found = estimator._fit(rows.frame, "spread", rows.regressors, "auto", 0.95)
    return estimator._quantities(found, [*TERMS, "spread"], 0.95)


def liquidity(days: int, symbols: int, errors: str) -> Callable[[int, int], list[Row]]:
    """Half of all news is common to the symbols; the spread keeps 0.3 of its distance."""

    def study(replications: int, seed: int) -> list[Row]:
        rows = []
        for number, (name, law) in enumerate(WORLDS):
            rng, found = np.random.default_rng([seed, number]), []
            for _ in range(replications):
                panel = spreads(rng, days=days, symbols=symbols, **law)
                found.append(intervals(panel))
            for term, truth in [*((t, law.get(w, 0.0)) for t, w in TERMS.items()), ("spread", 0.3)]:
                case = f"{term}: {days} days of {symbols} symbols ({errors}), {name}"
                rows.append(row("inventory_liquidity", case, truth, [q[term] for q in found]))
        return rows

    return study


COVERAGE = {
    "inventory_liquidity": liquidity(250, 5, "Driscoll-Kraay"),
    "inventory_liquidity two ways": liquidity(120, 30, "two ways"),
}
