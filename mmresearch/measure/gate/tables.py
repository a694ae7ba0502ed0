"""A market's tables by symbol and day: of one saved by day never more than a day of a symbol."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import polars as pl

from mmresearch.market import Market

CLOCKS = ("local_time", "exchange_time")
PUBLIC = ("trades", "quotes", "book", "orders")
_EVENTS = (*PUBLIC, "own_quotes", "fills", "positions", "liquidations")
_BEST = ("bid", "ask", "bid_size", "ask_size")
_COLUMNS = {
    "trades": ["seq", "price", "size", "side", "trade_id"],
    "quotes": ["seq", *_BEST],
    "book": ["seq", *(f"{name}_1" for name in _BEST)],
    "own_quotes": ["seq", "account", *_BEST],
    "fills": ["seq", "account", "price", "size", "side", "fee", "maker", "trade_id"],
}
_DAY = pd.Timedelta(days=1)


class Tables:
    """The event tables of a market, of each the columns that the checks look at.

    The book's first level has the names of a quote.
    """

    def __init__(self, market: Market) -> None:
        self.market, self.by_day = market, market.by_day
        held = [name for name in _EVENTS if name in market and not market.is_by_day(name)]
        whole = {
            name: pl.concat(_needed(q, name).collect() for q in market.scans(name)) for name in held
        }
        self._none = {name: rows.clear().drop("symbol") for name, rows in whole.items()}
        self._held = {
            name: rows.partition_by("symbol", as_dict=True, maintain_order=True, include_key=False)
            for name, rows in whole.items()
        }

    def days(self, symbol: str) -> list[pd.Timestamp | None]:
        """The UTC days with an event of the symbol; one None, for all, where nothing is by day."""
        if not self.by_day:
            return [None]
        return [pd.Timestamp(day, tz="UTC") for day in self.market.days(symbol)]

    def rows(self, symbol: str, day: pd.Timestamp | None) -> dict[str, pl.DataFrame]:
        """Each table's rows of a symbol and a day, in order."""
        end = None if day is None else day + _DAY
        found = {name: self._of(name, symbol, day, end) for name in self._held}
        if self.by_day:
            part = self.market.select(symbol, day, end)
            for name in _EVENTS:
                if name in part and name not in found:
                    scans = [_needed(rows, name).drop("symbol") for rows in part.scans(name)]
                    found[name] = pl.concat(rows.collect() for rows in scans)
        return found

    def column(self, symbol: str, name: str, columns: list[str]) -> Iterator[pl.DataFrame]:
        """The columns of all rows of a symbol, day by day."""
        if name in self._held:
            yield self._held[name].get((symbol,), self._none[name]).select(columns)
        else:
            for rows in self.market.select(symbol).scans(name):
                yield rows.select(columns).collect()

    def _of(
        self, name: str, symbol: str, day: pd.Timestamp | None, end: pd.Timestamp | None
    ) -> pl.DataFrame:
        rows = self._held[name].get((symbol,), self._none[name])
        if day is None:
            return rows
        return rows.filter(pl.col("time").is_between(day, end, closed="left"))


def _needed(rows: pl.LazyFrame, name: str) -> pl.LazyFrame:
    there = rows.collect_schema().names()
    clocks = [clock for clock in CLOCKS if clock in there and name in PUBLIC]
    kept = rows.select("symbol", "time", *_COLUMNS.get(name, []), *clocks)
    level = {f"{side}_1": side for side in _BEST} if name == "book" else {}
    return kept.rename(level)
