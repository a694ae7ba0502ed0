"""Many clocks of one length, read by a compiled loop: the nanoseconds after midnight, or none."""

from __future__ import annotations

import polars as pl
import pytest

from mmresearch.load.taq import times


@pytest.mark.parametrize(
    ("clocks", "seconds"),
    [
        (["00:00:00", "09:30:00", "23:59:59"], [0, 34_200, 86_399]),
        (["09:30:00.5", "19:08:07.0"], [34_200.5, 68_887]),
        (["12:34:56.123456789", "00:00:00.000000001"], [45_296.123456789, 1e-9]),
    ],
)
def test_by_hand(clocks: list[str], seconds: list[float]) -> None:
    found = times._alike(pl.Series(clocks), len(clocks[0]))
    assert found.to_list() == [round(s * 10**9) for s in seconds]


def test_every_second_of_a_day() -> None:
    clock = pl.int_range(0, 86_400, eager=True) * 1000
    said = clock.cast(pl.Datetime("ms")).dt.strftime("%H:%M:%S%.3f")
    assert times._alike(said, 12).to_list() == [s * 10**9 for s in range(86_400)]
    assert times._plain(said, compiled=True).equals(times._plain(said))  # which Arrow reads


@pytest.mark.parametrize(
    "odd",
    [
        *("24:00:00.5", "12:60:00.5", "12:00:60.5", "1a:00:00.5", "12-00:00.5", "12:00:00,5"),
        *("12:00:00.x", "12:00:0:.5", " 2:00:00.5", "-2:00:00.5"),
    ],
)
def test_what_is_no_clock(odd: str) -> None:
    assert times._alike(pl.Series(["10:00:00.5", odd]), len(odd)) is None


@pytest.mark.parametrize("odd", ["12:00:00.", "12:00", "12:00:00.0123456789"])
def test_lengths_that_no_clock_has(odd: str) -> None:
    assert times._alike(pl.Series([odd, odd]), len(odd)) is None


def test_bytes_that_make_the_sum_but_not_each_length() -> None:
    assert times._alike(pl.Series(["10:00:00.55", "10:00:00."]), 10) is None
