"""The fast way through a block: cells typed as they are read, where nothing is in doubt.

It gives what `values` gives, or None; it never words a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import pandas as pd
import polars as pl
import pyarrow as pa

from mmresearch.load import text, times
from mmresearch.load.cells import sides
from mmresearch.load.table import arrow, naming, origin
from mmresearch.load.table.values import Wanted, converted
from mmresearch.receipt import Fault

_WORDS = 8  # of buy and sell
_SEEN = 2**14  # bytes from which the types are guessed
_ISO = len("YYYY-MM-DD HH:MM:SS")
_UTC = pl.Datetime("ns", "UTC")
_TYPED = {"number": "float?", "whole": "whole?"}


def cells(t: text.Text, wanted: Wanted) -> pl.DataFrame | None:
    """A text's columns by their names, numbers as such where their cells are plain."""
    found = origin.layout(t)
    if isinstance(found, Fault):
        return None
    header, separator = found
    few = text.sure(_few(t), dict.fromkeys(header, "any"), separator=separator)
    if few is None:
        return None
    names, _ = naming.matched(header, wanted.kind, wanted.columns)
    kinds = kinds_of(names, wanted)
    guessed = {their: _guess(few[their], kinds.get(ours)) for ours, their in names.items()}
    guessed |= {their: _free(few[their]) for their in header if their not in guessed}
    careful = guessed | {c: "any" for c in header if c not in names.values()}
    every = {their: guessed[their] for their in header}
    careful = {their: careful[their] for their in header}
    read = text.sure(t, every, separator=separator)
    if read is None and careful != every:
        read = text.sure(t, careful, separator=separator)
    return read


def values(cells: pl.DataFrame, names: Mapping[str, str], wanted: Wanted) -> pl.DataFrame | None:
    """The cells in the schema's values, with the columns it does not know behind, as they are."""
    kinds = kinds_of(names, wanted)
    result: dict[str, pl.Series | pl.Expr] = {}
    for ours, their in names.items():
        found = _values(cells[their], ours, kinds.get(ours), wanted)
        if found is None:
            return None
        result[ours] = found.alias(ours)
    for column, value in wanted.given.items():
        if column in kinds and column not in names:
            result[column] = pl.lit(value, pl.String).alias(column)
    for their in cells.columns:
        if their not in names.values():
            name = their if their not in result else f"{their}_source"
            result[name] = cells[their].alias(name)
    return cells.select(result.values())


def kinds_of(names: Mapping[str, str], wanted: Wanted) -> dict[str, str]:
    """The kind of each of our columns."""
    return {c.name: c.kind for c in naming.wanted_columns(wanted.kind, list(names))}


def as_numbers(said: pl.Series) -> pl.Series | None:
    """A column of texts as numbers, if every cell is one."""
    bare = said.str.strip_chars()
    bare = bare.set(bare == "", None)
    parsed = bare.cast(pl.Int64, strict=False)
    if parsed.null_count() > bare.null_count():
        parsed = bare.cast(pl.Float64, strict=False)
    if parsed.null_count() > bare.null_count():
        return None
    return parsed.cast(pl.Float64) if parsed.null_count() else parsed


def form(said: pl.Series) -> str:
    """How a column of times is written: as numbers, or texts with an offset or without; or not."""
    first = said.drop_nulls().head(1)
    if first.dtype != pl.String or first.is_empty():
        return "numbers" if len(first) else "none"
    if as_numbers(first) is not None:
        return "numbers"
    return "with an offset" if times.has_offset(first)[0] else "without an offset"


def _few(t: text.Text) -> text.Text:
    """The first lines of a text."""
    end = t.data.find(b"\n", t.data.find(b"\n") + _SEEN)
    return t if end < 0 else t._replace(data=t.data[:end].rstrip(b"\r"))


def _guess(few: pl.Series, kind: str | None) -> str:
    if kind is None:
        return _free(few)
    if kind == "time":
        numbers = as_numbers(few)
        return "whole?" if numbers is not None and numbers.dtype == pl.Int64 else "any"
    return _TYPED.get(kind, "any")


def _free(few: pl.Series) -> str:
    """Numbers where they are; a column that seems empty may be anything."""
    numbers = as_numbers(few)
    if numbers is None or numbers.is_nan().all() or numbers.null_count() == numbers.len():
        return "any"
    return "whole?" if numbers.dtype == pl.Int64 else "float?"


def _values(raw: pl.Series, ours: str, kind: str | None, wanted: Wanted) -> pl.Series | None:
    if kind is None:
        return raw
    if kind == "time" and raw.dtype.is_integer():
        return _counted(raw, wanted.unit)
    if kind == "time" and raw.dtype == pl.String and (found := _written(raw, wanted)) is not None:
        return found
    if kind in ("number", "whole") and (raw.dtype == pl.Float64 or raw.dtype.is_integer()):
        return raw
    if kind == "text" and ours != "right" and raw.dtype == pl.String:
        return raw
    if kind == "sign" and raw.dtype == pl.String:
        return _signed(raw, wanted.kind)
    found, complaints = converted(_series(raw), ours, kind, wanted)
    return None if complaints else pl.Series(ours, pl.from_pandas(found, nan_to_null=True))


def _signed(said: pl.Series, table: str) -> pl.Series | None:
    """Sides by their words, of which there are few; each is looked up once."""
    words = said.unique().drop_nulls().head(_WORDS + 1)
    meanings = None if len(words) > _WORDS else _meanings(tuple(words), table)
    if meanings is None:
        return None
    sign = pl.lit(None, pl.Float64)
    for word, meant in zip(words, meanings, strict=True):
        if meant == meant:
            sign = pl.when(pl.col(said.name) == word).then(meant).otherwise(sign)
    return said.to_frame().with_columns(sign.alias(said.name)).to_series() if len(words) else None


@lru_cache
def _meanings(words: tuple[str, ...], table: str) -> list[float] | None:
    """What words of sides mean; blocks of a file have the same ones. None where one means none."""
    known, bad = sides(pd.Series(words, dtype="str"), table)
    return None if bad.any() else known.to_list()


def _series(raw: pl.Series):
    return arrow.series(pa.chunked_array([raw.to_arrow()]))


def _written(said: pl.Series, wanted: Wanted) -> pl.Series | None:
    """Times written in the plainest ways: in UTC by a Z, or without a zone where UTC is theirs."""
    if said.is_empty() or said.null_count() or said.str.len_bytes().min() < _ISO:
        return None  # Arrow reads dates and HH:MM too
    utc = said.str.ends_with("Z")
    if utc.any() != utc.all() or not (utc.all() or wanted.time_zone == "UTC"):
        return None
    try:  # Arrow reads these forms, an order of magnitude faster than others any form
        found = said.to_arrow().cast(pa.timestamp("ns", "UTC" if utc.all() else None))
    except pa.ArrowInvalid:
        return None
    times_in_utc = pl.Series(said.name, pl.from_arrow(found))
    return times_in_utc if utc.all() else times_in_utc.dt.replace_time_zone("UTC")


def _counted(numbers: pl.Series, unit: str | None) -> pl.Series | None:
    """Times of our days as numbers of a unit."""
    if unit is None or numbers.null_count():
        return None
    factor = times.UNITS[unit]
    first, last = (t.as_unit("ns").value // factor for t in (times.EARLY, times.LATE))
    if numbers.min() < first or numbers.max() > last:
        return None
    return (numbers.cast(pl.Int64) * factor).cast(_UTC)
