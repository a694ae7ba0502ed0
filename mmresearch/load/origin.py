"""Where a table comes from: a file of text, Parquet or Arrow, a frame, or a database."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mmresearch.load import text, unpack
from mmresearch.receipt import Fault, file_facts

_SEPARATORS = ",;\t|"


class Origin(NamedTuple):
    """A source as it was read.

    label names it in faults; frame holds its cells (text where the source is text); `first` is the
    line of its first row in a text file, missing where rows have no lines; facts is its row of
    `Receipt.files`; notes are what a reader must know.
    """

    label: str
    frame: pd.DataFrame
    first: int | None
    facts: dict
    notes: tuple[str, ...] = ()


def read(source: Any, con: Any) -> Origin | list[Fault]:
    """The source's rows, or why there are none."""
    found = _read(source, con)
    if isinstance(found, list):
        return found
    if found.frame.empty:
        return [Fault(found.label, None, "no row", "rows")]
    repeated = found.frame.columns[found.frame.columns.duplicated()]
    if len(repeated):
        return [Fault(found.label, None, f"two columns `{repeated[0]}`", "one of each name")]
    return found


def _read(source: Any, con: Any) -> Origin | list[Fault]:
    if isinstance(source, pd.DataFrame):
        return _held("DataFrame", source.reset_index(drop=True).rename(columns=str))
    if isinstance(source, pl.DataFrame):
        return _held("DataFrame", source.to_pandas())
    if isinstance(source, pa.Table):
        return _held("Arrow table", source.to_pandas(ignore_metadata=True))
    if not isinstance(source, str | Path):
        kinds = "a path, a pandas or polars DataFrame, an Arrow table, or SQL text with con="
        raise TypeError(f"cannot read a {type(source).__name__}; give {kinds}")
    if con is not None:
        return _query(str(source), con)
    if str(source).lstrip().lower().startswith(("select ", "select\n", "with ")):
        return [Fault(str(source)[:40], None, "SQL text", "a database with it: pass con=")]
    return _file(Path(source))


def _held(label: str, frame: pd.DataFrame, notes: tuple[str, ...] = ()) -> Origin:
    values = pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()
    digest = hashlib.sha256(",".join(frame.columns).encode() + values).hexdigest()
    facts = {"file": label, "bytes": 0, "sha256": digest, "rows": len(frame)}
    return Origin(label, frame, None, facts, notes)


def _query(query: str, con: Any) -> Origin | list[Fault]:
    """The rows that a query gives; an engine made here is also closed here."""
    import sqlalchemy  # here, as few ask a database and it is slow to load

    own = isinstance(con, str)
    try:
        engine = sqlalchemy.create_engine(con) if own else con
        try:
            frame = pd.read_sql_query(sqlalchemy.text(query), engine)
        finally:
            if own:
                engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError, ImportError) as error:
        error = error.__cause__ if isinstance(error, pd.errors.DatabaseError) else error
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        return [Fault("SQL query", None, f"an answer that is no table ({said})", "rows")]
    return _held("SQL query", frame, (f"query: {' '.join(query.split())}",))


def _file(path: Path) -> Origin | list[Fault]:
    data = unpack.read_bytes(path)
    if isinstance(data, Fault):
        return [data]
    try:
        if data.startswith(b"PAR1"):
            return _arrow(path, pq.read_table(io.BytesIO(data)))
        if data.startswith(b"ARROW1"):
            return _arrow(path, pa.ipc.open_file(data).read_all())
        if data.startswith(b"\xff\xff\xff\xff"):
            return _arrow(path, pa.ipc.open_stream(data).read_all())
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0]
        return [Fault(path.name, None, f"a damaged file ({said})", "a whole Parquet or Arrow file")]
    read = text.decoded(path, data)
    return [read] if isinstance(read, Fault) else _csv(read)


def _arrow(path: Path, held: pa.Table) -> Origin:
    frame = held.to_pandas(ignore_metadata=True)
    return Origin(path.name, frame, None, file_facts(path, len(frame)))


def _csv(read: text.Text) -> Origin | list[Fault]:
    """Text cells; the separator is the one that the header holds most of."""
    line = read.data.partition(b"\n")[0].decode()
    separator = max(_SEPARATORS, key=line.count)
    cells = [cell.strip() for cell in text.first_fields(read, separator)]
    header = [cell or f"column {place}" for place, cell in enumerate(cells, start=1)]
    if not text.is_header(cells):
        return [Fault(read.name, 1, f"{line[:60]!r}", "a first line that names the columns")]
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        return [Fault(read.name, 1, f"two columns `{repeated[0]}`", "one of each name")]
    rows = text.parse(read, dict.fromkeys(header, "any"), header=True, separator=separator)
    if isinstance(rows, list):
        return rows
    notes = () if read.ended else (f"{read.name} does not end with an end of line: is it whole?",)
    return Origin(read.name, rows.to_pandas(), 2, file_facts(read.path, rows.height), notes)
