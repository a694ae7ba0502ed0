"""Price changes from trade to trade with the sides of both: what models of the tape read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import drop_by_reason
from mmresearch.estimate.result import Sample
from mmresearch.market import Market
from mmresearch.measure.quoted_trades import bunch_trades
from mmresearch.measure.signs import against_mid

UNITS = ("currency", "bps")
ZERO = ("unsigned", "mid", "none")
_DAY = ["symbol", "day"]


class Rows(NamedTuple):
    """A row a trade with one of its day before it, ordered by symbol and time.

    frame: y (the price's change, in the unit), x and x_1 (side of this trade and of the one
    before: +1, -1, 0 crossed), price, price_1, size, size_1, day, symbol, hour, follows (the row
    before is the trade before).
    """

    frame: pd.DataFrame
    sample: Sample
    flags: tuple[str, ...]


def tape_rows(
    trades: pd.DataFrame,
    *,
    unit: str = "currency",
    zero: str = "none",
    bunch: bool = True,
    within: str | None = "1s",
    sided: bool = True,
) -> Rows:
    """Rows of trades that `trade_table` checked; the first trade of each day stands before others.

    Parameters
    ----------
    unit : str
        Of the change: "currency" (of one symbol only) or "bps", 1e4 times that of the log.
    zero : str
        Which trades at the mid of the quotes before them have side 0: "unsigned", those of unknown
        side; "mid", all; "none".
    bunch, within
        As in `spread_components`.
    sided : bool
        Whether a row needs the sides of both its trades.
    """
    many = trades["symbol"].nunique()
    if unit == "currency" and many > 1:
        raise ValueError(
            f"{many} symbols: currencies a unit of several cannot be pooled; choose symbol=, or "
            "unit='bps'"
        )
    count = len(trades)
    trades = bunch_trades(trades, within=within) if bunch else trades
    rows = _changes(trades, unit, zero)
    reasons = {"first of a day": rows["place"] < 1, "without a price": rows["y"].isna()}
    if sided:
        reasons["of unknown side, here or before"] = rows[["x", "x_1"]].isna().any(axis=1)
    frame, dropped = drop_by_reason(rows, reasons)
    before = frame[[*_DAY, "place"]].shift()
    same = (frame[_DAY] == before[_DAY]).all(axis=1)
    frame = frame.assign(follows=same & (frame["place"] == before["place"] + 1))
    dropped = {"of one order with the trade before": count - len(trades)} | dropped
    sample = Sample(len(frame), dropped, frame["day"].nunique(), max(frame["symbol"].nunique(), 1))
    return Rows(frame.reset_index(drop=True), sample, ())


def _changes(trades: pd.DataFrame, unit: str, zero: str) -> pd.DataFrame:
    price = trades["price"].astype("float64")
    level = price if unit == "currency" else 1e4 * np.log(price)
    kept = [*_DAY, "time", "price", "size", *(["hour"] if "hour" in trades else [])]
    rows = trades[kept].assign(level=level, x=_coded(trades, zero))
    by_day = rows.groupby(_DAY, sort=False)
    return rows.assign(
        place=by_day.cumcount(),
        y=by_day["level"].diff(),
        x_1=by_day["x"].shift(),
        price_1=by_day["price"].shift(),
        size_1=by_day["size"].shift(),
    )


def _coded(trades: pd.DataFrame, zero: str) -> pd.Series:
    """The sides with 0 for trades at the mid, as `zero` says."""
    side = trades["side"].astype("float64")
    if zero == "none":
        return side
    mid = ((trades["bid"] + trades["ask"]) / 2).to_numpy("float64")
    on_it = ~np.isnan(mid) & np.isnan(against_mid(trades["price"].to_numpy("float64"), mid))
    return side.mask(on_it & side.isna() if zero == "unsigned" else on_it, 0.0)


def with_hour(trades: pd.DataFrame | Market, table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The table with `hour`, and what it counts: hours since the session's open, or of the UTC day.

    A table alone does not know when its sessions opened; nor has a session without clock an hour.
    """
    if not isinstance(trades, Market):
        return table.assign(hour=table["time"].dt.hour), "hour (UTC)"
    since = pd.Series(np.nan, index=table.index)
    for symbol, rows in table.groupby("symbol"):
        opens = trades.sessions(symbol).set_index("day")["open"]
        passed = rows["time"] - pd.to_datetime(rows["day"].map(opens), utc=True)
        since[rows.index] = passed / pd.Timedelta("1h") // 1
    return table.assign(hour=since), "hour of the session"


def cannot_tell(frame: pd.DataFrame, fewest: int, *, sided: bool = True) -> str:
    """Why these rows tell nothing of prices and sides, or an empty text."""
    what = "trades with side, as the one of their day before them" if sided else "price changes"
    if len(frame) < fewest:
        return f"{len(frame)} {what}, where {fewest} are needed"
    if sided and frame["x"].nunique() < 2:
        return "every trade is on one side"
    if np.ptp(frame["y"].to_numpy()) == 0:
        return "prices never change"
    return ""
