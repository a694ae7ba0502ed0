"""What the half-life would be by other clocks: the event-clock trap, side by side.

Inventory is known at all times from fills, so carrying it forward onto a clock is exact. Bars that
are counts of trades are not a clock: where trading is faster at large inventories they see those
more often, and their persistence times the mean length of a bar is not a half-life in time.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import half_life_bars, least_squares, within
from mmresearch.estimate.exact_gaps import maximum_likelihood
from mmresearch.estimate.pairs import Pairs

_MEANING = {
    "bars, taken as a mean length apart": "naive: persistence from bar to bar, turned into time",
    "exact gaps": "likelihood of the gaps; holds where times do not depend on the inventory, "
    "so not for fills",
    "clock, carried forward": "the last known inventory at steps of the mean length; holds for "
    "bars small enough to hold every change",
}


def clock_table(pairs: Pairs) -> pd.DataFrame:
    """Half-life in seconds by each clock: least squares and likelihood, not corrected for bias."""
    rows, design = pairs.frame, pairs.design
    seconds = (rows["end"] - rows["start"]).dt.total_seconds().to_numpy(float)
    mean, passed = float(seconds.mean()), seconds > 0
    exact = math.nan
    if passed.all():
        kappa = maximum_likelihood(design, seconds / mean).kappa
        exact = mean * math.log(2) / kappa if kappa > 0 else math.inf
    naive = mean * half_life_bars(least_squares(design).rho)
    carried = mean * half_life_bars(_carried(pairs, mean))
    lives = dict(zip(_MEANING, (naive, exact, carried), strict=True))
    return pd.DataFrame(
        [(clock, life, "seconds", _MEANING[clock]) for clock, life in lives.items()],
        columns=["clock", "half_life", "unit", "meaning"],
    )


def _carried(pairs: Pairs, step: float) -> float:
    """Persistence over `step` seconds of the level carried forward within segments."""
    before, after, group = [], [], []
    for _, rows in pairs.frame.groupby("segment", sort=False):
        level = _on_clock(rows, step)
        before.append(level[:-1])
        after.append(level[1:])
        group.append(np.full(len(level) - 1, rows["group"].iloc[0]))
    x, y, group = (np.concatenate(parts) for parts in (before, after, group))
    if len(x) < 3:
        return math.nan
    bounds = np.append(np.flatnonzero(np.diff(group, prepend=-1)), len(group))
    x, y = (within(values, bounds, means=pairs.design.means) for values in (x, y))
    return float(x @ y / (x @ x)) if x @ x > 0 else math.nan


def _on_clock(rows: pd.DataFrame, step: float) -> np.ndarray:
    """The level at the segment's start and every `step` seconds after, as last known."""
    since = (rows["end"] - rows["start"].iloc[0]).dt.total_seconds().to_numpy(float)
    at = np.arange(0, since[-1] + 1e-9 * step, step)
    levels = np.append(rows["inventory_start"].iloc[0], rows["inventory_end"].to_numpy(float))
    return levels[np.searchsorted(since, at, side="right")]
