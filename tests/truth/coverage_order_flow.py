"""Intervals of `ofi_impact` in the queue book; how often `cross_impact` finds what is not there."""

from __future__ import annotations

import math

import numpy as np

import mmresearch as mm
from tests.truth.coverage import Row, row
from tests.truth.crossing import crossing

BOOK = {"depth": 60, "session_seconds": 1800, "rate": 10, "largest": 20}


def slopes(replications: int, seed: int) -> list[Row]:
    """The slope of one day of 180 bars, and its mean over three blocks."""
    found = []
    for number in range(replications):
        made = mm.simulate.queue_book(seed=seed * 10**6 + number, **BOOK)
        table = mm.order_flow_imbalance(made.market)
        found.append(mm.ofi_impact(table, block="10min").quantities)
    truth = {"slope": 0.5 / BOOK["depth"], "slope_times_two_depths": 1.0}
    return [
        row(
            "ofi_impact", f"{name}: queue book, one day of 180 bars", true, [q[name] for q in found]
        )
        for name, true in truth.items()
    ]


def crosses(replications: int, seed: int) -> list[Row]:
    """Share of worlds without cross-impact whose gain is said to be above 0: size, not coverage."""
    found = []
    for number in range(replications):
        table = crossing(np.random.default_rng([seed, number]), days=17, bars=60)
        found.append(mm.cross_impact(table).quantities)
    rows = []
    for name in ("contemporaneous_gain", "lagged_gain"):
        share = float(np.mean([q[name].low > 0 for q in found]))
        error = math.sqrt(share * (1 - share) / replications)
        case = f"{name} above 0: 3 symbols, 12 days of 60 bars tested, none planted"
        rows.append(Row("cross_impact", case, 0.0, 0.025, share, 0.0, replications, error))
    return rows


COVERAGE = {"ofi_impact": slopes, "cross_impact": crosses}
