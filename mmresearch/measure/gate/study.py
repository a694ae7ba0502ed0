"""What every check looks at: each symbol's rows, walked once, and what they came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.market import Market
from mmresearch.measure.gate.tables import Tables
from mmresearch.measure.gate.tally import Tally, together


class Piece(NamedTuple):
    """One symbol's rows of a day, or all of them; `before`: of each table the last row earlier.

    Of own quotes it is each account's last row.
    """

    tables: dict[str, pl.DataFrame]
    before: dict[str, pl.DataFrame]
    sessions: pd.DataFrame
    calendar: str
    tick: float

    def get(self, name: str) -> pl.DataFrame | None:
        """The rows of a table; None where the market has none of that name."""
        return self.tables.get(name)

    @property
    def best(self) -> str:
        """Which table has the best quotes."""
        return "quotes" if "quotes" in self.tables else "book"

    def with_last(self, name: str) -> pl.DataFrame:
        """The rows behind the last one earlier, if there is one."""
        last = self.before.get(name)
        return self.tables[name] if last is None else pl.concat([last, self.tables[name]])


class Symbol(NamedTuple):
    """One symbol: what the market says of it, and what its rows came to."""

    name: str
    calendar: str
    tick: float
    sessions: pd.DataFrame
    tally: Tally


class Study:
    """The market, and each of its symbols with what its rows came to.

    Parameters
    ----------
    market : Market
    looks : list of functions
        From a piece of one symbol's rows to what it comes to; pieces come in order of time.
    """

    def __init__(self, market: Market, looks: Sequence[Callable[[Piece], Tally]]) -> None:
        self.market, self.tables = market, Tables(market)
        about = market.symbols.sort_values("symbol")[["symbol", "calendar", "tick"]]
        self.symbols = [self._walked(looks, *row) for row in about.itertuples(index=False)]

    def having(self, name: str) -> Iterator[Symbol]:
        """The symbols whose rows came to anything of that name."""
        for symbol in self.symbols:
            found = symbol.tally.get(name, 0)
            if found.height if isinstance(found, pl.DataFrame) else found:
                yield symbol

    def _walked(
        self, looks: Sequence[Callable[[Piece], Tally]], name: str, calendar: str, tick: float
    ) -> Symbol:
        sessions = self.market.sessions(name)
        tally: Tally = {}
        for piece in self._pieces(name, sessions, calendar, tick):
            for look in looks:
                tally = together(tally, look(piece))
        return Symbol(name, calendar, tick, sessions, tally)

    def _pieces(
        self, symbol: str, sessions: pd.DataFrame, calendar: str, tick: float
    ) -> Iterator[Piece]:
        before: dict[str, pl.DataFrame] = {}
        for day in self.tables.days(symbol):
            rows = self.tables.rows(symbol, day)
            yield Piece(rows, before, sessions, calendar, tick)
            before = before | {n: _last(n, r, before.get(n)) for n, r in rows.items() if r.height}


def _last(name: str, rows: pl.DataFrame, earlier: pl.DataFrame | None) -> pl.DataFrame:
    """The last row so far; of own quotes each account's."""
    if name != "own_quotes":
        return rows.tail(1)
    known = rows if earlier is None else pl.concat([earlier, rows])
    return known.unique("account", keep="last", maintain_order=True)


def clock(times: pl.Series) -> pd.Series:
    """Times as `session_of` takes them."""
    return pd.Series(times.to_physical().to_numpy().view("datetime64[ns]"))


def nanoseconds(times: pl.Series) -> np.ndarray:
    """Times as whole nanoseconds since 1970."""
    return times.to_physical().to_numpy()
