"""A large text file in blocks of lines, each read as a small file would be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl

from mmresearch import native, store
from mmresearch.load import lines, text
from mmresearch.load.text import Text
from mmresearch.load.unpack import UnreadableError, is_packed, pieces
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError
from mmresearch.store import ahead

SIZE = 2**24  # bytes: enough for every core to be busy, few enough to stay near them
Tables = dict[str, pl.DataFrame]


class About(NamedTuple):
    """What is said of a whole file, when all its blocks were read."""

    symbols: pd.DataFrame | None
    receipt: Receipt
    name: str


Blocks = Iterator[Tables | About]  # each block's tables, checked in themselves; then what of all


class WholeNeededError(Exception):
    """A file whose blocks cannot be judged one after the other: it is read whole."""


def save(
    found: Blocks,
    folder: Path,
    *,
    large: bool = False,
    name: str | None = None,
    options: dict | None = None,
) -> Path:
    """Write all blocks as a market folder, in the memory of a few: one is made, one is written.

    large: whether it is known that they are too many to be held until all are there. name is the
    market's, where it is not the blocks' own; options are its receipt's.
    """
    with store.Writer(folder, large=large) as writer:
        for block in ahead(found):
            if isinstance(block, About):
                receipt = replace(block.receipt, options=options)
                Market(symbols=block.symbols, receipt=receipt, name=name or block.name).commit(
                    writer
                )
            else:
                for table, frame in block.items():
                    writer.add(table, _checked(frame, table))
    return folder


def _checked(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    right = native.checked(frame, table)
    if right is None:
        raise WholeNeededError(f"{table} against the schema: what is wrong is said of the whole")
    return right


def market(found: Blocks) -> Market:
    """All blocks as a market in memory."""
    *blocks, about = found
    tables = {name: [block[name] for block in blocks] for name in blocks[0]}
    relaxed = "vertical_relaxed"  # whole numbers in one block may be fractions in another
    whole = {n: t[0] if len(t) == 1 else pl.concat(t, how=relaxed) for n, t in tables.items()}
    return Market(**about._asdict(), **whole)


def texts(source: str, path: Path, size: int | None = None) -> Iterator[Text]:
    """The file's lines, some bytes at a time, each block with the header if there is one.

    Raises
    ------
    SourceError
        Where lines cannot be had; those ahead of them were given.
    """
    try:
        yield from _marked(ahead(_texts(path, size or SIZE)))
    except UnreadableError as error:
        raise SourceError(source, [error.fault]) from None


def _marked(blocks: Iterator[Text]) -> Iterator[Text]:
    """The blocks, the last one named as such."""
    held = None
    for block in blocks:
        if held is not None:
            yield held._replace(last=False)
        held = block
    if held is not None:
        yield held


def _texts(path: Path, size: int) -> Iterator[Text]:
    head, hashed = None, None if is_packed(path) else hashlib.sha256()
    for parts, ended, above in _cut(path, size, hashed):
        block = Text(path, b"".join([head or b"", *parts]), ended, above - bool(head))
        fault = lines.too_long(path, block.data, block.above)
        fault = fault or lines.no_text(path, block.data, block.above)
        if fault is not None:
            raise UnreadableError(fault)
        if head is None:
            named = text.is_header(text.first_fields(block))
            head = block.data.partition(b"\n")[0] + b"\n" if named else b""
        yield block._replace(hashed=hashed)
    if head is None:
        raise UnreadableError(Fault(str(path), None, "an empty file", "rows of text"))


Parts = list[bytes | memoryview]  # which are joined but once: a block is large


def _cut(path: Path, size: int, hashed: Any) -> Iterator[tuple[Parts, bool, int]]:
    """Whole lines without the last line end; whether there was one; how many lines stand above."""
    rest, above = b"", 0
    for piece in _with_new_ends(_hashed(pieces(path, size), hashed)):
        if not above or b'"' in rest or b'"' in piece or piece[0] in b"\r\n":
            rest, piece = b"", rest + piece
        end = _line_end(piece)
        if not end or (not above and b"\n" not in piece[:end].strip()):  # none, or a header alone
            rest += piece
            fault = lines.too_long(path, rest, above)
            if fault is not None:
                raise UnreadableError(fault)
            continue
        block = [rest, memoryview(piece)[:end]]
        yield block, True, above
        above += sum(map(lines.ends, block)) + 1
        # empty lines stay with what follows: at the end of a file they mean nothing
        rest = piece[piece.index(b"\n", end) + 1 :]
    last = rest.rstrip(b"\r\n")
    if last.strip() or (last and above):
        yield [last], rest != last, above


def _hashed(found: Iterator[bytes], hashed: Any) -> Iterator[bytes]:
    for piece in found:
        if hashed is not None:
            hashed.update(piece)
        yield piece


def _with_new_ends(found: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes without byte order mark, their lines ended as today."""
    start = b""
    for piece in found:
        start += piece
        if b"\n" in start or b"\r" in start[:-1]:
            break
    old = b"\n" not in start
    for piece in chain([start.removeprefix(lines.MARK)], found):
        yield piece.replace(b"\r", b"\n") if old else piece


def _line_end(data: bytes) -> int:
    """Where the last line ends that is no part of a quoted cell, and not empty; 0 if none does."""
    end = data.rfind(b"\n")
    while end > 0 and b'"' in data and data.count(b'"', 0, end) % 2:
        end = data.rfind(b"\n", 0, end)
    end = max(end, 0)
    end -= data.startswith(b"\r", end - 1) if end else 0
    is_empty = end and data[end - 1] in b"\r\n"
    return len(data[:end].rstrip(b"\r\n")) if is_empty else end
