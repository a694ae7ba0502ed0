"""Intervals and p-values of `withdrawal_events`: steps at known events, and placebo events."""

from __future__ import annotations

import math

import numpy as np

from mmresearch.estimate.result import Quantity
from mmresearch.estimate.withdrawal_events import withdrawal_events
from tests.truth.coverage import Row, row
from tests.truth.event_tables import World, event_table

WORLDS = (
    World(),
    World(step=1.0),
    World(step=1.0, memory=0.95, of_days=1.0),
    World(days=40, events=2.0, accounts=2),
    World(days=40, events=0.4, step=0.5),
)
_DRAWS = 99


def events(replications: int, seed: int) -> list[Row]:
    """Of each world: the interval of the effect, the band of the curve, and both p at 5 %."""
    rows = []
    for number, world in enumerate(WORLDS):
        rng, found, bands = np.random.default_rng([seed, number, 8]), [], []
        truth = np.where(np.arange(-10, 20) < 0, 0.0, world.step)
        for _ in range(replications):
            table, told = event_table(rng, world)
            result = withdrawal_events(table, events=told, outcome="outcome", permutations=_DRAWS)
            found.append(result)
            curve = result.details.get("curve")
            held = curve is not None and not curve["joint_low"].isna().any()
            if held:
                inside = (curve["joint_low"] <= truth) & (truth <= curve["joint_high"])
                bands.append(bool(inside.all()))
        effects = [r.quantities["effect"] for r in found]
        rows.append(row("withdrawal_events()", f"effect: {world}", world.step, effects))
        rows.append(_share("whole curve", world, np.array(bands), 0.95, replications))
        names = ["pre_trend_p"] if world.step else ["permutation_p", "pre_trend_p"]
        for name in names:
            p = np.array([_value(r.quantities[name]) for r in found])
            called = p[np.isfinite(p)] < 0.05
            rows.append(_share(f"{name} below 5 %", world, called, 0.05, replications))
    return rows


def _value(quantity: Quantity) -> float:
    return quantity.value if quantity.identified else math.nan


def _share(what: str, world: World, held: np.ndarray, nominal: float, many: int) -> Row:
    share = float(held.mean()) if len(held) else math.nan
    error = math.sqrt(share * (1 - share) / max(len(held), 1))
    case, refused = f"{what}: {world}", 1 - len(held) / many
    truth = world.step if nominal > 0.5 else 0.0
    return Row("withdrawal_events()", case, truth, nominal, share, refused, many, error)


COVERAGE = {"withdrawal_events": events}
