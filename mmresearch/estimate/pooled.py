"""Several series of inventory in one rho: whose scale counts, and what each series says alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import Design, cannot_tell, least_squares, within
from mmresearch.estimate.dealer_panel import PanelFit, panel_regress
from mmresearch.estimate.inversion import (
    Inversion,
    highest_rho,
    invert,
    invert_simulated,
    shared_signs,
    simulator,
)
from mmresearch.estimate.pairs import Pairs
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.speed import half_life_of

SCALES = ("changes", "levels")
DEALER_ERRORS = ("two-way", "driscoll-kraay", "day")
_MOST_SERIES = 50


def in_levels(design: Design) -> Design:
    """The design with each series divided by the standard deviation of its own opening levels.

    Within means, so that least squares over the pooled series is the mean of their own slopes,
    weighted by rows.
    """
    x = within(design.x, design.bounds, means=design.means)
    spread = np.sqrt(np.bincount(design.series, x**2) / np.bincount(design.series))[design.series]
    spread = np.where(spread > 0, spread, 1.0)
    return design._replace(x=design.x / spread, y=design.y / spread, jump=design.jump / spread)


def series_designs(design: Design) -> list[Design]:
    """The design of each series alone."""
    edges = np.append(np.flatnonzero(np.diff(design.series, prepend=-1)), len(design.x))
    return [_rows(design, *pair) for pair in pairwise(edges)]


def invert_levels(design: Design, *, interval: str, draws: int, seed: int) -> Inversion:
    """The inversion for series in the scale of their own levels (`in_levels`).

    Every simulated series is divided by its own standard deviation too. A series that wandered far
    is made small by it, which takes slopes of random walks further below one than the means alone
    do: a correction that leaves this out rejects most random walks.
    """
    parts = series_designs(design)
    fits = [least_squares(part) for part in parts]
    weight = np.array([len(part.x) for part in parts]) / len(design.x)
    simulate = _mean_of_series(parts, weight, interval, draws, seed)
    rho = float(weight @ [fit.rho for fit in fits])
    step = float(np.mean([fit.se for fit in fits]) / np.sqrt(len(fits)))
    return invert_simulated(simulate, rho, step, highest_rho(design), draws)


def dealer_regression(pairs: Pairs, errors: str) -> PanelFit:
    """The pooled regression as linearmodels' panel: a mean a series, errors across series."""
    design, rows = pairs.design, pairs.frame
    if rows["series"].nunique() < 2:
        raise ValueError(f"errors={errors!r} takes several series; there is one")
    columns = {"rho": design.x}
    columns |= {f"change_{j + 1}": past for j, past in enumerate(design.changes.T)}
    x = {k: within(v, design.bounds, means=design.means) for k, v in columns.items()}
    y = within(design.y, design.bounds, means=design.means)
    return panel_regress(
        pd.Series(y),
        pd.DataFrame(x),
        series=rows["series"],
        day=rows["day"],
        bar=None if pairs.daily else rows["bar"],
        errors=errors,
        effects=design.means,
    )


def series_table(
    pairs: Pairs, unit: str, length: float, *, interval: str, draws: int, seed: int
) -> pd.DataFrame:
    """Each series alone: least squares, median-unbiased rho and half-life with intervals."""
    columns = ["account", "symbol"]
    names = pairs.frame.drop_duplicates("series")[columns].itertuples(index=False)
    rows = []
    for name, part in zip(names, series_designs(pairs.design), strict=True):
        reason = cannot_tell(part, part.changes.shape[1] + 1)
        if reason:
            rows.append((*name, len(part.x), *[np.nan] * 7, False, reason))
            continue
        found = invert(part, interval=interval, draws=draws, seed=seed)
        life = half_life_of(part, found, unit, length, "")
        numbers = (found.rho, found.median, found.low, found.high, *_numbers(life))
        rows.append((*name, len(part.x), *numbers, life.identified, life.reason))
    rho = ["rho_ols", "rho", "rho_low", "rho_high"]
    half = ["half_life", "half_life_low", "half_life_high"]
    return pd.DataFrame(rows, columns=[*columns, "bars", *rho, *half, "identified", "reason"])


def _numbers(life: Quantity) -> tuple[float, float, float]:
    """A half-life that is not identified is no number, its bounds are."""
    return (life.value if life.identified else np.nan), life.low, life.high


def few_enough(pairs: Pairs) -> bool:
    """Whether there are several series, and not so many that each alone takes long."""
    return 1 < pairs.frame["series"].nunique() <= _MOST_SERIES


def _mean_of_series(
    parts: list[Design], weight: np.ndarray, interval: str, draws: int, seed: int
) -> Callable[[float], np.ndarray]:
    bars = max(int(part.bar.max()) for part in parts) + 1
    signs = shared_signs(bars, draws, seed) if interval == "bootstrap" else None
    each = [
        simulator(part, interval=interval, draws=draws, seed=seed + k, signs=signs)
        for k, part in enumerate(parts)
    ]

    def simulate(rho: float) -> np.ndarray:
        return sum(w * one(rho) for w, one in zip(weight, each, strict=True))

    return simulate


def _rows(design: Design, first: int, last: int) -> Design:
    """The rows first .. last - 1, which begin and end with a series."""
    cut = {
        name: getattr(design, name)[first:last]
        for name in ("x", "y", "changes", "jump", "fresh", "bar", "series")
    }
    for name in ("bounds", "chains"):
        edges = getattr(design, name)
        cut[name] = edges[(edges >= first) & (edges <= last)] - first
    return design._replace(**cut | {"series": np.zeros(last - first, int)})
