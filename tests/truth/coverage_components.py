"""Intervals of `spread_components` in Huang and Stoll's world, and where pi is a half."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.component_agreement import agreement, disagree
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


def agree(replications: int, seed: int) -> list[Row]:
    """How often quotes and prices are said to disagree where they do not, at 5 %."""
    rows = []
    for number, (name, adverse, inventory, reversal) in enumerate(WORLDS[:1]):
        parts = {"adverse": adverse, "inventory": inventory, "reversal": reversal}
        for days, trades, kind in ((50, 100, "cluster"), (10, 300, "hac"), (1, 1000, "hac")):
            rng, said = np.random.default_rng([seed, 8, number, days]), 0
            for _ in range(replications):
                made = tape(rng, days=days, trades=trades, spread_range=0.4, **parts)
                found = agreement(made, bunch=False, within=None, kind=kind, level=0.95)
                said += disagree(found, 0.95)
            share = said / replications
            error = (share * (1 - share) / replications) ** 0.5
            case = f"test that quotes and prices agree: {days} days of {trades} trades, {name}"
            call = 'spread_components details["agreement"]'
            rows.append(Row(call, case, 0.0, 0.05, share, 0.0, replications, error))
    return rows


COVERAGE = {
    "spread_components": quotes,
    "spread_components traded": traded,
    "spread_components agreement": agree,
}
