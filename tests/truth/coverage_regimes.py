"""Intervals of `liquidity_regimes`, and how often it finds more regimes than there are.

The number is tested by 19 simulated worlds: p is at most 0.05 where none of them reaches the data,
which one of 20 equally likely places is. Worlds that are not of the model (a shape over the day
left in, a value that persists) are shown as they come out: there more regimes are found than are.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.liquidity_regimes import RIVAL, liquidity_regimes
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.switching_fit import fit_regimes, ratio, worlds
from mmresearch.estimate.switching_rows import switching_rows
from tests.truth.coverage import Row, Study, row
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
DRAWS, STARTS = 19, 4
PERSISTS = "values_persist_within_regimes"
OFTEN = 0.0124  # what is beyond 2.5 deviations of a normal law
ONE = {"mean": (0.0, 0.0), "sd": (0.5, 0.5)}
NEAR = {"mean": (-0.5, 0.0), "sd": (0.5, 0.5)}


def intervals(replications: int, seed: int) -> list[Row]:
    rng = np.random.default_rng([seed, 51])
    found: dict[str, list[Quantity]] = {name: [] for name in [*TERMS, *DERIVED]}
    asked = {"deseasonalise": False, "draws": 0, "starts": 3}
    for i in range(replications):
        told = liquidity_regimes(switching(rng, DAYS, BARS), "depth", **asked, seed=i)
        table = told.table.set_index("term")
        for name in TERMS:
            ends = table.loc[name, ["estimate", "low", "high"]]
            found[name].append(Quantity(name, *map(float, ends), "", ""))
        for name in DERIVED:
            found[name].append(told.quantities[name])
    case = f"{DAYS} days of {BARS} bars, two regimes"
    truths = TERMS | DERIVED
    return [row(NAME, f"{name}: {case}", truths[name], found[name]) for name in truths]


def flags(replications: int, seed: int) -> list[Row]:
    """How often what persists within regimes, or may be taken for them, is said."""
    rows = []
    for place, (case, days, bars, made, persists) in enumerate(FLAGGED):
        rng = np.random.default_rng([seed, 52, place])
        found: dict[str, list[bool]] = {PERSISTS: [], RIVAL: []}
        for i in range(replications):
            table = switching(rng, days, bars, **made)
            asked = {"deseasonalise": False, "draws": 0, "starts": STARTS, "seed": i}
            told = liquidity_regimes(table, "depth", **asked).flags
            for flag, raised in found.items():
                raised.append(flag in told)
        size = f"{days} days of {bars} bars"
        for flag, often in ((PERSISTS, persists), (RIVAL, math.nan)):
            rows.append(_share(f"flag {flag}, {case}: {size}", found[flag], often))
    return rows


class World(NamedTuple):
    """Tables with so many regimes, of which one more is tested.

    part: of the replications. size: of the test, missing where there is more, or other, to find.
    """

    case: str
    days: int
    bars: int
    made: dict[str, object]
    less: int = 1
    deseasonalise: bool = False
    part: float = 1.0
    size: float = 0.05


def number(cases: tuple[World, ...]) -> Study:
    def rows(replications: int, seed: int) -> list[Row]:
        told = []
        for place, world in enumerate(cases):
            rng = np.random.default_rng([seed, 53, place, world.less, world.bars])
            found = []
            for i in range(max(round(world.part * replications), 100)):
                table = switching(rng, world.days, world.bars, **world.made)
                found.append(finds_more(table, world.less, world.deseasonalise, seed=i))
            more = "more than one" if world.less == 1 else f"more than {world.less}"
            sample = f"{world.days} days of {world.bars} bars"
            case = f"{more} found at 5 %, {world.case}: {sample}"
            told.append(_share(case, found, world.size))
        return told

    return rows


def finds_more(table: pd.DataFrame, less: int, deseasonalise: bool, *, seed: int) -> bool:
    """Whether the p of `regimes=less + 1` is 0.05, without drawing on once it cannot be."""
    asked = {"symbol": None, "account": None, "logs": "auto", "shape": {}, "fit_until": None}
    rows = switching_rows(table, "depth", deseasonalise=deseasonalise, **asked)
    how = {"starts": STARTS, "seed": seed}
    small = fit_regimes(rows.y, rows.begins, less, **how)
    at = ratio(rows.y, rows.begins, less, **how)
    drawn = itertools.islice(worlds(rows.y, rows.begins, small, **how), DRAWS)
    return not any(other >= at for other in drawn)


def _share(case: str, found: list[bool], nominal: float) -> Row:
    share = float(np.mean(found))
    error = math.sqrt(share * (1 - share) / len(found))
    return Row(NAME, case, 0.0, nominal, share, 0.0, len(found), error)


ONE_REGIME = (
    World("one", 4, 60, ONE),
    World("one, a shape over the day taken out", 12, 26, ONE | {"shape": True}, 1, True),
    World("one, the shape left in", 12, 26, ONE | {"shape": True}, part=0.25, size=math.nan),
    World("one, values persist by 0.3", 4, 60, ONE | {"rho": 0.3}, part=0.25, size=math.nan),
)
TWO_REGIMES = (
    World("two, 2 deviations apart", 4, 60, {}, part=0.25, size=math.nan),
    World("two, 1 deviation apart", 4, 60, NEAR, part=0.25, size=math.nan),
    World("two", 4, 60, {}, less=2, part=0.5),
)
# tables, and the size of the first flag: that of 2.5 deviations, where nothing persists
FLAGGED = (
    ("two", 6, 100, {}, OFTEN),
    ("two, 1 deviation apart", 6, 100, NEAR, OFTEN),
    ("two, values persist by 0.3", 6, 100, {"rho": 0.3}, math.nan),
    ("one, values persist by 0.3", 4, 60, ONE | {"rho": 0.3}, math.nan),
)
COVERAGE = {
    "liquidity_regimes": intervals,
    "liquidity_regimes, flags": flags,
    "liquidity_regimes, one regime": number(ONE_REGIME),
    "liquidity_regimes, two regimes": number(TWO_REGIMES),
}
