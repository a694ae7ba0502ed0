"""Order events written by hand."""

from __future__ import annotations

import pandas as pd

import mmresearch as mm

OPEN = pd.Timestamp("2024-01-02 10:00", tz="UTC")
COLUMNS = ["at", "order_id", "event", "side", "price", "size"]
HOURS = "10:00-10:10 UTC"


def orders(*rows: tuple, symbol: str = "X", open_: pd.Timestamp = OPEN) -> pd.DataFrame:
    """Rows of seconds from the opening, id, event, side, price, size; seq is the row's number."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["time"] = open_ + pd.to_timedelta(table.pop("at"), unit="s")
    return table.assign(symbol=symbol, seq=range(1, len(table) + 1))


def quotes(*rows: tuple, symbol: str = "X", open_: pd.Timestamp = OPEN) -> pd.DataFrame:
    """Rows of seconds from the opening, seq, bid, ask."""
    table = pd.DataFrame(rows, columns=["at", "seq", "bid", "ask"])
    table["time"] = open_ + pd.to_timedelta(table.pop("at"), unit="s")
    return table.assign(symbol=symbol, bid_size=5.0, ask_size=5.0)


def market(*rows: tuple, quoted: pd.DataFrame | None = None, **tables: pd.DataFrame) -> mm.Market:
    """A market of these events, and of quotes 99 to 101 from the opening to its close."""
    quoted = quotes((0, 0, 99.0, 101.0), (600, 0, 99.0, 101.0)) if quoted is None else quoted
    about = pd.DataFrame({"symbol": ["X"], "tick": [0.5]})
    given = {"orders": orders(*rows), "quotes": quoted} | tables
    return mm.Market(symbols=about, calendar=HOURS, **given)
