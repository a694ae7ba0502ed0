"""Intervals of responses to flow, of slopes of long returns, and of the impact of single trades."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from mmresearch.estimate.predictability import return_predictability
from mmresearch.estimate.projection import local_projection
from mmresearch.estimate.propagator import propagator
from mmresearch.estimate.result import Quantity, Result
from tests.truth.coverage import Row, row
from tests.truth.inventory_economy import RESPONSE, panel_of_economy
from tests.truth.propagating import long_memory, tape_of

STEPS = (0, 1, 2, 5, 10, 20)
FADING = ((1, 120), (1, 400), (10, 100), (45, 60))  # days and bars
NOTHING = ((1, 300), (1, 1000), (10, 100), (45, 60))


def whole_curve(found: Result, truth: np.ndarray) -> Quantity:
    """Holds 0 where the joint band holds the truth at every horizon."""
    table = found.details["response"]
    low, high = (table["joint_low"] - truth).max(), (table["joint_high"] - truth).min()
    return Quantity("joint", 0.0, low, high, "", "")


def responses(replications: int, seed: int) -> list[Row]:
    """Hasbrouck's economy, five lags: by day of 45, else lag-augmented; Newey-West beside."""
    rows = []
    worlds = [(days, bars, "auto") for days, bars in FADING] + [(1, 400, "hac")]
    for number, (days, bars, errors) in enumerate(worlds):
        rng, found = np.random.default_rng([seed, number]), []
        for _ in range(replications):
            panel = panel_of_economy(rng, days=days, bars=bars)
            choice = {"shock": "trade_imbalance", "per": 1.0, "errors": errors}
            found.append(local_projection(panel, horizons=STEPS, lags=5, **choice))
        case = f"{days} days of {bars} bars, Hasbrouck's economy"
        call = f"local_projection(errors={errors!r})"
        truth = {"impact_0": 2.0, "impact_5": RESPONSE[5], "permanent": 1.0}
        truth["transitory_share"] = 0.5
        for name, value in truth.items():
            told = [f.quantities[name] for f in found]
            rows.append(row(call, f"{name}: {case}", value, told))
        joint = [whole_curve(f, RESPONSE[list(STEPS)]) for f in found]
        rows.append(row(call, f"joint band: {case}", 0.0, joint))
    return rows


def slopes(replications: int, seed: int) -> list[Row]:
    """An AR(.95) level that foretells nothing; windows of 20 returns."""
    rows = []
    for number, (days, bars) in enumerate(NOTHING):
        rng, found = np.random.default_rng([seed, number]), []
        for _ in range(replications):
            panel = panel_of_economy(rng, days=days, bars=bars)
            level = lfilter([1], [1, -0.95], rng.standard_normal((days, bars)))
            panel["return_bps"] = rng.standard_normal(days * bars)
            panel["level"] = level.ravel()
            found.append(return_predictability(panel, predictor="level", horizons=(20,)))
        told = [f.quantities["slope_20"] for f in found]
        case = f"slope_20: {days} days of {bars} bars, nothing foretold by an AR(.95)"
        rows.append(row("return_predictability", case, 0.0, told))
    return rows


def impacts(replications: int, seed: int) -> list[Row]:
    """Signs of fractional noise (gamma 1/2), G(l) = (1 + l)^-.25, 20 lags."""
    truth = {"impact_now": 1.0, "share_left": 21**-0.25, "decay": 0.25, "memory": 0.5}
    truth["excess_decay"] = 0.0
    rows = []
    for days in (1, 10, 45):
        rng, found = np.random.default_rng([seed, days]), []
        for _ in range(replications):
            sign = long_memory(rng, 20_000, 0.75)
            table = tape_of(rng, sign, days=days, beta=0.25, noise=3.0, warm=2000)
            found.append(propagator(table, lags=20, tail=2, bunch=False))
        # one day does not tell the error of memory: refused in every sample
        told = {n: v for n, v in truth.items() if found[0].quantities[n].identified}
        for name, value in told.items():
            case = f"{name}: 18,000 trades of {days} days, memory 1/2, decay 1/4"
            rows.append(row("propagator", case, value, [f.quantities[name] for f in found]))
    return rows


COVERAGE = {
    "local_projection": responses,
    "return_predictability": slopes,
    "propagator": impacts,
}
