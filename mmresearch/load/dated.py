"""Reports by date: a date's instant, cells that may hold no number, rows that stand there again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}
_YEARS = (1700, 2250)
_NONE = ("", ".")


def number(column: str, none: Sequence[str] = _NONE) -> pl.Expr:
    """The column's texts as numbers; missing where a cell is one of `none`, or no number."""
    return _cell(column).cast(pl.Float64, strict=False).alias(column)


def no_number(column: str, none: Sequence[str] = _NONE) -> pl.Expr:
    """Where a cell is neither a finite number nor one of `none`."""
    value = number(column)
    return ~_cell(column).is_in(none) & ~(value.is_finite().fill_null(False))


def _cell(column: str) -> pl.Expr:
    return pl.col(column).fill_null("").str.strip_chars()


def day(column: str) -> pl.Expr:
    """The date of ISO texts, which may say midnight behind it; missing where there is none."""
    iso = _cell(column).str.extract(r"^(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?$")
    return placed(iso.str.to_date("%Y-%m-%d", strict=False))


def placed(date: pl.Expr) -> pl.Expr:
    """The date, missing outside the years that nanoseconds can count."""
    return pl.when(date.dt.year().is_between(*_YEARS)).then(date)


def instant(dates: pl.Series, clock: str, zone: str) -> pl.Series:
    """The dates' clock time in a zone, in UTC.

    Of an hour that comes twice the later one, for one that is skipped the next there is: nothing
    is known too early.
    """
    days = dates.cast(pl.Datetime("ns")).to_pandas()
    hours, minutes = (int(part) for part in clock.split(":"))
    local = days + np.timedelta64(60 * hours + minutes, "m")
    later = np.zeros(len(local), bool)
    there = local.dt.tz_localize(zone, ambiguous=later, nonexistent="shift_forward")
    return pl.Series(dates.name, there.dt.tz_convert("UTC").dt.as_unit("ns"))


def weekday_from(dates: pl.Expr, weekday: int) -> pl.Expr:
    """The first such day of the week (Monday is 1) on or after each date."""
    ahead = (weekday - dates.dt.weekday()).cast(pl.Int64) % 7
    return dates + pl.duration(days=ahead)


def repeats(
    rows: pl.DataFrame, before: Sequence[pl.DataFrame], key: Sequence[str]
) -> tuple[pl.Series, pl.Series]:
    """Rows whose key stands above them, or in `before`: with the same content, with another."""
    every = pl.concat([*before, rows], how="diagonal").with_row_index("its place")
    later = pl.col("its place") > pl.col("its place").first().over(key)
    content = [c for c in rows.columns if c not in key]
    same = [pl.col(c).eq_missing(pl.col(c).first().over(key)) for c in content]
    marks = every.select(later.alias("later"), same=pl.all_horizontal(True, *same))
    marks = marks.tail(rows.height)
    return marks["later"] & marks["same"], marks["later"] & ~marks["same"]
