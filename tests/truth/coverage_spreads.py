"""Intervals of `average_spreads`: runs of one side, horizons that overlap, days that differ."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.result import Quantity
from mmresearch.estimate.spread_averages import average_spreads
from tests.truth.coverage import Row, row

HALF, IMPACT = 2.0, 0.3  # half spread in bps of the mid, share of it that a surprising side moves
STEPS = (10, 100)  # trades a second, so 10 and 100 s
WORLDS = (  # days, trades a day, persistence of sides, variation of a day's half spread
    (50, 300, 0.6, 0.2),
    (12, 300, 0.6, 0.2),
    (1, 20_000, 0.0, 0.0),
    (1, 20_000, 0.6, 0.0),
)
SEVERAL = ((50, 300, 0.6, 0.2), (12, 300, 0.6, 0.2), (1, 5_000, 0.6, 0.0))


def table(rng: np.random.Generator, days: int, trades: int, persistence: float, vary: float):
    """A table as `mm.spreads` makes it: what surprises moves the mid and stays."""
    shape = (days, trades + STEPS[-1])
    turn = np.where(rng.random(shape) < (1 + persistence) / 2, 1.0, -1.0)
    turn[:, 0] = rng.choice([-1.0, 1.0], days)
    side = np.cumprod(turn, axis=1)
    half = HALF * (1 + vary * rng.standard_normal((days, 1)))
    surprise = side - persistence * np.hstack([np.zeros((days, 1)), side[:, :-1]])
    mid = np.cumsum(IMPACT * half * surprise + rng.standard_normal(shape), axis=1)
    mid = np.hstack([np.zeros((days, 1)), mid])
    own, start = side[:, :trades], pd.Timestamp("2024-01-01")
    number = np.tile(np.arange(trades), days)
    date = start + pd.to_timedelta(np.repeat(np.arange(days), trades), "D")
    made = {"symbol": "X", "day": date, "time": date.tz_localize("UTC")}
    made["time"] = made["time"] + pd.to_timedelta(number, unit="s")
    made |= {"seq": number, "side": own.ravel(), "price": 1.0, "size": 1.0, "reference": 1.0}
    made |= {"apart": ""}
    effective = 2 * half * np.ones(own.shape)
    made |= {"quoted_full_bps": effective.ravel(), "effective_full_bps": effective.ravel()}
    moves = [2 * own * (mid[:, k : k + trades] - mid[:, :trades]) for k in STEPS]
    for k, move in zip(STEPS, moves, strict=True):
        made[f"realized_full_bps_{k}s"] = (effective - move).ravel()
    for k, move in zip(STEPS, moves, strict=True):
        made[f"impact_full_bps_{k}s"] = move.ravel()
    found = pd.DataFrame(made)
    found.attrs = {"unit": "bps", "reference": "mid", "relative_to": "now", "sides": "reported"}
    found.attrs |= {"horizons": [f"{k}s" for k in STEPS], "counts": {"outside every session": 0}}
    return found


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and mean: a trade's side moves the mid by IMPACT * half (1 - persistence^2)."""
    rows = []
    for number, world in enumerate(WORLDS):
        days, trades, persistence, vary = world
        rng, found = np.random.default_rng([seed, number]), []
        for _ in range(replications):
            answers = average_spreads(table(rng, *world), weight="trades").table
            told = answers.set_index("term")[["estimate", "low", "high"]]
            found.append({t: Quantity(t, *told.loc[t], "bps", "") for t in told.index})
        # the sides after it are expected, but for the part that the one before it foretold
        impact = 2 * HALF * IMPACT * (1 - persistence**2)
        truth = {f"impact {k}s": impact for k in STEPS}
        truth |= {f"realized {k}s": 2 * HALF - impact for k in STEPS}
        case = (
            f"{days} days of {trades:,} trades, sides persist {persistence:g}, days vary {vary:g}"
        )
        for term, value in truth.items():
            rows.append(
                row("average_spreads()", f"{term}: {case}", value, [q[term] for q in found])
            )
    return rows


def together(rng: np.random.Generator, world: tuple) -> pd.DataFrame:
    """Two symbols at the same instants whose noise goes together (correlation .6).

    The second symbol's spread and impact are twice the first's, and it trades half as often.
    """
    first, second = table(rng, *world), table(rng, *world)
    columns = [c for c in first if c.endswith("_bps") or "_bps_" in c]
    shared = 0.25 * (first[columns] - second[columns])  # noise alone: their means are the same
    first[columns] -= shared
    second[columns] = 2 * (second[columns] + shared)
    second = second.assign(symbol="Y").iloc[::2]
    both = pd.concat([first, second], ignore_index=True)
    both.attrs = first.attrs
    return both


def several(replications: int, seed: int) -> list[Row]:
    """As `intervals`, of two symbols: their mean, and each alone (`by="symbol"`)."""
    rows = []
    for number, world in enumerate(SEVERAL):
        days, trades, persistence, vary = world
        rng, found = np.random.default_rng([seed, number, 1]), []
        for _ in range(replications):
            answer = average_spreads(together(rng, world), by="symbol", weight="trades")
            told = answer.table.set_index("term")[["estimate", "low", "high"]]
            quantities = {"impact_share": answer.quantities["impact_share"]}
            quantities |= {t: Quantity(t, *told.loc[t], "bps", "") for t in told.index}
            groups = answer.details["groups"]
            for one in groups[groups["measure"] == "impact"].itertuples():
                bounds = (one.estimate, one.low, one.high)
                name = f"impact {one.horizon}, {one.group} alone"
                quantities[name] = Quantity(name, *bounds, "bps", "")
            found.append(quantities)
        impact = 2 * HALF * IMPACT * (1 - persistence**2)
        mean = (impact + 2 * impact / 2) / 1.5  # Y is twice as much, half as often
        truth = {"impact 100s": mean, "realized 100s": (2 * HALF) / 0.75 - mean}
        truth |= {"impact_share": impact / (2 * HALF), "impact 100s, Y alone": 2 * impact}
        case = f"2 symbols, {days} days of {trades:,} trades, sides persist {persistence:g}"
        for term, value in truth.items():
            quantities = [q[term] for q in found]
            rows.append(
                row("average_spreads()", f"{term}: {case}, days vary {vary:g}", value, quantities)
            )
    return rows


COVERAGE = {"average_spreads": intervals, "average_spreads_symbols": several}
