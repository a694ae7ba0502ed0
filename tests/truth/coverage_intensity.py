"""Intervals of `calibrate_intensity`, and of what theory follows from it and a skew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mmresearch.estimate.intensity import calibrate_intensity
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.risk_aversion import implied_risk_aversion, theory_beside_data
from mmresearch.theory.law import glft_theory
from tests.truth.coverage import Row, row
from tests.truth.intensity import A, K, quoted, reached, typical_skew

Draw = Callable[[np.random.Generator], pd.DataFrame]
WORLDS: tuple[tuple[str, Draw], ...] = (
    ("own quotes, 45 days of 200 s, by day", lambda r: quoted(r, days=45, seconds=200)),
    ("own quotes, 12 days of 600 s, by stretch", lambda r: quoted(r, days=12, seconds=600)),
    ("own quotes, 1 day of 5,400 s, HC1", lambda r: quoted(r, days=1, seconds=5_400)),
    ("public orders, 45 days of 200 s, by day", lambda r: reached(r, days=45, seconds=200)),
    (
        "public orders, 12 days of 600 s, activity varies by stretch (variance 0.5)",
        lambda r: reached(r, days=12, seconds=600, busy=0.5),
    ),
    ("public orders, 3 days of 1,200 s, 12 stretches", lambda r: reached(r, days=3, seconds=1_200)),
)


def intensity(replications: int, seed: int) -> list[Row]:
    """A and k of fills at 0.9 exp(-0.3 distance) a second."""
    rows = []
    for number, (case, draw) in enumerate(WORLDS):
        rng = np.random.default_rng([seed, number])
        found = [calibrate_intensity(draw(rng)).quantities for _ in range(replications)]
        for term, truth in (("A", A), ("k", K)):
            quantities = [q[term] for q in found]
            rows.append(row("calibrate_intensity", f"{term}: {case}", truth, quantities))
    return rows


def beside(replications: int, seed: int) -> list[Row]:
    """Risk aversion and half-life from a skew with a normal error, A and k of 12 days of 600 s."""
    rng, (risk, life) = np.random.default_rng([seed, 99]), ([], [])
    truth, error = glft_theory(), 0.005
    lean = typical_skew(truth["gamma"])
    for _ in range(replications):
        fit = calibrate_intensity(quoted(rng, days=12, seconds=600))
        value = lean + error * rng.standard_normal()
        ends = (value - 1.96 * error, value + 1.96 * error)
        skew = Quantity("skew", value, *ends, "price a unit", "normal")
        risk.append(implied_risk_aversion(skew, sigma=0.3, intensity=fit))
        table = theory_beside_data(skew, sigma=0.3, intensity=fit).set_index("term")
        numbers = table.loc["half-life", ["theory", "theory_low", "theory_high"]]
        life.append(Quantity("half-life", *numbers, "seconds", "theory"))
    case = "skew of the GLFT maker, normal error 7 % of it; A and k of 12 days of 600 s"
    return [
        row("implied_risk_aversion", case, truth["gamma"], risk),
        row("theory_beside_data", f"half-life: {case}", truth["half_life"], life),
    ]


COVERAGE = {"calibrate_intensity": intensity, "theory_beside_data": beside}
