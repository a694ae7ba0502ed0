"""Trades with the two before them: changes of mid and price, sides times half the spread."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import drop_by_reason
from mmresearch.estimate.result import Sample
from mmresearch.measure.quoted_trades import bunch_trades

ON = ("quotes", "prices", "traded")
_DAY = ["symbol", "day"]


class Rows(NamedTuple):
    """A row a trade with two of its day before it, ordered by symbol and time.

    frame: y (what is explained), x1 and x2 (S/2 Q of the trade before and of that before it), side,
    side_1, side_2, day, symbol; with on="traded" x0 to x2 are the sides alone. In multiples of the
    symbol's mean `scale` (currency a unit). With on="prices" also mid_change, the mid's own y.
    """

    frame: pd.DataFrame
    sample: Sample
    scale: float


def component_rows(
    trades: pd.DataFrame, *, on: str, bunch: bool, within: str | None = None
) -> Rows:
    """Rows of the model's equation; the first two trades of each day only stand before others."""
    many = trades["symbol"].nunique()
    if on == "traded" and many > 1:
        raise ValueError(f"{many} symbols: a spread that trades tell is of one; choose symbol=")
    count = len(trades)
    trades = bunch_trades(trades, within=within) if bunch else trades
    rows = _lagged(trades, on)
    drawn_from = [c for c in ("y", "x1", "x2") if c in rows]
    lags = rows[["side", "side_1", "side_2"]]
    if on == "quotes":
        lags = lags[["side_1", "side_2"]]
    frame, dropped = drop_by_reason(
        rows,
        {
            "first two of a day": rows["place"] < 2,
            "of unknown side, here or in the two before": lags.isna().any(axis=1),
            "without quotes, here or in the two before": rows[drawn_from].isna().any(axis=1),
            "locked or crossed quotes, here or in the two before": rows["crossed"],
        },
    )
    dropped = {"of one order with the trade before": count - len(trades)} | dropped
    scale = frame.groupby("symbol")["spread"].transform("mean")
    if on == "traded":
        scale = pd.Series(1.0, frame.index)
    numbers = [c for c in ("y", "x1", "x2", "mid_change") if on != "traded" and c in frame]
    frame = frame.assign(**{c: frame[c] / scale for c in numbers})
    sample = Sample(len(frame), dropped, frame["day"].nunique(), max(frame["symbol"].nunique(), 1))
    return Rows(frame.reset_index(drop=True), sample, float(scale.mean()) if len(scale) else np.nan)


def _lagged(trades: pd.DataFrame, on: str) -> pd.DataFrame:
    spread = trades["ask"] - trades["bid"]
    rows = trades[[*_DAY, "side", "price"]].assign(
        mid=(trades["ask"] + trades["bid"]) / 2, spread=spread, half=trades["side"] * spread / 2
    )
    by_day = rows.groupby(_DAY, sort=False)
    lags = {f"side_{k}": by_day["side"].shift(k) for k in (1, 2)}
    rows = rows.assign(place=by_day.cumcount(), crossed=False, **lags)
    if on == "traded":
        return rows.assign(y=by_day["price"].diff())
    low = (spread <= 0).astype("float64").groupby([rows[c] for c in _DAY])
    rows["crossed"] = (low.shift(0) + low.shift(1).fillna(0) + low.shift(2).fillna(0)) > 0
    rows["x1"], rows["x2"] = (by_day["half"].shift(k) for k in (1, 2))
    if on == "quotes":
        return rows.assign(y=by_day["mid"].diff())
    # the price's own half spread is known, so that what is left has the mid's equation
    y = by_day["price"].diff() - by_day["half"].diff()
    return rows.assign(y=y, mid_change=by_day["mid"].diff())
