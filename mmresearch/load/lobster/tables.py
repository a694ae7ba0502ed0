"""LOBSTER's messages and book rows as the schema's tables, some rows at a time."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load.blocks import About
from mmresearch.load.lobster.files import HALT_CODES, LEVEL, NO_LEVEL, SOURCE
from mmresearch.load.text import Text
from mmresearch.receipt import Receipt, file_facts

_EVENTS = ("add", "reduce", "delete", "fill", "hidden_fill", "cross", "halt")  # types 1 to 7
_UNITS = 10_000  # prices are whole ten-thousandths of a dollar
_SECOND = 1_000_000_000
_CALENDAR = "XNAS"
_EMPTY_CROSS = (pl.col("type") == 6) & (pl.col("size") == 0)
HALT = 7
CROSS_ASIDE, HALT_ASIDE = "cross of no shares", "book row of a halt"


class Above(NamedTuple):
    """Of the rows above: how many, the last state of the book, if there was one, the last time."""

    rows: int = 0
    state: pl.DataFrame | None = None
    last: Decimal | None = None


class Tally(NamedTuple):
    """What is to be noted of some rows: messages by type, rows locked or crossed, halts."""

    kinds: Counter
    crossed: int
    halts: list[tuple]


def made(
    messages: pl.DataFrame, book: pl.DataFrame, symbol: str, date: datetime.date, above: Above
) -> tuple[dict[str, pl.DataFrame], Tally, Above]:
    """The tables of rows that stand beside each other, what to note, what to go on with."""
    rows = _with_time(messages, date, above.rows)
    states = _states(rows, book)
    tables = {"orders": _orders(rows), "trades": _trades(rows)}
    tables |= _book_tables(states, above.state)
    last = states.tail(1) if states.height else above.state
    return (
        {name: _in_dollars(table, symbol) for name, table in tables.items()},
        _tally(messages, states),
        Above(above.rows + rows.height, last, messages["time"][-1]),
    )


def _with_time(messages: pl.DataFrame, date: datetime.date, above: int) -> pl.DataFrame:
    """The messages with `time` in UTC and their row as `seq`, counted from 1."""
    # clocks change at night: the offset at noon is the one of every trading hour
    noon = pd.Timestamp(date) + pd.Timedelta(hours=12)
    midnight = noon.tz_localize("America/New_York").as_unit("ns").value - 12 * 3600 * _SECOND
    nanoseconds = messages["time"].to_physical().cast(pl.Int64) + midnight
    return messages.with_columns(
        time=nanoseconds.cast(pl.Datetime("ns", "UTC")),
        seq=pl.int_range(above + 1, above + messages.height + 1, dtype=pl.Int64),
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
    names = pl.Series([_EVENTS[number - 1] for number in types])
    return pl.lit(names).gather(pl.col("type") - types.start).alias("event")


def _book_tables(states: pl.DataFrame, before: pl.DataFrame | None) -> dict[str, pl.DataFrame]:
    best = [f"{c}_1" for c in LEVEL]
    levels = [c for c in states.columns if c not in ("time", "seq")]
    quotes = _changed(states, best, before)
    tables = {"quotes": quotes.rename({c: c.removesuffix("_1") for c in best})}
    if len(levels) > len(best):
        tables["book"] = _changed(states, levels, before)
    return tables


def _changed(states: pl.DataFrame, columns: list[str], before: pl.DataFrame | None) -> pl.DataFrame:
    """The rows where any of the columns differs from the row above, of the first one `before`."""
    every = states if before is None else pl.concat([before, states])
    moved = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift()) for c in columns)
    moved = every.select(moved).to_series()[every.height - states.height :]
    cells = [pl.when(pl.col(c).abs() != NO_LEVEL).then(pl.col(c)).alias(c) for c in columns]
    return states.filter(moved).select("time", "seq", *cells)


def _in_dollars(table: pl.DataFrame, symbol: str) -> pl.DataFrame:
    """The table with prices in dollars."""
    # by numpy, as polars multiplies by 1 / 10,000 and so misses the nearest number
    prices = [c for c in table.columns if re.match(r"(price|bid|ask)(_\d+)?$", c)]
    dollars = (pl.Series(c, table[c].cast(pl.Float64).to_numpy() / _UNITS) for c in prices)
    return table.with_columns(*dollars, symbol=pl.lit(symbol))


def _tally(messages: pl.DataFrame, states: pl.DataFrame) -> Tally:
    kinds = Counter(dict(messages["type"].value_counts().iter_rows()))
    both = (pl.col(f"{side}_1").abs() != NO_LEVEL for side in ("ask", "bid"))
    crossed = states.select((pl.col("ask_1") <= pl.col("bid_1")) & pl.all_horizontal(both))
    halts = messages.filter(pl.col("type") == 7).select("time", "price").rows()
    return Tally(kinds, int(crossed.to_series().sum()), halts)


def crosses_of(messages: pl.DataFrame) -> pl.Series:
    """Which messages are crosses in which nothing traded."""
    return messages.select(_EMPTY_CROSS).to_series()


def about(
    symbol: str,
    date: datetime.date,
    levels: int,
    tallies: Sequence[Tally],
    texts: Sequence[Text],
    rows: int,
    set_aside: pd.DataFrame,
) -> About:
    """What is said of all rows; `texts` are the files, or the last block of each."""
    described = {"symbol": symbol, "asset": symbol, "currency": "USD", "tick": 0.01}
    described |= {"multiplier": 1.0, "calendar": _CALENDAR}
    label = f"{symbol} {date.isoformat()}"
    facts = pd.DataFrame([file_facts(t.path, rows, t.hashed) for t in texts])
    notes = _notes(label, levels, tallies, [t.name for t in texts if not t.ended])
    return About(pd.DataFrame([described]), Receipt(SOURCE, facts, set_aside, notes), label)


def _notes(
    label: str, levels: int, tallies: Sequence[Tally], open_ended: Sequence[str]
) -> tuple[str, ...]:
    """What a reader must know; `open_ended` names the files without a last end of line."""
    kinds = sum((tally.kinds for tally in tallies), Counter())
    counts = ", ".join(f"{kinds[k]:,} {_EVENTS[k - 1]}" for k in sorted(kinds))
    count = sum(tally.crossed for tally in tallies)
    halts = [halt for tally in tallies for halt in tally.halts]
    return (
        f"{label}, book of {levels} level{'s' if levels > 1 else ''}: {counts}",
        "file order is the order: seq is the row, the same for a message and the book after it",
        f"{label}: {count:,} book rows are locked or crossed (ask not above bid)",
        *(f"{label}: halt at {time} s: {HALT_CODES[code]}" for time, code in halts),
        *(f"{name} does not end with an end of line: is it whole?" for name in open_ended),
    )
