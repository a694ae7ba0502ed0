"""Databento: trades, quotes, books and orders from DBN files and their CSV and Parquet exports.

Format: databento.com/docs, "Schemas and data formats" and "Databento Binary Encoding". The library
`databento` is needed for DBN only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from mmresearch.load import several, text
from mmresearch.load.databento import tables
from mmresearch.load.databento.files import BAD_CLOCK, GAP, SNAPSHOT, Records, read
from mmresearch.load.databento.names import SYMBOLOGY, named
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

SOURCE = "databento"
BESIDE = (SYMBOLOGY,)  # files that are read with each
ENDINGS = (".dbn", ".dbn.zst", ".csv", ".csv.gz", ".csv.zst", ".parquet")
_CLOCKS = {  # by `clock`: the column of the time, the other one, and what that is called
    "local": ("ts_recv", "ts_event", "exchange_time"),
    "exchange": ("ts_event", "ts_recv", "local_time"),
}
_NOT_ABOVE_0 = "of an instrument with prices that are not above 0 (a spread?)"
_UNPRICED = "a trade without price or size"
_MULTIPLIER = "sizes are shares or contracts: a multiplier is 1 unless symbols= gives it"


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
    if levels < 1 or clock not in _CLOCKS:
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


def _market(path: Path, levels: int, clock: str, about: dict[str, Any]) -> Market:
    records = read(path, levels)
    if isinstance(records, list):
        raise SourceError(SOURCE, records)
    frame, said = named(records.frame, records.names)
    frame = _timed(frame.with_row_index("row", offset=1), records, clock)
    reasons = _reasons(frame)
    kept = frame.filter(reasons.is_null())
    made, more = _tables(kept, records.schema, levels, _CLOCKS[clock][2])
    receipt = Receipt(
        SOURCE,
        pd.DataFrame([file_facts(path, frame.height)]),
        _set_aside(records, frame, reasons),
        _notes(records, frame, kept, [*said, *more], clock),
    )
    known = _symbols(about["symbols"], kept["symbol"].unique(maintain_order=True).to_list())
    return Market(
        symbols=known,
        calendar=about["calendar"],
        receipt=receipt,
        name=path.name.split(".")[0],
        **made,
    )


def _timed(frame: pl.DataFrame, records: Records, clock: str) -> pl.DataFrame:
    """The records with the chosen clock as `time` and the other one beside it."""
    chosen, beside, other = _CLOCKS[clock]
    replay = (pl.col("flags") & SNAPSHOT) > 0
    time = pl.when(replay).then(pl.col("ts_recv")).otherwise(pl.col(chosen))
    stamp = pl.Datetime("ns", "UTC")
    frame = frame.with_columns(time=time.cast(stamp), **{other: pl.col(beside).cast(stamp)})
    if frame["time"].null_count():
        row = frame["time"].is_null().arg_true()[0] + 1
        found, expected = f"record {row}: no {chosen}", "a time, or clock='local'"
        raise SourceError(SOURCE, [Fault(records.path.name, None, found, expected)])
    return frame


def _reasons(frame: pl.DataFrame) -> pl.Series:
    """Why a record is set aside; missing: it is kept."""
    prices = [c for c in frame.columns if c == "price" or "_px_" in c]
    low = frame.filter(pl.any_horizontal(pl.col(c) <= 0 for c in prices))["book"].unique()
    return frame.select(
        pl.when(pl.col("book").is_in(low.to_list()))
        .then(pl.lit(_NOT_ABOVE_0))
        .when(tables.unpriced(frame))
        .then(pl.lit(_UNPRICED))
        .alias("reason")
    ).to_series()


def _tables(
    kept: pl.DataFrame, schema: str, levels: int, other: str
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    if schema == "mbo" and kept.height:
        from mmresearch.load.databento.replay import replayed  # compiled: only where it runs

        orders, first, made, notes = replayed(kept, levels, other)
        made |= {"orders": orders.to_pandas()}
        kept, seq = kept.with_columns(pl.Series("seq", first)), pl.col("seq")
    elif schema.startswith("mbp"):
        many = min(levels, int(schema.removeprefix("mbp-")))
        states = tables.states(kept, many, other)
        made = {name: table.to_pandas() for name, table in states.items()}
        notes, seq = tables.agreement(kept), 2 * pl.col("row").cast(pl.Int64)
    else:
        made, notes, seq = {}, [], pl.col("row").cast(pl.Int64)
    traded = tables.trades(kept, seq, other)
    notes = [*notes, f"{traded.height:,} trades, {traded['side'].null_count():,} without a side"]
    return made | {"trades": traded.to_pandas()}, notes


def _set_aside(records: Records, frame: pl.DataFrame, reasons: pl.Series) -> pd.DataFrame:
    gone = frame.with_columns(reason=reasons).filter(pl.col("reason").is_not_null())
    if records.text is not None:
        lines = (gone["row"] + 1).to_list()
        said = text.line_texts(records.text, lines)
    else:
        lines = gone["row"].to_list()
        cells = ["ts_recv", "symbol", "action", "side", "price", "size", "sequence"]
        letters = [pl.col(c).map_elements(chr, pl.String) for c in ("action", "side")]
        said = gone.with_columns(letters).select(pl.concat_str(cells, separator=","))
        said = said.to_series().to_list()
    rows = {"file": records.path.name, "line": lines, "reason": gone["reason"].to_list()}
    return pd.DataFrame(rows | {"text": said})


def _notes(
    records: Records, frame: pl.DataFrame, kept: pl.DataFrame, said: list[str], clock: str
) -> tuple[str, ...]:
    """What the file holds and what is odd in it, and what is so for all files."""
    chosen, beside, other = _CLOCKS[clock]
    held = kept["symbol"].unique(maintain_order=True).to_list()
    some = ", ".join(held[:5]) + (f" and {len(held) - 5} more" if len(held) > 5 else "")
    facts = [f"{records.schema}, {kept.height:,} records of {some or 'nothing'}", *said]
    back = (frame["time"].diff().cast(pl.Int64) < 0).sum()
    if records.beside:
        digest = file_facts(records.beside, 0)["sha256"]
        facts.append(f"instruments have their names of {records.beside.name}, sha256 {digest}")
    counts = {f"places where {chosen} runs back": back}
    for bit, words in (
        (BAD_CLOCK, "records with a ts_recv that Databento calls inaccurate (flag 8)"),
        (GAP, "records after a gap in the venue's channel, the book may be wrong (flag 4)"),
    ):
        counts[words] = frame.select((pl.col("flags") & bit) > 0).to_series().sum()
    facts += [f"{count:,} {words}" for words, count in counts.items() if count]
    return (
        *(f"{records.path.name}: {fact}" for fact in facts),
        f"time is {chosen}, {other} is {beside}",
        _MULTIPLIER,
    )


def _symbols(given: pd.DataFrame | None, held: list[str]) -> pd.DataFrame:
    """What is given of the symbols that the file holds, and those that are not given."""
    every = pd.DataFrame({"symbol": pd.Series(sorted(held), dtype="str")})
    if given is None:
        return every
    if not isinstance(given, pd.DataFrame) or "symbol" not in given.columns:
        raise ValueError("symbols must be a DataFrame with a column `symbol`, a row a symbol")
    return every.merge(given.astype({"symbol": "str"}), on="symbol", how="left")


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
