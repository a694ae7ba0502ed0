"""Intervals of `robustness`: the score and its parts, of books whose depth and speed are known."""

from __future__ import annotations

from mmresearch.estimate.robustness import robustness
from tests.truth.coverage import Row, row
from tests.truth.recovering import Book

WORLDS = (Book(), Book(days=12, seconds=300))


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and quantity."""
    rows = []
    for number, world in enumerate(WORLDS):
        begin = 100_000 * (seed + 1) + 50_000 * number
        asked = {"of": "touch", "large": 0.6, "controls": 5, "after": "8s", "freq": "20s"}
        found = [
            robustness(world.market(begin + k), **asked).quantities for k in range(replications)
        ]
        # of 500 are missing those on their way back, and those that flicker are there besides
        deep = 500 - 0.08 * 6 / world.kappa + 0.05 * 2
        truths = {"depth": deep, "recovered": world.share(8)}
        truths["absorbed"] = deep * (1 + world.share(8))
        for name, truth in truths.items():
            rows.append(row("robustness()", f"{name}: {world}", truth, [q[name] for q in found]))
    return rows


COVERAGE = {"robustness": intervals}
