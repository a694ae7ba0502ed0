"""A symbol's events in stretches of time: all at once, or day by day where a market is saved so.

A stretch begins and ends at a midnight, UTC, at which no session is open: it is one day long, or
as many as sessions run through without a pause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch import store
from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.fills import infer_fills
from mmresearch.measure.flows import account_flows, flows_of
from mmresearch.measure.quotes import best_quotes, quote_blocks

_READ = ("trades", "quotes", "book", "fills", "transfers", "positions")
_TRADES = ["price", "size", "side"]
_QUOTES = ["bid", "ask", "bid_size", "ask_size"]
_FLOWS = ["account", "bought", "sold", "moved"]
_OF_ENDS = ["time", "seq", "account", "symbol", "asset", "side", "price", "size", "amount"]
_OF_ENDS += ["start_position"]


class Stretch(NamedTuple):
    """What happened to one symbol in a stretch of time; tables that the market lacks are None.

    Quotes come in blocks, to be read once.
    """

    sessions: pd.DataFrame
    flows: pd.DataFrame
    trades: pd.DataFrame | None
    quotes: Iterable[pd.DataFrame] | None


class Flows:
    """The flows asked for, by symbol and stretch of time.

    Where the market is saved by day and has fills or trades, a table is never read whole.

    series: account, symbol, first, last (times of its first and last event), ordered.
    note: what there is to know about their source, or "".
    ends: the market with only the first and the last event of each series.
    """

    def __init__(
        self,
        market: Market,
        account: str | Sequence[str] | None,
        symbol: str | Sequence[str] | None,
    ) -> None:
        self.market = market
        self.by_day = market.by_day and ("trades" in market or _has_fills(market))
        if self.by_day:
            whole = [name for name in _READ if name in market and not market.is_by_day(name)]
            _ = [market[name] for name in whole]  # read once
        self.ends = _ends(market) if self.by_day else market
        flows, self.note = account_flows(self.ends, account=account, symbol=symbol)
        self.series = _series(flows)
        self.symbols = sorted(self.series["symbol"].unique())
        if not self.by_day:
            self._flows = _by_symbol(flows, self.symbols, _FLOWS)
            self._trades = _by_symbol(market.get("trades"), self.symbols, _TRADES)
            self._quotes = _by_symbol(best_quotes(market), self.symbols, _QUOTES)

    def accounts(self, symbol: str) -> list[str]:
        """The accounts that have flows of the symbol, in order."""
        return self.series.loc[self.series["symbol"] == symbol, "account"].tolist()

    def stretches(self, symbol: str) -> Iterator[Stretch]:
        """The symbol's stretches in order of time, each read when its turn comes."""
        sessions = self.market.sessions(symbol)
        if self.by_day:
            return _day_by_day(self.market, symbol, self.accounts(symbol), sessions)
        flows, trades = self._flows[symbol], self._trades.get(symbol)
        quotes = [self._quotes[symbol]] if self._quotes else None
        return iter([Stretch(sessions, flows, trades, quotes)])


def _series(flows: pd.DataFrame) -> pd.DataFrame:
    times = flows.groupby(["account", "symbol"])["time"]
    return times.agg(first="min", last="max").reset_index()


def _ends(market: Market) -> Market:
    """The market with the first and the last event of each account, symbol and asset."""
    if _has_fills(market):
        tables = {"fills": _first_and_last(market, "fills", ["account", "symbol"])}
    else:  # `panel` leaves out a symbol of which no trade can be signed
        tables = {"trades": _first_and_last(market, "trades", ["symbol"]).assign(side=1.0)}
    if "transfers" in market:
        tables["transfers"] = _first_and_last(market, "transfers", ["account", "asset"])
    if "positions" in market:
        tables["positions"] = market["positions"]
    return Market(symbols=market.symbols, name=market.name, **tables)


def _first_and_last(market: Market, name: str, key: list[str]) -> pd.DataFrame:
    """Of each series its first row and its last, found in the memory of one part."""
    ends = pl.concat([_ends_of(part, key) for part in market.scans(name)], how="diagonal_relaxed")
    return store.to_pandas(_ends_of(ends.lazy(), key).unique(maintain_order=True))


def _ends_of(rows: pl.LazyFrame, key: list[str]) -> pl.DataFrame:
    kept = rows.select(pl.selectors.by_name(*_OF_ENDS, require_all=False))
    ends = [kept.unique(key, keep=which, maintain_order=True) for which in ("first", "last")]
    return pl.concat(ends).collect()


def _day_by_day(
    market: Market, symbol: str, accounts: list[str], sessions: pd.DataFrame
) -> Iterator[Stretch]:
    cuts = _cuts(market.days(symbol), sessions)
    opened = np.searchsorted(cuts, nanoseconds(sessions["open"]), side="right")
    edges = [None, *pd.to_datetime(cuts, utc=True), None]
    has_fills = _has_fills(market)
    last = None  # the quote that a stretch's first trades meet
    for number in range(len(edges) - 1):
        part = market.select(symbol, edges[number], edges[number + 1])
        if has_fills:
            fills = _whole(part, "fills", symbol, ["account", "symbol", "side", "size"])
            trades, quotes = _whole(part, "trades", symbol, _TRADES), quote_blocks(part, symbol)
        else:
            trades, best = part.get("trades"), best_quotes(part)
            known = best if last is None else pd.concat([last, best], ignore_index=True)
            last = last if best is None or best.empty else best.tail(1)
            fills, quotes = infer_fills(trades, known), None if best is None else [best]
        flows = flows_of(fills, part, accounts, [symbol])
        own = sessions[opened == number].reset_index(drop=True)
        yield Stretch(own, flows, trades, quotes)


def _whole(market: Market, name: str, symbol: str, columns: list[str]) -> pd.DataFrame | None:
    """Those columns of one symbol's table, in one piece."""
    if name not in market:
        return None
    blocks = market.blocks(name, ["time", "seq", *columns], symbol=symbol)
    return pd.concat(blocks, ignore_index=True)


def _cuts(days: Sequence[str], sessions: pd.DataFrame) -> np.ndarray:
    """The midnights, in nanoseconds, between the days of events at which no session is open."""
    midnights = nanoseconds(pd.Series(pd.to_datetime(days[1:], utc=True)))
    opens, closes = nanoseconds(sessions["open"]), nanoseconds(sessions["close"])
    before = np.searchsorted(opens, midnights) - 1  # the last session that opened earlier
    is_open = (before >= 0) & (np.append(closes, 0)[before] >= midnights)
    # where the next session opens at that instant, the instant is the next one's
    is_open &= ~(np.isin(midnights, opens) & (np.append(closes, 0)[before] == midnights))
    return midnights[~is_open]


def _has_fills(market: Market) -> bool:
    return "fills" in market and any(len(part.head(1).collect()) for part in market.scans("fills"))


def _by_symbol(
    table: pd.DataFrame | None, symbols: list[str], columns: list[str]
) -> dict[str, pd.DataFrame]:
    """Each symbol's rows in order, if there is such a table."""
    if table is None:
        return {}
    rows = table.groupby("symbol", sort=False).indices
    kept = table[["time", "seq", *columns]]
    return {name: kept.iloc[rows.get(name, [])] for name in symbols}
