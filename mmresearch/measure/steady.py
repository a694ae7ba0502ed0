"""What stood when: the stretches of time in which nothing changes, and the quote of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds


def observed(market: Market, symbol: str, sessions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """From when to when each session was watched, nanoseconds since 1970.

    A session has an opening at which a quote is due; "24/7" has none, and there only the time from
    the symbol's first event to its last was observed.
    """
    begin, until = (nanoseconds(sessions[edge]) for edge in ("open", "close"))
    if market.calendar(symbol) == "24/7":
        first, last = (edge.as_unit("ns").value for edge in market.span(symbol))
        begin, until = np.maximum(begin, first), np.minimum(until, last)
    return begin, until


def stretches(
    edges: Sequence[np.ndarray], begin: np.ndarray, until: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, end and session of every stretch of observed time between two changes of anything.

    Parameters
    ----------
    edges : list of arrays
        Instants at which something changes, nanoseconds since 1970, in any order.
    begin, until : arrays
        What of each session was observed, in order of time.
    """
    every = np.concatenate([*edges, begin, until])
    every.sort(kind="stable")  # runs that are in order already are merged
    every = every[np.diff(every, prepend=every[:1] - 1) > 0]
    start, end = every[:-1], every[1:]
    session = np.searchsorted(begin, start, side="right") - 1
    held = (session >= 0) & (start < until[session])
    return start[held], end[held], session[held]


def standing(
    times: np.ndarray, given: np.ndarray, start: np.ndarray, session: np.ndarray
) -> np.ndarray:
    """The row of the quote that stands in each stretch, -1 where none of its session does.

    Parameters
    ----------
    times, given : arrays
        Of each quote, in order: when it came, and in which session (-1: none).
    start, session : arrays
        Of each stretch.
    """
    last = np.searchsorted(times, start, side="right") - 1
    return np.where((last >= 0) & (np.append(given, -1)[last] == session), last, -1)
