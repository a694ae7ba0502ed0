"""The rows that price pressure is estimated from: a return beside the inventory it goes with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import refuse_panel

_WHOLE = 0.99  # of every bar's volume: a pool's part, but for rounding


class PressureRows(NamedTuple):
    """Rows in order of the panel, with what was dropped.

    frame: series (0, 1, ...), symbol, day, bar, place (the row's number in its series before any
    was dropped), y (return, bps), lag (inventory before) and change (over the return), both in
    `per` of currency or units, and, if asked for, the factor's column and that of other units, in
    `per` too. daily: a bar is a session.
    dropped: rows by reason. mechanical: the price is the account's own, a pool's curve.
    """

    frame: pd.DataFrame
    unit: str
    daily: bool
    dropped: dict[str, int]
    flags: tuple[str, ...]
    mechanical: bool = False


def pressure_rows(
    panel: pd.DataFrame,
    *,
    returns: str | None = None,
    per: float | None = None,
    value: bool | None = None,
    factor: str | None = None,
    units: str | None = None,
) -> PressureRows:
    """Returns beside inventory before and its change over the same time.

    Inside a session the change is from the bar's start to its end. Where a bar is a session the
    return runs from the last session's close, so the change does too: overnight flow included, and
    the first session and those after a gap dropped. Inventory is units times one price per series
    (median mid, else median trade price), so that price moves do not enter it; without prices it
    stays in units.
    """
    _refuse(panel, [c for c in (returns, factor) if c])
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
            "symbol": panel["symbol"],
            "day": panel["day"],
            "bar": panel["bar"],
            "place": series.groupby(series).cumcount(),
            "y": panel[column],
            "lag": start * scale,
            "change": (panel["inventory_end"] - start) * scale,
        }
    )
    if units:
        frame[units] = panel[units].fillna(0.0) * scale
    if factor:
        frame[factor] = panel[factor].astype("float64")
    kept, dropped = _keep(frame, panel, daily, factor)
    if not (kept["change"] != 0).any():
        raise ValueError("inventory never changes in the rows that have a return")
    if len(kept) < 8:
        raise ValueError(f"only {len(kept)} rows have return and inventory; dropped: {dropped}")
    if (panel["account"] == "aggregate maker").any():
        flags = (*flags, "inventory_is_market_flow")
    own_price = column == "trade_return_bps" or not _sizes_are_quoted(panel)
    mechanical = own_price and _in_every_print(panel)
    if mechanical:
        flags = (*flags, "price_is_a_function_of_inventory")
    frame = kept.reset_index(drop=True)
    return PressureRows(frame, unit, daily, dropped, flags, mechanical)


def stretches(rows: PressureRows) -> np.ndarray:
    """True where no row of the same unbroken stretch comes before: lags never cross these.

    A stretch is a session's bars without a hole; where a bar is a session, sessions without one.
    """
    frame = rows.frame
    begins = frame["series"].ne(frame["series"].shift()) | frame["place"].diff().ne(1)
    if not rows.daily:
        begins |= frame["day"].ne(frame["day"].shift())
    return begins.to_numpy()


def _sizes_are_quoted(panel: pd.DataFrame) -> bool:
    """Whether the mid is a market's: a pool's own price stands in its quotes without sizes."""
    return "microprice" in panel.columns and bool(panel["microprice"].notna().any())


def _in_every_print(panel: pd.DataFrame) -> bool:
    """Whether there is no other maker, as in a pool: every print is the account's own."""
    if "participation" not in panel.columns or panel["account"].eq("aggregate maker").any():
        return False
    part = panel["participation"].dropna()
    return len(part) > 0 and bool((part > _WHOLE).all())


def centred(values: pd.Series, series: pd.Series) -> pd.Series:
    """Values less their series' mean, plus the mean of all: series intercepts taken out."""
    return values - values.groupby(series).transform("mean") + values.mean()


def _refuse(panel: pd.DataFrame, others: list[str]) -> None:
    if panel.empty:
        raise ValueError("the panel has no rows")
    refuse_panel(panel, ["inventory_start", "inventory_end"], others)


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
    frame: pd.DataFrame, panel: pd.DataFrame, daily: bool, factor: str | None = None
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
    if factor:
        reasons["without the factor"] = ~np.isfinite(frame[factor])
    left = pd.Series(True, index=panel.index)
    dropped = {}
    for reason, bad in reasons.items():
        dropped[reason] = int((left & bad).sum())
        left &= ~bad
    return frame[left], dropped
