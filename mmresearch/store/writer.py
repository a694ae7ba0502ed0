"""Writing a market folder: block by block, true in one step at the end.

In the memory of a block; a table that may yet be a single file is held until it is too large.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch import schema
from mmresearch.store import drafts, frames
from mmresearch.store.drafts import Draft
from mmresearch.store.lock import Lock
from mmresearch.store.manifest import MANIFEST
from mmresearch.store.span import TIME
from mmresearch.store.stored import Stored

WHOLE = 16_000_000  # values: a table up to this is one file; two million rows of trades or quotes
WORTH = 20_000  # rows of a symbol's day, in the mean, from which it is worth a file of its own
_BY = ("auto", "table", "day")
_HASH = "[0-9a-f]" * 12


class Writer:
    """The folder's next state, written beside its present one, which holds until `commit`.

        with store.Writer(folder) as writer:
            writer.add("trades", frame)  # as often as there are blocks
            writer.commit({"name": "mine"})

    While it is open no other process can write the folder. Left without `commit`, it leaves
    nothing.

    Parameters
    ----------
    folder : path
        Made where it is not there.
    by : {"auto", "table", "day"}
        One file a table, or one or more a symbol and UTC day; "auto" is by day for tables above
        about two million rows whose symbols have 20,000 a day in the mean. Tables without time are
        always whole.
    """

    def __init__(self, folder: str | Path, *, by: str = "auto", large: bool = False) -> None:
        if by not in _BY:
            raise ValueError(f"by={by!r}; expected one of {', '.join(_BY)}")
        self.folder, self.by, self.large = Path(folder), by, large
        check_place(self.folder)
        self._place = self.folder / ".drafts"
        self._held: dict[str, list[pl.DataFrame]] = defaultdict(list)  # while they are few
        self._drafts: dict[str, list[Draft]] = defaultdict(list)
        self._values: dict[str, int] = defaultdict(int)
        self._split: set[str] = set()
        self._count = 0

    def __enter__(self) -> Writer:
        self._lock = Lock(self.folder)
        self._lock.take()
        try:
            shutil.rmtree(self._place, ignore_errors=True)  # of a process that was killed
            self._place.mkdir()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            shutil.rmtree(self._place, ignore_errors=True)
        finally:
            self._lock.release()

    def add(self, name: str, frame: pl.DataFrame | pd.DataFrame) -> None:
        """Write a block of a table: in the schema's types, in order of (time, seq)."""
        frame = frames.to_polars(frame)
        timed = "time" in frame.columns and name in schema.TABLES
        if timed and (frame.schema["time"] != TIME or not frame["time"].is_sorted()):
            raise ValueError(
                f"{name}: a block has UTC times in nanoseconds, in order of (time, seq)"
            )
        if frame.is_empty() and (name in self._drafts or name in self._held):
            return
        self._values[name] += frame.height * frame.width
        if timed and not frame.is_empty() and self._is_to_split(name, frame):
            self._split_earlier(name)
            self._add_split(name, frame)
        elif name not in self._drafts and self._values[name] <= WHOLE:
            self._held[name].append(frame)
        else:
            self._write_held(name)
            self._drafts[name].append(drafts.write(self._path(), name, frame))

    def adopt(self, name: str, stored: Stored) -> set[str]:
        """Copy the files of a saved table that go by day here as there; returns their names."""
        parts, found = stored.parts(name), stored.unchanged(name)
        rows = sum(part["rows"] for part in parts)
        values = rows * len(stored.scan(name).collect_schema())
        days = {(part["symbol"], part["day"]) for part in parts}
        worth = self.by == "auto" and values > WHOLE and rows >= WORTH * len(days)
        if not found or not (worth or self.by == "day"):
            return set()
        self._split_earlier(name)
        self._values[name] += values
        for part in found:
            file = stored.folder / part["file"]
            self._drafts[name].append(drafts.copied(self._path(), name, file, part))
        return {part["file"] for part in found}

    def commit(self, facts: dict) -> dict:
        """Make what was added the folder's state; returns the manifest."""
        for name in [*self._held]:
            self._drafts[name].append(self._whole(name))
        settled = {name: self._settled(name) for name in self._drafts}
        entries = {
            name: {"rows": sum(d.rows for d in files), "parts": [d.part() for d in files]}
            for name, files in sorted(settled.items())
        }
        manifest = {"schema": schema.VERSION, **facts, "tables": entries}
        content = json.dumps(manifest, indent=1).encode()  # an order of options may mean something
        self._path(MANIFEST).write_bytes(content)  # a full disk says so before anything is moved
        for files in settled.values():
            for draft in files:
                _move(draft.path, self.folder / draft.file)
        _move(self._path(MANIFEST), self.folder / MANIFEST)
        _sweep(self.folder, {draft.file for files in settled.values() for draft in files})
        return manifest

    def _path(self, name: str = "") -> Path:
        if not name:
            self._count += 1
        return self._place / (name or f"{self._count:09d}.parquet")

    def _is_to_split(self, name: str, frame: pl.DataFrame) -> bool:
        """Whether a block goes by symbol and day: thousands of small files are slow to read."""
        if self.by != "auto" or name in self._split:
            return self.by == "day" or name in self._split
        is_large = self.large or self._values[name] > WHOLE
        return is_large and frame.height >= WORTH * drafts.places(frame, name)

    def _split_earlier(self, name: str) -> None:
        """What was held, or written whole, while the table was small, by symbol and day."""
        if name in self._split:
            return
        self._split.add(name)
        written = self._drafts.pop(name, [])  # before what is held is written beside them
        for frame in self._held.pop(name, []):
            if frame.height:
                self._add_split(name, frame)
        for draft in written:
            if draft.rows:
                self._add_split(name, pl.read_parquet(draft.path, glob=False))
            draft.path.unlink()

    def _write_held(self, name: str) -> None:
        for frame in self._held.pop(name, []):
            self._drafts[name].append(drafts.write(self._path(), name, frame))

    def _whole(self, name: str) -> Draft:
        """What was held, as one file."""
        frame = drafts.together(self._held.pop(name), name)
        return drafts.write(self._path(), name, frame)

    def _add_split(self, name: str, frame: pl.DataFrame) -> None:
        for symbol, day, piece in drafts.split(frame, name):
            self._drafts[name].append(drafts.write(self._path(), name, piece, symbol, day))

    def _settled(self, name: str) -> list[Draft]:
        """The table's final files, in order of time, with the same columns in all."""
        blocks = self._drafts[name]
        empty = [draft.columns.to_frame() for draft in blocks]
        columns = pl.concat(empty, how="diagonal_relaxed").schema
        if name not in self._split:
            return [drafts.merged(blocks, columns, self._path())]
        places = defaultdict(list)
        for draft in blocks:
            places[draft.symbol, draft.day].append(draft)
        groups = [run for place in places.values() for run in drafts.runs(place)]
        files = [drafts.merged(run, columns, self._path()) for run in groups]
        return sorted(files, key=lambda d: (d.first, d.symbol or "", d.last, d.file))


def check_place(folder: Path) -> None:
    """Refuse a place where no folder can be (a file, a link to none), or one we may not write."""
    if folder.is_dir():
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder} is not ours to write; give another folder")
        return
    if folder.is_symlink():
        said = f"{folder} is a link to {folder.readlink()}, which is no folder"
        raise NotADirectoryError(f"{said}; make that folder, or remove the link")
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise NotADirectoryError(f"{there} is a file; expected a folder")


def _move(draft: Path, final: Path) -> None:
    """Give a whole file its place, when its content is on the disk."""
    final.parent.mkdir(parents=True, exist_ok=True)
    with draft.open("rb") as handle:
        os.fsync(handle.fileno())
    draft.replace(final)


def _sweep(folder: Path, kept: set[str]) -> None:
    """Remove what earlier states and killed writers left; only names that a Writer gives."""
    for name in (*schema.TABLES, "symbols", "set_aside"):
        days = [f"{name}/symbol=*/day=*", f"{name}/day=*"]
        files = [f"{name}-{_HASH}.parquet", *(f"{day}/part-{_HASH}.parquet" for day in days)]
        for path in [path for pattern in files for path in folder.glob(pattern)]:
            if path.relative_to(folder).as_posix() not in kept:
                path.unlink()
        places = [*days, f"{name}/symbol=*", name]  # the deepest first
        for place in [place for pattern in places for place in folder.glob(pattern)]:
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
