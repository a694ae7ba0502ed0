"""Bands of `seasonal`: few days and many, noise that persists in the day, order given or chosen."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mmresearch.estimate.result import Quantity
from mmresearch.estimate.seasonal import seasonal
from tests.truth.coverage import Row, row
from tests.truth.times_of_day import factors, noise, table_of


class World(NamedTuple):
    days: int
    bars: int = 26
    rho: float = 0.0
    sd: float = 0.8

    def __str__(self) -> str:
        return f"{self.days} days of {self.bars} bars, noise AR({self.rho:g})"


WORLDS = (
    (World(5), 4),
    (World(12, rho=0.8), 4),
    (World(12, rho=0.8), "bic"),
    (World(50, rho=0.8), "bic"),
)


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world for one bar, the whole shape, both ends and R2; then the size of `no_shape`."""
    rows = []
    for number, (world, harmonics) in enumerate(WORLDS):
        rng = np.random.default_rng([seed, number, 31])
        truth = factors(world.bars)
        found: dict[str, list[Quantity]] = {}
        for _ in range(replications):
            y = truth * np.exp(noise(rng, world.days, world.bars, sd=world.sd, rho=world.rho))
            for name, quantity in _told(seasonal(table_of(y), "y", harmonics=harmonics), truth):
                found.setdefault(name, []).append(quantity)
        middle = world.bars // 2
        told = {"bar 5": truth[5], "whole shape": 1.0}
        told |= {"open_to_middle": truth[0] / truth[middle]}
        told |= {"close_to_middle": truth[-1] / truth[middle], "r2": _r2(world, truth)}
        for name, value in told.items():
            case = f"{name}, {harmonics} harmonics: {world}"
            rows.append(row("seasonal()", case, value, found[name]))
    return rows + _sizes(replications, seed)


def _told(found, truth: np.ndarray) -> list[tuple[str, Quantity]]:
    shape = found.details["shape"]
    bar = shape.iloc[5]
    one = Quantity("bar", bar["factor"], bar["low"], bar["high"], "", "")
    # the whole shape is held where the truth, divided by itself, is 1
    ends = ((shape["joint_low"] / truth).max(), (shape["joint_high"] / truth).min())
    whole = Quantity("whole", 1.0, *map(float, ends), "", "")
    return [("bar 5", one), ("whole shape", whole), *found.quantities.items()]


def _r2(world: World, truth: np.ndarray) -> float:
    """Variance of the shape over that of the shape and of the noise, both inside a day."""
    n = world.bars
    lag = np.arange(1, n)
    mean = (1 + 2 * ((1 - lag / n) * world.rho**lag).sum()) / n  # variance of the day's mean
    own = world.sd**2 * (1 - mean)
    shape = np.log(truth).var()
    return float(shape / (shape + own))


def _sizes(replications: int, seed: int) -> list[Row]:
    rows = []
    for number, (world, harmonics) in enumerate(((World(12, rho=0.8), 3), (World(50, rho=0.8), 3))):
        rng = np.random.default_rng([seed, number, 32])
        p = []
        for _ in range(replications):
            y = np.exp(noise(rng, world.days, world.bars, sd=world.sd, rho=world.rho))
            p.append(seasonal(table_of(y), "y", harmonics=harmonics).quantities["no_shape"].value)
        share = float((np.array(p) < 0.05).mean())
        error = math.sqrt(share * (1 - share) / replications)
        case = f"no_shape rejects where there is none, {harmonics} harmonics: {world}"
        rows.append(Row("seasonal()", case, 0.0, 0.05, share, 0.0, replications, error))
    return rows


COVERAGE = {"seasonal": intervals}
