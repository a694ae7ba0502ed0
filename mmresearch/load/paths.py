"""Which files are meant: paths, lists of them, folders and patterns."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable
from pathlib import Path

from mmresearch.load import unpack
from mmresearch.receipt import Fault, SourceError

_MAGIC = frozenset("*?[")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # what writers of partitions put for a missing one


def expand(source: str, files: Iterable, endings: tuple[str, ...]) -> list[Path]:
    """Every file meant, those of a folder or pattern by name; one error for all that hold none."""
    found, faults = [], []
    for given in _flat(files):
        some = _meant(Path(given), endings)
        found += some
        faults += [] if some else [Fault(str(given), None, "no file", " or ".join(endings))]
        endless = [path for path in some if path.exists() and not path.is_file()]
        faults += [fault for path in endless if (fault := unpack.irregular(path)) is not None]
    if not found and not faults:
        faults = [Fault("no file", None, "nothing given", " or ".join(endings))]
    if faults:
        raise SourceError(source, faults)
    return found


def _flat(files: Iterable) -> Iterable[str | Path]:
    for given in files:
        if isinstance(given, str | Path):
            yield given
        else:
            yield from _flat(given)


def _meant(path: Path, endings: tuple[str, ...]) -> list[Path]:
    if path.is_dir():
        return _within(path, endings)
    if not path.exists() and _MAGIC & set(str(path)):
        pattern = path.relative_to(path.anchor)
        found = sorted(Path(path.anchor).glob(str(pattern)))
        return [p for one in found for p in (_within(one, endings) if one.is_dir() else [one])]
    return [path]


def _within(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """The files of a folder, and of those in it that are named as symbol=ABC (partitions)."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            found += _within(path, endings) if "=" in path.name else []
        elif path.name.endswith(endings):
            found.append(path)
    return found


def told(path: Path) -> dict[str, str | None]:
    """What the names of a file's folders say of every row, as symbol=ABC/date=2024-01-31."""
    said = {}
    for folder in path.parents:
        column, sign, value = folder.name.partition("=")
        if not (column and sign):
            break
        value = urllib.parse.unquote(value)
        said[column] = None if value == _NO_VALUE else value
    return dict(reversed(said.items()))
