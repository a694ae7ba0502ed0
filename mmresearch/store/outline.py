"""When there were events, in few enough times to hold for any market."""

from __future__ import annotations

from collections.abc import Iterable

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
