"""Bars with a return and a flow, in the units that slopes are stated in: for Kyle's lambda."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import drop_by_reason, refuse_panel
from mmresearch.estimate.result import Sample

FLOWS = ("trade_imbalance", "order_flow_imbalance", "inventory")
SHAPES = ("linear", "sqrt")
BY = ("side", "size", "hour", "volatility")
_TIME = ["day", "bar"]


class Rows(NamedTuple):
    """A row a bar: series, day, bar, y (return), flow (in its unit), next_y, last_y, group."""

    frame: pd.DataFrame
    sample: Sample
    unit: str
    flags: tuple[str, ...]


def impact_rows(
    panel: pd.DataFrame,
    *,
    flow: str,
    shape: str,
    unit: str,
    value: bool | None,
    per: float | None,
    by: str | None,
) -> Rows:
    """The rows that have return, flow and group; what is the same for every account stands once."""
    column = "flow" if flow == "inventory" else flow
    levels = [c for c in ("inventory_start", "inventory_end") if c in getattr(panel, "columns", ())]
    refuse_panel(panel, [column, *levels] if flow == "inventory" else [column])
    flags: tuple[str, ...] = ("flow_is_of_the_account",) if flow == "inventory" else ()
    if flow != "inventory":
        panel = panel.drop_duplicates(["symbol", *_TIME])
    panel = panel.sort_values(["account", "symbol", *_TIME], kind="stable", ignore_index=True)
    returns, more = _returns(panel, unit)
    amount, words = _amount(panel, panel[column], value, per)
    # the maker's purchases are its customers' sales
    amount = -amount if flow == "inventory" else amount
    if shape == "sqrt":
        amount, words = np.sign(amount) * np.sqrt(amount.abs()), f"the square root of {words}"
    frame = pd.DataFrame({"day": panel["day"], "bar": panel["bar"], "y": returns, "flow": amount})
    frame["series"] = panel.groupby(["account", "symbol"], sort=False).ngroup()
    frame["group"] = _group(panel, frame, by)
    for name, step in (("next_y", 1), ("last_y", -1)):
        frame[name] = _neighbour(frame, frame["y"], step)
    kept, dropped = drop_by_reason(
        frame,
        {
            "without a return": ~np.isfinite(frame["y"]),
            "without a flow": ~np.isfinite(frame["flow"]),
            f"without {'volatility of the bar before' if by == 'volatility' else by}": frame[
                "group"
            ].isna(),
        },
    )
    many = max(kept["series"].nunique(), 1)
    sample = Sample(len(kept), dropped, kept["day"].nunique(), many)
    measure = "bps" if unit == "bps" else "currency a unit"
    return Rows(kept.reset_index(drop=True), sample, f"{measure} per {words}", (*flags, *more))


def _returns(panel: pd.DataFrame, unit: str) -> tuple[pd.Series, tuple[str, ...]]:
    if unit == "currency":
        lacking = [c for c in ("mid", "mid_start") if c not in panel.columns]
        if lacking:
            raise ValueError(f"the panel lacks the columns {', '.join(lacking)}")
        return panel["mid"] - panel["mid_start"], ()
    for column in ("return_bps", "trade_return_bps"):
        if column in panel.columns and np.isfinite(panel[column]).any():
            return panel[column], ("trade_returns",) if column == "trade_return_bps" else ()
    return pd.Series(np.nan, index=panel.index), ()


def _amount(
    panel: pd.DataFrame, flow: pd.Series, value: bool | None, per: float | None
) -> tuple[pd.Series, str]:
    """The flow in `per` of currency at the price before the bar, or in `per` units."""
    price = pd.Series(np.nan, index=panel.index)
    for column in ("mid_start", "mid", "trade_price"):
        if column in panel.columns:
            price = price.fillna(panel[column])
    if value is None:
        value = bool(price.notna().any())
    if value:
        per = 1e6 if per is None else per
        return flow * price / per, f"{'million' if per == 1e6 else f'{per:,.10g}'} of currency"
    per = 1e3 if per is None else per
    return flow / per, f"{per:,.10g} units"


def _group(panel: pd.DataFrame, frame: pd.DataFrame, by: str | None) -> pd.Series:
    """The label of each row's group, missing where it has none."""
    if by == "side":
        return pd.Series(np.where(frame["flow"] < 0, "sells", "buys"), index=frame.index)
    if by == "size":
        return _thirds(frame["flow"].abs().where(frame["flow"] != 0), SIZES).fillna(SIZES[0])
    if by == "hour":
        hour = panel["time_of_day"] // 3600
        return ("hour " + hour.astype("Int64").astype("str")).where(hour.notna(), None)
    if by == "volatility":
        # of the bar before: this bar's own is moved by the flow that is to be explained
        return _thirds(_neighbour(frame, panel["realized_variance"], -1), VOLATILITIES)
    return pd.Series("all", index=frame.index)


SIZES = ("small", "middle", "large")
VOLATILITIES = ("calm", "middle", "wild")


def _thirds(values: pd.Series, names: tuple[str, ...]) -> pd.Series:
    """Which third of the values each is in, missing where it is."""
    place = values.rank(method="first") / max(values.notna().sum(), 1)
    third = np.ceil(3 * place.to_numpy())
    labels = np.array([None, *names], dtype=object)
    return pd.Series(labels[np.nan_to_num(third).astype(int)], index=values.index)


def _neighbour(frame: pd.DataFrame, values: pd.Series, step: int) -> pd.Series:
    """The values of the bar `step` later, of the same series and day; missing if there is none."""
    other = values.shift(-step)
    same = frame[["series", "day"]] == frame[["series", "day"]].shift(-step)
    next_to = frame["bar"].shift(-step) == frame["bar"] + step
    return other.where(same.all(axis=1) & next_to)
