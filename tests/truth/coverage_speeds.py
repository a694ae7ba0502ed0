"""Intervals beyond one speed at even times, and the size of the unit-root tests.

Uneven times, reports with error, controls, regimes, targets that shift, thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

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

World = Callable[..., Quantity]  # generator, seed of the draws, the law -> interval
Cases = Sequence[tuple[str, float, tuple]]  # what is told of a world, its truth, its law
DRAWS = 199
BAR = 60.0  # seconds


def study(estimator: str, world: World, cases: Cases) -> Callable[[int, int], list[Row]]:
    """The study that asks for one interval in several worlds."""

    def run(replications: int, seed: int) -> list[Row]:
        rows = []
        for number, (case, truth, law) in enumerate(cases):
            rng = np.random.default_rng([seed, number])
            found = [world(rng, int(rng.integers(2**31)), *law) for _ in range(replications)]
            rows.append(row(estimator, case, truth, found))
        return rows

    return run


def same(case: str, truths: Sequence[float]) -> Cases:
    """Worlds that differ in the truth alone."""
    return [(case, truth, (truth,)) for truth in truths]


def uneven(rng: np.random.Generator, draw: int, kappa: float) -> Quantity:
    """100 reports at exponential gaps of one second; kappa of the reversion, a second."""
    gaps = rng.exponential(1, 100)
    stays = np.exp(-kappa * gaps)
    spread = np.sqrt((1 - stays**2) / (2 * kappa)) if kappa else np.sqrt(gaps)
    level = [rng.standard_normal() / math.sqrt(2 * kappa) if kappa else 0.0]
    for stay, news in zip(stays, spread * rng.standard_normal(100), strict=True):
        level.append(stay * level[-1] + news)
    since = pd.to_timedelta(np.append(0, gaps.cumsum()), unit="s")
    time = pd.Timestamp("2024-01-01", tz="UTC") + since
    table = pd.DataFrame({"time": time, "account": "A", "symbol": "X", "position": level})
    return mm.ornstein_uhlenbeck(table, draws=DRAWS, seed=draw).quantities["kappa"]


def reported_with_error(rng: np.random.Generator, _: int, rho: float) -> Quantity:
    """45 days of 20 bars from 0, steps of one, every report with an error of one."""
    levels = np.array(flat_days(rho, 45, 20, rng))
    levels += rng.standard_normal(levels.shape)
    panel = panel_of(list(levels))
    found = mm.inventory_reversion(panel, instrument="second lag", errors="cluster")
    return found.quantities["rho"]


def controlled(rng: np.random.Generator, draw: int, rho: float) -> Quantity:
    """20 flat-opening days of 30 bars; a return a bar that has nothing to do with inventory."""
    panel = panel_of(flat_days(rho, 20, 30, rng))
    panel["flow"] = panel["inventory_end"] - panel["inventory_start"]
    panel["return_bps"] = rng.standard_normal(len(panel))
    panel["time_of_day"] = panel["bar"] * BAR
    return mm.inventory_reversion(panel, controls=True, seed=draw).quantities["rho"]


def second_half(rng: np.random.Generator, draw: int, first: float, second: float) -> Quantity:
    """Eight flat-opening days of 60 bars in two halves: the half-life of the second, in seconds."""
    levels = np.zeros((8, 61))
    for bar in range(60):
        rho = first if bar < 30 else second
        levels[:, bar + 1] = rho * levels[:, bar] + rng.standard_normal(8)
    panel = panel_of(list(levels)).assign(time_of_day=lambda p: p["bar"] * BAR)
    found = mm.reversion_by(panel, by="time_of_day", cells=2, draws=DRAWS, seed=draw)
    return list(found.quantities.values())[1]


def far_half(rng: np.random.Generator, draw: int, near: float, far: float) -> Quantity:
    """Eight flat-opening days of 60 bars: the half-life of the half farther from the mean."""
    panel = panel_of(list(sized_levels(rng, 8, near, far, usual_size(near, far))))
    found = mm.reversion_by(panel, by="size", cells=2, draws=DRAWS, seed=draw)
    return list(found.quantities.values())[1]


def sized_levels(
    rng: np.random.Generator, days: int, near: float, far: float, cut: float
) -> np.ndarray:
    """60 bars of each day from 0: the level keeps `near` of itself within the cut, else `far`."""
    levels = np.zeros((days, 61))
    for bar in range(60):
        now = levels[:, bar]
        kept = np.where(np.abs(now) <= cut, near, far)
        levels[:, bar + 1] = kept * now + rng.standard_normal(days)
    return levels


@cache
def usual_size(near: float, far: float) -> float:
    """The cut that half of the levels at bars' starts are within, found in 60 steps of 2,000 days.

    Where `reversion_by` cuts in half, so that each of its halves has one speed.
    """
    cut = 1.0
    for step in range(60):
        rng = np.random.default_rng(step)
        starts = sized_levels(rng, 2_000, near, far, cut)[:, :-1]
        cut += (np.median(np.abs(starts)) - cut) / (1 + step / 10)
    return cut


def shifting(rng: np.random.Generator, draw: int, rho: float, chance: float) -> Quantity:
    """300 bars: a random walk, or targets eight steps apart that change with a chance a bar."""
    walks = rho == 1
    level = path(1.0, 300, rng) if walks else _shifting(rng, rho, chance)
    found = mm.shifting_target(daily_panel(level, known=False), draws=79, seed=draw)
    return found.quantities["rho"]


def _shifting(rng: np.random.Generator, rho: float, chance: float) -> np.ndarray:
    return shifting_path(rng, 300, rho=rho, chance=chance, sd=8)[0]


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


HALVES = ((0.9, 0.9), (0.7, 0.95), (0.9, 1.0))
SIZES = ((0.9, 0.9), (0.97, 0.8), (1.0, 1.0))
COVERAGE = {
    "ornstein_uhlenbeck": study(
        "ornstein_uhlenbeck", uneven, same("kappa: 100 gaps, exponential", (0.0, 0.1, 0.3))
    ),
    "reversion second lag": study(
        "inventory_reversion(instrument='second lag')",
        reported_with_error,
        same("45 days of 20 bars, reports with error", (0.7, 0.9, 1.0)),
    ),
    "reversion with controls": study(
        "inventory_reversion(controls=True)",
        controlled,
        same("20 sessions of 30 bars, flat openings", (0.9, 0.97, 1.0)),
    ),
    "reversion_by": study(
        "reversion_by",
        second_half,
        [
            (
                f"second half of 8 days of 60 bars, rho {first:g} then {second:g}",
                math.inf if second == 1 else BAR * _life(second - 1),
                (first, second),
            )
            for first, second in HALVES
        ],
    ),
    "reversion_by size": study(
        "reversion_by(by='size')",
        far_half,
        [
            (
                f"far half of 8 days of 60 bars, rho {near:g} near and {far:g} far",
                math.inf if far == 1 else BAR * _life(far - 1),
                (near, far),
            )
            for near, far in SIZES
        ],
    ),
    "shifting_target": study(
        "shifting_target",
        shifting,
        [
            ("rho: 300 bars, no target", 1.0, (1.0, 0.0)),
            ("rho: 300 bars, one target", 0.9, (0.9, 0.0)),
            ("rho: 300 bars, shifting", 0.9, (0.9, 0.01)),
        ],
    ),
    "threshold": thresholds,
    "threshold size": one_speed,
    "unit roots": unit_roots,
}
