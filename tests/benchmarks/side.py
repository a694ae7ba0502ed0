"""One side of one comparison in a process of its own: times, peak memory, rows, as JSON.

    python -m tests.benchmarks.side WORK SIDE MESSAGE ORDERBOOK RUNS

The first call is timed apart from the warm ones: fresh memory costs as much as the work.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pandas as pd

import mmresearch as mm
from tests.benchmarks import plain

PANEL = ["bar", "flow", "inventory_end", "mid", "return_bps"]


def load_ours(message: Path, orderbook: Path) -> Callable[[], object]:
    return lambda: mm.load.lobster(message, orderbook)


def load_plain(message: Path, orderbook: Path) -> Callable[[], object]:
    return lambda: plain.tables(message, orderbook)


def panel_ours(message: Path, orderbook: Path) -> Callable[[], object]:
    market = mm.load.lobster(message, orderbook)
    return lambda: mm.panel(market, freq="1min")


def panel_plain(message: Path, orderbook: Path) -> Callable[[], object]:
    found = plain.tables(message, orderbook)
    return lambda: plain.panel(found)


SIDES = {
    ("tables", "mmresearch"): load_ours,
    ("tables", "plain pandas"): load_plain,
    ("panel", "mmresearch"): panel_ours,
    ("panel", "plain pandas"): panel_plain,
}


def same_answer(message: Path, orderbook: Path) -> None:
    """Both ways give the same tables and the same panel, or an AssertionError says where not."""
    market, found = mm.load.lobster(message, orderbook), plain.tables(message, orderbook)
    for name, table in found.items():
        pd.testing.assert_frame_equal(market[name][list(table)], table, check_index_type=False)
    ours = mm.panel(market, freq="1min")[PANEL].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, plain.panel(found), rtol=1e-10)


def timed(call: Callable[[], object], runs: int) -> dict[str, float]:
    times = []
    for _ in range(runs + 1):
        begun = perf_counter()
        call()
        times.append(perf_counter() - begun)
    return {"first": times[0], "warm": statistics.median(times[1:]), "peak_mb": peak_megabytes()}


def peak_megabytes() -> float:
    """This process's own peak. On Linux ru_maxrss would start from the parent's, so VmHWM there."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


if __name__ == "__main__":
    work, side, message, orderbook, runs = sys.argv[1:]
    if side == "same":
        same_answer(Path(message), Path(orderbook))
    else:
        call = SIDES[work, side](Path(message), Path(orderbook))
        print(json.dumps(timed(call, int(runs))))
