"""Intervals beyond one speed at even times, and the size of the unit-root tests.

Uneven times, reports with error, controls, regimes, targets that shift, thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.signal import lfilter

import mmresearch as mm
from mmresearch.estimate.result import Quantity
from tests.panels import panel_of
from tests.truth.bands import band_path
from tests.truth.coverage import Row, row
from tests.truth.coverage_reversion import flat_days, path
from tests.truth.shifting import daily_panel, shifting_path

World = Callable[[np.random.Generator, int], Quantity]  # generator, seed of the draws -> interval
DRAWS = 199
DAY = 60.0  # seconds of a bar


def _many(world: World, replications: int, seed: int, number: int) -> list[Quantity]:
    rng = np.random.default_rng([seed, number])
    return [world(rng, int(rng.integers(2**31))) for _ in range(replications)]


def uneven(replications: int, seed: int) -> list[Row]:
    """100 reports at exponential gaps of one second; kappa of the reversion, a second."""
    rows = []
    for number, kappa in enumerate((0.0, 0.1, 0.3)):

        def world(rng: np.random.Generator, draw: int, kappa: float = kappa) -> Quantity:
            gaps = rng.exponential(1, 100)
            stays = np.exp(-kappa * gaps)
            spread = np.sqrt((1 - stays**2) / (2 * kappa)) if kappa else np.sqrt(gaps)
            level = [rng.standard_normal() / math.sqrt(2 * kappa) if kappa else 0.0]
            for stay, news in zip(stays, spread * rng.standard_normal(100), strict=True):
                level.append(stay * level[-1] + news)
            time = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
                np.append(0, gaps.cumsum()), unit="s"
            )
            table = pd.DataFrame({"time": time, "account": "A", "symbol": "X", "position": level})
            return mm.ornstein_uhlenbeck(table, draws=DRAWS, seed=draw).quantities["kappa"]

        found = _many(world, replications, seed, number)
        rows.append(row("ornstein_uhlenbeck", "kappa: 100 gaps, exponential", kappa, found))
    return rows


def reported_with_error(replications: int, seed: int) -> list[Row]:
    """45 days of 20 bars from 0, steps of one, every report with an error of one."""
    rows = []
    for number, rho in enumerate((0.7, 0.9, 1.0)):

        def world(rng: np.random.Generator, _: int, rho: float = rho) -> Quantity:
            levels = np.array(flat_days(rho, 45, 20, rng))
            levels += rng.standard_normal(levels.shape)
            panel = panel_of(list(levels))
            found = mm.inventory_reversion(panel, instrument="second lag", errors="cluster")
            return found.quantities["rho"]

        found = _many(world, replications, seed, number)
        name = "inventory_reversion(instrument='second lag')"
        rows.append(row(name, "45 days of 20 bars, reports with error", rho, found))
    return rows


def controlled(replications: int, seed: int) -> list[Row]:
    """20 flat-opening days of 30 bars; a return a bar that has nothing to do with inventory."""
    rows = []
    for number, rho in enumerate((0.9, 0.97, 1.0)):

        def world(rng: np.random.Generator, draw: int, rho: float = rho) -> Quantity:
            panel = panel_of(flat_days(rho, 20, 30, rng))
            panel["flow"] = panel["inventory_end"] - panel["inventory_start"]
            panel["return_bps"] = rng.standard_normal(len(panel))
            panel["time_of_day"] = panel["bar"] * DAY
            found = mm.inventory_reversion(panel, controls=True, seed=draw)
            return found.quantities["rho"]

        found = _many(world, replications, seed, number)
        name = "inventory_reversion(controls=True)"
        rows.append(row(name, "20 sessions of 30 bars, flat openings", rho, found))
    return rows


def regimes(replications: int, seed: int) -> list[Row]:
    """Eight flat-opening days of 60 bars in two halves: the half-life of the second, in seconds."""
    rows = []
    for number, (first, second) in enumerate(((0.9, 0.9), (0.7, 0.95), (0.9, 1.0))):
        slow = second == 1
        truth = math.inf if slow else DAY * math.log(0.5) / math.log(second)

        def world(
            rng: np.random.Generator, draw: int, rho: tuple[float, float] = (first, second)
        ) -> Quantity:
            levels = np.zeros((8, 61))
            for bar in range(60):
                levels[:, bar + 1] = rho[bar // 30] * levels[:, bar] + rng.standard_normal(8)
            panel = panel_of(list(levels)).assign(time_of_day=lambda p: p["bar"] * DAY)
            found = mm.reversion_by(panel, by="time_of_day", cells=2, draws=DRAWS, seed=draw)
            return list(found.quantities.values())[1]

        found = _many(world, replications, seed, number)
        case = f"second half of 8 days of 60 bars, rho {first:g} then {second:g}"
        rows.append(row("reversion_by", case, truth, found))
    return rows


def shifts(replications: int, seed: int) -> list[Row]:
    """300 bars: a random walk, one target, targets eight steps apart and one every 100 bars."""
    worlds = {"no target": (1.0, 0.0), "one target": (0.9, 0.0), "shifting": (0.9, 0.01)}
    rows = []
    for number, (name, (rho, chance)) in enumerate(worlds.items()):

        def world(
            rng: np.random.Generator, draw: int, rho: float = rho, chance: float = chance
        ) -> Quantity:
            level = (
                path(1.0, 300, rng)
                if rho == 1
                else shifting_path(rng, 300, rho=rho, chance=chance, sd=8)[0]
            )
            found = mm.shifting_target(daily_panel(level, known=False), draws=79, seed=draw)
            return found.quantities["rho"]

        found = _many(world, replications, seed, number)
        rows.append(row("shifting_target", f"rho: 300 bars, {name}", rho, found))
    return rows


def thresholds(replications: int, seed: int) -> list[Row]:
    """1,000 bars that revert at 2 % a bar up to a threshold of 3 and faster beyond."""
    rows = []
    for number, fast in enumerate((-0.3, -0.6)):
        rng, found = np.random.default_rng([seed, number]), []
        for _ in range(replications):
            panel = daily_panel(band_path(rng, 1000, c=3.0, b_in=-0.02, b_out=fast))
            draw = int(rng.integers(2**31))
            result = mm.threshold_reversion(panel, target=0.0, seed=draw)
            found.append(result.quantities)
        truths = {"threshold": 3.0, "half_life_inside": _life(-0.02)}
        for term, truth in (truths | {"half_life_outside": _life(fast)}).items():
            case = f"{term}: 1,000 bars, {-fast:.0%} a bar beyond"
            rows.append(row("threshold_reversion", case, truth, [q[term] for q in found]))
    return rows


def _life(change: float) -> float:
    """Bars in which half is gone, at this change a bar."""
    return math.log(0.5) / math.log(1 + change)


def one_speed(replications: int, seed: int) -> list[Row]:
    """The share of paths of one speed that are told apart from it at 5 %: a size."""
    rows = []
    for number, rho in enumerate((0.9, 1.0)):
        rng = np.random.default_rng([seed, number])
        rejected = []
        for _ in range(replications):
            panel = daily_panel(path(rho, 500, rng))
            draw = int(rng.integers(2**31))
            found = mm.threshold_reversion(panel, draws=99, seed=draw)
            rejected.append(found.details["linearity"]["p"].iloc[0] <= 0.05)
        rows.append(_size("threshold_reversion", "test of one speed: 500 bars", rho, rejected))
    return rows


def unit_roots(replications: int, seed: int) -> list[Row]:
    """Rejections at 5 % of random walks of 250 levels, test by test."""
    rng, p = np.random.default_rng(seed), []
    for _ in range(replications):
        level = lfilter([1], [1, -1], rng.standard_normal(251))
        table = mm.unit_root_tests(panel_of([level], known=True), draws=DRAWS)
        walks = table[table["null"] == "a random walk"]
        p.append(walks.set_index("test")["p"])
    wide = pd.DataFrame(p).dropna(axis=1, how="all")
    return [_size("unit_root_tests", f"{t}: 250 bars", 1.0, wide[t] <= 0.05) for t in wide]


def _size(estimator: str, case: str, truth: float, rejected: list[bool] | pd.Series) -> Row:
    share, n = float(np.mean(rejected)), len(rejected)
    return Row(estimator, case, truth, 0.05, share, 0.0, n, math.sqrt(share * (1 - share) / n))


COVERAGE = {
    "ornstein_uhlenbeck": uneven,
    "reversion second lag": reported_with_error,
    "reversion with controls": controlled,
    "reversion_by": regimes,
    "shifting_target": shifts,
    "threshold": thresholds,
    "threshold size": one_speed,
    "unit roots": unit_roots,
}
