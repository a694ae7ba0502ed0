"""Source files to a market folder beside polars' plain conversion of the same files to Parquet.

    python -m tests.benchmarks.conversion [--rows 4000000] [--only "tardis quotes"]

Ours checks every value, rebuilds what there is to rebuild and writes tables with a receipt; the
plain side writes each file's columns as they stand as one Parquet file: of CSV by
`scan_csv().sink_parquet()`, of a capture by decoding its lines. Both write zstd level 1. Each runs
in a process of its own; that both read the same rows, and of drawn files one column of the same
sum, is asked before a figure is shown.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from mmresearch.convert import convert
from mmresearch.load.unpack import read_bytes
from tests.benchmarks import drawn
from tests.benchmarks.side import timed

ROOT = Path(__file__).resolve().parents[2]
REALDATA = ROOT.parent / "shared" / "realdata"
RUNS = 5  # of real files, which are small; of drawn ones 2
SIDES = ("mmresearch", "plain polars")
REAL = {  # the three largest real files; LOBSTER's book comes with its messages
    "binance": ("binance/usdm/btcusdt_20240808.gz",),
    "lobster": (
        "lobster/AMZN_2012-06-21_level1/AMZN_2012-06-21_34200000_57600000_message_1.csv",
        "lobster/AMZN_2012-06-21_level1/AMZN_2012-06-21_34200000_57600000_orderbook_1.csv",
    ),
    "options": ("options/cboe_spx_2022-07-12.csv",),
}
ZSTD = {"compression": "zstd", "compression_level": 1}  # as `store` writes


def ours(name: str, files: list[Path], folder: Path) -> int:
    """Rows read of all files."""
    source, options = (name, {}) if name in REAL else drawn.FILES[name][0::5]
    return convert(source, files, folder / "market", options=options).receipt.rows_read


def plain(name: str, files: list[Path], folder: Path) -> int:
    """Rows of all files, each written as one Parquet file."""
    written = [folder / f"{number}.parquet" for number in range(len(files))]
    for path, to in zip(files, written, strict=True):
        if name == "binance":
            _capture(path).write_parquet(to, **ZSTD)
        elif name == "options":
            _csv(path, has_header=False, skip_rows=3, truncate_ragged_lines=True, to=to)
        else:
            _csv(path, has_header="lobster" not in name, to=to)
    return sum(pl.scan_parquet(to).select(pl.len()).collect().item() for to in written)


def _csv(path: Path, *, to: Path, **how: bool | int) -> None:
    pl.scan_csv(path, **how).sink_parquet(to, **ZSTD)


def _capture(path: Path) -> pl.DataFrame:
    """Each line's time and the JSON behind it, decoded."""
    lines = pl.Series("line", read_bytes(path).decode().splitlines())
    halves = lines.str.split_exact(" ", 1).struct.rename_fields(["time", "event"]).struct.unnest()
    event = halves["event"].str.json_decode(_EVENT)
    return halves.select(pl.col("time").cast(pl.Int64), event)


_TEXTS = ("e", "s", "p", "q", "X", "B", "A")
_EVENT = pl.Struct(
    {
        "stream": pl.String,
        "data": pl.Struct(
            dict.fromkeys(_TEXTS, pl.String)
            | dict.fromkeys(("E", "T", "t", "u", "U", "pu"), pl.Int64)
            | {"m": pl.Boolean}
        ),
    }
)
WORK: dict[str, Callable[[str, list[Path], Path], int]] = dict(
    zip(SIDES, (ours, plain), strict=True)
)


def main() -> None:
    if sys.argv[1:2] == ["side"]:
        print(json.dumps(_side(*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.conversion")
    parser.add_argument("--rows", type=int, default=4_000_000, help="rows of the drawn files")
    parser.add_argument("--only", nargs="+", choices=drawn.FILES, default=[*drawn.FILES])
    asked = parser.parse_args()
    for name in asked.only:
        _show(_drawn(name, asked.rows), header=name == asked.only[0])
    if REALDATA.is_dir() and len(asked.only) == len(drawn.FILES):
        for name, files in REAL.items():
            _show(_compared(f"{name}, real", name, [REALDATA / file for file in files]))


def _show(line: dict[str, str], *, header: bool = False) -> None:
    """A line at once, as all of them take minutes."""
    widths = [max(len(name), 11) + 8 * (name == "source") for name in line]
    for cells in [list(line), list(line.values())][not header :]:
        print(*(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True)), flush=True)


def _drawn(name: str, rows: int) -> dict:
    with tempfile.TemporaryDirectory(prefix="mmresearch-bench-") as folder:
        rng = np.random.default_rng(20240801)
        files = drawn.FILES[name].write(Path(folder), rows, rng)
        return _compared(name, name, files)


def _compared(title: str, name: str, files: list[Path]) -> dict:
    """The line of one source: seconds of both sides, the rest ours, ratios ours over theirs."""
    own, other = (_process(name, side, files) for side in SIDES)
    if own["rows"] != other["rows"] or not math.isclose(own["sum"], other["sum"], rel_tol=1e-9):
        sys.exit(f"{title}: not the same rows or sums: {own}, {other}")
    return {
        "source": title,
        "rows": f"{own['rows']:,}",
        "first s": f"{own['first']:.2f}",
        "warm s": f"{own['warm']:.3f}",
        "plain s": f"{other['warm']:.3f}",
        "cpu s": f"{own['cpu']:.2f}",
        "plain cpu": f"{other['cpu']:.2f}",
        "rows/s": f"{own['rows'] / own['warm']:,.0f}",
        "peak MB": f"{own['peak_mb']:,.0f}",
        "plain MB": f"{other['peak_mb']:,.0f}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "cpu ratio": f"{own['cpu'] / other['cpu']:.2f}",
        "ratio": f"{own['warm'] / other['warm']:.2f}",
    }


def _process(name: str, side: str, files: list[Path]) -> dict[str, float]:
    """One side's times and peak, measured in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.conversion", "side", name, side, *files]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def _side(name: str, side: str, *names: str) -> dict[str, float]:
    """Times and CPU time of a call, the peak, rows, and the sum of a column of what was written."""
    files, runs = list(map(Path, names)), RUNS if name in REAL else 2
    with tempfile.TemporaryDirectory(prefix="mmresearch-bench-") as folder:
        rows: list[int] = []
        began = time.process_time()
        times = timed(lambda: rows.append(WORK[side](name, files, Path(folder))), runs)
        cpu = (time.process_time() - began) / (runs + 1)
        return times | {"cpu": cpu, "rows": rows[-1], "sum": _sum(name, side, Path(folder))}


def _sum(name: str, side: str, folder: Path) -> float:
    if name in REAL:
        return 0.0
    about = drawn.FILES[name]
    if side == "plain polars":
        rows = pl.scan_parquet(folder / "0.parquet")
        names = rows.collect_schema().names()
        column = names[about.theirs] if isinstance(about.theirs, int) else about.theirs
        rows = rows.filter(action="T") if name.startswith("databento") else rows
        return rows.select(pl.col(column).sum()).collect().item()
    place = folder / "market"
    parts = [*place.glob(f"{about.table}-*.parquet"), *place.glob(f"{about.table}/**/*.parquet")]
    rows = pl.scan_parquet(parts, hive_partitioning=False)
    return rows.select(pl.col(about.ours).sum()).collect().item()


if __name__ == "__main__":
    main()
