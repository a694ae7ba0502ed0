"""Speed and memory side by side in one run: `make bench`, or `python -m tests.benchmarks`.

Every side runs in a process of its own, so that its peak memory is its own; sides alternate within
one run, as times drift with the machine and only ratios within one run count.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from tests.benchmarks.day import write_day

ROOT = Path(__file__).resolve().parents[2]
AMZN = ROOT.parent / "shared" / "realdata" / "lobster" / "AMZN_2012-06-21_level1"
RUNS = 5
SIDES = ("mmresearch", "plain pandas")
NOTE = f"""
first: a fresh process's first call. warm: median of the next {RUNS}. peak: of the whole process,
imports and input included (VmHWM, else ru_maxrss). ratio: warm time over plain pandas'; below 1 is
faster. plain pandas' tables are not checked and have no receipt; its panel has 4 columns, ours all.
"""
IMPORT_TARGET = 0.15


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--rows", type=int, default=1_500_000, help="rows of the drawn day")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="mmresearch-bench-") as folder:
        days = [("drawn", *write_day(Path(folder), rows=rows))]
        if AMZN.is_dir():
            days.insert(0, ("AMZN", *(next(AMZN.glob(f"*{k}*")) for k in ("message", "orderbook"))))
        lines = [line for name, *files in days for line in compare(name, *files)]
    print(pd.DataFrame(lines).to_string(index=False))
    print("load of the machine, last minute:", os.getloadavg()[0], "on", os.cpu_count(), "cores")
    print(NOTE)
    print(import_line())


def compare(name: str, message: Path, orderbook: Path) -> list[dict]:
    """The lines of one day: each work, each side; the answers are compared first."""
    side_of("all", "same", message, orderbook)
    with message.open("rb") as handle:
        rows = sum(1 for _ in handle)
    lines = []
    for work in ("tables", "panel"):
        found = {side: side_of(work, side, message, orderbook) for side in SIDES}
        for side, times in found.items():
            lines.append(
                {
                    "day": name,
                    "rows": f"{rows:,}",
                    "work": work,
                    "by": side,
                    "first s": f"{times['first']:.3f}",
                    "warm s": f"{times['warm']:.3f}",
                    "rows/s": f"{rows / times['warm']:,.0f}",
                    "peak MB": f"{times['peak_mb']:,.0f}",
                    "ratio": f"{times['warm'] / found[SIDES[1]]['warm']:.2f}",
                }
            )
    return lines


def side_of(work: str, side: str, message: Path, orderbook: Path) -> dict[str, float]:
    """One side's times and peak, measured in its own process."""
    module = [sys.executable, "-m", "tests.benchmarks.side"]
    command = [*module, work, side, str(message), str(orderbook), str(RUNS)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        sys.exit(f"{work} by {side}: failed")
    return json.loads(run.stdout or "{}")


def import_line() -> str:
    """What `import mmresearch` costs beyond `import pandas`, fresh processes taking turns."""
    codes = {
        "pandas": "import pandas",
        "both": "import pandas, mmresearch",
        "used": "import pandas, mmresearch; mmresearch.Market",
    }
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(2 * RUNS + 1):
        for name, code in codes.items():
            times[name].append(_seconds(code))
    middle = {name: statistics.median(values) for name, values in times.items()}
    beyond, used = (middle[name] - middle["pandas"] for name in ("both", "used"))
    return (
        f"import pandas {middle['pandas']:.3f} s; import mmresearch {beyond:+.3f} s beyond it"
        f" (target at most {IMPORT_TARGET} s); with mm.Market used {used:+.3f} s;"
        f" medians of {2 * RUNS + 1} processes each, taking turns"
    )


def _seconds(code: str) -> float:
    """Time of the imports alone, told by the process itself."""
    timed = f"import time; t = time.perf_counter(); {code}; print(time.perf_counter() - t)"
    run = subprocess.run(
        [sys.executable, "-c", timed], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return float(run.stdout)


if __name__ == "__main__":
    main()
