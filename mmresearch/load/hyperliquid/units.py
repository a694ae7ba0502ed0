"""What Hyperliquid's coins are: perpetuals, pairs of tokens (PURR/USDC, @107), outcomes (#12)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

_COLUMNS = ("coin", "symbol", "asset", "currency", "spot")
_TYPES = dict.fromkeys(_COLUMNS, pl.String) | {"spot": pl.Boolean}
_MONEY = "USDC"  # what perpetuals settle in, where no fee says otherwise


def is_spot(coin: str) -> bool:
    """Whether a coin is a pair of tokens or an outcome's token: a balance, not a contract."""
    return coin.startswith(("@", "#")) or "/" in coin


def with_units(fills: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """The fills with symbol, asset, currency and `spot`; and with the asset of every fee.

    A perpetual's position is in contracts, which are no tokens: its asset is COIN-PERP. A pair
    known by its number alone is what its fees say: buyers pay in the token, sellers in the quote.
    """
    groups = fills.group_by("coin", maintain_order=True)
    about = [_unit(coin, rows, names.get(coin)) for (coin,), rows in groups]
    units = pl.DataFrame(about, schema=_TYPES, orient="row")
    rows = fills.join(units, on="coin", how="left", maintain_order="left")
    bought = pl.col("spot") & (pl.col("side") > 0)
    own = pl.when(bought).then("asset").otherwise("currency")
    own = pl.when(pl.col("fee_amount").is_not_null()).then(own)
    return rows.with_columns(fee_asset=pl.coalesce("fee_asset", own))


def _unit(coin: str, rows: pl.DataFrame, name: str | None) -> tuple:
    symbol = name or coin
    if not (is_spot(coin) or is_spot(symbol)):
        money = _only(rows["fee_asset"]) or _MONEY
        return coin, symbol, f"{coin}-PERP", money, False
    base, _, quote = symbol.partition("/")
    if not quote:
        sold, paid = rows["side"] < 0, rows["fee_amount"] != 0
        quote = _only(rows["fee_asset"].filter(sold))
        token = _only(rows["fee_asset"].filter(~sold & paid))
        base = token if token and token != quote else symbol
    return coin, symbol, base, quote, True


def _only(names: pl.Series) -> str | None:
    """The one name there is, if there is one."""
    found = names.drop_nulls().unique().to_list()
    return found[0] if len(found) == 1 else None
