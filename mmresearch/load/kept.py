"""What a file held, kept on disk until the other files are read: Parquet and JSON, nothing else.

A market is a folder as ever. A NamedTuple is kept by what its fields are annotated as: tables, raw
bytes and markets beside a JSON file of the plain values. It appears in one step, whole or not at
all.
"""

from __future__ import annotations

import json
import os
import shutil
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import polars as pl

from mmresearch import store
from mmresearch.folder import open_market
from mmresearch.load import blocks
from mmresearch.load.blocks import Blocks
from mmresearch.market import Market

VALUES = "values.json"
_PLAIN = (str, int, float, bool, Any)
_PIECE = 64 * 2**20  # bytes in one cell: Parquet's pages hold less than 2 GB


def save(held: Any, folder: Path) -> None:
    """Keep what a file held, as this folder: a market, its blocks, or a NamedTuple of such."""
    if isinstance(held, Market | Iterator):
        _written_market(held, folder)
        return
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    values = {"kind": type(held).__name__, "held": _kept(held, type(held), draft / "held")}
    (draft / VALUES).write_text(json.dumps(values), encoding="utf-8")
    for path in (*draft.glob("*.parquet"), draft / VALUES):  # on the disk before the name is
        with path.open("rb+") as handle:
            os.fsync(handle.fileno())
    draft.rename(folder)


def opened(folder: Path, kinds: Sequence[type], file: Path) -> Any | None:
    """What `save` kept, one of these kinds; None if it kept nothing.

    Every path in a NamedTuple is `file`, from which it was read.
    """
    if (folder / store.MANIFEST).exists():
        return open_market(folder)
    if not (folder / VALUES).exists():
        return None
    values = json.loads((folder / VALUES).read_text(encoding="utf-8"))
    (kind,) = [kind for kind in kinds if kind.__name__ == values["kind"]]
    return _opened(values["held"], kind, folder, file)


def remove(folder: Path) -> None:
    """Remove all that was kept; in one step, as half of a part would be taken for the whole."""
    gone = folder.with_suffix(".done")
    shutil.rmtree(gone, ignore_errors=True)  # of a process that was killed
    if folder.exists():
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def rows_of(held: Any) -> int:
    """How many rows of the source it stands for."""
    return held.receipt.rows_read if isinstance(held, Market) else held.count


def _kept(value: Any, kind: Any, place: Path) -> Any:
    """What JSON holds for the value: itself, or the names of the files that are written for it."""
    kind = _there(kind)
    if value is None or kind is Path:
        return None
    if kind is pl.DataFrame:
        return _written(value, place)
    if kind is Market:
        return _written_market(value, place).name
    if kind is bytes:
        pieces = [value[i : i + _PIECE] for i in range(0, len(value), _PIECE)]
        return _written(pl.DataFrame({"bytes": pieces}, schema={"bytes": pl.Binary}), place)
    if _is_named(kind):
        hints = get_type_hints(kind).items()
        return {
            n: _kept(getattr(value, n), k, place.with_name(f"{place.name}.{n}")) for n, k in hints
        }
    if get_origin(kind) is dict and get_args(kind)[1] is pl.DataFrame:
        frames = enumerate(value.items())
        return {key: _written(f, place.with_name(f"{place.name}.{i}")) for i, (key, f) in frames}
    _refuse_unknown(kind)
    return value


def _written_market(market: Market | Blocks, place: Path) -> Path:
    if isinstance(market, Market):
        return market.save(place)
    return blocks.save(market, place, large=True)  # by day, as it will be copied file by file


def _written(frame: pl.DataFrame, place: Path) -> str:
    path = place.with_name(f"{place.name}.parquet")
    # a row group a piece of bytes; statistics would hold such pieces again
    whole = pl.Binary not in frame.dtypes
    how = {"row_group_size": None if whole else 1, "statistics": whole}
    store.write_parquet(frame, path, **how)
    return path.name


def _opened(value: Any, kind: Any, folder: Path, path: Path) -> Any:
    kind = _there(kind)
    if kind is Path:
        return path
    if value is None:
        return None
    if kind is Market:
        return open_market(folder / value)
    if kind is pl.DataFrame:
        return pl.read_parquet(folder / value)
    if kind is bytes:
        return b"".join(pl.read_parquet(folder / value)["bytes"])
    if _is_named(kind):
        hints = get_type_hints(kind).items()
        return kind(**{name: _opened(value[name], k, folder, path) for name, k in hints})
    if get_origin(kind) is dict and get_args(kind)[1] is pl.DataFrame:
        return {key: pl.read_parquet(folder / name) for key, name in value.items()}
    if get_origin(kind) is list and _is_named(get_args(kind)[0]):
        return [get_args(kind)[0](*row) for row in value]
    return value


def _there(kind: Any) -> Any:
    """The kind of a value that may be missing, where it is not."""
    if get_origin(kind) not in (types.UnionType, typing.Union):
        return kind
    (found,) = [part for part in get_args(kind) if part is not types.NoneType]
    return found


def _is_named(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def _refuse_unknown(kind: Any) -> None:
    """Only what JSON gives back as it was: dicts by text and lists, of these or of NamedTuples."""
    kind = _there(kind)
    if get_origin(kind) is dict and get_args(kind)[0] is str:
        _refuse_unknown(get_args(kind)[1])
    elif get_origin(kind) is list:
        _refuse_unknown(get_args(kind)[0])
    elif _is_named(kind):
        for inner in get_type_hints(kind).values():
            _refuse_unknown(inner)
    elif kind not in (*_PLAIN, dict, list):
        raise TypeError(f"no way to keep {kind} as JSON")
