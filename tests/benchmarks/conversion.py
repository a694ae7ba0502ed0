"""Source files to a market folder beside polars' plain read and write of the same file.

    python -m tests.benchmarks.conversion

Ours checks every value, rebuilds what there is to rebuild and writes tables with a receipt; the
plain side reads each file's rows as they stand and writes them as one Parquet file. Both take turns
in one process each; what is asked first is that both read the same number of rows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.convert import convert
from mmresearch.load.unpack import read_bytes
from tests.benchmarks.side import timed

ROOT = Path(__file__).resolve().parents[2]
REALDATA = ROOT.parent / "shared" / "realdata"
RUNS = 5
FILES = {  # the three largest real files; LOBSTER's book comes with its messages
    "binance": ("binance/usdm/btcusdt_20240808.gz",),
    "lobster": (
        "lobster/AMZN_2012-06-21_level1/AMZN_2012-06-21_34200000_57600000_message_1.csv",
        "lobster/AMZN_2012-06-21_level1/AMZN_2012-06-21_34200000_57600000_orderbook_1.csv",
    ),
    "options": ("options/cboe_spx_2022-07-12.csv",),
}


def ours(source: str, files: list[Path], folder: Path) -> int:
    return convert(source, files, folder / "market").receipt.rows_read


def plain(source: str, files: list[Path], folder: Path) -> int:
    """Rows read of all files, each written as one Parquet file."""
    frames = [READ[source](path) for path in files]
    for number, frame in enumerate(frames):
        frame.write_parquet(folder / f"{number}.parquet", compression="zstd")
    return sum(frame.height for frame in frames)


def _csv(path: Path, skip: int = 0) -> pl.DataFrame:
    return pl.read_csv(path, has_header=False, skip_rows=skip, truncate_ragged_lines=True)


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
READ: dict[str, Callable[[Path], pl.DataFrame]] = {
    "binance": _capture,
    "lobster": _csv,
    "options": partial(_csv, skip=3),
}
SIDES = {"mmresearch": ours, "plain polars": plain}


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(_side(*sys.argv[1:])))
        return
    if not REALDATA.is_dir():
        sys.exit(f"no real files at {REALDATA}")
    lines = [line for source in FILES for line in _compared(source)]
    print(pd.DataFrame(lines).to_string(index=False))


def _compared(source: str) -> list[dict]:
    found = {side: _process(source, side) for side in SIDES}
    rows = {side: times["rows"] for side, times in found.items()}
    if len(set(rows.values())) > 1:
        sys.exit(f"{source}: not the same rows: {rows}")
    warm = found["plain polars"]["warm"]
    return [
        {
            "source": source,
            "rows": f"{times['rows']:,}",
            "by": side,
            "first s": f"{times['first']:.3f}",
            "warm s": f"{times['warm']:.3f}",
            "rows/s": f"{times['rows'] / times['warm']:,.0f}",
            "peak MB": f"{times['peak_mb']:,.0f}",
            "ratio": f"{times['warm'] / warm:.2f}",
        }
        for side, times in found.items()
    ]


def _process(source: str, side: str) -> dict[str, float]:
    """One side's times and peak, measured in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.conversion", source, side]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def _side(source: str, side: str) -> dict[str, float]:
    files = [REALDATA / name for name in FILES[source]]
    with tempfile.TemporaryDirectory(prefix="mmresearch-bench-") as folder:
        work = partial(SIDES[side], source, files, Path(folder))
        return timed(work, RUNS) | {"rows": work()}


if __name__ == "__main__":
    main()
