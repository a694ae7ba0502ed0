"""Trading sessions: which day an event belongs to, and when that day opens and closes.

A calendar is a short text, stored with each symbol:

    "24/7"                            every UTC day is a session
    "XNYS", "XNAS", ...               an exchange of the `exchange_calendars` package
    "09:30-16:00 America/New_York"    the same hours on every date that has events
    "dates"                           no clock: a session is a date, its events ordered by `seq`
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

_HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d) (\S+)")
_DAY = pd.Timedelta(days=1)


def has_clock(calendar: str) -> bool:
    """Whether events inside a session have a time of day."""
    return calendar != "dates"


def session_table(calendar: str, times: pd.Series) -> pd.DataFrame:
    """The sessions that `times` (UTC) span: day (a date), open, close (UTC), in order.

    An exchange's calendar lists every session between the first and the last event, those without
    events too; "24/7" every day; the other two only the dates that occur.
    """
    if times.empty:
        return _table([], [], [])
    if calendar == "24/7" or not has_clock(calendar):
        dates = times.dt.floor("D").drop_duplicates().sort_values()
        if calendar == "24/7":
            dates = pd.Series(pd.date_range(dates.iloc[0], dates.iloc[-1], freq="D"))
        return _table(dates.dt.tz_localize(None), dates, dates + _DAY)
    hours = _HOURS.fullmatch(calendar)
    if hours:
        return _same_hours(times, *hours.groups())
    return _exchange(calendar, times)


def session_of(times: pd.Series, sessions: pd.DataFrame) -> np.ndarray:
    """For each time the row of its session, -1 outside; an event at the close still belongs."""
    clock = times.to_numpy("datetime64[ns]")
    opens = sessions["open"].to_numpy("datetime64[ns]")
    closes = sessions["close"].to_numpy("datetime64[ns]")
    row = np.searchsorted(opens, clock, side="right") - 1
    # a session that ends where the next begins (24/7) gives its last instant to the next
    inside = (row >= 0) & (clock <= closes[np.maximum(row, 0)]) if len(opens) else row >= 0
    return np.where(inside, row, -1)


def missing_before(days: pd.Series, calendar: str) -> np.ndarray:
    """Whether trading days lie between each session's date and the one before it.

    Where the calendar lists its sessions, none can be missing. Where only the dates that occur are
    known, a gap that a weekend explains (one or two dates, the same weekdays each week) passes and
    any other counts as missing: its flow is unknown.
    """
    gap = days.diff().dt.days.to_numpy()
    if calendar == "24/7":
        return gap > 1
    if has_clock(calendar) and not _HOURS.fullmatch(calendar):
        return np.zeros(len(days), bool)
    traded = set(days.dt.weekday)
    between = [
        sum((day - pd.Timedelta(days=k)).weekday() in traded for k in range(1, int(g)))
        if g == g
        else 0
        for day, g in zip(days, gap, strict=True)
    ]
    return np.array(between, dtype=int) > 0


def _same_hours(times: pd.Series, start: str, end: str, zone: str) -> pd.DataFrame:
    dates = times.dt.tz_convert(zone).dt.tz_localize(None).dt.floor("D").drop_duplicates()
    dates = dates.sort_values(ignore_index=True)
    overnight = _DAY if end <= start else pd.Timedelta(0)
    opens = (dates + pd.Timedelta(f"{start}:00")).dt.tz_localize(zone)
    closes = (dates + overnight + pd.Timedelta(f"{end}:00")).dt.tz_localize(zone)
    return _table(dates, opens.dt.tz_convert("UTC"), closes.dt.tz_convert("UTC"))


def _exchange(calendar: str, times: pd.Series) -> pd.DataFrame:
    import exchange_calendars

    first, last = times.min(), times.max()
    try:
        exchange = exchange_calendars.get_calendar(
            calendar,
            start=(first - 4 * _DAY).tz_localize(None).floor("D"),
            end=(last + 4 * _DAY).tz_localize(None).ceil("D"),
        )
    except exchange_calendars.errors.InvalidCalendarName:
        raise ValueError(
            f"no calendar {calendar!r}: give 24/7, dates, hours as '09:30-16:00 America/New_York',"
            " or an exchange code that exchange_calendars knows, such as XNYS"
        ) from None
    plan = exchange.schedule
    plan = plan[(plan["close"] >= first.floor("D")) & (plan["open"] <= last)]
    return _table(plan.index, plan["open"], plan["close"])


def _table(day: object, opens: object, closes: object) -> pd.DataFrame:
    frame = pd.DataFrame({"day": list(day), "open": list(opens), "close": list(closes)})
    types = {"day": "datetime64[ns]", "open": "datetime64[ns, UTC]", "close": "datetime64[ns, UTC]"}
    return frame.astype(types)
