"""When there were events, in few enough times to hold for any market; and a table in one row."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import polars as pl

_MINUTE = 60 * 10**9


def outlines(tables: Iterable[pl.LazyFrame]) -> dict[str, pl.Series]:
    """Of each symbol the first event of every minute and the last of all, part by part.

    Sessions open and close on whole minutes, so these lie in the same ones as all its events.
    """
    found: dict[str, pl.Series] = {}
    symbol, minute = pl.col("symbol"), pl.col("minute")
    edge = minute.ne_missing(minute.shift()) | symbol.ne_missing(symbol.shift())
    edge |= symbol.ne_missing(symbol.shift(-1))
    for table in tables:
        number = pl.col("time").to_physical() // _MINUTE
        rows = table.select("symbol", "time", minute=number).filter(edge)
        firsts = rows.group_by("symbol", "minute").agg(pl.col("time").min())
        lasts = rows.group_by("symbol").agg(pl.col("time").max())
        times = pl.concat([firsts.select("symbol", "time"), lasts]).collect()
        for (name,), some in times.group_by("symbol"):
            earlier = found.get(name, some["time"].clear())
            found[name] = earlier.append(some["time"])
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
