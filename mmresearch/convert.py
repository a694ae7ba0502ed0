"""Source files -> a market folder: file by file, so that an interrupted run goes on where it was.

What each file holds is kept in a hidden folder beside the target until all are read: its market, or
its checked rows where files must be judged together. Then they are made one and the target is
written in one step. A file is read again only if it, an option that its reading heeds, or this
package changed.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from mmresearch import __version__, load, schema, store
from mmresearch.folder import open_market
from mmresearch.load import blocks, kept, paths
from mmresearch.load.steps import Steps, steps_of
from mmresearch.load.told import told
from mmresearch.market import Market
from mmresearch.receipt import SourceError

Unit = tuple[Path, ...]
LARGE = 2**25  # bytes of a file, as it lies there, from which it is read block by block
HUGE = 2**27  # from which its tables are surely not small


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
        folder is followed. While it is converted to, another process is refused (BlockingIOError).
    options : mapping, optional
        Keyword arguments of the loader.
    progress : text stream, optional
        Told after every file: files, rows, bytes and the time left to read the others; and when
        they are made one market, and when that is written.

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
    with store.Lock(to, _beside(to).with_suffix(".writing")):  # the parts are of one process
        return _converted(source, files, to, options, progress)


def _converted(
    source: str, files: Sequence, to: Path, options: dict, progress: TextIO | None
) -> Market:
    given, began = told(getattr(load, source), options), time.monotonic()
    name = options.pop("name", None)
    units = _units(source, files, options)
    several = len(units) > 1
    about = {"name": name, "options": given}
    if several or not _in_blocks(source, units[0], to, about, options, progress):
        if several:
            market = _in_parts(source, units, to, options, progress)
        else:
            market = _at_once(source, units[0], options, progress)
        market.name = name or market.name
        market.receipt = replace(market.receipt, options=given)
        market.save(to)
    kept.remove(_beside(to))
    market = open_market(to)
    _say(progress, f"{market.receipt.rows_read:,} rows in {_clock(time.monotonic() - began)}")
    return market


def _units(source: str, files: Sequence[str | Path], options: Mapping) -> list[Unit]:
    """What is read together: a file by itself, unless the source says otherwise."""
    if not files or "con" in options:  # the bundled default; the text of a query
        return [tuple(files)]
    home, found = sys.modules[f"mmresearch.load.{source}"], sources_files(source, files)
    return home.together(found) if hasattr(home, "together") else [(path,) for path in found]


def sources_files(source: str, files: Sequence[str | Path]) -> list[Path]:
    """Every file that is meant; none where none is given, for a source that has a default."""
    endings = sys.modules[f"mmresearch.load.{source}"].ENDINGS
    return paths.expand(source, files, endings) if files else []


def _at_once(source: str, unit: Unit, options: dict, progress: TextIO | None) -> Market:
    """The market of files that are read in one go."""
    files = [path for path in unit if isinstance(path, Path)]  # a query's text is none
    _say(progress, f"reading {len(files)} files, {sum(map(_size, files)) / 1e6:,.1f} MB")
    return getattr(load, source)(*unit, **options)


def _in_blocks(
    source: str, unit: Unit, to: Path, about: dict, options: dict, progress: TextIO | None
) -> bool:
    """Write the market of one large file block by block; False where it has to be read whole."""
    blockwise = steps_of(source, options).blocks if _is_large(unit) else None
    if blockwise is None:
        return False
    names = ", ".join(path.name for path in unit)
    _say(progress, f"reading {names}, {sum(map(_size, unit)) / 1e6:,.1f} MB, in blocks")
    try:
        held = blockwise(*unit)
        found = held if isinstance(held, Iterator) else held.market
        large = _is_large(unit, HUGE) or _is_packed(unit[0])
        blocks.save(found, to, large=large, **about)
    except blocks.WholeNeededError:
        return False
    return True


def _keep(steps: Steps, unit: Unit, place: Path) -> None:
    """Read what is read together and keep it; of one large file block by block, where it can be."""
    if steps.blocks is not None and _is_large(unit):
        try:
            return kept.save(steps.blocks(*unit), place)
        except blocks.WholeNeededError:
            pass
    return kept.save(steps.read(*unit), place)


def _is_large(unit: Unit, least: int | None = None) -> bool:
    size = sum(_size(path) for path in unit if isinstance(path, Path))
    return size >= (LARGE if least is None else least)


def _is_packed(path: Path) -> bool:
    return path.suffix in (".gz", ".zip", ".zst", ".lz4")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _in_parts(
    source: str, units: list[Unit], to: Path, options: dict, progress: TextIO | None
) -> Market:
    """The market of what each unit holds, read now or by a run before."""
    steps = steps_of(source, options)
    folder = _beside(to)
    parts, faults, notes = [], [], []
    tell = _teller(units, progress)
    for unit in units:
        place = folder / _key(source, unit, steps)
        try:
            known = kept.opened(place, steps.kinds, unit[0])
            if known is None:
                _keep(steps, unit, place)
            parts.append(kept.opened(place, steps.kinds, unit[0]) if known is None else known)
            tell(unit, parts[-1], known=known is not None)
        except SourceError as error:
            faults += error.faults
            notes += [error.note] if error.note else []
    if faults:
        some = f"{len(parts)} of {len(units)} files are read and kept for the next run"
        notes += [some] if parts else []
        raise SourceError(source, faults, note="\n".join(dict.fromkeys(notes)))
    _say(progress, f"making one market of {sum(map(len, units))} files")
    return steps.whole(parts)


def _beside(to: Path) -> Path:
    to = to.resolve()
    return to.with_name(f".{to.name}.parts")


def _key(source: str, unit: Unit, steps: Steps) -> str:
    """What a part depends on: the files' content and that of files beside, the options', us."""
    kinds = [kind.__name__ for kind in steps.kinds]
    about = f"{__version__} {schema.VERSION} {source} {kinds}"
    digest = hashlib.sha256(about.encode())
    beside = getattr(sys.modules[f"mmresearch.load.{source}"], "BESIDE", ())
    for path in unit:
        digest.update(path.name.encode())
        for file in (path, *(path.with_name(name) for name in beside)):
            digest.update(_content(file))
    for name, value in sorted(steps.heeds.items()):
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

    def tell(unit: Unit, part: Any, *, known: bool) -> None:
        done["units"] += 1
        done["rows"] += kept.rows_of(part)
        done["bytes"] += sizes[unit]
        done["read"] += 0 if known else sizes[unit]
        spent = time.monotonic() - began
        left = spent * (total - done["bytes"]) / done["read"] if done["read"] else 0.0
        names = ", ".join(path.name for path in unit)
        _say(
            progress,
            f"{done['units']}/{len(units)} {names}{' (read before)' if known else ''}: "
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
