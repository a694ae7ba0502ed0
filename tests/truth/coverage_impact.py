"""Intervals of `price_impact`, `trade_indicator` and `roll` in the worlds that they are for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

import mmresearch as mm
from mmresearch.estimate.tape_rows import tape_rows
from mmresearch.estimate.trade_indicator import _fit, _quantities
from tests.truth.coverage import Row, row
from tests.truth.flow_bars import flow_bars
from tests.truth.gh_tape import SIMPLE, gh_tape
from tests.truth.mrr_tape import mrr_tape

DAYS = ((50, 100), (10, 300))


def intervals(trades: pd.DataFrame) -> dict[str, mm.Quantity]:
    """What `trade_indicator` says of trades it can use, without its tables beside."""
    frame = tape_rows(trades, zero="unsigned").frame
    return _quantities(frame, _fit(frame, "auto"), "currency", 0.95)


def indicator(replications: int, seed: int) -> list[Row]:
    """Clustered by 50 days and by lags within 10, with and without crossed trades."""
    theta, phi, rho = 0.04, 0.05, 0.4
    rows = []
    for number, lam in enumerate((0.0, 0.25)):
        parts = np.array([0.03**2, 2 * 0.02**2, theta**2 * (1 - rho**2), 2 * phi**2 * (1 - rho)])
        parts = np.append(parts, 2 * theta * phi * (1 - rho**2))
        parts[2:] *= 1 - lam
        truth = {"theta": theta, "phi": phi, "rho": rho, "adverse_share": 4 / 9}
        share = parts / parts.sum()
        truth |= {"public_news": share[0], "rounding": share[1], "trade_information": share[2]}
        for days, trades in DAYS:
            rng, found = np.random.default_rng([seed, number, days]), []
            for _ in range(replications):
                found.append(intervals(mrr_tape(rng, days=days, trades=trades, lam=lam)))
            case = f"{days} days of {trades} trades, {lam:g} crossed"
            rows += [
                row("trade_indicator", f"{t}: {case}", float(v), [q[t] for q in found])
                for t, v in truth.items()
            ]
    return rows


def bounce(replications: int, seed: int) -> list[Row]:
    """Sides by coin; and with a bounce so small that most days have no spread."""
    rows = []
    for number, (name, phi, news) in enumerate((("clear", 0.05, 0.03), ("faint", 0.01, 0.03))):
        for days, trades in DAYS:
            rng = np.random.default_rng([seed, number, days])
            world = {"rho": 0.0, "theta": 0.0, "phi": phi, "news": news, "rounding": 0.0}
            made = (mrr_tape(rng, days=days, trades=trades, **world) for _ in range(replications))
            found = [mm.roll(tape).quantities["spread"] for tape in made]
            rows.append(row("roll", f"{name} bounce, {days} days of {trades}", 2 * phi, found))
    return rows


def kyle(replications: int, seed: int) -> list[Row]:
    """The slope by each kind of errors, and the one corrected by a factor that is estimated."""
    rows = []
    for days in (45, 12, 3):
        rng, found = np.random.default_rng([seed, days]), []
        for _ in range(replications):
            made = flow_bars(rng, days=days, bars=80)
            drawn = 0.8 + 0.02 * rng.standard_normal()
            factor = mm.Quantity("factor", drawn, drawn - 0.0392, drawn + 0.0392, "", "")
            made["return_bps"] -= 0.4 * made["trade_imbalance"] / 1000  # as 10 % wrong signs do
            result = mm.price_impact(made, value=False, sign_error=factor, draws=399)
            found.append(result.quantities)
        for name, truth in (("slope", 1.6), ("corrected", 2.0)):
            case = f"{name}: {days} days of 80 bars"
            rows.append(row("price_impact", case, truth, [q[name] for q in found]))
    return rows


def glosten_harris(replications: int, seed: int) -> list[Row]:
    """Coefficients, and the spread and adverse share of the sample's median size, as known.

    The median differs from sample to sample: intervals are moved to the median of all of them.
    """
    rows = []
    truth = SIMPLE | _at(np.exp(6.5) / 1000)
    for days, trades in DAYS:
        found = []
        for k in range(replications):
            made = gh_tape(1000 * seed + k, SIMPLE, days=days, trades=trades)
            told = dict(mm.price_impact(made, model="glosten_harris").quantities)
            for name, own in _at(made["size"].median() / 1000).items():
                away, q = truth[name] - own, told[name]
                told[name] = replace(q, low=q.low + away, high=q.high + away)
            found.append(told)
        call = "price_impact(model='glosten_harris')"
        case = f"{days} days of {trades} trades"
        rows += [
            row(call, f"{t}: {case}", float(v), [q[t] for q in found]) for t, v in truth.items()
        ]
    return rows


def _at(size: float) -> dict[str, float]:
    """The true spread and adverse share of a size."""
    whole = SIMPLE["c0"] + SIMPLE["z1"] * size
    return {"spread": 2 * whole, "adverse_share": SIMPLE["z1"] * size / whole}


COVERAGE = {
    "trade_indicator": indicator,
    "roll": bounce,
    "price_impact": kyle,
    "price_impact glosten_harris": glosten_harris,
}
