"""Reference prices beside the rows of a tape: just before each, and some time after it.

A quote is valid if it has both sides and the ask is above the bid: a locked one (bid = ask) and a
crossed one (bid > ask) are not, and neither is a quote without sizes to a reference that needs
them. What stood just before a row is the last quote of its session with an earlier (time, seq),
valid or not; where the market never closes ("24/7") the last of the day before stands at midnight.
What stands later is the last valid reference of the session at or before then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Step, parse_freq
from mmresearch.measure.microprice import adjustments
from mmresearch.measure.quotes import QUOTE, quote_blocks
from mmresearch.sessions import has_clock, session_table, stands_since

HORIZONS = ("1s", "5s", "15s", "60s", "300s")
REFERENCES = ("mid", "weighted_mid", "microprice")
# why a row is kept apart, by number; the last ones are for who asks to set
APART = (
    "",
    "no quote before",
    "one side only",
    "locked",
    "crossed",
    "no sizes",
    "auction",
    "outside every session",
    "larger than any print",
)
_NO_TABLE = (np.empty((0, 0)), 1.0)
_AT_ONCE = 2**17  # quotes, whose columns stay in the processor's cache
_MINUTE = 60 * 10**9
_LONGEST = 2**60  # nanoseconds, 36 years: later instants would not be numbers of 64 bits


class Tape(NamedTuple):
    """One symbol's rows as arrays [n] in order of (time, seq): time, seq and others.

    session: the row of `sessions` (day, open, close) of each; -1 where no session holds it.
    """

    rows: blocks.Block
    session: np.ndarray
    sessions: pd.DataFrame

    @property
    def day(self) -> np.ndarray:
        """The date of each row's session; missing outside."""
        days = self.sessions["day"].to_numpy("datetime64[ns]")
        return np.append(days, np.datetime64("NaT", "ns"))[self.session]

    def inside(self) -> Tape:
        """The rows that a session holds."""
        held = self.session >= 0
        if held.all():
            return self
        rows = {name: values[held] for name, values in self.rows.items()}
        return self._replace(rows=rows, session=self.session[held])


class Beside(NamedTuple):
    """What stood beside n rows: bid, ask and reference just before each [n], k references later.

    bid and ask are those of the last quote even if it is not valid; the reference is then missing.
    later: the last valid reference at each horizon [k, n]; missing where that is past the session's
    close or the record's end, or there is none. apart: the place in `APART` of what was wrong with
    the last quote, or of "outside every session" [n], small whole numbers.
    """

    bid: np.ndarray
    ask: np.ndarray
    reference: np.ndarray
    later: np.ndarray
    apart: np.ndarray


def steps_of(horizons: Sequence[str]) -> dict[str, Step]:
    """Horizons by their names: real time ("5s") or a count of trades; refused if not in order."""
    horizons = [horizons] if isinstance(horizons, str) else list(horizons)
    steps = {str(horizon).strip(): parse_freq(horizon) for horizon in horizons}
    if not steps or len(steps) < len(horizons):
        raise ValueError("horizons must be one or more, each once")
    for name, step in steps.items():
        if step.kind == "session" or step.size > _LONGEST:
            raise ValueError(f"horizon {name!r} must end within a session: give '5s', '10 trades'")
    return steps


def refuse_clock(calendar: str, steps: dict[str, Step]) -> None:
    """An error if a horizon in real time is asked of a symbol whose sessions have no clock."""
    if any(step.kind == "clock" for step in steps.values()) and not has_clock(calendar):
        raise ValueError(f"there is no clock in calendar {calendar!r}: give '10 trades'")


def tape(rows: blocks.Block, calendar: str) -> Tape:
    """Rows in order of (time, seq) with the session of each."""
    at = rows["time"]
    if not len(at):
        return Tape(rows, np.empty(0, np.int64), session_table(calendar, pd.Series(times(at))))
    # calendars count whole minutes, so that each minute's first row is of all its sessions
    minute = at // _MINUTE
    firsts = at[np.append(0, np.flatnonzero(minute[1:] != minute[:-1]) + 1)]
    sessions = session_table(calendar, pd.Series(times(firsts)))
    begins = np.searchsorted(at, edges(sessions, "open"))
    ends = np.searchsorted(at, edges(sessions, "close"), side="right")
    session = np.full(len(at), -1)
    for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        session[begin:end] = row  # an instant that two share is the later one's
    return Tape(rows, session, sessions)


def references(
    market: Market,
    symbol: str,
    tape: Tape,
    steps: dict[str, Step],
    *,
    reference: str = "mid",
    counted: Tape | None = None,
    end: int | None = None,
    later: np.ndarray | None = None,
) -> Beside:
    """The quotes just before each row of a tape and the reference prices after it.

    Parameters
    ----------
    market : Market
        With quotes or a book.
    symbol : str
        Whose rows these are.
    tape : Tape
        The rows; those outside every session get nothing.
    steps : dict
        Of `steps_of`. In real time: the last valid reference at or before t + h, quotes of that
        instant included. A count: the last valid one before the trade so many later.
    reference : str
        One of `REFERENCES`: (bid + ask)/2; the same weighted by the opposite sizes, (ask bid_size +
        bid ask_size)/(bid_size + ask_size); or the mid and what `mm.microprice` adds to it, which
        is estimated from all the symbol's quotes and so knows the future.
    counted : Tape, optional
        Whose rows a count counts: the public trades, where the tape is of an account's fills. A row
        with the same (time, seq) is the row itself. The tape's own if not given.
    end : int, optional
        When the record ends, nanoseconds, if the quotes do not go on for longer. If not given: at
        the tape's last row, which then must be of the public record.
    later : array, optional
        Where to write the later references [k, n], for who has room already.

    Raises
    ------
    ValueError
        A market without quotes or a book.
    """
    if "quotes" not in market and "book" not in market:
        raise ValueError("reference prices need quotes or a book, and the market has none")
    later = np.empty((len(steps), len(tape.session))) if later is None else later
    own = counted is None and any(step.kind == "count" for step in steps.values())
    clock = {k: s.size for k, s in enumerate(steps.values()) if s.kind == "clock"}
    before = np.empty(len(tape.session) if own else 0)
    if end is None:
        end = max(tape.rows["time"][-1:], default=0)
    how = _how(market, symbol, reference)
    known, apart = _stream(market, symbol, tape, how, clock, later, before, end)
    counts = {k: s.size for k, s in enumerate(steps.values()) if s.kind == "count"}
    if counts and counted is not None:
        before = np.empty(len(counted.session))
        _stream(market, symbol, counted, how, {}, later[:0], before, end)
    for k, count in counts.items():
        later[k] = _after(tape, tape if counted is None else counted, before, count)
    return Beside(*known, later, apart)


def apart_text(apart: np.ndarray) -> pd.Series:
    """The reasons in words."""
    words = pa.DictionaryArray.from_arrays(apart, pa.array(APART, pa.large_string()))
    return pd.Series(pd.array(words.cast(pa.large_string()), dtype="str"), name="apart")


def edges(sessions: pd.DataFrame, name: str) -> np.ndarray:
    """When sessions "open" or "close", nanoseconds since 1970."""
    return sessions[name].to_numpy("datetime64[ns]").view("int64")


def times(since: np.ndarray) -> pd.DatetimeIndex:
    """Nanoseconds since 1970 as times, without a copy."""
    return pd.DatetimeIndex(since.view("datetime64[ns]"), tz="UTC")


def _how(market: Market, symbol: str, reference: str) -> tuple[int, tuple[np.ndarray, float]]:
    """The reference's number, and the micro-price's table and tick."""
    which = REFERENCES.index(reference)
    return which, adjustments(market, symbol) if reference == "microprice" else _NO_TABLE


def _stream(
    market: Market,
    symbol: str,
    tape: Tape,
    how: tuple[int, tuple[np.ndarray, float]],
    clock: dict[int, int],
    later: np.ndarray,
    before: np.ndarray,
    end: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Bid, ask, reference before each row [3, n] and what is wrong; `later`, `before` written."""
    from mmresearch.measure import reference_kernels as kernels  # numba: loaded only here

    at, seq = blocks.constant(tape.rows["time"]), blocks.constant(tape.rows["seq"])
    n, events = len(at), (at, seq, tape.session)
    opens, closes = edges(tape.sessions, "open"), edges(tape.sessions, "close")
    opens = stands_since(opens, market.calendar(symbol))
    opens = opens if len(opens) else np.zeros(1, np.int64)
    steps, to = np.array([*clock.values()], np.int64), np.array([*clock], np.int64)
    known, apart = np.empty((3, n)), np.empty(n, np.int8)  # what is after all writes to the end
    place, state = np.zeros(1 + len(clock), np.int64), np.full(4, np.nan)
    stood = np.full(2, np.iinfo(np.int64).min)
    which, fair = how

    def write(block: blocks.Block) -> None:
        when, order, *sides = block.values()
        carried = (place, state, stood, known, apart, before, later)
        # the plain middle asks for no sizes
        sides = (*sides, *sides)[:4]
        kernels.quotes_at(when, order, sides, which, fair, events, opens, steps, to, *carried)

    columns = QUOTE[:4] if which == kernels.MID else QUOTE
    for block in quote_blocks(market, symbol, columns) or ():
        for first in range(0, len(block["time"]), _AT_ONCE):
            write({c: values[first : first + _AT_ONCE] for c, values in block.items()})
        end = max(end, stood[0])
    write(blocks.after_all(columns))
    kernels.settle(events, np.minimum(closes, end), steps, to, known, later, apart)
    return known, apart


def _after(tape: Tape, counted: Tape, before: np.ndarray, count: int) -> np.ndarray:
    """Of `before`, what was known before the counted row so many later in the same session."""
    from mmresearch.measure.reference_kernels import first_after  # numba: loaded only here

    if tape is counted:
        row = np.arange(count, count + len(tape.session))
    else:
        names = ("time", "seq")
        pairs = [blocks.constant(one.rows[name]) for one in (counted, tape) for name in names]
        row = first_after(*pairs) + count - 1
    there = (row < len(before)) & (tape.session >= 0)
    there[there] = _opens(counted)[row[there]] == _opens(tape)[there]
    found = np.full(len(row), np.nan)
    found[there] = before[row[there]]
    return found


def _opens(tape: Tape) -> np.ndarray:
    """When the session of each row opened; of rows outside long before any."""
    return np.append(edges(tape.sessions, "open"), np.iinfo(np.int64).min)[tape.session]
