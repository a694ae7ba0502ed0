"""A large file of a table, block by block: the rows and the receipt that reading it whole gives.

Each block is read the fast way (`plain`), or where anything in it is in doubt as a small file
would be. What no block can say without the others needs the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from mmresearch import schema, store
from mmresearch.load import blocks, paths, text, times, unpack
from mmresearch.load.blocks import About, Blocks, WholeNeededError
from mmresearch.load.table import naming, order, origin, plain, refusal
from mmresearch.load.table import parts as table_parts
from mmresearch.load.table.origin import Piece
from mmresearch.load.table.parts import Part
from mmresearch.load.table.values import Wanted
from mmresearch.receipt import Receipt, SourceError, file_facts
from mmresearch.symbols import symbol_table

_TRADED = ("trades", "quotes", "own_quotes", "book", "orders", "fills", "positions", "liquidations")


def in_blocks(
    path: Path,
    *,
    kind: str | None,
    columns: Mapping[str, Any] | None,
    time_zone: str | None,
    unit: str | None,
    symbol: str | None,
    account: str | None,
    calendar: str,
    symbols: pd.DataFrame | None,
    con: Any,
    parameters: Mapping[str, Any] | None,  # of a query
    chunk_rows: int,
    size: int | None = None,
) -> Blocks:
    """The tables of a large file, block by block, and what is said of all."""
    columns = dict(columns or {})
    if kind not in schema.TABLES or con is not None:
        raise WholeNeededError("no file of one table")
    if any(isinstance(v, Mapping) for v in columns.values()):
        raise WholeNeededError("mappings of several tables")
    times.check_zone_and_unit(time_zone, unit)
    given = {k: v for k, v in {"symbol": symbol, "account": account}.items() if v is not None}
    wanted = Wanted(kind, columns, given, time_zone, unit)
    traded, about, first, above, free = set(), None, "", order.Above(), {}
    for t in _texts(path, size):
        frame, part, form = _values(t, wanted)
        about, first = (about or part), (first or form)
        if form != first:
            raise WholeNeededError("times written otherwise than in a block above")
        if kind == "quotes" and "account" in frame.columns:
            raise WholeNeededError("quotes that may be accounts' own")
        frame = _freed(frame, kind, free)
        frame, above = order.counted_on(frame, kind, above, own="seq" in part.names)
        traded.update(frame["symbol"].unique() if kind in _TRADED else ())
        yield {kind: frame}
    about = about._replace(notes=(*[origin.NOT_ENDED] * (not t.ended), *about.notes))
    notes = [*table_parts.said([about]), *order.number({kind: [about]})]
    facts = file_facts(path, above.rows, t.hashed)
    yield About(
        symbol_table(symbols, sorted(traded), calendar),
        Receipt(origin.SOURCE, pd.DataFrame([facts]), notes=tuple(notes)),
        path.name.split(".")[0],
    )


def _texts(path: Path, size: int | None) -> Iterator[text.Text]:
    """The blocks of a text file."""
    try:
        start = next(unpack.pieces(path, 8), b"")
    except unpack.UnreadableError as error:
        raise SourceError(origin.SOURCE, [error.fault]) from None
    if start.startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")):
        raise WholeNeededError("no text")
    yield from blocks.texts(origin.SOURCE, path, size)


def _values(t: text.Text, wanted: Wanted) -> tuple[pl.DataFrame, Part, str]:
    """The block's rows in the schema's values, what is known of its columns, its times' form."""
    cells = plain.cells(t, wanted)
    found = None if cells is None else _plain(cells, t.path, wanted)
    if found is None:
        part, form = _as_a_file(t, wanted)
        found = store.to_polars(part.frame), part, form
    frame, part, _ = found
    for column in table_parts.times_of(part):
        if frame[column].count() and times.doubtful(column, _ends(frame[column])):
            raise WholeNeededError("times that are told only by all of them")
    return found


def _ends(column: pl.Series) -> pd.Series:
    return pd.Series([column.min(), column.max()])


def _plain(
    cells: pl.DataFrame, path: Path, wanted: Wanted
) -> tuple[pl.DataFrame, Part, str] | None:
    """The rows, and the part without more than the first of them; None where in doubt."""
    told = paths.told(path).items()
    every = cells.with_columns(
        pl.lit(v, pl.String).alias(k) for k, v in told if k not in cells.columns
    )
    few = Piece(path.name, cells.head(1).to_pandas(), None, {})
    part = table_parts.named(origin.with_told(few, path), wanted, alone=True)
    if part.faults:
        return None
    frame = plain.values(every, part.names, wanted)
    if frame is None:
        return None
    some = store.to_pandas(frame.head(1))
    notes = (*part.notes, *table_parts.notes_of(part, some, wanted))
    form = _form([every[part.names[c]] for c in table_parts.times_of(part)])
    return frame, part._replace(frame=some, notes=notes), form


def _as_a_file(t: text.Text, wanted: Wanted) -> tuple[Part, str]:
    """The rows as those of a small file, and the form of their times.

    What is wrong with them is said of the whole file, with all else that is.
    """
    piece = origin.of_text(t, t.name)
    if isinstance(piece, list):
        raise WholeNeededError(str(piece[0]))
    if len(piece.frame) != t.data.count(b"\n"):
        raise WholeNeededError("cells of several lines")
    piece = origin.with_told(piece._replace(facts={"file": t.name}, notes=()), t.path)
    part = table_parts.read(iter([origin.checked(piece)]), wanted, alone=True)
    try:
        refusal.refuse({wanted.kind: [part]}, {wanted.kind: wanted}, wanted.columns)
        refusal.refuse_broken(part)
    except SourceError as error:
        raise WholeNeededError(str(error)) from None
    theirs = [piece.frame[part.names[c]] for c in table_parts.times_of(part)]
    return part, _form([pl.from_pandas(cells) for cells in theirs])


def _form(times_of_rows: Sequence[pl.Series]) -> str:
    """How times are written: all of a block alike, or they would not have been read."""
    return ", ".join(plain.form(cells) for cells in times_of_rows)


def _freed(frame: pl.DataFrame, kind: str, known: dict[str, bool]) -> pl.DataFrame:
    """The rows, columns that the schema does not know as numbers where every cell is one.

    known: of those above, whether they are numbers; an empty column may be either.
    """
    ours = {c.name for c in naming.wanted_columns(kind, frame.columns)}
    for name in (c for c in frame.columns if c not in ours):
        column = frame[name]
        numbers = plain.as_numbers(column) if column.dtype == pl.String else column
        if numbers is None or numbers.count():
            is_text = numbers is None
            if known.setdefault(name, is_text) != is_text:
                raise WholeNeededError("numbers in one block and words in another")
        if numbers is not None:
            whole = numbers.dtype.is_integer() and numbers.null_count()
            frame = frame.with_columns(numbers.cast(pl.Float64) if whole else numbers)
    return frame
