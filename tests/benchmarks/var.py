"""VAR(10) of 3 million trades beside statsmodels: `python -m tests.benchmarks.var`.

Two variables, one long day, from Hasbrouck's economy. Ours is what `trade_quote_var` computes from
two arrays: sums of products by 500 blocks, the fit, 999 draws of blocks, responses with bands to 30
trades and the permanent one with its interval. statsmodels' side is `VAR(y).fit(10)` alone, whose
errors are not robust. Each side runs in a process of its own, sides take turns; what must agree
first are all coefficients, to 1e-8. The whole function, from a table of trades, stands beside: its
table alone takes a few hundred megabytes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from tests.benchmarks.side import peak_megabytes
from tests.truth.inventory_economy import economy

ROOT = Path(__file__).resolve().parents[2]
ROWS, LAGS, RUNS = 3_000_000, 10, 3
FASTER, MEGABYTES = 20, 300
SIDES = ("ours", "statsmodels")


def ours(y: np.ndarray, lags: int) -> Callable[[], np.ndarray]:
    """Coefficients in statsmodels' order, [1 + 2 lags, 2]; errors and bands are made and left."""
    from mmresearch.estimate.var_draws import draw, interval, joint_band
    from mmresearch.estimate.var_moments import window_moments
    from mmresearch.estimate.var_rows import MOST_BLOCKS

    shock, level = np.ones(1), 0.95

    def call() -> np.ndarray:
        usable = np.arange(len(y)) >= lags
        edges = np.linspace(0, len(y), MOST_BLOCKS + 1).astype(int)
        found = draw(window_moments(y, usable, edges, lags), 2, 999, 0)
        path = found.fit.responses(shock, 30)[0].cumsum()
        drawn = found.drawn.responses(shock, 30).cumsum(axis=1)
        for band in (interval, joint_band):
            band(path, drawn, found.blocks, level)
        permanent = found.fit.permanent(shock)[0]
        interval(permanent, found.drawn.permanent(shock), found.blocks, level)
        slopes = found.fit.lag_matrices[0].transpose(0, 2, 1).reshape(-1, 2)
        return np.vstack([found.fit.const[0], slopes])

    return call


def theirs(y: np.ndarray, lags: int) -> Callable[[], np.ndarray]:
    """statsmodels' coefficients."""
    from statsmodels.tsa.api import VAR

    return lambda: VAR(y).fit(lags, trend="c").params


def whole(y: np.ndarray, lags: int) -> Callable[[], object]:
    """`trade_quote_var` from the table of trades that gives these rows."""
    import mmresearch as mm
    from tests.truth.hasbrouck_tape import tape_of

    table = tape_of(y[None, :, 0], y[None, :, 1])
    for column in ("price", "bid", "ask"):
        table[column] += 100_000  # a walk of so many steps would reach 0
    asked = {"x": "signed_size", "size": 1.0, "units": "currency", "max_lags": 1}
    return lambda: mm.trade_quote_var(table, lags=lags, **asked)


def measure(side: str, path: Path, lags: int, runs: int) -> dict:
    """One side's times by the clock and by CPU, peak memory and coefficients."""
    y = np.load(path)
    call = {"ours": ours, "statsmodels": theirs, "whole": whole}[side](y, lags)
    times = []
    for _ in range(runs + 1):
        begun, spent = perf_counter(), process_time()
        found = call()
        times.append((perf_counter() - begun, process_time() - spent))
    wall, cpu = zip(*(times[1:] or times), strict=True)
    answer = found.tolist() if isinstance(found, np.ndarray) else []
    peak = peak_megabytes()
    return {"first": times[0][0], "wall": wall, "cpu": cpu, "peak": peak, "answer": answer}


def side_of(*words: str) -> dict:
    """A side in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.var", "--side", *words]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.var")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--side", nargs=4, metavar=("SIDE", "FILE", "LAGS", "RUNS"))
    asked = parser.parse_args()
    if asked.side:
        side, path, lags, runs = asked.side
        print(json.dumps(measure(side, Path(path), int(lags), int(runs))))
        return
    with tempfile.TemporaryDirectory(prefix="mmresearch-bench-") as folder:
        path = Path(folder) / "y.npy"
        r, x = economy(np.random.default_rng(1), asked.rows)
        np.save(path, np.column_stack([x, r]))
        del r, x
        rounds: dict[str, list[dict]] = {side: [] for side in SIDES}
        for _ in range(asked.runs):
            for side in SIDES:
                inner = 3 if side == "ours" else 0
                rounds[side].append(side_of(side, str(path), str(LAGS), str(inner)))
        table = side_of("whole", str(path), str(LAGS), "1")
    report(rounds, table, asked.rows)


def report(rounds: dict[str, list[dict]], table: dict, rows: int) -> None:
    answers = [np.array(found["answer"]) for side in SIDES for found in rounds[side]]
    gap = max(np.abs(answer - answers[0]).max() for answer in answers)
    print(f"{rows:,} trades, {LAGS} lags; greatest difference of coefficients: {gap:.1e}")
    middle = {}
    for side in SIDES:
        wall, cpu = ([t for found in rounds[side] for t in found[k]] for k in ("wall", "cpu"))
        peak = max(found["peak"] for found in rounds[side])
        middle[side] = (statistics.median(wall), statistics.median(cpu), peak)
        spread = f"{min(wall):.2f} to {max(wall):.2f}"
        print(
            f"{side}: {middle[side][0]:.2f} s ({spread}), CPU {middle[side][1]:.2f} s, "
            f"peak {peak:,.0f} MB"
        )
    wall, cpu = (middle["statsmodels"][k] / middle["ours"][k] for k in (0, 1))
    print(f"ratio: {wall:.0f}x by the clock, {cpu:.0f}x by CPU; target {FASTER}x")
    print(f"peak: target at most {MEGABYTES} MB")
    print(
        f"the whole function from a table: {table['wall'][0]:.2f} s, CPU {table['cpu'][0]:.2f} s, "
        f"peak {table['peak']:,.0f} MB with its input"
    )
    print("load of the machine, last minute:", os.getloadavg()[0], "on", os.cpu_count(), "cores")
    if gap > 1e-8 or middle["ours"][2] > MEGABYTES or cpu < FASTER:
        raise SystemExit("a target was missed")


if __name__ == "__main__":
    main()
