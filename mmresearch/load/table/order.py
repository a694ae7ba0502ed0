"""The order of a table's rows where the source does not number them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch import schema
from mmresearch.load.blocks import WholeNeededError
from mmresearch.load.table.parts import IDS, Part

NO_SEQ = "no seq, the file's order is the order"
STATES = ("quotes", "own_quotes", "book")


class Above(NamedTuple):
    """Of the rows above a block: how many, their latest (time, seq), what their order tells.

    rises: no time was behind one above it; risen: some time was after one above it;
    ids: those of the rows of the latest time.
    """

    rows: int = 0
    time: int | None = None
    seq: int = -1
    rises: bool = True
    risen: bool = False
    ids: frozenset = frozenset()


def number(read: dict[str, list[Part]]) -> list[str]:
    """Give every table without `seq` its files' order; says so."""
    ordered = [k for k in read if any(c.name == "seq" for c in schema.columns(k))]
    lacking = [k for k in ordered if "seq" not in read[k][0].names]
    notes = [f"{k}: {NO_SEQ}" for k in lacking]
    for k in ordered:
        ahead = 0
        if k in STATES and (k in lacking or set(lacking) - set(STATES)):
            ahead = schema.UNORDERED
            notes.append(f"{k}: counted after the trades of the same instant")
        read[k] = [_numbered(part, ahead) for part in read[k]]
    return notes


def _numbered(part: Part, ahead: int) -> Part:
    seq = part.frame["seq"] if "seq" in part.names else _file_order(part.frame["time"])
    return part._replace(frame=part.frame.assign(seq=seq + ahead))


def _file_order(time: pd.Series) -> np.ndarray:
    rows = np.arange(len(time))
    newest_first = time.is_monotonic_decreasing and not time.is_monotonic_increasing
    return rows[::-1] if newest_first else rows


def counted_on(
    frame: pl.DataFrame, kind: str, above: Above, *, own: bool
) -> tuple[pl.DataFrame, Above]:
    """The block's rows with `seq` where the table has it, and what they are to those behind them.

    `own`: whether the source numbers its rows.

    Raises
    ------
    WholeNeededError
        Where the rows' order, or a row that may stand twice, is only to be judged among all.
    """
    numbered = any(c.name == "seq" for c in schema.columns(kind))
    if numbered and not own:
        first = above.rows + (schema.UNORDERED if kind in STATES else 0)
        count = pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias("seq")
        frame = frame.with_columns(count)
    time = frame["time"].to_physical()
    if time.has_nulls():
        raise WholeNeededError("a row without a time")
    top = time[0] if above.time is None else above.time
    rises = above.rises and time.is_sorted() and time[0] >= top
    risen = above.risen or _rises_first(time, top)
    if numbered and not own and not (rises or risen):
        raise WholeNeededError("rows that may run from newest to oldest")
    latest = frame.filter(time == time.max())
    seq = latest["seq"].max() if numbered and latest["seq"].dtype.is_integer() else -1
    if numbered and own and not _behind(frame, above):
        raise WholeNeededError("numbers of events that do not rise from block to block")
    ids = _ids(frame, latest, kind, above, rises=rises)
    return frame, Above(above.rows + frame.height, time.max(), seq, rises, risen, ids)


def _rises_first(time: pl.Series, top: int) -> bool:
    """Whether the first time that is another than `top` is later."""
    other = time.filter(time != top)
    return len(other) > 0 and other[0] > top


def _behind(frame: pl.DataFrame, above: Above) -> bool:
    """Whether all rows are later than those above, by (time, seq)."""
    first = frame.select("time", "seq").sort("time", "seq").head(1)
    if not first["seq"].dtype.is_integer():
        return False
    found = (first["time"].to_physical()[0], first["seq"][0])
    return above.time is None or found > (above.time, above.seq)


def _ids(
    frame: pl.DataFrame, latest: pl.DataFrame, kind: str, above: Above, *, rises: bool
) -> frozenset:
    """The ids of the rows of the latest time, which alone may stand again in the next block."""
    key = IDS.get(kind)
    if key not in frame.columns or not frame[key].count():
        return frozenset()
    ids = frame[key].drop_nulls()
    if ids.n_unique() < ids.len():
        often = frame.filter(pl.col(key).is_not_null() & pl.col(key).is_duplicated())
        if often.drop("seq").is_duplicated().any():
            raise WholeNeededError("rows that stand twice")
    if not rises:
        raise WholeNeededError("times that do not rise: a row may stand again anywhere")
    if above.time is None:
        return frozenset(latest[key].drop_nulls())
    same = frame["time"].to_physical() == above.time
    if above.ids and not above.ids.isdisjoint(frame.filter(same)[key].drop_nulls()):
        raise WholeNeededError("an id that stands on both sides of a block's end")
    kept = frozenset(latest[key].drop_nulls())
    return kept | above.ids if frame.height == same.sum() else kept
