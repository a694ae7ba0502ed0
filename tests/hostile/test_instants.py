"""Instants written on clocks of any zone: never an hour off in silence, at any change of clocks."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmresearch.load import times
from tests.at_random import calmly

ZONES = [
    *("America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"),
    *("America/St_Johns", "Africa/Casablanca", "Asia/Tehran", "Pacific/Apia", "Asia/Tokyo"),
]
INSTANTS = 0


def _changes(zone: str) -> list[datetime]:
    """The hours of 2010 to 2025 before which the zone's clocks were changed."""
    hours = pd.date_range("2010-01-01", "2025-12-31", freq="h", tz="UTC").tz_convert(zone)
    walls = hours.tz_localize(None)
    moved = (walls[1:] - walls[:-1]) != pd.Timedelta("1h")
    return [hour.to_pydatetime().astimezone(UTC) for hour in hours[1:][moved]]


CHANGES = {zone: _changes(zone) or [datetime(2020, 3, 8, 7, tzinfo=UTC)] for zone in ZONES}


@st.composite
def instants(draw: st.DrawFn) -> tuple[str, list[datetime]]:
    """A zone and instants, many of them within three hours of a change of its clocks."""
    zone = draw(st.sampled_from(ZONES))
    near = st.builds(
        lambda at, seconds: at + timedelta(seconds=seconds),
        st.sampled_from(CHANGES[zone]),
        st.integers(-3 * 3600, 3 * 3600),
    )
    far = st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)).map(
        lambda t: t.replace(tzinfo=UTC)
    )
    return zone, draw(st.lists(near | near | far, min_size=1, max_size=5))


def unclear(instant: datetime, zone: str) -> bool:
    """Whether the zone's clocks show this wall time twice."""
    wall = instant.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)
    both = [wall.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold) for fold in (0, 1)]
    return both[0].utcoffset() != both[1].utcoffset()


def examine(case: tuple[str, list[datetime]]) -> None:
    global INSTANTS
    INSTANTS += 1
    zone, instants = case
    want = pd.Series(pd.to_datetime(instants, utc=True).as_unit("ns"))
    local = [instant.astimezone(zoneinfo.ZoneInfo(zone)) for instant in instants]
    walls = pd.Series([when.replace(tzinfo=None).isoformat() for when in local])
    found, complaints = times.utc(walls, time_zone=zone, unit=None)
    bad = [unclear(instant, zone) for instant in instants]
    if any(bad):  # what could be either of two instants is refused, each such row and no other
        ((_, expected, rows),) = complaints
        assert "exist once" in expected
        assert rows.tolist() == bad
    else:
        assert not complaints
        assert found.tolist() == want.tolist()
    told = pd.Series([when.isoformat() for when in local])
    found, complaints = times.utc(told, time_zone=None, unit=None)
    assert not complaints
    assert found.tolist() == want.tolist()
    for unit, size in times.UNITS.items():
        numbers = want.astype("int64") // size
        found, complaints = times.utc(numbers, time_zone=None, unit=unit)
        assert not complaints
        assert (found.astype("int64") == numbers * size).all()


def _suite(examples: int) -> Callable:
    return calmly(examples)(given(instants())(examine))


@pytest.mark.bad_input("clock times that exist twice or never")
def test_never_an_hour_off(examined):
    before = INSTANTS
    _suite(200)()
    examined("instants of clocks", INSTANTS - before)


@pytest.mark.slow
@pytest.mark.bad_input("clock times that exist twice or never")
def test_never_an_hour_off_many_times(examined):
    before = INSTANTS
    _suite(2000)()
    assert INSTANTS - before >= 2000
    examined("instants of clocks", INSTANTS - before)


@pytest.mark.bad_input("clock times that exist twice or never")
@pytest.mark.parametrize(
    ("wall", "zone"),
    [
        ("2024-03-10T02:30:00", "America/New_York"),  # clocks went from 2 to 3
        ("2024-11-03T01:30:00", "America/New_York"),  # and from 2 back to 1
        ("2024-04-07T01:45:00", "Australia/Lord_Howe"),  # by half an hour
        ("2011-12-30T12:00:00", "Pacific/Apia"),  # a day that was left out
    ],
)
def test_a_wall_time_that_is_no_instant_is_refused(wall, zone):
    good = "2024-01-31T12:00:00"
    _, ((_, expected, rows),) = times.utc(pd.Series([good, wall]), time_zone=zone, unit=None)
    assert expected.startswith(f"times that exist once in {zone}")
    assert rows.tolist() == [False, True]
