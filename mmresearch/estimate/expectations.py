"""What past days make one expect of a bar: fitted day by day, on the days before and no other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

_EXACT = 1e-9  # of a sum of squares: what is left is rounding


class Expected(NamedTuple):
    """Of one series, a row a bar: how unusual its values are.

    score: (value - expected) / scale, a column a value. past_days: days before the bar's with any
    value. whole: whether the controls and the part of the day are known. fits: of each day that has
    an expectation, its rows and the mean score of the rows before them under the same fit.
    """

    score: pd.DataFrame
    past_days: np.ndarray
    whole: np.ndarray
    fits: list[tuple[np.ndarray, np.ndarray]]

    def quantile(self, share: float) -> np.ndarray:
        """For each bar the quantile of the past days' mean score, as its own day sees them."""
        limit = np.full(len(self.score), np.nan)
        for rows, before in self.fits:
            told = before[~np.isnan(before)]
            if len(told):
                limit[rows] = np.quantile(told, share)
        return limit


def expectations(
    values: pd.DataFrame,
    controls: pd.DataFrame,
    *,
    days: pd.Series,
    time_of_day: pd.Series,
    season: str,
    min_days: int,
    least: np.ndarray,
) -> Expected:
    """The values' scores by least squares on past days: a mean a part of the day, and controls.

    Parameters
    ----------
    values, controls : DataFrame
        Of one series, in order of time. A control that past days do not know at all is not used on
        that day; a row that lacks one that is used has no score.
    days, time_of_day
        Of each row; seconds from the open, missing without a clock (then a day is one part).
    season : str
        Length of a part of the day.
    min_days : int
        Past days with a value that an expectation needs.
    least : array
        The least scale of each value; where a scale is 0, no score.
    """
    step = pd.Timedelta(season).total_seconds()
    if not step > 0:
        raise ValueError(f"season must be a time above 0, not {season!r}")
    part = np.nan_to_num(time_of_day.to_numpy("float64") // step).astype("int64")
    dummies = (part[:, None] == np.unique(part)).astype("float64")
    day, numbers = pd.factorize(days)[0], values.to_numpy("float64")
    extra = controls.to_numpy("float64")
    informed = ~np.isnan(numbers).all(axis=1)
    score, whole = np.full(numbers.shape, np.nan), np.zeros(len(numbers), bool)
    past_days, fits = np.zeros(len(numbers), "int64"), []
    for number in range(day.max() + 1 if len(day) else 0):
        rows, before = np.flatnonzero(day == number), np.flatnonzero(day < number)
        past_days[rows] = len(np.unique(day[before[informed[before]]]))
        if not len(before) or past_days[rows[0]] < min_days:
            continue
        used = _used(extra[before])
        seen = dummies[before].any(axis=0)
        design = np.column_stack([dummies[:, seen], extra[:, used]])
        usable = ~np.isnan(design).any(axis=1)
        whole[rows] = usable[rows] & dummies[rows][:, seen].any(axis=1)
        held = np.concatenate([before[usable[before]], rows[whole[rows]]])
        found = np.full((len(held), numbers.shape[1]), np.nan)
        for k in range(numbers.shape[1]):
            told = held[: (held < rows[0]).sum()]
            told = told[~np.isnan(numbers[told, k])]
            slope, scale = _fit(design[told], numbers[told, k], least[k])
            if scale > 0:
                found[:, k] = (numbers[held, k] - design[held] @ slope) / scale
        own = held >= rows[0]
        score[held[own]] = found[own]
        fits.append((rows, _mean(found[~own])))
    table = pd.DataFrame(score, values.index, values.columns)
    return Expected(table, past_days, whole, fits)


def _used(extra: np.ndarray) -> np.ndarray:
    """Controls that past days know and in which they differ."""
    return np.array(
        [len(np.unique(column[~np.isnan(column)])) > 1 for column in extra.T], dtype=bool
    )


def _fit(design: np.ndarray, y: np.ndarray, least: float) -> tuple[np.ndarray, float]:
    """Slopes, and the standard deviation of what is left; 0 where nothing is."""
    there = np.abs(design).max(axis=0, initial=0.0) > 0
    slope = np.zeros(design.shape[1])
    free = len(y) - there.sum()
    if free < 1:
        return slope, 0.0
    size = np.abs(design[:, there]).max(axis=0)
    scaled = design[:, there] / size
    slope[there] = np.linalg.lstsq(scaled.T @ scaled, scaled.T @ y, rcond=1e-12)[0] / size
    left = y - design @ slope
    scale = float(np.sqrt(left @ left / free))
    rounding = scale <= _EXACT * float(np.abs(y).max(initial=0.0))
    return slope, max(0.0 if rounding else scale, least)


def _mean(found: np.ndarray) -> np.ndarray:
    known = ~np.isnan(found)
    count = known.sum(axis=1)
    total = np.where(known, found, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(found), np.nan), where=count > 0)
