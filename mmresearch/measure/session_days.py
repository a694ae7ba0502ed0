"""The session that each row of a table belongs to, and the state that it met there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.asof import known_before_by_symbol
from mmresearch.measure.bars import nanoseconds
from mmresearch.sessions import session_of, stands_until


def with_day(rows: pd.DataFrame, market: Market) -> pd.DataFrame:
    """The rows (symbol, time) with the session's day, missing outside every session."""
    day = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[ns]")
    traded = set(market.symbols["symbol"])
    for symbol, places in rows.groupby("symbol", sort=False).indices.items():
        if symbol not in traded:
            continue
        sessions = market.sessions(symbol)
        row = session_of(rows["time"].iloc[places], sessions)
        days = sessions["day"].to_numpy("datetime64[ns]")[np.maximum(row, 0)]
        day.iloc[places] = np.where(row >= 0, days, np.datetime64("NaT"))
    return rows.assign(day=day)


def standing_before(
    rows: pd.DataFrame, states: pd.DataFrame, market: Market | None = None
) -> np.ndarray:
    """For each row the last state with an earlier (time, seq) that still stood, -1 without one.

    Tables of symbol, time, seq, each symbol's rows in order. A quote of last night's session is
    none: it stands as `stands_until` says by the market's calendar; without a market as of "24/7".
    """
    row = known_before_by_symbol(rows, states)
    at, since = (times.reset_index(drop=True) for times in (rows["time"], states["time"]))
    traded = set() if market is None else set(market.symbols["symbol"])
    for symbol, places in rows.groupby("symbol", sort=False).indices.items():
        calendar, sessions = "24/7", None
        if symbol in traded:
            calendar, sessions = market.calendar(symbol), market.sessions(symbol)
        known = places[row[places] >= 0]
        until = stands_until(since.iloc[row[known]], sessions, calendar)
        row[known[nanoseconds(at.iloc[known]) >= until]] = -1
    return row
