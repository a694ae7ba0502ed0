"""Files that cannot be TAQ's: one error that names file, line, finding and expectation."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.load.taq import taq

TRADES = ["SYMBOL,DATE,TIME,PRICE,SIZE,G127,CORR,COND,EX"]
TRADES += [f"IBM,20080103,9:30:0{n},104.8{n},100,0,0,,N" for n in range(4)]
QUOTES = ["SYMBOL,DATE,TIME,BID,OFR,BIDSIZ,OFRSIZ,MODE,EX"]
QUOTES += [f"IBM,20080103,9:30:0{n},104.8{n},104.9,5,7,12,N" for n in range(4)]
DAILY = ["DATE,TIME_M,TIME_M_NANO,EX,SYM_ROOT,SYM_SUFFIX,TR_SCOND,SIZE,PRICE,TR_CORR"]
DAILY += [f"20180702,9:30:00.00000{n},27{n},N,BRK,B,@,100,191.25,00" for n in range(4)]
EPOCH = ["DT,EX,SYMBOL,COND,SIZE,PRICE,CORR"]
EPOCH += [f"151490340{n}.125000,N,ABC,,5,157.8,0" for n in range(4)]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def faults(*files: Path, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        taq(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


def with_row(lines: list[str], line: int, old: str, new: str) -> list[str]:
    """Another content in one line (1 is the header)."""
    assert old in lines[line - 1]
    return [*lines[: line - 1], lines[line - 1].replace(old, new, 1), *lines[line:]]


@pytest.mark.parametrize("lines", [TRADES, QUOTES, DAILY, EPOCH], ids=["ct", "cq", "ctm", "DT"])
def test_the_files_of_these_tests_are_good(tmp_path, lines):
    assert taq(write(tmp_path / "a.csv", lines)).receipt.rows_kept == 4


ROWS = {  # which file, old text of line 4, new text, found, expected
    "text as price": (TRADES, "104.82", "ten", "PRICE 'ten'", "a number"),
    "no price": (TRADES, "104.82", "", "PRICE nothing", "a number"),
    "NaN as price": (TRADES, "104.82", "NaN", "PRICE 'NaN'", "a number"),
    "inf as size": (TRADES, ",100,", ",inf,", "SIZE 'inf'", "a number"),
    "a decimal comma": (TRADES, "104.82", '"104,82"', "PRICE '104,82'", "a number"),
    "no symbol": (TRADES, "IBM", "", "SYMBOL nothing", "text"),
    "text as correction": (TRADES, ",0,0,", ",0,no,", "CORR 'no'", "a whole number"),
    "text as bid": (QUOTES, "104.82", "x", "BID 'x'", "a number"),
    "no date": (TRADES, "20080103", "", "DATE nothing", "text"),
    "a date of no month": (TRADES, "20080103", "20081303", "DATE '20081303'", "a date such as"),
    "month before day": (TRADES, "20080103", "01/03/2008", "DATE '01/03/2008'", "a date such as"),
    "a date of 1900": (TRADES, "20080103", "19000103", "DATE '19000103'", "a date such as"),
    "no clock": (TRADES, "9:30:02", "", "TIME nothing", "text"),
    "AM and PM": (TRADES, "9:30:02", "9:30:02 AM", "TIME '9:30:02 AM'", "a clock of 24 hours"),
    "hour 24": (TRADES, "9:30:02", "24:00:00", "TIME '24:00:00'", "a clock of 24 hours"),
    "minute 60": (TRADES, "9:30:02", "9:60:02", "TIME '9:60:02'", "a clock of 24 hours"),
    "second 60": (TRADES, "9:30:02", "9:30:60", "TIME '9:30:60'", "a clock of 24 hours"),
    "no seconds": (TRADES, "9:30:02", "9:30", "TIME '9:30'", "a clock of 24 hours"),
    "ten decimals": (DAILY, ".000002", ".0000000021", "TIME_M '9:30:00.0000000021'", "9 decimals"),
    "seconds among clocks": (TRADES, "9:30:02", "34202", "TIME '34202'", "a clock of 24 hours"),
    "text as nanoseconds": (DAILY, ",272,", ",x,", "TIME_M_NANO 'x'", "a whole number"),
    "1000 nanoseconds": (DAILY, ",272,", ",1000,", "TIME_M_NANO 1000", "0 to 999"),
    "two nanoseconds": (DAILY, ".000002", ".000002273", "TIME_M_NANO 272", "0 to 999"),
    "seconds of ten decimals": (EPOCH, ".125000", ".1250000001", "DT '15149", "9 decimals"),
    "another nanosecond": (DAILY, ".000002", ".000002271", "TIME_M_NANO 272", "0 to 999"),
    "milliseconds": (EPOCH, "1514903402.125", "1514903402125", "DT '1514903402125", "seconds from"),
    "small seconds": (EPOCH, "1514903402", "34202", "DT '34202.125000'", "of 1990 to 2100"),
    "text as seconds": (EPOCH, "1514903402.125000", "noon", "DT 'noon'", "seconds"),
    "too few columns": (TRADES, ",0,0,,N", "", "5 columns", "9 columns"),
    "too many columns": (TRADES, ",N", ",N,1,2", "11 columns", "9 columns"),
    "an empty line": (TRADES, TRADES[3], "", "an empty line", "9 columns"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", ROWS)
def test_a_bad_row(tmp_path, case):
    lines, old, new, found, expected = ROWS[case]
    (fault,) = faults(write(tmp_path / "a.csv", with_row(lines, 4, old, new)))
    assert (fault.file, fault.line) == ("a.csv", 4)
    assert found in fault.found
    assert expected in fault.expected


@pytest.mark.bad_input("a bad first row")
@pytest.mark.parametrize(("lines", "old"), [(TRADES, "9:30:00"), (EPOCH, "1514903400.125000")])
def test_a_bad_first_row_does_not_stand_for_all(tmp_path, lines, old):
    (fault,) = faults(write(tmp_path / "a.csv", with_row(lines, 2, old, "noon")))
    assert (fault.line, "rows" in fault.found) == (2, False)


@pytest.mark.bad_input("many rows of one fault")
def test_every_bad_row_is_counted(tmp_path):
    lines = [line.replace("9:30:0", "9:30 PM") for line in TRADES]
    (fault,) = faults(write(tmp_path / "a.csv", lines))
    assert "4 rows, first at lines 2, 3, 4" in fault.found


@pytest.mark.bad_input("a time outside the day")
def test_seconds_of_a_day_beyond_it(tmp_path):
    lines = [line.replace("9:30:0", "3420") for line in TRADES]
    (fault,) = faults(write(tmp_path / "a.csv", with_row(lines, 3, "34201", "86400")))
    assert (fault.line, fault.found) == (3, "TIME '86400'")
    assert "below 86,400" in fault.expected
    (fault,) = faults(write(tmp_path / "a.csv", with_row(lines, 3, "34201", "9:30:01")))
    assert (fault.line, fault.found) == (3, "TIME '9:30:01'")


@pytest.mark.bad_input("clock times that exist twice or never")
@pytest.mark.parametrize("date", ["20180311", "20181104"], ids=["skipped", "repeated"])
def test_a_clock_time_that_does_not_exist_once(tmp_path, date):
    hour = "2:30:00" if date == "20180311" else "1:30:00"
    lines = [line.replace("20180702,9:30:00", f"{date},{hour}") for line in DAILY]
    (fault,) = faults(write(tmp_path / "a.csv", lines))
    assert fault.line == 2
    assert "exist once in America/New_York" in fault.expected


@pytest.mark.bad_input("rows of another day than the name says")
def test_rows_of_another_day_than_the_one_given(tmp_path):
    path = write(tmp_path / "a.csv", with_row(TRADES, 3, "20080103", "20080104"))
    (fault,) = faults(path, date="2008-01-03")
    assert (fault.line, fault.found) == (3, "DATE '20080104'")
    assert "2008-01-03, the date given" in fault.expected


HEADERS = {
    "trades and quotes": (
        "SYMBOL,DATE,TIME,PRICE,SIZE,BID,OFR",
        "columns of trades and of quotes",
        "or a file of quotes",
    ),
    "neither": ("Time,Type,Order ID,Size", "neither trades nor quotes", "PRICE and SIZE of trades"),
    "no size": ("SYMBOL,DATE,TIME,PRICE", "a header without SIZE", "SIZE"),
    "no ask": ("SYMBOL,DATE,TIME,BID", "a header without OFR", "OFR"),
    "no symbol": ("DATE,TIME,PRICE,SIZE", "a header without a symbol", "SYMBOL, or SYM_ROOT"),
    "no time": ("SYMBOL,DATE,PRICE,SIZE", "a header without a time", "DT, or DATE with TIME"),
    "no date": ("SYMBOL,TIME,PRICE,SIZE", "a clock and no date", "DATE, a name such as"),
    "two prices": ("SYMBOL,DATE,TIME,PRICE,SIZE,Price", "two columns Price", "SIZE"),
    "no header": ("IBM,20080103,9:30:00,104.8,100", "neither trades nor quotes", "PRICE and SIZE"),
}


@pytest.mark.bad_input("a header of no known layout")
@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_is_not_taq(tmp_path, case):
    header, found, expected = HEADERS[case]
    rows = [
        ",".join(
            {"SYMBOL": "A", "DATE": "20080103", "TIME": "9:30:00"}.get(c, "1")
            for c in header.split(",")
        )
    ]
    (fault,) = faults(write(tmp_path / "a.csv", [header, *rows]))
    assert (fault.file, fault.line) == ("a.csv", 1)
    assert found in fault.found
    assert expected in fault.expected


@pytest.mark.bad_input("a file without a symbol")
def test_neither_symbol_nor_time(tmp_path):
    found = faults(write(tmp_path / "a.csv", ["PRICE,SIZE", "1,1"]))
    assert [fault.line for fault in found] == [1, 1]


@pytest.mark.bad_input("a header and no row")
def test_a_header_and_no_row(tmp_path):
    for header in (TRADES[0], EPOCH[0]):
        (fault,) = faults(write(tmp_path / "a.csv", [header]))
        assert fault.found == "a header and no row"


@pytest.mark.bad_input("faults in several files")
def test_every_file_with_a_fault_is_named(tmp_path):
    good, empty = write(tmp_path / "a.csv", TRADES), write(tmp_path / "b.csv", [])
    bad = write(tmp_path / "d.csv", with_row(QUOTES, 2, "104.80", "x"))
    found = faults(good, empty, tmp_path / "c.csv", bad)
    assert [Path(f.file).name for f in found] == ["b.csv", "c.csv", "d.csv"]
    assert [f.found for f in found][:2] == ["an empty file", "no such file"]


@pytest.mark.bad_input("a last line that is cut off")
def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "a.csv", TRADES)
    path.write_bytes(path.read_bytes()[:-14])
    (fault,) = faults(path)
    assert fault.line == 5
    assert "cut off" in fault.found


@pytest.mark.bad_input("a truncated gzip")
@pytest.mark.parametrize("how", ["truncated", "damaged"])
def test_a_gzip_file_that_is_not_whole(tmp_path, how):
    content = bytearray(gzip.compress(write(tmp_path / "a.csv", TRADES).read_bytes()))
    if how == "truncated":
        content = content[:-9]
    else:
        content[-6] ^= 0xFF  # the checksum
    path = tmp_path / "b.csv.gz"
    path.write_bytes(content)
    (fault,) = faults(path)
    assert "damaged or truncated" in fault.found


@pytest.mark.bad_input("bytes that are no text")
def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(with_row(TRADES, 3, "IBM", "IB£")).encode("latin-1"))
    (fault,) = faults(path)
    assert (fault.line, fault.expected) == (3, "text in UTF-8")


@pytest.mark.bad_input("the same file twice")
def test_the_same_file_twice(tmp_path):
    one, other = write(tmp_path / "a.csv", TRADES), write(tmp_path / "b.csv", TRADES)
    (fault,) = faults(one, other)
    assert "the same content as a.csv" in fault.found


@pytest.mark.bad_input("two records of the same time")
def test_national_quotes_beside_those_of_exchanges(tmp_path):
    header = "DATE,TIME_M,SYM_ROOT,BEST_BID,BEST_ASK"
    national = write(tmp_path / "n.csv", [header, "20080103,9:30:00,IBM,1,2"])
    (fault,) = faults(write(tmp_path / "q.csv", QUOTES), national)
    assert fault.file == "n.csv"
    assert "beside files of the exchanges' own" in fault.found


@pytest.mark.bad_input("no row to keep")
@pytest.mark.parametrize(("lines", "price"), [(TRADES, ",104.8"), (EPOCH, ",157.8")])
def test_nothing_to_keep(tmp_path, lines, price):
    negative = [line.replace(price, price.replace(",", ",-")) for line in lines]
    (fault,) = faults(write(tmp_path / "a.csv", negative))
    assert "no trades to keep (4 price not above 0)" in fault.found
    good = [write(tmp_path / "b.csv", lines), write(tmp_path / "c.csv", QUOTES)]
    found = faults(*good, clean="P3", exchange="M")
    assert [f.found for f in found] == ["no quotes to keep (4 P3)", "no trades to keep (4 P3)"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"time_zone": "New York"}, "no time zone 'New York'"),
        ({"epoch": "EST5"}, "no time zone 'EST5'"),
        ({"date": "3 January"}, "no date '3 January'"),
        ({"lot": 0}, "above 0, not 0"),
        ({"lot": -100}, "above 0, not -100"),
        ({"clean": "P9"}, "no step 'P9'; the steps are bnhls, P1"),
        ({"clean": ("P1", "")}, "no step ''"),
        ({"clean": "P3"}, "say which, as exchange='N'"),
        ({"clean": "P1", "exchange": "N"}, "for step P3"),
    ],
)
def test_options_that_cannot_be(tmp_path, options, says):
    with pytest.raises(ValueError, match=says) as caught:
        taq(write(tmp_path / "a.csv", TRADES), **options)
    assert not isinstance(caught.value, mm.SourceError)


def test_steps_that_lack_what_they_read(tmp_path):
    bare = write(tmp_path / "a.csv", ["SYMBOL,DATE,TIME,PRICE,SIZE", "A,20080103,9:30:00,1,1"])
    found = faults(bare, clean=["P3", "T1", "tradesCondition"], exchange="N")
    assert [f.expected for f in found] == [
        "EX, which step P3 reads, or not that step",
        "CORR or TR_CORR, which step T1 reads, or not that step",
        "COND or TR_SCOND, which step tradesCondition reads, or not that step",
    ]
    (fault,) = faults(bare, clean="T4")
    assert fault.found == "trades and no quotes"
    assert "step T4 judges trades by them" in fault.expected
