"""Intervals of `inventory_causality`: responses, shares, the effect by transfers; Granger's size.

Flow moves the price by -.4 in the bar and -.3 in the next, and the price moves nothing; of eleven
bars' return flow then has (.4, .7, .7, ...) and other news 1 each. With transfers the price moves
flow by -.8 in the bar too, and flow the price by -.3.
"""

from __future__ import annotations

import math

import numpy as np

from mmresearch.estimate.causality import inventory_causality
from tests.truth.causes import world
from tests.truth.coverage import Row, Study, row

CASES = ((1, 300), (12, 40), (50, 20))
FLOW_SHARE = 0.16 + 10 * 0.49
TRUTH = {"response_flow_first": -0.7, "share_flow_first": FLOW_SHARE / (FLOW_SHARE + 11)}
SIZE = 0.05
NAME = "inventory_causality"


def study(days: int, bars: int) -> Study:
    def rows(replications: int, seed: int) -> list[Row]:
        rng = np.random.default_rng([1 + seed, days, bars])
        told, by_transfers = [], []
        for i in range(replications):
            how = {"per": 1.0, "value": False, "draws": 199, "seed": i}
            panel = world(days, bars, rng, flow=(-0.4, -0.3))
            told.append(inventory_causality(panel, lags=2, **how).quantities)
            panel = world(days, bars, rng, flow=(-0.3, 0.0), price=(-0.8, 0.0), transfers=3.0)
            moved = inventory_causality(panel, lags=1, **how)
            by_transfers.append(moved.quantities["by_transfers"])
        case = f"{days} days of {bars} bars"
        found = [row(NAME, f"{n}: {case}", t, [q[n] for q in told]) for n, t in TRUTH.items()]
        found.append(row(NAME, f"by_transfers: {case}, price moves flow", -0.3, by_transfers))
        p = [q["price_causes_flow_p"].value for q in told]
        share = float(np.mean(np.array(p) <= SIZE))
        error = math.sqrt(share * (1 - share) / replications)
        words = f"size of Granger's test that price does not cause flow: {case}"
        return [*found, Row(NAME, words, 0.0, SIZE, share, 0.0, replications, error)]

    return rows


COVERAGE = {f"inventory_causality, {days} days": study(days, bars) for days, bars in CASES}
