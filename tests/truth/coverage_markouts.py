"""Intervals of `average_markouts`: horizons that overlap, runs of one side, few days and many."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.markout_averages import average_markouts
from mmresearch.estimate.result import Quantity
from tests.truth.coverage import Row, row
from tests.truth.markout_tables import HALF, HORIZONS, World, markout_table

UNEVEN = World(days=8, fills=400, persistence=0.9, impact=0.5, vary=0.2, uneven=0.7)
WORLDS = (
    (World(persistence=0.0), {}),
    (World(persistence=0.6), {}),
    (World(persistence=0.9), {}),
    (World(persistence=0.9, bursts=True), {}),
    (World(persistence=0.9, sizes=1.0), {"weight": "size"}),
    (World(persistence=0.6, impact=0.5, bursts=True, sizes=0.7), {}),
    (World(days=12, fills=400, persistence=0.6, impact=0.5, vary=0.2, uneven=0.3), {}),
    (UNEVEN, {}),
    (UNEVEN, {"errors": "bootstrap"}),
    (World(days=50, fills=200, persistence=0.6, impact=0.5, vary=0.2, uneven=0.3), {}),
)
GROUPED = (
    (World(persistence=0.9), "side"),
    (World(persistence=0.6, bursts=True), "part"),
    (World(persistence=0.6, sizes=1.0), "size"),
    (World(days=12, fills=400, persistence=0.6, impact=0.5, sizes=1.0, vary=0.2), "size"),
)


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and horizon, and one for the whole curve within its joint band."""
    rows = []
    for number, (world, options) in enumerate(WORLDS):
        rng, found = np.random.default_rng([seed, number, 5]), []
        truth = HALF - world.adverse()
        asked = {"weight": "fills"} | options
        for _ in range(replications):
            curve = average_markouts(markout_table(rng, world), **asked).details["curve"]
            found.append(told(curve[curve["measure"] == "markout"].set_index("horizon")))
        how = "".join(f", {name} {value}" for name, value in options.items())
        for term in [*HORIZONS, "whole curve"]:
            case = f"markout {term}: {world}{how}"
            rows.append(row("average_markouts()", case, truth, [q[term] for q in found]))
    return rows


def told(curve: pd.DataFrame) -> dict[str, Quantity]:
    """The interval of each horizon; the joint band at one level holds what all of it holds."""
    found = {
        h: Quantity(h, *curve.loc[h, ["estimate", "low", "high"]], "bps", "") for h in HORIZONS
    }
    # the truth is the same at every horizon, so the whole curve is held where this interval is
    bounds = (curve["joint_low"].max(), curve["joint_high"].min())
    return found | {"whole curve": Quantity("whole", curve["estimate"].mean(), *bounds, "bps", "")}


def equal_groups(replications: int, seed: int) -> list[Row]:
    """How often groups that are the same are told apart at 5 %: by F, by any adjusted p."""
    rows = []
    for number, (world, by) in enumerate(GROUPED):
        rng, found = np.random.default_rng([seed, number, 6]), []
        for _ in range(replications):
            fills = markout_table(rng, world)
            # a simulated day has two or three hours
            fills["part"] = (fills["time"].dt.hour * 60 + fills["time"].dt.minute) // 40
            result = average_markouts(fills, by=by, weight="fills")
            least = result.details["against_rest"]["p_holm"].min()
            found.append((result.quantities["equal_groups"].value, least))
        for name, p in zip(("F", "least adjusted p"), np.transpose(found), strict=True):
            known = p[np.isfinite(p)]
            share = float((known < 0.05).mean())
            error = math.sqrt(share * (1 - share) / max(len(known), 1))
            what = "parts of the day" if by == "part" else by
            case = f"groups by {what} are told apart, {name}: {world}"
            refused = 1 - len(known) / len(p)
            rows.append(
                Row("average_markouts(by=)", case, 0.0, 0.05, share, refused, replications, error)
            )
    return rows


def shares(replications: int, seed: int) -> list[Row]:
    """The share of the capture that is lost again, as is known: impact (1 - persistence^2)."""
    rows = []
    for number, world in enumerate(w for w, options in WORLDS if w.impact and not options):
        rng = np.random.default_rng([seed, number, 7])
        found = [
            average_markouts(markout_table(rng, world), weight="fills").quantities["adverse_share"]
            for _ in range(replications)
        ]
        case = f"adverse_share 60s: {world}"
        rows.append(row("average_markouts()", case, world.adverse() / HALF, found))
    return rows


COVERAGE = {
    "average_markouts": intervals,
    "average_markouts shares": shares,
    "average_markouts_groups": equal_groups,
}
