"""Order flow imbalance of a heavy day: `python -m tests.benchmarks.ofi [--quotes N]`.

    ours          the bars of `mm.order_flow_imbalance`, by its compiled loop, from arrays
    panel's       the panel's loop over quotes, which does the spread and the variance too
    polars        the same sums by one query in memory
    pandas        the same on a tenth of the rows (its time is multiplied by ten)
    folder        `mm.order_flow_imbalance` of a market folder: read, checked, cut into bars
    folder, polars  a scan of the same Parquet files

Each side runs in a process of its own, so that its peak memory is its own; the answers are compared
first. Times are medians; CPU is user and system time, which a busy machine bends less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

import mmresearch as mm
from mmresearch.measure.bars import cut, parse_freq
from mmresearch.measure.order_flow import _levels
from mmresearch.measure.quotes import quote_bars, quote_blocks
from tests.benchmarks.heavy import DAY, LENGTH, _imbalance, write
from tests.benchmarks.side import peak_megabytes

ROOT = Path(__file__).resolve().parents[2]
SIDES = ("ours", "panel's", "polars", "pandas", "folder", "folder, polars")
RUNS = 3
STEP = 10**9


def quotes_of(folder: Path) -> pl.DataFrame:
    return pl.scan_parquet(_files(folder)).collect()


def _files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("quotes/**/*.parquet"), *folder.glob("quotes-*")])


def by_polars(quotes: pl.LazyFrame) -> np.ndarray:
    """Sums of e_n a second; locked and one-sided quotes are passed over, as ours are."""
    kept = quotes.select("time", "bid", "ask", "bid_size", "ask_size").filter(
        pl.col("bid") < pl.col("ask")
    )
    since = pl.col("time").dt.epoch("ns") - int(DAY.astype("int64"))
    bar = ((since - 1).clip(0) // STEP).alias("bar")
    sums = kept.select(bar, e=_imbalance()).group_by("bar").agg(pl.col("e").sum()).collect()
    return _dense(sums["bar"].to_numpy(), sums["e"].to_numpy())


def by_pandas(quotes: pd.DataFrame) -> np.ndarray:
    q = quotes[quotes["bid"] < quotes["ask"]]
    then = q.shift()
    e = q["bid_size"] * (q["bid"] >= then["bid"]) - then["bid_size"] * (q["bid"] <= then["bid"])
    e += then["ask_size"] * (q["ask"] >= then["ask"]) - q["ask_size"] * (q["ask"] <= then["ask"])
    since = q["time"].to_numpy("datetime64[ns]").astype("int64") - int(DAY.astype("int64"))
    sums = e.fillna(0).groupby(np.maximum(since - 1, 0) // STEP).sum()
    return _dense(sums.index.to_numpy(), sums.to_numpy())


def _dense(bar: np.ndarray, value: np.ndarray) -> np.ndarray:
    out = np.zeros(LENGTH // STEP)
    out[bar] = value
    return out


def by_folder(folder: Path) -> np.ndarray:
    table = mm.order_flow_imbalance(mm.open(folder), freq="1s")
    second = table["time_of_day"].to_numpy().astype("int64")
    return _dense(second, table["ofi"].fillna(0).to_numpy())


def side(name: str, folder: Path) -> Callable[[], object]:
    """The call that is timed, its input in memory but for a folder."""
    if name == "folder":
        return lambda: by_folder(folder)
    if name == "folder, polars":
        return lambda: by_polars(pl.scan_parquet(_files(folder)))
    quotes = quotes_of(folder)
    if name == "polars":
        return lambda: by_polars(quotes.lazy())
    if name == "pandas":
        part = quotes.head(len(quotes) // 10).to_pandas()
        return lambda: by_pandas(part)
    market = mm.Market(quotes=quotes)
    midnight = pd.Series([pd.Timestamp(DAY, tz="UTC")])
    about = {"day": midnight.dt.tz_localize(None), "open": midnight, "gap": False}
    sessions = pd.DataFrame(about | {"close": midnight + pd.Timedelta("1D")})
    bars = cut(parse_freq("1s"), sessions, None)
    if name == "panel's":
        return lambda: quote_bars(quote_blocks(market, "X"), bars)
    return lambda: _levels(market, "X", [], bars, True)


def measured(name: str, folder: Path) -> dict[str, float]:
    call = side(name, folder)
    call()  # compiled, and memory had once
    wall, cpu = [], []
    for _ in range(RUNS):
        begun, used = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
    times = {"wall": statistics.median(wall), "least": min(wall), "cpu": min(cpu)}
    if name == "pandas":
        times = {key: 10 * value for key, value in times.items()}
    return times | {"peak_mb": peak_megabytes()}


def same_answer(folder: Path) -> None:
    quotes = quotes_of(folder)
    plain = by_polars(quotes.lazy())
    ours = _levels_of(folder)
    np.testing.assert_allclose(ours, plain, atol=1e-6)
    np.testing.assert_allclose(by_folder(folder), plain, atol=1e-6)
    few = quotes.head(len(quotes) // 10)
    np.testing.assert_allclose(by_pandas(few.to_pandas()), by_polars(few.lazy()), atol=1e-6)


def _levels_of(folder: Path) -> np.ndarray:
    found, _ = side("ours", folder)()
    return np.nan_to_num(found[0].ofi)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ofi")
    parser.add_argument("--quotes", type=int, default=20_000_000)
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FOLDER"))
    asked = parser.parse_args()
    if asked.side:
        name, folder = asked.side
        print(json.dumps(measured(name, Path(folder))) if name != "same" else "{}")
        if name == "same":
            same_answer(Path(folder))
        return
    with tempfile.TemporaryDirectory(prefix="mmresearch-ofi-") as made:
        folder = write(Path(made), {"quotes": asked.quotes, "trades": 10, "fills": 10}, 1)
        _run("same", folder)
        rows = [{"side": name} | json.loads(_run(name, folder)) for name in SIDES]
    table = pd.DataFrame(rows).set_index("side")
    print(f"{asked.quotes:,} quotes to {LENGTH // STEP:,} bars; load {os.getloadavg()[0]:.1f}")
    print(table.assign(cpu_ratio=table["cpu"] / table.loc["ours", "cpu"]).round(3).to_string())


def _run(name: str, folder: Path) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.ofi", "--side", name, str(folder)]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
