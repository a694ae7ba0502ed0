"""Tardis.dev CSV files: which data type a file holds, its columns, and what its values may be.

Format: docs.tardis.dev, "Downloadable CSV files". Times are whole microseconds since 1970, rows are
ordered by `local_timestamp`, an empty cell is a value that there is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import paths, text, unpack
from mmresearch.receipt import Fault, SourceError

SOURCE = "tardis"
ENDINGS = (".csv", ".csv.gz")
LEVEL = ("bid", "ask", "bid_size", "ask_size")
_TINY = 4096  # bytes of a file that may hold nothing, or a header alone
_FIRST, _LAST = 10**15, 4_102_444_800_000_000  # microseconds: September 2001 to the year 2100
_CLOCK = "whole microseconds since 1970-01-01, 16 digits"
_COMMON = {"exchange": "text", "symbol": "text", "timestamp": "whole", "local_timestamp": "whole"}
_PRINT = {"side": "text", "price": "float", "amount": "float"}
_QUOTE = dict.fromkeys(("ask_amount", "ask_price", "bid_price", "bid_amount"), "float?")
_STATE = ("last_price", "index_price", "mark_price")
CLOCKS = ("exchange", "local")
OTHER_CLOCK = {"exchange": "local_time", "local": "exchange_time"}
_SWAPPED = ("local_timestamp", "timestamp")
GREEKS = ("delta", "gamma", "vega", "theta", "rho")
OPTION_QUOTES = ("bid_price", "bid_amount", "bid_iv", "ask_price", "ask_amount", "ask_iv")


class Layout(NamedTuple):
    """The columns of a data type beside the four of all, and those that tell it from the others."""

    required: dict[str, str]
    optional: dict[str, str]
    marks: tuple[str, ...]


LAYOUTS = {
    "incremental_book_L2": Layout(
        {"is_snapshot": "text", "side": "text", "price": "float", "amount": "float"},
        {},
        ("is_snapshot",),
    ),
    "options_chain": Layout(
        {"type": "text", "strike_price": "float", "expiration": "whole"}
        | dict.fromkeys(("open_interest", "mark_iv", "underlying_price"), "float?"),
        {"underlying_index": "any"}
        | dict.fromkeys(("last_price", "mark_price", *OPTION_QUOTES, *GREEKS), "float?"),
        ("strike_price", "expiration"),
    ),
    "derivative_ticker": Layout(
        dict.fromkeys(("funding_rate", "open_interest", *_STATE), "float?"),
        {"funding_timestamp": "whole?", "predicted_funding_rate": "float?"},
        ("funding_rate", "open_interest"),
    ),
    "book_snapshot_25": Layout({}, {}, ("asks[0].price", "asks[24].price")),
    "book_snapshot_5": Layout({}, {}, ("asks[0].price",)),
    "quotes": Layout(_QUOTE, {}, ("ask_price", "bid_price")),
    "trades": Layout(_PRINT, {"id": "any"}, ("side", "price", "amount")),
    "liquidations": Layout(_PRINT, {"id": "any"}, ("side", "price", "amount")),
}
_ALIAS = {"book_ticker": "quotes"}  # the same columns
KINDS = (*LAYOUTS, *_ALIAS)


class Rows(NamedTuple):
    """Rows of a file under the vendor's names (levels under ours), row i is line i + 2.

    assumed: its header is the one of trades and of liquidations, and nothing else said which.
    """

    text: text.Text
    kind: str
    frame: pl.DataFrame
    assumed: bool


Counts = dict[str, tuple[int, ...]]  # a note, and the numbers that it is to say


class Made(NamedTuple):
    """Tables from rows, the lines set aside (1 is the first) by reason, and what to note.

    carry: what must be known of these rows to go on with those behind them.
    """

    tables: dict[str, pl.DataFrame | pd.DataFrame]
    aside: list[tuple[list[int], str]]
    counts: Counts
    carry: Any = None


def notes_of(counts: Iterable[Counts]) -> list[str]:
    """The notes on all rows, those of several blocks added; without what there is none of."""
    total: dict[str, list[int]] = {}
    for some in counts:
        for note, numbers in some.items():
            known = total.setdefault(note, [0] * len(numbers))
            total[note] = [a + b for a, b in zip(known, numbers, strict=True)]
    return [note.format(*numbers) for note, numbers in total.items() if numbers[0]]


def apart(files: Sequence) -> tuple[list[Path], list[Path]]:
    """The files that hold rows, or should, and those that hold none; an error if all are such.

    The vendor gives an empty file for a day without data.
    """
    every = paths.expand(SOURCE, files, ENDINGS)
    empty = [path for path in every if _is_empty(path)]
    if len(empty) == len(every):
        expected = "rows, at least in one file"
        raise SourceError(SOURCE, [Fault(str(p), None, "an empty file", expected) for p in empty])
    return [path for path in every if path not in empty], empty


def _is_empty(path: Path) -> bool:
    """Whether a file has no row; one that cannot be read is left to whoever reads it."""
    if not path.is_file() or path.stat().st_size > _TINY:
        return False
    data = unpack.read_bytes(path)
    if isinstance(data, Fault):
        return False
    head, _, rows = data.partition(b"\n")
    return not rows.strip() and (not head.strip() or b"timestamp" in head)


def read(t: text.Text, kind: str | None, exchange: str | None = None) -> Rows:
    """The rows of a file, or of a block of one; one SourceError names all faults in them.

    `exchange` is the one that they must be of; their own first if not given.
    """
    header = text.first_fields(t)
    told = _ALIAS.get(kind, kind) if kind else _kind_of(header)
    if told is None:
        columns = ",".join(_COMMON)
        expected = f"{columns} and the columns of {', '.join(LAYOUTS)}"
        found = f"a header of none of the data types: {','.join(header)[:80]!r}"
        raise SourceError(SOURCE, [Fault(t.name, 1, found, expected)])
    assumed = kind is None and told == "trades"
    if assumed:
        said = _said_by_path(t.path)
        told, assumed = said or told, said is None
    layout, levels = LAYOUTS[told], _levels(header) if told.startswith("book_snapshot") else {}
    wanted = _COMMON | layout.required | dict.fromkeys(levels, "float?")
    frame = text.read_columns(t, wanted, optional=layout.optional)
    if not isinstance(frame, list):
        frame = frame.rename(levels)
        frame = text.rule_faults(t, frame, _rules(told, frame, exchange), header=True) or frame
    if isinstance(frame, list):
        raise SourceError(SOURCE, frame)
    return Rows(t, told, frame, assumed)


def _kind_of(header: list[str]) -> str | None:
    """The data type that a header belongs to."""
    words = {text.word(cell) for cell in header}
    for kind, layout in LAYOUTS.items():
        if {text.word(mark) for mark in (*layout.marks, "local_timestamp")} <= words:
            return kind
    return None


def _said_by_path(path: Path) -> str | None:
    """Trades or liquidations, where the name (exchange_type_date_symbol) or a folder says it."""
    said = {*path.name.split("_"), *path.absolute().parent.parts[-6:]}
    named = [kind for kind in ("trades", "liquidations") if kind in said]
    return named[0] if len(named) == 1 else None


def _levels(header: list[str]) -> dict[str, str]:
    """The vendor's columns of levels, counted from 0, and ours, counted from 1."""
    words, names, level = {text.word(cell) for cell in header}, {}, 0
    while level == 0 or text.word(f"asks[{level}].price") in words:
        for side in ("ask", "bid"):
            names[f"{side}s[{level}].price"] = f"{side}_{level + 1}"
            names[f"{side}s[{level}].amount"] = f"{side}_size_{level + 1}"
        level += 1
    return names


def _rules(kind: str, frame: pl.DataFrame, exchange: str | None) -> list[tuple[str, pl.Expr, str]]:
    """What values may be: the column, when it is wrong, what was expected."""
    venue = exchange or frame["exchange"].drop_nulls().first()
    other = pl.col("exchange") != pl.lit(venue, pl.String)
    times = ["timestamp", "local_timestamp", *(["expiration"] if "expiration" in frame else [])]
    rules = [(c, ~pl.col(c).is_between(_FIRST, _LAST), _CLOCK) for c in times]
    rules += [(c, pl.col(c) == "", "text") for c in ("exchange", "symbol")]
    rules += [("exchange", other, f"one exchange a file, here {venue}")]
    if kind == "incremental_book_L2":
        rules += [_one_of("is_snapshot", "true", "false"), _one_of("side", "bid", "ask")]
        rules += [("price", pl.col("price") <= 0, "a price above 0"), _not_negative("amount")]
    elif kind == "trades":
        rules += [_one_of("side", "buy", "sell", "unknown")]
        rules += [_not_negative("price"), _not_negative("amount")]
    elif kind == "liquidations":
        rules += [_one_of("side", "buy", "sell"), _not_negative("price"), _not_negative("amount")]
    elif kind == "options_chain":
        rules += [_one_of("type", "call", "put")]
        rules += [("strike_price", pl.col("strike_price") <= 0, "a strike above 0")]
        rules += [_not_negative(c) for c in ("open_interest", "mark_iv", "underlying_price")]
    elif kind != "derivative_ticker":
        rules += [_not_negative(c) for c in frame.columns if c not in _COMMON]
    return rules


def _one_of(column: str, *values: str) -> tuple[str, pl.Expr, str]:
    # each by itself, which is faster than `is_in`
    is_one = pl.any_horizontal(pl.col(column) == value for value in values)
    return column, ~is_one, " or ".join(values)


def _not_negative(column: str) -> tuple[str, pl.Expr, str]:
    # `rule_faults` takes a missing answer for a broken rule, but cells may be empty here
    return column, (pl.col(column) < 0).fill_null(False), "a number of 0 or more"


def with_times(rows: Rows, clock: str) -> pl.DataFrame:
    """The rows with `time` by the clock chosen, the other clock beside, `seq` as in the file."""
    ours, other = ("timestamp", "local_timestamp") if clock == "exchange" else _SWAPPED
    first = 1 + rows.text.above
    return rows.frame.with_columns(
        moment(ours).alias("time"),
        moment(other).alias(OTHER_CLOCK[clock]),
        seq=pl.int_range(first, first + pl.len(), dtype=pl.Int64),
    )


def moment(column: str) -> pl.Expr:
    """Microseconds as times in UTC."""
    return (pl.col(column) * 1_000).cast(pl.Datetime("ns", "UTC"))


def clock_counts(frame: pl.DataFrame, last: int | None) -> Counts:
    """What the two clocks say of each other; `last` is the local one of the row above these."""
    local = pl.col("local_timestamp")
    before = local.shift(fill_value=frame["local_timestamp"][0] if last is None else last)
    same, back = frame.select(
        (local == pl.col("timestamp")).sum().alias("same"), (local < before).sum().alias("back")
    ).row(0)
    return {
        "on {:,} of {:,} rows timestamp is local_timestamp: there the exchange gave no time, and"
        " that of arrival stands for it": (same, frame.height),
        "local_timestamp, by which files are ordered, runs back on {:,} rows": (back,),
    }
