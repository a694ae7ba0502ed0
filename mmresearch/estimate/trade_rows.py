"""The trades that trade-by-trade estimates read: of a market or a table, in order, checked once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.quoted_trades import quoted_trades

_NUMBERS = ["side", "price", "size", "bid", "ask"]
_NEEDED = ["symbol", "day", "time", "seq", *_NUMBERS]


def trade_table(trades: pd.DataFrame | Market, symbol: object) -> pd.DataFrame:
    """The trades of a market or a table as `mm.quoted_trades` makes it, in order; or the faults."""
    if isinstance(trades, Market):
        trades = quoted_trades(trades, symbol=symbol)
    elif not isinstance(trades, pd.DataFrame):
        kind = type(trades).__name__
        raise TypeError(f"trades is a Market, or a DataFrame of `mm.quoted_trades`, not {kind}")
    lacking = [c for c in _NEEDED if c not in trades.columns]
    if lacking:
        raise ValueError(
            f"the trades lack the columns {', '.join(lacking)}; `mm.quoted_trades` makes them"
        )
    if symbol is not None:
        trades = trades[trades["symbol"].isin([symbol] if isinstance(symbol, str) else symbol)]
    _refuse(trades)
    return trades.sort_values(["symbol", "time", "seq"], kind="stable", ignore_index=True)


def _refuse(trades: pd.DataFrame) -> None:
    """One error that names every fault of the values."""
    faults = []
    for name in _NUMBERS:
        values = pd.to_numeric(trades[name], errors="coerce").to_numpy("float64")
        text = int(np.count_nonzero(np.isnan(values) & trades[name].notna().to_numpy()))
        if text:
            faults.append(f"{name} is not a number in {text} rows")
        if np.isinf(values).any():
            faults.append(f"{name} is infinite in {int(np.isinf(values).sum())} rows")
    if not faults:
        wrong = int((~trades["side"].isin([1, -1]) & trades["side"].notna()).sum())
        low = int((trades["price"] <= 0).sum())
        faults += [f"side is neither +1, -1 nor missing in {wrong} rows"] if wrong else []
        faults += [f"price is not above 0 in {low} rows"] if low else []
    twice = int(trades.duplicated(["symbol", "time", "seq"]).sum())
    if twice:
        faults.append(f"{twice} trades stand twice: same symbol, time and seq")
    if faults:
        raise ValueError("the trades cannot be used: " + "; ".join(faults))
