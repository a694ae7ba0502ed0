"""Intervals of `average_capture`: profits a day, a fill, a million traded, and the Sharpe ratio."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.capture_averages import average_capture, sharpe
from tests.truth.coverage import Row, row

EARNED, LOST = 3.0, 1.0  # of spread and to adverse selection, a fill
FILLS, VALUE = 100, 5_000.0  # a row in the mean, and the value of a fill


class World(NamedTuple):
    """Rows are half hours where bars > 1. uneven: of the logarithm of a row's fills."""

    days: int
    bars: int = 1
    uneven: float = 0.5

    def __str__(self) -> str:
        days = "1 day" if self.days == 1 else f"{self.days} days"
        bars = f" of {self.bars} half hours" if self.bars > 1 else ""
        return f"{days}{bars}, their fills vary {self.uneven:g}"


WORLDS = (World(50), World(12), World(1, 13), World(3, 13))


def capture_table(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """As `spread_capture` makes it: a fill earns 3, loses 1; what is held makes 0 in the mean."""
    rows = world.days * world.bars
    fills = rng.poisson(FILLS * np.exp(world.uneven * rng.standard_normal(rows)))
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows) // world.bars, unit="D")
    table = pd.DataFrame({"account": "A", "symbol": "X", "currency": "USD", "day": day})
    minutes = pd.to_timedelta(30 * (np.arange(rows) % world.bars), unit="min")
    table["start"] = table["day"].dt.tz_localize("UTC") + minutes
    noise = np.sqrt(fills) * rng.standard_normal((3, rows))
    table["spread_earned"] = EARNED * fills + noise[0]
    table["adverse_selection"] = LOST * fills + 2 * noise[1]
    table["revaluation"] = 10 * noise[2]
    table[["fees_and_rebates", "transfers", "apart"]] = 0.0
    table["profit"] = table["spread_earned"] - table["adverse_selection"] + table["revaluation"]
    table["fills"], table["value"], table["capital"] = fills, VALUE * fills, 1e4
    table["fees_unknown"], table["opening_known"] = 0, True
    table.attrs = {"left_out": {}}
    return table


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and what the profit is divided by."""
    rows = []
    a_day = FILLS * math.exp(0.5**2 / 2) * (EARNED - LOST)
    for number, world in enumerate(WORLDS):
        rng, found = np.random.default_rng([seed, number, 6]), []
        truths = {"day": a_day * world.bars, "fill": 2.0, "million": 2.0 * 1e6 / VALUE}
        for _ in range(replications):
            table = capture_table(rng, world)
            told = {per: average_capture(table, per=per) for per in truths}
            found.append({per: one.quantities["profit"] for per, one in told.items()})
        for per, truth in truths.items():
            case = f"profit a {per}: {world}"
            rows.append(row("average_capture()", case, truth, [q[per] for q in found]))
    return rows


def ratios(replications: int, seed: int) -> list[Row]:
    """Sharpe ratios of .3 a day: normal profits, with long tails, skewed to losses."""
    rows, drawn = (
        [],
        {
            "normal": lambda rng, n: rng.standard_normal(n),
            "t of 6 degrees of freedom": lambda rng, n: rng.standard_t(6, n) / math.sqrt(1.5),
            "skewed to losses": lambda rng, n: 1 - rng.standard_exponential(n),
        },
    )
    for number, (name, draw) in enumerate(drawn.items()):
        for days in (25, 60, 250):
            rng = np.random.default_rng([seed, number, days])
            found = [sharpe(0.3 + draw(rng, days), 252, 0.95) for _ in range(replications)]
            case = f"sharpe: {days} days, {name}"
            rows.append(row("average_capture()", case, 0.3 * math.sqrt(252), found))
    return rows


COVERAGE = {"average_capture": intervals, "average_capture, sharpe": ratios}
