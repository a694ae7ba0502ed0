"""The depth updates and snapshots of captures, by symbol, and the books that they give."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.load import text
from mmresearch.load.binance.depth import BESIDE, Levels, Rebuilt, Snapshot, Updates, rebuild_book
from mmresearch.load.binance.lines import read_lines
from mmresearch.load.binance.parts import SOURCE
from mmresearch.load.binance.stream import Stream, refused, times
from mmresearch.receipt import Fault, SourceError, file_facts

_NAMELESS = "snapshot that names no symbol, beside several"
_A_SNAPSHOT = 'the answer to a depth request: {"lastUpdateId": ..., "bids": ..., "asks": ...}'


class Books(NamedTuple):
    """Tables by symbol, lines (by order) set aside, notes, and the files read beside."""

    quotes: dict[str, pd.DataFrame]
    books: dict[str, pd.DataFrame]
    aside: pl.DataFrame
    notes: list[str]
    files: list[dict]


def books_of(stream: Stream, *, clock: str, levels: int, snapshot: str | Path | None) -> Books:
    """The book of every symbol that has depth updates, as far as snapshots carry it."""
    updates = stream.events.get("depthUpdate")
    depth = updates["s"].unique(maintain_order=True).to_list() if updates is not None else []
    snapshots, aside = _snapshots(stream, depth, clock)
    files = [_given(snapshot, depth, snapshots)] if snapshot is not None else []
    quotes, books, notes = {}, {}, []
    other = list(times(clock))[1]
    for symbol in dict.fromkeys([*depth, *snapshots]):
        made = rebuild_book(
            _updates(stream, symbol, clock),
            snapshots.get(symbol, []),
            symbol=symbol,
            levels=levels,
            other=other,
        )
        if files and BESIDE in made.aside:
            raise _unfit(snapshot, symbol)
        quotes |= {symbol: made.tables["quotes"]} if "quotes" in made.tables else {}
        books |= {symbol: made.tables["book"]} if "book" in made.tables else {}
        aside |= made.aside
        notes += [*made.notes, *_gap_notes(stream, symbol, made)]
    rows = {"order": list(aside), "reason": list(aside.values())}
    frame = pl.DataFrame(rows, schema={"order": pl.Int64, "reason": pl.String})
    return Books(quotes, books, frame, notes, files)


def _gap_notes(stream: Stream, symbol: str, made: Rebuilt) -> list[str]:
    notes = []
    for order, said in made.gaps:
        file = int(np.searchsorted(stream.starts, order)) - 1
        place = f"{stream.files[file].text.name}, line {order - stream.starts[file]}"
        notes.append(f"{place}: gap in the depth updates of {symbol} ({said})")
    return notes


def _updates(stream: Stream, symbol: str, clock: str) -> Updates:
    empty = pl.DataFrame(schema=dict.fromkeys(("U", "u", "pu", "order", "seq"), pl.Int64))
    rows = stream.events.get("depthUpdate")
    if rows is None:
        rows = empty.with_columns(
            s=pl.lit(None, pl.String), **dict.fromkeys(("local", "exchange"), _no_time())
        )
    rows = rows.filter(pl.col("s") == symbol)
    levels = stream.levels.join(rows.select("order"), on="order", how="semi")
    order = rows["order"].to_numpy()
    time, other = (rows.select(value).to_series() for value in times(clock).values())
    return Updates(
        order,
        rows["U"].to_numpy(),
        rows["u"].to_numpy(),
        rows["pu"].fill_null(-1).to_numpy(),
        _nanoseconds(time),
        _nanoseconds(other),
        rows["seq"].to_numpy(),
        np.append(np.searchsorted(levels["order"].to_numpy(), order), levels.height),
        _as_levels(levels),
    )


def _no_time() -> pl.Expr:
    return pl.lit(None, pl.Datetime("ns", "UTC"))


def _nanoseconds(times: pl.Series) -> np.ndarray:
    return times.cast(pl.Int64).fill_null(np.iinfo(np.int64).min).to_numpy()


def _as_levels(rows: pl.DataFrame) -> Levels:
    return Levels(*(rows[name].to_numpy() for name in ("side", "price", "size")))


def _snapshots(
    stream: Stream, depth: list[str], clock: str
) -> tuple[dict[str, list[Snapshot]], dict[int, str]]:
    """The snapshots of each symbol, and those that could be of several."""
    rows = stream.events.get("snapshot")
    found: dict[str, list[Snapshot]] = {}
    aside = {}
    if rows is None:
        return found, aside
    clocks = [value.cast(pl.Int64) for value in times(clock).values()]
    for order, last, seq, symbol, time, other in rows.select(
        "order", "lastUpdateId", "seq", _symbol(), *clocks
    ).iter_rows():
        name = symbol or _only_one(stream, order, depth)
        if name is None:
            aside[order] = _NAMELESS
            continue
        levels = _as_levels(stream.levels.filter(pl.col("order") == order))
        found.setdefault(name, []).append(Snapshot(order, last, time, other, seq, levels))
    return found, aside


def _symbol() -> pl.Expr:
    """The symbol that a snapshot names itself, or its stream does."""
    stream = pl.col("stream").str.extract(r"^([^@]+)@").str.to_uppercase()
    return pl.coalesce("symbol", stream).alias("symbol_named")


def _only_one(stream: Stream, order: int, depth: list[str]) -> str | None:
    """The symbol of a snapshot that names none: the only one with depth updates there."""
    file = stream.files[int(np.searchsorted(stream.starts, order)) - 1]
    here = file.events.get("depthUpdate")
    names = here["s"].unique().to_list() if here is not None else depth
    every = {s for e, f in stream.events.items() if e != "snapshot" for s in f["s"].unique()}
    names = names or list(every)
    return names[0] if len(names) == 1 else None


def _given(snapshot: str | Path, depth: list[str], snapshots: dict[str, list[Snapshot]]) -> dict:
    """Add the snapshot given beside the captures to those of its symbol; its row of files."""
    (read,) = text.read_texts(SOURCE, [snapshot])
    try:
        said = json.dumps(json.loads(re.sub(rb"^\d+\s+", b"", read.data)))
    except ValueError as error:
        raise SourceError(
            SOURCE, [Fault(read.name, 1, f"no JSON ({error})", _A_SNAPSHOT)]
        ) from None
    lines = read_lines(read._replace(data=f"{10**18} {said}".encode()))
    if list(lines.events) != ["snapshot"]:
        raise refused(read.name, "another document", _A_SNAPSHOT)
    row = lines.events["snapshot"].select("lastUpdateId", _symbol()).row(0)
    names = [row[1]] if row[1] else depth
    if len(names) != 1:
        found = f"a snapshot beside depth updates of {len(names)} symbols"
        raise refused(read.name, found, "depth updates of one symbol")
    levels = _as_levels(lines.levels)
    snapshots.setdefault(names[0], []).append(Snapshot(None, row[0], None, None, None, levels))
    return file_facts(read.path, 1)


def _unfit(snapshot: str | Path, symbol: str) -> SourceError:
    found = f"a snapshot that no depth update of {symbol} continues"
    return refused(Path(snapshot).name, found, "one taken while the capture ran")
