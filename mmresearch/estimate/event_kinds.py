"""What counts as an event: volatility that jumps, inventory at its extremes, or given times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.estimate.event_grid import Grid, entries, expected, past_quantile
from mmresearch.measure.bars import nanoseconds

KINDS = {"jumps": 0.99, "inventory": 0.9}  # and the quantile of past days above which it is one


def event_times(events: object) -> pd.DataFrame:
    """Given times as a table: time (UTC), and account and symbol where it says whose."""
    if isinstance(events, pd.DataFrame):
        table = events.reset_index(drop=True)
        if "time" not in table:
            raise ValueError("events: a table of events has a column time")
    elif isinstance(events, (pd.DatetimeIndex, pd.Series, Sequence)) and not isinstance(
        events, str
    ):
        table = pd.DataFrame({"time": pd.Series(list(events))})
    else:
        raise ValueError(
            f"events must be one of {', '.join(KINDS)}, or a table or list of times, not {events!r}"
        )
    if table.empty:
        return table.assign(time=pd.Series(dtype="datetime64[ns, UTC]"))
    if not isinstance(table["time"].dtype, pd.DatetimeTZDtype):
        raise ValueError("events: times need a time zone, such as UTC")
    if table["time"].isna().any():
        raise ValueError(f"events: {int(table['time'].isna().sum())} without a time")
    return table.assign(time=table["time"].dt.tz_convert("UTC"))


def planned(rows: pd.DataFrame, grid: Grid, times: pd.DataFrame) -> tuple[np.ndarray, int]:
    """Bars that hold a given time, and how many times no bar of the series holds."""
    held = np.zeros((len(grid.days), grid.bars), bool)
    whose = np.ones(len(times), bool)
    for name in ("account", "symbol"):
        if name in times:
            whose &= (times[name] == rows[name].iloc[0]).to_numpy()
    when = np.sort(nanoseconds(times["time"][whose]))
    start, end = nanoseconds(rows["start"]), nanoseconds(rows["end"])
    # a bar holds (start, end], the first of a session its start too
    row = np.searchsorted(end, when, side="left")
    inside = row < len(end)
    first = np.minimum(row, len(end) - 1)
    opens = grid.bar[first] == 0
    inside &= (start[first] < when) | (opens & (start[first] == when))
    held[grid.day[first[inside]], grid.bar[first[inside]]] = True
    return held, int((~inside).sum())


def found(
    kind: str, rows: pd.DataFrame, grid: Grid, share: float, past_days: int, min_days: int
) -> np.ndarray | None:
    """Bars in which the event begins, by past days alone; None where nothing tells of it."""
    if kind == "inventory":
        if "inventory_start" not in rows or rows["inventory_start"].isna().all():
            return None
        size = grid.spread(rows["inventory_start"].abs())
    else:
        rough = _roughness(rows)
        if rough is None:
            return None
        size = grid.spread(rough)
        usual = expected(size, past_days, min_days)
        size = np.divide(size, usual, out=np.full(size.shape, np.nan), where=usual > 0)
    limit = past_quantile(size, share, min_days)
    with np.errstate(invalid="ignore"):
        return entries(size > limit[:, None])


def _roughness(rows: pd.DataFrame) -> pd.Series | None:
    """The bar's volatility, bps: root of its realized variance, else the size of its return."""
    for name, of in (("realized_variance", np.sqrt), ("return_bps", np.abs)):
        if name in rows and rows[name].notna().any():
            return of(rows[name])
    return None
