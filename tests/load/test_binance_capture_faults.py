"""Captures with bad lines: each is named, and nothing is loaded."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.load.binance import binance
from mmresearch.load.binance import lines as binance_lines

LOCAL = 1722470400000000000
MS = 1722470400000
TRADE = {"e": "trade", "E": MS, "s": "BTCUSDT", "t": 1, "p": "100.5", "q": "2", "T": MS}
TRADE |= {"m": True, "M": True}
TICKER = {"u": 1, "s": "BTCUSDT", "b": "99", "B": "1", "a": "101", "A": "1"}
DEPTH = {"e": "depthUpdate", "E": MS, "s": "BTCUSDT", "U": 1, "u": 2}
DEPTH |= {"b": [["99", "1"]], "a": []}
SNAPSHOT = {"lastUpdateId": 5, "bids": [["99", "1"]], "asks": [["101", "1"]]}
FORM = "a line of local nanoseconds and JSON"


def line(payload: dict, **changed) -> str:
    fields = {name: value for name, value in (payload | changed).items() if value is not Ellipsis}
    return f"{LOCAL} {json.dumps({'stream': 'btcusdt@x', 'data': fields})}"


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def faults(*files, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        binance(*files, **options)
    return caught.value.faults


GOOD = [line(TRADE, t=n) for n in range(4)]


def test_the_lines_of_these_tests_are_good(tmp_path):
    rows = [*GOOD, line(TICKER), line(DEPTH), f"{LOCAL} {json.dumps(SNAPSHOT)}"]
    assert binance(write(tmp_path / "a.jsonl", rows)).receipt.rows_read == 7


BAD = {
    "no local time": (line(TRADE).partition(" ")[2], "a line without a local time", FORM),
    "milliseconds": (f"{MS} {{}}", "a local time of 13 digits", FORM),
    "no JSON": (f"{LOCAL} trade of 2", "a line that is not local time and JSON", FORM),
    "a cut line": (line(TRADE)[:-20], "a line that is not local time and JSON", FORM),
    "a cut line that ends in }": (line(TRADE)[:-1], "a line that is not JSON", FORM),
    "two documents": (f"{line(TRADE)},{json.dumps(TRADE)}", "a line that is not JSON", FORM),
    "an empty line": ("", "an empty line", FORM),
    "a cut line of another event": (
        f'{LOCAL} {{"e":"kline","k":{{"t":1}}',
        "a line that is not JSON",
        FORM,
    ),
    "no price": (line(TRADE, p=...), "trade without p", "p"),
    "no flag": (line(TRADE, m=None), "trade without m", "m"),
    "no time": (line(TRADE, T=..., E=...), "trade without T and E", "T or E"),
    "no symbol": (line(TICKER, s=...), "bookTicker without s", "s"),
    "no ids": (line(DEPTH, U=...), "depthUpdate without U", "U"),
    "text for a number": (line(TRADE, p="dear"), "trade with p 'dear'", "a number of 0 or more"),
    "nan": (line(TRADE, q="NaN"), "trade with q 'NaN'", "a number of 0 or more"),
    "a negative price": (line(TICKER, b="-1"), "bookTicker with b '-1'", "a number of 0 or more"),
    "a quantity at no price": (line(TICKER, b="0"), "bookTicker with b 0", "a price above 0"),
    "a flag in words": (line(TRADE, m="true"), 'trade with m "true"', "true or false"),
    "an id in words": (line(TRADE, t="one"), 'trade with t "one"', "a whole number"),
    "levels in words": (line(DEPTH, b={"99": "1"}), 'depthUpdate with b {"99": "1"}', "a list"),
    "a level without size": (line(DEPTH, b=[["99"]]), "a level ['99']", "[price above 0"),
    "a level that is no number": (line(DEPTH, a=[["x", "1"]]), "a level ['x', '1']", "[price"),
    "a level at price 0": (line(DEPTH, a=[["0", "1"]]), "a level ['0', '1']", "[price above 0"),
    "seconds": (line(TRADE, T=MS // 1000), f"a time {MS // 1000}", "milliseconds, as the file's"),
    "microseconds": (line(TRADE, T=MS * 1000), f"a time {MS * 1000}", "milliseconds, as the"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", BAD)
def test_a_bad_line(tmp_path, case):
    bad, found, expected = BAD[case]
    (fault,) = faults(write(tmp_path / "a.jsonl", [*GOOD[:2], bad, *GOOD[2:]]))
    assert (fault.file, fault.line) == ("a.jsonl", 3)
    assert fault.found.startswith(found)
    assert fault.expected.startswith(expected)


@pytest.mark.bad_input("a last line that is cut off")
def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "a.jsonl", GOOD)
    path.write_bytes(path.read_bytes()[:-30])
    (fault,) = faults(path)
    assert fault.line == 4
    assert fault.found.startswith("a last line that is cut off")


@pytest.mark.bad_input("several faults at once")
def test_every_fault_of_every_line(tmp_path):
    rows = [GOOD[0], line(TRADE, p="x"), line(TRADE, p="y"), "", line(DEPTH)]
    rows.insert(4, line(TICKER, u=...).replace("@x", "@bookTicker"))
    found = faults(write(tmp_path / "a.jsonl", rows))
    assert [(f.line, f.found) for f in found] == [
        (2, "trade with p 'x' (2 rows, first at lines 2, 3)"),
        (4, "an empty line"),
        (5, "bookTicker without u"),
    ]


@pytest.mark.bad_input("a truncated gzip")
def test_a_truncated_gzip_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress("\n".join(GOOD).encode())[:-9])
    assert "truncated gzip" in faults(path)[0].found


@pytest.mark.bad_input("a file of another source")
def test_lines_of_nothing_that_is_read(tmp_path):
    (fault,) = faults(write(tmp_path / "a.jsonl", [f'{LOCAL} {{"result":null,"id":1}}']))
    assert fault.found == "no trade, bookTicker or depthUpdate"


@pytest.mark.bad_input("two markets of one symbol")
def test_spot_and_futures_in_one_capture(tmp_path):
    (fault,) = faults(write(tmp_path / "a.jsonl", [GOOD[0], line(TRADE, M=..., X="MARKET")]))
    assert fault.found == "BTCUSDT of spot and of futures"


@pytest.mark.bad_input("two records of the same time")
def test_captures_of_the_same_time(tmp_path):
    one = write(tmp_path / "a.jsonl", GOOD[:2])
    other = write(tmp_path / "b.jsonl", GOOD[2:])
    (fault,) = faults(one, other)
    assert (fault.file, fault.found) == (
        "b.jsonl",
        "trade of BTCUSDT at times that a.jsonl has too",
    )


@pytest.mark.bad_input("one name for two symbols")
def test_one_name_for_two_symbols(tmp_path):
    path = write(tmp_path / "a.jsonl", [GOOD[0], line(TRADE, s="ETHUSDT")])
    (fault,) = faults(path, symbol="X")
    assert fault.found == "2 symbols: BTCUSDT, ETHUSDT"


@pytest.mark.bad_input("a snapshot that does not fit")
@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("{", "no JSON"),
        ('{"bids": []}', "another document"),
        (json.dumps(TRADE), "another document"),
        (json.dumps(SNAPSHOT | {"bids": [["x", "1"]]}), "a level ['x', '1']"),
        (json.dumps(SNAPSHOT | {"lastUpdateId": 0}), "a snapshot that no depth update of BTCUSDT"),
        (json.dumps(SNAPSHOT | {"symbol": "ETHUSDT"}), "a snapshot that no depth update of ETH"),
    ],
)
def test_a_snapshot_that_is_none(tmp_path, content, found):
    path = write(tmp_path / "depth.json", [content])
    capture = write(tmp_path / "a.jsonl", [line(DEPTH, U=4, u=6)])
    (fault,) = faults(capture, snapshot=path)
    assert fault.file == "depth.json"
    assert fault.found.startswith(found)


@pytest.mark.bad_input("a snapshot that does not fit")
def test_a_snapshot_file_that_is_missing(tmp_path):
    capture = write(tmp_path / "a.jsonl", GOOD)
    assert faults(capture, snapshot=tmp_path / "no.json")[0].found == "no such file"


@pytest.mark.bad_input("a snapshot that does not fit")
def test_a_snapshot_beside_two_symbols(tmp_path):
    path = write(tmp_path / "depth.json", [json.dumps(SNAPSHOT)])
    capture = write(tmp_path / "a.jsonl", [line(DEPTH), line(DEPTH, s="ETHUSDT")])
    (fault,) = faults(capture, snapshot=path)
    assert fault.found == "a snapshot beside depth updates of 2 symbols"


@pytest.mark.parametrize("size", [1, 150, 1000])
def test_files_are_decoded_in_pieces(tmp_path, monkeypatch, size):
    rows = [*(line(TRADE, t=n) for n in range(20)), line(TICKER), line(DEPTH)]
    path = write(tmp_path / "a.jsonl", rows)
    whole = binance(path)
    monkeypatch.setattr(binance_lines, "_BLOCK", size)
    pieces = binance(path)
    assert pieces.trades.equals(whole.trades)
    assert pieces.receipt.set_aside.equals(whole.receipt.set_aside)
    rows[17] = line(TRADE, p="x")
    (fault,) = faults(write(path, rows))
    assert fault.line == 18
