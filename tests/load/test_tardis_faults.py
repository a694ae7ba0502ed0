"""Files that cannot be Tardis.dev's: one error, naming file, line, finding and expectation."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.load.tardis import tardis

COMMON = "exchange,symbol,timestamp,local_timestamp"
T, L = 1_700_000_000_000_000, 1_700_000_000_000_100  # microseconds
HEADERS = {
    "trades": f"{COMMON},id,side,price,amount",
    "quotes": f"{COMMON},ask_amount,ask_price,bid_price,bid_amount",
    "incremental_book_L2": f"{COMMON},is_snapshot,side,price,amount",
    "derivative_ticker": f"{COMMON},funding_timestamp,funding_rate,predicted_funding_rate,"
    "open_interest,last_price,index_price,mark_price",
    "options_chain": f"{COMMON},type,strike_price,expiration,open_interest,mark_iv,"
    "underlying_price",
    "book_snapshot_5": ",".join(
        [COMMON]
        + [f"{s}s[{n}].{c}" for n in range(5) for s in ("ask", "bid") for c in ("price", "amount")]
    ),
}
FIELDS = {  # a good row's cells behind exchange, symbol and times
    "trades": "{n},buy,100,2",
    "quotes": "1,101,100,2",
    "incremental_book_L2": "true,bid,10{n},2",
    "derivative_ticker": ",0.0001,,5,100,100,100",
    "options_chain": f"call,100,{T},5,60,100",
    "book_snapshot_5": ",".join(f"{101 + n},1,{100 - n},1" for n in range(5)),
}


def good(kind: str, count: int = 4) -> list[str]:
    return [f"binance,BTCUSDT,{T + n},{L + n}," + FIELDS[kind].format(n=n) for n in range(count)]


def write(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in [header, *lines]), encoding="utf-8")
    return path


def faults(*files, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        tardis(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


@pytest.mark.bad_input("a first row that names no exchange")
@pytest.mark.parametrize("rows", [1, 4])
def test_a_first_row_without_an_exchange(tmp_path, rows):
    lines = good("incremental_book_L2", rows)
    lines[0] = lines[0].removeprefix("binance")
    path = write(tmp_path / "a.csv", HEADERS["incremental_book_L2"], lines)
    assert any(fault.line == 2 and "exchange" in fault.found for fault in faults(path))


@pytest.mark.parametrize("kind", HEADERS)
def test_the_files_of_these_tests_are_good(tmp_path, kind):
    market = tardis(write(tmp_path / "a_trades.csv", HEADERS[kind], good(kind)))
    assert market.receipt.rows_kept == 4


CLOCK = "whole microseconds since 1970-01-01, 16 digits"
ROW_FAULTS = {  # the type, a row, what is found, what was expected
    "milliseconds": ("trades", f"binance,BTCUSDT,{T // 1000},{L},x,buy,1,1", "timestamp 17", CLOCK),
    "nanoseconds": ("quotes", f"binance,BTCUSDT,{T},{L}000,1,2,1,1", "local timestamp 17", CLOCK),
    "seconds": ("trades", f"binance,BTCUSDT,1700000000,{L},x,buy,1,1", "timestamp 17", CLOCK),
    "a date": ("trades", f"binance,BTCUSDT,2023-11-14,{L},x,buy,1,1", "'2023-11-14'", "whole"),
    "no time": ("trades", f"binance,BTCUSDT,,{L},x,buy,1,1", "timestamp nothing", "whole"),
    "a fraction": ("trades", f"binance,BTCUSDT,{T}.5,{L},x,buy,1,1", "timestamp '17", "whole"),
    "no symbol": ("trades", f"binance,,{T},{L},x,buy,1,1", "symbol nothing", "text"),
    "another exchange": (
        "trades",
        f"kraken,BTCUSDT,{T},{L},x,buy,1,1",
        "exchange kraken",
        "one exchange a file, here binance",
    ),
    "text in price": ("trades", f"binance,BTCUSDT,{T},{L},x,buy,one,1", "price 'one'", "a number"),
    "nan": ("trades", f"binance,BTCUSDT,{T},{L},x,buy,NaN,1", "price 'NaN'", "a number"),
    "infinity": ("trades", f"binance,BTCUSDT,{T},{L},x,buy,1,inf", "amount 'inf'", "a number"),
    "no price": ("trades", f"binance,BTCUSDT,{T},{L},x,buy,,1", "price nothing", "a number"),
    "price below 0": ("trades", f"binance,BTCUSDT,{T},{L},x,buy,-1,1", "price -1", "0 or more"),
    "amount below 0": ("trades", f"binance,BTCUSDT,{T},{L},x,buy,1,-2", "amount -2", "0 or more"),
    "a side": ("trades", f"binance,BTCUSDT,{T},{L},x,B,1,1", "side B", "buy or sell or unknown"),
    "too few cells": ("trades", f"binance,BTCUSDT,{T},{L},x,buy", "6 columns", "8 columns"),
    "too many cells": ("trades", f"binance,BTCUSDT,{T},{L},x,buy,1,1,1", "9 columns", "8 columns"),
    "an empty line": ("trades", "", "an empty line", "8 columns"),
    "a bid below 0": ("quotes", f"binance,BTCUSDT,{T},{L},1,2,-1,1", "bid price -1", "0 or more"),
    "text in a quote": ("quotes", f"binance,BTCUSDT,{T},{L},1,x,1,1", "ask_price 'x'", "a number"),
    "side of a level": (
        "incremental_book_L2",
        f"binance,BTCUSDT,{T},{L},true,buy,1,1",
        "side buy",
        "bid or ask",
    ),
    "is_snapshot": (
        "incremental_book_L2",
        f"binance,BTCUSDT,{T},{L},yes,bid,1,1",
        "is snapshot yes",
        "true or false",
    ),
    "a level at 0": (
        "incremental_book_L2",
        f"binance,BTCUSDT,{T},{L},false,bid,0,1",
        "price 0",
        "a price above 0",
    ),
    "an amount below 0": (
        "incremental_book_L2",
        f"binance,BTCUSDT,{T},{L},false,bid,1,-1",
        "amount -1",
        "0 or more",
    ),
    "a level below 0": (
        "book_snapshot_5",
        f"binance,BTCUSDT,{T},{L}," + FIELDS["book_snapshot_5"].replace("103,1", "103,-1"),
        "ask size 3 -1",
        "0 or more",
    ),
    "infinite funding": (
        "derivative_ticker",
        f"binance,BTCUSDT,{T},{L},,inf,,5,1,1,1",
        "funding_rate 'inf'",
        "a number",
    ),
    "a right": ("options_chain", f"binance,X,{T},{L},C,100,{T},5,60,100", "type C", "call or put"),
    "a strike": (
        "options_chain",
        f"binance,X,{T},{L},call,0,{T},5,60,100",
        "strike price 0",
        "a strike above 0",
    ),
    "expiry in milliseconds": (
        "options_chain",
        f"binance,X,{T},{L},call,100,{T // 1000},5,60,100",
        "expiration 17",
        CLOCK,
    ),
    "open interest": (
        "options_chain",
        f"binance,X,{T},{L},call,100,{T},-5,60,100",
        "open interest -5",
        "0 or more",
    ),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", ROW_FAULTS)
def test_a_bad_row(tmp_path, case):
    kind, bad, found, expected = ROW_FAULTS[case]
    lines = good(kind)
    path = write(tmp_path / "a_trades.csv", HEADERS[kind], [*lines[:2], bad, *lines[2:]])
    first = faults(path)[0]
    assert (first.file, first.line) == (path.name, 4)
    assert found in first.found
    assert expected in first.expected


@pytest.mark.bad_input("a cell that breaks its column's rule")
def test_a_liquidation_has_a_side(tmp_path):
    lines = [*good("trades"), f"binance,BTCUSDT,{T},{L},x,unknown,1,1"]
    path = write(tmp_path / "a.csv", HEADERS["trades"], lines)
    (fault,) = faults(path, kind="liquidations")
    assert (fault.line, fault.expected) == (6, "buy or sell")


@pytest.mark.bad_input("a file in another unit of time")
def test_a_file_all_in_milliseconds_is_one_fault(tmp_path):
    lines = [line.replace(str(T)[:10], str(T)[:7]) for line in good("quotes")]
    found = faults(write(tmp_path / "a.csv", HEADERS["quotes"], lines))
    assert [fault.line for fault in found] == [2, 2]
    assert "(4 rows, first at lines 2, 3, 4)" in found[0].found


@pytest.mark.bad_input("several faults at once")
def test_every_fault_of_a_file_at_once(tmp_path):
    lines = [line.replace("buy", "b") for line in good("trades")]
    lines[2] = lines[2].replace(",100,2", ",-100,2")
    found = faults(write(tmp_path / "a_trades.csv", HEADERS["trades"], lines))
    assert [fault.found.partition(" (")[0] for fault in found] == ["side b", "price -100.0"]


@pytest.mark.bad_input("a header of no known layout")
@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("time,price,size", "a header of none of the data types"),
        ("binance,BTCUSDT,1,2,x,buy,1,1", "a header of none of the data types"),
        (HEADERS["trades"].replace("local_timestamp", "local"), "none of the data types"),
        (HEADERS["trades"].replace(",amount", ""), "none of the data types"),
        (HEADERS["quotes"].replace(",bid_amount", ""), "a header without bid_amount"),
        (HEADERS["trades"].replace(",id", ",price"), "two columns price"),
        (HEADERS["book_snapshot_5"].replace("bids[2].amount", "x"), "without bids[2].amount"),
        (HEADERS["trades"].replace(",", ";"), "none of the data types"),
    ],
)
def test_a_header_that_is_not_known(tmp_path, header, found):
    (fault,) = faults(write(tmp_path / "a_trades.csv", header, good("trades")))
    assert fault.line == 1
    assert found in fault.found
    assert "exchange, symbol, timestamp" in fault.expected.replace(",", ", ").replace("  ", " ")


@pytest.mark.bad_input("a file's name that denies its content")
def test_a_kind_that_the_header_is_not(tmp_path):
    (fault,) = faults(
        write(tmp_path / "a.csv", HEADERS["quotes"], good("quotes")), kind="derivative_ticker"
    )
    assert "a header without funding_rate, open_interest" in fault.found
    assert "mark_price" in fault.expected


@pytest.mark.bad_input("increments without a snapshot")
def test_increments_without_a_snapshot(tmp_path):
    lines = [line.replace("true", "false") for line in good("incremental_book_L2")]
    (fault,) = faults(write(tmp_path / "a.csv", HEADERS["incremental_book_L2"], lines))
    assert fault.found == "no row of a snapshot"
    assert "is_snapshot true" in fault.expected


@pytest.mark.bad_input("no row to keep")
def test_no_print_to_keep(tmp_path):
    lines = [line.replace(",100,2", ",100,0") for line in good("trades")]
    (fault,) = faults(write(tmp_path / "a_trades.csv", HEADERS["trades"], lines))
    assert fault.found == "no row to keep"


@pytest.mark.bad_input("a last line that is cut off")
def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "a_trades.csv", HEADERS["trades"], good("trades"))
    path.write_bytes(path.read_bytes()[:-9])
    (fault,) = faults(path)
    assert fault.line == 5
    assert "cut off, with 6 columns" in fault.found


@pytest.mark.bad_input("a last line that is cut inside a number")
def test_a_last_line_cut_inside_a_number_is_asked_about(tmp_path):
    path = write(tmp_path / "a.csv", HEADERS["quotes"], good("quotes"))
    path.write_bytes(path.read_bytes()[:-1])
    assert any("is it whole?" in note for note in tardis(path).receipt.notes)


@pytest.mark.bad_input("a truncated gzip")
@pytest.mark.parametrize(("cut", "found"), [(9, "truncated gzip"), (40, "truncated gzip")])
def test_a_truncated_gzip_file(tmp_path, cut, found):
    path = tmp_path / "a_trades.csv.gz"
    content = write(tmp_path / "x", HEADERS["trades"], good("trades", 500)).read_bytes()
    path.write_bytes(gzip.compress(content)[:-cut])
    (fault,) = faults(path)
    assert found in fault.found


@pytest.mark.bad_input("a damaged gzip")
def test_a_damaged_gzip_file(tmp_path):
    path = write(tmp_path / "a_trades.csv", HEADERS["trades"], good("trades"))
    content = bytearray(gzip.compress(path.read_bytes()))
    content[-6] ^= 0xFF  # the checksum
    path.write_bytes(content)
    (fault,) = faults(path)
    assert "damaged" in fault.found


@pytest.mark.bad_input("an empty file")
@pytest.mark.parametrize("content", [b"", b"\n\n", gzip.compress(b"", mtime=0)])
def test_nothing_but_an_empty_file(tmp_path, content):
    path = tmp_path / "a_trades.csv"
    path.write_bytes(content)
    (fault,) = faults(path)
    assert (fault.file, fault.found) == (str(path), "an empty file")


@pytest.mark.bad_input("a header and no row")
def test_a_header_and_no_row(tmp_path):
    (fault,) = faults(write(tmp_path / "a.csv", HEADERS["quotes"], []))
    assert fault.found == "an empty file"
    (fault,) = faults(write(tmp_path / "b.csv", "time,price", []))
    assert "none of the data types" in fault.found


@pytest.mark.bad_input("faults in several files")
def test_every_file_with_a_fault_is_named(tmp_path):
    fine = write(tmp_path / "a_trades.csv", HEADERS["trades"], good("trades"))
    bad = write(tmp_path / "b_trades.csv", HEADERS["trades"], ["x", *good("trades")])
    found = faults(fine, bad, tmp_path / "c.csv")
    assert [Path(fault.file).name for fault in found] == ["b_trades.csv", "c.csv"]
    assert found[1].found == "no such file"


@pytest.mark.bad_input("two exchanges in one study")
def test_two_exchanges(tmp_path):
    one = write(tmp_path / "a_trades.csv", HEADERS["trades"], good("trades"))
    lines = [line.replace("binance", "kraken") for line in good("trades")]
    other = write(tmp_path / "b_trades.csv", HEADERS["trades"], lines)
    (fault,) = faults(one, other)
    assert (fault.file, fault.found) == ("b_trades.csv", "exchange kraken, beside binance")


@pytest.mark.bad_input("two records of the same time")
def test_two_books_of_one_symbol_at_one_time(tmp_path):
    kinds = ("incremental_book_L2", "book_snapshot_5")
    files = [write(tmp_path / f"{kind}.csv", HEADERS[kind], good(kind)) for kind in kinds]
    (fault,) = faults(*files)
    assert fault.found == "book of BTCUSDT at a time that incremental_book_L2.csv holds too"
    assert fault.expected == "one source of a symbol's book at a time"


@pytest.mark.bad_input("the same file twice")
def test_the_same_file_twice(tmp_path):
    one = write(tmp_path / "a_trades.csv", HEADERS["trades"], good("trades"))
    other = write(tmp_path / "b_trades.csv", HEADERS["trades"], good("trades"))
    (fault,) = faults(one, other)
    assert fault.found == "the same content as a_trades.csv"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "trade"}, "no kind 'trade'; the data types are incremental_book_L2"),
        ({"clock": "utc"}, "no clock 'utc'"),
        ({"levels": 0}, "levels must be 1 or more"),
    ],
)
def test_options_that_are_not(tmp_path, options, said):
    path = write(tmp_path / "a_trades.csv", HEADERS["trades"], good("trades"))
    with pytest.raises(ValueError, match=said):
        tardis(path, **options)
