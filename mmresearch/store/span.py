"""Which rows of a study are meant: symbols and a stretch of time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl

TIME = pl.Datetime("ns", "UTC")


@dataclass(frozen=True)
class Span:
    """Which rows are meant: of these symbols (None: all), start <= time < end in nanoseconds.

    Rows that name no symbol are of every symbol.
    """

    symbols: frozenset[str] | None = None
    start: int | None = None
    end: int | None = None

    @classmethod
    def of(cls, symbols: Collection[str] | None, start: object = None, end: object = None) -> Span:
        """From whatever pandas reads as a time; UTC where no zone is named."""
        times = (None if time is None else _nanoseconds(time) for time in (start, end))
        return cls(None if symbols is None else frozenset(symbols), *times)

    def within(self, other: Span) -> Span:
        """The rows of both."""
        starts = [s for s in (self.start, other.start) if s is not None]
        ends = [e for e in (self.end, other.end) if e is not None]
        named = [s for s in (self.symbols, other.symbols) if s is not None]
        return Span(
            frozenset.intersection(*named) if named else None,
            max(starts, default=None),
            min(ends, default=None),
        )

    def overlaps(self, part: dict) -> bool:
        """Whether the part may hold such rows."""
        if self.symbols is not None and part["symbol"] not in (None, *self.symbols):
            return False
        if part["first"] is None:
            return True
        early = self.start is not None and part["last"] < self.start
        return not early and (self.end is None or part["first"] < self.end)

    def filters(self, columns: Collection[str], part: dict | None = None) -> list[pl.Expr]:
        """The conditions for a table's rows, without those that hold for the whole part."""
        part = part or {"symbol": None, "first": None, "last": None}
        known = part["first"] is not None
        found = []
        if self.symbols is not None and "symbol" in columns and part["symbol"] is None:
            symbol = pl.col("symbol")
            found.append(symbol.is_in(sorted(self.symbols)) | symbol.is_null())
        if "time" in columns:
            if self.start is not None and not (known and part["first"] >= self.start):
                found.append(pl.col("time") >= pl.lit(self.start).cast(TIME))
            if self.end is not None and not (known and part["last"] < self.end):
                found.append(pl.col("time") < pl.lit(self.end).cast(TIME))
        return found

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table in memory."""
        times = table["time"].to_numpy("datetime64[ns]").view("int64")  # in order, by the schema
        first = 0 if self.start is None else np.searchsorted(times, self.start)
        last = len(times) if self.end is None else np.searchsorted(times, self.end)
        table = table.iloc[first:last]
        if self.symbols is not None and "symbol" in table:
            keep = table["symbol"].isin(self.symbols) | table["symbol"].isna()
            table = table if keep.all() else table[keep]
        return table.reset_index(drop=True)

    def frame_rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """As `rows`, of a polars frame: a slice where nothing else has to go."""
        times = frame["time"].to_physical()
        first = 0 if self.start is None else times.search_sorted(self.start, "left")
        last = len(times) if self.end is None else times.search_sorted(self.end, "left")
        frame = frame[first:last]
        if self.symbols is not None and "symbol" in frame.columns:
            symbol = frame["symbol"]
            keep = symbol.is_in(sorted(self.symbols)) | symbol.is_null()
            frame = frame if keep.all() else frame.filter(keep)
        return frame


def _nanoseconds(time: object) -> int:
    stamp = pd.Timestamp(time)
    zoned = stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")
    return zoned.as_unit("ns").value
