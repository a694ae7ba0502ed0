"""Rows of Binance's published files as the schema's tables."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch import schema
from mmresearch.load.binance.layouts import BARS, PRICES, TRADES, TRUE, Name
from mmresearch.load.binance.parts import COIN_M, moment, symbol_row
from mmresearch.load.blocks import About
from mmresearch.load.text import Text
from mmresearch.receipt import Receipt

_OF_COIN_M = {"quote_volume": "base_volume", "taker_buy_quote_volume": "taker_buy_base_volume"}


class File(NamedTuple):
    """One file; `own` is its symbol at the venue, `symbol` what it is called here.

    Its rows have, beside their cells, `line` (where they stand), `when` (UTC) and `seq`.
    """

    text: Text
    kind: str
    name: Name | None
    own: str
    symbol: str
    market: str | None
    unit: str | None

    @property
    def coin_margined(self) -> bool:
        return self.market == COIN_M


def about(file: File, receipt: Receipt) -> About:
    """What is said of the whole file."""
    what, period = (file.name.what, file.name.period) if file.name else (file.kind, None)
    name = " ".join([file.symbol, what, *([period] if period else [])])
    return About(pd.DataFrame([symbol_row(file.symbol, file.own)]), receipt, name)


def tables(file: File, rows: pl.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows as the one table that their kind becomes."""
    if file.kind in TRADES:
        return {"trades": _trades(file, rows)}
    if file.kind == "bookTicker":
        return {"quotes": _quotes(file, rows)}
    series = _bands(file, rows) if file.kind == "bookDepth" else _series(file, rows)
    return {"series": series}


def _trades(file: File, rows: pl.DataFrame) -> pl.DataFrame:
    extra = [c for c in ("quote_qty", "first_trade_id", "last_trade_id") if c in rows.columns]
    # each by itself, which is faster than `is_in`
    maker = pl.any_horizontal(pl.col("is_buyer_maker") == said for said in TRUE)
    table = rows.select(
        pl.col("when").alias("time"),
        "seq",
        pl.lit(file.symbol).alias("symbol"),
        "price",
        pl.col("qty").alias("size"),
        # the buyer rested, so that the aggressor sold
        pl.when(maker).then(-1.0).otherwise(1.0).alias("side"),
        pl.col("id").cast(pl.String).alias("trade_id"),
        *extra,
    )
    names = {"quote_qty": "base_qty"} if file.coin_margined else {}
    return table.rename(names, strict=False)


def _quotes(file: File, rows: pl.DataFrame) -> pl.DataFrame:
    """Quotes of a file of their own: which trades of their instant came before is not known."""
    return rows.select(
        pl.col("when").alias("time"),
        pl.col("seq") + schema.UNORDERED,
        pl.lit(file.symbol).alias("symbol"),
        *(pl.when(pl.col(c) > 0).then(pl.col(c)).alias(c) for c in ("bid", "ask")),
        "bid_size",
        "ask_size",
        "update_id",
        moment("event_time", file.unit),
    )


def _series(file: File, rows: pl.DataFrame) -> pl.DataFrame:
    """A row a value, at the time when it was known."""
    bars = file.kind in BARS
    rows = _bars(file, rows) if bars else rows
    values = [c for c in rows.columns if rows[c].dtype == pl.Float64]
    long = rows.unpivot(values, index=["when", "line"], variable_name="name")
    interval = pl.lit(file.name.interval if file.name else None, pl.String).alias("interval")
    return long.sort("line", maintain_order=True).select(
        pl.col("when").alias("time"),
        pl.lit(file.symbol).alias("symbol"),
        "name",
        "value",
        *([interval] if bars else []),
    )


def _bars(file: File, rows: pl.DataFrame) -> pl.DataFrame:
    """Bars by the names of their values; those of mark, index and premium have prices only."""
    before = BARS[file.kind]
    if before:
        return rows.select("when", "line", *(pl.col(c).alias(before + c) for c in PRICES))
    return rows.rename(_OF_COIN_M) if file.coin_margined else rows


def _bands(file: File, rows: pl.DataFrame) -> pl.DataFrame:
    """What rests within a distance of the price: depth_-1% (bids), depth_1% (asks), notional_..."""
    index = ["when", "line", "percentage"]
    long = rows.unpivot(["depth", "notional"], index=index, variable_name="name")
    shares = long["percentage"].unique().to_list()
    said = pl.col("percentage").replace_strict(
        shares, [f"{share:g}%" for share in shares], return_dtype=pl.String
    )
    return long.sort("line", maintain_order=True).select(
        pl.col("when").alias("time"),
        pl.lit(file.symbol).alias("symbol"),
        pl.concat_str("name", said, separator="_"),
        "value",
    )
