"""Rows of Binance's published files as the schema's tables, and what the receipt says of them."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch import schema
from mmresearch.load.binance.layouts import BARS, PRICES, TRADES, TRUE, Name
from mmresearch.load.binance.parts import COIN_M, NO_TRADE, moment
from mmresearch.load.text import Text

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
    maker = pl.col("is_buyer_maker").is_in(TRUE)
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


def notes(file: File, rows: pl.DataFrame, kept: pl.DataFrame, late: int) -> list[str]:
    """What was understood and assumed; `late` rows stood behind a later one."""
    market = f" ({file.market})" if file.market else ""
    clock = f"times in {file.unit}" if file.unit else "times written in UTC"
    said = [f"{rows.height:,} rows, {file.kind} of {file.own}{market}, {clock}"]
    if late:
        said.append(f"{late:,} rows stood behind a later time or id: put in order")
    said += _outside(file, rows)
    if file.kind in TRADES:
        numbered = rows.filter(pl.col("reason").is_null() | (pl.col("reason") == NO_TRADE))
        said += _missing(numbered["id"], numbered["id"], "ids")
    if file.kind == "aggTrades":
        said += _aggregates(kept)
    if file.kind == "bookTicker":
        crossed = kept.select((pl.col("bid") >= pl.col("ask")) & (pl.col("ask") > 0))
        said.append(f"{crossed.to_series().sum():,} quotes are locked or crossed")
        said.append("the order with trades of the same instant is not known: quotes come last")
    if file.coin_margined:
        said.append("sizes are contracts of 100 USD (BTC) or 10 USD, settled in the asset")
    return said


def _outside(file: File, rows: pl.DataFrame) -> list[str]:
    """Rows outside the day or month that the file's name says."""
    if file.name is None:
        return []
    start = pd.Timestamp(file.name.period, tz="UTC")
    day = len(file.name.period) > len("2024-08")
    end = start + (pd.Timedelta(days=1) if day else pd.DateOffset(months=1))
    beyond = rows.select((pl.col("when") < start) | (pl.col("when") >= end)).to_series().sum()
    return [f"{beyond:,} rows lie outside {file.name.period}, which its name says"] * bool(beyond)


def _aggregates(kept: pl.DataFrame) -> list[str]:
    """What the rows stand for: each is one order's fills at one price."""
    fills = (kept["last_trade_id"] - kept["first_trade_id"] + 1).sum()
    said = _missing(kept["first_trade_id"], kept["last_trade_id"], "ids of single trades")
    return [f"{kept.height:,} aggregates of {fills:,} trades", *said]


def _missing(first: pl.Series, last: pl.Series, what: str) -> list[str]:
    """A note where a row's first number is not the one behind the last of the row before."""
    step = first - last.shift() - 1
    jumps = step > 0
    if not jumps.any():
        return []
    place = last.shift()[jumps.arg_max()]
    count, gone = int(jumps.sum()), int(step.filter(jumps).sum())
    times = "once" if count == 1 else f"{count:,} times"
    return [f"{what} jump {times}, {gone:,} are missing, first after {place}"]
