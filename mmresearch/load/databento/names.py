"""What Databento's instruments are called: numbers and days -> symbols."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from mmresearch.receipt import Fault

SYMBOLOGY = "symbology.json"
_DAY = 86_400 * 10**9
_EPOCH = date(1970, 1, 1)
Names = dict[int, list[tuple[date, date, str]]]  # instrument -> first day, day after, symbol
Books = dict[tuple[str, int], int]  # symbol, instrument -> number


def of_metadata(metadata: Any) -> Names:
    """The names that the head of a DBN file holds."""
    to_numbers = str(metadata.stype_out) == "instrument_id"
    names: Names = {}
    for symbol, intervals in metadata.mappings.items():
        for span in intervals:
            pair = (symbol, span["symbol"]) if to_numbers else (span["symbol"], symbol)
            _note(names, *pair, span["start_date"], span["end_date"])
    return names


def symbology(path: Path) -> Path:
    """Where the names are that come with a file."""
    return path.with_name(SYMBOLOGY)


def of_symbology(path: Path) -> Names | Fault:
    """The names in the `symbology.json` that comes with a file, if it lies beside it."""
    beside = symbology(path)
    if not beside.is_file():
        return {}
    names: Names = {}
    try:
        for symbol, intervals in json.loads(beside.read_bytes())["result"].items():
            for span in intervals:
                days = (date.fromisoformat(span[end]) for end in ("d0", "d1"))
                _note(names, symbol, span["s"], *days)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"no list of symbols ({type(error).__name__}: {error})"
        return Fault(str(beside), None, found, "Databento's symbology, or no such file")
    return names


def _note(names: Names, symbol: str, number: str, first: date, end: date) -> None:
    if number.isdigit():
        names.setdefault(int(number), []).append((first, end, symbol))


def keys_of(frame: pl.DataFrame) -> pl.DataFrame:
    """What tells instruments apart, each once in order of appearance, with the day."""
    day = (pl.col("ts_recv") // _DAY).alias("day")
    said = ["symbol"] if "symbol" in frame.columns else []
    return frame.select("publisher_id", "instrument_id", day, *said).unique(maintain_order=True)


def called(
    keys: pl.DataFrame, names: Names, books: Books | None = None
) -> tuple[pl.DataFrame, list[str]]:
    """The keys with `name` and `book` (whose orders and levels belong together), and notes.

    What several publishers (venues) quote under one name is one symbol and one book for each.
    `books` has the numbers of books that are known, and gets those that are new.
    """
    rows = keys.rows(named=True)
    said = [row.get("symbol") or _name(names, row["instrument_id"], row["day"]) for row in rows]
    known = [name or str(row["instrument_id"]) for name, row in zip(said, rows, strict=True)]
    venues = defaultdict(set)
    for name, row in zip(known, rows, strict=True):
        venues[name].add(row["publisher_id"])
    shared = sorted(name for name, numbers in venues.items() if len(numbers) > 1)
    own = [
        f"{name}.{row['publisher_id']}" if name in shared else name
        for name, row in zip(known, rows, strict=True)
    ]
    books = {} if books is None else books
    place = [
        books.setdefault((name, row["instrument_id"]), len(books))
        for name, row in zip(own, rows, strict=True)
    ]
    nameless = [k for k, name in zip(known, said, strict=True) if not name]
    new = [pl.Series("name", own, pl.String), pl.Series("book", place, pl.Int64)]
    return keys.with_columns(new), _notes(dict.fromkeys(nameless), shared, venues)


def named(frame: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """The records with `symbol` and `book`, as the keys are called."""
    if keys.height == 1:
        frame = frame.with_columns(
            pl.lit(keys[c][0], keys[c].dtype).alias(c) for c in ("name", "book")
        )
    else:
        by = [c for c in keys.columns if c not in ("name", "book")]
        frame = frame.with_columns(day=pl.col("ts_recv") // _DAY)
        frame = frame.join(keys, on=by, how="left", maintain_order="left", nulls_equal=True)
    return frame.drop("symbol", "day", strict=False).rename({"name": "symbol"})


def _name(names: Names, instrument: int, day: int) -> str | None:
    when = _EPOCH + timedelta(days=day)
    spans = names.get(instrument, [])
    return next((symbol for first, end, symbol in spans if first <= when < end), None)


def _notes(nameless: dict, shared: list[str], venues: dict[str, set]) -> list[str]:
    notes = []
    if nameless:
        some = ", ".join(list(nameless)[:5])
        notes.append(f"{len(nameless)} instruments without a name are called by number: {some}")
    if shared:
        some = "; ".join(f"{n} {', '.join(map(str, sorted(venues[n])))}" for n in shared[:5])
        notes.append(f"symbols of several publishers are apart, as {shared[0]}.NUMBER: {some}")
    return notes
