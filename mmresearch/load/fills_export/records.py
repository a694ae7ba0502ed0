"""Records of JSON documents as columns, whole or not at all, and the line each stands on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.load import documents, text
from mmresearch.receipt import Fault

_ISO = "%Y-%m-%dT%H:%M:%S%.fZ"
YEARS = (1_230_768_000 * 10**9, 4_102_444_800 * 10**9)  # from 2009, the first coin's, to 2100
_SPAN = "of the years 2009 to 2099"
_TIMES = {
    "ms": f"milliseconds since 1970, {_SPAN}",
    "seconds": f"seconds since 1970 with up to 9 decimals, {_SPAN}",
    "iso": f"a time in UTC such as 2024-01-31T09:30:00.123Z, {_SPAN}",
}
_EXPECTED = {"number": "a number", "flag": "true or false", "text": "text", **_TIMES}


class Records(NamedTuple):
    """The records of one file; `mark` is a field that every record has once."""

    text: text.Text
    rows: Sequence[Mapping[str, Any]]
    mark: str

    @property
    def name(self) -> str:
        return self.text.name

    def lines(self, rows: Iterable[int]) -> list[int]:
        """The lines on which these rows (0 is the first) stand; else their numbers, from 1."""
        wanted = [int(row) for row in rows]
        pattern = rb'"' + re.escape(self.mark.encode()) + rb'"\s*:'
        starts = [found.start() for found in re.finditer(pattern, self.text.data)]
        if len(starts) != len(self.rows):
            return [row + 1 for row in wanted]
        ends = np.flatnonzero(np.frombuffer(self.text.data, dtype=np.uint8) == ord("\n"))
        return [int(np.searchsorted(ends, starts[row])) + 1 for row in wanted]

    def aside(self, rows: Iterable[int], reason: str) -> pd.DataFrame:
        """`Receipt.set_aside` of these rows, each as JSON."""
        wanted = [int(row) for row in rows]
        said = [json.dumps(self.rows[row], separators=(",", ":"), default=str) for row in wanted]
        parts = {"file": self.name, "line": self.lines(wanted), "reason": reason, "text": said}
        return pd.DataFrame(parts)


def read_roots(source: str, path: str | Path) -> documents.Documents | list[Fault]:
    """As `documents.read_documents`, but decimals stay the text they are written as."""
    (read,) = text.read_texts(source, [path])
    try:
        return documents.Documents(read, [_exact(read.data)], [1])
    except ValueError:
        lines = [
            (n, line) for n, line in enumerate(read.data.split(b"\n"), start=1) if line.strip()
        ]
    try:
        roots = [_exact(line) for _, line in lines]
    except ValueError:
        return documents.read_documents(source, path)  # names the lines that are none
    return documents.Documents(read, roots, [number for number, _ in lines])


def _exact(data: bytes) -> Any:
    return json.loads(data, parse_float=str, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def texts(rows: Sequence[Mapping[str, Any]], fields: Iterable[str]) -> pl.DataFrame:
    """The fields as columns of text; what is not there, null or empty is missing."""
    return pl.DataFrame({field: _column([row.get(field) for row in rows]) for field in fields})


def _column(values: list[Any]) -> pl.Series:
    """Values as text; whole columns of one type at once, as files are mostly of them."""
    types = set(map(type, values)) - {type(None)}
    if types == {str}:
        said = pl.Series(values, dtype=pl.String)
        return said.set(said == "", None)
    if types == {bool}:
        return pl.Series(values, dtype=pl.Boolean).cast(pl.String)
    return pl.Series([_said(value) for value in values], dtype=pl.String)


def _said(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def typed(
    file: str,
    frame: pl.DataFrame,
    kinds: Mapping[str, str],
    lines: Callable[[Iterable[int]], list[int]],
) -> tuple[pl.DataFrame, list[Fault]]:
    """Columns of text in the types of their kinds, and every cell that is none of its kind.

    Kinds are "number", "flag", "text" and the times "ms", "seconds" and "iso", which become
    nanoseconds since 1970; with a question mark behind it cells may be missing.
    """
    faults, clean = [], {}
    for name, kind in kinds.items():
        raw = frame[name]
        values = _cast(raw, kind.removesuffix("?"))
        bad = values.is_null() if not kind.endswith("?") else values.is_null() & raw.is_not_null()
        clean[name] = values
        if bad.any():
            faults.append(_fault(file, raw, bad, _EXPECTED[kind.removesuffix("?")], lines))
    return frame.with_columns(**clean), faults


def _cast(raw: pl.Series, kind: str) -> pl.Series:
    if kind == "number":
        numbers = raw.cast(pl.Float64, strict=False)
        return numbers.set(~numbers.is_finite().fill_null(True), None)
    if kind == "flag":
        return raw.str.to_lowercase().replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        )
    return raw if kind == "text" else instants(raw, kind)


def instants(raw: pl.Series, kind: str) -> pl.Series:
    """Times as nanoseconds since 1970, exactly; missing where a text is none of that kind."""
    if kind == "ms":
        numbers = raw.cast(pl.Int64, strict=False)
        whole = numbers.set(~numbers.is_between(0, YEARS[1] // 10**6).fill_null(True), None) * 10**6
    elif kind == "seconds":
        whole = raw.cast(pl.Decimal(38, 9), strict=False).to_physical()
    else:
        utc = raw.str.replace(r"\+00:?00$", "Z")
        whole = utc.str.to_datetime(_ISO, time_unit="ns", strict=False).cast(pl.Int64)
    inside = whole.is_between(*YEARS, closed="left").fill_null(True)
    return whole.set(~inside, None).cast(pl.Int64)


def _fault(file: str, raw: pl.Series, bad: pl.Series, expected: str, lines: Callable) -> Fault:
    rows = bad.arg_true().to_list()
    value = raw[rows[0]]
    shown = "nothing" if value is None else repr(value[:40])
    return text.rows_fault(file, lines(rows[:3]), f"{raw.name} {shown}", expected, len(rows))


def rule_faults(
    file: str,
    frame: pl.DataFrame,
    rules: Iterable[tuple[str, pl.Expr, str]],
    lines: Callable[[Iterable[int]], list[int]],
) -> list[Fault]:
    """The faults of values: a rule is the column shown, when it is broken, what was expected."""
    faults = []
    for column, broken, expected in rules:
        rows = frame.select(broken.fill_null(False)).to_series().arg_true().to_list()
        if rows:
            found = f"{column} {frame[column][rows[0]]}"
            faults.append(text.rows_fault(file, lines(rows[:3]), found, expected, len(rows)))
    return faults
