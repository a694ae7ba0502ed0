"""One error of everything that is wrong with the parts of tables, in the source's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mmresearch import schema
from mmresearch.load.table import origin
from mmresearch.load.table import parts as table_parts
from mmresearch.load.table import values as table_values
from mmresearch.load.table.parts import Part
from mmresearch.load.table.values import Wanted
from mmresearch.receipt import Fault, SourceError


def refuse(
    read: Mapping[str, Sequence[Part]], wanted: Mapping[str, Wanted], columns: Mapping[str, Any]
) -> None:
    """One error with every fault of every part, and the mapping that is probably meant."""
    faults = [fault for parts in read.values() for part in parts for fault in part.faults]
    if not faults:
        torn = [table_parts.torn(parts, wanted[kind]) for kind, parts in read.items()]
        faults = [fault for some in torn for fault in some] + _unused(read, columns)
    if not faults:
        return
    for part in (part for parts in read.values() for part in parts if part.frame is not None):
        faults += _broken(part)
    raise SourceError(origin.SOURCE, grouped(faults), note=_mapping(read, wanted))


def _unused(read: Mapping[str, Sequence[Part]], columns: Mapping[str, Any]) -> list[Fault]:
    """Names that a mapping for several tables gives and that none of them has."""
    theirs = {name for parts in read.values() for part in parts for name in part.theirs}
    absent = [t for t in columns.values() if not isinstance(t, Mapping) and t not in theirs]
    return [
        Fault("the tables", None, f"no column `{t}`", "a column of one of them") for t in absent
    ]


def _broken(part: Part) -> list[Fault]:
    """What the schema says of the part's columns in which nothing was at fault so far."""
    frame = part.frame
    try:
        schema.check(frame if "seq" in frame else frame.assign(seq=range(len(frame))), part.kind)
    except schema.SchemaError as error:
        new = ~error.faults["column"].isin(part.broken)
        return of_schema(error.faults[new], {part.kind: part})
    return []


def refuse_broken(part: Part) -> None:
    """An error where values of a part break the schema."""
    faults = _broken(part)
    if faults:
        raise SourceError(origin.SOURCE, faults)


def grouped(faults: Sequence[Fault]) -> list[Fault]:
    """The same fault of many files as one."""
    files: dict[tuple, list[str]] = {}
    for file, *said in faults:
        files.setdefault(tuple(said), []).append(file)
    return [Fault(table_parts.listed(names), *said) for said, names in files.items()]


def _mapping(read: Mapping[str, Sequence[Part]], wanted: Mapping[str, Wanted]) -> str:
    """The mapping to pass, of every table whose columns were not found."""
    found = {}
    for kind, parts in read.items():
        lost = [part for part in parts if part.frame is None and part.alike]
        alike = {ours: their for part in reversed(lost) for ours, their in part.alike.items()}
        if alike:
            known = {o: t for o, t in wanted[kind].columns.items() if t in lost[0].theirs}
            found[kind] = known | alike
    if not found:
        return ""
    return f"pass columns={found if len(read) > 1 else next(iter(found.values()))}"


def of_schema(faults: pd.DataFrame, read: Mapping[str, Part]) -> list[Fault]:
    """The schema's faults in the source's own words: its columns, its lines."""
    said = []
    for fault in faults.itertuples():
        part, column = read[fault.table], fault.column
        if fault.rows is pd.NA:
            said.append(Fault(part.label, None, f"{column}: {fault.fault}", fault.expected))
            continue
        rows = part.frame.index[fault.examples]
        cell = ""
        if column in part.names:
            theirs = part.frame[column] if part.raw is None else part.raw[part.names[column]]
            cell = f" {table_values.shown(theirs[rows[0]])}"
        what = f"{part.names.get(column, column)}{cell} ({fault.fault})"
        place = (part.label, part.first, what, rows, fault.rows, fault.expected)
        said.append(table_values.row_fault(*place))
    return said
