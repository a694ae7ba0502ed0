"""Mids of one asset at several venues, side by side on one clock."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.quotes import best_quotes, mid
from mmresearch.measure.session_days import with_day

_KEYS = ["day", "time"]


def venue_prices(
    venues: Market | Mapping[str, Market], *, freq: str = "1s", symbol: str | None = None
) -> pd.DataFrame:
    """The mid of every venue at the end of each step of a common clock.

    Parameters
    ----------
    venues : Market or dict of Market
        A market whose symbols are the venues; or a market a venue by its name.
    freq : str
        The clock's step.
    symbol : str, optional
        Of markets by name that have several.

    Returns
    -------
    DataFrame
        day, time, and a column a venue: its mid (quote currency a unit) by the last quote of the
        session at or before `time`; missing where a side of the quote is. A day begins when every
        venue has quoted and ends with the first that quotes no more. attrs["quotes"]: share of the
        steps in which each venue quoted anew. Times are those of one recorder: clocks that differ
        by more than a step make the one that is behind look like a follower.

    Raises
    ------
    ValueError
        Fewer than two venues, no quotes, several symbols and no choice, no common day.
    """
    step = pd.Timedelta(freq)
    if step <= pd.Timedelta(0):
        raise ValueError(f"freq must be a length of time above 0, not {freq!r}")
    quotes = {name: _quotes(*pair) for name, pair in _pairs(venues, symbol).items()}
    if len(quotes) < 2:
        raise ValueError(f"{len(quotes)} venue: two or more can share in the price")
    days = sorted(set.intersection(*(set(q["day"]) for q in quotes.values())))
    if not days:
        raise ValueError("the venues have no day in common")
    tables = [_of_day(quotes, day, step) for day in days]
    table = pd.concat([rows for rows, _ in tables], ignore_index=True)
    steps = np.array([len(rows) for rows, _ in tables])
    fresh = np.array([share for _, share in tables])
    table.attrs["quotes"] = dict(
        zip(quotes, (steps @ fresh / max(steps.sum(), 1)).tolist(), strict=True)
    )
    return table


def _pairs(
    venues: Market | Mapping[str, Market], symbol: str | None
) -> dict[str, tuple[Market, str]]:
    if isinstance(venues, Market):
        quotes = best_quotes(venues)
        names = [] if quotes is None else sorted(quotes["symbol"].unique())
        return {name: (venues, name) for name in names}
    found = {}
    for name, market in venues.items():
        if name in _KEYS:
            raise ValueError(f"a venue cannot be called {name!r}: the table has such a column")
        quotes = best_quotes(market)
        traded = [] if quotes is None else sorted(quotes["symbol"].unique())
        if symbol is None and len(traded) != 1:
            raise ValueError(f"{name} quotes {len(traded)} symbols; choose symbol=")
        if symbol is not None and symbol not in traded:
            raise ValueError(f"{name} has no quotes of {symbol}")
        found[name] = (market, traded[0] if symbol is None else symbol)
    return found


def _quotes(market: Market, symbol: str) -> pd.DataFrame:
    quotes = best_quotes(market)
    own = quotes[quotes["symbol"] == symbol].sort_values(["time", "seq"], kind="stable")
    rows = with_day(own.assign(mid=mid(own)), market)
    return rows.loc[rows["day"].notna(), ["day", "time", "mid"]]


def _of_day(
    quotes: Mapping[str, pd.DataFrame], day: pd.Timestamp, step: pd.Timedelta
) -> tuple[pd.DataFrame, list[float]]:
    """The clock of one day, and of each venue the share of steps with a quote."""
    own = {name: rows[rows["day"] == day] for name, rows in quotes.items()}
    start = max(rows["time"].iloc[0] for rows in own.values()).ceil(step)
    end = min(rows["time"].iloc[-1] for rows in own.values()).floor(step)
    clock = pd.date_range(start, end, freq=step)
    table = {"day": np.repeat(np.datetime64(day), len(clock)), "time": clock}
    fresh = []
    for name, rows in own.items():
        last = np.searchsorted(rows["time"].to_numpy(), clock.to_numpy(), side="right") - 1
        table[name] = rows["mid"].to_numpy()[last]
        fresh.append(float((np.diff(last) > 0).mean()) if len(clock) > 1 else 0.0)
    return pd.DataFrame(table), fresh
