"""Databento's files as records: DBN, and its CSV and Parquet exports, in one layout.

Prices come as numbers whatever they were written as (decimals, or whole billionths), times as
nanoseconds since 1970; what is not defined (the largest number of its type) is missing.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mmresearch.load import parquet, text
from mmresearch.load.blocks import WholeNeededError
from mmresearch.load.databento.names import Names, of_metadata, of_symbology, symbology
from mmresearch.load.unpack import irregular, read_bytes
from mmresearch.receipt import Fault

# bits of `flags`: an event's last record, a best price, of a snapshot, a doubtful ts_recv, a gap
LAST, TOP, SNAPSHOT, BAD_CLOCK, GAP = 128, 64, 32, 8, 4
RECORD_TYPES = {"trades": 0, "mbp-1": 1, "mbp-10": 10, "mbo": 160}  # by schema
_READ = "trades, mbp-1, tbbo, mbp-10 or mbo"
_INSTALL = "pip install 'mmresearch[databento]', or the file as CSV or Parquet"
_TIMES = ["ts_recv", "ts_event"]
_WHOLE = ["rtype", "publisher_id", "instrument_id", "size", "flags", "sequence"]
_LETTERS = ["action", "side"]
_BILLION = 1e9  # a price is written in whole billionths of its unit
_NO_PRICE = 2**63 - 1
_EARLY, _LATE = 631_152_000 * 10**9, 4_102_444_800 * 10**9  # 1990 and 2100
_PEEK = 2**20  # bytes whose rows show how a CSV file writes its prices
_STEPS = {"ms": 10**6, "us": 10**3, "ns": 1}  # nanoseconds in one of a time's unit


class Records(NamedTuple):
    """A file's records: row i of `frame` is the file's record i + 1.

    schema: a key of `RECORD_TYPES` (tbbo is mbp-1). text: the file's, where it is CSV. names:
    what instruments are called, where the records do not say it. beside: the file that says so.
    """

    path: Path
    schema: str
    frame: pl.DataFrame
    text: text.Text | None
    names: Names
    beside: Path | None = None


def read(path: Path, levels: int) -> Records | list[Fault]:
    """The records of a file with the best `levels` of its books, or what is wrong with it."""
    if path.name.endswith(".parquet"):
        return _parquet(path, levels)
    data = read_bytes(path)
    if isinstance(data, Fault):
        return [data]
    if data.startswith(b"DBN") or path.name.endswith((".dbn", ".dbn.zst")):
        return _dbn(path, data, levels)
    found = text.decoded(path, data)
    return [found] if isinstance(found, Fault) else _csv(found, levels)


def some_at_a_time(blocks: Iterable[text.Text], levels: int) -> Iterator[Records | list[Fault]]:
    """The records of each block of a CSV file.

    Raises
    ------
    WholeNeededError
        Where prices or times are written otherwise than above: how is judged by the first.
    """
    form = None
    for block in blocks:
        header = [name.strip() for name in text.first_fields(block)]
        own = _kinds(block, header, ["price"])
        form = form or own
        if own != form:
            raise WholeNeededError("prices or times written otherwise than above")
        yield _csv(block, levels)


def _columns(schema: str, levels: int) -> list[str]:
    """The columns of a schema that are needed for the best `levels`."""
    many = min(levels, int(schema.removeprefix("mbp-"))) if schema.startswith("mbp") else 0
    sides = [f"{side}_{what}" for what in ("px", "sz", "ct") for side in ("bid", "ask")]
    book = [f"{cell}_{n:02d}" for n in range(many) for cell in sides]
    own = ["order_id"] if schema == "mbo" else []
    return [*_TIMES, *_WHOLE, *_LETTERS, "price", *own, *book]


def _is_price(column: str) -> bool:
    return column == "price" or "_px_" in column


def _dbn(path: Path, data: bytes, levels: int) -> Records | list[Fault]:
    try:
        from databento import DBNStore
        from databento.common.error import BentoError, BentoWarning
        from databento_dbn import DBNError
    except ImportError:
        return [Fault(str(path), None, "DBN, and no library `databento` to read it", _INSTALL)]
    if not data.startswith(b"DBN"):
        return [Fault(str(path), None, f"a file that begins with {data[:8]!r}", "DBN")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", BentoWarning)
            store = DBNStore.from_bytes(io.BytesIO(data))  # of plain bytes it takes the repr
            schema = str(store.schema or "several schemas, as recorded live")
            if schema.replace("tbbo", "mbp-1") not in RECORD_TYPES:
                return [Fault(str(path), None, f"records of {schema}", _READ)]
            records = store.to_ndarray().ravel()
    except BentoWarning:
        return [Fault(str(path), None, "a last record that is cut off", "whole records")]
    except (BentoError, DBNError, ValueError) as error:
        return [Fault(str(path), None, f"a head that is no DBN ({error})", "DBN, version 1 to 3")]
    names, schema = of_metadata(store.metadata), schema.replace("tbbo", "mbp-1")
    lengths = 4 * records["length"].astype(np.int64)
    odd = np.flatnonzero(lengths != records.dtype.itemsize)
    if len(odd):
        found = f"record {odd[0] + 1}: {lengths[odd[0]]} bytes"
        return [Fault(str(path), None, found, f"{records.dtype.itemsize}, as {schema} has")]
    frame = _of_array(records, _columns(schema, levels))
    return _checked(Records(path, schema, frame, None, names), frame)


def _of_array(records: np.ndarray, columns: list[str]) -> pl.DataFrame:
    cells = {name: np.ascontiguousarray(records[name]) for name in columns}
    codes = {name: cells[name].view(np.uint8) for name in _LETTERS}
    frame = pl.DataFrame(cells | codes)
    return frame.with_columns(
        *(_price(frame[c]) for c in columns if _is_price(c)),
        *(_time(frame[c]) for c in _TIMES),
        pl.col(_WHOLE).cast(pl.Int64),
    )


def _price(cells: pl.Series) -> pl.Series:
    """Prices as numbers, from whole billionths or decimals; NaN where there is none."""
    if not cells.dtype.is_integer():
        return cells.cast(pl.Float64).fill_null(np.nan)
    whole = cells.fill_null(_NO_PRICE).to_numpy()
    return pl.Series(cells.name, np.where(whole == _NO_PRICE, np.nan, whole / _BILLION))


def _time(cells: pl.Series) -> pl.Series:
    """Nanoseconds since 1970 from whole numbers, times or ISO texts; missing where it is none."""
    if cells.dtype == pl.String:
        iso = cells.str.replace(" ", "T", literal=True)
        form = "%Y-%m-%dT%H:%M:%S%.f%#z"
        cells = iso.str.to_datetime(form, time_unit="ns", time_zone="UTC", strict=False)
    if isinstance(cells.dtype, pl.Datetime):
        step, whole = _STEPS[cells.dtype.time_unit], cells.to_physical()
        return whole.set(whole.abs() > _LATE // step, -1) * step  # so far off that it would burst
    return cells.cast(pl.Int64, strict=False)  # the largest of its type, which is none, is too much


def _code(cells: pl.Series) -> pl.Series:
    """Letters as their codes; 0 where it is no letter."""
    codes = {c: ord(c) if len(c) == 1 and c.isascii() else 0 for c in cells.unique().drop_nulls()}
    return cells.replace_strict(codes, default=0, return_dtype=pl.UInt8)


def _schema_of(columns: list[str]) -> str | None:
    """The schema that has such columns."""
    if not {"action", "price", "sequence"} <= set(columns):
        return None
    marks = {"order_id": "mbo", "bid_px_09": "mbp-10", "bid_px_00": "mbp-1"}
    return next((schema for mark, schema in marks.items() if mark in columns), "trades")


def _csv(found: text.Text, levels: int) -> Records | list[Fault]:
    header = [name.strip() for name in text.first_fields(found)]
    schema = _schema_of(header)
    if schema is None:
        said = f"the columns {','.join(header)[:80]!r}"
        return [Fault(found.name, 1, said, f"those of {_READ}")]
    kinds = _kinds(found, header, _columns(schema, levels))
    frame = text.read_columns(found, kinds, optional={"symbol": "text?"})
    if isinstance(frame, list):
        return frame
    names = of_symbology(found.path) if "symbol" not in header else {}
    if isinstance(names, Fault):
        return [names]
    return _checked(_of_export(found.path, schema, _conformed(frame), found, names), frame)


def _kinds(found: text.Text, header: list[str], columns: list[str]) -> dict[str, str]:
    """What kind each column is, by the first rows: prices and times are whole, or written out."""
    lines = found.data[:_PEEK].decode(errors="replace").split("\n")[1:]
    price, time = (_first(lines, header, column) for column in ("price", "ts_recv"))
    prices = "whole" if price.lstrip("-").isdigit() else "float?"
    kinds = {c: prices if _is_price(c) else "whole" for c in columns}
    kinds |= dict.fromkeys(_TIMES, "whole" if time.isdigit() else "text")
    kinds |= {"order_id": "exact"} if "order_id" in kinds else {}
    return kinds | dict.fromkeys(_LETTERS, "text")


def _first(lines: Iterable[str], header: list[str], column: str) -> str:
    """The first cell of a column that holds something."""
    cells = (dict(zip(header, line.split(","), strict=False)).get(column, "") for line in lines)
    return next((cell.strip() for cell in cells if cell.strip()), "")


def _conformed(frame: pl.DataFrame) -> pl.DataFrame:
    """The cells of an export in the types of a DBN file's records."""
    many = [c for c in frame.columns if c in _WHOLE or "_sz_" in c or "_ct_" in c]
    own = [pl.col("order_id").cast(pl.UInt64, strict=False)] if "order_id" in frame.columns else []
    return frame.with_columns(
        *(_price(frame[c]) for c in frame.columns if _is_price(c)),
        *(_time(frame[c]) for c in _TIMES),
        *(_code(frame[c]) for c in _LETTERS),
        pl.col(many).cast(pl.Int64),
        *own,
    )


def _of_export(path: Path, *held: Any) -> Records:
    records = Records(path, *held)
    return records._replace(beside=symbology(path)) if records.names else records


def _parquet(path: Path, levels: int) -> Records | list[Fault]:
    wrong = irregular(path)
    if wrong is not None:
        return [wrong]
    try:  # by pyarrow: a damaged file is an error to it, and the end of the program to polars
        file = pq.ParquetFile(path)
        large = parquet.too_large(path, file)
        if large is not None:
            return [large]
        held = file.schema_arrow.names
        schema = _schema_of(held)
        columns = _columns(schema or "trades", levels)
        if schema is None or not set(columns) <= set(held):
            said = f"columns {', '.join(held)}"[:120]
            wanted = f"those of {_READ}: {', '.join(columns[:12])}, ..."
            return [Fault(str(path), None, said, wanted)]
        called = ["symbol"] if "symbol" in held else []
        frame = pl.from_arrow(parquet.checked(file.read(columns + called)))
        strange = _strange(path, frame)
        if strange:
            return strange
        conformed = _conformed(frame)
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError, ValueError) as error:
        said = str(error).splitlines()[0]
        return [Fault(str(path), None, f"no Parquet of records ({said})", "a whole export")]
    names = {} if called else of_symbology(path)
    if isinstance(names, Fault):
        return [names]
    return _checked(_of_export(path, schema, conformed, None, names), frame)


def _strange(path: Path, frame: pl.DataFrame) -> list[Fault]:
    """Columns of types that cannot hold what they mean: a float would be cut to a whole number."""
    faults = []
    for name, kind in frame.schema.items():
        if name in _TIMES:
            right, expected = isinstance(kind, pl.Datetime) or kind.is_integer(), "times"
        elif name in _LETTERS or name == "symbol":
            words = isinstance(kind, pl.Categorical | pl.Enum)
            right, expected = words or (kind == pl.Binary and name != "symbol"), "text"
        elif _is_price(name):
            right, expected = kind.is_numeric(), "numbers"
        else:
            right, expected = kind.is_integer(), "whole numbers"
        if not right and kind != pl.String:
            faults.append(Fault(path.name, None, f"column {name} of type {kind}", expected))
    return faults


def _checked(records: Records, written: pl.DataFrame) -> Records | list[Fault]:
    """The records if every value can be; else the faults, with values as they are written."""
    rules = _rules(records, written)
    broken = [wrong.fill_null(True) for _, wrong, _ in rules]
    held = records.frame.select(wrong.any().alias(f"{n}") for n, wrong in enumerate(broken)).row(0)
    faults = []
    for (column, _, expected), wrong, found in zip(rules, broken, held, strict=True):
        if found:
            rows = records.frame.select(wrong).to_series().arg_true()
            faults.append(_fault(records, written, column, rows, expected))
    return faults or records


def _rules(records: Records, written: pl.DataFrame) -> list[tuple[str, pl.Expr, str]]:
    schema, expected = records.schema, RECORD_TYPES[records.schema]
    letters = {"trades": "T", "mbo": "ACFMNRT"}.get(schema, "ACMNRT")
    span = "a time from 1990 to 2100, in nanoseconds since 1970 or ISO 8601"
    unsaid = pl.lit(written["ts_event"].dtype != pl.String) & pl.col("ts_event").is_null()
    rules = [
        ("rtype", pl.col("rtype") != expected, f"{expected}, the type of {schema}"),
        ("action", ~pl.col("action").is_in([ord(c) for c in letters]), " or ".join(letters)),
        ("side", ~pl.col("side").is_in([ord(c) for c in "ABN"]), "A, B or N"),
        ("ts_recv", ~pl.col("ts_recv").is_between(_EARLY, _LATE), span),
        (
            "ts_event",
            ~(pl.col("ts_event").is_between(_EARLY, _LATE).fill_null(False) | unsaid),
            span,
        ),
        ("flags", ~pl.col("flags").is_between(0, 255), "0 to 255"),
    ]
    counts = [c for c in records.frame.columns if "_sz_" in c or "_ct_" in c]
    rules += [(c, pl.col(c) < 0, "a whole number, 0 or more") for c in [*_WHOLE, *counts]]
    if schema == "mbo":
        rules.append(("order_id", pl.col("order_id").is_null(), "a number from 0 to 2**64 - 1"))
    return rules + [
        (c, pl.col(c).is_not_nan() & (pl.col(c).abs() >= 1e8), "units, as in the other rows")
        for c in written.columns
        if _is_price(c) and not written[c].dtype.is_integer()
    ]


def _fault(
    records: Records, written: pl.DataFrame, column: str, rows: pl.Series, expected: str
) -> Fault:
    """One kind of fault, by lines where the file is text and by records where it is not."""
    cells = written[column]
    far = isinstance(cells.dtype, pl.Datetime)  # perhaps beyond what Python's times can say
    value: Any = (cells.to_physical() if far else cells)[rows[0]]
    value = repr(chr(value)) if column in _LETTERS and isinstance(value, int) else value
    found = f"{column} {'nothing' if value is None else value}"
    if records.text is not None:
        return text.rows_fault(
            records.path.name, [r + 2 for r in rows[:3]], found, expected, len(rows)
        )
    places = ", ".join(str(r + 1) for r in rows[:3])
    many = "" if len(rows) == 1 else f" and {len(rows) - 1:,} more (first {places})"
    return Fault(records.path.name, None, f"record {rows[0] + 1}: {found}{many}", expected)
