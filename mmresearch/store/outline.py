"""When there were events, in few enough times to hold for any market; and a table in one row."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import polars as pl


def outlines(tables: Iterable[pl.LazyFrame]) -> dict[str, list]:
    """Of each symbol the first event of every minute and the last of all, part by part.

    Sessions open and close on whole minutes, so these lie in the same ones as all its events.
    """
    found: dict[str, list] = {}
    minute = pl.col("time").dt.truncate("1m").alias("minute")
    for table in tables:
        rows = table.select("symbol", "time")
        firsts = rows.group_by("symbol", minute).agg(pl.col("time").min())
        lasts = rows.group_by("symbol").agg(pl.col("time").max())
        for part in pl.collect_all([firsts.select("symbol", "time"), lasts]):
            for (symbol,), some in part.group_by("symbol"):
                found.setdefault(symbol, []).extend(some["time"])
    return found


def summed_up(parts: Iterable[pl.LazyFrame]) -> dict[str, object]:
    """Of a table, part by part: rows, symbols (missing where rows name none), first, last time."""
    found, symbols, named = [], set(), False
    for part in parts:
        named = "symbol" in part.collect_schema()
        at = pl.col("time").to_physical()
        found.append(part.select(n=pl.len(), first=at.min(), last=at.max()).collect())
        symbols |= (
            set(part.select(pl.col("symbol").unique()).collect()["symbol"]) if named else set()
        )
    every = pl.concat(found).select(pl.sum("n"), pl.min("first"), pl.max("last"))
    rows, first, last = every.row(0)
    return {
        "rows": rows,
        "symbols": len(symbols - {None}) if named else pd.NA,
        "first": pd.Timestamp(first, tz="UTC") if rows else pd.NaT,
        "last": pd.Timestamp(last, tz="UTC") if rows else pd.NaT,
    }
