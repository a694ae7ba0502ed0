"""A piece's cells as the schema's values, and what is wrong with them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mmresearch.load import cells, times
from mmresearch.load.table import naming
from mmresearch.load.text import rows_fault
from mmresearch.receipt import Fault


class Wanted(NamedTuple):
    """What is asked of one table: which it is, its names, and what its cells do not say."""

    kind: str
    columns: Mapping[str, str]
    given: Mapping[str, str]
    time_zone: str | None
    unit: str | None


class Wrong(NamedTuple):
    """What is wrong with one column: on all rows (none are named), or on some of them."""

    ours: str
    their: str
    found: str
    expected: str
    rows: Sequence[int] = ()


def values(
    frame: pd.DataFrame, names: Mapping[str, str], wanted: Wanted, begins: int = 0
) -> tuple[pd.DataFrame, list[Wrong]]:
    """The cells in the schema's values, with the columns it does not know behind, as they are.

    Rows are counted from `begins`, the number of rows ahead of these in the same source.
    """
    kinds = {c.name: c.kind for c in naming.wanted_columns(wanted.kind, list(names))}
    result, wrong = {}, []
    for ours, their in names.items():
        raw = frame[their]
        result[ours], complaints = converted(raw, ours, kinds.get(ours), wanted)
        wrong += [_wrong(ours, their, raw, begins, *said) for said in complaints[:1]]
    for column, value in wanted.given.items():
        if column in kinds and column not in names:
            result[column] = value
    for their in frame.columns:
        if their not in names.values():
            result[their if their not in result else f"{their}_source"] = frame[their]
    return pd.DataFrame(result, index=frame.index), wrong


def converted(
    raw: pd.Series, ours: str, kind: str | None, wanted: Wanted
) -> tuple[pd.Series, list[times.Complaint]]:
    """A column's cells as values of the kind, and what keeps them from being so."""
    if kind == "time":
        return times.utc(raw, time_zone=wanted.time_zone, unit=wanted.unit)
    if kind is None:
        return raw, []
    if kind == "text" and ours != "right":
        named = [] if _may_name(raw) else [(f"type {raw.dtype}", "text or whole numbers", None)]
        return cells.texts(raw), named
    if kind == "sign":
        (found, bad), expected = cells.sides(raw, wanted.kind), cells.sides_expected(wanted.kind)
    elif kind == "flag":
        (found, bad), expected = cells.flags(raw), "true or false"
    elif ours == "right":
        (found, bad), expected = cells.rights(raw), "call or put"
    else:
        (found, bad), expected = cells.numbers(raw), "numbers"
    return found, [("", expected, bad)] if bad.any() else []


def _may_name(raw: pd.Series) -> bool:
    """Whether cells may be names: a flag or a time is none, though it can be written as text."""
    if raw.dtype.kind != "O":
        return raw.dtype.kind not in "bmM"
    first = raw.dropna().head(1)
    never = (bool, datetime.date, datetime.time, datetime.timedelta)
    return first.empty or not isinstance(first.iloc[0], never)


def _wrong(
    ours: str, their: str, raw: pd.Series, begins: int, what: str, expected: str, bad: Any
) -> Wrong:
    if bad is None:
        return Wrong(ours, their, f"column `{their}`: {what}", expected)
    rows = np.flatnonzero(bad.to_numpy())
    found = f"{their} {shown(raw.iloc[rows[0]])}" + (f" ({what})" if what else "")
    return Wrong(ours, their, found, expected, rows + begins)


def shown(value: Any) -> str:
    """A cell as it is shown in a fault."""
    return repr(value) if isinstance(value, str) else str(value)


def together(wrong: Sequence[Wrong]) -> list[Wrong]:
    """What is wrong in several pieces of one source, each column's faults as one."""
    found: dict[tuple, Wrong] = {}
    for one in wrong:
        key = (one.ours, one.expected, len(one.rows) > 0)
        if key in found:
            one = found[key]._replace(rows=np.concatenate([found[key].rows, one.rows]))
        found[key] = one
    return list(found.values())


def fault(label: str, first: int | None, wrong: Wrong) -> Fault:
    """The fault of a source in which `first` is the line of its first row, if rows have lines."""
    if not len(wrong.rows):
        return Fault(label, None, wrong.found, wrong.expected)
    return row_fault(label, first, wrong.found, wrong.rows, len(wrong.rows), wrong.expected)


def row_fault(
    label: str, first: int | None, what: str, rows: Sequence[int], count: int, expected: str
) -> Fault:
    """Rows named by their lines in a text file, else by their number counted from 0."""
    if first is None:
        places = ", ".join(str(row) for row in rows[:3])
        return Fault(label, None, f"{what} ({count:,} rows, first at {places})", expected)
    return rows_fault(label, [row + first for row in rows], what, expected, count)
