"""Intervals of `information_share` where two venues see one value, alike or one of them late."""

from __future__ import annotations

import numpy as np

from mmresearch.estimate.information_share import _bounds, _fits, _lag_table, _most
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.share_rows import share_rows
from mmresearch.estimate.var_moments import window_moments
from mmresearch.estimate.var_rows import blocks_of
from tests.truth.coverage import Row, row
from tests.truth.venues import population_shares, two_venues

WORLDS = (("alike", 1.0, 0), ("the second a step late", 0.5, 1))
SAMPLES = ((12, 400), (1, 3600))
DRAWS = 299


def intervals(prices: object, *, draws: int = DRAWS) -> dict[str, Quantity]:
    """What `information_share` says of the first venue, with lags chosen."""
    rows = share_rows(prices)
    steps = _lag_table(rows, _most(rows, 10), 0)
    lags = int(steps.index[steps["chosen"]][0])
    keep = rows.usable(lags)
    moments = window_moments(rows.y, keep, blocks_of(keep, rows.day, "steps").edges, lags)
    table = _bounds(rows, _fits(moments, 2, lags, draws, 0), 0.95).loc["first"]
    return {
        name: Quantity(name, table[name], table[f"{name}_low"], table[f"{name}_high"], "", "")
        for name in ("lowest", "highest", "midpoint", "component")
    }


def study(replications: int, seed: int) -> list[Row]:
    """Both bounds, their midpoint and the component share."""
    lines = []
    for name, noise, late in WORLDS:
        shares, component = population_shares(noise, late)
        own = shares[:, 0]
        truth = {"lowest": own.min(), "highest": own.max(), "midpoint": own.mean()}
        truth["component"] = component[0]
        for days, steps in SAMPLES:
            rng, found = np.random.default_rng([seed, late, days]), []
            for _ in range(replications):
                made = two_venues(rng, days=days, steps=steps, noise=noise, late=late)
                found.append(intervals(made))
            case = f"{days} days of {steps} steps" if days > 1 else f"1 day of {steps} steps"
            lines += [
                row("information_share", f"{t}: {case}, {name}", float(v), [q[t] for q in found])
                for t, v in truth.items()
            ]
    return lines


COVERAGE = {"information_share": study}
