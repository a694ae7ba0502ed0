"""Lines of a raw Binance capture: `local_ns JSON`, decoded by columns, every one accounted for.

Payloads as the venue documents its streams, combined ({"stream": ..., "data": ...}) or bare:
trade, aggTrade, bookTicker (futures give it an `e` and times, spot none), depthUpdate; and the
answer to a REST request for depth ({"lastUpdateId": ..., "bids": ..., "asks": ...}).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from mmresearch.load import text
from mmresearch.load.binance.line_faults import Spots, diagnose, form_spots, value_spots
from mmresearch.load.binance.parts import SOURCE, expected_time, not_of, unit_of
from mmresearch.receipt import SourceError

_BLOCK = 64 * 2**20  # bytes decoded at a time: what that needs is many times the result
_LOCAL = r"^(\d{18,19})\s+\{"
_LEVELS = pl.List(pl.List(pl.String))
_TIMES = {"E": pl.Int64, "T": pl.Int64}
_PRINT = {"s": pl.String, "p": pl.String, "q": pl.String, "m": pl.Boolean, "M": pl.Boolean}
FIELDS = {
    "trade": {**_TIMES, **_PRINT, "t": pl.Int64, "X": pl.String},
    "aggTrade": {**_TIMES, **_PRINT, "a": pl.Int64, "f": pl.Int64, "l": pl.Int64},
    "bookTicker": {**_TIMES, "e": pl.String, "u": pl.Int64}
    | dict.fromkeys(("s", "b", "B", "a", "A"), pl.String),
    "depthUpdate": {**_TIMES, "s": pl.String, "U": pl.Int64, "u": pl.Int64, "pu": pl.Int64}
    | {"b": _LEVELS, "a": _LEVELS},
    "snapshot": {**_TIMES, "lastUpdateId": pl.Int64, "symbol": pl.String}
    | {"bids": _LEVELS, "asks": _LEVELS},
}
_SIDES = {"depthUpdate": ("b", "a"), "snapshot": ("bids", "asks")}
_NO_LEVELS = {"line": pl.Int64, "side": pl.Int8, "price": pl.Float64, "size": pl.Float64}


class Lines(NamedTuple):
    """A capture's lines by event: `line` (1 is the first), `local` (ns), `stamp` and its fields.

    stamp: T, else E, as counted in `unit`. levels: the increments of updates and snapshots: line,
    side (+1 bid, -1 ask), price, size. aside: why lines are not read -> which.
    """

    text: text.Text
    count: int
    events: dict[str, pl.DataFrame]
    levels: pl.DataFrame
    unit: str | None
    aside: dict[str, list[int]]


def is_capture(t: text.Text) -> bool:
    """Whether the first line is one of a capture, and not of a table."""
    return re.match(rb"\s*(\d+\s+)?[\[{]", t.data[:100]) is not None


def read_lines(t: text.Text) -> Lines:
    """The events of a capture; raises one SourceError that names every bad line."""
    frames: dict[str, list[pl.DataFrame]] = defaultdict(list)
    aside: dict[str, list[int]] = defaultdict(list)
    spots: Spots = defaultdict(list)
    for first, block in _blocks(t.data):
        rows = _rows(block, first)
        form_spots(rows.filter(pl.col("local").is_null()), t.data.count(b"\n") + 1, spots)
        good = rows.filter(pl.col("local").is_not_null())
        for (event,), some in good.group_by("event", maintain_order=True):
            if event in FIELDS:
                for name, frame in _decoded(some, event, spots).items():
                    frames[name].append(frame)
            else:
                _fields(some, {}, spots)
                aside[event] += some["line"].to_list()
    _refuse(t, spots)
    events = {event: pl.concat(parts) for event, parts in frames.items()}
    levels = events.pop("levels", pl.DataFrame(schema=_NO_LEVELS))
    unit = _unit(t, events)
    return Lines(t, t.data.count(b"\n") + 1, events, levels.sort("line"), unit, dict(aside))


def _refuse(t: text.Text, spots: Spots) -> None:
    if spots:
        faults = [text.rows_fault(t.name, sorted(lines), *said) for said, lines in spots.items()]
        raise SourceError(SOURCE, sorted(faults, key=lambda fault: fault.line))


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Pieces of whole lines, with the number of the first line of each."""
    start, line = 0, 1
    while start < len(data):
        end = data.find(b"\n", start + _BLOCK)
        end = len(data) if end < 0 else end
        yield line, data[start:end]
        line += data.count(b"\n", start, end) + 1
        start = end + 1


def _rows(block: bytes, first: int) -> pl.DataFrame:
    """Each line's number, local time (missing: the line is bad), JSON and event."""
    lines = pl.Series("text", [block.decode()]).str.split("\n").explode().str.strip_chars_end()
    whole = pl.col("text").str.ends_with("}")
    frame = lines.to_frame().with_columns(
        line=pl.int_range(first, first + len(lines), dtype=pl.Int64),
        local=pl.when(whole).then(pl.col("text").str.extract(_LOCAL)).cast(pl.Int64, strict=False),
        json=pl.col("text").str.replace(r"^\d+\s+", ""),
    )
    return frame.with_columns(_event())


def _event() -> pl.Expr:
    """What a line tells of: one of FIELDS, or why it is not read."""
    said = pl.col("json").str.extract(r'"e"\s*:\s*"(\w+)"')
    stream = pl.col("json").str.extract(r'^\{\s*"stream"\s*:\s*"([^"]*)"')
    quoted = [pl.col("json").str.contains(rf'"{c}"\s*:') for c in ("u", "b", "B", "a", "A")]
    partial = stream.str.contains("@depth(?:5|10|20)(?:@|$)")
    return (
        pl.when(partial)
        .then(pl.lit("partial depth, which is not read"))
        .when(said.is_in([name for name in FIELDS if name != "snapshot"]))
        .then(said)
        .when(said.is_not_null())
        .then(pl.concat_str(said, pl.lit(", which is not read")))
        .when(pl.col("json").str.contains('"lastUpdateId"', literal=True))
        .then(pl.lit("snapshot"))
        .when(pl.all_horizontal(quoted) | stream.str.ends_with("@bookTicker").fill_null(False))
        .then(pl.lit("bookTicker"))  # spot's has no `e`
        .otherwise(pl.lit("no market event"))
        .alias("event")
    )


def _decoded(rows: pl.DataFrame, event: str, spots: Spots) -> dict[str, pl.DataFrame]:
    """The fields of one event's lines in columns, its levels apart; bad lines go to `spots`."""
    frame = _fields(rows, FIELDS[event], spots, event)
    if frame is None or value_spots(frame, event, spots):
        return {}
    frame = frame.with_columns(stamp=pl.coalesce("T", "E")).drop("T", "E")
    if event not in _SIDES:
        return {event: frame}
    levels = _levels(frame, *_SIDES[event], spots)
    return {event: frame.drop(_SIDES[event]), "levels": levels}


def _fields(rows: pl.DataFrame, fields: dict, spots: Spots, event: str = "") -> pl.DataFrame | None:
    """The fields of combined and of bare lines, if every line is JSON of these types."""
    nested = rows["json"].str.contains(r'^\{[^{}]*"data"\s*:\s*\{')
    read = [
        _json(some, {"stream": pl.String, **({"data": pl.Struct(fields)} if deep else fields)})
        for deep, some in ((True, rows.filter(nested)), (False, rows.filter(~nested)))
        if some.height
    ]
    if any(frame is None for frame in read):
        diagnose(rows, fields, event, spots)
        return None
    flat = [f.unnest("data") if "data" in f.columns else f for f in read]
    return pl.concat(flat).sort("line") if len(flat) > 1 else flat[0]


def _json(rows: pl.DataFrame, fields: dict) -> pl.DataFrame | None:
    try:
        read = rows["json"].str.json_decode(pl.Struct(fields))
    except pl.exceptions.PolarsError:
        return None
    if len(read) != rows.height:  # a line held two documents, or none
        return None
    return rows.select("line", "local").with_columns(read.struct.unnest())


def _levels(frame: pl.DataFrame, bids: str, asks: str, spots: Spots) -> pl.DataFrame:
    """A row a level: both sides of every line, in the order of lines."""
    both = [
        frame.select("line", pl.lit(side, pl.Int8).alias("side"), pl.col(name).alias("level"))
        for name, side in ((bids, 1), (asks, -1))
    ]
    rows = pl.concat(both).filter(pl.col("level").list.len() > 0).explode("level")
    cells = [pl.col("level").list.get(i, null_on_oob=True) for i in (0, 1)]
    levels = rows.select(
        "line",
        "side",
        price=cells[0].cast(pl.Float64, strict=False),
        size=cells[1].cast(pl.Float64, strict=False),
    )
    price, size = pl.col("price"), pl.col("size")
    good = price.is_finite() & (price > 0) & size.is_finite() & (size >= 0)
    bad = levels.select(~good.fill_null(False)).to_series()
    for line, level in rows.filter(bad).select("line", "level").iter_rows():
        spots[f"a level {str(level)[:40]}", "[price above 0, quantity of 0 or more]"].append(line)
    return levels


def _unit(t: text.Text, events: dict[str, pl.DataFrame]) -> str | None:
    """The one unit of all times of the venue; none where no line has one."""
    stamps = [frame.select("line", "stamp") for frame in events.values()]
    times = pl.concat(stamps).drop_nulls() if stamps else pl.DataFrame()
    if times.is_empty():
        return None
    times = times.sort("line")
    unit = unit_of(times["stamp"])
    bad = times.filter(not_of(unit, "stamp"))
    if bad.height:
        found, expected = f"a time {bad['stamp'][0]}", expected_time(unit)
        _refuse(t, {(found, expected): bad["line"].to_list()})
    return unit
