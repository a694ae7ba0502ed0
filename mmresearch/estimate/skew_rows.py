"""Quotes beside the inventory they were made with, bar by bar, and which quotes those are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import KEY, drop_by_reason, refuse_panel

QUOTES = ("auto", "own", "market", "pool")
FAIR = {"mid": "mid", "weighted_mid": "microprice"}  # and their columns of the panel
MEASURES = {"units": "unit", "currency": "unit of currency", "sd": "sd"}  # -> one of them
ByName = float | Mapping[str, float]
_SERIES = ["account", "symbol"]
_OWN = ["own_bid", "own_ask"]
_USED = ["inventory_start", "inventory_end", "flow", "trade_flow", "mid", "mid_start", "microprice"]
_USED += [*_OWN, "own_bid_size", "own_ask_size", "trade_return_bps", "return_bps", "spread_bps"]
_USED += ["realized_variance", "time_of_day", "participation", "trade_price"]
_PAST_BARS = 12
_WAVES = 3
_TOP = 0.9
_ONE_SIDED = 0.1
_WHOLE = 0.99
_NO_LEVEL = "measure='currency' needs the level of inventory, of which only changes are known"
_ONE_PRICE = "a pool has one price, a function of what it holds"
_NO_SIDES = "only the market's quotes are known, not the account's own"
_BAR_A_SESSION = (
    "one bar a session: nothing inside a session is left, and from session to session inventory and"
    " quotes may drift together; make the panel with a shorter freq"
)


class SkewRows(NamedTuple):
    """A row a bar that can be used, in order of series and time.

    frame: series (a number), account, symbol, day, bar; inventory (as measured; of a pool: flow),
    held (|inventory|), beyond (what passes the top decile, signed), limit; the past ("inventory_1",
    "lean_2") and changes ("moved_0"); the outcomes lean (of the mid), bid, ask, spread, in `unit`,
    and size (share). kind: own, market or pool. controls: the columns that hold them. lacking:
    outcome -> why it is not there. reason: why nothing can be told, or "".
    """

    frame: pd.DataFrame
    kind: str
    unit: str
    controls: list[str]
    dropped: dict[str, int]
    flags: tuple[str, ...]
    lacking: dict[str, str]
    reason: str


def skew_rows(
    panel: pd.DataFrame,
    *,
    quotes: str,
    fair: str,
    tick: ByName | None,
    limit: ByName | None,
    lags: int,
    controls: bool,
    measure: str = "units",
) -> SkewRows:
    """The usable bars with outcomes, inventory, its past, and controls known at the bar's start."""
    refuse_panel(panel, ["inventory_end"], ["inventory_start"])
    refuse_panel(panel, [c for c in _USED if c in panel])
    full = panel.sort_values(KEY, kind="stable", ignore_index=True)
    full = full.reindex(columns=[*full.columns, *[c for c in _USED if c not in full]])
    full["series"] = full.groupby(_SERIES, sort=False).ngroup()
    kind = _kind(full) if quotes == "auto" else quotes
    ticks = by_name(tick, full["symbol"], "tick", panel.attrs.get("ticks") or {})
    in_ticks = kind != "pool" and len(full) and bool(ticks.notna().all())
    unit = "ticks" if in_ticks else "bps"
    fair = FAIR[fair]
    full, lacking = _outcomes(full, kind, full[fair], ticks if in_ticks else full[fair] / 1e4)
    full = _measured(full, measure, full["trade_price" if kind == "pool" else fair])
    full["limit"] = by_name(limit, full["account"], "limit")
    full = _with_size(full, kind, panel)
    reasons = _set_aside(full, kind, full[fair])
    frame, dropped = drop_by_reason(_with_past(full, reasons, lags), reasons)
    frame, still = drop_by_reason(frame, {"inventory never changes": _still(frame)})
    frame = frame.reset_index(drop=True)
    flags = _flags(panel, frame, kind, ticks, dropped)
    reason = _nothing(full, frame, kind, dropped | still)
    if measure == "currency" and kind != "pool" and not reason and _opening_unknown(panel):
        reason = _NO_LEVEL
    names = _with_controls(frame) if controls and not reason else []
    return SkewRows(frame, kind, unit, names, dropped | still, flags, lacking, reason)


def by_name(
    given: ByName | None, names: pd.Series, what: str, else_: Mapping[str, float] | None = None
) -> pd.Series:
    """The value of each row's name; missing where none is given."""
    if given is None:
        given = else_ or {}
    known = given.values() if isinstance(given, Mapping) else [given]
    wrong = [
        v for v in known if not isinstance(v, (int, float, np.number)) or v <= 0 or v == np.inf
    ]
    if wrong:
        raise ValueError(f"{what} must be above 0, not {wrong[0]!r}")
    found = names.map(dict(given)) if isinstance(given, Mapping) else given
    return pd.Series(found, index=names.index, dtype="float64")


def _kind(full: pd.DataFrame) -> str:
    """Own quotes where there are any, else the market's, else the price of a pool."""
    if full[_OWN].notna().all(axis=1).any():
        return "own"
    if (full["mid"].notna() & full["microprice"].notna()).any():
        return "market"
    # every print is the account's own: there is no other maker
    part = full["participation"].dropna()
    named = full["account"].eq("aggregate maker").any()
    return "pool" if len(part) and not named and (part > _WHOLE).all() else "own"


def _outcomes(
    full: pd.DataFrame, kind: str, fair: pd.Series, unit: pd.Series
) -> tuple[pd.DataFrame, dict[str, str]]:
    """lean, bid, ask, spread and size of this kind of quotes, and why some are not there."""
    full[["lean", "bid", "ask", "spread", "size"]] = np.nan
    inventory = full["inventory_end"]
    if kind == "own":
        bid, ask = full["own_bid"], full["own_ask"]
        full["lean"] = ((bid + ask) / 2 - fair) / unit
        full["bid"], full["ask"] = (fair - bid) / unit, (ask - fair) / unit
        full["spread"] = (ask - bid) / unit
        more, less = full["own_ask_size"], full["own_bid_size"]
        full["size"] = (more - less) / (more + less).where(more + less > 0)
        lacking = {} if full["size"].notna().any() else {"size": "the sizes quoted are not known"}
        held = inventory
    elif kind == "market":
        full["lean"] = (full["mid"] - full["microprice"]) / unit
        full["spread"] = full["spread_bps"] * full["mid"] / 1e4 / unit
        lacking = dict.fromkeys(["bid", "ask", "asymmetry"], _NO_SIDES)
        lacking["size"] = f"{_NO_SIDES}; the skew is the lean of the sizes"
        if full["spread"].isna().all():
            lacking["spread"] = "the panel has no spread"
        held = full["inventory_start"]  # the spread is the mean over the bar
    else:
        paid = "trade_return_bps" if full["trade_return_bps"].notna().any() else "return_bps"
        # what liquidity providers bring or take moves no price
        flow = "trade_flow" if full["trade_flow"].notna().any() else "flow"
        full["lean"] = full[paid]
        inventory = full[flow].where(full["inventory_end"].notna())
        others = ["bid", "ask", "asymmetry", "size", "spread", "extremes", "response", "long_run"]
        lacking, held = dict.fromkeys(others, _ONE_PRICE), inventory
    return full.assign(inventory=inventory, level=held), lacking


def _measured(full: pd.DataFrame, measure: str, price: pd.Series) -> pd.DataFrame:
    """Inventory in units as it is, in currency, or in each series' standard deviations."""
    if measure == "units":
        return full
    factor = price
    if measure == "sd":
        spread = full["inventory"].groupby(full["series"]).transform("std")
        factor = 1 / spread.where(spread > 0, 1.0)
    return full.assign(inventory=full["inventory"] * factor, level=full["level"] * factor)


def _with_size(full: pd.DataFrame, kind: str, panel: pd.DataFrame) -> pd.DataFrame:
    """|inventory|, and what passes its top decile; from the median where 0 is not known."""
    by = full["series"]
    zero = 0.0
    if kind != "pool" and _opening_unknown(panel):
        zero = full["inventory"].groupby(by).transform("median")
    away = full["inventory"] - zero
    top = away.abs().groupby(by).transform(lambda v: v.quantile(_TOP))
    beyond = np.sign(away) * (away.abs() - top).clip(lower=0)
    return full.assign(held=(full["level"] - zero).abs(), beyond=beyond)


def _opening_unknown(panel: pd.DataFrame) -> bool:
    return "opening_known" in panel and not bool(panel["opening_known"].all())


def _set_aside(full: pd.DataFrame, kind: str, fair: pd.Series) -> dict[str, pd.Series]:
    """Reason -> rows that cannot be used; a row counts for its first one."""
    no_inventory = full["inventory"].isna()
    if kind == "market":
        return {
            "without the market's quotes": full["lean"].isna(),
            "without inventory": no_inventory,
        }
    if kind == "pool":
        return {"without a change of price": full["lean"].isna(), "without flow": no_inventory}
    missing = full[_OWN].isna()
    return {
        "without own quotes": missing.all(axis=1),
        "with one side only": missing.any(axis=1),
        "without a fair price": fair.isna() | ~(fair > 0),
        "own quotes crossed": full["own_ask"] < full["own_bid"],
        "quote wider than the session's range": _too_wide(full),
        "without inventory": no_inventory,
    }


def _too_wide(full: pd.DataFrame) -> pd.Series:
    """Own spread above the session's range of prices: highest less lowest mid, and the spread."""
    both = full.assign(
        high=full[["mid", "mid_start"]].max(axis=1),
        low=full[["mid", "mid_start"]].min(axis=1),
        market=(full["spread_bps"] * full["mid"] / 1e4).clip(lower=0),
    ).groupby(["symbol", "day"])
    span = both["high"].transform("max") - both["low"].transform("min")
    reach = span + both["market"].transform("mean").fillna(0.0)
    # a price that never moves has no range to be wider than
    return (
        (full["own_ask"] - full["own_bid"] > reach)
        & (span > 0)
        & (both["mid"].transform("size") > 1)
    )


def _with_past(full: pd.DataFrame, reasons: dict[str, pd.Series], lags: int) -> pd.DataFrame:
    """Past quotes and inventory of the same session, of the bars right before where usable."""
    bad = pd.concat(reasons, axis=1).any(axis=1)
    levels = full["inventory"]
    paths = {"inventory": (levels, max(lags, 2)), "lean": (full["lean"].mask(bad), 2)}
    keys = [full["series"], full["day"]]
    for name, (values, many) in paths.items():
        for lag in range(1, many + 1):
            whole = full["bar"] - full["bar"].groupby(keys).shift(lag) == lag
            full[f"{name}_{lag}"] = values.groupby(keys).shift(lag).where(whole)
    full["inventory_0"] = levels
    for lag in range(max(lags, 2)):
        full[f"moved_{lag}"] = full[f"inventory_{lag}"] - full[f"inventory_{lag + 1}"]
    variance = full["realized_variance"].groupby(keys).shift()
    ahead = variance.groupby(keys).rolling(_PAST_BARS, min_periods=1).mean()
    return full.assign(past_volatility=np.sqrt(ahead.droplevel([0, 1])))


def _still(frame: pd.DataFrame) -> pd.Series:
    keys = frame["series"]
    spread = frame["inventory"].groupby(keys).transform(lambda v: v.max() - v.min())
    return ~(spread > 1e-12 * frame["inventory"].abs().groupby(keys).transform("max"))


def _with_controls(frame: pd.DataFrame) -> list[str]:
    """Adds past volatility and three waves over the session; a series' first bars get its mean."""
    names = []
    volatility = frame["past_volatility"]
    mean = volatility.groupby(frame["series"]).transform("mean")
    volatility = volatility.fillna(mean).fillna(0.0)
    if volatility.max() > volatility.min():
        frame["volatility"] = volatility
        names.append("volatility")
    time = frame["time_of_day"]
    if time.notna().all() and time.max() > time.min():
        # cosines over half periods: the open need not look like the close (Gallant 1981)
        for wave in range(1, _WAVES + 1):
            frame[f"time_{wave}"] = np.cos(np.pi * wave * time / time.max())
            names.append(f"time_{wave}")
    return names


def _flags(
    panel: pd.DataFrame,
    frame: pd.DataFrame,
    kind: str,
    ticks: pd.Series,
    dropped: dict[str, int],
) -> tuple[str, ...]:
    two_sided = max(len(frame), 1)
    raised = {
        "lean_of_the_markets_sizes": kind == "market",
        "pool_price_is_mechanical": kind == "pool",
        "inventory_is_market_flow": panel["account"].eq("aggregate maker").any(),
        "opening_unknown": kind != "pool" and _opening_unknown(panel),
        "tick_unknown": kind != "pool" and not ticks.notna().all(),
        "own_mid_is_the_fair_price": kind == "own" and (frame["lean"] == 0).mean() > 0.5,
        "often_one_sided": dropped.get("with one side only", 0) > _ONE_SIDED * two_sided,
    }
    return tuple(name for name, on in raised.items() if on)


def _nothing(full: pd.DataFrame, frame: pd.DataFrame, kind: str, dropped: dict[str, int]) -> str:
    """Why there is no row left, or none that may be used."""
    if len(frame) and kind != "pool" and (full["bar"] == 0).all():
        return _BAR_A_SESSION
    if len(frame):
        return ""
    if dropped["inventory never changes"]:
        return "inventory never changes"
    worst = max(dropped, key=dropped.get)
    said = {"own": "own quotes, nor of the market's with sizes", "market": "the market's quotes"}
    if kind == "pool":
        return "no bar has a change of price and flow"
    if not dropped[worst] or worst.startswith("without own") or worst.startswith("without the m"):
        return f"no quotes: no bar has {said[kind]}"
    return f"no bar is left: {dropped[worst]} {worst}"
