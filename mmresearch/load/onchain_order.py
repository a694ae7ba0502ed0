"""When a chain's events happened, in which order, and which of them stand twice."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import polars as pl

from mmresearch.load import text, times
from mmresearch.load.onchain import Sheet
from mmresearch.receipt import Fault, SourceError

_FIRST = pd.Timestamp("2009-01-01", tz="UTC")  # no blockchain is older
_IN_BLOCK = 1_000_000  # more than a block has events


def timed(sheet: Sheet) -> Sheet | list[Fault]:
    """The sheet with its rows' times in UTC, and their places (see `placed_rows`)."""
    mixed = _mixed(sheet.frame["time"])
    if mixed is not None:
        return [_time_fault(sheet, "", "a time written as in the other rows", mixed)]
    values = sheet.frame["time"].to_pandas()
    placed, wrong = times.utc(values, time_zone="UTC", unit="s")
    if not wrong and (early := placed < _FIRST).any():
        wrong = [("", "a block's time: UTC, or seconds since 1970", early)]
    if wrong:
        return [_time_fault(sheet, *complaint) for complaint in wrong]
    nanoseconds = pl.Series(placed.to_numpy("datetime64[ns]")).dt.replace_time_zone("UTC")
    rows = placed_rows(sheet.frame.with_columns(time=nanoseconds))
    return sheet._replace(times=rows.select("time", "place"))


def rows_of(sheet: Sheet) -> pl.DataFrame:
    """The rows of a sheet that is timed, with `time` in UTC and `place`."""
    return sheet.frame.with_columns(sheet.times.get_columns())


def _mixed(values: pl.Series) -> pd.Series | None:
    """The rows that write times otherwise than most: as numbers, or not."""
    if values.dtype != pl.String:
        return None
    numbers = values.str.contains(r"^\d+(\.\d*)?$")
    if numbers.all() or not numbers.any():
        return None
    return (numbers if numbers.mean() < 0.5 else ~numbers).to_pandas()


def placed_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `place`: their number in the file, counted from the oldest."""
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    rises, falls = (rows["time"].is_sorted(descending=down) for down in (False, True))
    return rows.with_columns(place=number.reverse() if falls and not rises else number)


def _time_fault(sheet: Sheet, found: str, expected: str, bad: pd.Series | None) -> Fault:
    if bad is None:
        return Fault(sheet.name, None, f"times: {found}", expected)
    rows = sheet.frame.filter(pl.Series(bad.to_numpy()))
    found = f"time {rows['time'][0]}"
    return text.rows_fault(sheet.name, rows["line"].to_list(), found, expected)


def block_order(log_index: str, block: str) -> pl.Expr:
    """`seq`: the event's number in its block; blocks of one second follow each other.

    What has no such number keeps its place in the file.
    """
    later = (pl.col(block) - pl.col(block).min().over("time")).fill_null(0)
    return pl.coalesce(pl.col(log_index) + later * _IN_BLOCK, pl.col("place"))


def told_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in order with a `seq` of their own: at times when two have one, they are numbered anew.

    Two blocks of one second have the same log indices, and the files may not name the blocks.
    """
    shared = rows.filter(pl.struct("time", "seq").is_duplicated())["time"]
    if shared.is_empty():
        return rows
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("time")
    anew = pl.col("time").is_in(shared.unique().implode())
    return rows.with_columns(seq=pl.when(anew).then(number).otherwise("seq"))


def again(rows: pl.DataFrame, content: Sequence[str]) -> pl.Series:
    """Whether a row repeats one above: by transaction and log index, where it has one.

    Without, the same content may stand several times in a transaction. A file's n-th is taken for
    the n-th of the files before it.
    """
    rows = rows.select("file", "tx", "log_index", *(c for c in content if c != "tx"))
    rows = rows.with_row_index("row")
    numbered = rows.filter(pl.col("log_index").is_not_null())
    others = rows.filter(pl.col("log_index").is_null())
    others = others.with_columns(n=pl.int_range(pl.len()).over("file", *content))
    repeated = [
        numbered.filter(~pl.struct("tx", "log_index").is_first_distinct()),
        others.filter(~pl.struct(*content, "n").is_first_distinct()),
    ]
    places = pl.concat([part["row"] for part in repeated])
    return pl.zeros(rows.height, pl.UInt8, eager=True).scatter(places, 1).cast(pl.Boolean)


def conflicts(source: str, sheets: list[Sheet], rows: pl.DataFrame, content: Sequence[str]) -> None:
    """Refuse one event that has two contents: nothing says which is true."""
    key = ["tx", "log_index"]
    twice = rows.filter(pl.col("log_index").is_not_null() & pl.struct(key).is_duplicated())
    first = pl.struct(content).first().over(key)
    torn = twice.filter(pl.struct(content).ne_missing(first)) if twice.height else twice
    faults = []
    for (file,), group in torn.group_by("file", maintain_order=True):
        found = f"log {group['log_index'][0]} of {group['tx'][0]} again with other content"
        lines = group["line"].to_list()
        faults.append(text.rows_fault(sheets[file].name, lines, found, "one content an event"))
    if faults:
        raise SourceError(source, faults)
