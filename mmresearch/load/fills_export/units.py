"""What venues' symbols are made of and settle in, and in what their sizes, values and fees are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from mmresearch.load.instruments import base_quote

# BitMEX counts money in small units: name, decimals
_COINS = {"XBt": ("XBT", 8), "USDt": ("USDT", 6), "Gwei": ("ETH", 9), "LAMp": ("SOL", 9)}
_KRAKEN = re.compile(r"X([A-Z0-9]{3})[XZ]([A-Z]{3})")
_ROUND = np.array([digit * 10.0**power for power in range(-9, 7) for digit in (1, 2, 5)])
_NEAR = 0.01  # how near to a round number a contract's size is measured


class Unit(NamedTuple):
    """What one symbol is: `money` is what it settles in, `multiplier` what a contract is.

    sense: "linear", worth size x multiplier x price of its money; "inverse", worth size x
    multiplier / price of it. A position in a derivative is in contracts, which are no coins: its
    asset is the symbol itself, unless it is inverse (`Market.inverse`).
    """

    asset: str
    currency: str | None
    money: str | None
    multiplier: float = 1.0
    sense: str = "linear"


def _spot(symbol: str) -> Unit:
    base, quote = base_quote(symbol) or (symbol, None)
    return Unit(base, quote, quote)


def _contract(symbol: str, money: str | None = None) -> Unit:
    quote = (base_quote(symbol) or (None, None))[1]
    return Unit(symbol, quote or money, money or quote)


def _binance(symbol: str, rows: pl.DataFrame) -> Unit:
    return _spot(symbol)


def _binance_futures(symbol: str, rows: pl.DataFrame) -> Unit:
    money = rows["margin_asset"].drop_nulls().first()
    paid = rows["value_base"]
    if not (paid > 0).any():
        return _contract(symbol, money)
    base, quote = base_quote(symbol) or (symbol, None)
    size = _round(paid * rows["price"] / rows["size"])
    return Unit(money or base, quote, money or base, size or 1.0, "inverse")


def _bybit(symbol: str, rows: pl.DataFrame) -> Unit:
    said = (rows["category"].drop_nulls().first() or "").lower()
    turned = _round(rows["value"] * rows["price"] / rows["size"])
    if said == "inverse" or (not said and turned == 1.0):  # contracts of a dollar
        base, quote = base_quote(symbol) or (re.sub(r"USD.*", "", symbol), "USD")
        return Unit(base, quote, base, 1.0, "inverse")
    if said == "spot" or (not said and rows["contract"].null_count() == rows.height):
        return _spot(symbol)
    usdc = "USDC" if re.search(r"PERP$|-", symbol) else None  # BTCPERP, BTC-27DEC24
    return _contract(symbol, usdc)


def _kraken(symbol: str, rows: pl.DataFrame) -> Unit:
    old = _KRAKEN.fullmatch(symbol)  # XXBTZUSD
    return Unit(old[1], old[2], old[2]) if old else _spot(symbol)


def _bitmex(symbol: str, rows: pl.DataFrame) -> Unit:
    """By what the executions cost: inverse, linear or quanto, whose price and money differ."""
    money = rows["fee_asset"].drop_nulls().first()  # in coins by now
    if "_" in symbol:
        return _spot(symbol)
    currency = rows["quoted"].drop_nulls().first()
    cost = rows["value"].abs()
    turned = _round(cost * rows["price"] / rows["size"])
    if currency != money and (turned == 1.0 or (turned is None and symbol.startswith("XBT"))):
        return Unit(money, currency, money, 1.0, "inverse")
    size = _round(cost / rows["price"] / rows["size"])
    return Unit(symbol, currency or money, money, size or 1.0)


def _dydx(symbol: str, rows: pl.DataFrame) -> Unit:
    return _contract(symbol)._replace(currency="USDC", money="USDC")


def _deribit(symbol: str, rows: pl.DataFrame) -> Unit:
    pair, *more = symbol.split("-")
    base, _, quote = pair.partition("_")
    if quote:
        return Unit(symbol if more else base, quote, quote)
    if more[-1:] in (["C"], ["P"]):  # priced and settled in the coin
        return Unit(symbol, base, base)
    return Unit(base, "USD", base, 1.0, "inverse")  # sizes in dollars


def _coinbase(symbol: str, rows: pl.DataFrame) -> Unit:
    return _spot(symbol)


_UNITS: dict[str, Callable[[str, pl.DataFrame], Unit]] = {
    "binance": _binance,
    "binance futures": _binance_futures,
    "bybit": _bybit,
    "kraken": _kraken,
    "bitmex": _bitmex,
    "dydx": _dydx,
    "deribit": _deribit,
    "coinbase": _coinbase,
}


def coin(unit: str | None) -> tuple[str | None, int]:
    """The coin that BitMEX counts in small units, and their decimals: XBt is XBT / 1e8."""
    return _COINS.get(unit or "", (unit, 0))


def _round(sizes: pl.Series) -> float | None:
    """The round number that a contract's size is, if the measured ones are near to one."""
    size = sizes.median()
    if size is None or not np.isfinite(size) or size <= 0:
        return None
    nearest = _ROUND[np.argmin(np.abs(np.log(_ROUND) - np.log(size)))]
    return float(nearest) if abs(size / nearest - 1) < _NEAR else float(size)


def with_units(rows: pl.DataFrame, venue: str) -> pl.DataFrame:
    """The rows with the columns of `Unit`, and with values and fees in whole coins."""
    rows = _in_coins(rows) if venue == "bitmex" else rows
    rows = _in_base(rows) if venue == "coinbase" else rows
    about = [
        (symbol, *_UNITS[venue](symbol, _telling(group)))
        for (symbol,), group in rows.group_by("symbol", maintain_order=True)
    ]
    text, number = pl.String, pl.Float64
    columns = dict(zip(["symbol", *Unit._fields], [*[text] * 4, number, text], strict=True))
    units = pl.DataFrame(about, schema=columns, orient="row")
    rows = rows.join(units, on="symbol", how="left", maintain_order="left")
    if venue == "binance futures":
        inverse = pl.col("sense") == "inverse"
        return rows.with_columns(
            pl.when(inverse).then(f"{name}_base").otherwise(name).alias(name)
            for name in ("value", "value_step")
        )
    if venue == "bybit":
        return rows.with_columns(fee_asset=pl.coalesce("fee_asset", _bybit_fee_asset()))
    return rows if "fee_asset" in rows.columns else rows.with_columns(fee_asset="money")


def _telling(rows: pl.DataFrame) -> pl.DataFrame:
    """The trades, where there are any: what funding is worth is not what it cost."""
    fills = rows.filter(pl.col("kind") == "fill")
    return fills if fills.height else rows


def _in_coins(rows: pl.DataFrame) -> pl.DataFrame:
    """BitMEX' money in coins, and the sizes of its pairs in units of the base."""
    names = {unit: coin(unit) for unit in rows["fee_asset"].unique().drop_nulls()}
    unit = pl.col("fee_asset")
    scale = unit.replace_strict({u: 10.0**power for u, (_, power) in names.items()}, default=1.0)
    pair = pl.col("symbol").str.contains("_") & pl.col("home").is_not_null()
    return rows.with_columns(
        *(pl.col(name) / scale for name in ("fee_amount", "value", "value_step")),
        fee_asset=unit.replace({u: name for u, (name, _) in names.items()}),
        size=pl.when(pair).then(pl.col("home").abs()).otherwise("size"),
    )


def _in_base(rows: pl.DataFrame) -> pl.DataFrame:
    """Coinbase's sizes that are in the quote currency, in units of the base."""
    in_quote = (pl.col("in_quote") == "true").fill_null(False)
    return rows.with_columns(
        size=pl.when(in_quote).then(pl.col("size") / pl.col("price")).otherwise("size")
    )


def _bybit_fee_asset() -> pl.Expr:
    """In spot the asset that comes in, of a rebate the one that goes out; else the money."""
    spot = pl.col("asset") != pl.col("symbol")
    base = (pl.col("side") > 0) == (pl.col("fee_amount") >= 0)
    linear = pl.col("sense") == "linear"
    return pl.when(linear & spot & base).then("asset").otherwise("money")


def worth(rows: pl.DataFrame) -> pl.Series:
    """What each execution is worth in its money, by its size and price."""
    size, price = pl.col("size") * pl.col("multiplier"), pl.col("price")
    value = pl.when(pl.col("sense") == "inverse").then(size / price).otherwise(size * price)
    return rows.select(value).to_series()
