"""One series' bars as days by bars, and what earlier days make one expect at the same time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd


class Grid(NamedTuple):
    """Bars of one series: day number and bar of each row; days in order, how many bars a day has.

    Arrays that are made by `spread` are (days, bars), missing where there is no row.
    """

    day: np.ndarray
    bar: np.ndarray
    days: np.ndarray
    bars: int

    def spread(self, values: pd.Series | np.ndarray) -> np.ndarray:
        """The values, one a row, as days by bars."""
        table = np.full((len(self.days), self.bars), np.nan)
        table[self.day, self.bar] = np.asarray(values, dtype="float64")
        return table


def grid_of(rows: pd.DataFrame) -> Grid:
    """The grid of a series' rows."""
    day, days = pd.factorize(rows["day"].to_numpy("datetime64[ns]"), sort=True)
    bar = rows["bar"].to_numpy("int64")
    return Grid(day, bar, days, int(bar.max()) + 1)


def expected(values: np.ndarray, past_days: int, min_days: int) -> np.ndarray:
    """Mean of the same bar over at most `past_days` days before, missing with fewer than min_days.

    A day without that bar is none of them; no day knows itself or a later one.
    """
    known = ~np.isnan(values)
    sums = np.cumsum(np.where(known, values, 0.0), axis=0)
    counts = np.cumsum(known, axis=0)
    zero = np.zeros((1, values.shape[1]))
    sums, counts = np.vstack([zero, sums]), np.vstack([zero, counts])
    now = np.arange(len(values))
    then = np.maximum(now - past_days, 0)
    total, number = sums[now] - sums[then], counts[now] - counts[then]
    return np.divide(total, number, out=np.full(values.shape, np.nan), where=number >= min_days)


def past_quantile(values: np.ndarray, share: float, min_days: int) -> np.ndarray:
    """For each day the quantile of all values of the days before it; missing before min_days."""
    limits = np.full(len(values), np.nan)
    for day in range(min_days, len(values)):
        before = values[:day]
        told = before[~np.isnan(before)]
        if len(told):
            limits[day] = np.quantile(told, share)
    return limits


def entries(above: np.ndarray) -> np.ndarray:
    """Where a day's bars begin to be above: not the bars after one that was."""
    before = np.zeros_like(above)
    before[:, 1:] = above[:, :-1]
    return above & ~before
