"""Trades that follow Glosten and Harris' equation exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.truth.mrr_tape import mrr_tape

FULL = {"c0": 0.03, "c1": 0.004, "z0": 0.01, "z1": 0.006}
SIMPLE = {"c0": 0.0242, "z1": 0.0133}


def gh_tape(
    seed: int, coefficients: dict[str, float], *, days: int = 60, trades: int = 200
) -> pd.DataFrame:
    """Prices by the equation, sides by coin, sizes of a few hundred to some thousand units."""
    rng = np.random.default_rng(seed)
    made = mrr_tape(rng, days=days, trades=trades, rho=0.0)
    size = np.round(rng.lognormal(6.5, 0.8, len(made)))
    side, thousand = made["side"].to_numpy(), size / 1000
    c0, c1, z0, z1 = (coefficients.get(name, 0.0) for name in FULL)
    stays = (z0 + z1 * thousand) * side + 0.01 * rng.standard_normal(len(made))
    value = 50 + pd.Series(stays).groupby(made["day"]).cumsum()
    return made.assign(size=size, price=value + (c0 + c1 * thousand) * side)
