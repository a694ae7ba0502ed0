"""Rows of flow and return beside their own past, inside sessions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.pressure_rows import PressureRows, pressure_rows, stretches

MOST_LAGS = 10
FEWEST = 30
_BUCKETS = 13  # of a session, for the means by time of day
_DAYS_FOR_TIME = 5
_TRANSFERS = "transfer_flow"


class CausalityRows(NamedTuple):
    """Rows that have all lags, less their means by series (and time of day).

    now: [n, 2], flow (in `per` of currency or units) and return (bps). past: [n, 2 lags], flow then
    return of lag 1, of lag 2, ... transfers: [n], in the unit of flow; missing: there are none.
    day, bar: of each row. timed: means by time of day were taken out; means: how many means were.
    """

    now: np.ndarray
    past: np.ndarray
    transfers: np.ndarray | None
    day: pd.Series
    bar: pd.Series
    lags: int
    timed: bool
    means: int
    source: PressureRows
    dropped: dict[str, int]


def causality_rows(
    panel: pd.DataFrame, lags: int | None, by_time_of_day: bool, scale: dict[str, object]
) -> CausalityRows:
    """Flow and return of each bar and of the bars before it in its stretch.

    lags: where not given those of the least BIC of the two equations, on the rows that have 10.
    """
    if lags is not None and not 1 <= lags <= 100:
        raise ValueError(f"lags must be from 1 to 100, not {lags}")
    transfers = _transfers(panel)
    if transfers:
        scale = {**scale, "units": transfers}
    source = pressure_rows(panel, **scale)
    frame = source.frame
    begins = stretches(source)
    age = _age(begins)
    longest = int(age.max())
    most = lags if lags is not None else min(MOST_LAGS, max(longest // 4, 1))
    timed = by_time_of_day and not source.daily and frame["day"].nunique() >= _DAYS_FOR_TIME
    columns = ["change", "y"]
    values, means = _less_means(frame, columns, timed)
    kept = age >= most
    if kept.sum() < FEWEST:
        raise ValueError(
            f"only {int(kept.sum())} rows have {most} bars of their session before them (the "
            f"longest stretch has {longest + 1}), and {FEWEST} are needed"
        )
    if lags is None:
        lags = _least_bic(values, age, most)
        kept = age >= lags
    at = np.flatnonzero(kept)
    moved = frame[transfers].to_numpy()[at] if transfers else None
    dropped = {**source.dropped, "without all lags in their session": int((~kept).sum())}
    day, bar = (frame[c].iloc[at].reset_index(drop=True) for c in ("day", "bar"))
    past = _past(values, at, lags)
    return CausalityRows(values[at], past, moved, day, bar, lags, timed, means, source, dropped)


def _transfers(panel: pd.DataFrame) -> str | None:
    """The column of transfers, where any account moved anything without a trade."""
    if not isinstance(panel, pd.DataFrame) or _TRANSFERS not in panel.columns:
        return None
    amounts = pd.to_numeric(panel[_TRANSFERS], errors="coerce")
    return _TRANSFERS if (amounts.fillna(0) != 0).any() else None


def _age(begins: np.ndarray) -> np.ndarray:
    """Rows of the same stretch before each."""
    here = np.arange(len(begins))
    return here - np.maximum.accumulate(np.where(begins, here, 0))


def _less_means(frame: pd.DataFrame, columns: list[str], timed: bool) -> tuple[np.ndarray, int]:
    by = [frame["series"]]
    if timed:
        width = int(frame["bar"].max()) + 1
        by.append((frame["bar"] * _BUCKETS // width).rename("bucket"))
    left = [frame[c] - frame[c].groupby(by).transform("mean") for c in columns]
    return np.column_stack(left), frame.groupby(by).ngroups


def _past(values: np.ndarray, at: np.ndarray, lags: int) -> np.ndarray:
    return np.hstack([values[at - lag] for lag in range(1, lags + 1)])


def _least_bic(values: np.ndarray, age: np.ndarray, most: int) -> int:
    """The number of lags with the least BIC of both equations together."""
    at = np.flatnonzero(age >= most)
    n, found = len(at), []
    for lags in range(1, most + 1):
        x = np.column_stack([np.ones(n), _past(values, at, lags)])
        left = values[at] - x @ np.linalg.lstsq(x, values[at], rcond=None)[0]
        sign, size = np.linalg.slogdet(left.T @ left / n)
        found.append((size if sign > 0 else -np.inf) + np.log(n) * 2 * x.shape[1] / n)
    return int(np.argmin(found)) + 1
