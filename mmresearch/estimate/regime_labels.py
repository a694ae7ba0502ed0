"""Which regime a bar belongs to, as known at its start."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

PAST = 5  # bars whose realized variance tells the volatility before a bar
_MOST = 60
_THREE = ("low", "middle", "high")


def regime_labels(panel: pd.DataFrame, by: str, cells: int) -> pd.Series:
    """The regime of each row, missing where none is known.

    "volatility": quantiles of the mean realized variance of the PAST bars before, in the session
    (of the sessions before, where a bar is a session). "time_of_day": equal stretches of the
    session. Any other name: the values of that column.
    """
    if cells < 2:
        raise ValueError(f"cells must be 2 or more, not {cells}")
    if by == "volatility":
        return _quantiles(_past_variance(panel), cells)
    if by == "time_of_day":
        return _stretches(panel, cells)
    if by not in panel.columns:
        known = "volatility, time_of_day, account, symbol, day"
        raise ValueError(f"by must be one of {known} or a column of the panel, not {by!r}")
    labels = panel[by]
    if by == "day":
        return pd.to_datetime(labels).dt.strftime("%Y-%m-%d")
    if labels.nunique() > _MOST:
        raise ValueError(
            f"{by} takes {labels.nunique()} values; at most {_MOST} regimes make sense"
        )
    return labels.astype("str").where(labels.notna())


def _past_variance(panel: pd.DataFrame) -> pd.Series:
    rows = panel.sort_values(["account", "symbol", "start", "bar"], kind="stable")
    keys = ["account", "symbol", "day"]
    keys = keys if rows.duplicated(keys).any() else keys[:2]
    for name, power in (("realized_variance", 1), ("return_bps", 2), ("trade_return_bps", 2)):
        if name in rows and np.isfinite(rows[name]).any():
            groups = (rows[name].astype(float) ** power).groupby([rows[k] for k in keys])
            mean = groups.transform(lambda v: v.shift().rolling(PAST, min_periods=1).mean())
            return mean.reindex(panel.index)
    raise ValueError("by='volatility' needs realized_variance, return_bps or trade_return_bps")


def _quantiles(values: pd.Series, cells: int) -> pd.Series:
    edges = values.quantile(np.arange(1, cells) / cells).to_numpy()
    place = np.searchsorted(edges, values.fillna(0).to_numpy())
    return pd.Series(cell_names(cells)[place], values.index).where(values.notna())


def cell_names(cells: int) -> np.ndarray:
    """Names of quantiles, the lowest first."""
    return np.array(_THREE if cells == 3 else [f"{k + 1} of {cells}" for k in range(cells)])


def _stretches(panel: pd.DataFrame, cells: int) -> pd.Series:
    if "time_of_day" not in panel or panel["time_of_day"].isna().all():
        raise ValueError("by='time_of_day' needs bars with a time of day (a clock in the session)")
    since = panel["time_of_day"].astype(float)
    lengths = (panel["end"] - panel["start"]).dt.total_seconds()
    close = float((since + lengths).max())
    edges = np.linspace(0, close, cells + 1)
    names = np.array([f"{_clock(a)} to {_clock(b)}" for a, b in pairwise(edges)])
    place = np.clip(np.searchsorted(edges, since.fillna(0), side="right") - 1, 0, cells - 1)
    return pd.Series(names[place], panel.index).where(since.notna())


def _clock(seconds: float) -> str:
    return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}"
