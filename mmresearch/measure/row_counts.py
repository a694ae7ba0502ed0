"""How many rows of a table there are, by symbol and by what they say: from queries, not tables."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from mmresearch.market import Market


def quoting_accounts(market: Market, symbol: str) -> set[str]:
    """The accounts that ever quoted the symbol: of others it is not known whether they did."""
    return set(_rows_of(market, "own_quotes", symbol, "account")["account"])


def _rows_of(market: Market, table: str, symbol: str, column: str) -> pl.DataFrame:
    """How often each value of a column occurs in the symbol's rows: column, len."""
    found = [pl.DataFrame({column: [], "len": []}, {column: pl.String, "len": pl.UInt32})]
    for scan in market.scans(table) if table in market else ():
        names = scan.collect_schema().names()
        kept = scan.filter(pl.col("symbol").cast(pl.String) == symbol)
        value = pl.col(column).cast(pl.String) if column in names else pl.lit("").alias(column)
        found.append(kept.group_by(value).len().collect())
    return pl.concat(found)


def has_orders(market: Market, symbol: str) -> bool:
    """Whether the market has orders of the symbol: events other than halts."""
    events = _rows_of(market, "orders", symbol, "event")
    return bool((events["event"] != "halt").any())


def all_quotes(market: Market, symbol: str, accounts: Sequence[str]) -> tuple[int, int]:
    """How many own quotes and market quotes of the symbol there are, in sessions or not."""
    own = _rows_of(market, "own_quotes", symbol, "account")
    best = "quotes" if "quotes" in market else "book"
    whole = _rows_of(market, best, symbol, "symbol")
    return (
        int(own.filter(pl.col("account").is_in(list(accounts)))["len"].sum()),
        int(whole["len"].sum()),
    )


def auction_prints(market: Market, symbol: str) -> int:
    """Prints of auctions, where the source says so."""
    first = next(market.scans("trades"), None) if "trades" in market else None
    if first is None or "event" not in first.collect_schema().names():
        return 0
    events = _rows_of(market, "trades", symbol, "event")
    return int(events.filter(pl.col("event") == "cross")["len"].sum())


def roles_known(market: Market) -> bool:
    """Whether any fill says who was passive."""
    known = pl.col("maker").is_not_null().any()
    scans = market.scans("fills") if "fills" in market else ()
    return any(bool(scan.select(known).collect().item()) for scan in scans)
