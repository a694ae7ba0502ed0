"""Intervals of `calibrate_intensity`: own quotes with days and without, public orders."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mmresearch.estimate.intensity import calibrate_intensity
from tests.truth.coverage import Row, row
from tests.truth.intensity import A, K, quoted, reached

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


COVERAGE = {"calibrate_intensity": intensity}
