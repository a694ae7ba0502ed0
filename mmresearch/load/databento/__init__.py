"""Databento: trades, quotes, books and orders from DBN files and their CSV and Parquet exports.

Format: databento.com/docs, "Schemas and data formats" and "Databento Binary Encoding". The library
`databento` is needed for DBN only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mmresearch.load import blocks, several
from mmresearch.load.blocks import Blocks
from mmresearch.load.databento.files import read, some_at_a_time
from mmresearch.load.databento.made import CLOCKS, SOURCE, made_of
from mmresearch.load.databento.names import SYMBOLOGY
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, SourceError

BESIDE = (SYMBOLOGY,)  # files that are read with each
ENDINGS = (".dbn", ".dbn.zst", ".csv", ".csv.gz", ".csv.zst", ".parquet")


@tells
def databento(
    *files: str | Path | Iterable[str | Path],
    levels: int = 10,
    clock: str = "local",
    calendar: str = "24/7",
    symbols: pd.DataFrame | None = None,
    name: str | None = None,
) -> Market:
    """Trades, quotes, books and order events of Databento files.

    Parameters
    ----------
    *files : path or paths
        DBN (.dbn, .dbn.zst; needs `pip install 'mmresearch[databento]'`), or its exports as CSV
        (.csv, .csv.gz, .csv.zst) and Parquet with Databento's column names, prices as decimals or
        in whole billionths, times as nanoseconds or ISO 8601. Schemas trades, mbp-1, tbbo, mbp-10
        and mbo, one a file; lists, folders and patterns of files.
    levels : int
        How many levels of the book to keep, of mbp-10 and mbo.
    clock : {"local", "exchange"}
        Which clock is `time`: Databento's capture server's (`ts_recv`), which runs forward and is
        the order of the file, or the venue's (`ts_event`), which may run back; orders of a
        snapshot keep the time of the snapshot. The other is kept as `exchange_time` or
        `local_time`.
    calendar : str
        Of all symbols (see `mmresearch.sessions`): "24/7", "XNAS", "CMES", ...
    symbols : DataFrame, optional
        A row a symbol, as `Market` takes them: futures need their multiplier.
    name : str, optional
        Of the market; the file's if not given.

    Returns
    -------
    Market
        trades: the executions (action T); `side` is the aggressor's, missing where the venue does
        not say it (N). `trade_id` is the venue's message number and the place in the message.
        quotes, and book where there is more than one level: a row where any of it changed; of mbp
        and tbbo as given (tbbo has the quotes just before each trade, and they stand before it),
        of mbo rebuilt from the orders after the last record of each event. No level: no price and
        size 0.
        orders (of mbo): `side` is the resting order's. add; reduce (a cancel of a part, a modify
        to fewer at the same price); delete (another modify is a delete and an add); fill (what
        cancels take out for it is no event). `snapshot`: true of orders that a snapshot adds or a
        clear of the book drops. Each file begins with an empty book: a day's file begins with a
        snapshot or a clear.
        Sizes are in shares or contracts. Instruments are called by the file's symbology, by
        `symbology.json` beside an export without symbols, else by number.

    Raises
    ------
    SourceError
        Naming every fault of every file: no DBN, or cut off; other schemas; columns, times, sides
        or actions that cannot be; the same quotes or orders in two files. Set aside instead, and
        kept in the receipt: trades without a price, and instruments with prices of 0 or below.
    """
    if levels < 1 or clock not in CLOCKS:
        raise ValueError(f"levels {levels} must be 1 or more, clock {clock!r} local or exchange")
    spans: dict[tuple[str, str], list[tuple]] = {}

    def one(path: Path) -> Market:
        market = _market(path, levels, clock, {"calendar": calendar, "symbols": symbols})
        _refuse_again(path, market, spans)
        return market

    return several.each(SOURCE, files, ENDINGS, one, name=name)


def combined(parts: Sequence[Market]) -> Market:
    """One market of the markets of single files; refused are two of one symbol's book at a time."""
    spans: dict[tuple[str, str], list[tuple]] = {}
    for part in parts:
        _refuse_again(Path(part.receipt.files["file"].iloc[0]), part, spans)
    return several.joined(SOURCE, parts)


def in_blocks(
    path: Path,
    *,
    levels: int,
    clock: str,
    calendar: str,
    symbols: pd.DataFrame | None,
    size: int | None = None,
) -> Blocks:
    """The tables of a large CSV file, block by block, and what is said of all."""
    if not path.name.endswith((".csv", ".csv.gz", ".csv.zst")):
        raise blocks.WholeNeededError("records that are not written as lines")
    about = {"calendar": calendar, "symbols": symbols}
    parts = some_at_a_time(blocks.texts(SOURCE, path, size), levels)
    try:
        yield from made_of(parts, levels=levels, clock=clock, about=about)
    except SourceError as error:
        raise blocks.WholeNeededError("faults are named of all rows at once") from error


def _market(path: Path, levels: int, clock: str, about: dict[str, Any]) -> Market:
    return blocks.market(made_of([read(path, levels)], levels=levels, clock=clock, about=about))


def _refuse_again(path: Path, market: Market, spans: dict[tuple[str, str], list[tuple]]) -> None:
    """Quotes and orders of a symbol at one time come from one file; trades have ids."""
    faults = []
    for kind in ("quotes", "orders"):
        if kind not in market:
            continue
        for symbol, first, last in several.extents(market, kind):
            for start, end, file in spans.setdefault((kind, symbol), []):
                if first < end and start < last:
                    found = f"{kind} of {symbol} from {first} on, which {file} holds too"
                    faults.append(Fault(path.name, None, found, "a time of a symbol in one file"))
            spans[kind, symbol].append((first, last, path.name))
    if faults:
        raise SourceError(SOURCE, faults)
