"""A large TAQ file block by block: the rows and the receipt that reading it whole gives.

Whatever is wrong, and what blocks cannot tell, is left to the reading of the whole file.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.load import blocks, text, times
from mmresearch.load.blocks import Blocks, WholeNeededError
from mmresearch.load.taq import times as taq_times
from mmresearch.load.taq.files import NUMBERED, SOURCE, Part, read_part
from mmresearch.load.taq.notes import notes_of, tally_of
from mmresearch.load.taq.rows import (
    OWN,
    about,
    reasons,
    rows_of,
    set_aside,
    settled,
    table_of,
    unfit,
)
from mmresearch.receipt import SourceError


def of_file(path: Path, how: taq_times.Clock, lot: float | None, size: int | None = None) -> Blocks:
    """The tables of a large file, block by block, and what is said of all."""
    try:
        yield from _made_of(path, how, lot, size)
    except SourceError as error:
        raise WholeNeededError("faults are named of all rows at once") from error


def _made_of(path: Path, how: taq_times.Clock, lot: float | None, size: int | None) -> Blocks:
    part = form = last = None
    symbols, tallies, aside, read = set(), [], [], 0
    for t in blocks.texts(SOURCE, path, size):
        part = read_part(t, how)
        form = form or _form(part)
        if _form(part) != form:
            raise WholeNeededError("times written otherwise than in a block above")
        rows = rows_of([part], part.table, lot)
        last = _ends(rows, NUMBERED[part.table], last)
        reason = unfit(rows, part.table, ())
        kept = settled(rows.filter(reason.is_null()), part.table)
        symbols.update(rows["symbol"].unique())
        tallies.append(tally_of(kept, part.table, [part]))
        aside.append(set_aside(part, reasons(rows, reason)))
        read += rows.height
        yield {part.table: table_of(part, kept)}
    if not sum(tally.rows for tally in tallies):
        raise WholeNeededError("no row to keep: the reasons are counted of all")
    notes = notes_of(part.table, tallies, [part], lot)
    yield about(part.text, symbols, read, pd.concat(aside, ignore_index=True), notes)


def _form(part: Part) -> tuple:
    """How times are written, by the first row: those of a block are alike, or they are faults."""
    data = part.text.data
    first = data[: data.find(b"\n", data.find(b"\n") + 1)].split(b"\n")
    head, cells = (text.first_fields(part.text._replace(data=line)) for line in first)
    names = {text.word(name) for ours, name in part.names.items() if ours in ("dt", "clock")}
    said = [cell for name, cell in zip(head, cells, strict=False) if text.word(name) in names]
    written = [re.search(r"\d[-/:]\d", cell) is not None for cell in said]
    return part.said, *written, *times.has_offset(pl.Series(said, dtype=pl.String))


def _ends(rows: pl.DataFrame, number: str, above: pl.DataFrame | None) -> pl.DataFrame:
    """Each symbol's rows of its latest time, of these rows and those above.

    Raises
    ------
    WholeNeededError
        Where a symbol's time runs back, or a row may stand again on both sides of a block's end.
    """
    own = [c for c in rows.columns if c not in OWN]
    if not _rise(rows):
        raise WholeNeededError("a symbol's time that runs back")
    time = pl.col("time")
    one = (rows["symbol"] == rows["symbol"][0]).all()
    latest = rows.filter(time == (time.max() if one else time.max().over("symbol"))).select(own)
    if above is None:
        return latest
    first = rows.group_by("symbol").agg(begun=time.min())
    met = above.join(first, on="symbol", maintain_order="left")
    if (met["begun"] < met["time"]).any():
        raise WholeNeededError("a symbol's time that runs back")
    if number in own:
        near = rows.filter(time <= above["time"].max()).select(own)
        same = near.join(above, on=["symbol", "time"], how="semi")
        if pl.concat([above, same]).filter(pl.col(number).is_not_null()).is_duplicated().any():
            raise WholeNeededError("a row that may stand again on the other side of a block's end")
    return pl.concat([above, latest]).filter(time == time.max().over("symbol"))


def _rise(rows: pl.DataFrame) -> bool:
    """Whether no symbol's time runs back."""
    if rows["symbol"].n_unique() > 1:
        rows = rows.select("symbol", "time").sort("symbol", maintain_order=True)
    same = pl.col("symbol") == pl.col("symbol").shift()
    return not rows.select((same & (pl.col("time") < pl.col("time").shift())).any()).item()
