"""Daily series of a few rows, worked out by hand, and files that are none."""

from __future__ import annotations

import datetime
import gzip
import hashlib
from importlib.resources import files as packaged
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch.load.series import series

VIX = ["Date,vix", "1/3/2014,13.76", "1/6/2014,.", "1/13/2014,13.28"]
OHLC = [
    "DATE,OPEN,HIGH,LOW,CLOSE",
    "01/02/2014,14.32,14.59,14,14.23",
    "01/13/2014,12.5,13,12,13.28",
]
FRED = ["observation_date,VIXCLS,DGS10", "2014-01-01,.,", "2014-01-02,14.23,3.00"]


def write(path: Path, lines: list[str], end: str = "\n") -> Path:
    path.write_text("".join(line + end for line in lines), encoding="utf-8")
    return path


def faults(*files, **given) -> list:
    with pytest.raises(mm.SourceError) as caught:
        series(*files, **given)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


def utc(*texts: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(text, tz="UTC") for text in texts]


@pytest.fixture
def market(tmp_path):
    return series(write(tmp_path / "vix.csv", VIX))


def test_a_close_is_known_at_the_close(market):
    # 16:15 in New York, five hours behind UTC in January
    table = market.series
    assert table["time"].tolist() == utc("2014-01-03 21:15", "2014-01-06 21:15", "2014-01-13 21:15")
    assert table["symbol"].tolist() == ["VIX"] * 3
    assert table["name"].tolist() == ["close"] * 3
    assert table["date"].tolist() == ["2014-01-03", "2014-01-06", "2014-01-13"]
    assert table["value"].tolist()[::2] == [13.76, 13.28]


def test_missing_values_are_kept_and_counted(market):
    assert market.series["value"].isna().tolist() == [False, True, False]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (3, 3)
    notes = "\n".join(market.receipt.notes)
    assert "VIX close: 3 dates, 2014-01-03 to 2014-01-13, 1 missing" in notes
    assert "month first, as 1/13/2014 in line 4 says" in notes
    assert "known at 16:15 in America/New_York on its date" in notes


def test_another_clock_zone_and_delay(tmp_path):
    path = write(tmp_path / "a.csv", ["date,x", "2024-07-01,1"])
    table = series(path, at="09:00", time_zone="Europe/Berlin", delay="1D").series
    assert table["time"].tolist() == utc("2024-07-02 07:00")
    assert table["date"].tolist() == ["2024-07-01"]
    assert table["symbol"].tolist() == ["X"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"at": "25:00"}, "at='25:00' is no time of day"),
        ({"at": "4pm"}, "at='4pm' is no time of day"),
        ({"time_zone": "New York"}, "no time zone 'New York'"),
        ({"delay": "soon"}, "delay='soon' is no stretch of time"),
        ({"delay": "-1D"}, "delay='-1D' is no stretch of time"),
    ],
)
def test_options_that_cannot_be(tmp_path, given, said):
    with pytest.raises(ValueError, match=said):
        series(write(tmp_path / "a.csv", VIX), **given)


def test_open_high_low_close(tmp_path):
    table = series(write(tmp_path / "VIX_History.csv", OHLC)).series
    assert table["name"].tolist() == ["open", "high", "low", "close"] * 2
    assert set(table["symbol"]) == {"VIX"}
    assert table["value"].tolist() == [14.32, 14.59, 14, 14.23, 12.5, 13, 12, 13.28]
    assert table["time"].tolist() == [
        t for t in utc("2014-01-02 21:15", "2014-01-13 21:15") for _ in "ohlc"
    ]


def test_several_symbols_in_a_file(tmp_path):
    table = series(write(tmp_path / "fred.csv", FRED), value="level").series
    assert table["symbol"].tolist() == ["VIXCLS", "DGS10"] * 2
    assert set(table["name"]) == {"level"}
    assert table["value"].tolist()[2:] == [14.23, 3]
    assert table["value"].isna().tolist() == [True, True, False, False]


def test_columns_that_name_symbol_and_value(tmp_path):
    lines = ["Date,VIX Open,VIX Close,spy_volume", "2014-01-02,14.32,14.23,1e6"]
    table = series(write(tmp_path / "a.csv", lines)).series
    assert table[["symbol", "name"]].to_numpy().tolist() == [
        ["VIX", "open"],
        ["VIX", "close"],
        ["SPY", "volume"],
    ]


def test_a_given_symbol(tmp_path, market):
    assert set(series(write(tmp_path / "a.csv", VIX), symbol="^VIX").series["symbol"]) == {"^VIX"}
    table = series(write(tmp_path / "b.csv", OHLC), symbol="VXN").series
    assert set(table["symbol"]) == {"VXN"}
    (fault,) = faults(write(tmp_path / "c.csv", FRED), symbol="VIX")
    assert "the columns VIXCLS, DGS10" in fault.found
    assert "one, as symbol= names one" in fault.expected


def dates(tmp_path, *texts, **given):
    path = write(tmp_path / "a.csv", ["Date,x", *(f"{text},{n}" for n, text in enumerate(texts))])
    return series(path, **given).series["date"].tolist()


def test_forms_of_dates(tmp_path):
    assert dates(tmp_path, "2014-01-03", "2014-01-06 00:00:00") == ["2014-01-03", "2014-01-06"]
    assert dates(tmp_path, "20140103", "20140106") == ["2014-01-03", "2014-01-06"]
    assert dates(tmp_path, "2014-01-03T00:00:00.000") == ["2014-01-03"]


def test_the_order_of_day_and_month_comes_from_the_dates(tmp_path):
    assert dates(tmp_path, "1/3/2014", "1/13/2014") == ["2014-01-03", "2014-01-13"]
    assert dates(tmp_path, "3.1.2014", "13.01.2014") == ["2014-01-03", "2014-01-13"]
    assert dates(tmp_path, "03-01-2014", "13-01-2014") == ["2014-01-03", "2014-01-13"]
    assert dates(tmp_path, "3/3/2014") == ["2014-03-03"]  # the same in both orders


def test_an_order_that_is_not_clear_must_be_said(tmp_path):
    path = write(tmp_path / "a.csv", ["Date,x", "1/3/2014,1", "1/6/2014,2"])
    (fault,) = faults(path)
    assert fault.line == 2
    assert "1/3/2014" in fault.found
    assert "day_first=True or day_first=False" in fault.expected
    assert dates(tmp_path, "1/3/2014", day_first=True) == ["2014-03-01"]
    assert dates(tmp_path, "1/3/2014", day_first=False) == ["2014-01-03"]


def test_an_order_that_the_dates_deny(tmp_path):
    path = write(tmp_path / "a.csv", ["Date,x", "1/3/2014,1", "1/13/2014,2"])
    (fault,) = faults(path, day_first=True)
    assert (fault.line, fault.found) == (3, "date 1/13/2014")
    assert "day first" in fault.expected
    path = write(tmp_path / "b.csv", ["Date,x", "13/1/2014,1", "1/14/2014,2", "1/15/2014,2"])
    (fault,) = faults(path)
    assert "both day first (13/1/2014, line 2) and month first (1/14/2014, line 3)" in fault.found


def test_rows_out_of_order_are_put_in_order(tmp_path):
    market = series(write(tmp_path / "a.csv", ["Date,x", "2014-01-06,2", "2014-01-03,1"]))
    assert market.series["value"].tolist() == [1, 2]
    assert any("1 date stands behind a later one: put in order" in n for n in market.receipt.notes)


def test_repeated_dates_are_set_aside_and_contradictions_refused(tmp_path):
    market = series(write(tmp_path / "a.csv", [*VIX, VIX[1]]))
    assert market.receipt.reasons.to_dict() == {"duplicate": 1}
    assert market.receipt.set_aside[["line", "text"]].to_numpy().tolist() == [[5, VIX[1]]]
    assert len(market.series) == 3
    (fault,) = faults(write(tmp_path / "b.csv", [*VIX, "1/3/2014,13.77"]))
    assert (fault.line, fault.found) == (5, "2014-01-03 again, with other values")


def test_files_together_are_the_files_apart(tmp_path):
    one = write(tmp_path / "a.csv", VIX)
    other = write(tmp_path / "b.csv", ["Date,vix,vvix", "1/13/2014,13.28,80", "1/14/2014,12,79"])
    third = write(tmp_path / "c.csv", ["Date,vix", "1/14/2014,12", "1/15/2014,11"])
    market = series(tmp_path)
    assert market.receipt.rows_read == 7
    aside = market.receipt.set_aside[["file", "line", "reason"]].to_numpy().tolist()
    assert aside == [["c.csv", 2, "duplicate"]]  # b's first line is new for vvix
    apart = pd.concat([series(p).series for p in (one, other, third)]).drop_duplicates()
    apart = apart.sort_values("time", kind="stable", ignore_index=True)
    key = ["time", "symbol"]
    found = market.series.sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(found, apart.sort_values(key, ignore_index=True))
    (fault,) = faults(one, write(tmp_path / "d.csv", ["Date,vix", "1/13/2014,13.29"]))
    assert (fault.file, fault.line) == ("d.csv", 2)
    assert "VIX close of 2014-01-13 again, with another value" in fault.found


def test_a_file_that_holds_nothing_new(tmp_path):
    one = write(tmp_path / "a.csv", VIX)
    other = write(tmp_path / "b.csv", VIX[:1] + VIX[3:])
    market = series(one, other)
    pd.testing.assert_frame_equal(market.series, series(one).series)
    assert market.receipt.reasons.to_dict() == {"duplicate": 1}


@pytest.mark.parametrize("column", ["date", "datetime", "text"])
def test_parquet(tmp_path, market, column):
    days = [datetime.date(2014, 1, n) for n in (3, 6, 13)]
    frame = pl.DataFrame({"Date": days, "vix": [13.76, float("nan"), 13.28]})
    if column == "datetime":
        frame = frame.with_columns(pl.col("Date").cast(pl.Datetime("ns")))
    elif column == "text":
        frame = frame.with_columns(pl.col("Date").dt.strftime("%m/%d/%Y"))
    frame.write_parquet(tmp_path / "vix.parquet")
    again = series(tmp_path / "vix.parquet")
    pd.testing.assert_frame_equal(again.series, market.series)
    assert again.receipt.rows_read == 3


def test_parquet_from_pandas_with_an_index(tmp_path, market):
    frame = pd.DataFrame({"vix": [13.76, np.nan, 13.28]})
    frame.index = pd.to_datetime(["2014-01-03", "2014-01-06", "2014-01-13"])
    frame.to_parquet(tmp_path / "vix.parquet")
    pd.testing.assert_frame_equal(series(tmp_path / "vix.parquet").series, market.series)


def test_parquet_that_is_none(tmp_path):
    good = tmp_path / "a.parquet"
    pl.DataFrame({"Date": [datetime.datetime(2014, 1, 3, 16)], "x": [1.0]}).write_parquet(good)
    (fault,) = faults(good)
    assert (fault.line, fault.found[:15]) == (2, "date 2014-01-03")
    cut = tmp_path / "b.parquet"
    cut.write_bytes(good.read_bytes()[:-20])
    (fault,) = faults(cut)
    assert "damaged" in fault.found
    pl.DataFrame({"Date": ["2014-01-03"], "x": [[1.0]]}).write_parquet(tmp_path / "c.parquet")
    (fault,) = faults(tmp_path / "c.parquet")
    assert "columns that are no values" in fault.found


@pytest.mark.parametrize("form", ["gz", "crlf", "semicolons", "unnamed date"])
def test_other_forms_of_text(tmp_path, market, form):
    path = tmp_path / "vix.csv"
    if form == "gz":
        path = tmp_path / "vix.csv.gz"
        path.write_bytes(gzip.compress("\n".join(VIX).encode()))
    elif form == "crlf":
        write(path, VIX, "\r\n")
    elif form == "semicolons":
        write(path, [line.replace(",", ";") for line in VIX])
    else:
        write(path, [VIX[0].replace("Date", ""), *VIX[1:]])
    pd.testing.assert_frame_equal(series(path).series, market.series)


def test_the_packaged_vix():
    market = series()
    table = market.series
    assert set(table["symbol"]) == {"VIX"}
    assert set(table["name"]) == {"close"}
    assert len(table) == market.receipt.rows_read == 1_305
    path = packaged("arch.data.vix") / "vix.csv.gz"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert market.receipt.files["sha256"].tolist() == [digest]
    assert any("packaged with arch" in note for note in market.receipt.notes)
    assert market.name == "vix"


def test_saved_and_opened_again(market, tmp_path):
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.series, market.series)


LINE_FAULTS = {
    "text": ("1/7/2014,ten", "vix ten", "a number, or nothing or a dot"),
    "infinite": ("1/7/2014,inf", "vix inf", "a number"),
    "not a number": ("1/7/2014,nan", "vix nan", "a number"),
    "a decimal comma": ('1/7/2014,"13,5"', "vix 13,5", "a number"),
    "no date": (",13", "date nothing", "text"),
    "words": ("yesterday,13", "date yesterday", "a date as 2014-01-03 or 1/3/2014"),
    "no such day": ("2/30/2014,13", "date 2/30/2014", "a date as"),
    "beyond nanoseconds": ("1/7/2914,13", "date 1/7/2914", "a date as"),
    "a short year": ("1/7/14,13", "date 1/7/14", "a date as"),
    "a time of day": ("1/7/2014 16:15,13", "date 1/7/2014 16:15", "a date as"),
    "another form": ("2014-01-07,13", "date 2014-01-07", "one form of dates"),
    "too few columns": ("1/7/2014", "1 columns", "2 columns"),
    "too many columns": ("1/7/2014,13,14", "3 columns", "2 columns"),
    "an empty line": ("", "an empty line", "2 columns"),
}


@pytest.mark.parametrize("case", LINE_FAULTS)
def test_a_bad_line(tmp_path, case):
    bad, found, expected = LINE_FAULTS[case]
    first = faults(write(tmp_path / "a.csv", [*VIX[:3], bad, *VIX[3:]]))[0]
    assert (first.file, first.line) == ("a.csv", 4)
    assert found in first.found
    assert expected in first.expected


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("1/2/2014,13", "a first line without names"),
        ("day of week,vix", "a header without a date"),
        ("Date,time", "2 columns of dates"),
        ("Date,close,close", "two columns close"),
        ("Date,close,Close", "two columns for close"),
        ("Date,vix,", "a column without a name"),
        ("Date", "a header without values"),
    ],
)
def test_a_header_that_is_not_known(tmp_path, header, found):
    width = header.count(",") + 1
    lines = [header, ",".join(["1/13/2014", "1", "2"][:width])]
    (fault,) = faults(write(tmp_path / "a.csv", lines))
    assert fault.line == 1
    assert found in fault.found


def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "a.csv", OHLC)
    path.write_bytes(path.read_bytes()[:-12])
    (fault,) = faults(path)
    assert fault.line == 3
    assert "cut off, with 3 columns" in fault.found


def test_every_file_with_a_fault_is_named(tmp_path):
    good = write(tmp_path / "a.csv", VIX)
    empty = tmp_path / "b.csv"
    empty.write_text("")
    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress(good.read_bytes())[:-9])
    found = faults(good, empty, packed, tmp_path / "d.csv", write(tmp_path / "e.csv", VIX[:1]))
    assert [(Path(f.file).name, f.found.split(" (")[0]) for f in found] == [
        ("b.csv", "an empty file"),
        ("c.csv.gz", "a damaged or truncated gzip file"),
        ("d.csv", "no such file"),
        ("e.csv", "a header and no row"),
    ]
    (fault,) = faults(good, write(tmp_path / "f.csv", VIX))
    assert fault.found == "the same content as a.csv"
