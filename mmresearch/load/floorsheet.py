"""NEPSE floorsheets: every trade of a session with the brokers of both sides, and no clock.

A contract number is the session's date (yyyymmdd), two digits of the board and six of the sequence
on that board. Within a symbol and session it is the order of trades; across boards it is not an
order in time, as each board counts for itself.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.load import paths, several, text
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

ENDINGS = (".csv", ".csv.gz")
_SOURCE = "floorsheet"
_HEADER = "Transact. No.,Symbol,Buyer,Seller,Quantity,Rate,Amount"
_COLUMNS = {  # ours -> kind, and the words that headers use
    "contract": ("whole", "transactno|transactionno|contractno|contractnumber|contractid"),
    "symbol": ("text", "symbol|stocksymbol"),
    "buyer": ("text", "buyer|buyerbroker|buyermember|buyermemberid"),
    "seller": ("text", "seller|sellerbroker|sellermember|sellermemberid"),
    "quantity": ("number", "quantity|contractquantity|qty"),
    "rate": ("number", "rate|contractrate|raters"),
    "amount": ("number", "amount|contractamount|amountrs"),
}
_ON_DAY = 10**8  # a contract number is a date times this, plus board and sequence
_CENT = 0.01
_NOT_PRODUCT = "amount is not quantity x rate"


@tells
def floorsheet(*files: str | Path | Iterable[str | Path], name: str = "nepse") -> Market:
    """Sessions of the Nepal Stock Exchange from its floorsheets, both brokers as accounts.

    Parameters
    ----------
    *files : path or paths
        CSV files, plain or gzip, lists of them, folders of them or patterns such as
        "2021/*.csv.gz". Headers may differ in case and spaces; columns beside the seven (a serial
        number) are left out.
    name : str
        Of the market.

    Returns
    -------
    Market
        Calendar "dates": time is the session's date at 00:00 UTC, and `seq` (board and sequence of
        the contract number, the same for a trade and its fills) orders the session.
        trades: every trade, `side` missing, as the aggressor is not known; extra: `buyer` and
        `seller` (broker codes as text), `inside` (one broker on both sides).
        fills: two a trade, the buyer's with side +1 and the seller's with -1; fee and maker are
        missing. Trades inside one broker move nothing in or out of it and have no fills: a
        broker's gross volume is in `trades`, its inventory in `fills`, which sum to 0 over
        brokers. Opening inventories are not known. Prices in rupees, sizes in shares.

    Raises
    ------
    SourceError
        Naming every fault of every file. Set aside instead, and kept in the receipt: repeated
        rows, and rows whose amount is not quantity x rate.
    """
    texts = text.read_texts(_SOURCE, paths.expand(_SOURCE, files, ENDINGS))
    frames = _frames(texts)
    rows = pl.concat(frames).sort("contract", "file", "line")
    del frames
    reasons = _reasons(rows)
    _refuse_conflicts(texts, rows)
    kept = rows.filter(reasons.is_null())
    if kept.is_empty():
        raise SourceError(_SOURCE, [Fault(texts[0].name, None, "no row to keep", _NOT_PRODUCT)])
    trades = _trades(kept)
    symbols = pd.DataFrame({"symbol": trades["symbol"].unique().sort().to_list()})
    return Market(
        symbols=symbols.assign(currency="NPR", calendar="dates"),
        receipt=_receipt(texts, rows.with_columns(reason=reasons), kept, trades),
        name=name,
        trades=trades,
        fills=_fills(trades),
    )


def combined(parts: Sequence[Market]) -> Market:
    """One market of markets of single files: contract numbers order the trades of them all."""
    market = several.joined(_SOURCE, parts, name=parts[0].name, renumber=False)
    of_files = [
        note
        for part in parts
        for note in part.receipt.notes
        if note not in _notes(pl.from_pandas(part.trades))
    ]
    notes = (*_notes(pl.from_pandas(market.trades)), *of_files)
    market.receipt = dataclasses.replace(market.receipt, notes=notes)
    return market


def _frames(texts: list[text.Text]) -> list[pl.DataFrame]:
    """The rows of every file, with the file and line of each; or one error with every fault."""
    frames, faults = [], []
    for number, t in enumerate(texts):
        found = _rows(t)
        if isinstance(found, list):
            faults += found
        else:
            place = pl.lit(number, pl.UInt32).alias("file")
            frames.append(found.with_columns(place, line=pl.int_range(2, found.height + 2)))
    if faults:
        raise SourceError(_SOURCE, faults)
    return frames


def _rows(t: text.Text) -> pl.DataFrame | list[Fault]:
    kinds = _kinds(text.first_fields(t))
    if isinstance(kinds, str):
        return [Fault(t.name, 1, kinds, f"the columns {_HEADER}")]
    frame = text.parse(t, kinds, header=True)
    if isinstance(frame, list):
        return frame
    frame = frame.select(
        pl.col(c).str.strip_chars() if kind == "text" else c for c, (kind, _) in _COLUMNS.items()
    )
    return text.rule_faults(t, frame, _rules(frame), header=True) or frame


def _kinds(header: list[str]) -> dict[str, str] | str:
    """The kind of every column of the file, or what is wrong with the header."""
    kinds = {}
    for place, cell in enumerate(header):
        own = [n for n, (_, words) in _COLUMNS.items() if re.fullmatch(words, text.word(cell))]
        if own and own[0] in kinds:
            return f"two columns for {own[0]}"
        kinds[own[0] if own else f"other {place}"] = _COLUMNS[own[0]][0] if own else "any"
    lacking = [name for name in _COLUMNS if name not in kinds]
    if lacking:
        return f"a header without {', '.join(lacking)}: {','.join(header)[:80]!r}"
    return kinds


def _rules(frame: pl.DataFrame) -> list[tuple[str, pl.Expr, str]]:
    dates = (frame["contract"] // _ON_DAY).unique()
    real = [d for d in dates if _is_date(d)]
    form = "yyyymmdd, two digits of board, six of sequence"
    day = pl.col("contract") // _ON_DAY
    numbers, texts = ("quantity", "rate", "amount"), ("symbol", "buyer", "seller")
    return [
        ("contract", ~day.is_in(real), form),
        *((c, ~(pl.col(c).is_finite() & (pl.col(c) > 0)), f"{c} above 0") for c in numbers),
        *((c, pl.col(c) == "", "text") for c in texts),
    ]


def _is_date(number: int) -> bool:
    try:
        return datetime.date(number // 10_000, number // 100 % 100, number % 100).year > 1900
    except ValueError:
        return False


def _reasons(rows: pl.DataFrame) -> pl.Series:
    """Why a row is set aside; missing: it is kept. Rows are ordered by contract number."""
    product = pl.col("quantity") * pl.col("rate")
    # the product of rounded numbers, itself rounded to the paisa
    off = (pl.col("amount") - product).abs() > _CENT + 1e-12 * product
    return rows.select(
        pl.when(_again()).then(pl.lit("duplicate")).when(off).then(pl.lit(_NOT_PRODUCT))
    ).to_series()


def _again() -> pl.Expr:
    return (pl.col("contract") == pl.col("contract").shift()).fill_null(False)


def _refuse_conflicts(texts: list[text.Text], rows: pl.DataFrame) -> None:
    """One contract number, two contents: nothing says which is true."""
    differs = pl.any_horizontal(pl.col(c) != pl.col(c).shift() for c in _COLUMNS)
    other = rows.filter(_again() & differs)
    faults = []
    for (file,), group in other.group_by("file", maintain_order=True):
        found = f"contract {group['contract'][0]} again with other content"
        lines = group["line"].to_list()
        faults.append(text.rows_fault(texts[file].name, lines, found, "one content a contract"))
    if faults:
        raise SourceError(_SOURCE, faults)


def _trades(kept: pl.DataFrame) -> pl.DataFrame:
    day = pl.col("contract") // _ON_DAY
    date = pl.date(day // 10_000, day // 100 % 100, day % 100)
    return kept.select(
        time=date.cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"),
        seq=pl.col("contract") % _ON_DAY,
        symbol="symbol",
        price="rate",
        size="quantity",
        trade_id=pl.col("contract").cast(pl.String),
        inside=pl.col("buyer") == pl.col("seller"),
        buyer="buyer",
        seller="seller",
    )


def _fills(trades: pl.DataFrame) -> pl.DataFrame:
    """The buyer's and the seller's row of every trade between two brokers, one below the other."""
    between = trades.filter(~pl.col("inside"))
    doubled = between[np.repeat(np.arange(between.height), 2)]
    bought = pl.Series(np.tile([True, False], between.height))
    one, other = pl.col("buyer"), pl.col("seller")
    return doubled.select(
        "time",
        "seq",
        pl.when(bought).then(one).otherwise(other).alias("account"),
        "symbol",
        pl.when(bought).then(1.0).otherwise(-1.0).alias("side"),
        "price",
        "size",
        pl.when(bought).then(other).otherwise(one).alias("counterparty"),
        "trade_id",
    )


def _receipt(
    texts: list[text.Text], rows: pl.DataFrame, kept: pl.DataFrame, trades: pl.DataFrame
) -> Receipt:
    counts = dict(rows["file"].value_counts().iter_rows())
    files = pd.DataFrame([file_facts(t.path, counts[i]) for i, t in enumerate(texts)])
    gone = rows.filter(pl.col("reason").is_not_null()).sort("file", "line")
    groups = gone.group_by("file", "reason", maintain_order=True)
    lines = [(texts[file], group["line"].to_list(), why) for (file, why), group in groups]
    notes = (*_notes(trades), *_file_notes(texts, kept))
    return Receipt(_SOURCE, files, text.aside(lines), notes)


def _notes(trades: pl.DataFrame) -> tuple[str, ...]:
    """What is to be known of the sessions, from the table of trades."""
    dates = trades["time"].dt.strftime("%Y%m%d")
    inside, boards = int(trades["inside"].sum()), sorted((trades["seq"] // 10**6).unique())
    return (
        f"{dates.n_unique()} sessions, {dates.min()} to {dates.max()}; there is no clock: time is"
        " the session's date, seq orders it by contract number",
        f"boards {', '.join(f'{b:02d}' for b in boards)} number their trades each for itself:"
        " across boards the order is not one in time",
        f"{inside:,} of {trades.height:,} trades ({inside / trades.height:.2%}) have one broker on"
        " both sides: in trades as `inside`, not in fills",
        "opening inventories are not known, and sessions that were not given are missing",
    )


def _file_notes(texts: list[text.Text], kept: pl.DataFrame) -> tuple[str, ...]:
    dates = kept.select("file", day=pl.col("contract") // _ON_DAY).unique().sort("file", "day")
    several_days = dates.group_by("file", maintain_order=True).len().filter(pl.col("len") > 1)
    return (
        *(f"{texts[i].name} holds {n} dates" for i, n in several_days.iter_rows()),
        *_misnamed(texts, dates),
    )


def _misnamed(texts: list[text.Text], dates: pl.DataFrame) -> list[str]:
    """Files whose name says another date than their contract numbers."""
    notes = []
    for (file,), group in dates.group_by("file", maintain_order=True):
        said = re.search(r"(20\d\d)[-_]?(\d\d)[-_]?(\d\d)", texts[file].name)
        held = [str(day) for day in group["day"]]
        if said and "".join(said.groups()) not in held:
            notes.append(f"{texts[file].name} holds {', '.join(held[:3])}: its name says otherwise")
    return notes
