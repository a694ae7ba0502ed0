"""The sides of a comparison on the heavy day's folder, each measured in a process of its own.

A benchmark module has SIDES (name -> folder -> the call, made ready before the clock), `same`
(an AssertionError where the answers differ), `write` (the folder of a day at a scale) and TARGET.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd

from tests.benchmarks.heavy import ROOT
from tests.benchmarks.side import timed

RUNS = 5


def main(module: str) -> None:
    """Compare the answers, then print each side's times and peak memory."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the heavy day's rows")
    parser.add_argument("--runs", type=int, default=RUNS)
    wanted, benchmark = parser.parse_args(), importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="mmresearch-bench-") as made:
        folder = benchmark.write(Path(made) / "day", wanted.scale)
        _process(module, "same", folder, wanted.runs)
        lines = [
            {"side": name} | _process(module, name, folder, wanted.runs) for name in benchmark.SIDES
        ]
    print(pd.DataFrame(lines).to_string(index=False, float_format="{:,.2f}".format))
    print(benchmark.TARGET)
    print("load of the machine, last minute:", os.getloadavg()[0], "on", os.cpu_count(), "cores")


def _process(module: str, name: str, folder: Path, runs: int) -> dict[str, float]:
    """One side's times and peak, measured in a process of its own."""
    code = "from tests.benchmarks.heavy_sides import side; side()"
    command = [sys.executable, "-c", code, module, name, str(folder), str(runs)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def side() -> None:
    """What such a process does: argv is a module, a side or "same", a folder, warm runs."""
    module, name, folder, runs = sys.argv[1:]
    benchmark = importlib.import_module(module)
    if name == "same":
        benchmark.same(Path(folder))
        print("{}")
        return
    call = benchmark.SIDES[name](Path(folder))
    used: list[float] = []

    def clocked() -> None:
        begun = process_time()
        call()
        used.append(process_time() - begun)

    found = timed(clocked, int(runs))
    print(json.dumps(found | {"cpu": float(np.median(used[1:]))}))
