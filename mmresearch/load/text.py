"""Reading text files: whole or not at all, and where a line is wrong, which and why.

A file is read fast by polars. Only when that fails are its lines walked in Python, to name every
line that is at fault.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import lines
from mmresearch.load.unpack import read_bytes
from mmresearch.receipt import Fault, SourceError

_SHOWN = 3  # examples of one kind of fault
_NUMBER = r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"
_GROUPED = r"\s*[+-]?[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}(\.[0-9]*)?\s*"


class Kind(NamedTuple):
    """How the cells of a column read: as what type, which text is right, what to call it."""

    dtype: pl.DataType | type[pl.DataType]
    pattern: str
    expected: str


KINDS = {
    "whole": Kind(pl.Int64, r"\s*[+-]?[0-9]+\s*", "a whole number"),
    "exact": Kind(pl.String, r"\s*[+-]?[0-9]+\s*", "a whole number"),  # of any length, kept as text
    "number": Kind(pl.String, f"{_NUMBER}|{_GROUPED}", "a number"),
    "float": Kind(pl.Float64, _NUMBER, "a number"),  # faster: thousands are not grouped
    "seconds": Kind(pl.Decimal(20, 9), _NUMBER, "seconds, with up to 9 decimals"),
    "text": Kind(pl.String, r"(?s).*\S.*", "text"),
    "any": Kind(pl.String, r"(?s).*", "anything"),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; with a question mark behind it cells may be empty, as "float?"."""
    kind = KINDS[name.removesuffix("?")]
    return kind._replace(pattern=rf"{kind.pattern}|\s*") if name.endswith("?") else kind


class Text(NamedTuple):
    """A text file's content: UTF-8 without byte order mark and without empty last lines.

    ended: whether the file ended with an end of line, as a file that is whole mostly does.
    above: of a block of a file (`load.blocks`) the lines that stand, in the file, ahead of its rows
    and behind its header.
    last: whether nothing follows.
    hashed: the SHA-256 of the file's bytes so far, where they were hashed as they were read.
    """

    path: Path
    data: bytes
    ended: bool
    above: int = 0
    last: bool = True
    hashed: Any = None

    @property
    def name(self) -> str:
        return self.path.name


def read_texts(source: str, paths: Sequence[str | Path]) -> list[Text]:
    """The text of every file, packed or not; one SourceError names all that cannot be read."""
    read = [_read(Path(path)) for path in paths]
    faults = [found for found in read if isinstance(found, Fault)]
    if faults:
        raise SourceError(source, faults)
    return read


def _read(path: Path) -> Text | Fault:
    data = read_bytes(path)
    return data if isinstance(data, Fault) else decoded(path, data)


def decoded(path: Path, data: bytes) -> Text | Fault:
    """The bytes as text, if they are UTF-8 and not empty."""
    data = data.removeprefix(lines.MARK)
    fault = lines.too_long(path, data)
    if fault is not None:
        return fault
    if not re.search(rb"\S", data):
        return Fault(str(path), None, "an empty file", "rows of text")
    if b"\n" not in data:  # old line ends
        data = data.replace(b"\r", b"\n")
    return lines.no_text(path, data) or Text(
        path, data.rstrip(b"\r\n"), data.endswith((b"\n", b"\r"))
    )


def first_fields(text: Text, separator: str = ",") -> list[str]:
    """The cells of the first line."""
    end = text.data.find(b"\n")
    line = (text.data if end < 0 else text.data[:end]).decode().rstrip("\r").replace("\r", " ")
    return next(csv.reader([line], delimiter=separator), [""])


def is_header(fields: list[str]) -> bool:
    """Whether a first line names columns: it holds words and no number."""
    numbers = [re.fullmatch(_NUMBER, field) for field in fields]
    return not any(numbers) and any(field.strip() for field in fields)


def word(name: str) -> str:
    """A column's name without case, spaces and signs, to compare it by."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def parse(
    text: Text,
    kinds: dict[str, str],
    *,
    header: bool,
    separator: str = ",",
    quote: str | None = '"',
) -> pl.DataFrame | list[Fault]:
    """The file's cells by column, in the types of `kinds`; or every fault of its lines.

    Row i of the frame is line i + 1 of the file, one later if there is a header.
    """
    if header and b"\n" not in text.data:
        return [Fault(text.name, None, "a header and no row", "rows")]
    try:
        frame = _cells(text.data, kinds, separator, quote, header=header)
    except pl.exceptions.PolarsError as error:
        return diagnose(text, kinds, header=header, separator=separator, quote=quote, error=error)
    if not _in_doubt(frame, text.data, kinds, separator, header=header):
        return _infinite(text, frame, header=header) or frame
    faults = diagnose(text, kinds, header=header, separator=separator, quote=quote)
    return faults or _infinite(text, frame, header=header) or frame


def sure(text: Text, kinds: dict[str, str], *, separator: str = ",") -> pl.DataFrame | None:
    """The cells of a file with a header as `parse` gives them; None where anything is in doubt."""
    try:
        frame = _cells(text.data, kinds, separator, '"', header=True)
    except pl.exceptions.PolarsError:
        return None
    return None if _in_doubt(frame, text.data, kinds, separator, header=True) else frame


def _cells(
    data: bytes, kinds: dict[str, str], separator: str, quote: str | None, *, header: bool
) -> pl.DataFrame:
    schema = {name: kind_of(kind).dtype for name, kind in kinds.items()}
    how = {"quote_char": quote, "separator": separator, "has_header": False}
    try:
        frame = pl.read_csv(data, schema=schema, skip_lines=int(header), **how)
    except pl.exceptions.PanicException as error:  # as at a lone quotation mark on the last line
        raise pl.exceptions.ComputeError(str(error)) from None
    frame = frame.rechunk()  # or else much that is done with it would copy it anew
    numbers = [frame[name] for name, kind in kinds.items() if kind.startswith("number")]
    return frame.with_columns(_from_grouped(series) for series in numbers)


def _in_doubt(
    frame: pl.DataFrame, data: bytes, kinds: dict[str, str], separator: str, *, header: bool
) -> bool:
    """Whether rows may be no lines, or cells not of their kinds."""
    rows = lines.ends(data) + 1 - header
    if not rows or frame.height != rows or _holes(frame, kinds):
        return True
    return _may_be_torn(frame, data, separator, header=header)


def _infinite(text: Text, frame: pl.DataFrame, *, header: bool) -> list[Fault]:
    """Numbers that are well written, as 1e400, and larger than any that can be kept."""
    columns = [series for series in frame if series.dtype == pl.Float64 and not _is_finite(series)]
    spots = [(s.name, s.is_infinite().arg_true()) for s in columns if s.is_infinite().any()]
    return [
        rows_fault(text.name, _placed(text, rows, header), f"{name} too large", "a number")
        for name, rows in spots
    ]


def _placed(text: Text, rows: Iterable[int], header: bool) -> list[int]:
    return [row + 1 + header + text.above for row in rows]


def _holes(frame: pl.DataFrame, kinds: dict[str, str]) -> bool:
    """Whether cells may be missing that must be there, or hold what is no number."""
    return any(_doubtful(frame[name], kind) for name, kind in kinds.items() if kind != "any")


def _doubtful(cells: pl.Series, kind: str) -> bool:
    if kind.startswith("exact"):
        cells = cells.set(~cells.str.contains(f"^(?:{KINDS['exact'].pattern})$"), None)
    elif kind.startswith("float") and not _is_finite(cells):  # "NaN", "inf"
        return True
    may_be_empty = kind in ("float?", "whole?", "text?", "seconds?")
    return cells.has_nulls() and not may_be_empty


def _is_finite(cells: pl.Series) -> bool:
    return math.isfinite(cells.sum())  # at a tenth of the cost of asking each


def _may_be_torn(frame: pl.DataFrame, data: bytes, separator: str, *, header: bool) -> bool:
    """Whether lines may lack their last cells, or the last one have too many: polars is silent."""
    last = data[data.rfind(b"\n") + 1 :].count(separator.encode())
    if last != frame.width - 1:
        return True
    if not frame[:, -1].null_count():
        return False
    body = data.partition(b"\n")[2] if header else data
    # no line is too long here, so that too few separators are those of short lines
    return b'"' in body or body.count(separator.encode()) < frame.height * (frame.width - 1)


def _from_grouped(series: pl.Series) -> pl.Series:
    """Numbers from text; commas only where they group thousands (1,000 or 1,00,000)."""
    plain = series.cast(pl.Float64, strict=False)
    if not plain.null_count():
        return plain
    grouped = series.str.contains(f"^(?:{_GROUPED})$")
    bare = series.str.replace_all(",", "", literal=True).set(~grouped, None)
    return plain.fill_null(bare.cast(pl.Float64, strict=False))


def read_columns(
    text: Text, wanted: Mapping[str, str], *, optional: Mapping[str, str] | None = None
) -> pl.DataFrame | list[Fault]:
    """The columns of a file with a header, by their names in it: name -> kind.

    Names are compared without case, spaces and signs. All of `wanted` must be there; of `optional`
    come those that are; what the file holds beside is left out. Row i is line i + 2.
    """
    header = first_fields(text)
    ours = {word(name): name for name in [*wanted, *(optional or {})]}
    names = [ours.get(word(cell)) for cell in header]
    lacking = [name for name in wanted if name not in names]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if lacking or twice:
        what = f"a header without {', '.join(lacking)}" if lacking else f"two columns {twice[0]}"
        expected = f"the columns {', '.join(wanted)}"
        return [Fault(text.name, 1, f"{what}: {','.join(header)[:80]!r}", expected)]
    kinds = {**(optional or {}), **wanted}
    every = {name or f" {i}": kinds.get(name, "any") for i, name in enumerate(names)}
    frame = parse(text, every, header=True)
    return frame if isinstance(frame, list) else frame.select(name for name in names if name)


def diagnose(
    text: Text,
    kinds: dict[str, str],
    *,
    header: bool,
    separator: str = ",",
    quote: str | None = '"',
    error: Exception | None = None,
) -> list[Fault]:
    """Every fault of the file's lines, found by walking them; none if `error` is and all parse."""
    lines = io.StringIO(text.data.decode(), newline="")
    how = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(lines, delimiter=separator, **how)
    total = text.data.count(b"\n") + 1 if text.last else None
    every = {name: kind_of(kind) for name, kind in kinds.items()}
    checks = [(name, re.compile(kind.pattern), kind) for name, kind in every.items()]
    spots: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    try:
        for fields in reader:
            if not (header and reader.line_num == 1):
                _judge(fields, checks, reader.line_num, reader.line_num == total, spots)
    except csv.Error as broken:
        error = broken
    if error is not None and not spots:
        said = str(error).splitlines()[0]
        return [Fault(text.name, None, f"lines that do not parse: {said}", "lines that do")]
    return [
        rows_fault(
            text.name, [line + text.above for line, _ in rows], f"{what}{rows[0][1]}", expected
        )
        for (what, expected), rows in spots.items()
    ]


def _judge(fields: list[str], checks: list, line: int, last: bool, spots: dict) -> None:
    wanted = f"{len(checks)} columns"
    if not fields:
        spots["an empty line", wanted].append((line, ""))
    elif len(fields) != len(checks):
        cut = last and len(fields) < len(checks)
        what = "a last line that is cut off, with " if cut else ""
        spots[f"{what}{len(fields)} columns", wanted].append((line, ""))
    else:
        for value, (name, pattern, kind) in zip(fields, checks, strict=True):
            if not pattern.fullmatch(value):
                shown = repr(value[:40]) if value.strip() else "nothing"
                spots[f"{name} ", kind.expected].append((line, shown))


def rows_fault(
    file: str, lines: Sequence[int], found: str, expected: str, count: int | None = None
) -> Fault:
    """One kind of fault on many lines: how many (all of `lines` if not given), the first few."""
    count = count or len(lines)
    if count > 1:
        places = ", ".join(str(line) for line in lines[:_SHOWN])
        found = f"{found} ({count:,} rows, first at lines {places})"
    return Fault(file, int(lines[0]), found, expected)


def rule_faults(
    text: Text, frame: pl.DataFrame, rules: Sequence[tuple[str, pl.Expr, str]], *, header: bool
) -> list[Fault]:
    """The faults of values: a rule is the column shown, when it is broken, what was expected."""
    checks = [expr.fill_null(True) for _, expr, _ in rules]
    every = frame.select(check.any().alias(str(i)) for i, check in enumerate(checks))
    faults = []
    for (column, _, expected), check, is_met in zip(rules, checks, every.row(0), strict=True):
        if is_met:
            rows = frame.select(check).to_series().arg_true()
            lines = _placed(text, rows, header)
            value = frame[column][rows[0]]
            found = f"{column.replace('_', ' ')} {'nothing' if value == '' else value}"
            faults.append(rows_fault(text.name, lines, found, expected))
    return faults


def aside(rows: Sequence[tuple[Text, Sequence[int], str]]) -> pd.DataFrame:
    """`Receipt.set_aside`: of each text the lines (1 is the first) that one reason sets aside."""
    parts = [
        (text.name, line, reason, said)
        for text, lines, reason in rows
        for line, said in zip(lines, line_texts(text, lines), strict=True)
    ]
    return pd.DataFrame(parts, columns=["file", "line", "reason", "text"])


def line_texts(text: Text, lines: Sequence[int]) -> list[str]:
    """Lines as they stand in the file (1 is the first)."""
    if not len(lines):
        return []
    every = text.data.split(b"\n")
    return [every[line - 1 - text.above].decode().rstrip("\r") for line in lines]
