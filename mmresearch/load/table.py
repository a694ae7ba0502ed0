"""Any table, from wherever it comes: its columns named, its times placed, its values checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmresearch import schema
from mmresearch.load import cells, naming, origin, times
from mmresearch.load.text import rows_fault
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError

_SOURCE = "table"
_EARLY, _LATE = pd.Timestamp("1990-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC")


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
    name: str | None = None,
) -> Market:
    """A market from tables of any source.

    Parameters
    ----------
    source : path, DataFrame, Arrow table, SQL text, or a dict of them
        Files are CSV (separated by comma, semicolon, tab or bar; plain or gzip), Parquet or Arrow.
        A dict, {"trades": ..., "quotes": ...}, gives several tables; `kind` is then left out.
    kind : str
        Which of the schema's tables it is.
    columns : mapping, optional
        Our name -> theirs, as {"size": "qty"}; for several tables one mapping for all, or one for
        each: {"trades": {"size": "qty"}}. Columns that the schema does not know are kept.
    time_zone : str, optional
        Of times that name none.
    unit : {"s", "ms", "us", "ns"}, optional
        Of times that are numbers, counted from 1970-01-01 00:00 UTC.
    symbol, account : str, optional
        Of every row of a table that has no such column.
    calendar, symbols
        As `Market` takes them.
    con : SQLAlchemy engine, connection or URL, optional
        The database that SQL text is asked of.
    name : str, optional
        Of the market; the file's if not given.

    Returns
    -------
    Market
        Without `seq`, the order of rows is the order of events (rows from newest to oldest are
        numbered from the last), and quotes and books come after the trades of their instant
        (`schema.UNORDERED`), so that a strict join takes only those certainly known before.

    Raises
    ------
    SourceError
        Naming every fault: columns not there (and which of theirs is probably meant), times
        without zone or unit, and values that break the schema, with their lines.
    """
    sources, mappings = _by_table(source, kind, columns)
    times.check_zone_and_unit(time_zone, unit)
    given = {k: v for k, v in {"symbol": symbol, "account": account}.items() if v is not None}
    read = {k: origin.read(one, con) for k, one in sources.items()}
    frames, named, notes = _all_values(read, mappings, given, time_zone, unit)
    notes += _number(frames)
    receipt = Receipt(_SOURCE, pd.DataFrame([r.facts for r in read.values()]), notes=tuple(notes))
    name = name or " ".join(Path(r.label).name.split(".")[0] for r in read.values())
    about = {"symbols": symbols, "calendar": calendar, "receipt": receipt, "name": name}
    try:
        return Market(**about, **frames)
    except schema.SchemaError as error:
        raise SourceError(_SOURCE, _schema_faults(error.faults, read, named)) from None


def _all_values(
    read: dict[str, origin.Origin | list[Fault]],
    mappings: dict[str, dict[str, str]],
    given: dict[str, str],
    time_zone: str | None,
    unit: str | None,
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, str]], list[str]]:
    """Every table in the schema's values, its names, and notes; or one error with every fault."""
    frames, named, notes, faults, broken = {}, {}, [], [], set()
    for kind, found in read.items():
        if isinstance(found, list):
            faults += found
            continue
        named[kind], wrong = _names(found, kind, mappings[kind], given, alone=len(read) == 1)
        faults += wrong
        if not wrong:
            frames[kind], bad, said = _values(found, kind, named[kind], given, time_zone, unit)
            notes += [*found.notes, *said]
            faults += bad.values()
            broken |= {(kind, ours) for ours in bad}
    if faults:
        raise SourceError(_SOURCE, faults + _further_faults(frames, read, named, broken))
    return frames, named, notes


def _further_faults(frames: dict, read: dict, named: dict, broken: set) -> list[Fault]:
    """What the schema says of the columns in which nothing was at fault so far."""
    further = []
    for kind, frame in frames.items():
        try:
            schema.check(frame if "seq" in frame else frame.assign(seq=range(len(frame))), kind)
        except schema.SchemaError as error:
            new = [(kind, column) not in broken for column in error.faults["column"]]
            further += _schema_faults(error.faults[new], read, named)
    return further


def _by_table(source: Any, kind: str | None, columns: Mapping | None) -> tuple[dict, dict]:
    """Sources and mappings by table, whichever way they were given."""
    if isinstance(source, Mapping) == (kind is not None):
        raise TypeError("give one source and its kind, or a dict of sources by kind")
    sources = dict(source) if kind is None else {kind: source}
    unknown = [k for k in sources if k not in schema.TABLES]
    if unknown or not sources:
        raise ValueError(f"no tables {unknown}; the tables are {', '.join(schema.TABLES)}")
    columns = dict(columns or {})
    each = any(isinstance(v, Mapping) for v in columns.values())
    return sources, {k: dict(columns.get(k, {})) if each else columns for k in sources}


def _names(
    found: origin.Origin, kind: str, columns: dict[str, str], given: dict[str, str], *, alone: bool
) -> tuple[dict[str, str], list[Fault]]:
    """Ours -> theirs for one source, and the faults of it."""
    theirs = list(found.frame.columns)
    if not alone:  # one mapping for several tables: each takes what it has
        columns = {ours: t for ours, t in columns.items() if t in theirs}
    names, wrong = naming.matched(theirs, kind, columns)
    wrong += naming.lacking(names, theirs, kind, {"seq", *given, *columns})
    line = None if found.first is None else found.first - 1
    return names, [Fault(found.label, line, what, expected) for what, expected in wrong]


def _values(
    found: origin.Origin,
    kind: str,
    names: dict[str, str],
    given: dict[str, str],
    time_zone: str | None,
    unit: str | None,
) -> tuple[pd.DataFrame, dict[str, Fault], list[str]]:
    """The source's cells as the schema's values, what is wrong with a column, and notes."""
    kinds = {c.name: c.kind for c in naming.wanted_columns(kind, list(names))}
    result, faults, notes = {}, {}, []
    for ours, their in names.items():
        raw = found.frame[their]
        values, wrong = _converted(raw, ours, kinds.get(ours), kind, time_zone, unit)
        result[ours] = values
        if wrong:
            faults[ours] = _fault(found, their, raw, *wrong[0])
        elif kinds.get(ours) == "time":
            notes += _doubtful_times(found.label, their, values)
    for column, value in given.items():
        if column in kinds and column not in names:
            result[column] = value
        elif column in kinds:
            notes.append(f"{found.label} has its own {column}: {value!r} was not used")
    extra = [t for t in found.frame.columns if t not in names.values()]
    for their in extra:
        result[their if their not in result else f"{their}_source"] = cells.free(found.frame[their])
    renamed = [f"{ours} is `{their}`" for ours, their in names.items() if ours != their]
    notes += [f"{found.label}: {', '.join(renamed)}"] if renamed else []
    notes += [f"{found.label}: kept beside: {', '.join(extra)}"] if extra else []
    return pd.DataFrame(result, index=found.frame.index), faults, notes


def _converted(
    raw: pd.Series,
    ours: str,
    kind: str | None,
    table_name: str,
    time_zone: str | None,
    unit: str | None,
) -> tuple[pd.Series, list[times.Complaint]]:
    if kind == "time":
        return times.utc(raw, time_zone=time_zone, unit=unit)
    if kind is None:
        return cells.free(raw), []
    if kind == "text" and ours != "right":
        return cells.texts(raw), []
    if kind == "sign":
        (values, bad), expected = cells.sides(raw, table_name), "buy or sell, +1 or -1"
    elif kind == "flag":
        (values, bad), expected = cells.flags(raw), "true or false"
    elif ours == "right":
        (values, bad), expected = cells.rights(raw), "call or put"
    else:
        (values, bad), expected = cells.numbers(raw), "numbers"
    return values, [("", expected, bad)] if bad.any() else []


def _fault(
    found: origin.Origin, column: str, raw: pd.Series, what: str, expected: str, bad: Any
) -> Fault:
    """One fault of a column: on all its rows, or on some of them with the first one's value."""
    if bad is None:
        return Fault(found.label, None, f"column `{column}`: {what}", expected)
    rows = np.flatnonzero(bad.to_numpy())
    return _row_fault(found, f"{column} {raw.iloc[rows[0]]!r}", rows, len(rows), expected)


def _row_fault(found: origin.Origin, what: str, rows: Any, count: int, expected: str) -> Fault:
    """Rows named by their lines in a text file, else by their number counted from 0."""
    if found.first is None:
        places = ", ".join(str(row) for row in rows[:3])
        return Fault(found.label, None, f"{what} ({count:,} rows, first at {places})", expected)
    return rows_fault(found.label, [r + found.first for r in rows], what, expected, count)


def _doubtful_times(label: str, column: str, values: pd.Series) -> list[str]:
    first, last = values.min(), values.max()
    if first >= _EARLY and last <= _LATE:
        return []
    return [f"{label}: `{column}` runs from {first} to {last}: is its unit right?"]


def _number(frames: dict[str, pd.DataFrame]) -> list[str]:
    """Give every table without `seq` its file's order; says so."""
    ordered = [k for k in frames if any(c.name == "seq" for c in schema.columns(k))]
    lacking = [k for k in ordered if "seq" not in frames[k]]
    notes = []
    for k in ordered:
        frame = frames[k]
        later = k in ("quotes", "book")
        if k in lacking:
            frame["seq"] = _file_order(frame["time"])
            notes.append(f"{k}: no seq, the file's order is the order")
        if later and (k in lacking or set(lacking) - {"quotes", "book"}):
            frame["seq"] = frame["seq"] + schema.UNORDERED
            notes.append(f"{k}: counted after the trades of the same instant")
    return notes


def _file_order(time: pd.Series) -> np.ndarray:
    rows = np.arange(len(time))
    newest_first = time.is_monotonic_decreasing and not time.is_monotonic_increasing
    return rows[::-1] if newest_first else rows


def _schema_faults(faults: pd.DataFrame, read: dict, named: dict) -> list[Fault]:
    """The schema's faults in the source's own words: its columns, its lines."""
    said = []
    for fault in faults.itertuples():
        found = read[fault.table]
        their = named[fault.table].get(fault.column)
        if fault.rows is pd.NA:
            said.append(Fault(found.label, None, f"{fault.column}: {fault.fault}", fault.expected))
            continue
        value = "" if their is None else f" {found.frame[their].iloc[fault.examples[0]]!r}"
        what = f"{their or fault.column}{value} ({fault.fault})"
        said.append(_row_fault(found, what, fault.examples, fault.rows, fault.expected))
    return said
