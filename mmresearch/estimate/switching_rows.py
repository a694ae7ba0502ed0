"""A series without its shape over the day, on whole runs of bars, for regimes inside sessions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.seasonal_fit import Order, expected, fitted
from mmresearch.estimate.seasonal_rows import FEWEST_BARS, in_logs, one_series, seasonal_rows

FEWEST = 60  # bars with a value
DISTINCT = 10  # values: fewer are no continuous law


class SwitchingRows(NamedTuple):
    """Bars of sessions one after the other, none lacking between a session's first and last.

    y [n]: missing where unknown. begins [n]: first of a session. table: its rows in order of time.
    back [rows of table]: the bar of each. told [n]: of days whose values fit parameters.
    """

    y: np.ndarray
    begins: np.ndarray
    table: pd.DataFrame
    back: np.ndarray
    told: np.ndarray
    days: int
    log: bool
    dropped: dict[str, int]
    flags: tuple[str, ...]


def switching_rows(
    table: pd.DataFrame,
    column: str,
    *,
    symbol: str | None,
    account: str | None,
    logs: str | bool,
    deseasonalise: bool,
    shape: dict[str, Any],
    fit_until: object,
) -> SwitchingRows:
    """The bars, their shape told by the days up to `fit_until` alone where that is given."""
    chosen = one_series(table, [column], symbol, account)
    chosen = chosen[~chosen.duplicated(["day", "bar"])]
    chosen = chosen.sort_values(["day", "bar"], kind="stable")
    log = in_logs(chosen[column], logs)
    past = np.ones(len(chosen), bool)
    if fit_until is not None:
        past = (chosen["day"] <= pd.Timestamp(fit_until)).to_numpy()
        if not past.any():
            raise ValueError(f"no day of the table is up to fit_until={fit_until!r}")
    y, flags = _without_shape(chosen, column, log, deseasonalise, shape, past)
    day, bar = pd.factorize(chosen["day"])[0], chosen["bar"].to_numpy().astype("int64")
    opens = np.append(True, day[1:] != day[:-1])[: len(day)]
    gap = np.where(opens, 1, np.diff(bar, prepend=0))
    back = np.cumsum(gap) - 1  # bars that the table lacks inside a session are there, unknown
    n = int(back[-1]) + 1 if len(back) else 0
    whole, begins = np.full(n, np.nan), np.zeros(n, bool)
    whole[back], begins[back[opens]] = y, True
    told = past[opens][np.cumsum(begins) - 1] if n else np.zeros(0, bool)
    dropped = {
        f"without {column} or its shape": int(np.isnan(y).sum()),
        "bars lacking inside sessions": n - len(back),
    }
    days = int(chosen["day"][past & np.isfinite(y)].nunique())
    return SwitchingRows(whole, begins, chosen, back, told, days, log, dropped, flags)


def cannot_tell(rows: SwitchingRows, column: str) -> str:
    """Why these bars tell of no regimes, or ""."""
    known = rows.y[rows.told & np.isfinite(rows.y)]
    if len(known) < FEWEST:
        return f"{len(known)} bars have a value; {FEWEST} are needed"
    many = rows.table[column].nunique()
    if many < DISTINCT:
        return f"{column} takes {many} values: regimes are of a continuous law"
    return ""


def _without_shape(
    frame: pd.DataFrame,
    column: str,
    log: bool,
    deseasonalise: bool,
    shape: dict[str, Any],
    past: np.ndarray,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The series in order of time; of one day its slow moves stay in, for they may be regimes."""
    y = frame[column].to_numpy("float64")
    plain = np.log(y) if log else y
    if not deseasonalise:
        return plain, ("time_of_day_left_in",)
    asked = {"zone": shape.get("zone"), "short": shape.get("short", "left out")}
    rows = seasonal_rows(frame, column, **asked)
    rows.frame.loc[~past, "z"] = np.nan
    told = rows.frame[rows.frame["z"].notna()]
    if rows.bars < FEWEST_BARS or told["day"].nunique() < 2 or np.ptp(told["z"].to_numpy()) == 0:
        return plain, ("time_of_day_left_in",)
    order = Order(**{name: shape[name] for name in Order._fields if name in shape})
    fit = fitted(rows, order)
    away = expected(fit.x, fit.grid, fit.beta, rows.kind)
    if rows.kind == "shift":
        return y - away, ()
    return (np.log(y / away) if log else y / away), ()
