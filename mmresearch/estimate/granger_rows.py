"""Two series without their shapes over the time of day, beside their own past inside sessions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.seasonal_fit import Order, expected, fitted
from mmresearch.estimate.seasonal_rows import FEWEST_BARS, in_logs, one_series, seasonal_rows

FEWEST = 30  # rows beyond what is estimated
LAGS = 10  # tried by default


class GrangerRows(NamedTuple):
    """Bars of both series in order of time; those that have all lags, and their past.

    pair [bars, 2]: cause and effect without their shapes. raw [bars, 2]: with them. at [n]: the
    bars that have all lags. day, bar [bars]. lags. bic: by number of lags. logs: of each, whether
    it is a logarithm. daily: a bar a session, whose past is of the sessions before.
    """

    pair: np.ndarray
    raw: np.ndarray
    at: np.ndarray
    day: np.ndarray
    bar: np.ndarray
    age: np.ndarray
    lags: int
    bic: pd.DataFrame
    logs: tuple[bool, bool]
    daily: bool
    dropped: dict[str, int]
    flags: tuple[str, ...]

    def past(self, lags: int, values: np.ndarray, at: np.ndarray) -> np.ndarray:
        """[n, 2 lags]: the lags of the first series, then those of the second."""
        columns = [values[at - lag, c] for c in (0, 1) for lag in range(1, lags + 1)]
        return np.column_stack(columns)


def granger_rows(
    table: pd.DataFrame,
    columns: tuple[str, str],
    *,
    lags: int | str,
    extra: int,
    most: int,
    logs: str | bool,
    deseasonalise: bool,
    chosen: dict[str, Any],
    shape: dict[str, Any],
) -> GrangerRows:
    """The rows of both series, with lags given or those of the least BIC and `extra` more."""
    frame = one_series(table, columns, chosen["symbol"], chosen["account"])
    frame = frame[~frame.duplicated(["day", "bar"])]
    frame = frame.sort_values(["day", "bar"], kind="stable", ignore_index=True)
    daily = bool(len(frame)) and not frame["bar"].any()
    logged = tuple(in_logs(frame[name], logs) for name in columns)
    raw = np.column_stack([_as_is(frame[n], log) for n, log in zip(columns, logged, strict=True)])
    values, flags = raw, ("no_time_of_day",) if daily else ("time_of_day_left_in",)
    if deseasonalise and not daily:
        found = [
            _without_shape(frame, n, log, shape) for n, log in zip(columns, logged, strict=True)
        ]
        values = np.column_stack([v for v, _ in found])
        flags = tuple(dict.fromkeys(flag for _, some in found for flag in some))
    known = np.isfinite(values).all(axis=1) & np.isfinite(raw).all(axis=1)
    age = _age(frame, known, daily)
    taken, bic = _chosen_lags(values, age, lags, extra, most)
    at = np.flatnonzero(age >= taken)
    dropped = {
        f"without {columns[0]} or {columns[1]}, or their shape": int((~known).sum()),
        "without all lags in their session": int((known & (age < taken)).sum()),
    }
    day, bar = pd.factorize(frame["day"])[0], frame["bar"].to_numpy()
    about = (logged, daily, dropped, flags)
    return GrangerRows(values, raw, at, day, bar, age, taken, bic, *about)


def _as_is(values: pd.Series, log: bool) -> np.ndarray:
    numbers = values.to_numpy("float64")
    return np.log(numbers) if log else numbers


def _without_shape(
    frame: pd.DataFrame, column: str, log: bool, shape: dict[str, Any]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The series without its shape; of one day without that day's slow moves, which is flagged."""
    asked = {"zone": shape.get("zone"), "short": shape.get("short", "left out")}
    rows = seasonal_rows(frame, column, kind="auto", **asked)
    y = rows.frame["y"].to_numpy()
    told = rows.frame["z"].notna()
    if rows.bars < FEWEST_BARS or not told.any() or np.ptp(rows.frame.loc[told, "z"]) == 0:
        return np.log(y) if log else y, ("time_of_day_left_in",)
    order = Order(**{name: shape[name] for name in Order._fields if name in shape})
    fit = fitted(rows, order)
    away = expected(fit.x, fit.grid, fit.beta, rows.kind)
    days = len(fit.sums.rows)
    flags = ("one_day_slow_moves_out",) if days == 1 else ()
    if rows.kind == "shift":
        return y - away, flags
    return np.log(y / away) if log else y / away, flags


def _age(frame: pd.DataFrame, known: np.ndarray, daily: bool) -> np.ndarray:
    """Bars known before each without a break inside its session; -1 where it is itself missing.

    Of a bar a session: sessions before it, without one that is known to be missing.
    """
    day, bar = pd.factorize(frame["day"])[0], frame["bar"].to_numpy()
    if daily:
        follows = (
            ~frame["gap"].to_numpy(bool) if "gap" in frame.columns else np.ones(len(bar), bool)
        )
    else:
        same = np.append(False, day[1:] == day[:-1])[: len(bar)]
        follows = same & (np.diff(bar, prepend=-9) == 1)
    follows = follows & np.append(False, known[:-1])[: len(bar)]
    here = np.arange(len(bar))
    begins = np.where(follows, 0, here)
    return np.where(known, here - np.maximum.accumulate(begins) if len(bar) else here, -1)


def _chosen_lags(
    values: np.ndarray, age: np.ndarray, lags: int | str, extra: int, most: int
) -> tuple[int, pd.DataFrame]:
    """The lags, with BIC of both equations on the rows that have the most that were tried."""
    if lags != "bic":
        return int(lags), pd.DataFrame(columns=["lags", "bic"])
    top = max(min(most, int(age.max(initial=0)) // 4), 1)
    at = np.flatnonzero(age >= top)
    n, lines = len(at), []
    if n < FEWEST + 4 * top:
        return 1, pd.DataFrame(columns=["lags", "bic"])
    size = values[at].std(axis=0)
    values = (values - values[at].mean(axis=0)) / np.where(size > 0, size, 1.0)
    for tried in range(1, top + 1):
        past = [values[at - lag] for lag in range(1, tried + 1)]
        x = np.column_stack([np.ones(n), *past])
        left = values[at] - x @ np.linalg.lstsq(x, values[at], rcond=None)[0]
        sign, size = np.linalg.slogdet(left.T @ left / n)
        penalty = np.log(n) * 2 * x.shape[1] / n
        lines.append((tried, (size if sign > 0 else -np.inf) + penalty))
    bic = pd.DataFrame(lines, columns=["lags", "bic"])
    least = int(bic.loc[bic["bic"].idxmin(), "lags"])
    return min(least + extra, max(int(age.max(initial=0)), 1)), bic
