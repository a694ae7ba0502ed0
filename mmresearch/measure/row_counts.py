"""How many rows of a table there are, by symbol and by what they say: from queries, not tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from mmresearch.market import Market

_NONE = pl.DataFrame(schema={"symbol": pl.String, "says": pl.String, "len": pl.UInt32})


class Counts(NamedTuple):
    """Rows of each table by symbol and by what a column says: symbol, says, len."""

    own: pl.DataFrame  # own quotes, by account
    best: pl.DataFrame  # quotes, or rows of a book; says the symbol again
    orders: pl.DataFrame  # by event
    prints: pl.DataFrame  # by event, where the source says any


def counted(market: Market) -> Counts:
    """The counts of a market: each table is gone through once, whatever the number of symbols."""
    return Counts(
        _by(market, "own_quotes", "account"),
        _by(market, "quotes" if "quotes" in market else "book", "symbol"),
        _by(market, "orders", "event"),
        _by(market, "trades", "event"),
    )


def _by(market: Market, table: str, column: str) -> pl.DataFrame:
    found = [_NONE]
    for scan in market.scans(table, ["symbol", column]) if table in market else ():
        if column in scan.collect_schema().names():
            symbol = pl.col("symbol").cast(pl.String)
            says = pl.col(column).cast(pl.String).alias("says")
            found.append(scan.group_by(symbol, says).len().collect())
    return pl.concat(found)


def quoting_accounts(counts: Counts, symbol: str) -> set[str]:
    """The accounts that ever quoted the symbol: of others it is not known whether they did."""
    return set(_of(counts.own, symbol)["says"])


def has_orders(counts: Counts, symbol: str) -> bool:
    """Whether the market has orders of the symbol: events other than halts."""
    return bool((_of(counts.orders, symbol)["says"] != "halt").any())


def all_quotes(counts: Counts, symbol: str, accounts: Sequence[str]) -> tuple[int, int]:
    """How many own quotes and market quotes of the symbol there are, in sessions or not."""
    own, best = _of(counts.own, symbol), _of(counts.best, symbol)
    return (
        int(own.filter(pl.col("says").is_in(list(accounts)))["len"].sum()),
        int(best["len"].sum()),
    )


def auction_prints(counts: Counts, symbol: str) -> int:
    """Prints of auctions, where the source says so."""
    return int(_of(counts.prints, symbol).filter(pl.col("says") == "cross")["len"].sum())


def _of(rows: pl.DataFrame, symbol: str) -> pl.DataFrame:
    return rows.filter(pl.col("symbol") == symbol)


def roles_known(market: Market) -> bool:
    """Whether any fill says who was passive."""
    known = pl.col("maker").is_not_null().any()
    scans = market.scans("fills", ["maker"]) if "fills" in market else ()
    return any(bool(scan.select(known).collect().item()) for scan in scans)
