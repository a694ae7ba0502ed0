"""Spreads beside the makers' inventories and losses of the day before, by symbol."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import refuse_panel

SHAPES = ("decile", "square", "linear")
_LEVELS = ["inventory_end"]
_MILLION = 1e6


class LiquidityRows(NamedTuple):
    """A row a symbol and day in order, with what was dropped.

    frame: symbol, day, spread (bps, that day); regressors of the day before under their names, none
    of them missing. regressors: their names. inventory: |inventory| by (symbol, day), millions.
    """

    frame: pd.DataFrame
    regressors: list[str]
    dropped: dict[str, int]
    flags: tuple[str, ...]


def liquidity_rows(
    panel: pd.DataFrame, *, shape: str, revenue: str | None, spread: str
) -> LiquidityRows:
    """Each day's spread beside what was known at the end of the day before."""
    numbers = [*_LEVELS, spread, *([revenue] if revenue else [])]
    refuse_panel(panel, numbers, ["gap", "opening_known"])
    if shape not in SHAPES:
        raise ValueError(f"shape must be one of {', '.join(SHAPES)}, not {shape!r}")
    if panel.duplicated(["account", "symbol", "day"]).any():
        raise ValueError("a row a day is expected: make the panel with freq='1D'")
    table = _by_symbol(panel, revenue, spread)
    regressors = ["inventory"]
    if shape == "square":
        table["inventory_squared"] = table["inventory"] ** 2
        regressors.append("inventory_squared")
    if shape == "decile":
        top = table["inventory"].groupby(table["symbol"]).transform(lambda v: v.quantile(0.9))
        table["top_decile"] = (table["inventory"] > top).where(table["inventory"].notna())
        table["top_decile"] = table["top_decile"].astype("float64")
        regressors.append("top_decile")
    if revenue:
        table["loss"] = (-table["revenue"]).clip(lower=0)
        regressors.append("loss")
    held = [c for c in ("volatility", "turnover", "return") if table[c].notna().any()]
    regressors += ["spread", *held]
    frame, dropped = _lagged(table, regressors)
    flags = () if revenue else ("no_revenue",)
    flags += () if panel["opening_known"].all() else ("opening_unknown",)
    varying = [c for c in regressors if _varies(frame, f"{c}_before")]
    return LiquidityRows(frame, [f"{c}_before" for c in varying], dropped, flags)


def _varies(frame: pd.DataFrame, column: str) -> bool:
    away = frame[column] - frame[column].groupby(frame["symbol"]).transform("mean")
    return bool(away.abs().max() > 1e-12 * frame[column].abs().max()) if len(frame) else False


def _by_symbol(panel: pd.DataFrame, revenue: str | None, spread: str) -> pd.DataFrame:
    """A row a symbol and day: the accounts' inventories added, in millions of quote currency.

    One price a symbol, so that price moves do not enter inventory; units where there is none.
    """
    price = pd.Series(np.nan, index=panel.index)
    for column in ("mid", "trade_price"):
        if column in panel:
            price = price.fillna(panel[column].groupby(panel["symbol"]).transform("median"))
    if not price.notna().all():
        price = pd.Series(1.0, index=panel.index)
    rows = panel.assign(inventory=panel["inventory_end"] * price / _MILLION)
    keys = ["symbol", "day"]
    added = {"inventory": "inventory"} | ({"revenue": revenue} if revenue else {})
    grouped = rows.groupby(keys, sort=True)
    table = grouped[list(added.values())].sum(min_count=1)
    table.columns = list(added)
    whole = grouped[list(added.values())].count()
    table = table.where((whole == grouped.size().to_numpy()[:, None]).to_numpy())
    if revenue:
        table["revenue"] /= _MILLION
    table["inventory"] = table["inventory"].abs()
    table["spread"] = grouped[spread].first()
    table["gap"] = grouped["gap"].any()
    table["volatility"] = _first(grouped, "realized_variance", table.index) ** 0.5
    volume = _first(grouped, "market_volume", table.index)
    mean = volume.groupby("symbol").transform("mean")
    table["turnover"] = volume / mean.where(mean > 0)
    table["return"] = _first(grouped, "return_bps", table.index)
    return table.reset_index()


def _first(grouped: object, column: str, index: pd.Index) -> pd.Series:
    if column not in grouped.obj:
        return pd.Series(np.nan, index=index)
    return grouped[column].first().astype("float64")


def _lagged(table: pd.DataFrame, names: list[str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows with the regressors of the session before, of the same symbol and without a gap."""
    lag = table.groupby("symbol")[names].shift()
    follows = table.duplicated("symbol") & ~table["gap"]
    frame = table.join(lag.add_suffix("_before"))
    columns = [f"{name}_before" for name in names]
    whole = frame[columns].notna().all(axis=1)
    spread = frame["spread"].notna()
    dropped = {
        "without a session before": int((~follows).sum()),
        "without a spread": int((follows & ~spread).sum()),
        "without a regressor of the day before": int((follows & spread & ~whole).sum()),
    }
    kept = frame[follows & spread & whole].reset_index(drop=True)
    return kept, dropped
