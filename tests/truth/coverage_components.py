"""Intervals of `spread_components` in Huang and Stoll's world, and where pi is a half."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.component_rows import component_rows
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.spread_components import _fits, _quantities
from tests.truth.coverage import Row, row
from tests.truth.indicator_tape import tape

WORLDS = (
    ("0.1 and 0.3, pi 0.7", 0.1, 0.3, 0.7),
    ("no information, pi 0.7", 0.0, 0.4, 0.7),
    ("no inventory, pi 0.6", 0.4, 0.0, 0.6),
    ("0.1 and 0.3, pi 0.55", 0.1, 0.3, 0.55),
    ("0.1 and 0.3, pi 0.5", 0.1, 0.3, 0.5),
)


def intervals(trades: pd.DataFrame, on: str) -> dict[str, Quantity]:
    """What `spread_components` says of trades it can use, without its tables beside."""
    frame = component_rows(trades, on=on, bunch=True).frame
    return _quantities(_fits(frame, on, "auto", 0.95), on, 0.95)


def quotes(replications: int, seed: int) -> list[Row]:
    """Changes of the mid, clustered by 50 days and by lags within 10."""
    return rows_of("quotes", WORLDS, ((50, 100), (10, 300)), (replications, seed))


def traded(replications: int, seed: int) -> list[Row]:
    """Changes of prices, the spread estimated, clustered by 50 days."""
    return rows_of("traded", WORLDS[:1], ((50, 100),), (replications, seed))


def rows_of(on: str, worlds: tuple, samples: tuple, asked: tuple[int, int]) -> list[Row]:
    """A row a world, sample and share."""
    replications, seed = asked
    rows = []
    for number, (name, adverse, inventory, reversal) in enumerate(worlds):
        parts = {"adverse": adverse, "inventory": inventory, "reversal": reversal}
        truth = {"adverse_selection": adverse, "inventory": inventory}
        truth |= {"order_processing": 1 - adverse - inventory, "reversal": reversal}
        truth["two_way"] = adverse + inventory - adverse * (1 - 2 * reversal) ** 2
        for days, trades in samples:
            rng, found = np.random.default_rng([seed, number, days]), []
            for _ in range(replications):
                made = tape(rng, days=days, trades=trades, **parts)
                found.append(intervals(made, on))
            case = f"{days} days of {trades} trades, {name}"
            call = f"spread_components(on={on!r})"
            rows += [row(call, f"{t}: {case}", v, [q[t] for q in found]) for t, v in truth.items()]
    return rows


COVERAGE = {"spread_components": quotes, "spread_components traded": traded}
