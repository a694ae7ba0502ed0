"""The inverted interval beside a loop over statsmodels: `python -m tests.benchmarks.reversion`.

Thirty days of one-minute bars. Ours is all of `inventory_reversion`. The plain side does the same
inversion, at the same rho and with the same random signs, and nothing else: for every path a
recursion by scipy's filter, then statsmodels' OLS. What must agree first: median-unbiased rho and
both ends, to 1e-10. The plain side is run once, as it takes a minute.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.signal import lfilter

import mmresearch as mm
from mmresearch.estimate.autoregression import Design
from mmresearch.estimate.inversion import highest_rho, invert_simulated
from mmresearch.estimate.pairs import inventory_pairs
from tests.panels import panel_of

RUNS = 7
TARGET = 20
RHO = 0.97


def study(days: int, bars: int) -> pd.DataFrame:
    """One account whose sessions open where the last one closed."""
    news = np.random.default_rng(11).standard_t(4, days * bars + 1)
    level = lfilter([1], [1, -RHO], news)
    return panel_of([level[d * bars : (d + 1) * bars + 1] for d in range(days)])


def plain(design: Design, draws: int) -> tuple[float, float, float]:
    """Low, median and high by statsmodels, path by path."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal(draws)
    signs = 2 * rng.integers(0, 2, (len(design.x), draws), dtype=np.int8) - 1
    fit = sm.OLS(design.y, sm.add_constant(design.x)).fit()
    found = invert_simulated(
        plain_paths(design, z, signs), fit.params[1], fit.bse[1], highest_rho(design), draws
    )
    return found.low, found.median, found.high


def plain_paths(design: Design, z: np.ndarray, signs: np.ndarray) -> Callable[[float], np.ndarray]:
    """The function rho -> slopes; a path opens at a draw from its stationary law."""

    def simulate(rho: float) -> np.ndarray:
        residual = design.y - rho * design.x
        residual -= residual.mean()
        width = np.sqrt(np.mean(residual**2) / (1 - rho**2)) if abs(rho) < 1 else 0.0
        slopes = []
        for opening, sign in zip(width * z, signs.T, strict=True):
            path = lfilter([1], [1, -rho], residual * sign, zi=[rho * opening])[0]
            before = np.append(opening, path[:-1])
            slopes.append(sm.OLS(path, sm.add_constant(before)).fit().params[1])
        return np.array(slopes)

    return simulate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reversion")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--bars", type=int, default=390)
    asked = parser.parse_args()
    panel = study(asked.days, asked.bars)
    ours, times = [], []
    for _ in range(RUNS + 1):
        begun, spent = perf_counter(), process_time()
        ours.append(mm.inventory_reversion(panel).quantities["rho"])
        times.append((perf_counter() - begun, process_time() - spent))
    first, *warm = times
    begun, spent = perf_counter(), process_time()
    slow = plain(inventory_pairs(panel).design, 999)
    loop, loop_cpu = perf_counter() - begun, process_time() - spent
    gap = np.abs(np.subtract(slow, (ours[0].low, ours[0].value, ours[0].high))).max()
    wall, cpu = (statistics.median(t) for t in zip(*warm, strict=True))
    print(
        f"{len(panel):,} bars; greatest difference of rho and its ends: {gap:.1e} (at most 1e-10)"
    )
    print(f"inventory_reversion: first {first[0]:.2f} s, warm {wall:.2f} s (CPU {cpu:.2f} s)")
    print(f"loop over statsmodels: {loop:.1f} s (CPU {loop_cpu:.1f} s)")
    print(f"ratio: {loop / wall:.0f}x by the clock, {loop_cpu / cpu:.0f}x by CPU; target {TARGET}x")
    print("load of the machine, last minute:", os.getloadavg()[0], "on", os.cpu_count(), "cores")
    if gap > 1e-10:
        raise SystemExit("the answers differ")


if __name__ == "__main__":
    main()
