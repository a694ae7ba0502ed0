"""The session that each row of a table belongs to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.sessions import session_of


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
