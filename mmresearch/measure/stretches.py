"""A symbol's events in stretches of time: all at once, or day by day where a market is saved so.

A stretch begins and ends at a midnight, UTC, at which no session is open: it is one day long, or
as many as sessions run through without a pause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch import store
from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.asof import value_before
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.blocks import Block
from mmresearch.measure.fills import infer_by_mid, infer_fills
from mmresearch.measure.flows import account_flows, flows_of, saved_flows
from mmresearch.measure.own_quotes import held, own_blocks
from mmresearch.measure.prints import TRADE, Tape
from mmresearch.measure.quotes import QUOTE, best_quotes, block_mid, quote_blocks
from mmresearch.sessions import stands_until

_READ = ("trades", "quotes", "own_quotes", "book", "fills", "transfers", "positions")
_ORDER = ["time", "seq"]
_FLOWS = ["account", "bought", "sold", "moved"]
_OF_ENDS = ["time", "seq", "account", "symbol", "asset", "side", "price", "size", "amount"]
_OF_ENDS += ["start_position"]


class Stretch(NamedTuple):
    """What happened to one symbol in a stretch of time; tables that the market lacks are None.

    Prints and quotes come in blocks; quotes to be read once. `own` are the accounts' own quotes, as
    `own_blocks` gives them.
    """

    sessions: pd.DataFrame
    flows: pd.DataFrame
    trades: Tape | None
    quotes: Iterable[Block] | None
    own: Iterator[Block]

    def prints(self) -> pd.DataFrame | None:
        """Time and seq of all prints."""
        if self.trades is None:
            return None
        found = [np.empty((2, 0), dtype="int64")]
        found += [np.stack([rows["time"], rows["seq"]]) for rows in self.trades(_ORDER)]
        time, seq = np.concatenate(found, axis=1)
        return pd.DataFrame({"time": pd.to_datetime(time, utc=True), "seq": seq})


class Last(NamedTuple):
    """The mid of the last quote so far, and when it stands no longer (nanoseconds)."""

    mid: float
    until: int


_NONE = Last(np.nan, np.iinfo(np.int64).max)


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
            market.hold(n for n in _READ if n in market and not market.is_by_day(n))
        self.ends = _ends(market) if self.by_day else market
        flows, self.note = account_flows(self.ends, account=account, symbol=symbol)
        self.series = _series(flows)
        self.symbols = sorted(self.series["symbol"].unique())
        if not self.by_day:
            self._flows = _by_symbol(flows, self.symbols, _FLOWS)
            self._trades = _held(market.get("trades"), TRADE)
            self._quotes = _held(best_quotes(market), QUOTE)
            self._own = held(market.get("own_quotes"))

    def accounts(self, symbol: str) -> list[str]:
        """The accounts that have flows of the symbol, in order."""
        return self.series.loc[self.series["symbol"] == symbol, "account"].tolist()

    def stretches(self, symbol: str) -> Iterator[Stretch]:
        """The symbol's stretches in order of time, each read when its turn comes."""
        sessions = self.market.sessions(symbol)
        if self.by_day:
            return _day_by_day(self.market, symbol, self.accounts(symbol), sessions)
        trades, quotes = self._trades, self._quotes and self._quotes(symbol)
        tape = trades and (lambda columns: trades(symbol))
        own = self._own(symbol, self.accounts(symbol))
        return iter([Stretch(sessions, self._flows[symbol], tape, quotes, own)])


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
    last, calendar = _NONE, market.calendar(symbol)
    for number in range(len(edges) - 1):
        part = market.select(symbol, edges[number], edges[number + 1])
        if has_fills:
            flows = saved_flows(part, symbol, accounts)
        else:
            fills, last = _inferred(part, symbol, last, sessions, calendar)
            flows = flows_of(fills, part, accounts, [symbol])
        own = sessions[opened == number].reset_index(drop=True)
        trades = partial(_tape, part, symbol) if "trades" in part else None
        quoted = own_blocks(part, symbol, accounts)
        yield Stretch(own, flows, trades, quote_blocks(part, symbol), quoted)


def _tape(market: Market, symbol: str, columns: Sequence[str]) -> Iterator[Block]:
    return blocks.of_symbol(market, "trades", columns, symbol)


def _inferred(
    market: Market, symbol: str, last: Last, sessions: pd.DataFrame, calendar: str
) -> tuple[pd.DataFrame, Last]:
    """The aggregate maker's fills, and the last quote; `last` is that of the stretches before.

    Quotes are read in blocks, and only where a trade's side is to be inferred from them.
    """
    trades, quotes = market["trades"], quote_blocks(market, symbol)
    if quotes is None:
        return infer_fills(trades), last
    ends = partial(stands_until, sessions=sessions, calendar=calendar)
    mids = _standing(quotes, last.until, ends)
    known = partial(value_before, trades, mids, "mid", skip=False, first=last.mid)
    return infer_by_mid(trades, known, sessions), _last(market, last, ends)


def _standing(
    quotes: Iterable[Block], until: int, ends: Callable[[pd.Series], np.ndarray]
) -> Iterator[Block]:
    """The mids, and a missing one from where each stands no longer; `until` of the one before."""
    first = np.iinfo(np.int64).min
    for rows in quotes:
        when, own = rows["time"], ends(_times(rows["time"]))
        if not len(when):
            continue
        over = np.append(until, own[:-1])
        at = np.flatnonzero(over <= when)
        yield {
            "time": np.insert(when, at, over[at]),
            "seq": np.insert(rows["seq"], at, first),
            "mid": np.insert(block_mid(rows), at, np.nan),
        }
        until = own[-1]
    yield {"time": np.array([until]), "seq": np.array([first]), "mid": np.array([np.nan])}


def _times(since: np.ndarray) -> pd.Series:
    return pd.Series(since.view("datetime64[ns]"))


def _last(market: Market, last: Last, ends: Callable[[pd.Series], np.ndarray]) -> Last:
    """The market's last quote; `last` if it has none."""
    name, level = ("quotes", "") if "quotes" in market else ("book", "_1")
    for rows in reversed(list(market.scans(name))):
        mid = (pl.col(f"bid{level}") + pl.col(f"ask{level}")) / 2
        end = rows.tail(1).select("time", mid=mid.fill_null(np.nan)).collect()
        if end.height:
            when = end["time"].to_physical().to_numpy()
            return Last(end["mid"].item(), int(ends(_times(when))[0]))
    return last


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


def _held(
    table: pd.DataFrame | None, columns: list[str]
) -> Callable[[str], Iterator[Block]] | None:
    if table is None:
        return None
    return blocks.by_symbol(table, blocks.of_table(table, columns))


def _by_symbol(
    table: pd.DataFrame, symbols: list[str], columns: list[str]
) -> dict[str, pd.DataFrame]:
    """Each symbol's rows in order."""
    rows = table.groupby("symbol", sort=False).indices
    kept = table[["time", "seq", *columns]]
    return {name: kept.iloc[rows.get(name, [])] for name in symbols}
