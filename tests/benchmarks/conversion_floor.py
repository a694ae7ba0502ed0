"""What conversion cannot go below: the same tables' columns made and written, and nothing checked.

    python -m tests.benchmarks.conversion_floor [--rows 2000000] [--only "taq quotes"]

Polars' own streaming makes both: the file's columns as they stand (plain), and the columns of our
table (floor), whose times, numbers of rows and texts of ids are more to write. Beside them ours.
CPU seconds, median of three calls that take turns, in one process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from mmresearch.convert import convert
from mmresearch.store import TIME
from tests.benchmarks import drawn
from tests.benchmarks.conversion import ZSTD

_SEQ = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("seq")


def _counted(column: str, factor: int) -> pl.Expr:
    return (pl.col(column) * factor).cast(TIME).alias("time")


def _sign(sold: pl.Expr) -> pl.Expr:
    return pl.when(sold).then(-1.0).otherwise(1.0).alias("side")


def _quotes(bid: str, bid_size: str, ask: str, ask_size: str) -> list[pl.Expr]:
    sizes = {"bid_size": bid_size, "ask_size": ask_size}
    amounts = [pl.col(theirs).cast(pl.Float64).alias(ours) for ours, theirs in sizes.items()]
    return [pl.col(bid).alias("bid"), pl.col(ask).alias("ask"), *amounts]


_TARDIS = ("bid_price", "bid_amount", "ask_price", "ask_amount")
_CLOCK = (pl.col("DATE").cast(pl.String) + pl.col("TIME_M")).str.to_datetime(
    "%Y%m%d%H:%M:%S%.f", time_unit="ns", time_zone="UTC"
)
TABLES: dict[str, list] = {
    "tardis quotes": [
        *(_counted("timestamp", 1_000), _SEQ, "symbol", *_quotes(*_TARDIS)),
        _counted("local_timestamp", 1_000).alias("local_time"),
    ],
    "binance aggTrades": [
        *(_counted("transact_time", 10**6), _SEQ, pl.lit("BTCUSDT").alias("symbol"), "price"),
        *(pl.col("quantity").alias("size"), _sign(pl.col("is_buyer_maker"))),
        pl.col("agg_trade_id").cast(pl.String).alias("trade_id"),
        *("first_trade_id", "last_trade_id"),
    ],
    "table, ms": [
        *(_counted("time", 10**6), _SEQ, "symbol", "price", "size"),
        *(_sign(pl.col("side") == "sell"), pl.lit(None, pl.String).alias("trade_id")),
    ],
    "taq quotes": [
        *(_CLOCK.alias("time"), _SEQ, pl.col("SYM_ROOT").alias("symbol")),
        *_quotes("BID", "BIDSIZ", "ASK", "ASKSIZ"),
        *("EX", "QU_SEQNUM", "QU_COND"),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.conversion_floor")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--only", nargs="+", choices=TABLES, default=[*TABLES])
    asked = parser.parse_args()
    widths = (20, 7, 7, 7, 12, 11)
    heads = ("source", "plain", "floor", "ours", "floor/plain", "ours/plain")
    print(*(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True)))
    for name in asked.only:
        with tempfile.TemporaryDirectory(prefix="mmresearch-bench-") as folder:
            plain, floor, ours = _seconds(name, asked.rows, Path(folder))
        ratios = f"{floor / plain:12.2f} {ours / plain:11.2f}"
        print(f"{name:>20} {plain:7.2f} {floor:7.2f} {ours:7.2f} {ratios}", flush=True)


def _seconds(name: str, rows: int, folder: Path) -> list[float]:
    about = drawn.FILES[name]
    (path,) = about.write(folder, rows, np.random.default_rng(20240801))
    calls = [
        lambda: pl.scan_csv(path).sink_parquet(folder / "plain.parquet", **ZSTD),
        lambda: pl.scan_csv(path).select(TABLES[name]).sink_parquet(folder / "f.parquet", **ZSTD),
        lambda: convert(about.source, [path], folder / "market", options=dict(about.options)),
    ]
    found = [[_cpu(call) for call in calls] for _ in range(4)][1:]  # the first are first calls
    return [statistics.median(seconds) for seconds in zip(*found, strict=True)]


def _cpu(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    main()
