"""The panel of a heavy day, and of ever more days: `python -m tests.benchmarks.heavy`.

    python -m tests.benchmarks.heavy            20 M quotes, 3 M trades, 1 M fills of one UTC day
    python -m tests.benchmarks.heavy --growth 1 4 16    as many days of a million rows each

The days are drawn, saved as market folders and measured from there, each side in processes of its
own. The plain side is one polars query a table with no checks; it has no time-weighted spread and
depth, no overnight flow, no returns and no sessions. The answers are compared first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

import mmresearch as mm
from mmresearch import native, store
from tests.benchmarks.side import timed

ROOT = Path(__file__).resolve().parents[2]
DAY = np.datetime64("2024-03-06", "ns")
LENGTH = 86_400 * 10**9  # nanoseconds
FREQS = {"1s": 10**9, "1min": 60 * 10**9}
HEAVY = {"quotes": 20_000_000, "trades": 3_000_000, "fills": 1_000_000}
LIGHT = {"quotes": 830_000, "trades": 125_000, "fills": 45_000}  # a million rows
ACCOUNTS = ["one", "two"]
RUNS = 3
TARGET = "target of the heavy day: 6 s and 2,500 MB; of the growth: a slope of at most 1.05"


def day(rows: dict[str, int], number: int = 0) -> dict[str, pl.DataFrame]:
    """The tables of one day: a mid that walks in ticks, sides that go missing, some equal times."""
    rng = np.random.default_rng(20240306 + number)
    begin = DAY + number * np.timedelta64(LENGTH, "ns")
    n = rows["quotes"]
    bid = 5_000_000 + rng.integers(-1, 2, n, dtype=np.int8).cumsum(dtype=np.int64)
    ask = bid + rng.integers(0, 9, n, dtype=np.int8)
    quotes = _events(rng, begin, n).with_columns(
        bid=pl.Series(bid / 100), ask=pl.Series(ask / 100), **_drawn_sizes(rng, n)
    )
    gone = pl.Series(rng.random(n) < 1e-4)
    quotes = quotes.with_columns(
        pl.when(~gone).then(pl.col(name)).alias(name) for name in ("ask", "ask_size")
    )
    return {
        "quotes": quotes,
        "trades": _prints(rng, begin, rows["trades"], bid),
        "fills": _prints(rng, begin, rows["fills"], bid).with_columns(
            account=pl.Series(np.array(ACCOUNTS)[rng.integers(0, len(ACCOUNTS), rows["fills"])]),
            fee=pl.lit(0.01),
        ),
    }


def _events(rng: np.random.Generator, begin: np.datetime64, n: int) -> pl.DataFrame:
    since = np.sort(rng.integers(0, LENGTH // 1_000, n)) * 1_000  # microseconds: some are equal
    time = pl.Series("time", begin + since.view("timedelta64[ns]")).dt.replace_time_zone("UTC")
    return pl.DataFrame({"time": time, "seq": np.arange(n)}).with_columns(symbol=pl.lit("X"))


def _drawn_sizes(rng: np.random.Generator, n: int) -> dict[str, pl.Series]:
    return {f"{side}_size": pl.Series(rng.integers(1, 500, n) / 10) for side in ("bid", "ask")}


def _prints(
    rng: np.random.Generator, begin: np.datetime64, n: int, bid: np.ndarray
) -> pl.DataFrame:
    return _events(rng, begin, n).with_columns(
        price=pl.Series(bid[np.linspace(0, len(bid) - 1, n).astype(int)] / 100),
        size=pl.Series(rng.integers(1, 100, n) / 10),
        side=pl.Series(rng.choice([1.0, -1.0], n)),
    )


def write(folder: Path, rows: dict[str, int], days: int) -> Path:
    """A market folder of so many days, written in the memory of one."""
    symbols = pl.DataFrame({"symbol": ["X"], "asset": ["X"], "calendar": ["24/7"]})
    with store.Writer(folder) as writer:
        writer.add("symbols", symbols)
        for number in range(days):
            for name, table in day(rows, number).items():
                writer.add(name, native.checked(table, name))
        writer.commit({"name": folder.name})
    return folder


def ours(folder: Path, freq: str) -> pd.DataFrame:
    return mm.panel(mm.open(folder), freq=freq)


def plain(folder: Path, freq: str) -> pd.DataFrame:
    """The core columns of the first day by polars alone."""
    files = {
        name: [*folder.glob(f"{name}/**/*.parquet"), *folder.glob(f"{name}-*")] for name in HEAVY
    }
    parts = {name: pl.scan_parquet(sorted(paths)) for name, paths in files.items()}
    step, mid = FREQS[freq], (pl.col("bid") + pl.col("ask")) / 2
    since = pl.col("time").dt.epoch("ns") - int(DAY.astype("int64"))
    bar = ((since - 1).clip(0) // step).alias("bar")
    grid = pl.LazyFrame({"bar": np.arange(LENGTH // step)})
    of = {name: table.with_columns(bar) for name, table in parts.items()}
    fair = pl.col("ask") * pl.col("bid_size") + pl.col("bid") * pl.col("ask_size")
    quotes = of["quotes"].with_columns(
        mid=mid, microprice=fair / (pl.col("bid_size") + pl.col("ask_size")), e=_imbalance()
    )
    change = 1e4 * pl.col("mid").log().forward_fill().diff().fill_null(0)
    quotes = quotes.with_columns(change=pl.when(pl.col("mid").is_not_null()).then(change))
    quotes = quotes.group_by("bar").agg(
        pl.col("mid", "microprice").last(),
        order_flow_imbalance=pl.col("e").sum(),
        realized_variance=(pl.col("change") ** 2).sum(),
    )
    size, side = pl.col("size"), pl.col("side")
    trades = of["trades"].group_by("bar")
    trades = trades.agg(
        market_volume=size.sum(), trades=pl.len(), trade_imbalance=(side * size).sum()
    )
    flows = of["fills"].group_by("account", "bar")
    flows = flows.agg(buys=size.filter(side > 0).sum(), sells=size.filter(side < 0).sum())
    table = pl.LazyFrame({"account": ACCOUNTS}).join(grid, how="cross")
    for found, by in ((flows, ["account", "bar"]), (trades, "bar"), (quotes, "bar")):
        table = table.join(found, on=by, how="left")
    held = (pl.col("buys").fill_null(0) - pl.col("sells").fill_null(0)).cum_sum().over("account")
    return table.sort("account", "bar").with_columns(inventory_end=held).collect().to_pandas()


def _imbalance() -> pl.Expr:
    """Order flow imbalance of each quote against the one before; none for the first."""
    terms = []
    for price, size, absent, sign in (
        ("bid", "bid_size", -np.inf, 1),
        ("ask", "ask_size", np.inf, -1),
    ):
        now, units = pl.col(price).fill_null(absent), pl.col(size).fill_null(0)
        up, down = now >= now.shift(), now <= now.shift()
        gained, lost = (up, down) if sign > 0 else (down, up)
        terms.append(sign * (gained * units - lost * units.shift()))
    return terms[0] + terms[1]


SIDES: dict[str, Callable[[Path, str], pd.DataFrame]] = {"mmresearch": ours, "plain polars": plain}
CORE = ["inventory_end", "buys", "market_volume", "trade_imbalance", "mid", "microprice"]
CORE += ["order_flow_imbalance", "realized_variance"]


def same(folder: Path, freq: str) -> None:
    """Both sides give the same core columns, or an AssertionError says where not."""
    found, other = ours(folder, freq), plain(folder, freq)
    other = found[["account", "bar"]].merge(other, how="left", validate="one_to_one")
    for name in CORE:
        held = other[name].notna().to_numpy()  # a bar without events is carried, or 0, by ours
        want = other[name].to_numpy(float)[held]
        np.testing.assert_allclose(found[name].to_numpy()[held], want, rtol=1e-9, atol=1e-6)
        print(f"{name}: equal in {held.sum():,} of {len(held):,} rows", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.heavy")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the heavy day's rows")
    parser.add_argument("--growth", type=int, nargs="+", metavar="DAYS", default=[])
    parser.add_argument("--folder", type=Path, help="keep the drawn folders here")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mmresearch-bench-") as made:
        place = wanted.folder or Path(made)
        lines = _growth(place, wanted.growth) if wanted.growth else _heavy(place, wanted.scale)
        print(pd.DataFrame(lines).to_string(index=False))
    print(TARGET)
    print("load of the machine, last minute:", os.getloadavg()[0], "on", os.cpu_count(), "cores")


def _heavy(place: Path, scale: float) -> list[dict]:
    rows = {name: int(scale * count) for name, count in HEAVY.items()}
    folder = _drawn(place / f"heavy-{scale:g}", rows, 1)
    for freq in FREQS:
        _process("same", folder, freq)
    return [
        _line(sum(rows.values()), f"{freq} by {side}", _process(side, folder, freq))
        for freq in FREQS
        for side in SIDES
    ]


def _growth(place: Path, days: list[int]) -> list[dict]:
    lines, seconds = [], []
    for count in days:
        folder = _drawn(place / f"days-{count}", LIGHT, count)
        found = _process("mmresearch", folder, "1min")
        seconds.append(found["warm"])
        lines.append(_line(count * sum(LIGHT.values()), f"1min, {count} days", found))
    if len(days) > 1:
        slope = np.polyfit(np.log(days), np.log(seconds), 1)[0]
        print(f"slope of log time on log rows: {slope:.3f}")
    return lines


def _drawn(folder: Path, rows: dict[str, int], days: int) -> Path:
    return folder if folder.exists() else write(folder, rows, days)


def _line(rows: int, work: str, found: dict[str, float]) -> dict:
    return {
        "panel": work,
        "rows": f"{rows:,}",
        "first s": f"{found['first']:.2f}",
        "warm s": f"{found['warm']:.2f}",
        "rows/s": f"{rows / found['warm']:,.0f}",
        "peak MB": f"{found['peak_mb']:,.0f}",
    }


def _process(side: str, folder: Path, freq: str) -> dict[str, float]:
    """One side's times and peak, measured in a process of its own."""
    code = "from tests.benchmarks.heavy import side; side()"
    command = [sys.executable, "-c", code, side, str(folder), freq]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def side() -> None:
    """What such a process does: argv is a side (or "same"), a folder, a freq."""
    name, folder, freq = sys.argv[1:]
    if name == "same":
        same(Path(folder), freq)
        print("{}")
    else:
        print(json.dumps(timed(partial(SIDES[name], Path(folder), freq), RUNS)))


if __name__ == "__main__":
    main()
