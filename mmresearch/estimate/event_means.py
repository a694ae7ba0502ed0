"""Means over events with errors by day, and the same means of pseudo-events on other days."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.event_rows import Asked, Events
from mmresearch.estimate.mean_curves import sup_t
from mmresearch.estimate.result import TIDY

FEWEST_MATCHES = 10  # days that pseudo-events can be drawn from
TERMS = ("effect", "before", "change")


class Mean(NamedTuple):
    """Means over events and their covariance, by day: of windows [offsets]."""

    level: np.ndarray
    covariance: np.ndarray
    days: int


def weights_of(asked: Asked) -> np.ndarray:
    """What makes of a window its effect, its level before and their difference, in columns."""
    after, before = np.zeros((2, asked.before + asked.after))
    after[asked.before :], before[: asked.before] = 1 / asked.after, 1 / asked.before
    return np.column_stack([after, before, after - before])


def mean_by_day(values: np.ndarray, cluster: np.ndarray) -> Mean:
    mean = values.mean(axis=0)
    number, days = pd.factorize(cluster)
    sums = np.zeros((len(days), values.shape[1]))
    np.add.at(sums, number, (values - mean) / len(values))
    count = len(days)
    return Mean(mean, sums.T @ sums * count / max(count - 1, 1), count)


def terms_table(mean: Mean, level: float) -> pd.DataFrame:
    error = np.sqrt(np.diag(mean.covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean.level / error
    df = max(mean.days - 1, 1)
    reach = scipy.stats.t.ppf((1 + level) / 2, df) * error
    p = 2 * scipy.stats.t.sf(np.abs(t), df)
    columns = (TERMS, mean.level, error, t, p, mean.level - reach, mean.level + reach)
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def curve_of(
    rows: Events, asked: Asked, step: pd.Timedelta, level: float, seed: int
) -> pd.DataFrame:
    """Means at each offset with their bands, and their running sum from the event on."""
    mean = mean_by_day(rows.windows, rows.cluster)
    offset, df = np.arange(-asked.before, asked.after), max(mean.days - 1, 1)
    error = np.sqrt(np.diag(mean.covariance))
    single = scipy.stats.t.ppf((1 + level) / 2, df)
    joint = sup_t(mean.covariance, df, level, seed)
    found = pd.DataFrame({"offset": offset, "seconds": offset * step.total_seconds()})
    found["estimate"] = mean.level
    for name, reach in (("", single), ("joint_", joint)):
        found[f"{name}low"] = mean.level - reach * error
        found[f"{name}high"] = mean.level + reach * error
    after = offset >= 0
    adds = np.tril(np.ones((after.sum(),) * 2))
    covariance = adds @ mean.covariance[np.ix_(after, after)] @ adds.T
    total, reach = adds @ mean.level[after], single * np.sqrt(np.diag(covariance))
    bounds = {"": total, "_low": total - reach, "_high": total + reach}
    for name, values in bounds.items():
        found[f"cumulative{name}"] = math.nan
        found.loc[after, f"cumulative{name}"] = values
    return found


def pseudo_curves(rows: Events, asked: Asked, draws: int, seed: int) -> np.ndarray:
    """Mean curves [draws, offsets] of pseudo-events: other days, the same times of day."""
    span = np.arange(-asked.before, asked.after)
    most = max(int(s.place.max()) for s in rows.series) + 1
    # every event's window on every day, missing where that day has none
    windows = np.full((len(rows.windows), most, len(span)), np.nan)
    for k in range(len(rows.windows)):
        own = rows.series[rows.which[k]]
        windows[k, own.place] = own.abnormal[:, rows.bar[k] + span]
    windows[np.isnan(windows).any(axis=2)] = np.nan
    days = np.flatnonzero(~np.isnan(windows[:, :, 0]).all(axis=0))
    clusters, number = np.unique(rows.cluster, return_inverse=True)
    if len(days) < max(FEWEST_MATCHES, len(clusters)):
        return np.empty((draws, 0))
    rng, found = np.random.default_rng(seed), np.empty((draws, len(span)))
    every, whole = np.arange(len(rows.windows)), _whole(windows, number, days)
    for draw in range(draws):
        drawn = days[_others(whole, rng)]
        picked = windows[every, drawn[number]]
        there = ~np.isnan(picked[:, 0])
        found[draw] = picked[there].mean(axis=0) if there.any() else 0.0
    return found


def _whole(windows: np.ndarray, number: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Whether a day (column) has the windows of all events of an events' day (row)."""
    told = ~np.isnan(windows[:, days, 0])
    found = np.ones((number.max() + 1, len(days)), bool)
    np.logical_and.at(found, number, told)
    return found


def _others(whole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A day for each of the events' days, none twice, with all their windows wherever one has.

    The events themselves have all of theirs. Draws that lack some are means of fewer, vary more
    than the events' own, and would make the p-value too large.
    """
    taken, free = np.empty(len(whole), "int64"), rng.permutation(whole.shape[1])
    for events in rng.permutation(len(whole)):
        place = int(whole[events, free].argmax())  # the first that will do; the first if none does
        taken[events] = free[place]
        free = np.delete(free, place)
    return taken
