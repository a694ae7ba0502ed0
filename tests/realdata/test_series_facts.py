"""The VIX of 2014 to 2019: facts counted with the csv module, found again in the table."""

from __future__ import annotations

import csv
import datetime
import gzip

import pandas as pd
import pytest

from mmresearch.load.series import series


@pytest.fixture(scope="module")
def path(realdata):
    return realdata / "vix" / "vix.csv.gz"


@pytest.fixture(scope="module")
def lines(path):
    with gzip.open(path, "rt", encoding="ascii", newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture(scope="module")
def market(path):
    return series(path)


def test_1305_rows(market, lines):
    assert market.receipt.rows_read == market.receipt.rows_kept == len(lines) == 1_305
    assert len(market.series) == 1_305
    assert market.receipt.set_aside.empty


def test_values_and_46_that_are_missing(market, lines):
    values = market.series["value"]
    assert values.isna().tolist() == [cell == "." for _, cell in lines]
    assert values.isna().sum() == 46
    assert values.dropna().tolist() == [float(cell) for _, cell in lines if cell != "."]
    assert any("1,305 dates" in n and "46 missing" in n for n in market.receipt.notes)


def test_the_file_s_months_come_first(market, lines):
    dates = [datetime.datetime.strptime(text, "%m/%d/%Y").date() for text, _ in lines]
    assert market.series["date"].tolist() == [day.isoformat() for day in dates]
    there = market.series["time"].dt.tz_convert("America/New_York")
    assert there.dt.date.tolist() == dates
    assert set(there.dt.strftime("%H:%M")) == {"16:15"}
    assert {day.weekday() for day in dates} == {0, 1, 2, 3, 4}


def test_it_is_the_packaged_one(market):
    pd.testing.assert_frame_equal(series().series, market.series)
