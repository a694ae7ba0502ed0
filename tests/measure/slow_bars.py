"""Which bar each event belongs to, the slow way: what the loops over ordered events are held to.

And events that try them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from mmresearch.measure.asof import known_before
from mmresearch.measure.bars import Bars, nanoseconds
from mmresearch.measure.blocks import Block, of_table
from mmresearch.measure.flows import Holdings, flow_bars
from mmresearch.sessions import session_of

DAY = pd.Timestamp("2024-03-06", tz="UTC")


def event_times(rng: np.random.Generator, n: int) -> pd.Series:
    """Three days, most events within the hours, many of one instant, some on the bars' edges."""
    seconds = rng.choice([86_400.0, 2 * 86_400.0], n) + 9 * 3_600 + rng.exponential(400, n)
    seconds[rng.random(n) < 0.1] = rng.uniform(0, 3 * 86_400)
    edges = rng.random(n) < 0.3
    seconds[edges] = np.ceil(seconds[edges] / 60) * 60
    seconds[: n // 20] = 2 * 86_400  # a midnight, where two sessions of 24/7 meet
    return pd.Series(DAY + pd.to_timedelta(np.sort(seconds.round(1)), unit="s")).dt.as_unit("ns")


def cut_up(table: pd.DataFrame, columns: list[str], edges: Iterable[int]) -> list[Block]:
    """The columns in blocks that begin at the edges."""
    whole = of_table(table, columns)
    ends = zip([0, *edges], [*edges, len(table)], strict=True)
    return [{name: values[i:j] for name, values in whole.items()} for i, j in ends]


def bar_rows(events: pd.DataFrame, bars: Bars) -> np.ndarray:
    """For each event (time, seq) the row of its bar, -1 outside every session."""
    session = session_of(events["time"], bars.sessions)
    inside = session >= 0
    if bars.step.kind == "clock" and inside.any():
        opens = nanoseconds(bars.sessions["open"])[session]
        since = nanoseconds(events["time"]) - opens
        within = np.maximum(-(-since // bars.step.size) - 1, 0)
        return np.where(inside, bars.first[session] + within, -1)
    closed = known_before(events, bars.closers) + 1 if len(bars.closers) else 0
    return np.where(inside, session + closed, -1)


def next_rows(events: pd.DataFrame, bars: Bars) -> np.ndarray:
    """For events outside every session the first bar of the next one, -1 after the last."""
    following = np.searchsorted(nanoseconds(bars.sessions["open"]), nanoseconds(events["time"]))
    known = following < len(bars.sessions)
    return np.where(known, np.append(bars.first, -1)[following], -1)


def found_rows(events: pd.DataFrame, bars: Bars) -> tuple[np.ndarray, np.ndarray]:
    """As `bar_rows` and `next_rows`, from the panel's loop: each event is an account's only buy."""
    accounts = [f"{number:06}" for number in range(len(events))]
    flows = events[["time", "seq"]].assign(account=accounts, bought=1.0, sold=0.0, moved=0.0)
    found = flow_bars(bars, flows, Holdings(accounts, {}))
    tables = (found[name].reshape(len(events), -1) for name in ("buys", "overnight_flow"))
    bar, waits = (np.where(t.any(axis=1), t.argmax(axis=1), -1) for t in tables)
    return bar, waits
