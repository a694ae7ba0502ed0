"""The plain pandas way, as one would write it in a notebook: no checks, no receipt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

MESSAGE = ["time", "type", "order_id", "size", "price", "direction"]
BOOK = ["ask", "ask_size", "bid", "bid_size"]
EVENTS = {1: "add", 2: "reduce", 3: "delete", 4: "fill", 5: "hidden_fill", 6: "cross", 7: "halt"}
DAY = pd.Timestamp("2012-06-21", tz="America/New_York")


def tables(message: Path, orderbook: Path) -> dict[str, pd.DataFrame]:
    """Orders, trades and quotes of one day, with the columns that `mm.load.lobster` gives."""
    m = pd.read_csv(message, header=None, names=MESSAGE)
    b = pd.read_csv(orderbook, header=None, names=BOOK)
    nanoseconds = (m["time"] * 1e9).round().astype("int64")
    m["time"] = DAY.tz_convert("UTC").as_unit("ns") + pd.to_timedelta(nanoseconds, unit="ns")
    m["seq"] = np.arange(1, len(m) + 1)
    m["symbol"] = Path(message).name.partition("_")[0]
    m["event"] = m["type"].map(EVENTS)
    m["price"] = m["price"] / 1e4
    m["size"] = m["size"].astype("float64")
    m["side"] = m["direction"].astype("float64")
    m["order_id"] = m["order_id"].astype("str")
    names = ["time", "seq", "symbol", "order_id", "event", "side", "price", "size"]
    trades = m.loc[m["type"].isin([4, 5]), ["time", "seq", "symbol", "price", "size", "side"]]
    quotes = m[["time", "seq", "symbol"]].assign(
        bid=b["bid"] / 1e4,
        ask=b["ask"] / 1e4,
        bid_size=b["bid_size"].astype("float64"),
        ask_size=b["ask_size"].astype("float64"),
    )
    changed = (b != b.shift()).any(axis=1)
    return {
        "orders": m[names],
        "trades": trades.assign(side=-trades["side"]).reset_index(drop=True),
        "quotes": quotes[changed].reset_index(drop=True),
    }


def panel(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Flow, mid and return of the other side of every aggressor, minute by minute."""
    opens, closes = DAY + pd.Timedelta("9h30min"), DAY + pd.Timedelta("16h")
    trades, quotes = (_minutes(found[name], opens, closes) for name in ("trades", "quotes"))
    bars = pd.RangeIndex((closes - opens) // pd.Timedelta("1min"), name="bar")
    trades["flow"] = -trades["side"] * trades["size"]
    quotes["mid"] = (quotes["bid"] + quotes["ask"]) / 2
    flow = trades.groupby("bar")["flow"].sum().reindex(bars, fill_value=0.0)
    mid = quotes.groupby("bar")["mid"].last().reindex(bars).ffill()
    before = mid.shift().fillna(quotes["mid"].iloc[0])
    returns = 1e4 * np.log(mid / before)
    table = {"flow": flow, "inventory_end": flow.cumsum(), "mid": mid, "return_bps": returns}
    return pd.DataFrame(table).reset_index()


def _minutes(table: pd.DataFrame, opens: pd.Timestamp, closes: pd.Timestamp) -> pd.DataFrame:
    """The session's rows with the minute that each belongs to, (start, end]."""
    inside = table[(table["time"] >= opens) & (table["time"] <= closes)]
    since = (inside["time"] - opens) / pd.Timedelta("1min")
    return inside.assign(bar=np.maximum(np.ceil(since) - 1, 0).astype("int64"))
