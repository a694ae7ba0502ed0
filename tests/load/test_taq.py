"""TAQ files of a few rows in each published layout, every value worked out by hand."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load import several
from mmresearch.load.taq import taq
from mmresearch.schema import UNORDERED

MONTHLY_TRADES = """SYMBOL,DATE,TIME,PRICE,SIZE,G127,CORR,COND,EX
IBM,20080103,9:30:00,104.83,1300,0,0,,N
IBM,20080103,9:30:01,104.85,200,0,0,F,T
IBM,20080103,16:00:00,104.5,100,40,1,Z,N
"""
MONTHLY_QUOTES = """SYMBOL,DATE,TIME,BID,OFR,BIDSIZ,OFRSIZ,MODE,EX
IBM,20080103,9:30:00,104.82,104.84,5,7,12,N
IBM,20080103,9:30:01,0,104.9,0,3,12,N
IBM,20080103,9:30:01,104.8,0,2,9,12,T
"""
DAILY_TRADES = """DATE,TIME_M,TIME_M_NANO,EX,SYM_ROOT,SYM_SUFFIX,TR_SCOND,SIZE,PRICE,TR_STOPIND,\
TR_CORR,TR_SEQNUM,TR_ID,TR_SOURCE,TR_RF
20180702,9:30:00.018046,276,N,BRK,B,@ TI,100,191.25,,00,2001,71,C,
20180702,9:30:00.018046,277,D,IBM,,@,0.5,139.005,,01,2002,72,C,T
"""
DAILY_QUOTES = """DATE,TIME_M,TIME_M_NANO,EX,BID,BIDSIZ,ASK,ASKSIZ,QU_COND,QU_SEQNUM,NATBBO_IND,\
QU_CANCEL,QU_SOURCE,SYM_ROOT,SYM_SUFFIX
2018-07-02,09:29:59.999999,999,N,139,2,139.02,1,R,55,4,,C,IBM,
2018-07-02,09:30:00,0,P,138.99,4,139.01,6,R,56,0,,C,IBM,
"""
R_TRADES = """DT,EX,SYMBOL,COND,SIZE,PRICE,CORR
1514903400.125000,N,ABC,F I,5,157.8,0
1514903400.125000,D,ABC,,100,157.81,0
"""
R_QUOTES = """DT,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL
1514903399.5,P,157.5,1,158.5,2,ABC
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def utc(*times: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(time, tz="UTC") for time in times]


def load(tmp_path: Path, text: str, name: str = "a.csv", **options):
    return taq(write(tmp_path / name, text), **options)


def said(market) -> str:
    return "\n".join(market.receipt.notes)


# --- layouts --------------------------------------------------------------------------------------


def test_monthly_trades(tmp_path):
    market = load(tmp_path, MONTHLY_TRADES, "ct_200801.csv")
    trades = market.trades
    # winter: New York is 5 hours behind
    winter = utc("2008-01-03 14:30:00", "2008-01-03 14:30:01", "2008-01-03 21:00:00")
    assert trades["time"].tolist() == winter
    assert trades["seq"].tolist() == [1, 2, 3]
    assert trades["symbol"].tolist() == ["IBM"] * 3
    assert trades["price"].tolist() == [104.83, 104.85, 104.5]
    assert trades["size"].tolist() == [1300, 200, 100]
    assert trades["side"].isna().all()
    assert trades["ex"].tolist() == ["N", "T", "N"]
    assert trades["cond"].isna().tolist() == [True, False, False]
    assert trades["cond"].tolist()[1:] == ["F", "Z"]
    assert trades["corr"].tolist() == [0, 0, 1]
    assert trades["g127"].tolist() == ["0", "0", "40"]
    assert market.name == "ct_200801"
    assert "1 carry a correction indicator" in said(market)


def test_monthly_quotes_and_what_is_no_quote(tmp_path):
    market = load(tmp_path, MONTHLY_QUOTES)
    quotes = market.quotes
    second = "2008-01-03 14:30:01"
    assert quotes["time"].tolist() == utc("2008-01-03 14:30:00", second, second)
    assert quotes["seq"].tolist() == [UNORDERED + 1, UNORDERED + 2, UNORDERED + 3]
    assert quotes["bid"].fillna(-1).tolist() == [104.82, -1, 104.8]
    assert quotes["ask"].fillna(-1).tolist() == [104.84, 104.9, -1]
    assert quotes["bid_size"].tolist() == [5, 0, 2]
    assert quotes["ask_size"].tolist() == [7, 3, 0]  # 9 at no price are none
    assert quotes["mode"].tolist() == ["12"] * 3
    assert quotes["ex"].tolist() == ["N", "N", "T"]
    assert "2 lack a bid or an ask" in said(market)
    assert "2 exchanges stand side by side (N, T)" in said(market)
    assert market.receipt.rows_read == market.receipt.rows_kept == 3


def test_daily_trades(tmp_path):
    market = load(tmp_path, DAILY_TRADES)
    trades = market.trades
    # summer: 4 hours; microseconds of the clock and nanoseconds beyond
    first, second = "2018-07-02 13:30:00.018046276", "2018-07-02 13:30:00.018046277"
    assert trades["time"].tolist() == utc(first, second)
    assert trades["symbol"].tolist() == ["BRK B", "IBM"]
    assert trades["size"].tolist() == [100, 0.5]
    assert trades["price"].tolist() == [191.25, 139.005]
    assert trades["trade_id"].tolist() == ["71", "72"]
    assert trades["tr_seqnum"].tolist() == [2001, 2002]
    assert trades["cond"].tolist() == ["@ TI", "@"]
    assert trades["corr"].tolist() == [0, 1]
    assert trades["tr_rf"].isna().tolist() == [True, False]
    assert market.symbols["symbol"].tolist() == ["BRK B", "IBM"]
    assert set(market.symbols["calendar"]) == {"XNYS"}
    assert set(market.symbols["currency"]) == {"USD"}
    assert market.symbols["tick"].isna().all()


def test_daily_quotes(tmp_path):
    quotes = load(tmp_path, DAILY_QUOTES).quotes
    first, second = "2018-07-02 13:29:59.999999999", "2018-07-02 13:30:00"
    assert quotes["time"].tolist() == utc(first, second)
    assert quotes[["bid", "ask", "bid_size", "ask_size"]].to_numpy().tolist() == [
        [139, 139.02, 2, 1],
        [138.99, 139.01, 4, 6],
    ]
    assert quotes["qu_seqnum"].tolist() == [55, 56]
    assert quotes["natbbo_ind"].tolist() == ["4", "0"]
    assert quotes["qu_cancel"].isna().all()


def test_national_best_quotes(tmp_path):
    text = (
        "date,time_m,ex,bid,ask,best_bid,best_bidsiz,best_bidex,best_ask,best_asksiz,best_askex,"
        "sym_root,sym_suffix\n"
        "20180702,9:30:00.000001,N,9.98,10.05,10,3,P,10.02,4,T,XYZ,\n"
        "20180702,9:30:00.000002,N,9.98,10.05,,,,10.02,4,T,XYZ,\n"
    )
    market = load(tmp_path, text)
    quotes = market.quotes
    assert quotes["bid"].fillna(-1).tolist() == [10, -1]
    assert quotes["bid_size"].tolist() == [3, 0]
    assert quotes["ask"].tolist() == [10.02, 10.02]
    assert quotes["best_bidex"].fillna("none").tolist() == ["P", "none"]
    assert "columns left out: bid, ask" in said(market)
    assert "side by side" not in said(market)


def test_the_layout_of_the_r_samples(tmp_path):
    trades, quotes = write(tmp_path / "t.csv", R_TRADES), write(tmp_path / "q.csv", R_QUOTES)
    market = taq(quotes, trades)
    # 1,514,903,400 seconds from 1970: 2018-01-02 14:30 UTC, 09:30 in New York
    assert market.trades["time"].tolist() == utc(*["2018-01-02 14:30:00.125"] * 2)
    assert market.trades["cond"].tolist()[0] == "F I"
    assert market.quotes["time"].tolist() == utc("2018-01-02 14:29:59.5")
    assert market.quotes["ask"].tolist() == [158.5]
    assert market.quotes["ask_size"].tolist() == [2]
    assert "trades: 100.0% of them lie in 09:30-16:00 New York" in said(market)
    assert "quotes: 0.0% of them lie" in said(market)


def test_what_was_read_is_signed_later_both_ways(tmp_path):
    trades = write(tmp_path / "t.csv", R_TRADES.replace("157.81", "158.3"))
    market = taq(trades, write(tmp_path / "q.csv", R_QUOTES))
    # mid 158: 157.8 sold, 158.3 bought
    assert mm.sign_trades(market.trades, market.quotes)["side"].tolist() == [-1, 1]


# --- times ----------------------------------------------------------------------------------------


def clocks(tmp_path, rows: list[str], header: str = "DATE,TIME_M", **options) -> list[pd.Timestamp]:
    lines = [f"{header},PRICE,SIZE,SYMBOL", *(f"{row},1,1,A" for row in rows)]
    return load(tmp_path, "\n".join(lines), **options).trades["time"].tolist()


def test_daylight_saving_begins_and_ends(tmp_path):
    rows = ["20180309,12:00:00", "20180312,12:00:00", "20181102,12:00:00", "20181105,12:00:00"]
    noons = ["2018-03-09 17:00", "2018-03-12 16:00", "2018-11-02 16:00", "2018-11-05 17:00"]
    assert clocks(tmp_path, rows) == utc(*noons)


def test_clocks_that_change_within_the_rows(tmp_path):
    """On 2018-11-04 New York's clocks went back at 02:00, on 2018-03-11 they went ahead."""
    rows = ["20181104,00:30:00", "20181104,02:30:00.5"]
    assert clocks(tmp_path, rows) == utc("2018-11-04 04:30", "2018-11-04 07:30:00.5")
    rows = ["20180311,01:59:59.999999999", "20180311,03:00:00"]
    assert clocks(tmp_path, rows) == utc("2018-03-11 06:59:59.999999999", "2018-03-11 07:00")


@pytest.mark.parametrize("date", ["20180102", "2018-01-02", "2018/01/02", "02JAN2018", "02Jan2018"])
def test_dates(tmp_path, date):
    assert clocks(tmp_path, [f"{date},10:00:00"]) == utc("2018-01-02 15:00")


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("9:30:00", "14:30:00"),
        (" 09:30:00", "14:30:00"),
        ("09:30:00.5", "14:30:00.5"),
        ("9:30:00.123456789", "14:30:00.123456789"),
        ("34200.000000001", "14:30:00.000000001"),  # seconds after midnight
        ("34200", "14:30:00"),
    ],
)
def test_clocks_are_exact(tmp_path, clock, expected):
    assert clocks(tmp_path, [f"20180102,{clock}"]) == utc(f"2018-01-02 {expected}")


def test_a_clock_that_repeats_its_nanoseconds(tmp_path):
    rows = ["20180102,9:30:00.000001276,276", "20180102,9:30:00.000001,277", "20180102,9:30:01,"]
    times = clocks(tmp_path, rows, "DATE,TIME_M,TIME_M_NANO")
    expected = ["14:30:00.000001276", "14:30:00.000001277", "14:30:01"]
    assert times == utc(*(f"2018-01-02 {time}" for time in expected))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ctm_20180702.csv", {}),
        ("trades 2018-07-02.csv", {}),
        ("ctm.csv", {"date": "2018-07-02"}),
        ("ctm.csv", {"date": pd.Timestamp("2018-07-02 12:00")}),
        ("ctm_20180703.csv", {"date": "20180702"}),
    ],
)
def test_a_file_without_dates(tmp_path, name, options):
    assert clocks(tmp_path, ["9:30:00"], "TIME_M", name=name, **options) == utc("2018-07-02 13:30")


def test_another_zone(tmp_path):
    assert clocks(tmp_path, ["20180702,9:30:00"], time_zone="UTC") == utc("2018-07-02 09:30")
    chicago = clocks(tmp_path, ["20180702,9:30:00"], time_zone="America/Chicago")
    assert chicago == utc("2018-07-02 14:30")


def test_seconds_that_count_a_local_clock(tmp_path):
    rows = R_TRADES.replace("1514903400", "1514885400")  # 09:30 as though it were UTC
    market = load(tmp_path, rows, epoch="America/New_York")
    assert market.trades["time"].tolist() == utc(*["2018-01-02 14:30:00.125"] * 2)
    assert "the clock of America/New_York" in said(market)
    assert "on UTC's clock 100.0% do" in said(load(tmp_path, rows))


@pytest.mark.parametrize("dt", ["2018-01-02T14:30:00.123456789Z", "2018-01-02 09:30:00.123456789"])
def test_seconds_as_text(tmp_path, dt):
    assert clocks(tmp_path, [dt], "DT") == utc("2018-01-02 14:30:00.123456789")


# --- sizes, rows set aside, receipt ---------------------------------------------------------------


def test_lots_to_shares(tmp_path):
    quotes = load(tmp_path, MONTHLY_QUOTES, lot=100).quotes
    assert quotes["bid_size"].tolist() == [500, 0, 200]
    assert quotes["ask_size"].tolist() == [700, 300, 0]
    assert "in round lots" in said(load(tmp_path, MONTHLY_QUOTES))
    assert "sizes are in shares, 100 a lot" in said(load(tmp_path, MONTHLY_QUOTES, lot=100))


def test_sizes_that_are_shares_already(tmp_path):
    text = (
        "DATE,TIME_M,SYM_ROOT,BEST_BID,BEST_BIDSIZESHARES,BEST_ASK,BEST_ASKSIZESHARES\n"
        "20180702,9:30:00,XYZ,10,300,10.02,400\n"
    )
    quotes = load(tmp_path, text, lot=100).quotes
    assert quotes[["bid_size", "ask_size"]].to_numpy().tolist() == [[300, 400]]
    assert "lots" not in said(load(tmp_path, text))


def test_quotes_without_sizes(tmp_path):
    text = "DATE,TIME,SYMBOL,BID,OFR\n20180702,9:30:00,A,10,10.02\n"
    quotes = load(tmp_path, text).quotes
    assert quotes[["bid_size", "ask_size"]].isna().all(axis=None)
    assert quotes["bid"].tolist() == [10]


def test_trades_that_cannot_stay_are_counted_and_kept(tmp_path):
    rows = [
        "IBM,20080103,9:30:02,0,100,0,0,,N",
        "IBM,20080103,9:30:03,-1,100,0,0,,N",
        "IBM,20080103,9:30:04,104,0,0,0,,N",
    ]
    market = load(tmp_path, MONTHLY_TRADES + "\n".join(rows))
    receipt = market.receipt
    assert receipt.reasons.to_dict() == {"price not above 0": 2, "size not above 0": 1}
    assert receipt.set_aside["line"].tolist() == [5, 6, 7]
    assert receipt.set_aside["text"].tolist() == rows
    assert (receipt.rows_read, receipt.rows_kept) == (6, 3)
    assert len(market.trades) == 3


def test_quotes_that_cannot_stay_are_counted_and_kept(tmp_path):
    rows = ["IBM,20080103,9:30:02,-1,104,1,1,12,N", "IBM,20080103,9:30:02,1,104,1,-1,12,N"]
    receipt = load(tmp_path, MONTHLY_QUOTES + "\n".join(rows)).receipt
    assert receipt.reasons.to_dict() == {"price below 0": 1, "size below 0": 1}
    assert receipt.rows_kept == 3


def test_rows_repeated_with_their_number(tmp_path):
    lines = DAILY_QUOTES.splitlines()
    other = lines[1].replace("139.02", "139.03")  # the same number, another content: it stays
    market = load(tmp_path, "\n".join([*lines, lines[1], other]))
    assert market.receipt.set_aside[["line", "reason"]].to_numpy().tolist() == [[4, "repeated"]]
    assert sorted(market.quotes["ask"]) == [139.01, 139.02, 139.03]
    # without a number, two equal rows may be two events
    unnumbered = lines[1].replace(",55,", ",,")
    assert len(load(tmp_path, "\n".join([lines[0], unnumbered, unnumbered])).quotes) == 2
    again = MONTHLY_TRADES + MONTHLY_TRADES.splitlines()[1]
    assert len(load(tmp_path, again).trades) == 4


def test_rows_out_of_order(tmp_path):
    lines = MONTHLY_TRADES.splitlines()
    market = load(tmp_path, "\n".join([lines[0], lines[3], lines[1], lines[2]]))
    assert market.trades["seq"].tolist() == [2, 3, 1]
    assert market.trades["time"].is_monotonic_increasing
    assert "1 times a symbol's time ran back" in said(market)
    # by symbol and then by time, as WRDS orders rows, nothing runs back
    two = "\n".join([lines[0], lines[3], lines[1].replace("IBM", "XOM")])
    assert "ran back" not in said(load(tmp_path, two))


def test_conditions_that_taq_does_not_know(tmp_path):
    market = load(tmp_path, MONTHLY_TRADES.replace(",F,T", ",f?,T"))
    assert "1 carry sale conditions that TAQ does not define: 'f?'" in said(market)
    assert "does not define" not in said(load(tmp_path, MONTHLY_TRADES))


def test_columns_beside_and_cells_that_r_writes(tmp_path):
    text = '"","DATE","TIME_M","EX","SYM_ROOT","SYM_SUFFIX","PRICE","SIZE","MINE"\n'
    market = load(tmp_path, text + '"1",20180702,"9:30:00","N","NA",NA,10,100,7\n')
    assert market.trades["symbol"].tolist() == ["NA"]  # a ticker; its suffix is missing
    assert "columns left out: a nameless one, MINE" in said(market)


def test_saved_and_opened_again(tmp_path):
    market = load(tmp_path, DAILY_TRADES, clean=("P1", "T1", "T3"))
    again = mm.open(market.save(tmp_path / "market"))
    pd.testing.assert_frame_equal(again.trades, market.trades)
    assert again.receipt.reasons.to_dict() == {"T1": 1}
    assert (again.receipt.rows_read, again.receipt.rows_kept) == (2, 1)


# --- several files --------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "taq"
    folder.mkdir()
    write(folder / "a_trades.csv", MONTHLY_TRADES)
    later = MONTHLY_TRADES.replace("20080103", "20080104").replace("IBM", "XOM")
    (folder / "b_trades.csv.gz").write_bytes(gzip.compress(later.encode()))
    write(folder / "c_quotes.csv", MONTHLY_QUOTES.replace("20080103", "20080105"))
    return folder


def test_all_files_are_each_of_them_joined(folder):
    market = taq(folder)
    paths = sorted(folder.iterdir())
    joined = several.joined("taq", [taq(path) for path in paths])
    for table in ("trades", "quotes"):
        pd.testing.assert_frame_equal(market[table], joined[table])
    pd.testing.assert_frame_equal(market.symbols, joined.symbols)
    assert market.receipt.files["rows"].tolist() == [3, 3, 3]
    assert market.receipt.rows_kept == len(market.trades) + len(market.quotes) == 9
    assert market.trades["symbol"].tolist() == ["IBM"] * 3 + ["XOM"] * 3


def test_ways_to_give_files(folder, tmp_path):
    packed = tmp_path / "quotes.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("q.csv", MONTHLY_QUOTES)
    paths = sorted(folder.iterdir())
    assert len(taq(*paths).trades) == len(taq(paths).trades) == 6
    assert len(taq(str(folder / "*trades*")).trades) == 6
    assert len(taq(packed, name="mine").quotes) == 3
    assert taq(packed, name="mine").name == "mine"


def test_overlapping_files_keep_a_row_once(tmp_path):
    lines = DAILY_QUOTES.splitlines()
    more = lines[2].replace(",56,", ",57,")
    one = write(tmp_path / "a.csv", "\n".join(lines))
    other = write(tmp_path / "b.csv", "\n".join([lines[0], lines[2], more]))
    market = taq(one, other)
    assert market.quotes["qu_seqnum"].tolist() == [55, 56, 57]
    receipt = market.receipt
    assert receipt.set_aside[["file", "line", "reason"]].to_numpy().tolist() == [
        ["b.csv", 2, "repeated"]
    ]
    assert receipt.rows_kept == 3
