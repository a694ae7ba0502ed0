"""Reported holdings as pairs of levels: from each report to the next of its account and symbol."""

from __future__ import annotations

import numpy as np
import pandas as pd

_COLUMNS = ["time", "account", "symbol", "position"]


def snapshot_panel(positions: pd.DataFrame) -> pd.DataFrame:
    """A row a gap between two reports, with the columns that a panel's pairs need.

    A missing holding is left out: the gap then spans it. day: the date of the gap's start.
    """
    _refuse(positions)
    held = positions.dropna(subset=["position"]).sort_values(["account", "symbol", "time"])
    later = held.groupby(["account", "symbol"], sort=False).shift(-1)
    start = pd.to_datetime(held["time"], utc=True)
    rows = held[["account", "symbol"]].assign(
        day=start.dt.tz_localize(None).dt.normalize(),
        start=start,
        end=pd.to_datetime(later["time"], utc=True),
        inventory_start=held["position"].astype(float),
        inventory_end=later["position"].astype(float),
        gap=False,
        opening_known=True,
    )
    rows["bar"] = rows.groupby(["account", "symbol"]).cumcount()
    return rows[rows["end"].notna()].reset_index(drop=True)


def _refuse(positions: pd.DataFrame) -> None:
    lacking = [name for name in _COLUMNS if name not in positions.columns]
    if lacking:
        raise ValueError(f"the reported holdings lack the columns {', '.join(lacking)}")
    twice = positions.duplicated(["account", "symbol", "time"])
    endless = np.isinf(positions["position"].to_numpy(float))
    faults = {
        f"{twice.sum()} reports stand at the time of another of their account and symbol": twice,
        f"{endless.sum()} holdings are infinite": endless,
        f"{positions['time'].isna().sum()} times are missing": positions["time"].isna(),
    }
    found = [words for words, bad in faults.items() if bad.any()]
    if found:
        raise ValueError("the reported holdings cannot be used: " + "; ".join(found))
