"""The rows that price pressure is estimated from: a return beside the inventory it goes with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import refuse_panel


class PressureRows(NamedTuple):
    """Rows in order of the panel, with what was dropped.

    frame: series (0, 1, ...), day, bar, y (return, bps), lag (inventory before) and change (over
    the return), both in `per` of currency or units. daily: a bar is a session. dropped: rows by
    reason.
    """

    frame: pd.DataFrame
    unit: str
    daily: bool
    dropped: dict[str, int]
    flags: tuple[str, ...]


def pressure_rows(
    panel: pd.DataFrame,
    *,
    returns: str | None = None,
    per: float | None = None,
    value: bool | None = None,
) -> PressureRows:
    """Returns beside inventory before and its change over the same time.

    Inside a session the change is from the bar's start to its end. Where a bar is a session the
    return runs from the last session's close, so the change does too: overnight flow included, and
    the first session and those after a gap dropped. Inventory is units times one price per series
    (median mid, else median trade price), so that price moves do not enter it; without prices it
    stays in units.
    """
    _refuse(panel, returns)
    column, flags = _return_column(panel, returns)
    daily = bool((panel["bar"] == 0).all())
    series = panel.groupby(["account", "symbol"], sort=False).ngroup()
    scale, unit = _scale(panel, series, per, value)
    start = panel["inventory_start"]
    if daily:
        start = panel.groupby(series)["inventory_end"].shift()
    frame = pd.DataFrame(
        {
            "series": series,
            "day": panel["day"],
            "bar": panel["bar"],
            "y": panel[column],
            "lag": start * scale,
            "change": (panel["inventory_end"] - start) * scale,
        }
    )
    kept, dropped = _keep(frame, panel, daily)
    if not (kept["change"] != 0).any():
        raise ValueError("inventory never changes in the rows that have a return")
    if len(kept) < 8:
        raise ValueError(f"only {len(kept)} rows have return and inventory; dropped: {dropped}")
    if (panel["account"] == "aggregate maker").any():
        flags = (*flags, "inventory_is_market_flow")
    return PressureRows(kept.reset_index(drop=True), unit, daily, dropped, flags)


def centred(values: pd.Series, series: pd.Series) -> pd.Series:
    """Values less their series' mean, plus the mean of all: series intercepts taken out."""
    return values - values.groupby(series).transform("mean") + values.mean()


def _refuse(panel: pd.DataFrame, returns: str | None) -> None:
    if panel.empty:
        raise ValueError("the panel has no rows")
    refuse_panel(panel, ["inventory_start", "inventory_end"], [returns] if returns else [])


def _return_column(panel: pd.DataFrame, returns: str | None) -> tuple[str, tuple[str, ...]]:
    wanted = [returns] if returns else ["return_bps", "trade_return_bps"]
    for column in wanted:
        if column in panel.columns and np.isfinite(panel[column]).any():
            return column, ("trade_returns",) if column == "trade_return_bps" else ()
    raise ValueError(f"the panel has no returns: {' and '.join(wanted)} hold no number")


def _scale(
    panel: pd.DataFrame, series: pd.Series, per: float | None, value: bool | None
) -> tuple[pd.Series, str]:
    """What a row's units are multiplied with, and the unit of the coefficients."""
    price = _reference_price(panel, series)
    known = bool(price.notna().all())
    if value and not known:
        raise ValueError("no price to value inventory with: the panel has neither mid nor trades")
    if known and value is not False:
        per = 1e6 if per is None else per
        amount = "million" if per == 1e6 else f"{per:,.10g}"
        return price / per, f"bps per {amount} of quote currency"
    per = 1e3 if per is None else per
    return pd.Series(1 / per, index=panel.index), f"bps per {per:,.10g} units"


def _reference_price(panel: pd.DataFrame, series: pd.Series) -> pd.Series:
    price = pd.Series(np.nan, index=panel.index)
    for column in ("mid", "trade_price"):
        if column in panel.columns:
            price = price.fillna(panel[column].groupby(series).transform("median"))
    return price


def _keep(
    frame: pd.DataFrame, panel: pd.DataFrame, daily: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    gap = panel["gap"].astype(bool) if "gap" in panel.columns else pd.Series(False, panel.index)
    first = ~frame["series"].duplicated() if daily else pd.Series(False, panel.index)
    moves = frame["change"].abs().groupby(frame["series"]).transform("sum") > 0
    reasons = {
        "of series whose inventory never changes": ~moves,
        "first sessions": first,
        "after a gap": gap,
        "without a return": ~np.isfinite(frame["y"]),
        "without inventory": ~np.isfinite(frame[["lag", "change"]]).all(axis=1),
    }
    left = pd.Series(True, index=panel.index)
    dropped = {}
    for reason, bad in reasons.items():
        dropped[reason] = int((left & bad).sum())
        left &= ~bad
    return frame[left], dropped
