"""Binance: the files that it publishes, and raw captures of its websocket streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from mmresearch.load import blocks, paths, several, text
from mmresearch.load.binance.capture import capture_part
from mmresearch.load.binance.files import read_file
from mmresearch.load.binance.layouts import LAYOUTS
from mmresearch.load.binance.lines import Lines, is_capture, read_lines
from mmresearch.load.binance.overlaps import twice_by_content, twice_by_name
from mmresearch.load.binance.parts import SOURCE, Part
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, SourceError

ENDINGS = (".csv", ".zip", ".gz", ".jsonl", ".lz4", ".zst")


@tells
def binance(
    *files: str | Path | Iterable[str | Path],
    kind: str | None = None,
    symbol: str | None = None,
    clock: str = "local",
    levels: int = 20,
    snapshot: str | Path | None = None,
    name: str | None = None,
) -> Market:
    """Binance's published files and raw websocket captures, of spot, USD-M and COIN-M futures.

    Parameters
    ----------
    *files : path or paths
        Files, plain or packed (zip, gzip, lz4, zstandard), lists of them, folders or patterns.
        What a file is, its first line tells. Published files are those of data.binance.vision:
        trades, aggTrades, bookTicker, bookDepth, klines (also of mark, index and premium prices),
        metrics, fundingRate; with a header or without. Captures are lines of local nanoseconds
        and JSON, the stream's event combined ({"stream": ..., "data": ...}) or bare: trade,
        aggTrade, bookTicker, depthUpdate, and snapshots as the REST request for depth answers.
    kind : str, optional
        Of published files that neither name nor header tells apart: trades, klines, ...
    symbol : str, optional
        Of published files whose names do not say it; or what to call the one symbol here.
    clock : {"local", "exchange"}
        Of captures: the table's time, that of the capture or of the exchange (T, else E); the
        other one is an extra column. Spot's bookTicker has no time of the exchange.
    levels : int
        Of captures: how many levels of the book.
    snapshot : path, optional
        Of captures: the REST answer that their depth updates continue, where they hold none.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        trades: `side` is the aggressor's: -1 where the buyer was the maker. Sizes in units of the
        asset, of COIN-M in contracts (of 100 USD for BTC, else 10 USD). Extra: quote_qty
        (COIN-M: base_qty); of aggregates first_trade_id, last_trade_id.
        quotes: of bookTicker, a side that is not there without price and with size 0. Extra:
        update_id. Those of published files (time: transaction_time; extra: event_time) come behind
        all trades of their instant, as no common order is known.
        book: of captures, rebuilt while the update ids form a chain from a snapshot. A gap ends
        the book, the receipt says where, and only a new snapshot begins it again.
        series: of bookDepth depth_-1%, notional_-1%, ... (bids below, asks above the price); of
        klines open, high, low, close, volume, ... at their close_time (COIN-M: base_volume for
        quote_volume), prices of mark, index and premium as mark_open, ...; of metrics and
        fundingRate the file's columns. Extra of klines: interval.
        `seq` is the row's number in the file after putting times and ids in order; of captures the
        line's over all of them, one for all tables: the order of arrival. Captures are read as one
        sequence, for the book at the end of one goes on in the next.
        Set aside: repeated ids, trades without price or quantity, futures trades that are not of
        the market (insurance fund, auto-deleveraging), events that are not read, depth updates
        that no snapshot carries. What is lost: is_best_match, the bars' open_time.

    Raises
    ------
    SourceError
        Naming every fault of every file; also trades and aggTrades of one time, spot and futures
        of one symbol, or one time in two files, which together would count twice.
    """
    how = {"clock": clock, "levels": levels, "snapshot": snapshot}
    steps = in_steps(kind=kind, symbol=symbol, **how)
    found = paths.expand(SOURCE, files, ENDINGS)
    _refuse(twice_by_name(found))
    return at_once(SOURCE, found, ENDINGS, steps, name=name)


def in_steps(*, kind: str | None, symbol: str | None, **how: Any) -> Steps:
    """Every published file's part, every capture's lines; then the captures as one sequence."""
    _check_options(kind, how["clock"], how["levels"])
    read = partial(_read, kind=kind, symbol=symbol)
    whole = partial(_whole, symbol=symbol, **how)
    about = {"kind": kind, "symbol": symbol}
    return Steps(read, whole, (Part, Lines), about, partial(_in_blocks, **about))


def _read(path: Path, kind: str | None, symbol: str | None) -> Part | Lines:
    (t,) = text.read_texts(SOURCE, [path])
    if is_capture(t):
        return read_lines(t)
    part = read_file(iter([t]), kind, symbol)
    return part._replace(market=blocks.market(part.market))


def _in_blocks(path: Path, kind: str | None, symbol: str | None) -> Part:
    """A large published file, its market to be made block by block."""
    texts = blocks.texts(SOURCE, path)
    first = next(texts)
    if is_capture(first):
        raise blocks.WholeNeededError("a capture, whose lines are decoded in pieces of their own")
    return read_file(chain([first], texts), kind, symbol)


def _whole(read: list[Part | Lines], snapshot: str | Path | None, **how: Any) -> Market:
    parts = [one for one in read if isinstance(one, Part)]
    captured = [one for one in read if isinstance(one, Lines)]
    if captured:
        parts.append(capture_part(captured, snapshot=snapshot, **how))
    elif snapshot is not None:
        fault = Fault(str(snapshot), None, "a snapshot without a capture", "depth updates")
        raise SourceError(SOURCE, [fault])
    _refuse(twice_by_content(parts))
    return several.joined(SOURCE, [part.market for part in parts])


def together(found: Sequence[Path]) -> list[tuple[Path, ...]]:
    """What is read together: every file by itself.

    Raises
    ------
    SourceError
        If names say that files hold the same trades or values twice.
    """
    _refuse(twice_by_name(found))
    return [(path,) for path in found]


def _check_options(kind: str | None, clock: str, levels: int) -> None:
    if kind is not None and kind not in LAYOUTS:
        raise ValueError(f"no kind {kind!r}; the kinds are {', '.join(LAYOUTS)}")
    if clock not in ("local", "exchange"):
        raise ValueError(f"no clock {clock!r}; it is local or exchange")
    if levels < 1:
        raise ValueError(f"levels must be 1 or more, not {levels}")


def _refuse(faults: Iterable[Fault]) -> None:
    faults = list(faults)
    if faults:
        raise SourceError(SOURCE, faults)
