"""Files of daily values as a table: dates as such, whatever their form, and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from mmresearch.load import dated, parquet, text, unpack
from mmresearch.receipt import Fault, SourceError

_DATES = ("date", "day", "observationdate", "datetime", "timestamp", "time", "asofdate")
_UNNAMED = ("", "indexlevel0")  # an index that pandas wrote
_SEPARATORS = ",;\t|"
_PARTS = r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$"
_FORMS = "a date as 2014-01-03 or 1/3/2014"
_BOTH = "day_first=True or day_first=False to be passed"


class Table(NamedTuple):
    """A file's rows: `line`, `date` and a column a value; `order` says how dates were read.

    A Parquet file's lines are those it would have as CSV: its first row is line 2.
    """

    text: text.Text
    rows: pl.DataFrame
    order: str

    @property
    def count(self) -> int:
        return self.rows.height


def read_file(source: str, path: Path, day_first: bool | None) -> Table:
    """The file's table, or one error that names every fault."""
    t = _text(path)
    found = [t] if isinstance(t, Fault) else _table(t, day_first)
    if isinstance(found, list):
        raise SourceError(source, found)
    return found


def _text(path: Path) -> text.Text | Fault:
    """A file's text; a Parquet file's as if it were CSV."""
    data = unpack.read_bytes(path)
    if isinstance(data, Fault):
        return data
    return _as_csv(path, data) if data.startswith(b"PAR1") else text.decoded(path, data)


def _as_csv(path: Path, data: bytes) -> text.Text | Fault:
    table = parquet.read(path, data)
    if isinstance(table, Fault):
        return table
    try:
        frame = pl.from_arrow(table)
    except (pa.ArrowException, pl.exceptions.PolarsError) as error:
        said = str(error).splitlines()[0]
        return Fault(path.name, None, f"a damaged file ({said})", "a whole Parquet file")
    strange = [f"{name} ({kind})" for name, kind in frame.schema.items() if not _is_value(kind)]
    if strange:
        found = f"columns that are no values: {', '.join(strange)[:80]}"
        return Fault(path.name, None, found, "dates and numbers")
    floats = pl.selectors.float().fill_nan(None)  # pandas' missing value
    return text.decoded(path, frame.with_columns(floats).write_csv().encode())


def _is_value(kind: pl.DataType) -> bool:
    texts = (pl.String, pl.Categorical, pl.Enum, pl.Null)
    return kind.is_numeric() or kind in (pl.Date, pl.Datetime) or kind in texts


def _table(t: text.Text, day_first: bool | None) -> Table | list[Fault]:
    line = t.data.partition(b"\n")[0].decode()
    separator = max(_SEPARATORS, key=line.count)
    header = [cell.strip() for cell in text.first_fields(t, separator)]
    names = _names(t, header)
    if isinstance(names, Fault):
        return [names]
    kinds = {name: "text" if name == "date" else "any" for name in names}
    frame = text.parse(t, kinds, header=True, separator=separator)
    if isinstance(frame, list):
        return frame
    frame = frame.with_columns(pl.all().fill_null("").str.strip_chars())
    values = [name for name in names if name != "date"]
    expected = "a number, or nothing or a dot where there is none"
    faults = text.rule_faults(
        t, frame, [(name, dated.no_number(name), expected) for name in values], header=True
    )
    dates = _dates(t, frame["date"], day_first)
    faults += dates if isinstance(dates, list) else []
    if faults:
        return faults
    days, order = dates
    rows = frame.with_columns(days.alias("date"), *map(dated.number, values))
    return Table(t, rows.with_row_index("line", offset=2), order)


def _names(t: text.Text, header: list[str]) -> list[str] | Fault:
    """The columns' names, the one of dates as "date"; or what is wrong with the header."""
    said = ",".join(header)[:80]
    if not text.is_header(header):
        return Fault(t.name, 1, f"a first line without names: {said!r}", "the columns' names")
    words = [text.word(cell) for cell in header]
    places = [i for i, word in enumerate(words) if word in _DATES]
    places = places or [i for i, word in enumerate(words[:1]) if word in _UNNAMED]
    places = places or [i for i, word in enumerate(words) if word in _UNNAMED][:1]
    names = ["date" if i in places else cell for i, cell in enumerate(header)]
    twice = [name for name in names if names.count(name) > 1]
    if not places:
        return Fault(t.name, 1, f"a header without a date: {said!r}", "a column Date")
    if len(places) > 1:
        return Fault(t.name, 1, f"{len(places)} columns of dates: {said!r}", "one")
    if len(names) < 2:
        return Fault(t.name, 1, f"a header without values: {said!r}", "a date and values")
    if twice or "line" in names or "" in names:
        wrong = f"two columns {twice[0]}" if twice else "a column without a name, or named line"
        return Fault(t.name, 1, f"{wrong}: {said!r}", "one of each name")
    return names


def _dates(
    t: text.Text, said: pl.Series, day_first: bool | None
) -> tuple[pl.Series, str] | list[Fault]:
    """The dates and how they were read, or why they cannot be."""
    frame = said.to_frame("date")
    iso = pl.coalesce(
        dated.day("date"),
        pl.when(pl.col("date").str.contains(r"^\d{8}$")).then(_compact(pl.col("date"))),
    )
    days = frame.select(iso).to_series()
    parts = frame.select(
        a=pl.col("date").str.extract(_PARTS, 1).cast(pl.Int64),
        b=pl.col("date").str.extract(_PARTS, 2).cast(pl.Int64),
        year=pl.col("date").str.extract(_PARTS, 3).cast(pl.Int64),
    )
    if parts["year"].null_count() == parts.height:
        wrong = days.is_null()
        return _wrong(t, said, wrong, _FORMS) or (days, "")
    return _slashed(t, said, parts, day_first, days.is_not_null())


def _compact(digits: pl.Expr) -> pl.Expr:
    return dated.placed(digits.str.to_date("%Y%m%d", strict=False))


def _slashed(
    t: text.Text, said: pl.Series, parts: pl.DataFrame, day_first: bool | None, iso: pl.Series
) -> tuple[pl.Series, str] | list[Fault]:
    """Dates of which two parts may be the day; what no order of them reads is a fault."""
    if iso.any():
        return _wrong(t, said, iso, "one form of dates, as the other rows have")
    order, note = _order(t, said, parts, day_first)
    if isinstance(order, Fault):
        return [order]
    day, month = ("a", "b") if order else ("b", "a")
    digits = (pl.col(c).cast(pl.String).str.zfill(2) for c in ("year", month, day))
    days = parts.select(_compact(pl.concat_str(digits))).to_series()
    expected = f"{_FORMS}, {'day' if order else 'month'} first"
    return _wrong(t, said, days.is_null(), expected) or (days, note)


def _order(
    t: text.Text, said: pl.Series, parts: pl.DataFrame, day_first: bool | None
) -> tuple[bool | Fault, str]:
    """Whether the day comes first, and what says so."""
    days, months = (parts["a"] > 12).arg_true(), (parts["b"] > 12).arg_true()
    if day_first is not None:
        return day_first, f"dates are {'day' if day_first else 'month'} first, as day_first says"
    if len(days) and len(months):
        ours, theirs = (f"({said[i]}, line {i + 2})" for i in (days[0], months[0]))
        found = f"dates both day first {ours} and month first {theirs}"
        return Fault(t.name, int(max(days[0], months[0])) + 2, found, "one order"), ""
    if len(days) or len(months):
        row = days[0] if len(days) else months[0]
        kind = "day" if len(days) else "month"
        return bool(len(days)), f"dates are {kind} first, as {said[row]} in line {row + 2} says"
    unclear = (parts["a"] != parts["b"]).arg_true()
    if not len(unclear):
        return False, ""
    row = int(unclear[0])
    found = f"dates as {said[row]}, of which no row tells the day from the month"
    return Fault(t.name, row + 2, found, _BOTH), ""


def _wrong(t: text.Text, said: pl.Series, rows: pl.Series, expected: str) -> list[Fault]:
    places = rows.arg_true()
    if not len(places):
        return []
    lines = [row + 2 for row in places]
    return [text.rows_fault(t.name, lines, f"date {said[places[0]]}", expected)]
