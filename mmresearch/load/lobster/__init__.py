"""LOBSTER: Nasdaq messages and the order book after each, reconstructed from TotalView-ITCH.

Format: lobsterdata.com, "Output structure" (Huang and Polak, 2011). Row i of the book file is the
state after message i, so both get the row's number as `seq` and a strict join finds the book that
an event met.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.load import paths, several, text
from mmresearch.load.lobster.files import (
    HALT_CODES,
    LEVEL,
    NO_LEVEL,
    SOURCE,
    Day,
    read_day,
    together,
)
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Receipt, SourceError, file_facts

ENDINGS = (".csv", ".csv.gz")
_EVENTS = ("add", "reduce", "delete", "fill", "hidden_fill", "cross", "halt")  # types 1 to 7
_UNITS = 10_000  # prices are whole ten-thousandths of a dollar
_SECOND = 1_000_000_000
_CALENDAR = "XNAS"
_EMPTY_CROSS = (pl.col("type") == 6) & (pl.col("size") == 0)


@tells
def lobster(
    *files: str | Path | Iterable[str | Path],
    symbol: str | None = None,
    date: str | datetime.date | None = None,
    name: str | None = None,
) -> Market:
    """Days of one or more stocks from their LOBSTER message and order book files.

    Parameters
    ----------
    *files : path or paths
        CSV, plain or gzip, with or without a header line; any number of levels. Two files are a
        day: the messages, then the order book. More of them, lists, folders or patterns such as
        "AMZN/*_10.csv" are paired by their names, which say symbol, day and levels
        (`AMZN_2012-06-21_34200000_57600000_message_10.csv` and its `..._orderbook_10.csv`).
    symbol, date : str, optional
        Of a single day whose files' names do not say them.
    name : str, optional
        Of the market; the symbol and the date of a single day if not given.

    Returns
    -------
    Market
        orders: every message; `side` is the resting order's; `halt` (extra) is the code of a halt:
        -1 halted, 0 quoting resumed, 1 trading resumed.
        trades: executions of visible (`event` "fill") and hidden orders ("hidden_fill"), signed
        by the aggressor, and crosses ("cross"), unsigned. Prices in dollars, sizes in shares.
        quotes: best level, a row where any of it changed. book: all levels, likewise, where the
        file holds more than one; levels that only other days hold are missing in a day, with size
        missing too. A level that is not there has no price and size 0.
        Times are seconds after midnight in New York, turned into UTC to the nanosecond; `seq` is
        the row number, the same for a message and the book after it (counted on from symbol to
        symbol, where several trade at one time).

    Raises
    ------
    SourceError
        Naming every fault of every file: a message file without its order book or with one of
        other levels, unequal row counts, cut lines, wrong columns, swapped files, values that
        cannot be, time running back.
    """
    days = together(paths.expand(SOURCE, files, ENDINGS))
    if len(days) > 1 and not (symbol is None and date is None):
        raise ValueError(f"symbol= and date= are for a single day; the files hold {len(days)}")
    parts, faults = [], []
    for message, orderbook in days:
        try:
            parts.append(_market(read_day(message, orderbook, symbol, date), name))
        except SourceError as error:
            faults += error.faults
    if faults:
        raise SourceError(SOURCE, faults)
    return parts[0] if len(parts) == 1 else several.joined(SOURCE, parts, name=name)


def _market(day: Day, name: str | None) -> Market:
    rows = _with_time(day)
    states = _states(rows, day.book)
    tables = {"orders": _orders(rows), "trades": _trades(rows), **_book_tables(states)}
    receipt = Receipt(
        SOURCE,
        pd.DataFrame([file_facts(t.path, rows.height) for t in day.texts]),
        _set_aside(day),
        _notes(day, states),
    )
    about = {"symbol": day.symbol, "asset": day.symbol, "currency": "USD", "tick": 0.01}
    return Market(
        symbols=pd.DataFrame([about | {"multiplier": 1.0, "calendar": _CALENDAR}]),
        receipt=receipt,
        name=name or f"{day.symbol} {day.date.isoformat()}",
        **{k: _in_dollars(table, day.symbol) for k, table in tables.items()},
    )


def _with_time(day: Day) -> pl.DataFrame:
    """The messages with `time` in UTC and their row as `seq`, counted from 1."""
    # clocks change at night: the offset at noon is the one of every trading hour
    noon = pd.Timestamp(day.date) + pd.Timedelta(hours=12)
    midnight = noon.tz_localize("America/New_York").as_unit("ns").value - 12 * 3600 * _SECOND
    nanoseconds = day.messages["time"].to_physical().cast(pl.Int64) + midnight
    return day.messages.with_columns(
        time=nanoseconds.cast(pl.Datetime("ns", "UTC")),
        seq=pl.int_range(1, day.messages.height + 1, dtype=pl.Int64),
    )


def _states(rows: pl.DataFrame, book: pl.DataFrame) -> pl.DataFrame:
    """The book after each message, without the rows of halts, which need not be states."""
    states = book.with_columns(rows["time"], rows["seq"])
    return states.filter(rows["type"] != 7)


def _orders(rows: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("type")
    return rows.filter(~_EMPTY_CROSS).select(
        "time",
        "seq",
        pl.col("order_id").cast(pl.String),
        _event(range(1, 8)),
        pl.when(kind <= 5).then(pl.col("direction")).cast(pl.Float64).alias("side"),
        pl.when(kind != 7).then(pl.col("price")).cast(pl.Float64).alias("price"),
        pl.when(kind != 7).then(pl.col("size")).cast(pl.Float64).alias("size"),
        pl.when(kind == 7).then(pl.col("price")).cast(pl.Float64).alias("halt"),
    )


def _trades(rows: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("type")
    return rows.filter(kind.is_in([4, 5, 6]) & ~_EMPTY_CROSS).select(
        "time",
        "seq",
        pl.col("price").cast(pl.Float64),
        pl.col("size").cast(pl.Float64),
        pl.when(kind != 6).then(-pl.col("direction")).cast(pl.Float64).alias("side"),
        _event(range(4, 7)),
    )


def _event(types: range) -> pl.Expr:
    names = [_EVENTS[number - 1] for number in types]
    return pl.col("type").replace_strict(list(types), names, return_dtype=pl.String).alias("event")


def _book_tables(states: pl.DataFrame) -> dict[str, pl.DataFrame]:
    best = [f"{c}_1" for c in LEVEL]
    levels = [c for c in states.columns if c not in ("time", "seq")]
    tables = {"quotes": _changed(states, best).rename({c: c.removesuffix("_1") for c in best})}
    if len(levels) > len(best):
        tables["book"] = _changed(states, levels)
    return tables


def _changed(states: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The rows where any of the columns differs from the row above."""
    moved = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift()) for c in columns)
    cells = [pl.when(pl.col(c).abs() != NO_LEVEL).then(pl.col(c)).alias(c) for c in columns]
    return states.filter(moved).select("time", "seq", *cells)


def _in_dollars(table: pl.DataFrame, symbol: str) -> pl.DataFrame:
    """The table with prices in dollars."""
    # by numpy, as polars multiplies by 1 / 10,000 and so misses the nearest number
    prices = [c for c in table.columns if re.match(r"(price|bid|ask)(_\d+)?$", c)]
    dollars = (pl.Series(c, table[c].cast(pl.Float64).to_numpy() / _UNITS) for c in prices)
    return table.with_columns(*dollars, symbol=pl.lit(symbol))


def _set_aside(day: Day) -> pd.DataFrame:
    crosses = day.messages.select(_EMPTY_CROSS).to_series().arg_true() + 1 + day.heads[0]
    halts = (day.messages["type"] == 7).arg_true() + 1 + day.heads[1]
    return text.aside(
        [
            (day.texts[0], crosses.to_list(), "cross of no shares"),
            (day.texts[1], halts.to_list(), "book row of a halt"),
        ]
    )


def _notes(day: Day, states: pl.DataFrame) -> tuple[str, ...]:
    kinds = dict(day.messages["type"].value_counts().iter_rows())
    counts = ", ".join(f"{kinds[k]:,} {_EVENTS[k - 1]}" for k in sorted(kinds))
    levels = day.book.width // len(LEVEL)
    both = (pl.col(f"{side}_1").abs() != NO_LEVEL for side in ("ask", "bid"))
    crossed = states.select((pl.col("ask_1") <= pl.col("bid_1")) & pl.all_horizontal(both))
    count = crossed.to_series().sum()
    halts = day.messages.filter(pl.col("type") == 7).select("time", "price")
    open_ended = [t.name for t in day.texts if not t.ended]
    label = f"{day.symbol} {day.date}"
    return (
        f"{label}, book of {levels} level{'s' if levels > 1 else ''}: {counts}",
        "file order is the order: seq is the row, the same for a message and the book after it",
        f"{label}: {count:,} book rows are locked or crossed (ask not above bid)",
        *(f"{label}: halt at {time} s: {HALT_CODES[code]}" for time, code in halts.iter_rows()),
        *(f"{name} does not end with an end of line: is it whole?" for name in open_ended),
    )
