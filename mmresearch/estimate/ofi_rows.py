"""Bars of order flow beside moves of the mid, the blocks they fall into, and a fit for each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.errors import regress
from mmresearch.estimate.panel_rows import drop_by_reason
from mmresearch.estimate.result import Sample
from mmresearch.market import Market
from mmresearch.measure.order_flow import order_flow_imbalance

FEWEST_BARS = 30  # of the sample, and of a block
FEWEST_MOVES = 5  # of bid and of ask, for a block's depth to be told
UNITS = {"ticks": "move_ticks", "bps": "return_bps"}
_DEPTH = ["bid_moves", "bid_moved", "ask_moves", "ask_moved"]
_KEY = ["symbol", "day", "bar"]
_FIT = ["slope", "std_error", "t", "p", "r2", "r2_trades", "r2_both", "why_not"]


class Rows(NamedTuple):
    """The bars that can be used, in order of time.

    frame: y (move of the mid), ofi, trades (signed volume, missing where there are none), day,
    block (number in its day), start, and what tells the depth. unit: of y.
    """

    frame: pd.DataFrame
    sample: Sample
    unit: str


def no_book(data: pd.DataFrame | Market) -> str:
    """Why a market has no order flow; empty where it has, or where a table is given."""
    known = not isinstance(data, Market) or "quotes" in data or "book" in data
    return "" if known else "the market has no quotes and no book"


def flow_table(
    data: pd.DataFrame | Market,
    symbol: str | None,
    numbers: list[str],
    *,
    freq: str,
    levels: int = 1,
) -> pd.DataFrame:
    """The bars of a market, or a table of them, checked; of one symbol if that is given."""
    if isinstance(data, Market):
        data = order_flow_imbalance(data, freq=freq, symbol=symbol, levels=levels)
    elif not isinstance(data, pd.DataFrame):
        kind = type(data).__name__
        raise TypeError(f"a Market or a table of `mm.order_flow_imbalance` is needed, not {kind}")
    lacking = [c for c in [*_KEY, "start", *numbers] if c not in data.columns]
    if lacking:
        raise ValueError(f"the table lacks the columns {', '.join(lacking)}")
    if symbol is not None:
        data = data[data["symbol"] == symbol]
    faults = []
    twice = int(data.duplicated(_KEY).sum())
    if twice:
        faults.append(f"{twice} bars stand twice (are two frequencies in it?)")
    for name in numbers:
        if not pd.api.types.is_numeric_dtype(data[name]):
            faults.append(f"{name} is not a number but {data[name].dtype}")
        elif np.isinf(data[name].to_numpy("float64")).any():
            faults.append(f"{name} is infinite in {int(np.isinf(data[name]).sum())} rows")
    if faults:
        raise ValueError("the table cannot be used: " + "; ".join(faults))
    return data.sort_values(["symbol", "day", "bar"], kind="stable", ignore_index=True)


def flow_rows(table: pd.DataFrame, *, flow: str, block: str, unit: str) -> Rows:
    """The bars of one symbol that can be used, each with its block."""
    many = table["symbol"].nunique()
    if many > 1:
        raise ValueError(f"{many} symbols: a slope is of one; choose symbol=")
    if unit == "auto":
        unit = "ticks" if table["move_ticks"].notna().any() else "bps"
    length = pd.Timedelta(block)
    if not length > pd.Timedelta(0):
        raise ValueError(f"block {block!r} is no stretch of time; give one such as '30min'")
    frame = pd.DataFrame(
        {
            "y": table[UNITS[unit]],
            "ofi": table[flow],
            "trades": table.get("trade_imbalance", pd.Series(np.nan, table.index)),
            "day": table["day"],
            "block": table["time_of_day"] // length.total_seconds(),
            "start": table["start"],
        }
    ).assign(**{name: table.get(name, np.nan) for name in _DEPTH})
    frame, dropped = drop_by_reason(
        frame,
        {
            "without a mid before and after": frame["y"].isna(),
            "without a flow": frame["ofi"].isna(),
            "without a time of day": frame["block"].isna(),
        },
    )
    sample = Sample(len(frame), dropped, frame["day"].nunique(), max(many, 1))
    return Rows(frame.reset_index(drop=True), sample, unit)


def cannot_tell(frame: pd.DataFrame) -> str:
    """Why these rows give no slope, or ""."""
    if len(frame) < FEWEST_BARS:
        return f"{len(frame)} bars with a flow and a mid before and after; {FEWEST_BARS} are needed"
    if np.ptp(frame["ofi"].to_numpy()) == 0:
        return "the flow has no variance"
    if np.ptp(frame["y"].to_numpy()) == 0:
        return "the mid never changes"
    return ""


def block_fits(frame: pd.DataFrame, *, errors: str) -> pd.DataFrame:
    """A row a block: its slope with error, R2 by flow, by trades and by both, and its depth."""
    rows = []
    for (day, number), part in frame.groupby(["day", "block"], sort=True):
        about = {"day": day, "block": int(number), "start": part["start"].iloc[0]}
        rows.append(about | {"bars": len(part)} | _fit(part, errors) | {"depth": _depth(part)})
    columns = ["day", "block", "start", "bars", *_FIT, "depth"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(slope_times_two_depths=2 * table["depth"] * table["slope"])


def flow_bins(frame: pd.DataFrame, many: int = 20) -> pd.DataFrame:
    """Mean flow and move of bins of equally many bars by flow, and their bars."""
    place = frame["ofi"].rank(method="first") - 1
    part = frame[["ofi", "y"]].rename(columns={"y": "move"}).groupby(place * many // len(frame))
    return part.mean().assign(bars=part.size()).reset_index(drop=True)


def with_constant(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The regressors, a constant before them."""
    return frame[list(columns)].assign(const=1.0)[["const", *columns]]


def has_trades(frame: pd.DataFrame) -> bool:
    """Whether signed volume is known in every bar and not the same in all."""
    return bool(frame["trades"].notna().all() and np.ptp(frame["trades"].to_numpy()) > 0)


def _fit(part: pd.DataFrame, errors: str) -> dict[str, object]:
    why = cannot_tell(part)
    if why:
        return dict.fromkeys(_FIT[:-1], np.nan) | {"why_not": why}
    found = regress(part["y"], with_constant(part, "ofi"), part["day"], errors=errors)
    told = found.table.loc[1, ["estimate", "std_error", "t", "p"]].tolist()
    r2 = [found.fit.rsquared, np.nan, np.nan]
    if has_trades(part):
        r2[1:] = (_r2(part, "trades"), _r2(part, "ofi", "trades"))
    return dict(zip(_FIT, [*told, *r2, ""], strict=True))


def _r2(part: pd.DataFrame, *columns: str) -> float:
    x, y = with_constant(part, *columns).to_numpy(), part["y"].to_numpy()
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return 1 - (left @ left) / ((y - y.mean()) ** 2).sum()


def _depth(part: pd.DataFrame) -> float:
    """Mean size of a whole level: of those that the prices reached falling back, or left."""
    sides = []
    for side in ("bid", "ask"):
        moves = part[f"{side}_moves"].fillna(0)
        if moves.sum() < FEWEST_MOVES:
            return np.nan
        sides.append((part[f"{side}_moved"] * moves).sum() / moves.sum())
    return float(np.mean(sides))
