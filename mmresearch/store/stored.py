"""The tables of a market folder, read part by part and only where asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from mmresearch.store.span import TIME, Span

BLOCK = 2**20  # rows
_EVERYTHING = Span()


@dataclass(frozen=True)
class Stored:
    """The tables of a folder as its manifest lists them, or some of their rows."""

    folder: Path
    entries: dict[str, dict]
    span: Span = _EVERYTHING

    @classmethod
    def linked(cls, several: Sequence[Stored], ahead: Sequence[int]) -> Stored:
        """The tables of several folders where they lie; `ahead` is added to the `seq` of each."""
        entries: dict[str, dict] = {}
        for one, count in zip(several, ahead, strict=True):
            for name, entry in one.entries.items():
                found = entries.setdefault(name, {"rows": 0, "parts": []})
                found["rows"] += entry["rows"]
                for part in entry["parts"]:
                    path = (one.folder / part["file"]).absolute().as_posix()
                    found["parts"].append(part | {"file": path, "ahead": count})
        for entry in entries.values():
            entry["parts"].sort(key=lambda part: part["first"] or 0)
        return cls(Path(), entries)

    @property
    def is_whole(self) -> bool:
        """Whether all rows of all tables are asked for, and it is known when they are."""
        parts = (part for entry in self.entries.values() for part in entry["parts"])
        return self.span == _EVERYTHING and all(
            p["first"] is not None or not p["rows"] for p in parts
        )

    def extent(self) -> tuple[int, int] | None:
        """The first and the last time of all tables, in nanoseconds; None without a row."""
        parts = [part for entry in self.entries.values() for part in entry["parts"]]
        ends = [(part["first"], part["last"]) for part in parts if part["first"] is not None]
        return (min(f for f, _ in ends), max(e for _, e in ends)) if ends else None

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
        for part in self._some(name):
            rows, symbol = self._scan_part(part), pl.lit(part["symbol"])
            yield rows if part["symbol"] is None else rows.with_columns(symbol=symbol)

    def each(self, name: str, *, but: Collection[str] = ()) -> Iterator[pl.DataFrame]:
        """The table part by part, in the memory of one; without the files that are named."""
        for part in self._some(name):
            if part["file"] not in but:
                yield _collected(self._scan_part(part), self.folder / part["file"])

    def ends(self, name: str, symbols: Collection[str]) -> Iterator[pl.LazyFrame]:
        """As `scans`, of each of these symbols' days the times of its first and its last event."""
        known = {p["file"] for p in self.unchanged(name) if p["symbol"] in symbols}
        for part, rows in zip(self._some(name), self.scans(name), strict=True):
            if part["file"] in known:
                times = pl.Series("time", [part["first"], part["last"]]).cast(TIME)
                yield pl.LazyFrame({"time": times, "symbol": [part["symbol"]] * 2})
            else:
                yield rows

    def unchanged(self, name: str) -> list[dict]:
        """The parts of a symbol's day that are asked for as their file holds them."""
        return [
            part
            for part in self.parts(name)
            if part["day"] is not None
            and not part.get("ahead")
            and not self.span.filters(("symbol", "time"), part)
        ]

    def blocks(self, name: str, columns: Collection[str]) -> Iterator[pl.DataFrame]:
        """Those of the columns that there are, block by block, in the memory of one."""
        for part in self._some(name):
            for first in range(0, max(part["rows"], 1), BLOCK):
                rows = self._scan_part(part, first)
                kept = [c for c in rows.collect_schema() if c in columns]
                yield _collected(rows.select(kept), self.folder / part["file"])

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

    def _scan_part(self, part: dict, first: int | None = None) -> pl.LazyFrame:
        """The rows asked for of a part, or of its block that begins there."""
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
        rows = rows if first is None else rows.slice(first, BLOCK)
        if part.get("ahead") and "seq" in columns:
            rows = rows.with_columns(pl.col("seq") + part["ahead"])
        filters = self.span.filters(columns, part)
        return rows.filter(*filters) if filters else rows


def _collected(rows: pl.LazyFrame, path: Path) -> pl.DataFrame:
    try:
        return rows.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} is not a Parquet file that can be read: {error}")
