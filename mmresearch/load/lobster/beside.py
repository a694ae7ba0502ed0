"""LOBSTER's two files in blocks: as many rows of both at a time as stand beside each other.

Whatever is wrong is left to the reading of the whole files, which names every fault of both.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.load import blocks, text
from mmresearch.load.blocks import Blocks, WholeNeededError
from mmresearch.load.lobster.files import SOURCE, book_rules, layout_of, message_rules
from mmresearch.load.lobster.tables import (
    CROSS_ASIDE,
    HALT,
    HALT_ASIDE,
    Above,
    about,
    crosses_of,
    made,
)
from mmresearch.receipt import SourceError


def in_blocks(
    message: Path,
    orderbook: Path,
    *,
    symbol: str | None,
    date: str | datetime.date | None,
    size: int | None = None,
) -> Blocks:
    """The tables of a day's two large files, block by block, and what is said of all."""
    try:
        yield from _made_of([message, orderbook], symbol, date, size or blocks.SIZE)
    except SourceError as error:
        raise WholeNeededError("faults are named of both files at once") from error


class _Side:
    """One of the two files: its rows that were read and not yet taken.

    places: the texts that they stand in, and the number of the first row of each.
    """

    def __init__(self, texts: Iterator[text.Text]) -> None:
        self.text = next(texts)
        self._texts, self._rows = texts, None
        self.kinds: dict[str, str] = {}
        self.head = self.taken = self._read = self.last = 0
        self.places: list[tuple[text.Text, int]] = []
        self.done = False

    @property
    def height(self) -> int:
        return self._read - self.taken

    def more(self) -> None:
        """Read the next text."""
        if self._read:
            found = next(self._texts, None)
            self.done, self.text = found is None, found or self.text
        if self.done:
            return
        frame = text.parse(self.text, self.kinds, header=bool(self.head), quote=None)
        if isinstance(frame, list):
            raise SourceError(SOURCE, frame)
        passed = sum(first <= self.taken for _, first in self.places) - 1
        self.places = [*self.places[max(passed, 0) :], (self.text, self._read)]
        self._rows = frame if self._rows is None else pl.concat([self._rows, frame])
        self._read, self.last = self._read + frame.height, frame.height

    def take(self, count: int) -> pl.DataFrame:
        rows, self._rows = self._rows[:count], self._rows[count:]
        self.taken += count
        return rows

    def aside(self, taken: pl.DataFrame, which: pl.Series, reason: str) -> pd.DataFrame:
        """Of the rows just taken those that a reason sets aside, for the receipt."""
        rows = pl.Series(which.arg_true(), dtype=pl.Int64) + self.taken - taken.height
        ends = [*(first for _, first in self.places[1:]), self._read]
        return text.aside(
            [
                (t, (some + 1 + self.head).to_list(), reason)
                for (t, first), end in zip(self.places, ends, strict=True)
                if len(some := rows.filter((rows >= first) & (rows < end)))
            ]
        )


def _made_of(
    paths: list[Path], symbol: str | None, date: str | datetime.date | None, size: int
) -> Blocks:
    """The tables of the rows of both files in turn, and what is said of all."""
    sides = [
        _Side(blocks.texts(SOURCE, path, n))
        for path, n in zip(paths, _sizes(paths, size), strict=True)
    ]
    layout = layout_of([side.text for side in sides], symbol, date)
    if layout.faults:
        raise SourceError(SOURCE, layout.faults)
    for side, kinds, head in zip(sides, layout.kinds, layout.heads, strict=True):
        side.kinds, side.head = kinds, head
    above, tallies, crosses, halts = Above(), [], [], []
    for messages, book in _beside(sides):
        _refuse(sides, messages, book, above)
        tables, tally, above = made(messages, book, layout.symbol, layout.date, above)
        tallies.append(tally)
        crosses.append(sides[0].aside(messages, crosses_of(messages), CROSS_ASIDE))
        halts.append(sides[1].aside(book, messages["type"] == HALT, HALT_ASIDE))
        yield tables
    gone = pd.concat([*crosses, *halts], ignore_index=True)
    levels, texts = len(layout.kinds[1]) // 4, [side.text for side in sides]
    yield about(layout.symbol, layout.date, levels, tallies, texts, above.rows, gone)


def _sizes(paths: Sequence[Path], size: int) -> list[int]:
    """Bytes of each to read at a time: the rows of both are as many."""
    held = [max(path.stat().st_size, 1) if path.is_file() else 1 for path in paths]
    return [max(size * one // sum(held), 1) for one in held]


def _beside(sides: list[_Side]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """As many rows of both files, until both end."""
    while not all(side.done for side in sides):
        short = min(sides, key=lambda side: (side.height, side.done))
        if short.done:
            raise WholeNeededError("a file of fewer rows than the other")
        short.more()
        ready = min(side.height for side in sides)
        # a few left over of one text wait for the next
        if ready and (2 * ready >= min(side.last for side in sides) or short.done):
            yield sides[0].take(ready), sides[1].take(ready)
    if any(side.height for side in sides):
        raise WholeNeededError("a file of fewer rows than the other")


def _refuse(sides: list[_Side], messages: pl.DataFrame, book: pl.DataFrame, above: Above) -> None:
    """Whatever is wrong in these rows, or between them and those above."""
    one, other = (side.text for side in sides)  # of which the reading of the whole will tell
    faults = text.rule_faults(one, messages, message_rules(), header=False)
    book = book.with_columns(halted=messages["type"] == HALT)
    faults += text.rule_faults(other, book, book_rules(book), header=False)
    if faults or (above.last is not None and messages["time"][0] < above.last):
        raise WholeNeededError("faults are named of both files at once")
