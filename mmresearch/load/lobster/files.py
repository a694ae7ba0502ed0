"""LOBSTER's two files a day: which belong together, their layout, every value in its range.

What is wrong with them is one error with every fault.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import text
from mmresearch.receipt import Fault, SourceError

SOURCE = "lobster"
LEVEL = ["ask", "ask_size", "bid", "bid_size"]
NO_LEVEL = 9_999_999_999  # the price of a level that is not there; a bid's is negative
HALT_CODES = {-1: "trading halted", 0: "quoting resumed", 1: "trading resumed"}
_MESSAGE = ["time", "type", "order_id", "size", "price", "direction"]
_NAME = re.compile(
    r"(?P<symbol>.+?)_(?P<date>\d{4}-\d\d-\d\d)_(?P<start>\d+)_(?P<end>\d+)"
    r"_(?P<kind>message|orderbook)_(?P<levels>\d+)\D"
)
_EXAMPLE = "AMZN_2012-06-21_34200000_57600000_message_1.csv"
_OTHER = {"message": "orderbook", "orderbook": "message"}
_WORDS = {"message": "message", "orderbook": "order book"}
_HEADER_WORDS = {  # how headers, where there are any, call the columns
    "time": "time",
    "type": "type|event",
    "order_id": "id$",
    "size": "size|vol",
    "price": "price",
    "direction": "dir|side",
    "ask": "ask.*p",
    "ask_size": "ask.*(s|v)",
    "bid": "bid.*p",
    "bid_size": "bid.*(s|v)",
}


class Day(NamedTuple):
    """Both files of a day as whole numbers: row i of `book` is the state after message i.

    `heads` says how many header lines each file has (message, book).
    """

    symbol: str
    date: datetime.date
    messages: pl.DataFrame
    book: pl.DataFrame
    texts: list[text.Text]
    heads: list[int]


def together(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The message and order book file of every day, by day and then by symbol.

    Two files of different kinds, or of names that do not say it, are a pair as they are given.
    """
    names = [_NAME.match(path.name) for path in paths]
    kinds = [name and name["kind"] for name in names]
    if len(paths) == 2 and (None in kinds or len(set(kinds)) == 2):
        return [(paths[0], paths[1])]
    faults = [
        Fault(str(path), None, "a name without symbol, day, kind and levels", _EXAMPLE)
        for path, name in zip(paths, names, strict=True)
        if name is None
    ]
    days: dict[tuple, list] = defaultdict(list)
    for path, name in zip(paths, names, strict=True):
        if name is not None:
            day = (name["date"], int(name["start"]), int(name["end"]), name["symbol"])
            days[day].append((name["kind"], int(name["levels"]), path))
    faults += [fault for files in days.values() for fault in _pair_faults(files)]
    if faults:
        raise SourceError(SOURCE, faults)
    return [_pair(days[day]) for day in sorted(days)]


def _pair(files: list[tuple[str, int, Path]]) -> tuple[Path, Path]:
    message, orderbook = (path for _, _, path in sorted(files))
    return message, orderbook


def _pair_faults(files: list[tuple[str, int, Path]]) -> list[Fault]:
    """What is wrong with the files of one symbol and day, which should be one of each kind."""
    seen: dict[tuple[str, int], Path] = {}
    faults = []
    for kind, levels, path in files:
        if (kind, levels) in seen:
            found = f"the same day as {seen[kind, levels]}"
            faults.append(Fault(str(path), None, found, "each day once"))
        seen.setdefault((kind, levels), path)
    for (kind, levels), path in seen.items():
        other = _OTHER[kind]
        near = [p.name for (k, _), p in seen.items() if k == other]
        if (other, levels) in seen or (kind == "orderbook" and near):
            continue
        found = f"no {_WORDS[other]} file" + (f" of its levels, only {near[0]}" if near else "")
        faults.append(Fault(str(path), None, found, path.name.replace(f"_{kind}_", f"_{other}_")))
    if not faults and len(seen) > 2:
        levels = " and ".join(str(n) for n in sorted({n for _, n in seen}))
        found = f"files of {levels} levels for one day"
        faults = [Fault(str(files[0][2]), None, found, "each day once")]
    return faults


class Layout(NamedTuple):
    """What the first lines and the names of both files say (message, book).

    kinds: of the cells by column. faults: what is wrong with it; that alone of columns is final.
    """

    symbol: str | None
    date: datetime.date | None
    kinds: list[dict[str, str]]
    heads: list[int]
    faults: list[Fault]


def read_day(
    message: str | Path,
    orderbook: str | Path,
    symbol: str | None,
    date: str | datetime.date | None,
) -> Day:
    """Read and check both files; raises one `SourceError` with every fault."""
    texts = text.read_texts(SOURCE, [message, orderbook])
    layout = layout_of(texts, symbol, date)
    frames, faults = [], layout.faults
    for t, kinds, head in zip(texts, layout.kinds, layout.heads, strict=True):
        frames.append(text.parse(t, kinds, header=bool(head), quote=None))
        faults += frames[-1] if isinstance(frames[-1], list) else []
    faults += _value_faults(texts, frames, layout.heads)
    if faults:
        raise SourceError(SOURCE, faults)
    return Day(layout.symbol, layout.date, *frames, texts, layout.heads)


def layout_of(
    texts: list[text.Text], symbol: str | None, date: str | datetime.date | None
) -> Layout:
    """How both files are to be read; raises a `SourceError` where their columns do not say it."""
    identity = _identity(texts, symbol, date)
    faults = identity if isinstance(identity, list) else []
    fields = [text.first_fields(t) for t in texts]
    widths = [len(cells) for cells in fields]
    wrong = _layout_faults(texts, widths) or _level_faults(texts, widths[1] // len(LEVEL))
    if wrong:
        raise SourceError(SOURCE, faults + wrong)
    names = [
        [*_MESSAGE, "attribution"][: widths[0]],
        [f"{c}_{n}" for n in range(1, widths[1] // len(LEVEL) + 1) for c in LEVEL],
    ]
    heads = [int(text.is_header(cells)) for cells in fields]
    for t, cells, columns, head in zip(texts, fields, names, heads, strict=True):
        faults = faults + (_header_faults(t, cells, columns) if head else [])
    kinds = [{name: _kind(name) for name in columns} for columns in names]
    return Layout(*((None, None) if isinstance(identity, list) else identity), kinds, heads, faults)


def _kind(column: str) -> str:
    return {"time": "seconds", "attribution": "any"}.get(column, "whole")


def _layout_faults(texts: list[text.Text], widths: list[int]) -> list[Fault]:
    """Whether each file has the columns of its kind, by its first line."""
    is_message = [width in (6, 7) for width in widths]
    is_book = [width % 4 == 0 for width in widths]
    if is_book[0] and is_message[1]:
        found = f"{widths[0]} columns, and {widths[1]} in {texts[1].name}: the files seem swapped"
        return [Fault(texts[0].name, 1, found, "the message file first, then the order book")]
    wanted = ["6 columns (or 7, with attribution) of a message file", "4 columns a book level"]
    return [
        Fault(t.name, 1, f"{width} columns", expected)
        for t, width, good, expected in zip(
            texts, widths, [is_message[0], is_book[1]], wanted, strict=True
        )
        if not good
    ]


def _level_faults(texts: list[text.Text], held: int) -> list[Fault]:
    """Whether the names say as many levels as the order book holds, if they say it."""
    said = [int(m["levels"]) if (m := _NAME.match(t.name)) else held for t in texts]
    if said[0] != said[1]:
        found = f"a name of {said[1]} levels"
        return [Fault(texts[1].name, None, found, f"{said[0]} levels, as in {texts[0].name}")]
    if said[1] != held:
        found = f"{4 * held} columns: {held} levels"
        return [Fault(texts[1].name, 1, found, f"{said[1]} levels, as its name says")]
    return []


def _header_faults(t: text.Text, cells: list[str], names: list[str]) -> list[Fault]:
    """A header that names the columns in another order than LOBSTER's."""
    stems = [re.sub(r"_\d+$", "", name) for name in names if name != "attribution"]
    for place, (cell, stem) in enumerate(zip(cells, stems, strict=False)):
        said = [k for k in stems if re.search(_HEADER_WORDS[k], text.word(cell))]
        if said and stem not in said:
            found = f"a header with {cell.strip()!r} in column {place + 1}"
            return [Fault(t.name, 1, found, f"LOBSTER's order of columns: {', '.join(names)}")]
    return []


def _value_faults(texts: list[text.Text], frames: list, heads: list[int]) -> list[Fault]:
    messages, book = frames
    if isinstance(messages, list):
        return []
    faults = text.rule_faults(texts[0], messages, message_rules(), header=heads[0])
    if isinstance(book, list):
        return faults
    if messages.height != book.height:
        expected = f"{messages.height:,} rows, as in {texts[0].name}: one after each message"
        return [*faults, Fault(texts[1].name, None, f"{book.height:,} rows", expected)]
    book = book.with_columns(halted=messages["type"] == 7)
    return faults + text.rule_faults(texts[1], book, book_rules(book), header=heads[1])


def message_rules() -> list[tuple[str, pl.Expr, str]]:
    """Of a message: the column, when it is wrong, what was expected."""
    kind, size, price = pl.col("type"), pl.col("size"), pl.col("price")
    halt, signed = kind == 7, kind.is_between(1, 5)
    time = pl.col("time")
    return [
        ("time", ~time.is_between(0, 86_400, closed="left"), "seconds from 0 to 86,400"),
        ("time", (time < time.shift()).fill_null(False), "a time not before the line above"),
        ("type", ~kind.is_between(1, 7), "a type from 1 to 7"),
        ("size", signed & (size <= 0), "a size above 0"),
        ("size", (kind == 6) & (size < 0), "a size of 0 or more"),
        ("price", (signed | (kind == 6)) & (price <= 0), "a price above 0"),
        ("price", halt & ~price.is_in(list(HALT_CODES)), "-1, 0 or 1, the code of a halt"),
        ("direction", signed & ~pl.col("direction").is_in([1, -1]), "1 or -1"),
    ]


def book_rules(book: pl.DataFrame) -> list[tuple[str, pl.Expr, str]]:
    """Of each level: no price and size 0, or both above 0. A halt's row may hold anything."""
    rules = []
    for price in [c for c in book.columns if re.fullmatch(r"(ask|bid)_\d+", c)]:
        size, live = price.replace("_", "_size_"), ~pl.col("halted")
        there = pl.col(price).abs() != NO_LEVEL
        rules += [
            (price, live & there & (pl.col(price) <= 0), "a price above 0"),
            (size, live & there & (pl.col(size) <= 0), "a size above 0"),
            (size, live & ~there & (pl.col(size) != 0), "size 0, as the level has no price"),
        ]
    return rules


def _identity(
    texts: list[text.Text], symbol: str | None, date: str | datetime.date | None
) -> tuple[str, datetime.date] | list[Fault]:
    """Symbol and date as given, else as the files' names say; they must not say another date."""
    said = {(m["symbol"], m["date"]) for t in texts if (m := _NAME.match(t.name))}
    if len(said) > 1:
        found = "names of " + " and ".join(" ".join(pair) for pair in sorted(said))
        return [Fault(texts[1].name, None, found, "two files of one symbol and date")]
    own_symbol, own_date = said.pop() if said else (None, None)
    if None in (symbol or own_symbol, date or own_date):
        expected = f"a name such as {_EXAMPLE}, or symbol= and date="
        return [Fault(texts[0].name, None, "a name without symbol and date", expected)]
    day = pd.to_datetime(date or own_date, errors="coerce")
    if pd.isna(day):
        return [Fault(texts[0].name, None, f"the date {date or own_date}", "a day, as 2012-06-21")]
    if own_date not in (None, day.date().isoformat()):
        found = f"a name of {own_date}"
        return [Fault(texts[0].name, None, found, f"{day.date()}, as date= says")]
    return symbol or own_symbol, day.date()
