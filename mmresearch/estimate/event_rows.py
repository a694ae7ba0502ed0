"""Events of every series with the outcome around them, and why the others are left out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.event_grid import Grid, expected, grid_of
from mmresearch.estimate.event_kinds import KINDS, event_times, found, planned

_WHY = (
    "times that no bar holds",
    "whose window crosses the session's edge",
    "whose window overlaps one before it",
    "with fewer days before them than an expectation needs",
    "with a missing value in the window",
)


class Asked(NamedTuple):
    """What was asked: bars before and from the event on, and how expectations are made."""

    events: object
    outcome: str
    before: int
    after: int
    extreme: float
    past_days: int
    min_days: int


class Series(NamedTuple):
    """A series' abnormal outcome [days, bars] and the days' place among all days."""

    grid: Grid
    abnormal: np.ndarray
    place: np.ndarray


class Events(NamedTuple):
    """Events that are used: windows [events, before + after], and where each one is.

    table: account, symbol, day, time (the bar's start), why ("": used). series, row, bar: of used
    ones, the series, its day and the bar. cluster: the day among all days. known: whether anything
    tells of such events.
    """

    windows: np.ndarray
    table: pd.DataFrame
    series: list[Series]
    which: np.ndarray
    row: np.ndarray
    bar: np.ndarray
    cluster: np.ndarray
    dropped: dict[str, int]
    known: bool


def event_rows(table: pd.DataFrame, asked: Asked) -> Events:
    """Find the events of each series and the abnormal outcome in their windows."""
    kind = asked.events if isinstance(asked.events, str) and asked.events in KINDS else None
    times = None if kind else event_times(asked.events)
    all_days = np.unique(table["day"].to_numpy("datetime64[ns]"))
    dropped, known = dict.fromkeys(_WHY, 0), False
    series, pieces, places = [], [], []
    for number, (_, rows) in enumerate(table.groupby(["account", "symbol"], sort=False)):
        rows = rows.sort_values(["day", "bar"])
        grid, missed = grid_of(rows), 0
        if kind:
            held = found(kind, rows, grid, asked.extreme, asked.past_days, asked.min_days)
        else:
            held, missed = planned(rows, grid, times)
        dropped[_WHY[0]] += missed
        known |= held is not None
        if held is None:
            held = np.zeros((len(grid.days), grid.bars), bool)
        own, kept = _of_series(rows, grid, held, asked)
        why = own["why"].value_counts()
        for reason in _WHY[1:]:
            dropped[reason] += int(why.get(reason, 0))
        place = np.searchsorted(all_days, grid.days)
        series.append(Series(grid, kept, place))
        pieces.append(own)
        places.append(np.full(len(own), number))
    told = pd.concat(pieces, ignore_index=True)
    which = np.concatenate(places)
    used = (told["why"] == "").to_numpy()
    row, bar = told["row"].to_numpy()[used], told["number"].to_numpy()[used]
    which = which[used]
    span = np.arange(-asked.before, asked.after)
    windows = np.empty((used.sum(), len(span)))
    cluster = np.empty(used.sum(), "int64")
    for k in range(len(row)):
        own = series[which[k]]
        windows[k] = own.abnormal[row[k], bar[k] + span]
        cluster[k] = own.place[row[k]]
    shown = told.drop(columns=["row", "number"])
    return Events(windows, shown, series, which, row, bar, cluster, dropped, known)


def _of_series(
    rows: pd.DataFrame, grid: Grid, held: np.ndarray, asked: Asked
) -> tuple[pd.DataFrame, np.ndarray]:
    """The series' events, each with why it is left out, and the abnormal outcome."""
    values = grid.spread(rows[asked.outcome])
    starts = np.full(held.shape, np.datetime64("NaT"), "datetime64[ns]")
    starts[grid.day, grid.bar] = rows["start"].to_numpy("datetime64[ns]")
    last = np.full(len(grid.days), -1)
    np.maximum.at(last, grid.day, grid.bar)
    first = np.full(len(grid.days), grid.bars)
    np.minimum.at(first, grid.day, grid.bar)
    day, bar = np.nonzero(held)
    crosses = (bar - asked.before < first[day]) | (bar + asked.after - 1 > last[day])
    overlaps = _overlaps(day, bar, crosses, asked.before + asked.after)
    # what an event did is not what is expected where it was
    apart = values.copy()
    for d, b in zip(day, bar, strict=True):
        apart[d, b : b + asked.after] = np.nan
    usual = expected(apart, asked.past_days, asked.min_days)
    abnormal = values - usual
    why = np.full(len(day), "", dtype=object)
    for k in range(len(day)):
        if crosses[k]:
            why[k] = _WHY[1]
        elif overlaps[k]:
            why[k] = _WHY[2]
        else:
            span = slice(bar[k] - asked.before, bar[k] + asked.after)
            if np.isnan(usual[day[k], span]).any():
                why[k] = _WHY[3]
            elif np.isnan(values[day[k], span]).any():
                why[k] = _WHY[4]
    table = pd.DataFrame(
        {"account": rows["account"].iloc[0], "symbol": rows["symbol"].iloc[0]}
        | {"day": grid.days[day], "time": pd.to_datetime(starts[day, bar], utc=True)}
        | {"why": why, "row": day, "number": bar}
    )
    return table, abnormal


def _overlaps(day: np.ndarray, bar: np.ndarray, out: np.ndarray, width: int) -> np.ndarray:
    """Events whose window touches that of the last one kept; those that are out keep no place."""
    found, last_day, last_bar = np.zeros(len(day), bool), -1, 0
    for k in range(len(day)):
        if out[k]:
            continue
        if day[k] == last_day and bar[k] < last_bar + width:
            found[k] = True
        else:
            last_day, last_bar = day[k], bar[k]
    return found
