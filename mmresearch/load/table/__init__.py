"""Any table, from wherever it comes: its columns named, its times placed, its values checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mmresearch import schema
from mmresearch.load import several, times
from mmresearch.load.table import order, origin, refusal
from mmresearch.load.table import parts as table_parts
from mmresearch.load.table.blocks import in_blocks
from mmresearch.load.table.parts import Part
from mmresearch.load.table.values import Wanted
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError

__all__ = ["ENDINGS", "combined", "in_blocks", "table"]  # what converting needs too

ENDINGS = origin.ENDINGS
_SOURCE = origin.SOURCE


@tells
def table(
    source: Any,
    kind: str | None = None,
    *,
    columns: Mapping[str, Any] | None = None,
    time_zone: str | None = None,
    unit: str | None = None,
    symbol: str | None = None,
    account: str | None = None,
    calendar: str = "24/7",
    symbols: pd.DataFrame | None = None,
    con: Any = None,
    parameters: Mapping[str, Any] | None = None,
    chunk_rows: int = 100_000,
    name: str | None = None,
) -> Market:
    """A market from tables of any source.

    Parameters
    ----------
    source : path, list of path, DataFrame, Arrow table, SQL text, or a dict of them
        Files are CSV (separated by comma, semicolon, tab or bar), Parquet or Arrow, as they are or
        packed (gzip, zip of one file, lz4, zstandard). A folder, a pattern (2024/*.parquet) and a
        list of files are one table; folders named as symbol=ABC in it give a column.
        A dict, {"trades": ..., "quotes": ...}, gives several tables; `kind` is then left out.
    kind : str
        Which of the schema's tables it is. Rows of quotes whose column `account` names one are that
        account's own: they become the table `own_quotes`, the others stay the market's.
    columns : mapping, optional
        Our name -> theirs, as {"size": "qty"}; for several tables one mapping for all, or one for
        each: {"trades": {"size": "qty"}}. Columns that the schema does not know are kept.
    time_zone : str, optional
        Of times that name none.
    unit : {"s", "ms", "us", "ns"}, optional
        Of times that are numbers, counted from 1970-01-01 00:00 UTC.
    symbol, account : str, optional
        Of every row of a table that has no such column; quotes of one account are `own_quotes`.
    calendar, symbols
        As `Market` takes them.
    con : SQLAlchemy engine, connection or URL, ADBC or DuckDB connection, optional
        The database that SQL text is asked of. It is only read: the text is one SELECT or WITH.
    parameters : mapping, optional
        Values for the names that the query writes as `:symbol`; they are bound, never pasted.
    chunk_rows : int, optional
        How many rows of a query are held as they came while they are converted.
    name : str, optional
        Of the market; the file's if not given.

    Returns
    -------
    Market
        Without `seq`, the order of rows is the order of events (the rows of a file from newest to
        oldest are numbered from the last), and quotes and books come after the trades of their
        instant (`schema.UNORDERED`), so that a strict join takes only those certainly known before.
        Trades, fills and liquidations that repeat a row wholly, its trade_id too, are set aside.

    Raises
    ------
    SourceError
        Naming every fault: columns not there (and which of theirs is probably meant), times
        without zone or unit, values that break the schema, with their lines, and what a database
        said; and where columns are not there, the mapping to pass.
    """
    sources, mappings = _by_table(source, kind, columns)
    times.check_zone_and_unit(time_zone, unit)
    given = {k: v for k, v in {"symbol": symbol, "account": account}.items() if v is not None}
    ask = origin.Database(con, parameters or {}, chunk_rows)
    wanted = {k: Wanted(k, mappings[k], given, time_zone, unit) for k in sources}
    read = {k: _parts(one, wanted[k], ask, alone=len(sources) == 1) for k, one in sources.items()}
    refusal.refuse(read, wanted, columns or {})
    frames, receipt = _joined(read)
    name = name or " ".join(_name(parts) for parts in read.values())
    about = {"symbols": symbols, "calendar": calendar, "receipt": receipt, "name": name}
    try:
        return Market(**about, **frames)
    except schema.SchemaError as error:
        only = {kind: parts[0] for kind, parts in read.items()}
        raise SourceError(_SOURCE, refusal.of_schema(error.faults, only)) from None


def combined(parts: Sequence[Market]) -> Market:
    """One market of markets of single files; where they have a `seq` of their own, it holds."""
    notes = [note for part in parts for note in part.receipt.notes]
    return several.joined(_SOURCE, parts, renumber=any(n.endswith(order.NO_SEQ) for n in notes))


def _by_table(source: Any, kind: str | None, columns: Mapping | None) -> tuple[dict, dict]:
    """Sources and mappings by table, whichever way they were given."""
    if isinstance(source, Mapping) == (kind is not None):
        tables = f"one of {', '.join(schema.TABLES)}"
        raise ValueError(f"give one source and its kind, {tables}, or a dict of sources by kind")
    sources = dict(source) if kind is None else {kind: source}
    unknown = [k for k in sources if k not in schema.TABLES]
    if unknown or not sources:
        raise ValueError(f"no tables {unknown}; the tables are {', '.join(schema.TABLES)}")
    columns = dict(columns or {})
    each = any(isinstance(v, Mapping) for v in columns.values())
    return sources, {k: dict(columns.get(k, {})) if each else columns for k in sources}


def _parts(source: Any, wanted: Wanted, ask: origin.Database, *, alone: bool) -> list[Part]:
    try:
        found = origin.sources(source, ask, "" if alone else f" of {wanted.kind}")
    except SourceError as error:  # no file there
        return [Part(wanted.kind, str(source), None, error.faults)]
    return [table_parts.read(pieces, wanted, alone=alone) for pieces in found]


def _joined(read: dict[str, list[Part]]) -> tuple[dict[str, pd.DataFrame], Receipt]:
    """Each table's rows, of one file or of many, and the receipt of all."""
    frames, files, aside, notes = {}, [], [], []
    for kind, parts in read.items():
        notes += table_parts.said(parts)
        read[kind] = table_parts.settled(parts)
    notes += order.number(read)
    for kind, parts in read.items():
        files += [pd.DataFrame([part.facts]) for part in parts]
        if len(parts) == 1:
            frames[kind], again = parts[0].frame, parts[0].aside
        else:
            market = _of_many(parts)
            _refuse_both(market, read)
            frames |= {name: market[name] for name in market}
            again = market.receipt.set_aside
        aside += [again] if len(again) else []
    gone = pd.concat(aside, ignore_index=True) if aside else Receipt(_SOURCE).set_aside
    return frames, Receipt(_SOURCE, pd.concat(files, ignore_index=True), gone, tuple(notes))


def _of_many(parts: Sequence[Part]) -> Market:
    """The files of one table, joined as those of every source are."""
    kind, markets, faults = parts[0].kind, [], []
    for part in parts:
        receipt = Receipt(_SOURCE, pd.DataFrame([part.facts]), part.aside)
        try:
            markets.append(Market(**{kind: part.frame}, receipt=receipt, name=part.label))
        except schema.SchemaError as error:
            faults += refusal.of_schema(error.faults, {kind: part})
    if faults:
        raise SourceError(_SOURCE, refusal.grouped(faults))
    return several.joined(_SOURCE, markets, renumber="seq" not in parts[0].names)


def _refuse_both(market: Market, read: Mapping[str, list[Part]]) -> None:
    """An account's own quotes stand among the market's, or in a table of their own."""
    if "own_quotes" in market and {"quotes", "own_quotes"} <= set(read):
        fault = Fault("the files of quotes", None, "an account, and own_quotes too", "one of them")
        raise SourceError(_SOURCE, [fault])


def _name(parts: Sequence[Part]) -> str:
    return Path(parts[0].label).name.split(".")[0] if len(parts) == 1 else _SOURCE
