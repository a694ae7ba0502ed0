"""Rows of a database in chunks, whichever way it is reached; only reading."""

from __future__ import annotations

import contextlib
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from mmresearch.load.table import query as queries
from mmresearch.receipt import Fault

LABEL = "SQL query"
_WAYS = (
    "an SQLAlchemy engine, connection or URL (sqlite:///fills.db, postgresql://user@host/name), "
    "an ADBC connection or a DuckDB connection"
)


def chunks(
    query: str, con: Any, parameters: Mapping[str, Any], rows: int
) -> Iterator[pa.Table | Fault]:
    """The query's rows, at most `rows` at a time; a fault where there is no answer, or no more.

    No error says a password.
    """
    if rows < 1:
        raise ValueError(f"chunk_rows is {rows}; give a number of rows above 0")
    read = _way(con)
    wrong = _wrong(query, parameters)
    if wrong:
        yield from wrong
        return
    first = True
    with contextlib.closing(read(query, con, parameters, rows)) as answer:
        while True:
            part = _next(answer, con)
            if isinstance(part, Fault) or (first and not len(part)):
                yield part
            if isinstance(part, Fault) or not len(part):
                return
            yield from (part.slice(start, rows) for start in range(0, len(part), rows))
            part, first = None, False  # let go before the next is read


def _next(answer: Iterator[Any], con: Any) -> pa.Table | Fault:
    """The next rows, none at the end; or why there are none."""
    try:
        part = next(answer)
    except Exception as error:  # a driver raises errors of its own kinds
        return Fault(LABEL, None, f"no answer ({_said(error, con)})", "rows from the database")
    return part if isinstance(part, pa.Table) else _table(*part)


def _way(con: Any) -> Any:
    """How to read by the connection; drivers are known by what they can do, none is imported."""
    if hasattr(con, "adbc_get_info"):
        return _by_adbc
    if hasattr(con, "sql") and hasattr(con, "cursor"):
        return _by_duckdb
    if isinstance(con, str) or type(con).__module__.startswith("sqlalchemy."):
        return _by_sqlalchemy
    raise TypeError(f"con is a {type(con).__name__}; give {_WAYS}")


def _wrong(query: str, parameters: Mapping[str, Any]) -> list[Fault]:
    complaint = queries.complaint(query)
    if complaint:
        return [Fault(LABEL, None, complaint, "one SELECT or WITH query that only reads")]
    asked = queries.names(query)
    lacking = [name for name in asked if name not in parameters]
    other = [name for name in parameters if name not in asked]
    hint = f"parameters={{{', '.join(f'{name!r}: ...' for name in asked)}}}"
    faults = [Fault(LABEL, None, f"no value for :{name}", hint) for name in lacking]
    expected = f"only {', '.join(f':{n}' for n in asked)}" if asked else "no parameters"
    return [*faults, *(Fault(LABEL, None, f"no :{name} in it", expected) for name in other)]


def _by_sqlalchemy(
    query: str, con: Any, parameters: Mapping[str, Any], rows: int
) -> Iterator[tuple[list[str], list]]:
    """By a cursor on the server's side where it has one. What is opened here is closed here."""
    import sqlalchemy  # here, as few ask a database and it is slow to load

    own = isinstance(con, str | sqlalchemy.URL)
    engine = sqlalchemy.create_engine(con) if own else con
    try:
        if isinstance(engine, sqlalchemy.Connection):
            yield from _fetched(engine, query, parameters, rows)
            return
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            yield from _fetched(connection, query, parameters, rows)
    finally:
        if own:
            engine.dispose()


def _fetched(
    connection: Any, query: str, parameters: Mapping[str, Any], rows: int
) -> Iterator[tuple[list[str], list]]:
    import sqlalchemy

    begun = connection.in_transaction()
    text = sqlalchemy.text(queries.escaped(query))
    try:
        result = connection.execute(text, parameters, execution_options={"yield_per": rows})
        try:
            names = list(map(str, result.keys()))
            while True:  # until it is closed, as nothing follows rows that are none
                yield names, result.fetchmany(rows)
        finally:
            result.close()
    finally:
        if not (begun or connection.closed or connection.invalidated):
            connection.rollback()


def _by_adbc(query: str, con: Any, parameters: Mapping[str, Any], rows: int) -> Iterator[pa.Table]:
    vendor = str(con.adbc_get_info().get("vendor_name", ""))
    style = "numeric_dollar" if vendor.lower().startswith("postgres") else "qmark"
    text, values = queries.placed(query, parameters, style)
    with con.cursor() as cursor:
        cursor.execute(text, values or None)
        yield from _gathered(cursor.fetch_record_batch(), rows)


def _by_duckdb(
    query: str, con: Any, parameters: Mapping[str, Any], rows: int
) -> Iterator[pa.Table]:
    text, values = queries.placed(query, parameters, "qmark")
    relation = con.sql(text, params=values)
    read = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    yield from _gathered(read(rows), rows)


def _gathered(batches: pa.RecordBatchReader, rows: int) -> Iterator[pa.Table]:
    """Batches together until they are `rows`, for some drivers give a thousand at a time."""
    held, count = [], 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        del batch  # as held is let go, too, before the next is read
        if count >= rows:
            yield pa.Table.from_batches(held)
            held, count = [], 0
    yield pa.Table.from_batches(held, batches.schema)
    if held:
        yield batches.schema.empty_table()


def _table(names: list[str], rows: list) -> pa.Table:
    """Rows of Python values as columns of one type each."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.Table.from_arrays([_column(values) for values in columns], names)


def _column(values: Sequence[Any]) -> pa.Array:
    """Values of one type as they are; decimals, mixed ones and those that Arrow lacks as texts."""
    try:
        column = pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return _texts(values)
    return _texts(values) if pa.types.is_decimal(column.type) else column


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _said(error: BaseException, con: Any) -> str:
    """The first words of a driver's error, without the password of the connection."""
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    if isinstance(error, ImportError):
        said = f"{said}: install the driver of this database"
    first = " ".join(said.splitlines()[0].split())
    for secret in sorted(_secrets(con), key=len, reverse=True):
        first = first.replace(secret, "***")
    return first


def _secrets(con: Any) -> set[str]:
    """Whatever of the connection's address may be a password, as written and as meant."""
    address = getattr(getattr(con, "engine", con), "url", con)
    if hasattr(address, "render_as_string"):
        address = address.render_as_string(hide_password=False)
    if not isinstance(address, str):
        return set()
    _, _, rest = address.partition("://")[2].rpartition("@")[0].partition(":")
    asked = urllib.parse.parse_qs(address.partition("?")[2]).get("password", [])
    # a password that holds an @ is cut there by whoever takes the rest for a host
    parts = [rest, *rest.split("@"), *asked]
    return {word for part in parts for word in (part, urllib.parse.unquote(part)) if word}
