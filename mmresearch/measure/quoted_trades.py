"""Public trades beside the quotes they met, and runs of prints that were one order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.session_days import standing_before, with_day

_ORDER = ["symbol", "time", "seq"]
_COLUMNS = ["symbol", "day", "time", "seq", "side", "price", "size", "bid", "ask"]


def quoted_trades(market: Market, *, symbol: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Every trade of a session with the best quotes just before it.

    Parameters
    ----------
    market : Market
        With trades; quotes or a book where there are any.
    symbol : str or list, optional
        Which; all if not given.

    Returns
    -------
    DataFrame
        symbol, day, time, seq, in that order; side (of the aggressor, missing: unknown), price,
        size; bid and ask of the last quote of the session with an earlier (time, seq), never one
        that the trade itself moved; missing where none is known. In a market without closes
        ("24/7") the last quote of the day before stands. attrs: "outside", how many trades
        no session holds.
    """
    trades = market["trades"]
    chosen = [symbol] if isinstance(symbol, str) else symbol
    if chosen is not None:
        lacking = sorted(set(chosen) - set(trades["symbol"]))
        if lacking:
            raise ValueError(f"no trade of the symbols {', '.join(lacking)}")
        trades = trades[trades["symbol"].isin(chosen)]
    rows = with_day(trades.sort_values(_ORDER, kind="stable", ignore_index=True), market)
    if "side" not in rows:
        rows["side"] = np.nan
    outside = int(rows["day"].isna().sum())
    rows = rows[rows["day"].notna()].reset_index(drop=True)
    rows = rows.assign(bid=np.nan, ask=np.nan)
    quotes = best_quotes(market)
    if quotes is not None and len(quotes):
        rows[["bid", "ask"]] = _before(rows, quotes, market)
    rows.attrs = {"outside": outside}
    return rows[_COLUMNS]


def _before(rows: pd.DataFrame, quotes: pd.DataFrame, market: Market) -> np.ndarray:
    """Bid and ask known before each row; missing where the last quote stood no longer."""
    row = standing_before(rows, quotes, market)
    then = quotes[["bid", "ask"]].to_numpy("float64")[np.maximum(row, 0)]
    return np.where((row >= 0)[:, None], then, np.nan)


def bunch_trades(trades: pd.DataFrame, *, within: str | None = None) -> pd.DataFrame:
    """Consecutive prints of one side, price and quote as one trade (Huang and Stoll 1997).

    An order that meets several resting ones prints several times. Of `quoted_trades` ordered by
    (symbol, time, seq); size is the sum, time and quote are the first print's. Prints without a
    side stay as they are, and so do those further than `within` ("1s") from the print before.
    """
    keys = ["symbol", "day", "side", "price"]
    same = (trades[keys] == trades[keys].shift()).all(axis=1)
    for name in ("bid", "ask"):
        before = trades[name].shift()
        same &= (trades[name] == before) | (trades[name].isna() & before.isna())
    if within is not None:
        same &= trades["time"].diff() <= pd.Timedelta(within)
    size = trades["size"].groupby((~same).cumsum()).sum()
    return trades[~same].assign(size=size.to_numpy()).reset_index(drop=True)
