"""Files that are no executions: one error, naming file, line, what was found and expected."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.load.fills_export import fills_export

ROW = {
    "symbol": "BTCUSDT",
    "id": 1,
    "orderId": 70,
    "price": "50000.00",
    "qty": "0.2",
    "commission": "10",
    "commissionAsset": "USDT",
    "time": 1700000000123,
    "isBuyer": True,
    "isMaker": False,
}
KRAKEN = {"ordertxid": "O", "pair": "XXBTZUSD", "time": 1710429248.5, "type": "sell"}
KRAKEN |= {"price": "72000", "cost": "7.2", "fee": "0.01", "vol": "0.0001"}


def lines(path: Path, *rows) -> Path:
    """The rows one a line, so that a row's number is its line."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def faults(*files: Path, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        fills_export(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


BAD = {
    "text in a number": ({"price": "ten"}, "price 'ten'", "a number"),
    "nothing in a number": ({"qty": ""}, "qty nothing", "a number"),
    "null in a number": ({"qty": None}, "qty nothing", "a number"),
    "nan as text": ({"price": "NaN"}, "price 'NaN'", "a number"),
    "infinite as text": ({"price": "inf"}, "price 'inf'", "a number"),
    "a decimal comma": ({"price": "50000,0"}, "price '50000,0'", "a number"),
    "price 0": ({"price": "0.0"}, "price 0.0", "price above 0"),
    "negative size": ({"qty": "-1"}, "qty -1.0", "size above 0"),
    "size 0": ({"qty": "0"}, "qty 0.0", "size above 0"),
    "text in a fee": ({"commission": "free"}, "commission 'free'", "a number"),
    "no side": ({"isBuyer": None}, "isBuyer nothing", "text"),
    "another side": ({"isBuyer": "both"}, "isBuyer both", "buy or sell"),
    "another liquidity": ({"isMaker": "perhaps"}, "isMaker perhaps", "maker or taker"),
    "no symbol": ({"symbol": ""}, "symbol nothing", "text"),
    "no number": ({"id": None}, "id nothing", "text"),
    "a time in microseconds": ({"time": 1700000000123000}, "1700000000123000'", "milliseconds"),
    "a time in seconds": ({"time": 1700000000}, "time '1700000000'", "milliseconds"),
    "a time in words": ({"time": "2023-11-14T22:13:20Z"}, "time '2023-11-14", "milliseconds"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", BAD)
def test_a_bad_record(tmp_path, case):
    change, found, expected = BAD[case]
    rows = [ROW, ROW | {"id": 2}, ROW | {"id": 3} | change, ROW | {"id": 4}]
    (fault,) = faults(lines(tmp_path / "a.jsonl", *rows))
    assert (fault.file, fault.line) == ("a.jsonl", 3)
    assert found in fault.found
    assert expected in fault.expected


@pytest.mark.bad_input("a record that lacks a field")
def test_a_field_that_is_not_there(tmp_path):
    rows = [ROW, {k: v for k, v in ROW.items() if k != "qty"} | {"id": 2}]
    (fault,) = faults(lines(tmp_path / "a.jsonl", *rows))
    assert (fault.line, fault.found) == (2, "qty nothing")


@pytest.mark.bad_input("faults in several files")
def test_every_fault_of_every_file_is_named(tmp_path):
    one = lines(tmp_path / "a.jsonl", ROW | {"price": "x", "qty": "y"})
    other = lines(tmp_path / "b.jsonl", ROW, ROW | {"id": 2, "time": "z"})
    good = lines(tmp_path / "c.jsonl", ROW)
    found = faults(one, other, good, tmp_path / "d.json")
    assert [(Path(f.file).name, f.line) for f in found] == [
        ("a.jsonl", 1),
        ("a.jsonl", 1),
        ("b.jsonl", 2),
        ("d.json", None),
    ]
    assert found[3].found == "no such file"


@pytest.mark.bad_input("many rows of one fault")
def test_many_bad_records_are_one_fault(tmp_path):
    rows = [ROW | {"id": i, "price": "?"} for i in range(5)]
    (fault,) = faults(lines(tmp_path / "a.jsonl", *rows))
    assert "5 rows, first at lines 1, 2, 3" in fault.found


def test_lines_of_one_document(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ROW, ROW | {"id": 2, "price": "x"}], indent=2))
    (fault,) = faults(path)
    assert fault.line == 23  # that of its isBuyer: 1 + 12 before it, then the tenth


ANSWERS = {
    "kraken": ({"error": ["EAPI:Invalid key"]}, "EAPI:Invalid key"),
    "bybit": ({"retCode": 10003, "retMsg": "API key is invalid.", "result": {}}, "API key is"),
    "binance": ({"code": -2015, "msg": "Invalid API-key, IP"}, "Invalid API-key, IP"),
    "bitmex": ({"error": {"message": "Access Denied", "name": "HTTPError"}}, "Access Denied"),
    "deribit": ({"jsonrpc": "2.0", "error": {"code": 13009}}, "13009"),
}


@pytest.mark.bad_input("an API's refusal saved as data")
@pytest.mark.parametrize("venue", ANSWERS)
def test_an_answer_that_is_a_refusal(tmp_path, venue):
    content, said = ANSWERS[venue]
    (fault,) = faults(lines(tmp_path / "a.json", content))
    assert fault.line == 1
    assert "an answer that is an error" in fault.found
    assert said in fault.found


@pytest.mark.bad_input("a file of another source")
def test_records_of_another_source(tmp_path):
    (fault,) = faults(lines(tmp_path / "a.json", [{"coin": "BTC", "px": "1", "sz": "2"}]))
    assert "records with coin, px, sz" in fault.found
    for venue in ("binance", "bybit", "kraken", "bitmex", "dydx", "deribit", "coinbase"):
        assert venue in fault.expected


@pytest.mark.bad_input("no row to keep")
@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([1, 2, 3], "a record that is '1'"),
        ([ROW, 7], "no record"),
        ("words", "str 'words' instead of records"),
        ({"time": 1, "status": "ok"}, "an answer of unknown form, with time, status"),
    ],
)
def test_no_records(tmp_path, content, found):
    assert found in faults(lines(tmp_path / "a.json", content))[0].found


@pytest.mark.bad_input("one number with two contents")
def test_one_number_with_two_contents(tmp_path):
    rows = [ROW, ROW | {"id": 2}, ROW | {"price": "50001"}]
    (fault,) = faults(lines(tmp_path / "a.jsonl", *rows))
    assert (fault.line, fault.found) == (3, "id again with other content")


@pytest.mark.bad_input("no row to keep")
def test_no_execution_among_the_records(tmp_path):
    row = {"execID": "x", "lastQty": None, "lastPx": None, "settlCurrency": "XBt"}
    row |= {"execType": "New", "transactTime": "2024-11-25T10:35:00.789Z"}
    assert faults(lines(tmp_path / "a.json", row))[0].found == "no execution among the records"


@pytest.mark.bad_input("a file in another unit of time")
def test_times_of_other_forms(tmp_path):
    content = {"result": {"trades": {"T": KRAKEN | {"time": 1710429248500}}}}
    (fault,) = faults(lines(tmp_path / "a.json", content))
    assert fault.found == "time '1710429248500'"
    assert "seconds since 1970" in fault.expected


@pytest.mark.bad_input("rows out of order")
def test_rows_out_of_order_are_put_in_order(tmp_path):
    times = [1700000000300, 1700000000100, 1700000000200]
    path = lines(tmp_path / "a.jsonl", *(ROW | {"id": t, "time": t} for t in times))
    market = fills_export(path)
    assert market.fills["seq"].tolist() == [2, 3, 1]
    assert market.fills["time"].is_monotonic_increasing


@pytest.mark.bad_input("a truncated JSON document")
def test_a_truncated_document(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ROW, ROW], indent=1)[:-30])
    (fault,) = faults(path)
    assert "text that is not JSON" in fault.found
    assert "is it whole?" in fault.expected


@pytest.mark.bad_input("a last line that is cut off")
def test_a_line_that_is_cut(tmp_path):
    path = lines(tmp_path / "a.jsonl", ROW, ROW | {"id": 2})
    path.write_text(path.read_text()[:-20])
    (fault,) = faults(path)
    assert fault.line == 2
    assert "a line that is not JSON" in fault.found


@pytest.mark.bad_input("NaN and infinity in JSON")
def test_numbers_that_json_does_not_know(tmp_path):
    path = lines(tmp_path / "a.json", [ROW | {"price": float("nan")}])
    assert "NaN is not a number" in faults(path)[0].found


@pytest.mark.bad_input("a truncated gzip")
def test_a_truncated_gzip_file(tmp_path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(json.dumps([ROW] * 50).encode())[:-12])
    assert "truncated gzip" in faults(path)[0].found


@pytest.mark.bad_input("an empty file")
def test_empty_missing_and_nothing(tmp_path):
    empty = tmp_path / "a.json"
    empty.write_text("")
    assert faults(empty)[0].found == "an empty file"
    assert faults(tmp_path / "b.json")[0].found == "no such file"
    assert faults(tmp_path / "c*")[0].found == "no file"
    assert faults()[0].found == "nothing given"


@pytest.mark.bad_input("the same file twice")
def test_the_same_file_twice(tmp_path):
    path = lines(tmp_path / "a.jsonl", ROW)
    assert "the same content" in faults(path, path)[0].found


@pytest.mark.bad_input("two markets of one symbol")
def test_a_symbol_that_is_spot_here_and_a_contract_there(tmp_path):
    """Two instruments of one name are not added up."""
    futures = {"symbol": "BTCUSDT", "id": 5, "side": "BUY", "price": "5", "qty": "1"}
    futures |= {"realizedPnl": "0", "marginAsset": "USDT", "commission": "0", "maker": True}
    futures |= {"commissionAsset": "USDT", "time": 1700000000123}
    files = lines(tmp_path / "a.json", ROW), lines(tmp_path / "b.json", futures)
    assert "describe differently: BTCUSDT" in faults(*files)[0].found
