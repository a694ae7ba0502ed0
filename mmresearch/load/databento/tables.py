"""Databento's records as tables: trades, and the states of the book that records show.

Records come in the file's order with `row` (from 1), `time`, the other clock, `symbol` and `book`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import polars as pl

from mmresearch.load.databento.files import LAST

_T = ord("T")
SIGNS = pl.col("side").replace_strict({ord("B"): 1.0, ord("A"): -1.0}, default=None).alias("side")
_PRICED = pl.col("price").is_finite() & (pl.col("size") > 0)


def unpriced(frame: pl.DataFrame) -> pl.Series:
    """Trades that lack price or size."""
    return frame.select((pl.col("action") == _T) & ~_PRICED).to_series()


def priced_trades(frame: pl.DataFrame) -> pl.DataFrame:
    """The executions (T) that have a price and a size."""
    return frame.filter((pl.col("action") == _T) & _PRICED)


def trades(traded: pl.DataFrame, other: str) -> pl.DataFrame:
    """The executions, with `seq`, as trades signed by the aggressor: B bought, A sold.

    The venue's message number and the place in that message name a trade.
    """
    message = ["publisher_id", "instrument_id", "sequence"]
    rises = bool((traded["sequence"].diff().drop_nulls() > 0).all())  # no message of two trades
    place = pl.lit(1) if rises else pl.int_range(1, pl.len() + 1).over(message)
    numbered = pl.format("{}-{}", "sequence", place)
    return traded.select(
        "time",
        "seq",
        "symbol",
        "price",
        pl.col("size").cast(pl.Float64),
        SIGNS,
        pl.when(pl.col("sequence") > 0).then(numbered).alias("trade_id"),
        other,
    )


def whole_events(frame: pl.DataFrame, marked: Collection[int] = ()) -> pl.DataFrame:
    """The records that show their book whole, with the `seq` of that state.

    A record shows the book after it, and a trade's the book before it: its state is numbered 2 x
    row - 1, the others (and trades) 2 x row. Between the records of one event the book is not
    whole, so that only the last one's state counts, where the venue marks it: in books that are
    known to be `marked`, and those with a mark here.
    """
    last = (pl.col("flags") & LAST) > 0
    marks = last.any().over("book") | pl.col("book").is_in(list(marked))
    whole = last | ~marks | (pl.col("action") == _T)
    return frame.filter(whole).with_columns(seq=2 * pl.col("row") - (pl.col("action") == _T))


def states(rows: pl.DataFrame, levels: int, other: str) -> dict[str, pl.DataFrame]:
    """Quotes, and a book of several levels: rows where any of it changed."""
    rows = rows if rows["book"].n_unique() < 2 else rows.sort("book", maintain_order=True)
    best = {"bid": "bid_px_00", "ask": "ask_px_00", "bid_size": "bid_sz_00"}
    best |= {"ask_size": "ask_sz_00", "bid_orders": "bid_ct_00", "ask_orders": "ask_ct_00"}
    tables = {"quotes": _changed(rows, best, other)}
    if levels > 1:
        words = {"bid": "bid_px", "bid_size": "bid_sz", "ask": "ask_px", "ask_size": "ask_sz"}
        each = range(levels)
        deep = {f"{k}_{n + 1}": f"{v}_{n:02d}" for n in each for k, v in words.items()}
        tables["book"] = _changed(rows, deep, other)
    return tables


def _changed(rows: pl.DataFrame, columns: dict[str, str], other: str) -> pl.DataFrame:
    """The rows where any of the columns (ours -> theirs) differs from the row above of its book."""
    cells = ["book", *columns.values()]
    moved = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift()) for c in cells)
    numbers = [pl.col(theirs).cast(pl.Float64).alias(ours) for ours, theirs in columns.items()]
    table = rows.filter(moved).select("time", "seq", "symbol", *numbers, other).sort("seq")
    sizes = [c for c in columns if "_size" in c]
    there = [pl.col(c.replace("_size", "")).is_finite() for c in sizes]
    return table.with_columns(
        pl.when(has).then(pl.col(c)).otherwise(0.0) for c, has in zip(sizes, there, strict=True)
    )


class Agreement(NamedTuple):
    """Signed trades at the quote of their side, all at a quote; records that are no trades."""

    same: int
    signed: int
    others: int


def agreement(frame: pl.DataFrame) -> Agreement:
    """Whether trades' sides agree with the quotes before them."""
    price, bid, ask = pl.col("price"), pl.col("bid_px_00"), pl.col("ask_px_00")
    traded = frame.filter((pl.col("action") == _T) & _PRICED & (bid < ask))
    at = pl.when(price >= ask).then(1.0).when(price <= bid).then(-1.0)
    rows = traded.select(said=SIGNS, at=at).drop_nulls()
    same = rows.filter(pl.col("said") == pl.col("at")).height
    others = frame.select((pl.col("action") != _T).sum()).item()
    return Agreement(same, rows.height, others)


def agreement_notes(found: Sequence[Agreement]) -> list[str]:
    """In words, of all blocks; and whether all is trades."""
    same, signed, others = (sum(counts) for counts in zip(*found, strict=True))
    notes = [
        f"{same:,} of {signed:,} signed trades at the quotes before them, or beyond, are on"
        " the side they say (bought at the ask, sold at the bid)"
    ]
    sampled = "every record is a trade (tbbo): quotes are known only just before trades"
    return notes * bool(signed) + [sampled] * (others == 0)
