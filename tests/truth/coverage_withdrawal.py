"""Intervals and p-values of `withdrawal_events`: steps at known events, and placebo events."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.event_means import pseudo_curves, weights_of
from mmresearch.estimate.event_rows import Asked, event_rows
from mmresearch.estimate.result import Quantity, unknown
from mmresearch.estimate.withdrawal_events import permuted, withdrawal_events
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
    """Of each world: the interval of the effect and the band of the curve."""
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
    return rows


def placebos(replications: int, seed: int) -> list[Row]:
    """How often p is at most 5 % where nothing happened, and nothing before the event."""
    rows = []
    for number in (0, 2, 3):
        world = WORLDS[number]
        rng = np.random.default_rng([seed, number, 18])
        found = [quick(*event_table(rng, world)) for _ in range(replications)]
        names = ["pre_trend_p"] if world.step else ["permutation_p", "pre_trend_p"]
        for name in names:
            p = np.array([told[name].value for told in found])
            called = p[np.isfinite(p)] <= 0.05 + 1e-9  # of 99 draws p is a number of hundredths
            rows.append(_share(f"{name} at most 5 %", world, called, 0.05, replications))
    return rows


def quick(table: pd.DataFrame, told: pd.DataFrame) -> dict[str, Quantity]:
    """The public p-values without the bands, which take most of the time."""
    asked = Asked(told, "outcome", 10, 20, 0.9, 20, 5)
    rows = event_rows(table, asked)
    if len(np.unique(rows.cluster)) < 2:
        return {n: unknown(n, "", "", 0.95) for n in ("permutation_p", "pre_trend_p")}
    placebo = pseudo_curves(rows, asked, _DRAWS, 0)
    return permuted(rows, asked, placebo, weights_of(asked), 0.95)


def _share(what: str, world: World, held: np.ndarray, nominal: float, many: int) -> Row:
    share = float(held.mean()) if len(held) else math.nan
    error = math.sqrt(share * (1 - share) / max(len(held), 1))
    case, refused = f"{what}: {world}", 1 - len(held) / many
    truth = world.step if nominal > 0.5 else 0.0
    return Row("withdrawal_events()", case, truth, nominal, share, refused, many, error)


COVERAGE = {"withdrawal_events": events, "withdrawal_placebo": placebos}
