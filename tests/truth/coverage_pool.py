"""Intervals of `loss_to_arbitrage`: a pool that is arbitraged at every step, few days and more."""

from __future__ import annotations

import numpy as np

from mmresearch.estimate.pool_earnings import loss_to_arbitrage
from mmresearch.estimate.result import Quantity
from tests.truth.coverage import Row, row
from tests.truth.pool import World, pool_market

WORLDS = (World(1), World(5), World(12))


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and answer."""
    rows = []
    for number, world in enumerate(WORLDS):
        rng, found = np.random.default_rng([seed, number, 7]), []
        for _ in range(replications):
            market, _ = pool_market(rng, world)
            result = loss_to_arbitrage(market, horizon="1s")
            told = result.table.set_index("term")[["estimate", "low", "high"]]
            loss = Quantity("loss", *told.loc["loss_to_arbitrage"], "D a day", "")
            found.append({"loss": loss, **result.quantities})
        loss, fees = world.loss(), world.fees()
        truths = {"loss": loss, "net": fees - loss, "loss_share": loss / fees}
        for name, truth in truths.items():
            case = f"{name}: {world}"
            rows.append(row("loss_to_arbitrage()", case, truth, [q[name] for q in found]))
    return rows


COVERAGE = {"loss_to_arbitrage": intervals}
