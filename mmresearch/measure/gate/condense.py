"""Fills and transfers added up from one reported position to the next, in the memory of a part."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from mmresearch import store
from mmresearch.market import Market

_FILLS = ["time", "seq", "account", "symbol", "side", "price", "size"]
_TRANSFERS = ["time", "seq", "account", "asset", "amount"]


def condensed(market: Market) -> Market:
    """The market's accounts with as few rows as lead to the same position at every report.

    Of each account's fills of a symbol (transfers of an asset) between two of its reports the first
    stands as it is, and the rest as one.
    """
    told = store.to_polars(market["positions"][["account", "time"]]).unique().sort("time")
    told = told.with_columns(told=pl.col("time"))
    tables = {"positions": market["positions"]}
    for name in ("fills", "transfers"):
        if name in market:
            tables[name] = _few(market, name, told)
    return Market(symbols=market.symbols, name=market.name, **tables)


def _few(market: Market, name: str, told: pl.DataFrame) -> pl.DataFrame:
    """A table's first row of each stretch between reports, and one of all its others."""
    thing = "symbol" if name == "fills" else "asset"
    key = ["account", thing, "told"]
    parts = [_summed(rows, key) for rows in _placed(market, name, told)]
    sums = pl.concat(parts, how="diagonal_relaxed").group_by(key, maintain_order=True)
    sums = sums.agg(
        pl.exclude("all", "last_time", "last_seq").first(),
        pl.sum("all"),
        pl.last("last_time", "last_seq"),
    )
    first = sums.drop("all", "last_time", "last_seq", "told")
    rest = sums.with_columns(
        time="last_time", seq="last_seq", amount=pl.col("all") - pl.col("amount")
    )
    rest = rest.filter(pl.col("amount") != 0).select(first.columns)
    if name == "fills":
        moved = pl.col("amount")
        rest = rest.with_columns(side=moved.sign(), size=moved.abs())
        first, rest = first.drop("amount"), rest.drop("amount")
    return pl.concat([first, rest]).sort("time", "seq", maintain_order=True)


def _placed(market: Market, name: str, told: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The table by parts: `amount` is what comes in, `told` the account's last report before."""
    for scan in market.scans(name):
        there = scan.collect_schema().names()
        extra = [c for c in ("start_position",) if c in there and name == "fills"]
        rows = scan.select(*(_FILLS if name == "fills" else _TRANSFERS), *extra).collect()
        if name == "fills":
            rows = rows.with_columns(amount=pl.col("side") * pl.col("size"))
        yield rows.join_asof(
            told, on="time", by="account", allow_exact_matches=False, check_sortedness=False
        )


def _summed(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    ends = [pl.last("time").alias("last_time"), pl.last("seq").alias("last_seq")]
    every = pl.exclude(key).first()
    return rows.group_by(key, maintain_order=True).agg(every, pl.sum("amount").alias("all"), *ends)
