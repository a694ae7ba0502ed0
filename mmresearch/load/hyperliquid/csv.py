"""Hyperliquid's fills as the 16-column CSV export that circulates: its clock, what it lost.

Header: Account,Coin,Execution Price,Size Tokens,Size USD,Side,Timestamp IST,Start Position,
Direction,Closed PnL,Transaction Hash,Order ID,Crossed,Fee,Trade ID,Timestamp. Times are Indian
clocks to the minute (dd-mm-yyyy hh:mm); `Timestamp` and `Trade ID` mostly went through a
spreadsheet that rounded them (1.73E+12, 8.95E+14).
"""

from __future__ import annotations

import polars as pl

from mmresearch.load import text
from mmresearch.load.fills_export import records as fills_records
from mmresearch.receipt import SourceError

_WANTED = {
    "Account": "text",
    "Coin": "text",
    "Execution Price": "float",
    "Size Tokens": "float",
    "Side": "text",
    "Timestamp IST": "text",
    "Start Position": "float",
    "Direction": "text",
    "Crossed": "text",
    "Fee": "float",
}
_OPTIONAL = {"Closed PnL": "float?", "Transaction Hash": "text?", "Order ID": "text?"}
_OPTIONAL |= {"Trade ID": "text?", "Timestamp": "text?"}
_OURS = {"Account": "account", "Coin": "coin", "Execution Price": "price", "Size Tokens": "size"}
_OURS |= {"Start Position": "start", "Direction": "direction", "Fee": "fee_amount"}
_OURS |= {"Closed PnL": "closed_pnl", "Transaction Hash": "hash", "Order ID": "order_id"}
_OURS |= {"Trade ID": "trade_id"}
_SIDES = {"BUY": 1.0, "SELL": -1.0}
_FLAGS = {"true": True, "false": False}
_CLOCK = "%d-%m-%Y %H:%M"
_ZONE = "Asia/Kolkata"
_DOLLAR = "USDC"  # in which values are; a buyer of a pair pays its fee in what it buys
_MINUTE = 60 * 10**9


def is_export(read: text.Text) -> bool:
    """Whether a file is a CSV export: JSON begins with a bracket or a brace."""
    return not read.data.lstrip().startswith((b"{", b"["))


def read_export(source: str, read: text.Text) -> tuple[pl.DataFrame, list[str]]:
    """Its fills with `line`, in the file's order, and what was understood and lost.

    Raises
    ------
    SourceError
        Naming every line that is wrong.
    """
    frame = text.read_columns(read, _WANTED, optional=_OPTIONAL)
    if isinstance(frame, list):
        raise SourceError(source, frame)
    frame = frame.with_columns(clock=_clock(frame["Timestamp IST"]))
    faults = text.rule_faults(read, frame, _rules(), header=True)
    if faults:
        raise SourceError(source, faults)
    exact = _milliseconds(frame)
    columns = {ours: pl.col(theirs) for theirs, ours in _OURS.items() if theirs in frame.columns}
    rows = frame.with_columns(line=pl.int_range(2, frame.height + 2)).select(
        "line",
        **columns,
        time=frame["clock"] if exact is None else exact,
        side=pl.col("Side").str.to_uppercase().replace_strict(_SIDES, default=None),
        crossed=pl.col("Crossed").str.to_lowercase().replace_strict(_FLAGS, default=None),
        fee_asset=pl.when(~(pl.col("Side").str.to_uppercase() == "BUY")).then(pl.lit(_DOLLAR)),
    )
    return _with_whole_numbers(rows, read.name, exact is None)


def _with_whole_numbers(
    rows: pl.DataFrame, name: str, minutes: bool
) -> tuple[pl.DataFrame, list[str]]:
    """The rows without the trade numbers that were rounded (8.95E+14), and notes."""
    notes = []
    if minutes:
        notes.append(f"{name}: times are Indian clocks to the minute, turned into UTC")
    if "trade_id" in rows.columns:
        whole = pl.col("trade_id").str.contains(r"^\d+$")
        lost = rows.select((~whole).sum()).item()
        rows = rows.with_columns(trade_id=pl.when(whole).then("trade_id"))
        notes += [f"{name}: {lost:,} rounded trade numbers are left out"] if lost else []
    return rows, notes


def _clock(said: pl.Series) -> pl.Series:
    """Indian clocks as nanoseconds since 1970, UTC; missing where they are none."""
    clock = said.str.strip_chars().str.to_datetime(_CLOCK, time_unit="ns", strict=False)
    utc = clock.dt.replace_time_zone(_ZONE).dt.convert_time_zone("UTC").cast(pl.Int64)
    return utc.set(~utc.is_between(*fills_records.YEARS, closed="left").fill_null(True), None)


def _rules() -> list[tuple[str, pl.Expr, str]]:
    sides = ~pl.col("Side").str.to_uppercase().is_in(list(_SIDES))
    return [
        ("Execution Price", pl.col("Execution Price") < 0, "a price of 0 or more"),
        ("Size Tokens", pl.col("Size Tokens") <= 0, "a size above 0"),
        ("Side", sides, "BUY or SELL"),
        ("Crossed", ~pl.col("Crossed").str.to_lowercase().is_in(list(_FLAGS)), "TRUE or FALSE"),
        ("Timestamp IST", pl.col("clock").is_null(), "a time as 31-12-2024 22:50"),
    ]


def _milliseconds(frame: pl.DataFrame) -> pl.Series | None:
    """The column `Timestamp`, where it still says milliseconds of the minutes beside it."""
    if "Timestamp" not in frame.columns:
        return None
    exact = fills_records.instants(frame["Timestamp"], "ms")
    same = exact // _MINUTE == frame["clock"] // _MINUTE
    return exact if same.fill_null(False).all() else None
