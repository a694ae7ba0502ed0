"""The profit's parts beside the ledger it is booked in: `python -m tests.benchmarks.capture`.

The million fills of 50 accounts of `tests.benchmarks.ledger`, marked at the mid of a million
quotes. `mm.spread_capture` does what `mm.ledger` does but the average cost, and finds two reference
prices a fill. Each side in a process of its own. First every row's parts must add up to its profit,
and each account's profit must be what the ledger's cash and position are worth in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd

import mmresearch as mm
from mmresearch.measure.capture import PARTS
from tests.benchmarks.heavy import ROOT
from tests.benchmarks.ledger import ACCOUNTS, market
from tests.benchmarks.side import timed

RUNS = 5
TARGET = 5
SIDES = {
    "mm.ledger": mm.ledger,
    "mm.spread_capture, by session": mm.spread_capture,
    "mm.spread_capture, by minute": lambda study: mm.spread_capture(study, freq="1min"),
}


def same(study: mm.Market) -> None:
    """The identity in every row, and the ledger's profit, or an AssertionError says where not."""
    worth = mm.ledger(study).groupby("account")[["cash", "position"]].last()
    last = study.quotes[["bid", "ask"]].iloc[-1].mean()
    for name in list(SIDES)[1:]:
        table = SIDES[name](study)
        parts = sum(sign * table[part] for part, sign in PARTS.items())
        scale = table[list(PARTS)].abs().sum(axis=1)
        assert (np.abs(parts - table["profit"]) <= 1e-9 * scale).all()
        assert table["fills"].sum() == len(study.fills)
        profit = table.groupby("account")["profit"].sum()
        np.testing.assert_allclose(profit, worth["cash"] + worth["position"] * last, rtol=1e-9)


def side() -> None:
    """What a process does: argv is a side, rows, warm runs."""
    name, rows, runs = sys.argv[1:]
    study = market(int(rows))
    if name == "same":
        same(study)
        print("{}")
    else:
        print(json.dumps(timed(lambda: SIDES[name](study), int(runs))))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capture")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    lines = {name: _process(name, rows) for name in ("same", *SIDES)}
    table = pd.DataFrame([{"side": name} | lines[name] for name in SIDES])
    table["rows/s"] = rows / table["warm"]
    table["ratio"] = table["warm"] / table["warm"].iloc[0]
    print(f"{rows:,} fills, {ACCOUNTS} accounts; the parts add up, and to what the ledger says")
    print(table.to_string(index=False, float_format="{:,.2f}".format))
    print(f"target: at most {TARGET} times the ledger")
    print("load of the machine, last minute:", os.getloadavg()[0], "on", os.cpu_count(), "cores")


def _process(name: str, rows: int) -> dict[str, float]:
    code = "from tests.benchmarks.capture import side; side()"
    command = [sys.executable, "-c", code, name, str(rows), str(RUNS)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


if __name__ == "__main__":
    main()
