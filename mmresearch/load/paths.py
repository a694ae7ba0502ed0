"""Which files are meant: paths, lists of them, folders and patterns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mmresearch.receipt import Fault, SourceError

_MAGIC = frozenset("*?[")


def expand(source: str, files: Iterable, endings: tuple[str, ...]) -> list[Path]:
    """Every file meant, those of a folder or pattern by name; one error for all that hold none."""
    found, faults = [], []
    for given in _flat(files):
        some = _meant(Path(given), endings)
        found += some
        faults += [] if some else [Fault(str(given), None, "no file", " or ".join(endings))]
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
        return sorted(p for p in path.iterdir() if p.name.endswith(endings))
    if not path.exists() and _MAGIC & set(str(path)):
        pattern = path.relative_to(path.anchor)
        return sorted(Path(path.anchor).glob(str(pattern)))
    return [path]
