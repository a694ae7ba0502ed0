"""Intervals of `average_markouts`: horizons that overlap, runs of one side, few days and many."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.markout_averages import average_markouts
from mmresearch.estimate.result import Quantity
from tests.truth.coverage import Row, row
from tests.truth.markout_tables import HALF, HORIZONS, World, markout_table

WORLDS = (
    World(persistence=0.0),
    World(persistence=0.6),
    World(persistence=0.9),
    World(persistence=0.6, impact=0.5, bursts=True, sizes=0.7),
    World(days=12, fills=400, persistence=0.6, impact=0.5, vary=0.2, uneven=0.3),
    World(days=50, fills=200, persistence=0.6, impact=0.5, vary=0.2, uneven=0.3),
)


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and horizon, and one for the whole curve within its joint band."""
    rows = []
    for number, world in enumerate(WORLDS):
        rng, found = np.random.default_rng([seed, number, 5]), []
        truth = HALF - world.adverse()
        for _ in range(replications):
            curve = average_markouts(markout_table(rng, world), weight="fills").details["curve"]
            found.append(_told(curve[curve["measure"] == "markout"].set_index("horizon")))
        for term in [*HORIZONS, "whole curve"]:
            case = f"markout {term}: {world}"
            rows.append(row("average_markouts()", case, truth, [q[term] for q in found]))
    return rows


def _told(curve: pd.DataFrame) -> dict[str, Quantity]:
    """The interval of each horizon; the joint band at one level holds what all of it holds."""
    told = {h: Quantity(h, *curve.loc[h, ["estimate", "low", "high"]], "bps", "") for h in HORIZONS}
    # the truth is the same at every horizon, so the whole curve is held where this interval is
    bounds = (curve["joint_low"].max(), curve["joint_high"].min())
    return told | {"whole curve": Quantity("whole", curve["estimate"].mean(), *bounds, "bps", "")}


COVERAGE = {"average_markouts": intervals}
