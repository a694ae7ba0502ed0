"""Raw Binance captures as tables: trades, best quotes, and the book that depth updates carry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.load import text
from mmresearch.load.binance.books import Books, books_of
from mmresearch.load.binance.lines import Lines
from mmresearch.load.binance.parts import NO_TRADE, SOURCE, Part, part_of
from mmresearch.load.binance.stream import Stream, markets_of, renamed, stream_of, times
from mmresearch.receipt import Receipt, file_facts

_AGAIN = "duplicate"
_BESIDE = "aggTrade beside single trades, which it would count twice"
_NO_CLOCK = "no time of the exchange, which clock asks for"


def capture_part(
    files: Sequence[Lines],
    *,
    symbol: str | None,
    clock: str,
    levels: int,
    snapshot: str | Path | None,
) -> Part:
    """The tables of captures that follow each other; raises one SourceError with every fault."""
    stream = stream_of(files)
    markets = markets_of(stream)
    own = renamed(stream, sorted(markets), symbol)
    trades, gone = _trades(stream, clock)
    quotes, timeless = _quotes(stream, clock)
    books = books_of(stream, clock=clock, levels=levels, snapshot=snapshot)
    aside = pl.concat([*_unread(stream), gone, timeless, books.aside])
    receipt = Receipt(
        SOURCE,
        pd.DataFrame([file_facts(f.text.path, f.count) for f in stream.files] + books.files),
        _set_aside(stream, aside),
        (*_notes(stream, clock, markets), *books.notes, *_lone(quotes, books)),
    )
    return part_of(
        stream.files[0].text.name,
        "capture",
        None,
        own,
        {ours: markets[theirs] for ours, theirs in own.items()},
        _named(trades, quotes, books, {theirs: ours for ours, theirs in own.items()}),
        receipt,
    )


def _trades(stream: Stream, clock: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Trades, and the lines that are none, with reasons."""
    frames = []
    single = stream.events.get("trade")
    if single is not None:
        frames.append(single.with_columns(id="t", beside=pl.lit(False), kind=pl.col("X")))
    joint = stream.events.get("aggTrade")
    if joint is not None:
        symbols = single["s"].unique().to_list() if single is not None else []
        beside, kind = pl.col("s").is_in(symbols), pl.lit(None, pl.String)
        ids = joint.rename({"f": "first_trade_id", "l": "last_trade_id"})
        frames.append(ids.with_columns(id="a", beside=beside, kind=kind))
    if not frames:
        return pl.DataFrame(), _no_aside()
    rows = pl.concat(frames, how="diagonal").sort("order")
    price, size = (pl.col(c).cast(pl.Float64) for c in ("p", "q"))
    rows = rows.with_columns(price=price, size=size).with_columns(reason=_no_trade())
    return _printed(rows.filter(pl.col("reason").is_null()), clock), _gone(rows)


def _no_trade() -> pl.Expr:
    """Why a line is no trade between two orders of the book, or is one that was there."""
    kind = pl.col("kind")
    once = pl.struct("s", "beside", "id").is_first_distinct()
    return (
        pl.when(pl.col("beside"))
        .then(pl.lit(_BESIDE))
        .when(kind.is_not_null() & (kind != "MARKET"))
        .then(pl.concat_str(pl.lit("trade of type "), kind, pl.lit(", not of the market")))
        .when((pl.col("price") == 0) | (pl.col("size") == 0))
        .then(pl.lit(NO_TRADE))
        .when(~once)
        .then(pl.lit(_AGAIN))
    )


def _printed(rows: pl.DataFrame, clock: str) -> pl.DataFrame:
    extra = [c for c in ("first_trade_id", "last_trade_id") if c in rows.columns]
    time, *other = (value.alias(name) for name, value in times(clock).items())
    return rows.select(
        time,
        "seq",
        pl.col("s").alias("symbol"),
        "price",
        "size",
        # m: the buyer rested, so that the aggressor sold
        pl.when("m").then(-1.0).otherwise(1.0).alias("side"),
        pl.col("id").cast(pl.String).alias("trade_id"),
        *other,
        *extra,
    )


def _quotes(stream: Stream, clock: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Best quotes, and the lines that have no time on this clock."""
    rows = stream.events.get("bookTicker")
    if rows is None:
        return pl.DataFrame(), _no_aside()
    time, *other = (value.alias(name) for name, value in times(clock).items())
    numbers = {c: pl.col(c).cast(pl.Float64) for c in ("b", "a", "B", "A")}
    table = rows.select(
        time,
        "seq",
        pl.col("s").alias("symbol"),
        pl.when(numbers["b"] > 0).then(numbers["b"]).alias("bid"),
        pl.when(numbers["a"] > 0).then(numbers["a"]).alias("ask"),
        numbers["B"].alias("bid_size"),
        numbers["A"].alias("ask_size"),
        pl.col("u").alias("update_id"),
        *other,
    )
    timeless = table["time"].is_null()
    gone = rows.filter(timeless).select("order", reason=pl.lit(_NO_CLOCK))
    return table.filter(~timeless), gone


def _no_aside() -> pl.DataFrame:
    return pl.DataFrame(schema={"order": pl.Int64, "reason": pl.String})


def _gone(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("reason").is_not_null()).select("order", "reason")


def _unread(stream: Stream) -> list[pl.DataFrame]:
    return [
        pl.DataFrame({"order": lines, "reason": reason}).with_columns(pl.col("order") + start)
        for file, start in zip(stream.files, stream.starts, strict=True)
        for reason, lines in file.aside.items()
    ]


def _set_aside(stream: Stream, rows: pl.DataFrame) -> pd.DataFrame:
    """The receipt's rows, in the order of lines."""
    found = []
    for file, start in zip(stream.files, stream.starts, strict=True):
        mine = rows.filter(pl.col("order").is_between(start + 1, start + file.count)).sort("order")
        found += [
            (file.text, (some["order"] - start).to_list(), reason)
            for (reason,), some in mine.group_by("reason", maintain_order=True)
        ]
    return text.aside(found)


def _named(
    trades: pl.DataFrame, quotes: pl.DataFrame, books: Books, ours: dict[str, str]
) -> dict[str, pd.DataFrame]:
    """The tables that have rows, by our names of symbols.

    The book's best level is a quote only where there is no bookTicker.
    """
    there = _with_ticker(quotes)
    lone = [t for name, t in books.quotes.items() if name not in there]
    made = {
        "trades": [trades.to_pandas()] if trades.height else [],
        "quotes": ([quotes.to_pandas()] if quotes.height else []) + lone,
        "book": list(books.books.values()),
    }
    tables = {name: pd.concat(parts) for name, parts in made.items() if parts}
    return {name: t.assign(symbol=t["symbol"].map(ours)) for name, t in tables.items()}


def _with_ticker(quotes: pl.DataFrame) -> set[str]:
    return set(quotes["symbol"].unique()) if quotes.height else set()


def _lone(quotes: pl.DataFrame, books: Books) -> list[str]:
    names = [name for name in books.quotes if name not in _with_ticker(quotes)]
    return [
        f"quotes of {name} are the book's best level, as bookTicker gave none" for name in names
    ]


def _notes(stream: Stream, clock: str, markets: dict[str, str]) -> list[str]:
    counts = {event: frame.height for event, frame in stream.events.items()}
    said = ", ".join(f"{n:,} {event}" for event, n in sorted(counts.items()))
    where = ", ".join(f"{name} ({market})" for name, market in markets.items())
    return [
        f"{where}: {said}",
        f"time is the clock of the {'capture' if clock == 'local' else 'exchange'}; seq is the"
        " order of arrival, one for all tables",
        *_clock_notes(stream),
        *_id_notes(stream),
    ]


def _clock_notes(stream: Stream) -> list[str]:
    """How the two clocks stand to each other, and lines that are behind their time."""
    clocks = ("order", "local", "exchange")
    every = pl.concat([f.select(clocks) for f in stream.events.values()]).sort("order")
    delay = pl.col("local") - pl.col("exchange")
    lag, back = every.select(
        lag=(delay.dt.total_microseconds() / 1000).median(),
        back=(pl.col("local").diff().dt.total_nanoseconds() < 0).sum(),
    ).row(0)
    notes = []
    if lag is not None:
        behind = "; below 0: the clock of the capture is behind" if lag < 0 else ""
        notes.append(f"the capture's time less the exchange's: median {lag:,.1f} ms{behind}")
    return notes + [f"{back:,} lines have a local time before the line above"] * bool(back)


def _id_notes(stream: Stream) -> list[str]:
    """Trades that did not arrive, by their numbers."""
    notes = []
    for event, name in (("trade", "t"), ("aggTrade", "a")):
        if event in stream.events:
            rows = stream.events[event].select("s", pl.col(name).alias("id")).unique()
            rows = rows.sort("s", "id").with_columns(step=pl.col("id").diff().over("s") - 1)
            for symbol, jumps, gone in (
                rows.filter(pl.col("step") > 0)
                .group_by("s", maintain_order=True)
                .agg(pl.len(), pl.col("step").sum())
                .iter_rows()
            ):
                notes.append(f"ids of {event} of {symbol} jump {jumps:,} times, {gone:,} missing")
    return notes
