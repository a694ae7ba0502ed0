"""All captures as one running sequence of lines: the book at the end of one is the next one's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from mmresearch import schema
from mmresearch.load.binance.lines import Lines
from mmresearch.load.binance.parts import COIN_M, SOURCE, SPOT, USD_M, is_coin_margined, moment
from mmresearch.receipt import Fault, SourceError

_MIXED = "one market a symbol: load spot and futures apart"


class Stream(NamedTuple):
    """The lines of all captures by event.

    Each line has its `order` over all files (from 1), `seq`, `symbol`, `local` and `exchange`
    times, and whether it is of `futures`. `starts`: the order before the first line of each file.
    """

    files: list[Lines]
    starts: list[int]
    events: dict[str, pl.DataFrame]
    levels: pl.DataFrame


def stream_of(files: Sequence[Lines]) -> Stream:
    """The lines of all files, those of the file that begins first ahead."""
    files = sorted(files, key=_begins)
    starts, events, levels = [0], {}, []
    for file in files:
        # without trades in the same file their order is not known: quotes come after them
        apart = 0 if {"trade", "aggTrade"} & set(file.events) else schema.UNORDERED
        order = pl.col("line") + starts[-1]
        levels.append(file.levels.with_columns(order=order))
        for event, frame in file.events.items():
            rows = frame.with_columns(
                order=order,
                seq=order + apart,
                local=pl.col("local").cast(pl.Datetime("ns", "UTC")),
                exchange=moment("stamp", file.unit),
                futures=_is_futures(event),
            )
            events.setdefault(event, []).append(rows)
        starts.append(starts[-1] + file.count)
    together = {event: pl.concat(frames) for event, frames in events.items()}
    return Stream(list(files), starts[:-1], together, pl.concat(levels))


def _begins(file: Lines) -> int:
    return min((frame["local"][0] for frame in file.events.values()), default=2**63 - 1)


def _is_futures(event: str) -> pl.Expr:
    """Which market a line is of, by the fields that only one of them sends."""
    if event in ("trade", "aggTrade"):
        return pl.col("M").is_null()
    return {"bookTicker": pl.col("e").is_not_null(), "depthUpdate": pl.col("pu").is_not_null()}.get(
        event, pl.lit(None, pl.Boolean)
    )


def markets_of(stream: Stream) -> dict[str, str]:
    """The market of every symbol; one error where a symbol is of two, or is there twice."""
    frames = [f for event, f in stream.events.items() if event != "snapshot"]
    if not frames:
        found = "no trade, bookTicker or depthUpdate"
        raise refused(stream.files[0].text.name, found, "events of a Binance market")
    said = pl.concat([f.select("s", "futures", "order") for f in frames]).sort("order")
    torn = said.group_by("s").agg(pl.col("futures").n_unique()).filter(pl.col("futures") > 1)
    if torn.height:
        names = ", ".join(sorted(torn["s"]))
        raise refused(stream.files[0].text.name, f"{names} of spot and of futures", _MIXED)
    _refuse_overlaps(stream)
    kinds = said.unique("s", keep="first").select("s", "futures").iter_rows()
    return {s: COIN_M if is_coin_margined(s) else USD_M if f else SPOT for s, f in kinds}


def refused(file: str, found: str, expected: str) -> SourceError:
    """The error of one fault that no line alone has."""
    return SourceError(SOURCE, [Fault(file, None, found, expected)])


def _refuse_overlaps(stream: Stream) -> None:
    """Captures of the same events of a symbol must follow each other in time."""
    ends: dict[tuple[str, str], tuple[int, str]] = {}
    faults = []
    for file in stream.files:
        for event, frame in file.events.items():
            spans = frame.group_by("s" if "s" in frame.columns else "symbol").agg(
                first=pl.col("local").min(), last=pl.col("local").max()
            )
            for symbol, first, last in spans.iter_rows() if event != "snapshot" else ():
                before, other = ends.get((event, symbol), (-1, ""))
                if first <= before:
                    found = f"{event} of {symbol} at times that {other} has too"
                    faults.append(Fault(file.text.name, None, found, "each time in one capture"))
                ends[event, symbol] = max((before, other), (last, file.text.name))
    if faults:
        raise SourceError(SOURCE, faults)


def renamed(stream: Stream, found: list[str], symbol: str | None) -> dict[str, str]:
    """Our name of each symbol -> the venue's."""
    if symbol is None:
        return {name: name for name in found}
    if len(found) > 1:
        said = f"{len(found)} symbols: {', '.join(found[:5])}"
        raise refused(stream.files[0].text.name, said, "one, as symbol names it")
    return {symbol: found[0]}


def times(clock: str) -> dict[str, pl.Expr]:
    """The tables' time and, as an extra column, that of the other clock."""
    local, exchange = pl.col("local"), pl.col("exchange")
    if clock == "local":
        return {"time": local, "exchange_time": exchange}
    return {"time": exchange, "local_time": local}
