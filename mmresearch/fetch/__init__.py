"""Public files from where they are published: only when asked, checked, and on from where it broke.

    fetch("binance-trades", "BTCUSDT", "2024-08", to="data/raw")

Hosts are configuration: `hosts={"binance": "http://..."}`, or MMRESEARCH_HOST_BINANCE in the
environment; `fetch_sources.HOSTS` has the published ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import stat
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TextIO

from mmresearch.fetch.http import AskError, Tell, asked, downloaded
from mmresearch.fetch.items import Item, items
from mmresearch.fetch.pages import paged
from mmresearch.fetch.sources import Source, source_of
from mmresearch.receipt import Fault
from mmresearch.store import check_place
from mmresearch.store.lock import BusyError, Lock

_SHA256 = re.compile(r"\b[0-9a-fA-F]{64}\b")
_STARTS = {".zip": b"PK", ".gz": b"\x1f\x8b"}
_OFTEN = 0.2  # seconds between two words about progress


class FetchError(ValueError):
    """Files that were not fetched: `faults` says why of each, `paths` are those that are there."""

    def __init__(self, source: str, faults: Sequence[Fault], paths: Sequence[Path]) -> None:
        self.faults, self.paths = list(faults), list(paths)
        every = len(self.faults) + len(self.paths)
        shown = [f"  {fault}" for fault in self.faults]
        kept = [f"kept: {len(self.paths)} in {self.paths[0].parent}"] if self.paths else []
        head = f"{source}: {len(self.faults)} of {every} files not fetched:"
        super().__init__("\n".join([head, *shown, *kept]))


def fetch(
    source: str,
    what: str | None = None,
    start: str | None = None,
    end: str | None = None,
    *,
    to: str | Path = "data/raw",
    hosts: Mapping[str, str] | None = None,
    progress: bool = True,
) -> list[Path]:
    """Fetch the public files of a source into a folder of its name.

    Parameters
    ----------
    source : str
        A name of `fetch_sources.SOURCES`, as binance-trades.
    what : str, optional
        What of it: a symbol, a series, an address; not for a source that has but one thing.
    start, end : str, optional
        The first and the last period, as the source publishes them: 2024, 2024-08, 2024-08-01. A
        month of what is published by day is its days; of tardis it is its first day, the free one.
    to : path
        Files stand in `to`/`source`, under their published names (of tardis and of what has no
        name of its own, under one that says what it is).
    hosts : mapping, optional
        Other addresses of hosts, as {"binance": "http://127.0.0.1:8000"}.
    progress : bool
        Say on a terminal how far it is.

    Returns
    -------
    list of Path
        The files, in the order of the periods. A file that has a published checksum is fetched
        unless it is there and agrees with it; one of a past period that has none, unless it is
        there; one that grows, always. A file appears when it is whole and checked, and not before.

    Raises
    ------
    FetchError
        With every fault of every file; those without fault are there.
    OSError
        Where this machine has no room or does not let us write; what came is kept for the next run.
    """
    given = [one for one in (what, start, end) if one is not None]
    wanted, kind = items(source, given, hosts), source_of(source)
    folder = Path(to) / source
    check_place(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths, faults = [], []
    for item in wanted:
        try:
            with _progress(item.name, sys.stderr, on=progress and sys.stderr.isatty()) as tell:
                paths += _fetched(kind, item, folder, tell)
        except AskError as error:
            hint = f": {kind.advice}" if error.status == 404 else ""
            faults.append(Fault(item.name, None, error.found, error.expected + hint))
        except BusyError as error:
            ends = "that process to have ended; try again then"
            faults.append(Fault(item.name, None, f"{error.holder} fetching it", ends))
        except OSError as error:  # a full disk would stop the others too
            where = error.filename or str(folder / item.name)
            raise OSError(error.errno, error.strerror, where) from None
    if faults:
        raise FetchError(source, faults, paths)
    return paths


def _fetched(kind: Source, item: Item, folder: Path, tell: Tell) -> list[Path]:
    """What one address gives: a file, or those that it holds packed."""
    path, part = folder / item.name, folder / f"{item.draft}.part"
    with Lock(path, folder / f".{item.draft}.writing"):
        if kind.pages:
            part.write_bytes(paged(kind.pages, item, tell))
            return [part.replace(path)]
        _retrieve(item, path, part, tell, anew=kind.grows)
        return _unpacked(path) if kind.unpack else [path]


def _retrieve(item: Item, path: Path, part: Path, tell: Tell, *, anew: bool) -> None:
    """Have the file: asked for unless it is there and as published."""
    checksum = _published(item)
    if path.exists() and not anew and checksum in (None, _sha256(path)):
        return
    downloaded(item.url, part, tell)
    _refuse_other(part, path.suffix)
    if checksum not in (None, _sha256(part)):
        part.unlink()
        found = "a file with another SHA256 than the published one, which was discarded"
        raise AskError(found, f"{checksum}; ask again")
    if item.checksum and checksum is None:
        print(f"{item.name}: no checksum is published, so none is checked", file=sys.stderr)
    part.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _published(item: Item) -> str | None:
    """The SHA256 that the source publishes of the file."""
    if not item.checksum:
        return None
    try:
        said = asked(item.checksum).decode("ascii", "replace")
    except AskError as error:
        if error.status == 404:  # the file says itself whether it is published
            return None
        raise
    found = _SHA256.search(said)
    if found is None:
        raise AskError(f"{said[:40]!r} as its published checksum", "a SHA256")
    return found[0].lower()


def _refuse_other(part: Path, suffix: str) -> None:
    """Refuse and discard what cannot be the file: nothing, a web page, what is not packed."""
    with part.open("rb") as file:
        start = file.read(64)
    known = _STARTS.get(suffix, b"")
    if start and start.startswith(known) and not start.lstrip().startswith(b"<"):
        return
    part.unlink()
    found = "a web page" if start.lstrip().startswith(b"<") else f"{start[:20]!r}"
    raise AskError(f"{found if start else 'nothing'} instead of the file", f"a {suffix} file")


def _unpacked(path: Path) -> list[Path]:
    """The files of an archive, in a folder of its name that appears when all are there."""
    folder = path.with_suffix("")
    if not folder.is_dir():
        draft = folder.with_name(f".{folder.name}.unpacking")
        shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
        try:
            with zipfile.ZipFile(path) as archive:
                _refuse_outside(archive)
                archive.extractall(draft)
            draft.replace(folder)
        except (zipfile.BadZipFile, EOFError) as error:
            path.unlink()
            raise AskError(f"a damaged archive, which was discarded ({error})", "a whole") from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return sorted(one for one in folder.rglob("*") if one.is_file())


def _refuse_outside(archive: zipfile.ZipFile) -> None:
    for member in archive.infolist():
        place = PurePosixPath(member.filename.replace("\\", "/"))
        link = stat.S_ISLNK(member.external_attr >> 16)
        if link or place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
            raise zipfile.BadZipFile(f"{member.filename!r} would stand outside of its folder")


@contextlib.contextmanager
def _progress(name: str, out: TextIO, *, on: bool) -> Iterator[Tell]:
    """A function that says how far a file is: bytes, of how many, how fast."""
    began = said = time.monotonic()
    first: int | None = None

    def tell(done: int, total: int | None) -> None:
        nonlocal said, first
        first = done if first is None else first
        now = time.monotonic()
        if on and (now - said > _OFTEN or done == total):
            said = now
            speed = (done - first) / max(now - began, 1e-9)
            of = "" if total is None else f" of {total / 1e6:,.1f}"
            line = f"{name}: {done / 1e6:,.1f}{of} MB, {speed / 1e6:,.1f} MB/s"
            print(f"\r{line:<79}", end="", file=out, flush=True)

    try:
        yield tell
    finally:
        if on and first is not None:
            print(file=out, flush=True)
