"""Tables of a blockchain's events, as its explorers and indexers export them.

CSV and Parquet, plain or packed. What a file is, is told by its header: a layout names the columns
it needs and those that it may have. Cells are kept as text until their last step, because token
amounts are whole numbers of up to 78 digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import polars as pl
import pyarrow as pa

from mmresearch.load import parquet, text, unpack
from mmresearch.receipt import Fault, SourceError, file_facts

ENDINGS = (".csv", ".csv.gz", ".csv.zip", ".csv.lz4", ".csv.zst", ".parquet")
DIGITS = 78  # of the largest amount, 2**256 - 1
_PADDED = 66  # the length of 32 bytes written as 0x...
_HASH, _TIME = "a transaction's hash", "the block's time"


class Field(NamedTuple):
    """A column: the words that headers use (a|b, the first that is there), what its cells hold."""

    words: str
    pattern: str
    expected: str
    empty: bool = False  # whether cells may be empty


class Layout(NamedTuple):
    """Which columns a vendor's table must have, and which it may have: ours -> field.

    `header` shows the vendor's own names to whoever brought something else.
    """

    name: str
    header: str
    needed: dict[str, Field]
    optional: dict[str, Field]


class Sheet(NamedTuple):
    """A file's rows: our columns as text (times as the file has them), and the line of each.

    `times`: of each row its time in UTC and its place (see `onchain_order`), once they are known.
    """

    path: Path
    layout: str
    frame: pl.DataFrame
    text: text.Text | None  # missing where rows have no lines: they are numbered from 1
    facts: dict | None = None  # its row of `Receipt.files`
    times: pl.DataFrame | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def count(self) -> int:
        return self.frame.height


def tx(words: str) -> Field:
    return Field(words, r"\S{1,90}", _HASH)  # the longest, 64 bytes in base 58, have 88


def whole(words: str, *, sign: str = r"\+?", empty: bool = False) -> Field:
    return Field(words, rf"{sign}[0-9]{{1,18}}(\.0+)?", "a whole number", empty)


def raw(words: str, *, sign: str = "") -> Field:
    return Field(
        words, rf"{sign}[0-9]{{1,{DIGITS}}}", "a whole number, in the token's smallest unit"
    )


def units(words: str, *, sign: str = "", empty: bool = False) -> Field:
    digits = rf"[0-9]{{1,3}}(,[0-9]{{3}}){{1,{DIGITS // 3}}}|[0-9]{{1,{DIGITS}}}"
    form = rf"{sign}(({digits})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{{1,2}})?"
    return Field(words, form, "a number, in units of the token", empty)


def address(words: str, *, empty: bool = False) -> Field:
    form = r"(0x|\\x)(0{24})?[0-9a-fA-F]{40}"
    return Field(words, form, "an address: 0x and 40 hexadecimal digits", empty)


def label(words: str) -> Field:
    return Field(words, r"(?s).*", "text", True)


def time(words: str) -> Field:
    return Field(words, r"(?s).*\S.*", _TIME)


def sound(source: str, found: Sheet | list[Fault]) -> Sheet:
    """The sheet of a file, with its facts; one error names all that is wrong with it."""
    if isinstance(found, list):
        raise SourceError(source, found)
    return found._replace(facts=file_facts(found.path, found.count))


def refuse_twins(source: str, sheets: Sequence[Sheet]) -> None:
    """Refuse files of one content."""
    seen: dict[str, str] = {}
    faults = []
    for sheet in sheets:
        digest = sheet.facts["sha256"]
        if digest in seen:
            found = f"the same content as {seen[digest]}"
            faults.append(Fault(sheet.name, None, found, "each file once"))
        seen.setdefault(digest, sheet.name)
    if faults:
        raise SourceError(source, faults)


def read(path: Path, layouts: Sequence[Layout]) -> Sheet | list[Fault]:
    """One file's sheet, or everything that is wrong with it."""
    data = unpack.read_bytes(path)
    return [data] if isinstance(data, Fault) else parsed(path, data, layouts)


def parsed(path: Path, data: bytes, layouts: Sequence[Layout]) -> Sheet | list[Fault]:
    """The sheet of a file's bytes, or everything that is wrong with them."""
    if data.startswith(b"PAR1"):
        return _parquet(path, data, layouts)
    read = text.decoded(path, data)
    if isinstance(read, Fault):
        return [read]
    header = text.first_fields(read)
    found = matched(read.name, header, layouts)
    if isinstance(found, Fault):
        return [found]
    layout, names = found
    cells = text.parse(read, {str(i): "any" for i in range(len(header))}, header=True)
    if isinstance(cells, list):
        return cells
    frame = cells.select(pl.col(str(header.index(n))).alias(ours) for ours, n in names.items())
    return checked(path, layout, frame, names, read)


def held(what: str, table: pd.DataFrame, layout: Layout) -> Sheet | list[Fault]:
    """The sheet of a table in memory."""
    found = matched(what, [str(name) for name in table.columns], [layout])
    if isinstance(found, Fault):
        return [found._replace(line=None)]
    if table.empty:
        return [Fault(what, None, "no row", "rows")]
    names, cells = found[1], table.rename(columns=str)
    try:
        columns = {t: pa.chunked_array(pa.array(cells[t])) for t in names.values()}
    except pa.ArrowException as error:
        said = str(error).splitlines()[0]
        return [Fault(what, None, f"cells of several types ({said})", "one type a column")]
    return _typed(Path(what), layout, columns, names)


def checked(
    path: Path, layout: Layout, frame: pl.DataFrame, names: dict[str, str], read: text.Text | None
) -> Sheet | list[Fault]:
    """The sheet of these cells, or the faults of those that do not hold what they should."""
    texts = pl.col(pl.String).str.strip_chars()
    frame = frame.with_columns(texts).with_columns(pl.col(pl.String).replace("", None))
    frame = frame.with_columns(line=pl.int_range(1, frame.height + 1) + (read is not None))
    fields = layout.needed | layout.optional
    faults = []
    for ours, theirs in names.items():
        field, cells = fields[ours], frame[ours]
        bad = cells.is_null() & (not field.empty)
        if cells.dtype == pl.String:
            bad |= ~cells.str.contains(f"^(?:{field.pattern})$").fill_null(True)
        if bad.any():
            rows = frame.filter(bad)
            value = "nothing" if rows[ours][0] is None else repr(rows[ours][0][:80])
            lines = rows["line"].to_list()
            found = f"{theirs} {value}"
            faults.append(text.rows_fault(path.name, lines, found, field.expected))
    return faults or Sheet(path, layout.name, frame, read)


def matched(
    name: str, header: list[str], layouts: Sequence[Layout]
) -> tuple[Layout, dict[str, str]] | Fault:
    """The first layout whose columns are there, and which column is which: ours -> theirs."""
    words = [text.word(cell) for cell in header]
    theirs = dict(zip(words, header, strict=True))
    lacking = []
    for layout in layouts:
        fields = layout.needed | layout.optional
        found = {o: _first(field.words, theirs) for o, field in fields.items()}
        lacking.append([o for o in layout.needed if found[o] is None])
        if not lacking[-1]:
            names = {ours: cell for ours, cell in found.items() if cell is not None}
            twice = [cell for cell in names.values() if words.count(text.word(cell)) > 1]
            if twice:
                return Fault(name, 1, f"two columns {twice[0]}", "one of each name")
            return layout, names
    known = "; ".join(f"{one.name}: {one.header}" for one in layouts)
    lacking, nearest = min(zip(lacking, layouts, strict=True), key=lambda pair: len(pair[0]))
    names = ", ".join(_vendors(nearest, ours) for ours in lacking)
    what = f"a header without {names}: {','.join(header)[:80]!r}"
    return Fault(name, 1, what, f"the columns of {known}")


def _vendors(layout: Layout, ours: str) -> str:
    """The vendor's own name of a column."""
    words = layout.needed[ours].words.split("|")
    return next(
        (n for n in re.findall(r"[\w.]+", layout.header) if text.word(n) in words), words[0]
    )


def _first(words: str, theirs: dict[str, str]) -> str | None:
    return next((theirs[word] for word in words.split("|") if word in theirs), None)


def _parquet(path: Path, data: bytes, layouts: Sequence[Layout]) -> Sheet | list[Fault]:
    table = parquet.read(path, data)
    if isinstance(table, Fault):
        return [table]
    found = matched(path.name, table.column_names, layouts)
    if isinstance(found, Fault):
        return [found._replace(line=None)]
    if not table.num_rows:
        return [Fault(path.name, None, "no row", "rows")]
    layout, names = found
    return _typed(path, layout, {theirs: table[theirs] for theirs in names.values()}, names)


def _typed(
    path: Path, layout: Layout, columns: dict[str, pa.ChunkedArray], names: dict[str, str]
) -> Sheet | list[Fault]:
    """The sheet of columns that have types, if each can hold what its field means."""
    fields = layout.needed | layout.optional
    faults = [
        Fault(path.name, None, f"column {theirs} of type {columns[theirs].type}", field.expected)
        for field, theirs in ((fields[ours], theirs) for ours, theirs in names.items())
        if not _may_hold(columns[theirs].type, field)
    ]
    if faults:
        return faults
    frame = pl.DataFrame({ours: _texts(columns[theirs]) for ours, theirs in names.items()})
    return checked(path, layout, frame, names, None)


def _may_hold(kind: pa.DataType, field: Field) -> bool:
    """Whether cells of such a type may be what the field means: text and bytes always may."""
    is_a = pa.types
    if is_a.is_dictionary(kind):
        return _may_hold(kind.value_type, field)
    if is_a.is_timestamp(kind):
        return field.expected == _TIME
    if is_a.is_integer(kind) or is_a.is_floating(kind) or is_a.is_decimal(kind):
        return field.expected != _HASH and re.fullmatch(field.pattern, "1") is not None
    return (
        is_a.is_null(kind)
        or is_a.is_string(kind)
        or is_a.is_large_string(kind)
        or (is_a.is_binary(kind) or is_a.is_large_binary(kind) or is_a.is_fixed_size_binary(kind))
    )


def _texts(column: pa.ChunkedArray) -> pl.Series:
    """Cells as text, bytes as hexadecimal digits; times stay times."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return pl.Series(column)
    if pa.types.is_decimal(kind):
        said = pl.Series([None if v is None else format(v, "f") for v in column.to_pylist()])
        return said.cast(pl.String).str.replace(r"\.0+$", "")
    values = pl.Series(column)
    if values.dtype == pl.Binary:
        return "0x" + values.bin.encode("hex")
    return values.cast(pl.String)


def integer(column: str) -> pl.Expr:
    """Whole numbers from text such as 12 or 12.0."""
    return pl.col(column).cast(pl.String).str.replace(r"\.0+$", "").cast(pl.Int64).alias(column)


def halves(units: pl.Series) -> list[pl.Series]:
    """Of numbers without a sign the digits before and after the point: 1,234.50 is 1234 and 5."""
    bare = units.str.replace_all(",", "", literal=True)
    powers = bare.str.contains("[eE]").fill_null(False)
    if powers.any():
        written = [format(Decimal(text), "f") for text in bare.filter(powers)]
        bare = bare.scatter(powers.arg_true(), written)
    parts = bare.str.split_exact(".", 1).struct.unnest()
    whole = parts["field_0"].str.strip_chars_start("0").replace("", "0")
    part = parts["field_1"].fill_null("").str.strip_chars_end("0")
    part = part.set(bare.is_null(), None) if bare.null_count() else part
    return [whole.alias("whole"), part.alias("part")]


def one_writing(values: pl.Series) -> pl.Series:
    """Hashes and addresses: 0x, lower case, without the padding that a log's topics have."""
    plain = values.str.to_lowercase()
    if plain.str.starts_with("\\x").any():
        plain = plain.str.replace(r"^\\x", "0x")
    if (plain.str.len_bytes() == _PADDED).any():
        padded = r"^0x0{24}([0-9a-f]{40})$"
        plain = plain.str.replace(padded, "0x$1")
    return plain


def aside(sheets: list[Sheet], gone: pl.DataFrame) -> pd.DataFrame:
    """`Receipt.set_aside` of the rows of `gone` (file, line, reason), with their texts."""
    parts = []
    for (file,), rows in gone.sort("file", "line").group_by("file", maintain_order=True):
        sheet = sheets[file]
        lines = rows["line"].to_pandas()
        said = _said(sheet).gather(rows["line"] - 1).to_pandas()
        about = {"file": sheet.name, "line": lines, "reason": rows["reason"].to_pandas()}
        parts.append(pd.DataFrame(about | {"text": said}))
    empty = pd.DataFrame(columns=["file", "line", "reason", "text"])
    return pd.concat(parts, ignore_index=True) if parts else empty


def _said(sheet: Sheet) -> pl.Series:
    """Every line of a text file, or every row of another, as text."""
    if sheet.text is not None:
        how = {"has_header": False, "quote_char": None, "separator": "\x1f"}  # one column a line
        lines = pl.read_csv(sheet.text.data, **how, schema={"text": pl.String})
        return lines["text"].fill_null("").str.strip_chars_end("\r")
    cells = pl.all().exclude("line").cast(pl.String).fill_null("")
    return sheet.frame.select(pl.concat_str(cells, separator=",")).to_series()


def facts(sheets: list[Sheet]) -> pd.DataFrame:
    """`Receipt.files`."""
    return pd.DataFrame([sheet.facts for sheet in sheets])


def open_ended(sheets: list[Sheet]) -> list[str]:
    """Notes on files that may not be whole."""
    cut = [s.name for s in sheets if s.text is not None and not s.text.ended]
    return [f"{name} does not end with an end of line: is it whole?" for name in cut]
