"""Intervals of `attenuation`: signs wrong each by itself, and in runs."""

from __future__ import annotations

import numpy as np
import pandas as pd

import mmresearch as mm
from tests.truth.coverage import Row, row

TRADES = 2_000
# name, how many trades in a row are wrong or right together, share wrong, size of a large trade
WORLDS = (
    ("each by itself, e 0.05", 1, 0.05, 1.0),
    ("each by itself, e 0.25", 1, 0.25, 1.0),
    ("in runs of 5, e 0.15", 5, 0.15, 1.0),
    ("each by itself, large trades of 4", 1, 0.15, 4.0),
)


def signed(rng: np.random.Generator, run: int, wrong: float, large: float) -> pd.DataFrame:
    """A table as `mm.sign_trades` makes it, its sides wrong with this probability."""
    true = rng.choice([-1.0, 1.0], TRADES)
    turn = np.where(np.repeat(rng.random(TRADES // run), run) < wrong, -1.0, 1.0)
    time = pd.Timestamp("2024-01-02", tz="UTC") + pd.to_timedelta(np.arange(TRADES), unit="s")
    table = pd.DataFrame({"time": time, "symbol": "X", "side": true * turn, "reported_side": true})
    return table.assign(size=np.where(rng.random(TRADES) < 0.1, large, 1.0))


def intervals(replications: int, seed: int) -> list[Row]:
    """A row a world and kind of flow."""
    rows = []
    for number, (name, run, wrong, large) in enumerate(WORLDS):
        rng = np.random.default_rng([seed, number])
        tables = [signed(rng, run, wrong, large) for _ in range(replications)]
        for flow in ("sign", "size"):
            found = [mm.attenuation(table, flow=flow) for table in tables]
            case = f"1 day of {TRADES:,} trades, signs wrong {name}"
            rows.append(row(f"attenuation(flow={flow!r})", case, 1 - 2 * wrong, found))
    return rows


COVERAGE = {"attenuation": intervals}
