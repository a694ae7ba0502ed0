"""Rows of a heterogeneous autoregression: the average variance ahead, and the ones behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.day_shape import past_shape
from mmresearch.estimate.result import Sample

_FIRST_REFUSED = 3  # rows of a leak that are named


class Rows(NamedTuple):
    """One series in order of time, and where its rows may be used.

    frame: day, known, the variance `rv`, its `shape` (1 where none is removed), lagged means
    `lag_1`, ..., the mean ahead `ahead_h` of each horizon, `quarticity` if there is one, and the
    predictors, `x_name` at the row and `late_name` one row earlier. bars: several rows a day.
    shaped: the shape of the day is taken out.
    """

    frame: pd.DataFrame
    predictors: tuple[str, ...]
    lags: tuple[int, ...]
    bars: bool
    shaped: bool
    dropped: dict[str, int]

    def sample(self, used: int, days: int) -> Sample:
        """Of so many rows in use."""
        return Sample(used, self.dropped, days)


def har_rows(
    table: pd.DataFrame,
    *,
    target: str,
    predictors: Sequence[str],
    known: Mapping[str, str],
    lags: Sequence[int] | None,
    horizons: Sequence[int],
    quarticity: str | None,
    seasonal: bool | None,
) -> Rows:
    """The rows of one series; what is dated after its forecast is refused by name.

    A row's forecast is made when its own variance is known. Lagged means and means ahead take rows
    that follow each other: of one session where there are several a day, and across no gap.
    """
    frame = _ordered(table, target, predictors, quarticity)
    refuse_leaks(frame, predictors, known)
    bars = bool(frame["day"].duplicated().any())
    wanted = bars if seasonal is None else seasonal
    shape = past_shape(frame, target) if wanted else None
    shaped, shape = shape is not None, np.ones(len(frame)) if shape is None else shape
    lags = tuple(lags or ((1, 3, 12) if bars else (1, 5, 22)))
    level = frame[target].to_numpy("float64") / shape
    zero = frame[target].to_numpy() == 0
    level = np.where(zero, np.nan, level)
    stretch = _stretches(frame, bars)
    columns = {"day": frame["day"], "known": frame["known"], "rv": level, "shape": shape}
    columns |= {f"lag_{n}": _mean_behind(level, stretch, n) for n in lags}
    columns |= {f"ahead_{h}": _mean_ahead(level, stretch, h) for h in horizons}
    if quarticity is not None:
        columns["quarticity"] = frame[quarticity].to_numpy("float64") / shape**2
    lacking = {}
    for name in predictors:
        value = frame[name].to_numpy("float64")
        columns[f"x_{name}"] = value
        columns[f"late_{name}"] = _earlier(value, stretch)
        lacking[f"without {name}"] = int(np.isnan(value).sum())
    dropped = {"variance missing": int(frame[target].isna().sum()), "variance 0": int(zero.sum())}
    dropped["without a past shape"] = int(np.isnan(shape).sum())
    told = (tuple(predictors), lags, bars, shaped, dropped | lacking)
    return Rows(pd.DataFrame(columns).reset_index(drop=True), *told)


def refuse_leaks(frame: pd.DataFrame, predictors: Sequence[str], known: Mapping[str, str]) -> None:
    """Raise where a predictor is known only after its row's forecast is made."""
    told = []
    for name in predictors:
        dated = known.get(name, f"{name}_known")
        if dated not in frame:
            continue
        late = (frame[dated] > frame["known"]) & frame[name].notna()
        if late.any():
            rows = late[late].index[:_FIRST_REFUSED].tolist()
            told.append(
                f"{name} is known after the forecast is made ({dated} > known) in "
                f"{int(late.sum())} rows, first at {rows}"
            )
    if told:
        raise ValueError("; ".join(told) + ": a forecast may not know the future")


def _ordered(
    table: pd.DataFrame, target: str, predictors: Sequence[str], quarticity: str | None
) -> pd.DataFrame:
    """The table in order of time with a column `known`, or one error that names every fault."""
    wanted = ["day", target, *predictors, *([quarticity] if quarticity else [])]
    faults = [f"no column {name}" for name in wanted if name not in table.columns]
    at = "known" if "known" in table.columns else "end"
    if at not in table.columns:
        faults.append("no column known (or end): the instant at which a row's variance is known")
    for name in ("symbol", "account"):
        several = len(table[name].dropna().unique()) if name in table.columns else 1
        if several > 1:
            faults.append(f"{several} values of {name}; choose one")
    if target in predictors:
        faults.append(f"{target} is the target and cannot be a predictor")
    if not faults:
        numbers = table[[n for n in wanted if n != "day"]].to_numpy("float64")
        if np.isinf(numbers).any():
            faults.append(f"{int(np.isinf(numbers).any(axis=1).sum())} rows with infinite values")
        if (table[target] < 0).any():
            faults.append(f"{target} is below 0 in {int((table[target] < 0).sum())} rows")
        if table[at].isna().any() or table[at].duplicated().any():
            faults.append(f"{at} is missing or twice the same in some rows")
    if faults:
        raise ValueError("volatility_forecast: " + "; ".join(faults))
    keys = table.assign(known=table[at])
    return keys.sort_values("known", kind="stable")


def _stretches(frame: pd.DataFrame, bars: bool) -> np.ndarray:
    """A number a run of rows that follow each other: bars of one session, or sessions."""
    broken = np.zeros(len(frame), bool)
    if bars:
        broken |= (frame["day"] != frame["day"].shift()).to_numpy()
        if "bar" in frame:
            broken |= (frame["bar"].diff() != 1).to_numpy()
    elif "gap" in frame:
        broken |= frame["gap"].to_numpy(bool)
    return np.cumsum(broken)


def _mean_behind(level: np.ndarray, stretch: np.ndarray, rows: int) -> np.ndarray:
    """Mean of the row and those before it, missing unless all are there."""
    series = pd.Series(level)
    mean = series.rolling(rows, min_periods=rows).mean().to_numpy().copy()
    first = np.append(np.full(rows - 1, -1), stretch)[: len(stretch)]
    mean[first != stretch] = np.nan
    return mean


def _mean_ahead(level: np.ndarray, stretch: np.ndarray, rows: int) -> np.ndarray:
    """Mean of the `rows` rows after the row, missing unless all are there."""
    ahead = _mean_behind(level[::-1], stretch[::-1], rows)[::-1]
    moved = np.append(ahead[1:], np.nan)
    moved[np.append(stretch[1:], -1) != stretch] = np.nan
    return moved


def _earlier(value: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """The value of the row before, in the same stretch."""
    before = np.append(np.nan, value[:-1])
    before[np.append(-1, stretch[:-1]) != stretch] = np.nan
    return before
