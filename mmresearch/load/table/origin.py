"""Where a table comes from: files of text, Parquet or Arrow, a frame, or a database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from mmresearch.load import parquet, paths, text, unpack
from mmresearch.load.table import arrow, database, query
from mmresearch.receipt import Fault, file_facts

_TEXTS = tuple(f".{e}{p}" for e in ("csv", "tsv") for p in ("", ".gz", ".zip", ".zst", ".lz4"))
ENDINGS = (".parquet", ".arrow", ".feather", *_TEXTS)
_SEPARATORS = ",;\t|"
SOURCE = "table"
NOT_ENDED = "it does not end with an end of line: is it whole?"
_KINDS = (
    "a path or several, a folder, a pattern, a pandas or polars DataFrame, an Arrow table, "
    "or SQL text with con="
)


class Piece(NamedTuple):
    """Some rows of a source as they were read; a file and a frame are one piece, a query several.

    label names the source in faults; frame holds its cells (text where the source is text);
    `first` is the line of its first row in a text file, missing where rows have no lines; facts is
    its row of `Receipt.files`, missing where it is not known before the last piece; notes are what
    a reader must know.
    """

    label: str
    frame: pd.DataFrame
    first: int | None
    facts: dict | None
    notes: tuple[str, ...] = ()


class Database(NamedTuple):
    """How SQL text is asked: of what, with which values, how many rows at a time."""

    con: Any
    parameters: Mapping[str, Any]
    chunk_rows: int


def sources(given: Any, ask: Database, of: str = "") -> list[Iterator[Piece | list[Fault]]]:
    """The pieces of every file, or of the one frame or query; or why there are none.

    `of` is said behind the name of what has no name of its own.
    """
    if isinstance(given, pd.DataFrame):
        frame = given.reset_index(drop=True).rename(columns=str)
        return [_held(f"DataFrame{of}", arrow.refused(f"DataFrame{of}", frame) or frame)]
    if isinstance(given, str) and ask.con is not None:
        return [_asked(given, ask, database.LABEL + of)]
    if isinstance(given, str) and query.looks_like_one(given):
        return [iter([[Fault(given[:40], None, "SQL text", "a database with it: pass con=")]])]
    if hasattr(given, "__arrow_c_stream__"):
        label = f"{'Arrow table' if isinstance(given, pa.Table) else type(given).__name__}{of}"
        return [_held(label, arrow.frame(label, pa.table(given)))]
    return [_file(path, label) for path, label in _labelled(_paths(given))]


def _paths(given: Any) -> list[Path]:
    many = [given] if isinstance(given, str | Path) else given
    if not isinstance(many, Iterable) or isinstance(many, bytes):
        raise TypeError(f"cannot read a {type(given).__name__}; give {_KINDS}")
    many = list(many)
    strange = [type(one).__name__ for one in many if not isinstance(one, str | Path)]
    if strange:
        raise TypeError(f"cannot read a {type(given).__name__} of {strange[0]}; give {_KINDS}")
    return paths.expand("table", many, ENDINGS)


def _labelled(found: list[Path]) -> Iterator[tuple[Path, str]]:
    """Every file with the shortest name that tells it from the others."""
    folders = {path.parent: path.parent.resolve() for path in found}
    shared = os.path.commonpath(folders.values())
    for path in found:
        yield path, (folders[path.parent] / path.name).relative_to(shared).as_posix()


def _held(label: str, frame: pd.DataFrame | list[Fault]) -> Iterator[Piece | list[Fault]]:
    if isinstance(frame, list):
        yield frame
        return
    facts = {"file": label, "bytes": 0, "sha256": digest(frame), "rows": len(frame)}
    yield checked(Piece(label, frame, None, facts))


def digest(frame: pd.DataFrame) -> str:
    """One hash of a frame's names and values, in their order."""
    values = pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()
    return hashlib.sha256(",".join(frame.columns).encode() + values).hexdigest()


def _asked(sql: str, ask: Database, label: str) -> Iterator[Piece | list[Fault]]:
    values = ", ".join(f"{name}={value!r}" for name, value in ask.parameters.items())
    notes = (" ".join(sql.split()) + (f"; with {values}" if values else ""),)
    for chunk in database.chunks(sql, ask.con, ask.parameters, ask.chunk_rows):
        if isinstance(chunk, Fault):
            yield [chunk._replace(file=label)]
            return
        found = arrow.frame(label, chunk)
        yield found if isinstance(found, list) else checked(Piece(label, found, None, None, notes))
        chunk = found = None  # let go before the next is read


def checked(piece: Piece) -> Piece | list[Fault]:
    """The piece, if it has rows and a name for each column."""
    if piece.frame.empty:
        return [Fault(piece.label, None, "no row", "rows")]
    repeated = piece.frame.columns[piece.frame.columns.duplicated()]
    if len(repeated):
        return [Fault(piece.label, None, f"two columns `{repeated[0]}`", "one of each name")]
    return piece


def _file(path: Path, label: str) -> Iterator[Piece | list[Fault]]:
    read = _read(path, label)
    if isinstance(read, list):
        yield [fault._replace(file=label) if fault.file == path.name else fault for fault in read]
        return
    read = with_told(read, path)
    yield checked(read._replace(facts=file_facts(path, len(read.frame)) | {"file": label}))


def with_told(read: Piece, path: Path) -> Piece:
    """The piece with the columns that the names of its file's folders give."""
    told = {k: v for k, v in paths.told(path).items() if k not in read.frame.columns}
    if not told:
        return read
    notes = (*read.notes, f"from its folder's name: {', '.join(told)}")
    return read._replace(frame=read.frame.assign(**told), notes=notes)


def _read(path: Path, label: str) -> Piece | list[Fault]:
    data = unpack.read_bytes(path)
    if isinstance(data, Fault):
        return [data]
    if data.startswith(b"PAR1"):
        held = parquet.read(path, data)
        return [held] if isinstance(held, Fault) else of_arrow(held, label)
    try:
        if data.startswith(b"ARROW1"):
            return of_arrow(pa.ipc.open_file(data).read_all(), label)
        if data.startswith(b"\xff\xff\xff\xff"):
            return of_arrow(pa.ipc.open_stream(data).read_all(), label)
    except (pa.ArrowException, OSError, ValueError) as error:
        said = str(error).splitlines()[0]
        return [Fault(label, None, f"a damaged file ({said})", "a whole Arrow file")]
    read = text.decoded(path, data)
    return [read] if isinstance(read, Fault) else of_text(read, label)


def of_arrow(held: pa.Table, label: str) -> Piece | list[Fault]:
    """An Arrow table's cells."""
    frame = arrow.frame(label, held)
    return frame if isinstance(frame, list) else Piece(label, frame, None, None)


def of_text(read: text.Text, label: str) -> Piece | list[Fault]:
    """A text's cells."""
    found = layout(read)
    if isinstance(found, Fault):
        return [found._replace(file=label)]
    header, separator = found
    rows = text.parse(read, dict.fromkeys(header, "any"), header=True, separator=separator)
    if isinstance(rows, list):
        return rows
    notes = () if read.ended else (NOT_ENDED,)
    return Piece(label, rows.to_pandas(), 2 + read.above, None, notes)


def layout(read: text.Text) -> tuple[list[str], str] | Fault:
    """The names of the columns, and the separator, which is the one that the header holds most of.

    Or why the first line is no header.
    """
    line = read.data.partition(b"\n")[0].decode()
    separator = max(_SEPARATORS, key=line.count)
    cells = [cell.strip() for cell in text.first_fields(read, separator)]
    header = [cell or f"column {place}" for place, cell in enumerate(cells, start=1)]
    if not text.is_header(cells):
        return Fault(read.name, 1, f"{line[:60]!r}", "a first line that names the columns")
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        return Fault(read.name, 1, f"two columns `{repeated[0]}`", "one of each name")
    return header, separator
