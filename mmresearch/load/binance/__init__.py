"""Binance: the files that it publishes, and raw captures of its websocket streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mmresearch.load import paths, several, text
from mmresearch.load.binance.capture import capture_part
from mmresearch.load.binance.files import read_file
from mmresearch.load.binance.layouts import LAYOUTS, named
from mmresearch.load.binance.lines import Lines, is_capture, read_lines
from mmresearch.load.binance.overlaps import twice_by_content, twice_by_name
from mmresearch.load.binance.parts import SOURCE, Part, market_of
from mmresearch.market import Market
from mmresearch.receipt import Fault, SourceError

ENDINGS = (".csv", ".zip", ".gz", ".jsonl", ".lz4", ".zst")


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
    _check_options(kind, clock, levels)
    found = paths.expand(SOURCE, files, ENDINGS)
    _refuse(twice_by_name(found))
    parts, captured = _read(found, kind, symbol)
    if captured:
        how = {"symbol": symbol, "clock": clock, "levels": levels, "snapshot": snapshot}
        parts.append(capture_part(captured, **how))
    elif snapshot is not None:
        fault = Fault(str(snapshot), None, "a snapshot without a capture", "depth updates")
        raise SourceError(SOURCE, [fault])
    _refuse(twice_by_content(parts))
    markets = [market_of(part) for part in parts]
    if len(markets) > 1:
        return several.joined(SOURCE, markets, name=name)
    markets[0].name = name or markets[0].name
    return markets[0]


def together(found: Sequence[Path]) -> list[tuple[Path, ...]]:
    """What is read together: a published file by itself, all captures at once.

    Raises
    ------
    SourceError
        If names say that files hold the same trades or values twice.
    """
    _refuse(twice_by_name(found))
    names = [(path, named(path)) for path in found]
    lone = [(path,) for path, name in names if name and name.is_read]
    rest = tuple(path for path, name in names if not (name and name.is_read))
    return lone + ([rest] if rest else [])


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


def _read(
    found: Sequence[Path], kind: str | None, symbol: str | None
) -> tuple[list[Part], list[Lines]]:
    """Published files as parts, captures as lines; one error with the faults of every file."""
    parts, captured, faults = [], [], []
    for path in found:
        try:
            (t,) = text.read_texts(SOURCE, [path])
            if is_capture(t):
                captured.append(read_lines(t))
            else:
                parts.append(read_file(t, kind, symbol))
        except SourceError as error:
            faults += error.faults
    _refuse(faults)
    return parts, captured
