"""`bounce_test`: its interval of the ratio, and how often a coin's bounce is denied at 5 %."""

from __future__ import annotations

import math

import numpy as np

from mmresearch.estimate.bounce import bounce_test
from tests.truth.bouncing import bouncing_days
from tests.truth.coverage import Row, row

CASES = (
    ({"days": 1}, {}),
    ({"days": 3, "volatile": 0.7}, {}),
    ({"days": 12, "volatile": 0.7}, {}),
    ({"days": 45, "volatile": 0.7, "stretches": 6}, {}),
    ({"days": 12, "volatile": 0.7}, {"reference": "roll"}),
    ({"days": 12, "volatile": 0.7, "follow": 0.4}, {"slow": 10}),
)


def intervals(replications: int, seed: int) -> list[Row]:
    rows = []
    for number, (world, asked) in enumerate(CASES):
        rng = np.random.default_rng([seed, number, 8])
        r = world.get("follow", 0.0)
        truth = 1 - r - (r - r**10) / 9
        done = [
            bounce_test(bouncing_days(rng, half=3.0, **world), **asked) for _ in range(replications)
        ]
        said = ", ".join(f"{name} {value}" for name, value in {**world, **asked}.items())
        case = f"bounce by coin, stretches of 60 prices: {said}"
        found = [f.quantities["ratio"] for f in done]
        rows.append(row("bounce_test(): ratio", case, truth, found))
        if not r:
            share = float(np.mean([f.table["p"].iloc[0] < 0.05 for f in done]))
            error = math.sqrt(share * (1 - share) / replications)
            rows.append(Row("bounce_test(): p", case, 1.0, 0.05, share, 0.0, replications, error))
    return rows


COVERAGE = {"bounce_test": intervals}
