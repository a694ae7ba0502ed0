"""Files that are not Hyperliquid's: one error, naming file, line, what was found and expected."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

import mmresearch as mm
from mmresearch.load.hyperliquid import hyperliquid

ME, OTHER = "0x" + "a1" * 20, "0x" + "b2" * 20
FILL = {"coin": "BTC", "px": "100.0", "sz": "2.0", "side": "B", "time": 1_700_000_000_000}
FILL |= {"startPosition": "0.0", "dir": "Open Long", "closedPnl": "0.0", "hash": "0x1", "oid": 5}
FILL |= {"crossed": True, "fee": "0.1", "tid": 7, "feeToken": "USDC", "twapId": None}
HEADER = "Account,Coin,Execution Price,Size Tokens,Size USD,Side,Timestamp IST,Start Position,"
HEADER += "Direction,Closed PnL,Transaction Hash,Order ID,Crossed,Fee,Trade ID,Timestamp"
ROW = f"{ME},BTC,90000,0.5,45000,SELL,03-12-2024 00:10,0.5,Close Long,12.5,0x4,77,FALSE,-0.9,1,2"


def lines(path: Path, *records) -> Path:
    path.write_text("".join(f"{json.dumps(r)}\n" for r in records), encoding="utf-8")
    return path


def faults(*files: Path, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        hyperliquid(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


BAD = {
    "text in a price": ({"px": "ten"}, "px 'ten'", "a number"),
    "nothing in a size": ({"sz": ""}, "sz nothing", "a number"),
    "not a number": ({"px": "NaN"}, "px 'NaN'", "a number"),
    "infinite": ({"sz": "inf"}, "sz 'inf'", "a number"),
    "text in a position": ({"startPosition": "long"}, "startPosition 'long'", "a number"),
    "text in a fee": ({"fee": "free"}, "fee 'free'", "a number"),
    "negative price": ({"px": "-1"}, "px -1.0", "a price of 0 or more"),
    "size 0": ({"sz": "0.0"}, "sz 0.0", "a size above 0"),
    "another side": ({"side": "S"}, "side S", "B or A"),
    "no side": ({"side": None}, "side nothing", "text"),
    "no coin": ({"coin": ""}, "coin nothing", "text"),
    "another flag": ({"crossed": "maybe"}, "crossed 'maybe'", "true or false"),
    "seconds": ({"time": 1_700_000_000}, "time '1700000000'", "milliseconds"),
    "microseconds": ({"time": 1_700_000_000_000_000}, "time '1700000000000000'", "milliseconds"),
    "a clock": ({"time": "2023-11-14T22:13:20"}, "time '2023-11-14T22:13:20'", "milliseconds"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", BAD)
def test_a_bad_fill(tmp_path, case):
    change, found, expected = BAD[case]
    records = [FILL, FILL | {"tid": 8} | change, FILL | {"tid": 9}]
    (fault,) = faults(lines(tmp_path / "a.jsonl", *records))
    assert (fault.file, fault.line) == ("a.jsonl", 2)
    assert found in fault.found
    assert expected in fault.expected


def test_the_line_of_a_document(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([FILL, FILL | {"tid": 8, "px": "x"}], indent=1))
    # 1 bracket, 17 lines of the first, the brace, coin, px
    assert faults(path)[0].line == 21


@pytest.mark.bad_input("a cell that breaks its column's rule")
def test_a_bad_fill_within_a_block(tmp_path):
    block = {"local_time": "t", "block_time": "t", "block_number": 1}
    bad = {**block, "events": [[ME, FILL | {"px": "?"}]]}
    (fault,) = faults(lines(tmp_path / "9", {**block, "events": []}, bad))
    assert (fault.line, fault.found) == (2, "px '?'")


@pytest.mark.bad_input("a file of another source")
def test_records_of_another_source(tmp_path):
    (fault,) = faults(lines(tmp_path / "a.jsonl", FILL, {"symbol": "BTCUSDT", "qty": "1"}))
    assert (fault.line, fault.found) == (2, "a record with symbol, qty")
    assert "user fills (coin, px, sz, side, time, ...)" in fault.expected
    assert "Timestamp IST" in fault.expected
    assert "a record with 5" in faults(lines(tmp_path / "b.json", [5]))[0].found


@pytest.mark.bad_input("a trade of one side")
def test_a_trade_of_one_side(tmp_path):
    record = {"coin": "BTC", "side": "B", "time": "2023-11-14T22:13:20", "px": "1", "sz": "2"}
    for pair in ([], [{"user": ME}], [{"user": ME}, {"user": None}], None):
        path = lines(tmp_path / "trades", record | {"side_info": pair})
        assert "a record with coin, side, time, px, sz, side_info" in faults(path)[0].found


@pytest.mark.bad_input("one number with two contents")
def test_one_number_with_two_contents(tmp_path):
    (fault,) = faults(lines(tmp_path / "a.jsonl", FILL, FILL | {"px": "101.0"}))
    assert (fault.line, fault.found) == (2, "tid 7 again with other content")
    files = lines(tmp_path / "b.json", FILL), lines(tmp_path / "c.json", FILL | {"sz": "3.0"})
    assert [(f.file, f.line) for f in faults(*files)] == [("c.json", 1)]


@pytest.mark.bad_input("faults in several files")
def test_every_file_with_a_fault_is_named(tmp_path):
    files = [
        lines(tmp_path / "a.json", FILL | {"px": "x", "sz": "y"}),
        lines(tmp_path / "b.json", FILL),
        tmp_path / "c.json",
    ]
    found = faults(*files)
    assert [Path(f.file).name for f in found] == ["a.json", "a.json", "c.json"]
    assert found[2].found == "no such file"


def update(kind, **delta):
    return {"time": 1_700_000_000_000, "hash": "0x5", "delta": {"type": kind, **delta}}


MOVES = {
    "text": (update("deposit", usdc="ten"), "deposit: usdc 'ten'", "a number"),
    "nothing": (update("withdraw", usdc="1"), "withdraw: fee nothing", "a number"),
    "not a number": (update("funding", coin="BTC", usdc="nan"), "usdc 'nan'", "a number"),
    "rate": (update("funding", usdc="1", fundingRate="x"), "fundingRate 'x'", "a number"),
    "seconds": (update("deposit", usdc="1") | {"time": 17}, "time 17", "milliseconds since 1970"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", MOVES)
def test_a_bad_update(tmp_path, case):
    record, found, expected = MOVES[case]
    (fault,) = faults(lines(tmp_path / "m.jsonl", update("deposit", usdc="1"), record), account=ME)
    assert (fault.file, fault.line) == ("m.jsonl", 2)
    assert found in fault.found
    assert fault.expected == expected


@pytest.mark.bad_input("an account that is not there")
def test_which_way_money_went_needs_the_address(tmp_path):
    """Between two addresses nothing else says it."""
    record = update("internalTransfer", usdc="1", fee="0", user=ME, destination=OTHER)
    path = lines(tmp_path / "m.json", record)
    for options in ({}, {"account": "my fund"}):
        (fault,) = faults(path, **options)
        assert fault.found == "internalTransfer between addresses"
        assert "account=, the address whose ledger this is" in fault.expected
    assert len(hyperliquid(path, account=ME).transfers) == 1


@pytest.mark.bad_input("an account that is not there")
def test_an_account_that_is_not_there(tmp_path):
    (fault,) = faults(lines(tmp_path / "a.jsonl", [ME, FILL]), account=OTHER)
    assert fault.found == f"no fill and no transfer of account {OTHER}"


@pytest.mark.bad_input("a truncated JSON document")
def test_a_truncated_document(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([FILL, FILL], indent=1)[:-20])
    (fault,) = faults(path)
    assert "text that is not JSON" in fault.found
    assert "is it whole?" in fault.expected


@pytest.mark.bad_input("a last line that is cut off")
def test_lines_that_are_cut(tmp_path):
    path = lines(tmp_path / "a.jsonl", FILL, FILL | {"tid": 8})
    path.write_text(path.read_text()[:-20])
    (fault,) = faults(path)
    assert (fault.line, fault.found) == (2, "a line that is not JSON")


@pytest.mark.bad_input("a truncated gzip")
@pytest.mark.parametrize("packing", ["lz4", "gzip"])
def test_truncated_packed_files(tmp_path, packing):
    data = (json.dumps(FILL) + "\n").encode() * 200
    path = tmp_path / f"a.{packing}"
    if packing == "lz4":
        with pa.output_stream(path, compression="lz4") as stream:
            stream.write(data)
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.write_bytes(gzip.compress(data)[:-20])
    assert "runcated" in faults(path)[0].found


@pytest.mark.bad_input("the same file twice")
def test_empty_missing_and_twice(tmp_path):
    empty = tmp_path / "a.json"
    empty.write_text("")
    assert faults(empty)[0].found == "an empty file"
    assert faults(tmp_path / "b.json")[0].found == "no such file"
    assert faults()[0].found == "nothing given"
    one, same = lines(tmp_path / "c.json", FILL), lines(tmp_path / "d.json", FILL)
    assert faults(one, same)[0].found == "the same content as c.json"


def export(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("".join(f"{row}\n" for row in (header, *rows)), encoding="utf-8")
    return path


EXPORT = {
    "text in a price": (("90000", "x"), "Execution Price 'x'", "a number"),
    "nothing in a size": (("0.5,45000", ",45000"), "Size Tokens nothing", "a number"),
    "size 0": (("0.5,45000", "0,45000"), "Size Tokens 0.0", "a size above 0"),
    "another side": (("SELL", "LONG"), "Side LONG", "BUY or SELL"),
    "another clock": (("03-12-2024 00:10", "2024-12-03 00:10"), "Timestamp IST 2024", "31-12-2024"),
    "no day": (("03-12-2024", "03-13-2024"), "Timestamp IST 03-13-2024", "31-12-2024 22:50"),
    "another flag": (("FALSE", "no"), "Crossed no", "TRUE or FALSE"),
    "too few columns": ((",-0.9,1,2", ""), "13 columns", "16 columns"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", EXPORT)
def test_a_bad_row_of_the_export(tmp_path, case):
    change, found, expected = EXPORT[case]
    (fault,) = faults(export(tmp_path / "a.csv", ROW, ROW.replace(*change), ROW))
    assert (fault.file, fault.line) == ("a.csv", 3)
    assert found in fault.found
    assert expected in fault.expected


@pytest.mark.bad_input("a header of no known layout")
def test_a_csv_file_that_is_no_export(tmp_path):
    (fault,) = faults(export(tmp_path / "a.csv", "1,2,3", header="time,price,size"))
    assert fault.line == 1
    assert "a header without Account, Coin, Execution Price" in fault.found
    assert "Timestamp IST" in fault.expected
