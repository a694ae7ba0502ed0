"""Intervals of `trader_prices` without and with built-in reversion and skew."""

from __future__ import annotations

from functools import cache

import numpy as np

from mmresearch.estimate.trader_prices import trader_prices
from tests.truth.coverage import Row, row
from tests.truth.traders import floor

WORLDS = (("coin flips, no skew", 0.0, 0.0), ("slow, -1", 0.05, -1.0), ("fast, -2", 0.5, -2.0))


@cache
def direction(lean: float) -> float:
    """The slope of the side on z, from 20,000 days of 3 traders; 0 without reversion."""
    if not lean:
        return 0.0
    table = floor(np.random.default_rng(5), days=20_000, traders=3, lean=lean)
    z = table["held"] / table["held"].std()
    return float(np.cov(table["side"], z)[0, 1] / z.var())


def traders(replications: int, seed: int) -> list[Row]:
    """3 traders on 12 days (skew: wild bootstrap), days sharing a part of the noise."""
    rows = []
    for number, (name, lean, skew) in enumerate(WORLDS):
        rng, found = np.random.default_rng([seed, number]), []
        for _ in range(replications):
            table = floor(rng, days=12, traders=3, lean=lean, skew=skew)
            found.append(trader_prices(table, draws=199, seed=int(rng.integers(2**31))).quantities)
        for term, truth in (("direction", direction(lean)), ("skew", skew)):
            case = f"{term}: 12 days of 3 traders, 60 fills, {name}"
            rows.append(row("trader_prices", case, truth, [q[term] for q in found]))
    return rows


COVERAGE = {"trader_prices": traders}
