"""Primary dealer statistics of a few rows, worked out by hand, and files that are none."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.nyfed import nyfed

HEADER = "As Of Date,Time Series,Value (millions)"
ROWS = [
    "2013-03-27,PDPUSGTBNOP,-1500",  # the survey's older words: net outright positions
    "2013-03-27,PDPUSGTBNFP,700",  # ... in futures: not what is held
    "2024-07-03,PDPOSGS-B,46324",
    "2024-07-03,PDPOSGST-TOT,-12.5",
    "2024-07-03,PDPOSGS-BC,-300",  # the change of PDPOSGS-B since the week before
    "2024-07-03,PDPOSFGS-C,250",  # not a change: agency coupons
    "2024-07-03,PDFTD-USTET,113493",
    "2024-07-03,PDSOOS-UTSETTOT,*",
    "2024-07-03,PDPOSABS-CCB,*",
]


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("".join(f"{line}\n" for line in [header, *rows]), encoding="utf-8")
    return path


def faults(*files) -> list:
    with pytest.raises(mm.SourceError) as caught:
        nyfed(*files)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


def utc(*texts: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(text, tz="UTC") for text in texts]


@pytest.fixture
def market(tmp_path):
    return nyfed(write(tmp_path / "timeseries.csv", ROWS))


def test_positions_are_dollars_long_and_short(market):
    table = market.positions
    assert table["symbol"].tolist() == ["PDPUSGTBNOP", "PDPOSGS-B", "PDPOSGST-TOT", "PDPOSFGS-C"]
    assert table["position"].tolist() == [-1.5e9, 46.324e9, -12.5e6, 250e6]
    assert set(table["account"]) == {"primary dealers"}
    assert table["series_break"].tolist() == ["SBP2013", "SBN2024", "SBN2024", "SBN2024"]


def test_held_on_wednesday_published_on_thursday_of_the_next_week(market):
    # New York is four hours behind UTC in March's last week and in July
    table = market.positions
    assert table["time"].tolist() == utc("2013-03-27 21:00", *3 * ["2024-07-03 21:00"])
    assert table["published"].tolist() == utc("2013-04-04 20:15", *3 * ["2024-07-11 20:15"])


def test_series_are_known_when_published(market):
    table = market.series
    assert table["symbol"].tolist() == [
        "PDPUSGTBNFP",
        "PDPOSGS-BC",
        "PDFTD-USTET",
        "PDSOOS-UTSETTOT",
    ]
    assert table["value"].tolist()[:3] == [700, -300, 113_493]
    assert np.isnan(table["value"].iloc[3])
    assert table["name"].tolist() == ["millions", "change in millions", "millions", "millions"]
    assert table["time"].tolist() == utc("2013-04-04 20:15", *3 * ["2024-07-11 20:15"])
    assert table["as_of"].tolist() == utc("2013-03-27 21:00", *3 * ["2024-07-03 21:00"])


def test_another_day_is_told_after_its_week(tmp_path):
    # Friday 12 and Wednesday 17 January belong to the week that is told on the 25th
    rows = ["2024-01-12,PDFTD-CS,1", "2024-01-17,PDFTD-CS,2", "2024-01-18,PDFTD-CS,3"]
    market = nyfed(write(tmp_path / "a.csv", rows))
    known = utc("2024-01-25 21:15", "2024-01-25 21:15", "2024-02-01 21:15")
    assert market.series["time"].tolist() == known
    assert any("2 of 3 as-of dates are no Wednesday" in n for n in market.receipt.notes)


def test_suppressed_positions_are_set_aside_suppressed_values_missing(market):
    receipt = market.receipt
    assert receipt.reasons.to_dict() == {"suppressed": 1}
    assert receipt.set_aside[["line", "text"]].to_numpy().tolist() == [[10, ROWS[-1]]]
    assert (receipt.rows_read, receipt.rows_kept) == (9, 8)
    assert len(market.positions) + len(market.series) == 8
    assert any("2 of 9 values are suppressed (*)" in note for note in receipt.notes)
    assert any("series breaks SBP2013, SBN2024:" in note for note in receipt.notes)


@pytest.mark.parametrize(
    ("date", "period"),
    [
        ("1998-01-28", "SBP2001"),
        ("2001-06-27", "SBP2001"),
        ("2001-07-04", "SBP2013"),
        ("2013-03-27", "SBP2013"),
        ("2013-04-03", "SBN2013"),
        ("2014-12-31", "SBN2013"),
        ("2015-01-07", "SBN2015"),
        ("2021-12-29", "SBN2015"),
        ("2022-01-05", "SBN2022"),
        ("2024-06-26", "SBN2022"),
        ("2024-07-03", "SBN2024"),
    ],
)
def test_series_breaks(tmp_path, date, period):
    market = nyfed(write(tmp_path / "a.csv", [f"{date},PDPOSGS-B,1"]))
    assert market.positions["series_break"].tolist() == [period]
    (note,) = [n for n in market.receipt.notes if "series breaks" in n]
    assert period in note


def test_symbols_and_a_market_saved_and_opened(market, tmp_path):
    about = market.symbols.set_index("symbol")
    assert about.index.tolist() == ["PDPOSFGS-C", "PDPOSGS-B", "PDPOSGST-TOT", "PDPUSGTBNOP"]
    assert set(about["currency"]) == {"USD"}
    assert set(about["calendar"]) == {"dates"}
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.positions, market.positions)
    pd.testing.assert_frame_equal(again.series, market.series)


def test_only_positions_or_only_series(tmp_path):
    held = nyfed(write(tmp_path / "a.csv", ROWS[2:4]))
    assert "series" not in held
    told = nyfed(write(tmp_path / "b.csv", ROWS[6:8]))
    assert "positions" not in told
    assert told.symbols.empty


def test_files_together_are_the_files_apart(tmp_path):
    one = write(tmp_path / "a.csv", ROWS[:4])
    other = write(tmp_path / "b.csv", ROWS[2:])
    market = nyfed(tmp_path)
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (11, 8)
    assert market.receipt.reasons.to_dict() == {"duplicate": 2, "suppressed": 1}
    aside = market.receipt.set_aside[["file", "line"]].to_numpy().tolist()
    assert aside == [["b.csv", 2], ["b.csv", 3], ["b.csv", 8]]
    for table in ("positions", "series"):
        apart = pd.concat([nyfed(p)[table] for p in (one, other)]).drop_duplicates()
        apart = apart.sort_values("time", kind="stable", ignore_index=True)
        pd.testing.assert_frame_equal(market[table], apart)


def test_a_file_that_holds_nothing_new(tmp_path):
    one, other = write(tmp_path / "a.csv", ROWS), write(tmp_path / "b.csv", [ROWS[2], ROWS[6]])
    market = nyfed(one, other)
    pd.testing.assert_frame_equal(market.positions, nyfed(one).positions)
    assert market.receipt.reasons.to_dict() == {"duplicate": 2, "suppressed": 1}


def test_values_that_contradict_each_other(tmp_path):
    (fault,) = faults(write(tmp_path / "a.csv", [*ROWS, "2024-07-03,PDPOSGS-B,46325"]))
    assert (fault.file, fault.line) == ("a.csv", 11)
    assert "PDPOSGS-B of 2024-07-03 again, with another value" in fault.found
    one = write(tmp_path / "b.csv", ROWS)
    (fault,) = faults(one, write(tmp_path / "c.csv", ["2024-07-03,PDFTD-USTET,*"]))
    assert (fault.file, fault.line) == ("c.csv", 2)


def test_packed_and_another_order_of_columns(tmp_path, market):
    packed = tmp_path / "a.csv.gz"
    rows = [",".join([*reversed(row.split(",")), "x"]) for row in reversed(ROWS)]
    plain = write(tmp_path / "b.csv", rows, "VALUE (MILLIONS),time series,as of date,Note")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    again = nyfed(packed)
    held = again.positions.sort_values(["time", "symbol"], ignore_index=True)
    same = market.positions.sort_values(["time", "symbol"], ignore_index=True)
    pd.testing.assert_frame_equal(held, same)


ROW_FAULTS = {
    "text": ("2024-07-03,PDPOSGS-B,n.a.", "value n.a.", "a number, or *"),
    "infinite": ("2024-07-03,PDPOSGS-B,inf", "value inf", "a number, or *"),
    "not a number": ("2024-07-03,PDPOSGS-B,nan", "value nan", "a number, or *"),
    "nothing": ("2024-07-03,PDPOSGS-B,", "value nothing", "a number, or *"),
    "no date": ("2024-13-03,PDPOSGS-B,1", "as of date 2024-13-03", "a date as 2024-07-03"),
    "another form": ("07/03/2024,PDPOSGS-B,1", "as of date 07/03/2024", "a date as 2024-07-03"),
    "before the survey": ("1997-07-02,PDPOSGS-B,1", "as of date 1997-07-02", "from 1998-01-28"),
    "beyond nanoseconds": ("2724-07-03,PDPOSGS-B,1", "as of date 2724-07-03", "a date as"),
    "no series": ("2024-07-03, ,1", "time series nothing", "text"),
    "another source": ("2024-07-03,BTCUSDT,1", "time series BTCUSDT", "beginning with PD"),
    "too few columns": ("2024-07-03,PDPOSGS-B", "2 columns", "3 columns"),
    "too many columns": ("2024-07-03,PDPOSGS-B,1,2", "4 columns", "3 columns"),
    "an empty line": ("", "an empty line", "3 columns"),
}


@pytest.mark.parametrize("case", ROW_FAULTS)
def test_a_bad_row(tmp_path, case):
    bad, found, expected = ROW_FAULTS[case]
    first = faults(write(tmp_path / "a.csv", [ROWS[0], bad, *ROWS[1:]]))[0]
    assert (first.file, first.line) == ("a.csv", 3)
    assert found in first.found
    assert expected in first.expected


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Date,vix", "a header without As Of Date, Time Series, Value (millions)"),
        ("As Of Date,Time Series,Value (billions)", "a header without Value (millions)"),
        (f"{HEADER},Value (millions)", "two columns Value (millions)"),
    ],
)
def test_a_header_that_is_not_known(tmp_path, header, found):
    (fault,) = faults(write(tmp_path / "a.csv", ROWS, header))
    assert fault.line == 1
    assert found in fault.found


def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "a.csv", ROWS[:3])
    path.write_bytes(path.read_bytes()[:-10])  # 2024-07-03,PDPOSG
    (fault,) = faults(path)
    assert fault.line == 4
    assert "cut off, with 2 columns" in fault.found


def test_every_file_with_a_fault_is_named(tmp_path):
    good = write(tmp_path / "a.csv", ROWS)
    empty = tmp_path / "b.csv"
    empty.write_text("")
    packed = tmp_path / "c.csv.gz"
    packed.write_bytes(gzip.compress(good.read_bytes())[:-9])
    found = faults(good, empty, packed, tmp_path / "d.csv", write(tmp_path / "e.csv", []))
    assert [(Path(f.file).name, f.found.split(" (")[0]) for f in found] == [
        ("b.csv", "an empty file"),
        ("c.csv.gz", "a damaged or truncated gzip file"),
        ("d.csv", "no such file"),
        ("e.csv", "a header and no row"),
    ]
    (fault,) = faults(good, write(tmp_path / "f.csv", ROWS))
    assert fault.found == "the same content as a.csv"


def test_no_row_to_keep(tmp_path):
    (fault,) = faults(write(tmp_path / "a.csv", ["2024-07-03,PDPOSABS-CCB,*"]))
    assert fault.found == "no row to keep"
