"""What reported positions say: the flows between them, and how the rebuilt inventory drifts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds

_SERIES = ["account", "symbol"]
FROM_REPORTS = "no fills, trades or transfers: changes of the reported positions"
ROUNDING = 1e-9  # of the position, or of one unit: decimals are read as floats


def reports_of(market: Market) -> pd.DataFrame | None:
    """The reported positions with `said_by`, those of fills' `start_position` among them.

    What a series' first fill says was held before it (`start_position`, a column that some venues
    have) is a report just before it, where there is no other up to then.
    """
    reports = market.get("positions")
    if reports is not None:
        reports = reports.assign(said_by="reported")
    fills = market.get("fills")
    if fills is None or "start_position" not in fills:
        return reports
    first = fills.drop_duplicates(_SERIES)[["time", *_SERIES, "start_position"]]
    first = first.rename(columns={"start_position": "position"}).dropna()
    first["time"] -= pd.Timedelta(1, "ns")
    first = first.assign(said_by="start_position")
    if reports is None:
        return first.sort_values("time", kind="stable", ignore_index=True)
    known = first.merge(reports.groupby(_SERIES)["time"].min().rename("known").reset_index())
    known = known.loc[known["known"] <= known["time"] + pd.Timedelta(1, "ns"), _SERIES]
    told = pd.MultiIndex.from_frame(first[_SERIES]).isin(pd.MultiIndex.from_frame(known))
    both = pd.concat([reports, first[~told]], ignore_index=True)
    return both.sort_values("time", kind="stable", ignore_index=True)


def reported_flows(positions: pd.DataFrame) -> pd.DataFrame:
    """The changes between reports as flows, at the later one's time; the first moves nothing."""
    held = positions.drop_duplicates([*_SERIES, "time"], keep="last")
    moved = held.groupby(_SERIES)["position"].diff().fillna(0.0)
    return held[["time", *_SERIES]].assign(seq=0, bought=0.0, sold=0.0, moved=moved)


def between_reports(flows: pd.DataFrame, reports: pd.DataFrame | None) -> pd.DataFrame:
    """One symbol's flows, added up between the first of an account, each report and the last."""
    columns = ["account", "time", "bought", "sold", "moved"]
    if reports is None or flows.empty:
        return flows[columns].drop_duplicates("account")
    told = np.unique(nanoseconds(reports["time"]))
    before = np.searchsorted(told, nanoseconds(flows["time"]))
    summed = flows[columns].groupby(["account", before], sort=False)
    how = {"time": "min"} | dict.fromkeys(columns[2:], "sum")
    return summed.agg(how).reset_index("account").sort_values("time", ignore_index=True)


def drift_bars(
    reports: pd.DataFrame | None,
    flows: pd.DataFrame,
    ends: np.ndarray,
    levels: dict[str, tuple[float, bool]],
) -> np.ndarray:
    """Each account's drift, one value a bar: reported less rebuilt position at the last report.

    `ends` are the bars' ends in nanoseconds. 0 before the first report after the account's first
    event; where the opening is not known that report sets the level. Missing for accounts that no
    later report speaks of.
    """
    if reports is None or reports.empty:
        return np.full(flows["account"].nunique() * len(ends), np.nan)
    found = []
    for account, rows in flows.groupby("account", sort=True):
        own = reports[reports["account"] == account]
        times, gap = _gaps(own, rows, *levels.get(account, (0.0, False)))
        if not len(times):
            found.append(np.full(len(ends), np.nan))
            continue
        last = np.searchsorted(times, ends, side="right")
        found.append(np.append(0.0, gap)[last])
    return np.concatenate(found)


def _gaps(
    reports: pd.DataFrame, flows: pd.DataFrame, opening: float, known: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Times of the reports after the first event, and reported less rebuilt position at each."""
    flows = flows.sort_values("time", kind="stable")
    times, at = nanoseconds(flows["time"]), nanoseconds(reports["time"])
    later = at > times[0]
    if not later.any():
        return at[later], np.empty(0)
    at, reported = at[later], reports["position"].to_numpy(float)[later]
    level = opening + (flows["bought"] - flows["sold"] + flows["moved"]).to_numpy(float).cumsum()
    rebuilt = level[np.searchsorted(times, at, side="right") - 1]
    gap = reported - rebuilt
    if not known:
        gap = gap - gap[0]
    scale = np.maximum(np.abs(reported), 1.0)
    return at, np.where(np.abs(gap) <= ROUNDING * scale, 0.0, gap)
