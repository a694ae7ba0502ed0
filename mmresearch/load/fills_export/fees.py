"""Fees of an account's fills: in the money of the symbol, or as an asset that left the account."""

from __future__ import annotations

import pandas as pd
import polars as pl

FEE = "fee"  # the counterparty of a fee's transfer
_FILLS = ["time", "seq", "account", "symbol", "side", "price", "size", "fee", "maker"]
_FILLS += ["counterparty", "trade_id", "fee_amount", "fee_asset"]
_TRANSFERS = ["time", "seq", "account", "asset", "amount", "counterparty", "tx"]


def with_fee(rows: pl.DataFrame) -> pl.DataFrame:
    """Fills with `fee`: in `money`, what the symbol settles in; 0 where it was another asset.

    `fee_amount` and `fee_asset` say what was paid (positive) or received (negative). A fee in an
    asset that is not known is missing.
    """
    amount, asset, money = pl.col("fee_amount"), pl.col("fee_asset"), pl.col("money")
    elsewhere = pl.when((amount == 0) | asset.is_not_null()).then(0.0)
    return rows.with_columns(fee=pl.when(asset == money).then(amount).otherwise(elsewhere))


def fee_transfers(fills: pl.DataFrame) -> pl.DataFrame:
    """A transfer for every fee in another asset than the symbol's money, with the fill's `seq`."""
    asset = pl.col("fee_asset")
    moved = (asset.is_not_null()) & asset.ne_missing(pl.col("money")) & (pl.col("fee_amount") != 0)
    return fills.filter(moved).select(
        "time",
        "seq",
        "account",
        asset="fee_asset",
        amount=-pl.col("fee_amount"),
        counterparty=pl.lit(FEE),
        tx="trade_id",
    )


def fills_table(fills: pl.DataFrame, extras: list[str]) -> pd.DataFrame:
    """The fills table, extra columns behind the schema's."""
    if "counterparty" not in fills.columns:
        fills = fills.with_columns(counterparty=pl.lit(None, pl.String))
    return table(fills.select(*_FILLS, *extras))


def no_fills() -> pd.DataFrame:
    """A fills table without rows."""
    number, text = pl.Float64, pl.String
    numbers = dict.fromkeys(("side", "price", "size", "fee", "fee_amount"), number)
    types = {"time": pl.Int64, "seq": pl.Int64, "maker": pl.Boolean} | numbers
    return table(pl.DataFrame(schema={name: types.get(name, text) for name in _FILLS}))


def transfers_table(transfers: pl.DataFrame, extras: list[str]) -> pd.DataFrame:
    """The transfers table, extra columns behind the schema's."""
    return table(transfers.select(*_TRANSFERS, *extras))


def table(frame: pl.DataFrame) -> pd.DataFrame:
    time = pl.col("time").cast(pl.Datetime("ns")).dt.replace_time_zone("UTC")
    flags = [name for name, dtype in frame.schema.items() if dtype == pl.Boolean]
    return frame.with_columns(time).to_pandas().astype(dict.fromkeys(flags, "boolean"))
