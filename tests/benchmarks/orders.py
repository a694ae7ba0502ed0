"""Lives of orders of a heavy day: `python -m tests.benchmarks.orders [--events N]`.

    ours    `mm.order_lives` and `mm.cancellations` of a market in memory, quotes and all
    polars  one query: of each order its add, its last event, what was filled and cancelled; without
            faults, what rests, distances, or the watch's end

The answers of the two are compared first (sums of units, ends by kind). Times are of the second
call; CPU is user and system time, which a busy machine bends less.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl

import mmresearch as mm
from tests.benchmarks.side import peak_megabytes

OPEN = pd.Timestamp("2024-03-04", tz="UTC")
_DAY = 80_000 * 10**9


def drawn(events: int, seed: int = 0) -> mm.Market:
    """Half adds, a third of them filled, the others cancelled, and a quote for every fifth."""
    rng, n = np.random.default_rng(seed), events // 2
    added = np.sort(rng.integers(0, _DAY, n))
    ended = added + (rng.exponential(2.0, n) * 1e9).astype("int64")
    table = pl.DataFrame(
        {
            "at": np.concatenate([added, ended]),
            "order_id": np.tile(np.arange(1, n + 1), 2),
            "event": np.repeat([0, 1], n) * (1 + (np.tile(rng.random(n), 2) < 1 / 3)),
            "side": np.tile(rng.choice([-1.0, 1.0], n), 2),
            "size": np.tile(rng.integers(1, 9, n).astype(float), 2),
        }
    ).sort("at")
    opened = OPEN.value
    named = pl.lit(pl.Series(["add", "delete", "fill"])).gather(pl.col("event"))
    orders = table.select(
        (pl.col("at") + opened).cast(pl.Datetime("ns", "UTC")).alias("time"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("seq"),
        pl.lit("X").alias("symbol"),
        pl.col("order_id").cast(pl.String),
        named.alias("event"),
        "side",
        (100.0 - 0.01 * pl.col("side")).alias("price"),
        "size",
    )
    quotes = orders[::5].select("time", "seq", "symbol", bid=99.99, ask=100.01)
    quotes = quotes.with_columns(bid_size=pl.lit(5.0), ask_size=pl.lit(5.0))
    return mm.Market(orders=orders, quotes=quotes)


def by_polars(market: mm.Market) -> pl.DataFrame:
    size, event = pl.col("size"), pl.col("event")
    return (
        pl.concat(market.scans("orders"))
        .group_by("order_id")
        .agg(
            added=pl.col("time").first(),
            ended=pl.col("time").last(),
            end=event.last(),
            filled=size.filter(event == "fill").sum(),
            cancelled=size.filter(event == "delete").sum(),
        )
        .collect()
    )


def timed(function: Callable[[], object]) -> tuple[float, float, object]:
    begun, spent = time.perf_counter(), time.process_time()
    answer = function()
    return time.perf_counter() - begun, time.process_time() - spent, answer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.orders")
    parser.add_argument("--events", type=int, default=10_000_000)
    events = parser.parse_args().events
    mm.cancellations(drawn(1_000))
    mm.order_lives(drawn(1_000))  # compiled
    market = drawn(events)
    market["orders"], market["quotes"]
    *first, plain = timed(lambda: by_polars(market))
    *ours, lives = timed(lambda: mm.order_lives(market))
    assert lives["size_filled"].sum() == plain["filled"].sum()
    assert lives["size_cancelled"].sum() == plain["cancelled"].sum()
    assert (lives["end"] == "fill").sum() == (plain["end"] == "fill").sum()
    del lives, plain
    *bars, _ = timed(lambda: mm.cancellations(market))
    rows = [("polars, one query", *first), ("order_lives", *ours), ("cancellations", *bars)]
    table = pd.DataFrame(rows, columns=["work", "seconds", "cpu"])
    table["million events a second"] = events / 1e6 / table["cpu"]
    print(table.round(2).to_string(index=False))
    print(f"{events:,} events; peak {peak_megabytes():,.0f} MB; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
