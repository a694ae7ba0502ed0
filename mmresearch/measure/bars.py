"""Bars: the steps that a session is cut into, and the bar that each event belongs to.

A step is a stretch of the clock, a count of the symbol's public prints, or the whole session. An
event at a clock bar's edge belongs to the bar that ends there, (start, end]; a session's first bar
also holds its first instant. A count bar ends with its last print: what has that print's
(time, seq) belongs to it, what comes after to the next bar. The last bar of a session takes the
rest, up to the close. No bar holds events of two sessions.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.sessions import has_clock, session_of

_COUNT = re.compile(r"\s*([\d_,]+)\s*(?:trades?|prints?)\s*")
_OLD_UNITS = {"d": "D", "H": "h", "T": "min", "S": "s"}  # other spellings people have learned
_DAY = pd.Timedelta(days=1)
_MOST = 50_000_000
_ACCEPTED = "a clock step such as '1s', '1min' or '5min', a count such as '500 trades', or '1D'"


class Step(NamedTuple):
    """kind is "clock" (size in nanoseconds), "count" (size in prints) or "session"."""

    kind: str
    size: int = 0


@dataclass(frozen=True)
class Bars:
    """The bars of one symbol, in order, as arrays of one value a bar.

    start, end: nanoseconds since 1970, UTC.
    session: the row of `sessions`.
    sessions: day, open, close, gap.
    step: what the bars were cut by.
    closers: time and seq of each print that ends a bar before its session's last (count bars).
    """

    start: np.ndarray
    end: np.ndarray
    session: np.ndarray
    sessions: pd.DataFrame
    step: Step
    closers: pd.DataFrame

    def __len__(self) -> int:
        return len(self.start)

    @property
    def first(self) -> np.ndarray:
        """For each session the row of its first bar."""
        return np.searchsorted(self.session, np.arange(len(self.sessions)))

    @property
    def opens(self) -> np.ndarray:
        """Whether each bar is the first of its session."""
        return np.diff(self.session, prepend=-1) > 0

    @property
    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What tells the bar of an event: start, end, end_seq, opens."""
        return self.start, self.end, self.end_seq, self.opens

    @property
    def end_seq(self) -> np.ndarray:
        """The largest `seq` with which an event at a bar's end belongs to it; -1: none does."""
        largest = np.full(len(self), np.iinfo(np.int64).max)
        closes = np.append(self.opens[1:], True)[: len(self)]
        if len(self.closers):
            largest[~closes] = self.closers["seq"]
        # the instant at which the next session opens is the next one's
        meets = nanoseconds(self.sessions["close"])[:-1] == nanoseconds(self.sessions["open"])[1:]
        largest[closes] = np.where(np.append(meets, False), -1, largest[closes])
        return largest


def parse_freq(freq: str | pd.Timedelta) -> Step:
    """What `freq` asks for: a clock step, a count of prints, or a bar a session (one day)."""
    counted = _COUNT.fullmatch(freq) if isinstance(freq, str) else None
    if counted:
        size = int(re.sub("[_,]", "", counted[1]) or 0)
        step = Step("count", size)
    else:
        step = _clock_step(freq)
    if step.kind != "session" and step.size < 1:
        raise ValueError(f"freq {freq!r} is no step forward; give {_ACCEPTED}")
    return step


def cut(step: Step, sessions: pd.DataFrame, trades: pd.DataFrame | None) -> Bars:
    """The bars of one symbol's sessions.

    Parameters
    ----------
    step : Step
        From `parse_freq`.
    sessions : DataFrame
        day, open, close, gap, in order.
    trades : DataFrame or None
        The symbol's public prints, ordered by (time, seq); only a count needs them.
    """
    closers = _no_closers()
    if step.kind == "clock":
        start, end, session = _clock_edges(step.size, sessions)
    else:
        if step.kind == "count":
            closers = _closers(step.size, sessions, trades)
        start, end, session = _counted_edges(sessions, closers)
    return Bars(start, end, session, sessions, step, closers)


def refuse_step(step: Step, calendar: str, sessions: pd.DataFrame) -> None:
    """Refuse a clock step where sessions have no clock, are shorter, or would make too many."""
    if step.kind != "clock":
        return
    length = pd.Timedelta(step.size, "ns")
    if not has_clock(calendar):
        raise ValueError(
            f"there is no clock inside a session of calendar {calendar!r}, so there are no bars of"
            f" {length}; freq='1D' (a bar a session) or a count such as '500 trades' works"
        )
    longest = (sessions["close"] - sessions["open"]).max()
    if length > longest:
        raise ValueError(
            f"a step of {length} is longer than a session ({longest}) of calendar {calendar!r};"
            " give a shorter one, or '1D' for a bar a session"
        )
    bars = (sessions["close"] - sessions["open"]).sum() // length
    if bars > _MOST:
        raise ValueError(f"a step of {length} would make {bars:,} bars; give a longer one")


def labels(bars: Bars, calendar: str) -> dict[str, np.ndarray]:
    """The columns that say which bar it is: day, bar, start, end (UTC), time_of_day, gap."""
    number = np.arange(len(bars)) - bars.first[bars.session]
    missing = bars.sessions["gap"].to_numpy(bool)
    since = (bars.start - nanoseconds(bars.sessions["open"])[bars.session]) / 1e9
    return {
        "day": bars.sessions["day"].to_numpy("datetime64[ns]")[bars.session],
        "bar": number,
        "start": bars.start.view("datetime64[ns]"),
        "end": bars.end.view("datetime64[ns]"),
        "time_of_day": since if has_clock(calendar) else np.full(len(bars), np.nan),
        "gap": missing[bars.session] & (number == 0),
    }


def nanoseconds(times: pd.Series) -> np.ndarray:
    """Times as whole nanoseconds since 1970, UTC."""
    return times.to_numpy("datetime64[ns]").astype("int64")


def _clock_step(freq: str | pd.Timedelta) -> Step:
    length = pd.NaT
    if isinstance(freq, pd.Timedelta) or (isinstance(freq, str) and re.search("[a-zA-Z:]", freq)):
        text = f"1{freq}" if str(freq).isalpha() else str(freq)
        text = re.sub(r"\b(\d+)([dHTS])\b", lambda m: m[1] + _OLD_UNITS[m[2]], text)
        with contextlib.suppress(ValueError, OverflowError):
            length = pd.Timedelta(text).as_unit("ns")
    if length is pd.NaT:
        raise ValueError(f"freq {freq!r} is not understood; give {_ACCEPTED}")
    return Step("session") if length == _DAY else Step("clock", length.value)


def _clock_edges(size: int, sessions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    opens, closes = nanoseconds(sessions["open"]), nanoseconds(sessions["close"])
    count = -(-(closes - opens) // size)
    session = np.repeat(np.arange(len(sessions)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    start = opens[session] + within * size
    return start, np.minimum(start + size, closes[session]), session


def _closers(size: int, sessions: pd.DataFrame, trades: pd.DataFrame | None) -> pd.DataFrame:
    """Every `size`-th print of a session, but for one that is the session's last."""
    if trades is None:
        raise ValueError("a count of trades needs the market's trades, and it has none; try '1D'")
    session = session_of(trades["time"], sessions)
    inside = np.flatnonzero(session >= 0)
    count = np.bincount(session[inside], minlength=len(sessions))
    number = np.arange(len(inside)) - (np.cumsum(count) - count)[session[inside]] + 1
    ends = (number % size == 0) & (number < count[session[inside]])
    return trades.iloc[inside[ends]][["time", "seq"]].reset_index(drop=True)


def _counted_edges(
    sessions: pd.DataFrame, closers: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    which = session_of(closers["time"], sessions) if len(closers) else np.array([], int)
    session = np.sort(np.concatenate([np.arange(len(sessions)), which]), kind="stable")
    inner = nanoseconds(closers["time"])
    start, end = nanoseconds(sessions["open"])[session], nanoseconds(sessions["close"])[session]
    later = np.diff(session, prepend=-1) == 0
    start[later] = inner
    end[np.append(later, False)[1:]] = inner
    return start, end, session


def _no_closers() -> pd.DataFrame:
    times = pd.Series([], dtype="datetime64[ns, UTC]")
    return pd.DataFrame({"time": times, "seq": pd.Series([], dtype="int64")})
