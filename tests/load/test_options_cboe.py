"""Quote tables of a few lines, a call and a put each, by hand, and files that are none."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.options import options

SIDE = "Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
HEADER = f"Expiration Date,Calls,{SIDE},Strike,Puts,{SIDE}"
DATE = '"Date: July 12, 2022, 11:55 AM EDT",Bid: 99.5,Ask: 100.5,Size: 1*1,Volume: 0'
TITLE = ["Some Index,Last: 100.25,Change:  1.85", DATE]
CALL = "5.5,-0.5,5.2,5.8,3,0.21,0.6,0.02,70"
PUT = "0,0,0,4.1,0,0,-0.4,0.02,30"


def line(expiry="Tue Jul 12 2022", root="SPXW", strike="95", *, call=CALL, put=PUT, **names):
    day = pd.Timestamp(expiry).strftime("%y%m%d")
    digits = f"{round(float(strike) * 1000):08d}"
    one = names.get("call_name", f"{root}{day}C{digits}")
    other = names.get("put_name", f"{root}{day}P{digits}")
    return f"{expiry},{one},{call},{strike},{other},{put}"


LINES = [
    line(),
    line("Fri Jul 15 2022", "SPX", "102.5"),  # the third Friday: settled in the morning
    line("Fri Jul 15 2022", "SPXW", "102.50"),
    line("Fri Dec 16 2022", "SPX", "100"),  # in winter
]


def write(path: Path, lines: list[str], header: str = HEADER, title=TITLE, end="\n") -> Path:
    path.write_text("".join(x + end for x in [*title, header, *lines]), encoding="utf-8")
    return path


def faults(*files, **given) -> list:
    with pytest.raises(mm.SourceError) as caught:
        options(*files, **given)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


@pytest.fixture
def market(tmp_path):
    return options(write(tmp_path / "spx.csv", LINES))


def test_each_line_is_a_call_and_a_put(market):
    chain = market.chain
    assert chain["right"].tolist() == ["call", "put"] * 4
    assert chain["strike"].tolist() == [95, 95, 102.5, 102.5, 102.5, 102.5, 100, 100]
    assert chain["open_interest"].tolist() == [70, 30] * 4
    assert chain["option"].tolist()[:4] == [
        "SPXW220712C00095000",
        "SPXW220712P00095000",
        "SPX220715C00102500",
        "SPX220715P00102500",
    ]
    assert set(chain["symbol"]) == {"SPX"}
    assert set(chain["multiplier"]) == {100.0}
    assert set(chain["spot"]) == {100.25}
    first = chain.iloc[0]
    assert first[["last", "change", "bid", "ask", "volume"]].tolist() == [5.5, -0.5, 5.2, 5.8, 3]
    assert first[["implied_vol", "delta", "gamma"]].tolist() == [0.21, 0.6, 0.02]


def test_0_is_none_for_prices_and_volatility(market):
    put = market.chain.iloc[1]
    assert put[["last", "bid", "implied_vol"]].isna().all()
    assert put[["change", "ask", "volume", "delta"]].tolist() == [0, 4.1, 0, -0.4]
    assert any("no implied volatility for 4 of 8" in note for note in market.receipt.notes)


def test_times_in_utc(market):
    # New York: four hours behind in July, five in December
    chain = market.chain
    assert set(chain["time"]) == {pd.Timestamp("2022-07-12 15:55", tz="UTC")}
    expiries = ["2022-07-12 20:00", "2022-07-15 13:30", "2022-07-15 20:00", "2022-12-16 14:30"]
    assert chain["expiry"].tolist()[::2] == [pd.Timestamp(t, tz="UTC") for t in expiries]
    assert chain["expiry"].tolist()[::2] == chain["expiry"].tolist()[1::2]
    notes = "\n".join(market.receipt.notes)
    assert "roots SPX: settled at the opening" in notes
    assert "roots SPXW: settled at the close" in notes


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("July 12, 2022 at 11:55 AM EDT", "2022-07-12 15:55"),
        ("July 12, 2022 at 11:55\u202fAM EDT", "2022-07-12 15:55"),  # as browsers write it
        ("July 12, 2022, 12:05 PM EDT", "2022-07-12 16:05"),
        ("January 3, 2023 at 12:05 AM EST", "2023-01-03 05:05"),
        ("12 July 2022 at 16:55 GMT+1", "2022-07-12 15:55"),
        ("Dec 9, 2022, 4:00 PM CST", "2022-12-09 22:00"),
    ],
)
def test_ways_to_write_the_date(tmp_path, said, utc):
    title = ["", TITLE[0], f'"Date: {said}",Bid: 1']  # newer files begin with an empty line
    market = options(write(tmp_path / "a.csv", LINES[:1], title=title))
    assert market.chain["time"].iloc[0] == pd.Timestamp(utc, tz="UTC")


@pytest.mark.parametrize(
    "said",
    [
        "2022年7月12日 GMT-4 11:55",
        "12 juillet 2022 à 11:55 UTC−4",
        "July 12, 2022, 11:55 AM",
        "July 32, 2022, 11:55 AM EDT",
        "July 12, 2022, 13:55 AM EDT",
        "July 12, 9022, 11:55 AM EDT",
    ],
)
def test_a_date_that_is_not_understood(tmp_path, said):
    title = [TITLE[0], f'"Date: {said}",Bid: 1']
    (fault,) = faults(write(tmp_path / "a.csv", LINES, title=title))
    assert fault.line == 2
    assert said[:4] in fault.found
    assert "July 12, 2022, 11:55 AM EDT" in fault.expected


def test_the_underlying(tmp_path):
    other = options(write(tmp_path / "a.csv", [line(root="XYZ")]))
    assert other.chain["symbol"].tolist() == ["XYZ", "XYZ"]
    assert other.symbols[["symbol", "asset", "currency"]].to_numpy().tolist() == [
        ["XYZ", "XYZ", "USD"]
    ]
    given = options(tmp_path / "a.csv", symbol="XYZ.N")
    assert set(given.chain["symbol"]) == {"XYZ.N"}
    (fault,) = faults(write(tmp_path / "b.csv", [line(root="XYZ"), line(root="ABC")]))
    assert fault.found == "contracts on ABC, XYZ"
    both = options(tmp_path / "b.csv", symbol="basket")
    assert set(both.chain["symbol"]) == {"basket"}


def test_adjusted_contracts_have_no_known_multiplier(tmp_path):
    market = options(write(tmp_path / "a.csv", [line(root="XYZ"), line(root="XYZ1")]))
    assert market.chain["multiplier"].tolist()[:2] == [100, 100]
    assert market.chain["multiplier"].isna().tolist() == [False, False, True, True]
    assert set(market.chain["symbol"]) == {"XYZ"}
    assert any("2 adjusted options" in note for note in market.receipt.notes)


def test_expired_options_are_kept_and_counted(tmp_path):
    market = options(write(tmp_path / "a.csv", [line("Mon Jul 11 2022"), LINES[0]]))
    assert len(market.chain) == 4
    assert any("2 options had expired" in note for note in market.receipt.notes)


def test_receipt_counts_lines_and_a_market_saved_and_opened(market, tmp_path):
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (4, 4)
    assert "Some Index, 100.25 at 2022-07-12 15:55 UTC; 4 lines" in market.receipt.notes[0]
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.chain, market.chain)


def test_repeated_lines_are_set_aside_and_contradictions_refused(tmp_path):
    market = options(write(tmp_path / "a.csv", [*LINES, LINES[1]]))
    assert market.receipt.reasons.to_dict() == {"duplicate": 1}
    assert market.receipt.set_aside[["line", "text"]].to_numpy().tolist() == [[8, LINES[1]]]
    assert len(market.chain) == 8
    (fault,) = faults(write(tmp_path / "b.csv", [*LINES, line(call=CALL.replace("70", "71"))]))
    assert fault.line == 8
    assert "SPXW220712C00095000 again, with other content" in fault.found


def test_several_times_together(tmp_path):
    later = [TITLE[0].replace("100.25", "101"), DATE.replace("11:55", "11:59")]
    one = write(tmp_path / "a.csv", LINES)
    other = write(tmp_path / "b.csv", LINES, title=later)
    market = options(tmp_path)
    assert market.receipt.rows_read == 8
    apart = pd.concat([options(one).chain, options(other).chain], ignore_index=True)
    pd.testing.assert_frame_equal(market.chain, apart)
    assert market.chain["spot"].unique().tolist() == [100.25, 101]


@pytest.mark.parametrize("packing", ["gz", "zip", "crlf"])
def test_packed_and_other_ends_of_lines(tmp_path, market, packing):
    plain = write(tmp_path / "plain.csv", LINES, end="\r\n")
    path = tmp_path / f"packed.{packing}" if packing != "crlf" else plain
    if packing == "gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    elif packing == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(plain, plain.name)
    pd.testing.assert_frame_equal(options(path).chain, market.chain)


def test_the_shorter_words_of_older_files(tmp_path, market):
    header = HEADER.replace("Volume", "Vol").replace("Open Interest", "Open Int")
    lines = [x.replace(x.split(",")[0], "07/12/2022") for x in LINES[:1]]
    again = options(write(tmp_path / "a.csv", lines, header)).chain
    pd.testing.assert_frame_equal(again, market.chain.iloc[:2])


def test_without_greeks(tmp_path):
    keep = [i for i, name in enumerate(HEADER.split(",")) if name not in ("Delta", "Gamma", "Net")]
    short = [",".join(x.split(",")[i] for i in keep) for x in [HEADER, *LINES]]
    chain = options(write(tmp_path / "a.csv", short[1:], short[0])).chain
    assert "gamma" not in chain
    assert chain["open_interest"].tolist() == [70, 30] * 4


LINE_FAULTS = {
    "text in a number": (line(call=CALL.replace("70", "many")), "call open interest many", "a num"),
    "infinite": (line(call=CALL.replace("70", "inf")), "call open interest inf", "a number"),
    "not a number": (line(put=PUT.replace("30", "nan")), "put open interest nan", "a number"),
    "negative": (line(put=PUT.replace("30", "-30")), "put open interest -30", "0 or more"),
    "delta": (line(call=CALL.replace("0.6", "60")), "call delta 60", "-1 to 1"),
    "no date": (line(), "expiry Tue Jul 99 2022", "a date as"),
    "another date": (line(call_name="SPXW220713C00095000"), "call option SPXW220713C", "the date"),
    "another strike": (line(put_name="SPXW220712P00096000"), "put option SPXW220712P", "the strik"),
    "another root": (line(put_name="SPX220712P00095000"), "put option SPX220712P", "the root"),
    "swapped": (line(call_name="SPXW220712P00095000"), "call option SPXW220712P", "a call as"),
    "no contract": (line(call_name="95 C"), "call option 95 C", "a call as SPXW220712C01000000"),
    "strike 0": (line(strike="0"), "strike 0", "a number above 0"),
    "too few columns": ("Tue Jul 12 2022,SPXW220712C00095000,1", "3 columns", "22 columns"),
    "too many columns": (line() + ",9", "23 columns", "22 columns"),
    "an empty line": ("", "an empty line", "22 columns"),
}


@pytest.mark.parametrize("case", LINE_FAULTS)
def test_a_bad_line(tmp_path, case):
    bad, found, expected = LINE_FAULTS[case]
    bad = bad.replace("Jul 12", "Jul 99", 1) if case == "no date" else bad
    first = faults(write(tmp_path / "a.csv", [LINES[0], bad, *LINES[1:]]))[0]
    assert (first.file, first.line) == ("a.csv", 5)  # two title lines and the header above
    assert found in first.found
    assert expected in first.expected


def test_many_lines_of_one_fault_are_one_fault(tmp_path):
    lines = [x.replace(",70,", ",-70,") for x in LINES]
    (fault,) = faults(write(tmp_path / "a.csv", lines))
    assert fault.found == "call open interest -70 (4 rows, first at lines 4, 5, 6)"
    assert fault.line == 4


@pytest.mark.parametrize(
    ("title", "line_number", "found", "expected"),
    [
        (["Some Index,100.25,1.85", DATE], 1, "no last price", "Last: 3856.28"),
        ([TITLE[0].replace("100.25", "n/a"), DATE], 1, "Last: n/a", "Last: 3856.28"),
        ([TITLE[0].replace("100.25", "0"), DATE], 1, "Last: 0", "Last: 3856.28"),
        ([TITLE[0]], 1, "no date", "Date: July 12"),
    ],
)
def test_titles_that_lack_something(tmp_path, title, line_number, found, expected):
    (fault,) = faults(write(tmp_path / "a.csv", LINES, title=title))
    assert fault.line == line_number
    assert found in fault.found
    assert expected in fault.expected


def test_faults_of_the_title_and_of_lines_come_together(tmp_path):
    lines = [LINES[0].replace(",70,", ",x,")]
    found = faults(write(tmp_path / "a.csv", lines, title=[TITLE[0].replace("100.25", "0"), DATE]))
    assert [f.line for f in found] == [1, 4]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Date,vix", "'Some Index,Last: 100.25,Change:  1.85'"),
        (HEADER.replace(",Strike,", ",Level,"), "a header without strike"),
        (HEADER.replace("IV", "Vola"), "a header without call implied_vol, put implied_vol"),
        (HEADER.replace("Ask", "Bid"), "two columns for call bid"),
    ],
)
def test_a_header_that_is_not_known(tmp_path, header, found):
    (fault,) = faults(write(tmp_path / "a.csv", LINES, header))
    assert fault.line == (1 if "vix" in header else 3)
    assert found in fault.found
    assert "CBOE quote table" in fault.expected


def test_volatility_in_percent(tmp_path):
    (fault,) = faults(write(tmp_path / "a.csv", [x.replace("0.21", "21.3") for x in LINES]))
    assert fault.found == "an IV of 21.3 for half the options"
    # one day before its end an option far out of the money has 800 % and more
    market = options(write(tmp_path / "b.csv", [LINES[0].replace("0.21", "8.3866"), *LINES[1:]]))
    assert market.chain["implied_vol"].max() == 8.3866


def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "a.csv", LINES)
    path.write_bytes(path.read_bytes()[:-30])
    (fault,) = faults(path)
    assert fault.line == 7
    assert "cut off" in fault.found


def test_every_file_with_a_fault_is_named(tmp_path):
    good = write(tmp_path / "a.csv", LINES)
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
    (fault,) = faults(good, write(tmp_path / "f.csv", LINES))
    assert fault.found == "the same content as a.csv"


def test_open_interest_of_random_tables_is_conserved(tmp_path):
    generator = np.random.default_rng(5)
    held = generator.integers(0, 5000, size=(50, 2))
    lines = [
        line(
            strike=str(50 + n),
            call=CALL.removesuffix("70") + str(call),
            put=PUT.removesuffix("30") + str(put),
        )
        for n, (call, put) in enumerate(held)
    ]
    chain = options(write(tmp_path / "a.csv", lines)).chain
    sums = chain.groupby("right")["open_interest"].sum()
    assert sums.to_dict() == {"call": held[:, 0].sum(), "put": held[:, 1].sum()}
