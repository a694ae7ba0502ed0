"""The tables of a market folder, read part by part and only where asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from mmresearch.store.span import Span

_EVERYTHING = Span()


@dataclass(frozen=True)
class Stored:
    """The tables of a folder as its manifest lists them, or some of their rows."""

    folder: Path
    entries: dict[str, dict]
    span: Span = _EVERYTHING

    def select(self, span: Span) -> Stored:
        """Fewer rows of the same tables."""
        return replace(self, span=self.span.within(span))

    def without(self, names: Collection[str]) -> Stored:
        """The same rows of the other tables."""
        kept = {name: entry for name, entry in self.entries.items() if name not in names}
        return replace(self, entries=kept)

    def parts(self, name: str) -> list[dict]:
        """The parts that may hold rows asked for, in order of time."""
        return [part for part in self.entries[name]["parts"] if self.span.overlaps(part)]

    def scan(self, name: str) -> pl.LazyFrame:
        """The table, to be read only where it is asked."""
        return pl.concat([self._scan_part(part) for part in self._some(name)])

    def read(self, name: str) -> pl.DataFrame:
        """The table, whole."""
        return _collected(self.scan(name), self.folder / self._some(name)[0]["file"])

    def scans(self, name: str) -> Iterator[pl.LazyFrame]:
        """The table part by part, each to be read only where it is asked."""
        return (self._scan_part(part) for part in self._some(name))

    def each(self, name: str) -> Iterator[pl.DataFrame]:
        """The table part by part, in the memory of one."""
        for part in self._some(name):
            yield _collected(self._scan_part(part), self.folder / part["file"])

    def days(self, name: str) -> set[str]:
        """The UTC days that hold a row asked for."""
        found = set()
        for part in self.parts(name):
            if part["day"] is not None and not self.span.filters(("symbol", "time"), part):
                found.add(part["day"])
            else:
                days = self._scan_part(part).select(pl.col("time").dt.date().unique()).collect()
                found |= {str(day) for day in days["time"]}
        return found

    def _some(self, name: str) -> list[dict]:
        """Its parts, or one to know the columns by where no row is asked for."""
        return self.parts(name) or self.entries[name]["parts"][:1]

    def _scan_part(self, part: dict) -> pl.LazyFrame:
        path = self.folder / part["file"]
        if not path.exists():
            raise FileNotFoundError(f"{path} is gone: was the folder written anew? open it again")
        rows = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        try:
            columns = rows.collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unreadable(path, error) from None
        if not self.span.overlaps(part):
            return rows.clear()
        filters = self.span.filters(columns, part)
        return rows.filter(*filters) if filters else rows


def _collected(rows: pl.LazyFrame, path: Path) -> pl.DataFrame:
    try:
        return rows.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is not a Parquet file that can be read: {error}")
