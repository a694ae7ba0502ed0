"""Cells typed by a compiled loop, where every line of a large text is plain: half the work.

It gives the frame that `text.parse` gives otherwise, or None where anything is in doubt.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

LEAST = 2**29  # bytes of a file from which it is worth the second and 100 MB that the loop costs
_MOST = 2**31  # bytes that the place of a text can tell
_WORDS = 16  # that a column may have to be kept as words, and not as texts
_KINDS = ("whole", "float", "number", "text", "any")
_MAY_LACK = ("any", "text?", "float?")


class _Room(NamedTuple):
    """Where the loop writes: see `cell_kernel.run`."""

    numbers: np.ndarray
    codes: np.ndarray
    words: np.ndarray
    views: np.ndarray
    lacking: np.ndarray


def is_worth(path: Path) -> bool:
    """Whether a file is so large that the loop gives back what it costs to load."""
    return path.is_file() and path.stat().st_size >= LEAST


def frame(
    data: bytes, kinds: Mapping[str, str], separator: str, rows: int, *, header: bool
) -> pl.DataFrame | None:
    """The rows of lines of UTF-8 text as columns of these kinds (`cell_kinds.KINDS`)."""
    known = all(kind.removesuffix("?") in _KINDS for kind in kinds.values())
    if not known or len(kinds) < 2 or len(data) >= _MOST or rows < 1:
        return None
    if len(separator.encode()) != 1 or sys.byteorder != "little":
        return None
    start = data.index(b"\n") + 1 if header else 0
    return _read(np.frombuffer(data, np.uint8), start, ord(separator), kinds, rows)


def _read(
    data: np.ndarray, start: int, separator: int, kinds: Mapping[str, str], rows: int
) -> pl.DataFrame | None:
    from mmresearch.load import cell_kernel as kernel  # here, as it compiles

    numbers = {"whole": kernel.WHOLE, "float": kernel.FLOAT, "number": kernel.FLOAT}
    ways = np.array([numbers.get(k.removesuffix("?"), kernel.WORD) for k in kinds.values()])
    may_lack = np.array([kind in _MAY_LACK for kind in kinds.values()])
    while True:
        slots, room = _room([ways <= kernel.FLOAT, ways == kernel.WORD, ways == kernel.TEXT], rows)
        found = kernel.run(data, start, separator, ways, slots, may_lack, *room)
        if found >= kernel.DOUBT:
            break
        # its seventeenth word, mostly within the first lines: all is read again
        ways[kernel.DOUBT - 1 - found] = kernel.TEXT
    if found != rows:
        return None
    columns = []
    for name, way, slot, lacks in zip(kinds, ways, slots, room.lacking, strict=True):
        if way == kernel.WORD:
            column = _of_words(data, room.words[slot], room.codes[slot])
        elif way == kernel.TEXT:
            column = _of_views(data, room.views[slot], lacking=lacks > 0)
        elif way == kernel.WHOLE:
            column = pl.Series(room.numbers[slot])
        else:
            column = pl.Series(room.numbers[slot].view(np.float64))
            column = column.fill_nan(None) if lacks else column
        columns.append(column.alias(name))
    return pl.DataFrame(columns)


def _room(groups: list[np.ndarray], rows: int) -> tuple[np.ndarray, _Room]:
    """Room for columns of numbers, of words and of texts, and each column's place in its own."""
    slots = np.zeros(len(groups[0]), np.int64)
    for group in groups:
        slots[group] = np.arange(group.sum())
    numbers, words, texts = (int(group.sum()) for group in groups)
    return slots, _Room(
        np.empty((numbers, rows), np.int64),
        np.zeros((words, rows), np.uint8),
        np.full((words, _WORDS, 2), -1),
        np.empty((texts, rows, 2), np.int64),
        np.zeros(len(slots), np.int64),
    )


def _of_words(data: np.ndarray, words: np.ndarray, codes: np.ndarray) -> pl.Series:
    """A column of few words, of which an empty one is missing."""
    said = [data[a : a + n].tobytes().decode() or None for a, n in words.tolist() if n >= 0]
    if len(said) == 1:
        return pl.repeat(said[0], len(codes), dtype=pl.String, eager=True)
    return pl.Series(said, dtype=pl.String).gather(pl.Series(codes))


def _of_views(data: np.ndarray, views: np.ndarray, *, lacking: bool) -> pl.Series:
    buffers = [None, pa.py_buffer(views), pa.py_buffer(data)]
    texts = pl.Series(pl.from_arrow(pa.Array.from_buffers(pa.string_view(), len(views), buffers)))
    return texts.replace("", None) if lacking else texts
