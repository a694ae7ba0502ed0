"""Intervals of `impact_law`: exponent and prefactor, of orders alone and in common days."""

from __future__ import annotations

import numpy as np

import mmresearch as mm
from tests.truth.coverage import Row, row
from tests.truth.large_orders import large_orders

TOGETHER = {"count": 5000, "common": 0.05}
WORLDS = (
    ("20,000 orders, square root", {}, 0.5),
    ("3,000 orders, square root", {"count": 3000}, 0.5),
    ("20,000 orders, linear", {"delta": 1.0, "prefactor": 2.0}, 1.0),
    ("5,000 orders of 60 days that move together", TOGETHER | {"days": 60}, 0.5),
    ("5,000 orders of 12 days that move together", TOGETHER | {"days": 12}, 0.5),
)


def law(replications: int, seed: int) -> list[Row]:
    rows = []
    for number, (name, options, delta) in enumerate(WORLDS):
        rng = np.random.default_rng([seed, number])
        found = [
            mm.impact_law(large_orders(rng, **options)).quantities for _ in range(replications)
        ]
        truth = {"delta": delta, "prefactor": options.get("prefactor", 0.8)}
        rows += [
            row("impact_law", f"{term}: {name}", value, [q[term] for q in found])
            for term, value in truth.items()
        ]
    return rows


COVERAGE = {"impact_law": law}
