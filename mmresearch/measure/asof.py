"""What was known just before an event: the strict join on (time, seq)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd


def known_before(events: pd.DataFrame, states: pd.DataFrame) -> np.ndarray:
    """For each event the row of the last state with an earlier (time, seq), -1 if there is none.

    Both tables hold one symbol, ordered by (time, seq). A state of the event's own instant counts
    only if its seq is smaller, so a quote that moves because of a trade is never taken for the
    quote that the trade met.
    """
    when = states["time"].to_numpy("datetime64[ns]")
    at = events["time"].to_numpy("datetime64[ns]")
    low = np.searchsorted(when, at, side="left")
    tied = np.flatnonzero(np.append(when, np.datetime64("NaT"))[low] == at)
    high = np.searchsorted(when, at[tied], side="right")
    low[tied] = _search_within(
        states["seq"].to_numpy(), events["seq"].to_numpy()[tied], low[tied], high
    )
    return low - 1


def known_before_by_symbol(events: pd.DataFrame, states: pd.DataFrame) -> np.ndarray:
    """`known_before` for tables of several symbols: positions in `states`, -1 if there is none."""
    found, places = np.full(len(events), -1), rows_by_symbol(states)
    for symbol, rows in rows_by_symbol(events).items():
        if symbol in places:
            own = np.arange(len(states))[places[symbol]]
            before = known_before(events.iloc[rows], states.iloc[places[symbol]])
            found[rows] = np.where(before >= 0, own[before], -1)
    return found


def rows_by_symbol(table: pd.DataFrame) -> dict[str, np.ndarray | slice]:
    """The rows of each symbol, for `iloc`; of one symbol all at once, without a copy."""
    one = table["symbol"].iloc[:1]
    if len(one) and (table["symbol"] == one.iloc[0]).all():
        return {one.iloc[0]: slice(None)}
    return table.groupby("symbol", sort=False, observed=True).indices


def value_before(events: pd.DataFrame, blocks: Iterable[pd.DataFrame], name: str) -> np.ndarray:
    """For each event the value that was last known before its (time, seq), missing if none was.

    The tables hold one symbol; the events come in any order, the states in blocks by (time, seq),
    of which one is in memory. A value that is missing is none.
    """
    at = events["time"].to_numpy("datetime64[ns]")
    order = np.argsort(at, kind="stable")
    at, events = at[order], events.iloc[order]
    values, last, told = np.full(len(at), np.nan), np.nan, 0
    for block in blocks:
        known = block[name].notna()
        states = block if known.all() else block[known]
        if states.empty:
            continue
        when = states["time"].to_numpy("datetime64[ns]")
        begin, end = np.searchsorted(at, when[0]), np.searchsorted(at, when[-1], side="right")
        values[told:end] = last
        row = known_before(events.iloc[begin:end], states)
        price = states[name].to_numpy()
        values[begin:end] = np.where(row >= 0, price[row], values[begin:end])
        # the events of a block's last instant are asked again, for the next may begin with it
        last, told = price[-1], end
    values[told:] = last
    found = np.empty(len(at))
    found[order] = values
    return found


def _search_within(
    values: np.ndarray, wanted: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """First place in values[low:high] that is not below `wanted`, for each row at once."""
    low, high = low.copy(), high.copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        below = open_ & (values[np.minimum(middle, len(values) - 1)] < wanted)
        low = np.where(below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)
    return low
