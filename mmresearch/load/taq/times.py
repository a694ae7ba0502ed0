"""When a TAQ row happened: DATE with a clock, a clock alone, or DT; to UTC without rounding."""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from mmresearch.load import text, times
from mmresearch.receipt import Fault

NEW_YORK = "America/New_York"
OPEN, CLOSE = datetime.time(9, 30), datetime.time(16)
_DAY = 86_400 * 10**9  # nanoseconds
_FIRST_DAY = "1970-01-01T"  # from whose midnight nanoseconds count
_CLOCK = r"^\s*(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?\s*$"
_SECONDS = r"^\s*\d+(?:\.\d{0,9})?\s*$"
_CLOCK_SAID = "a clock of 24 hours, H:MM:SS with up to 9 decimals"
_DATES = (  # 20180102, 2018-01-02, 2018/01/02, 02JAN2018
    (re.compile(r"\d{8}"), "%Y%m%d"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "%Y-%m-%d"),
    (re.compile(r"\d{4}/\d\d/\d\d"), "%Y/%m/%d"),
    (re.compile(r"\d\d[A-Za-z]{3}\d{4}"), "%d%b%Y"),
)
_DATES_SAID = "a date such as 20180102, 2018-01-02 or 02JAN2018"
_YEARS = (1990, 2100)
_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d{6}|(?:19|20)\d\d-\d\d-\d\d)(?!\d)")


class Clock(NamedTuple):
    """How times without a zone are read: a clock's zone, the zone that DT counts, a date."""

    time_zone: str = NEW_YORK
    epoch: str = "UTC"
    date: datetime.date | None = None


def clock(time_zone: str, epoch: str, date: str | datetime.date | None) -> Clock:
    """The choices of a user, checked."""
    for zone in (time_zone, epoch):
        times.check_zone_and_unit(zone, None)
    if isinstance(date, datetime.datetime):
        date = date.date()
    said = date if date is None or isinstance(date, datetime.date) else _date(str(date))
    if date is not None and said is None:
        raise ValueError(f"no date {date!r}; give {_DATES_SAID}")
    return Clock(time_zone, epoch, said)


def date_in_name(name: str) -> datetime.date | None:
    """The one date that a file's name says, as ctm_20180102.csv does."""
    said = {_date(found) for found in _IN_NAME.findall(name)} - {None}
    return said.pop() if len(said) == 1 else None


def utc(
    t: text.Text, frame: pl.DataFrame, names: dict[str, str], how: Clock
) -> tuple[pl.Series, str] | list[Fault]:
    """Times of the rows in UTC and, in words, how they were read; or what is wrong with them.

    `frame` holds dt, or clock with date and nano where the file has them; `names` the file's own
    names of these.
    """
    if "dt" in names:
        written = frame["dt"].str.contains(r"\d[-/:]\d").mean() >= 0.5  # and not a number
        return _written(t, frame, names, how) if written else _counted(t, frame, names, how)
    dates = _dates(t, frame, names, how)
    clocks = _clocks(t, frame, names)
    faults = [f for found in (dates, clocks) if isinstance(found, list) for f in found]
    if faults:
        return faults
    days, said = dates
    naive = (days + clocks).cast(pl.Datetime("ns"))
    column = " ".join(names[c] for c in ("date", "clock") if c in names)
    placed = _placed(t, naive, None, column, how.time_zone)
    return placed if isinstance(placed, list) else (placed, f"{said} {how.time_zone}'s clock")


def _placed(
    t: text.Text, naive: pl.Series, shown: pl.Series | None, column: str, zone: str
) -> pl.Series | list[Fault]:
    """Clock times of a zone on the time line; those that its clocks skip or repeat are faults.

    They are shown as the file has them; if not given, as they were read.
    """
    if zone == "UTC":
        return naive.dt.replace_time_zone("UTC")
    if (shift := _shift(naive, zone)) is not None:
        return (naive.to_physical() + shift).cast(pl.Datetime("ns", "UTC"))
    there = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    if there.null_count():
        expected = f"times that exist once in {zone} (its clocks change then)"
        said = naive.cast(pl.String) if shown is None else shown
        return wrong(t, there.is_null(), said, column, expected)
    return there.dt.convert_time_zone("UTC")


def _shift(naive: pl.Series, zone: str) -> int | None:
    """Nanoseconds from a zone's clock to UTC, where times of a day all have the same."""
    ends = pl.Series([naive.min(), naive.max()], dtype=pl.Datetime("ns"))
    there = ends.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    first, last = ends.to_physical()
    shifts = there.to_physical() - ends.to_physical()
    same = not there.null_count() and shifts[0] == shifts[1] and last - first < _DAY
    return shifts[0] if same else None


def _counted(
    t: text.Text, frame: pl.DataFrame, names: dict[str, str], how: Clock
) -> tuple[pl.Series, str] | list[Fault]:
    """DT as seconds from 1970 on the clock of `how.epoch`."""
    said = frame["dt"]
    nanoseconds = _nanoseconds(said)
    first, last = (_midnight(datetime.date(year, 1, 1)) for year in _YEARS)
    good = said.str.contains(_SECONDS) & nanoseconds.is_between(first, last)
    if not good.fill_null(False).all():
        expected = f"seconds from 1970-01-01, of {_YEARS[0]} to {_YEARS[1]}, with up to 9 decimals"
        return wrong(t, ~good.fill_null(False), said, names["dt"], expected)
    placed = _placed(t, nanoseconds.cast(pl.Datetime("ns")), said, names["dt"], how.epoch)
    if isinstance(placed, list):
        return placed
    return placed, f"{names['dt']} counts seconds from 1970-01-01 on the clock of {how.epoch}"


def _nanoseconds(said: pl.Series) -> pl.Series:
    exact = said.str.strip_chars().cast(pl.Decimal(20, 9), strict=False)
    return exact.to_physical().cast(pl.Int64)


def _written(
    t: text.Text, frame: pl.DataFrame, names: dict[str, str], how: Clock
) -> tuple[pl.Series, str] | list[Fault]:
    """DT as text, such as 2018-01-02T14:30:00.123Z; without an offset on the clock's zone."""
    found, complaints = times.utc(frame["dt"].to_pandas(), time_zone=how.time_zone, unit=None)
    if complaints:
        _, expected, bad = complaints[0]
        mask = pl.Series([True]) if bad is None else pl.Series(bad.to_numpy())
        return wrong(t, mask, frame["dt"], names["dt"], expected)
    placed = pl.Series(found.to_numpy("datetime64[ns]")).dt.replace_time_zone("UTC")
    return placed, f"{names['dt']} without an offset is {how.time_zone}'s clock"


def _dates(
    t: text.Text, frame: pl.DataFrame, names: dict[str, str], how: Clock
) -> tuple[pl.Series | int, str] | list[Fault]:
    """Midnight of each row's date in nanoseconds, and where the date comes from."""
    if "date" not in names:
        date = how.date or date_in_name(t.name)
        if date is None:
            expected = "the column DATE, a name such as ctm_20180102.csv, or date="
            return [Fault(t.name, 1, "a clock and no date", expected)]
        return _midnight(date), f"{date} with {names['clock']} is"
    unique = frame["date"].unique()
    dates = [_date(said) for said in unique]
    if len(dates) == 1 and dates[0] is not None and how.date in (None, dates[0]):
        return _midnight(dates[0]), f"{names['date']} with {names['clock']} is"
    nanoseconds = [None if d is None else _midnight(d) for d in dates]
    days = frame["date"].replace_strict(unique, nanoseconds, return_dtype=pl.Int64)
    if days.null_count():
        return wrong(t, days.is_null(), frame["date"], names["date"], _DATES_SAID)
    if how.date is not None and (days != _midnight(how.date)).any():
        other = days != _midnight(how.date)
        return wrong(t, other, frame["date"], names["date"], f"{how.date}, the date given")
    return days, f"{names['date']} with {names['clock']} is"


def _clocks(t: text.Text, frame: pl.DataFrame, names: dict[str, str]) -> pl.Series | list[Fault]:
    """Nanoseconds after midnight: the clock, in the form that most rows have, and its NANO."""
    said, column = frame["clock"], names["clock"]
    plain = _plain(said)
    if plain is not None:
        return _with_nano(t, frame, names, plain) if "nano" in names else plain
    if said.str.contains(":", literal=True).mean() >= 0.5:
        good, expected = said.str.contains(_CLOCK), _CLOCK_SAID
        within = said.str.strip_chars().str.to_time("%H:%M:%S%.f", strict=False).cast(pl.Int64)
    else:
        within, expected = _nanoseconds(said), "seconds after midnight, below 86,400"
        good = said.str.contains(_SECONDS) & within.is_between(0, _DAY, closed="left")
    bad = ~(good & within.is_not_null()).fill_null(False)
    if bad.any():
        return wrong(t, bad, said, column, expected)
    return _with_nano(t, frame, names, within) if "nano" in names else within


def _plain(said: pl.Series) -> pl.Series | None:
    """Clocks of the plainest form, HH:MM:SS.fff, which Arrow reads far faster than others."""
    if said.str.len_bytes().min() < len("HH:MM:SS"):  # it reads HH:MM too
        return None
    try:
        found = (_FIRST_DAY + said).to_arrow().cast(pa.timestamp("ns"))
    except pa.ArrowInvalid:
        return None
    return pl.Series(pl.from_arrow(found)).to_physical()


def _with_nano(
    t: text.Text, frame: pl.DataFrame, names: dict[str, str], within: pl.Series
) -> pl.Series | list[Fault]:
    """The clock's microseconds and the nanoseconds beyond, which some clocks repeat."""
    nano, own = frame["nano"].fill_null(0), within % 1000
    bad = ~nano.is_between(0, 999) | ((own != 0) & (nano != 0) & (own != nano))
    if bad.any():
        expected = f"0 to 999 nanoseconds beyond the microseconds of {names['clock']}"
        return wrong(t, bad, frame["nano"], names["nano"], expected)
    return within - own + pl.select(pl.max_horizontal(own, nano)).to_series()


def local(time: pl.Series) -> pl.Series:
    """UTC times as New York's clock shows them."""
    return time.dt.convert_time_zone(NEW_YORK).dt.replace_time_zone(None)


def in_session(clock_times: pl.Series) -> pl.Series:
    """Whether New York's clock shows 09:30 to 16:00, both included."""
    return clock_times.dt.time().is_between(OPEN, CLOSE)


def wrong(
    t: text.Text, bad: pl.Series, shown: pl.Series, column: str, expected: str
) -> list[Fault]:
    """One fault for all rows of one kind: the first ones' lines, the first one's value."""
    rows = bad.arg_true()
    lines = [row + 2 for row in rows[:3]]
    return [text.rows_fault(t.name, lines, f"{column} {shown[rows[0]]!r}", expected, len(rows))]


def _date(said: str) -> datetime.date | None:
    said = said.strip()
    for pattern, form in _DATES:
        if pattern.fullmatch(said):
            try:
                date = datetime.datetime.strptime(said, form).date()
            except ValueError:
                return None
            return date if _YEARS[0] <= date.year < _YEARS[1] else None
    return None


def _midnight(date: datetime.date) -> int:
    return (date - datetime.date(1970, 1, 1)).days * _DAY
