"""Tardis.dev: downloadable CSV files of trades, books, tickers, option chains and liquidations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from mmresearch.load import blocks, several, text
from mmresearch.load.blocks import About, Blocks, Tables
from mmresearch.load.tardis.books import increments, quotes, snapshots
from mmresearch.load.tardis.files import (
    CLOCKS,
    ENDINGS,
    KINDS,
    SOURCE,
    Made,
    Rows,
    apart,
    clock_counts,
    notes_of,
    read,
)
from mmresearch.load.tardis.parts import combined
from mmresearch.load.tardis.prints import chain, prints, series
from mmresearch.load.tardis.venues import symbol_rows, unit_notes
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

# beside the loader what converting needs, file by file and block by block
__all__ = ["ENDINGS", "combined", "in_blocks", "tardis", "together"]


@tells
def tardis(
    *files: str | Path | Iterable[str | Path],
    kind: str | None = None,
    clock: str = "exchange",
    levels: int = 10,
    name: str | None = None,
) -> Market:
    """Crypto market data from Tardis.dev CSV files, of one exchange.

    Parameters
    ----------
    *files : path or paths
        CSV files, plain or packed, lists of them, folders or patterns; of any data types. Empty
        files, which the vendor gives for days without data, are left out and noted.
    kind : str, optional
        The data type of all files: trades, liquidations, quotes, book_ticker, book_snapshot_5,
        book_snapshot_25, incremental_book_L2, derivative_ticker, options_chain. If not given, the
        header tells it; trades and liquidations have one header, so there the file's name or
        folder does, else it is taken for trades and the receipt says so.
    clock : str
        Whose time is `time`: "exchange" (`timestamp`) or "local" (`local_timestamp`, when the
        vendor received the message). The other stays as `local_time` or `exchange_time`.
    levels : int
        Of the book that increments are rebuilt into; snapshots keep theirs.
    name : str, optional
        Of the market; exchange and symbols if not given.

    Returns
    -------
    Market
        trades (`side` the aggressor's; missing where unknown), liquidations (`side` of the forced
        order: +1 a short was bought back), quotes, book (snapshots, or rebuilt from increments:
        a row after each message that changed its best levels), series (funding_rate,
        predicted_funding_rate, open_interest, last_price, index_price, mark_price, a row a cell;
        extra: `funding_time`, when the funding is paid), chain (`symbol` the underlying,
        `implied_vol` from mark_iv, `spot` from underlying_price, which is the price of the future
        of that expiry where the exchange says so; extra: `option`, quotes and greeks as given).
        Prices and sizes are the exchange's: `symbols` says what contracts are where it is known.
        `seq` is the row number in the file; quotes and books, which have no order with trades of
        the same instant, stand after them. Prints are ordered by time; states keep the file's
        order, and where the clock runs back their time is raised. Where a file of quotes and one
        of the book hold the same time, `quotes` are those of the former.

    Raises
    ------
    SourceError
        Naming every fault of every file. Set aside instead, and kept in the receipt: trades that
        stand twice, prints without a price or an amount, increments before the first snapshot,
        rows without any value.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"no kind {kind!r}; the data types are {', '.join(KINDS)}")
    if clock not in CLOCKS:
        raise ValueError(f"no clock {clock!r}; it is 'exchange' or 'local'")
    if levels < 1:
        raise ValueError(f"levels must be 1 or more, not {levels}")
    full, empty = apart(files)
    read = partial(_market, kind=kind, clock=clock, levels=levels)
    return _with_empty(combined(several.gathered(SOURCE, full, read), name=name), empty)


def in_blocks(
    path: Path, *empty: Path, kind: str | None, clock: str, levels: int, size: int | None = None
) -> Blocks:
    """The tables of a large file, block by block, and what is said of all."""
    if empty:
        raise blocks.WholeNeededError("files without a row, which the receipt of all names")
    return _made_of(blocks.texts(SOURCE, path, size), kind, clock, levels)


def together(found: Sequence[Path]) -> list[tuple[Path, ...]]:
    """What is read together: a file by itself, those without a row with the first."""
    full, empty = apart(found)
    return [(full[0], *empty), *((path,) for path in full[1:])]


def _with_empty(market: Market, empty: list[Path]) -> Market:
    """The receipt with the files that held nothing."""
    if empty and market.receipt is not None:
        facts = pd.DataFrame([file_facts(path, 0) for path in empty])
        names = ", ".join(path.name for path in empty[:3]) + ", ..." * (len(empty) > 3)
        note = f"{len(empty):,} files hold no row, as for days without data: {names}"
        market.receipt = dataclasses.replace(
            market.receipt,
            files=pd.concat([market.receipt.files, facts], ignore_index=True),
            notes=(*market.receipt.notes, note),
        )
    return market


def _market(path: Path, kind: str | None, clock: str, levels: int) -> Market:
    """The market of one file."""
    return blocks.market(_made_of(text.read_texts(SOURCE, [path]), kind, clock, levels))


def _made_of(
    texts: Iterable[text.Text], kind: str | None, clock: str, levels: int
) -> Iterator[Tables | About]:
    """The tables of each text of one file, and what is said of all."""
    exchange, names, height, kept, counts, aside = None, set(), 0, 0, [], []
    made = last = None
    for t in texts:
        rows = read(t, kind, exchange)
        made = _made(rows, clock, levels, made and made.carry)
        exchange = exchange or rows.frame["exchange"][0]
        names.update(rows.frame["symbol"].unique())
        counts.append((made.counts, clock_counts(rows.frame, last)))
        aside.append(text.aside([(t, lines, reason) for lines, reason in made.aside]))
        height += rows.frame.height
        kept += sum(map(len, made.tables.values()))
        last = rows.frame["local_timestamp"][-1]
        yield made.tables
    if not kept:
        fault = Fault(t.name, None, "no row to keep", "a price and an amount above 0")
        raise SourceError(SOURCE, [fault])
    notes = [note for some in zip(*counts, strict=True) for note in notes_of(some)]
    notes += _file_notes(rows, exchange, sorted(names))
    yield About(
        None if rows.kind == "options_chain" else symbol_rows(exchange, names),
        Receipt(
            SOURCE,
            pd.DataFrame([file_facts(t.path, height, t.hashed)]),
            pd.concat(aside, ignore_index=True),
            (f"{exchange} {rows.kind}: {_span(sorted(names))}", *notes),
        ),
        f"{exchange} {_span(sorted(names))}",
    )


def _file_notes(rows: Rows, exchange: str, names: list[str]) -> list[str]:
    notes = []
    if rows.assumed:
        notes.append(
            f"{rows.text.name} is taken for trades: liquidations have the same header; say"
            " kind='liquidations' if it is theirs"
        )
    if not rows.text.ended:
        notes.append(f"{rows.text.name} does not end with an end of line: is it whole?")
    return notes + ([] if rows.kind == "options_chain" else unit_notes(exchange, names))


def _span(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names):,} symbols"


def _made(rows: Rows, clock: str, levels: int, before: Any) -> Made:
    if rows.kind == "incremental_book_L2":
        if before is not None or not rows.text.last:
            raise blocks.WholeNeededError("increments, of which a book is rebuilt from the first")
        return increments(rows, clock, levels)
    kinds = {"quotes": quotes, "derivative_ticker": series, "options_chain": chain}
    kinds |= {"trades": prints, "liquidations": prints}
    return kinds.get(rows.kind, snapshots)(rows, clock, before)
