"""The parts of a table - files, a frame, a query - each converted, then agreed on and joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd
import polars as pl
import pyarrow as pa

from mmresearch import schema
from mmresearch.load import cells, times
from mmresearch.load.agreement import agreed
from mmresearch.load.table import naming, origin
from mmresearch.load.table import values as table_values
from mmresearch.load.table.values import Wanted, Wrong
from mmresearch.receipt import Fault, Receipt

# What says that two rows of these, the same in every column, are one event.
IDS = {"trades": "trade_id", "fills": "trade_id", "liquidations": "trade_id"}


class Part(NamedTuple):
    """One source of a table: its rows in the schema's values and what is known of them.

    frame is missing where no row could be read, raw where the cells as they stood are gone; `first`
    is the line of the first row in a text file; theirs are the source's columns, names says ours ->
    theirs, alike what probably is ours -> theirs beside; broken are our columns named in faults;
    aside are the rows set aside, for the receipt.
    """

    kind: str
    label: str
    frame: pd.DataFrame | None
    faults: list[Fault]
    raw: pd.DataFrame | None = None
    first: int | None = None
    facts: dict | None = None
    notes: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    names: Mapping[str, str] = {}
    alike: Mapping[str, str] = {}
    broken: frozenset[str] = frozenset()
    aside: pd.DataFrame = Receipt("").set_aside


def read(pieces: Iterator[origin.Piece | list[Fault]], wanted: Wanted, *, alone: bool) -> Part:
    """The part that the pieces are; `alone` where the mapping is for this table only."""
    frames, wrong, begins, part = [], [], 0, None
    for piece in pieces:
        if isinstance(piece, list):
            return Part(wanted.kind, piece[0].file, None, piece)
        part = named(piece, wanted, alone=alone)
        if part.faults:
            return part
        frame, bad = table_values.values(piece.frame, part.names, wanted, begins)
        frames.append(frame)
        wrong += bad
        begins += len(frame)
        piece = None  # let go before the next is read
    frame = frames[0] if len(frames) == 1 else pd.concat(agreed(frames), ignore_index=True)
    wrong = table_values.together(wrong) or _mixed_units(frame, part, wanted)
    facts = part.facts or {"file": part.label, "bytes": 0, "sha256": origin.digest(frame)}
    return part._replace(
        frame=frame,
        facts=facts | {"rows": len(frame)},
        faults=[table_values.fault(part.label, part.first, one) for one in wrong],
        broken=frozenset(one.ours for one in wrong),
        notes=(*part.notes, *notes_of(part, frame, wanted)),
    )


def named(piece: origin.Piece, wanted: Wanted, *, alone: bool) -> Part:
    """The piece's columns by our names, or the faults of it."""
    theirs, columns = list(piece.frame.columns), wanted.columns
    if not alone:  # one mapping for several tables: each takes what it has
        columns = {ours: t for ours, t in columns.items() if t in theirs}
    names, wrong = naming.matched(theirs, wanted.kind, columns)
    absent, alike = naming.lacking(names, theirs, wanted.kind, {*wanted.given, *columns})
    line = None if piece.first is None else piece.first - 1
    faults = [Fault(piece.label, line, found, expected) for found, expected in wrong + absent]
    raw = None if piece.facts is None else piece.frame  # of a query only a chunk is held
    about = (raw, piece.first, piece.facts, piece.notes, tuple(theirs), names, alike)
    return Part(wanted.kind, piece.label, None, faults, *about)


def _mixed_units(frame: pd.DataFrame, part: Part, wanted: Wanted) -> list[Wrong]:
    """Times that are of our days only in another unit than the others'."""
    wrong = []
    for column in _times(part, wanted):
        rows, unit = times.misread(frame[column], wanted.unit)
        if 0 < len(rows) < len(frame):
            said = f"{part.names[column]} {frame[column].iloc[rows[0]]}, probably in unit {unit!r}"
            wrong.append(Wrong(column, part.names[column], said, "times in one unit", rows))
    return wrong


def _times(part: Part, wanted: Wanted) -> list[str]:
    kinds = {c.name: c.kind for c in schema.columns(part.kind)}
    return [c for c in part.names if kinds.get(c) == "time" and wanted.unit is not None]


def times_of(part: Part) -> list[str]:
    """Our columns of times that the part's source has."""
    kinds = {c.name: c.kind for c in schema.columns(part.kind)}
    return [c for c in part.names if kinds.get(c) == "time"]


def notes_of(part: Part, frame: pd.DataFrame, wanted: Wanted) -> list[str]:
    """What was understood of the part's columns."""
    kinds = {c.name: c.kind for c in schema.columns(part.kind)}
    renamed = [f"{ours} is `{their}`" for ours, their in part.names.items() if ours != their]
    extra = [t for t in part.theirs if t not in part.names.values()]
    notes = [", ".join(renamed)] if renamed else []
    notes += [f"kept beside: {', '.join(extra)}"] if extra else []
    for ours, their in part.alike.items():
        pair = f"columns={{{ours!r}: {their!r}}}"
        notes.append(f"`{their}` looks like `{ours}` and was not taken for it: pass {pair} if so")
    for column, value in wanted.given.items():
        if column in part.names:
            notes.append(f"it has its own {column}: {value!r} was not used")
    for column, their in part.names.items():
        if kinds.get(column) == "time" and isinstance(frame[column].dtype, pd.DatetimeTZDtype):
            notes += times.doubtful(their, frame[column])
    return notes


def torn(parts: Sequence[Part], wanted: Wanted) -> list[Fault]:
    """What cannot be one table: files with `seq` and without, files with times of other units."""
    without = [part for part in parts if "seq" not in part.names]
    some = 0 < len(without) < len(parts)
    faults = [
        Fault(
            part.label, None, "no column `seq`", "it in every file, as others have it, or in none"
        )
        for part in (without if some else ())
    ]
    for column in _times(parts[0], wanted) if len(parts) > 1 else []:
        found = [times.misread(part.frame[column], wanted.unit) for part in parts]
        if any(not len(rows) for rows, _ in found):
            faults += [
                Fault(part.label, None, f"{column} probably in unit {unit!r}", "the others' unit")
                for part, (rows, unit) in zip(parts, found, strict=True)
                if len(rows)
            ]
    return faults


def settled(parts: Sequence[Part]) -> list[Part]:
    """The parts with the same columns in the same types, each event once in its part."""
    frames = _freed(agreed([part.frame for part in parts]), parts[0].kind)
    return [_once(part._replace(frame=f)) for part, f in zip(parts, frames, strict=True)]


def _freed(frames: list[pd.DataFrame], kind: str) -> list[pd.DataFrame]:
    """The columns that the schema does not know: numbers if every cell of every frame is one."""
    known = {c.name for c in naming.wanted_columns(kind, list(frames[0].columns))}
    for name in frames[0].columns.difference(known, sort=False):
        if not isinstance(frames[0][name].dtype, pd.StringDtype):
            continue
        parsed = [cells.numbers(frame[name]) for frame in frames]
        if not any(bad.any() for _, bad in parsed):
            numbers = agreed([values.to_frame(name) for values, _ in parsed])
            frames = [f.assign(**n) for f, n in zip(frames, numbers, strict=True)]
    return frames


def _once(part: Part) -> Part:
    """The part without the rows that repeat one wholly, its id too; these are set aside."""
    frame, key = part.frame, IDS.get(part.kind)
    if key not in frame or not _twice(frame[key]):
        return part
    often = frame[frame[key].notna() & frame[key].duplicated(keep=False)]
    again = often.index[often.duplicated()]
    text = [",".join(map(str, row)) for row in frame.loc[again].itertuples(index=False)]
    line = again + part.first if part.first is not None else pd.NA
    rows = {"file": part.label, "line": line, "reason": f"a row again, its {key} too", "text": text}
    aside = pd.DataFrame(rows, index=range(len(again))).astype({"line": "Int64"})
    return part._replace(frame=frame.drop(index=again), aside=aside)


def _twice(ids: pd.Series) -> bool:
    """Whether an id stands there more than once."""
    known = pl.Series(values=pa.array(ids, from_pandas=True)).drop_nulls()
    return known.n_unique() < known.len()


def said(parts: Sequence[Part]) -> list[str]:
    """The notes of the parts, those of many once, and which columns some of them lack."""
    labels: dict[str, list[str]] = {}
    for part in parts:
        for note in part.notes:
            labels.setdefault(note, []).append(part.label)
    notes = [f"{listed(where)}: {note}" for note, where in labels.items()]
    for column in dict.fromkeys(c for part in parts for c in part.frame.columns):
        without = [part.label for part in parts if column not in part.frame.columns]
        if without:
            notes.append(f"no column `{column}` in {listed(without)}: missing there")
    return notes


def listed(labels: Sequence[str]) -> str:
    """The first of some files and how many more."""
    more = f" and {len(labels) - 2} more" if len(labels) > 2 else ""
    return ", ".join(labels[:2]) + more
