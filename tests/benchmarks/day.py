"""A day of LOBSTER files whose layout is real and whose values are drawn, for sizes we have not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

OPEN, CLOSE = 34_200, 57_600  # seconds after midnight
TYPES, SHARES = [1, 2, 3, 4, 5], [0.484, 0.001, 0.317, 0.156, 0.042]  # as on a day of AMZN
REPEATED = 0.07  # share of rows that bear the time of the row above
TICK = 100  # a cent, in ten-thousandths of a dollar


def write_day(folder: Path, *, rows: int, seed: int = 20120621) -> tuple[Path, Path]:
    """Message and order book file, level 1: executions at the best price of the row before."""
    rng = np.random.default_rng(seed)
    bid, ask = _best(rng, rows)
    kind = rng.choice(TYPES, size=rows, p=SHARES)
    direction = rng.choice([1, -1], size=rows)
    met = np.where(direction == 1, np.roll(bid, 1), np.roll(ask, 1))
    message = pl.DataFrame(
        {
            "time": _clock(rng, rows),
            "type": kind,
            "order_id": np.where(kind == 5, 0, rng.integers(10**7, 3 * 10**8, size=rows)),
            "size": rng.integers(1, 400, size=rows),
            "price": np.where(kind >= 4, met, met - direction * TICK),
            "direction": direction,
        }
    )
    sizes = {side: rng.integers(1, 500, size=rows) for side in ("ask", "bid")}
    book = pl.DataFrame(
        {"ask": ask, "ask_size": sizes["ask"], "bid": bid, "bid_size": sizes["bid"]}
    )
    paths = []
    for name, table in (("message", message), ("orderbook", book)):
        paths.append(folder / f"BENCH_2012-06-21_{OPEN}000_{CLOSE}000_{name}_1.csv")
        table.write_csv(paths[-1], include_header=False)
    return paths[0], paths[1]


def _best(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Best bid and ask: a walk in cents, a spread of 1 to 20 cents, often unchanged."""
    moves = rng.choice([-1, 0, 1], size=rows, p=[0.05, 0.9, 0.05])
    bid = 2_200_000 + TICK * np.cumsum(moves)
    changes = np.maximum.accumulate(np.where(rng.random(rows) < 0.1, np.arange(rows), 0))
    spread = TICK * rng.integers(1, 21, size=rows)[changes]
    return bid, bid + spread


def _clock(rng: np.random.Generator, rows: int) -> pl.Series:
    """Seconds after midnight as text with nine decimals, some repeated, never falling."""
    instants = np.sort(rng.integers(OPEN * 10**9, CLOSE * 10**9, size=rows))
    fresh = rng.random(rows) >= REPEATED
    instants = instants[np.maximum.accumulate(np.where(fresh, np.arange(rows), 0))]
    whole, part = pl.Series(instants // 10**9), pl.Series(instants % 10**9)
    return whole.cast(pl.String) + "." + part.cast(pl.String).str.zfill(9)
