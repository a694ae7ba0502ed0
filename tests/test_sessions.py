"""Sessions by hand: clocks that change, days that end early, nights, holidays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmresearch.sessions import has_clock, session_of, session_table


def utc(*times: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(times), utc=True, format="ISO8601").as_unit("ns"))


def listed(calendar: str, *times: str) -> list[tuple[str, str, str]]:
    """Day, open and close (UTC) as text."""
    table = session_table(calendar, utc(*times))
    assert list(table.columns) == ["day", "open", "close", "gap"]
    types = ["datetime64[ns]", "datetime64[ns, UTC]", "datetime64[ns, UTC]", "bool"]
    assert [str(t) for t in table.dtypes] == types
    forms = {"day": "%Y-%m-%d", "open": "%m-%d %H:%M", "close": "%m-%d %H:%M"}
    return list(zip(*(table[c].dt.strftime(form) for c, form in forms.items()), strict=True))


CALENDARS = ["24/7", "XNYS", "09:30-16:00 America/New_York", "dates"]


# --- which sessions -------------------------------------------------------------------------------


def test_every_utc_day_of_24_7():
    # the day without events was not observed
    assert listed("24/7", "2024-03-09 23:59", "2024-03-11 00:00") == [
        ("2024-03-09", "03-09 00:00", "03-10 00:00"),
        ("2024-03-11", "03-11 00:00", "03-12 00:00"),
    ]


def test_exchange_over_the_change_of_clocks():
    # New York went from UTC-5 to UTC-4 on Sunday 2024-03-10
    assert listed("XNYS", "2024-03-08 15:00", "2024-03-11 15:00") == [
        ("2024-03-08", "03-08 14:30", "03-08 21:00"),
        ("2024-03-11", "03-11 13:30", "03-11 20:00"),
    ]


def test_exchange_closes_early():
    # Thanksgiving 2023-11-23 is no session, the day after ends at 13:00 New York
    assert listed("XNYS", "2023-11-22 15:00", "2023-11-24 15:00") == [
        ("2023-11-22", "11-22 14:30", "11-22 21:00"),
        ("2023-11-24", "11-24 14:30", "11-24 18:00"),
    ]


def test_a_session_with_events_only_after_its_close_was_not_observed():
    assert listed("XNYS", "2024-03-08 22:30") == []
    days = [day for day, _, _ in listed("XNYS", "2024-03-08 22:30", "2024-03-11 15:00")]
    assert days == ["2024-03-11"]


def test_exchange_weekend_holds_no_session():
    assert listed("XNYS", "2024-03-09 15:00", "2024-03-09 16:00") == []


def test_hours_over_the_change_of_clocks():
    hours = "09:30-16:00 America/New_York"
    assert listed(hours, "2024-03-08 15:00", "2024-03-11 15:00") == [
        ("2024-03-08", "03-08 14:30", "03-08 21:00"),
        ("2024-03-11", "03-11 13:30", "03-11 20:00"),
    ]


def test_hours_only_on_dates_with_events_and_by_local_date():
    # Sydney's Monday opens on Sunday at 23:00 UTC
    found = listed("10:00-16:00 Australia/Sydney", "2024-03-03 23:30", "2024-03-06 02:00")
    assert [day for day, _, _ in found] == ["2024-03-04", "2024-03-06"]


def test_night_hours_belong_to_the_date_they_began():
    # Tuesday 03:00 New York lies in the session that opened on Monday at 18:00
    hours = "18:00-17:00 America/New_York"
    assert listed(hours, "2024-03-12 07:00") == [("2024-03-11", "03-11 22:00", "03-12 21:00")]
    assert listed(hours, "2024-03-12 23:00") == [("2024-03-12", "03-12 22:00", "03-13 21:00")]


def test_night_hours_over_the_change_of_clocks():
    # opens Saturday 18:00 at UTC-5, closes Sunday 17:00 at UTC-4: 22 hours
    [(day, opens, closes)] = listed("18:00-17:00 America/New_York", "2024-03-10 12:00")
    assert (day, opens, closes) == ("2024-03-09", "03-09 23:00", "03-10 21:00")


def test_hour_that_the_clock_skips_opens_at_the_next():
    # 02:30 did not exist in New York on 2024-03-10: 03:00 at UTC-4 is 07:00 UTC
    [found] = listed("02:30-10:00 America/New_York", "2024-03-10 13:00")
    assert found == ("2024-03-10", "03-10 07:00", "03-10 14:00")


def test_hour_that_comes_twice_opens_at_the_first_and_closes_at_the_second():
    # New York 2024-11-03: 01:30 came at UTC-4 (05:30 UTC) and again at UTC-5 (06:30 UTC)
    assert listed("01:30-10:00 America/New_York", "2024-11-03 13:00")[0][1] == "11-03 05:30"
    assert listed("00:30-01:30 America/New_York", "2024-11-03 05:00")[0][2] == "11-03 06:30"


def test_hours_round_the_clock():
    assert listed("00:00-24:00 Asia/Kathmandu", "2024-03-08 20:00") == [
        ("2024-03-09", "03-08 18:15", "03-09 18:15")
    ]


def test_dates_that_occur():
    assert listed("dates", "2021-04-04 00:00", "2021-04-01 00:00", "2021-04-04 00:00") == [
        ("2021-04-01", "04-01 00:00", "04-02 00:00"),
        ("2021-04-04", "04-04 00:00", "04-05 00:00"),
    ]


@pytest.mark.parametrize("calendar", CALENDARS)
def test_times_in_any_order_and_repeated(calendar):
    times = utc("2024-03-11 15:00", "2024-03-08 15:00", "2024-03-11 15:00")
    ordered = utc("2024-03-08 15:00", "2024-03-11 15:00")
    found = session_table(calendar, times)
    pd.testing.assert_frame_equal(found, session_table(calendar, ordered))


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("unit", ["s", "us"])
def test_unit_of_the_times_is_of_no_account(calendar, unit):
    times = utc("2024-03-08 15:00", "2024-03-11 15:00")
    coarse = session_table(calendar, times.dt.as_unit(unit))
    pd.testing.assert_frame_equal(coarse, session_table(calendar, times))


@pytest.mark.parametrize("calendar", CALENDARS)
def test_no_times_no_sessions(calendar):
    none = session_table(calendar, utc())
    assert len(none) == 0
    assert session_of(utc("2024-03-08 15:00"), none).tolist() == [-1]


@pytest.mark.parametrize("calendar", ["NYSX", "9:30-16:00 UTC", "25:00-16:00 UTC", ""])
def test_unknown_calendar_says_what_can_be_given(calendar):
    with pytest.raises(ValueError, match=rf"no calendar '{calendar}': give 24/7, dates, hours as"):
        session_table(calendar, utc("2024-03-08 15:00"))


def test_unknown_zone():
    with pytest.raises(ValueError, match="no time zone 'America/Newyork'"):
        session_table("09:30-16:00 America/Newyork", utc("2024-03-08 15:00"))


def test_clock():
    assert [has_clock(c) for c in CALENDARS] == [True, True, True, False]


# --- which session an event belongs to ------------------------------------------------------------


def test_edges_of_a_session():
    sessions = session_table("XNYS", utc("2024-03-07 15:00", "2024-03-08 15:00"))
    times = utc(
        "2024-03-07 14:29:59.999999999",
        "2024-03-07 14:30",
        "2024-03-07 21:00",
        "2024-03-07 21:00:00.000000001",
        "2024-03-08 14:30",
        "2024-03-09 00:00",
    )
    assert session_of(times, sessions).tolist() == [-1, 0, 0, -1, 1, -1]


def test_midnight_belongs_to_the_day_that_begins():
    times = utc("2024-03-08 23:59:59.999999999", "2024-03-09 00:00", "2024-03-09 23:59")
    sessions = session_table("24/7", times)
    assert session_of(times, sessions).tolist() == [0, 1, 1]


def test_events_of_the_early_close():
    sessions = session_table("XNYS", utc("2023-11-24 15:00"))
    times = utc("2023-11-24 18:00", "2023-11-24 18:00:01", "2023-11-24 20:30")
    assert session_of(times, sessions).tolist() == [0, -1, -1]


@pytest.mark.parametrize("calendar", ["24/7", "dates", "18:00-18:00 America/New_York"])
def test_no_event_is_outside_where_sessions_join(calendar):
    seconds = np.random.default_rng(1).integers(0, 20 * 86_400, size=500)
    times = pd.Series(pd.Timestamp("2024-03-01", tz="UTC") + pd.to_timedelta(seconds, unit="s"))
    sessions = session_table(calendar, times)
    row = session_of(times, sessions)
    assert (row >= 0).all()
    assert (times.to_numpy() >= sessions["open"].to_numpy()[row]).all()
    assert (times.to_numpy() <= sessions["close"].to_numpy()[row]).all()


# --- what is missing between sessions -------------------------------------------------------------


def missing(calendar: str, *days: str) -> list[bool]:
    return session_table(calendar, utc(*(f"{day} 15:00" for day in days)))["gap"].tolist()


def test_exchange_knows_its_holidays():
    # Easter 2024: Thursday to Monday
    assert missing("XNYS", "2024-03-28", "2024-04-01", "2024-04-02") == [False, False, False]


def test_exchange_knows_the_session_that_is_missing():
    # nothing was recorded on Tuesday; Monday was no session
    table = session_table("XNYS", utc("2024-03-28 15:00", "2024-04-01 15:00", "2024-04-03 15:00"))
    assert table["day"].dt.day.tolist() == [28, 1, 3]
    assert table["gap"].tolist() == [False, False, True]


def test_day_missing_from_24_7():
    assert missing("24/7", "2024-03-08", "2024-03-09", "2024-03-11") == [False, False, True]


@pytest.mark.parametrize("calendar", ["dates", "09:30-16:00 America/New_York"])
def test_weekend_is_not_missing_a_weekday_is(calendar):
    # Wed, Thu, Fri, Mon, Tue, (no Wed), Thu
    days = ["2024-03-06", "2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12", "2024-03-14"]
    assert missing(calendar, *days) == [False] * 5 + [True]


def test_weekend_of_friday_and_saturday():
    # Nepal's exchange: Thursday 2021-04-01, Sunday 04-04, Thursday 04-08, Monday 04-12 (no Sunday)
    days = ["2021-04-01", "2021-04-04", "2021-04-05", "2021-04-06", "2021-04-07", "2021-04-08"]
    assert missing("dates", *days, "2021-04-12") == [False] * 6 + [True]


def test_three_dates_are_more_than_a_weekend():
    # only Mondays and Fridays occur, so Tuesday to Thursday are weekdays nobody has seen
    assert missing("dates", "2024-03-04", "2024-03-08", "2024-03-11") == [False, True, False]


@pytest.mark.parametrize("calendar", CALENDARS)
def test_nothing_is_missing_before_the_first(calendar):
    assert missing(calendar, "2024-03-08") == [False]
    assert missing(calendar) == []


def test_a_weekly_report_has_a_gap_where_a_week_is_missing():
    # Tuesdays, one of them moved to a Monday by a holiday; the report of 30 January is missing
    days = ["2024-01-02", "2024-01-09", "2024-01-15", "2024-01-23", "2024-02-06", "2024-02-13"]
    table = session_table("dates", pd.Series(pd.to_datetime(days, utc=True)))
    assert table["gap"].tolist() == [False, False, False, False, True, False]
