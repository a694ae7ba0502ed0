"""Trading sessions: which day an event belongs to, and when that day opens and closes.

A calendar is a short text, stored with each symbol:

    "24/7"                            every UTC day is a session
    "XNYS", "XNAS", ...               an exchange of the `exchange_calendars` package
    "09:30-16:00 America/New_York"    the same hours on every date that has events; hours past
                                      midnight ("18:00-17:00 ...") belong to the date they began
    "dates"                           no clock: a session is a date, its events ordered by `seq`
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd

WHOLE_DAYS = ("24/7", "dates")  # calendars of which every session is a UTC date
_CLOCK = r"((?:[01]\d|2[0-3]):[0-5]\d|24:00)"
_HOURS = re.compile(rf"{_CLOCK}-{_CLOCK} (\S+)")
_DAY = pd.Timedelta(days=1)
_ENDS = ("open", "close")


def has_clock(calendar: str) -> bool:
    """Whether events inside a session have a time of day."""
    return calendar != "dates"


def session_table(calendar: str, times: pd.Series) -> pd.DataFrame:
    """The sessions that hold one of `times` (UTC): day (a date), open, close (UTC), gap, in order.

    A session without any event was not observed: a day of data is missing, and what was traded in
    it is unknown. It is left out, and `gap` is true on the session after it. An exchange's calendar
    and "24/7" know which sessions there were. Where only the dates that occur are known, a stretch
    without events that a weekend explains (one or two dates, of weekdays that never occur) passes
    and any other is a gap.
    """
    if times.empty:
        return _table([], [], []).assign(gap=pd.Series(dtype=bool))
    listed = _listed(calendar, times)
    held = np.unique(session_of(times, listed))
    table = listed.iloc[held[held >= 0]].reset_index(drop=True)
    knows = calendar == "24/7" or (has_clock(calendar) and not _HOURS.fullmatch(calendar))
    skipped = np.diff(held[held >= 0], prepend=-1) > 1
    skipped[:1] = False
    return table.assign(gap=skipped if knows else _stretches(table["day"]))


def _listed(calendar: str, times: pd.Series) -> pd.DataFrame:
    """Every session that the calendar knows of between the first and the last event."""
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


def stands_until(times: pd.Series, sessions: pd.DataFrame, calendar: str) -> np.ndarray:
    """When a quote of each time stands no longer, nanoseconds since 1970: no event of then met it.

    A quote of a session stands to its close, one of between two sessions to the next opening.
    "24/7" has no close: there midnight changes nothing, and a quote stands to the end of the day
    after its own, for with no other all that day its record has a gap.
    """
    if calendar == "24/7":
        return (times.dt.floor("D") + 2 * _DAY).to_numpy("datetime64[ns]").view("int64")
    opens, closes = (sessions[c].to_numpy("datetime64[ns]").view("int64") for c in _ENDS)
    edges = np.union1d(opens, closes[~np.isin(closes, opens)] + 1)
    row = np.searchsorted(edges, times.to_numpy("datetime64[ns]").view("int64"), side="right")
    return np.append(edges, np.iinfo(np.int64).max)[row]


def stands_since(opens: np.ndarray, calendar: str) -> np.ndarray:
    """From when on a quote stood at each opening, nanoseconds; as `stands_until`, turned round."""
    return opens - _DAY.value if calendar == "24/7" else opens


def _stretches(days: pd.Series) -> np.ndarray:
    """Whether the dates between each session and the one before it are more than a weekend.

    Weekly or rarer dates have no weekends: there a gap is half as long again as the usual step.
    """
    gap = days.diff().dt.days.to_numpy()
    usual = np.median(gap[1:]) if len(gap) > 2 else 1
    if usual > 4:
        return gap > 1.5 * usual
    traded = set(days.dt.day_of_week)
    return np.array([_holds_trading(*pair, traded) for pair in zip(days, gap, strict=True)], bool)


def _holds_trading(day: pd.Timestamp, gap: float, traded: set[int]) -> bool:
    """Whether the dates of the gap before `day` are more than a weekend."""
    between = [(day - k * _DAY).weekday() for k in range(1, int(gap))] if gap == gap else []
    return len(between) > 2 or not traded.isdisjoint(between)


def _same_hours(times: pd.Series, start: str, end: str, zone: str) -> pd.DataFrame:
    try:
        local = times.dt.tz_convert(zone).dt.tz_localize(None)
    except (KeyError, ValueError):
        raise ValueError(f"no time zone {zone!r}: give one such as America/New_York") from None
    overnight = end <= start
    if overnight:  # until the next opening, an event belongs to the date before
        local = local - pd.Timedelta(f"{start}:00")
    dates = local.dt.floor("D").drop_duplicates().sort_values(ignore_index=True)
    opens = _instant(dates, start, zone, first=True)
    closes = _instant(dates + _DAY * int(overnight), end, zone, first=False)
    return _table(dates, opens, closes)


def _instant(dates: pd.Series, clock: str, zone: str, *, first: bool) -> pd.Series:
    """The clock's time on those dates; of two the first or second, instead of none the next."""
    local = dates + pd.Timedelta(f"{clock}:00")
    summer = np.full(len(dates), first)
    instants = local.dt.tz_localize(zone, ambiguous=summer, nonexistent="shift_forward")
    return instants.dt.tz_convert("UTC")


def _exchange(calendar: str, times: pd.Series) -> pd.DataFrame:
    first, last = times.min(), times.max()
    plan = _schedule(calendar, (first - 4 * _DAY).floor("D"), (last + 4 * _DAY).ceil("D"))
    plan = plan[(plan["close"] >= first.floor("D")) & (plan["open"] <= last)]
    return _table(plan.index, plan["open"], plan["close"])


def _schedule(calendar: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    import exchange_calendars

    try:
        with warnings.catch_warnings():  # exchange_calendars 4.13 on pandas 3.1
            warnings.simplefilter("ignore", DeprecationWarning)
            days = {"start": start.tz_localize(None), "end": end.tz_localize(None)}
            return exchange_calendars.get_calendar(calendar, **days).schedule
    except exchange_calendars.errors.InvalidCalendarName:
        raise ValueError(
            f"no calendar {calendar!r}: give 24/7, dates, hours as '09:30-16:00 America/New_York',"
            " or an exchange code that exchange_calendars knows, such as XNYS"
        ) from None


def _table(day: object, opens: object, closes: object) -> pd.DataFrame:
    frame = pd.DataFrame({"day": list(day), "open": list(opens), "close": list(closes)})
    types = {"day": "datetime64[ns]", "open": "datetime64[ns, UTC]", "close": "datetime64[ns, UTC]"}
    return frame.astype(types)
