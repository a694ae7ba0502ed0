"""What was known just before an event: the strict join on (time, seq)."""

from __future__ import annotations

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
    found = np.full(len(events), -1)
    places = states.groupby("symbol", sort=False).indices
    for symbol, rows in events.groupby("symbol", sort=False).indices.items():
        own = places.get(symbol)
        if own is None:
            continue
        before = known_before(events.iloc[rows], states.iloc[own])
        found[rows] = np.where(before >= 0, own[before], -1)
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
