"""Intervals of `resiliency`: speed, share and times, and how often a speed is told of nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.estimate.recovery_fits import recovered_by, survival
from mmresearch.estimate.resiliency import resiliency
from tests.truth.coverage import Row, row
from tests.truth.recovering import Book

WORLDS = (Book(), Book(returns=0.5), Book(returns=0.0), Book(days=12, seconds=300))
_POOLED = 20  # worlds of whose events the true times to recovery are taken


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and quantity."""
    rows = []
    for number, world in enumerate(WORLDS):
        begin = 100_000 * (seed + 1) + 10_000 * number
        found = [resiliency(world.events(begin + k)) for k in range(replications)]
        told = [f.quantities for f in found]
        truths = {"recovered": world.share(24)}
        if world.returns:
            truths |= {"half_life": np.log(2) / world.kappa, "returns": world.returns}
        if world.returns == 1:
            truths["half_back"] = np.log(2) / world.kappa
        if number == 0:
            truths |= _times(world, begin + 5_000)
        if not world.returns:
            truths["half_life"] = 1.0  # of nothing: no number is true, and none is to be refused
        for name, truth in truths.items():
            rows.append(row("resiliency()", f"{name}: {world}", truth, [q[name] for q in told]))
    return rows


def _times(world: Book, seed: int) -> dict[str, float]:
    """Median and share of the times to recovery, of many events."""
    pooled = pd.concat([world.events(seed + k) for k in range(_POOLED)], ignore_index=True)
    lives, fit = survival(pooled, 0.95)
    return {
        "median_recovery": float(fit.quantile(0.5)),
        "recovered_within": recovered_by(lives, 24.0)[0],
    }


COVERAGE = {"resiliency": intervals}
