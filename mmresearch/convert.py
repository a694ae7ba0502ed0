"""Source files -> a market folder: file by file, so that an interrupted run goes on where it was.

Each file's tables are kept as a market of their own in a hidden folder beside the target until all
are read; then they are joined and the target is written in one step. A file is read again only if
it, the options or this package changed.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from mmresearch import __version__, load, schema, store
from mmresearch.load import paths, several
from mmresearch.market import Market, open_market
from mmresearch.receipt import SourceError

# Sources whose files are read against each other: a transfer stands in the exports of both its
# addresses, a fill's opening position links to the fill before, a later report repeats values.
_TOGETHER = ("cftc", "erc20", "hyperliquid", "nyfed", "series", "uniswap")
Unit = tuple[Path, ...]


def convert(
    source: str,
    files: Sequence[str | Path],
    to: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    progress: TextIO | None = None,
) -> Market:
    """Read files of a source and save them as one market folder.

    Parameters
    ----------
    source : str
        A name of `mmresearch.load`.
    files : list of path
        Files, folders of them, or patterns.
    to : path
        The folder to write. It appears, or changes, only when everything was read. A link to a
        folder is followed.
    options : mapping, optional
        Keyword arguments of the loader.
    progress : text stream, optional
        Told after every file: files, rows, bytes and the time left.

    Returns
    -------
    Market
        What was written.

    Raises
    ------
    SourceError
        Naming every fault of every file. What the other files gave is kept for the next run.
    """
    to, options = Path(to), dict(options or {})
    store.check_place(to)  # before hours of reading
    loader, name = getattr(load, source), options.pop("name", None)
    units = _units(source, files, options)
    if len(units) < 2:
        market = _at_once(loader, units[0], options, progress)
    else:
        market = _in_parts(source, units, to, options, progress)
    if name is not None:
        market.name = name
    market.save(to)
    shutil.rmtree(_beside(to), ignore_errors=True)
    return market


def _units(source: str, files: Sequence[str | Path], options: Mapping) -> list[Unit]:
    """What is read together: a file by itself, unless the source says otherwise."""
    if not files or "con" in options:  # the bundled default; the text of a query
        return [tuple(files)]
    home = sys.modules[f"mmresearch.load.{source}"]
    found = paths.expand(source, files, home.ENDINGS)
    if source in _TOGETHER or options.get("clean"):
        return [tuple(found)]
    return home.together(found) if hasattr(home, "together") else [(path,) for path in found]


def _at_once(loader: Callable, unit: Unit, options: dict, progress: TextIO | None) -> Market:
    """The market of files that are read in one go."""
    files = [path for path in unit if isinstance(path, Path)]  # a query's text is none
    began = time.monotonic()
    _say(progress, f"reading {len(files)} files, {sum(map(_size, files)) / 1e6:,.1f} MB")
    market = loader(*unit, **options)
    spent = time.monotonic() - began
    _say(progress, f"{market.receipt.rows_read:,} rows in {_clock(spent)}")
    return market


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _in_parts(
    source: str, units: list[Unit], to: Path, options: dict, progress: TextIO | None
) -> Market:
    """Each unit's market, read now or by a run before, and all of them joined."""
    folder = _beside(to)
    parts, faults, notes = [], [], []
    tell = _teller(units, progress)
    for unit in units:
        place = folder / _key(source, unit, options)
        try:
            known = (place / store.MANIFEST).exists()
            if not known:
                getattr(load, source)(*unit, **options).save(place)
            parts.append(open_market(place))
            tell(unit, parts[-1], known=known)
        except SourceError as error:
            faults += error.faults
            notes += [error.note] if error.note else []
    if faults:
        kept = f"{len(parts)} of {len(units)} files are read and kept for the next run"
        notes += [kept] if parts else []
        raise SourceError(source, faults, note="\n".join(dict.fromkeys(notes)))
    home = sys.modules[f"mmresearch.load.{source}"]
    return home.combined(parts) if hasattr(home, "combined") else several.joined(source, parts)


def _beside(to: Path) -> Path:
    to = to.resolve()
    return to.with_name(f".{to.name}.parts")


def _key(source: str, unit: Unit, options: dict) -> str:
    """What a part depends on: the files' content, the options' (files too), this package."""
    digest = hashlib.sha256(f"{__version__} {schema.VERSION} {source}".encode())
    for path in unit:
        digest.update(path.name.encode())
        digest.update(_content(path))
    for name, value in sorted(options.items()):
        digest.update(f"{name}={value!r}".encode())
        if isinstance(value, str | Path) and Path(value).is_file():
            digest.update(_content(Path(value)))
    return digest.hexdigest()[:24]


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").digest()
    except OSError:  # the loader says what is wrong with it
        return b""


def _teller(units: list[Unit], progress: TextIO | None) -> Callable:
    """A function that says after each unit how far the work is."""
    sizes = {unit: sum(map(_size, unit)) for unit in units}
    total, began = sum(sizes.values()), time.monotonic()
    done = {"units": 0, "rows": 0, "bytes": 0, "read": 0}

    def tell(unit: Unit, part: Market, *, known: bool) -> None:
        done["units"] += 1
        done["rows"] += part.receipt.rows_read
        done["bytes"] += sizes[unit]
        done["read"] += 0 if known else sizes[unit]
        spent = time.monotonic() - began
        left = spent * (total - done["bytes"]) / done["read"] if done["read"] else 0.0
        _say(
            progress,
            f"{done['units']}/{len(units)} {unit[0].name}{' (read before)' if known else ''}: "
            f"{done['rows']:,} rows, {done['bytes'] / 1e6:,.1f} of {total / 1e6:,.1f} MB, "
            f"{_clock(left)} left",
        )

    return tell


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _say(progress: TextIO | None, words: str) -> None:
    if progress is not None:
        print(words, file=progress, flush=True)
