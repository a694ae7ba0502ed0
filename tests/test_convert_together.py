"""Sources whose files are judged together: each file is read once, whatever interrupts the work."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import convert as conversion
from mmresearch.convert import convert
from mmresearch.load import steps
from tests.cases import CASES, OTHER, POOL, TOKEN, WALLET, lines

MS = 1722470400000  # 2024-08-01 00:00 UTC


class Together(NamedTuple):
    """Files by name, options, what sets rows aside between files, an option that reading heeds."""

    source: str
    files: dict[str, str]
    options: dict[str, Any]
    reasons: dict[str, int]
    other: dict[str, Any] | None


def report(*dates: str) -> str:
    """A row of the CFTC's report on each date."""
    head, row = CASES["cftc"].files["FinFutYY.txt"].splitlines()
    rows = [
        row.replace("2025-01-07", date).replace('"250107"', f'"{date[2:].replace("-", "")}"')
        for date in dates
    ]
    return lines(head, *rows)


def transferred(*numbers: int) -> str:
    """Transfers of 2.5 tokens into the wallet, by log index."""
    return lines(
        "token_address,from_address,to_address,value,transaction_hash,log_index,block_number,"
        "block_timestamp",
        *(
            f"{TOKEN},{OTHER},{WALLET},2500000,0x{'1' * 64},{n},100,2024-08-01 00:00:00 UTC"
            for n in numbers
        ),
    )


def minutes(*numbers: int) -> str:
    head, row = next(iter(CASES["uniswap"].files.values())).splitlines()
    return lines(head, *(row.replace("00:00:00", f"00:{n:02d}:00") for n in numbers))


def burns(*numbers: int, feed: str = "burns") -> str:
    """The subgraph's answer."""
    records = [
        {"id": f"0x{n}", "timestamp": str(1691884800 + n), "amount0": "1.5", "amount1": "0.25"}
        for n in numbers
    ]
    return json.dumps({"data": {feed: records}})


def fills(*numbers: int) -> str:
    """Sales of 2 ether each, from 20 down."""
    (record,) = json.loads(CASES["hyperliquid"].files["fills.json"])
    return json.dumps(
        [record | {"tid": n, "time": MS + n, "startPosition": str(20.0 - 2 * n)} for n in numbers]
    )


def funding(*numbers: int) -> str:
    """Funding of 0.1 + 0.2, which no decimal of 16 digits is."""
    paid = {"type": "funding", "coin": "ETH", "usdc": "0.30000000000000004", "szi": "1.0"}
    rows = [
        {"time": MS + n, "hash": "0x0", "delta": paid | {"fundingRate": "0.0001"}} for n in numbers
    ]
    return json.dumps(rows)


def capture(first: int, *payloads: dict) -> str:
    """Lines of a capture, from that millisecond on."""
    rows = enumerate(payloads, start=first)
    return lines(*(f"{(MS + n) * 10**6} {json.dumps(payload)}" for n, payload in rows))


def depth(update: int, bid: str) -> dict:
    ids = {"e": "depthUpdate", "E": MS, "s": "BTCUSDT", "U": update, "u": update}
    return ids | {"b": [[bid, "1"]], "a": []}


def traded(number: int) -> dict:
    about = {"e": "trade", "E": MS, "T": MS, "s": "BTCUSDT", "t": number, "p": "100", "q": "2"}
    return about | {"m": True, "M": True}


SNAPSHOT = {"lastUpdateId": 3, "bids": [["99", "2"]], "asks": [["101", "3"]]}
VIX = "DATE,OPEN,HIGH,LOW,CLOSE"
WEEK = "As Of Date,Time Series,Value (millions)"
PRINT, BEST = "DT,EX,SYMBOL,COND,SIZE,PRICE,CORR", "DT,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL"
SECOND = 1514903400  # 2018-01-02 09:30 in New York
CASES_TOGETHER = {
    "series": Together(
        "series",
        {
            "VIX_1.csv": lines(VIX, "12/30/2024,17,18,16,17.5", "12/31/2024,17,18,16,17.4"),
            "VIX_2.csv": lines(VIX, "12/31/2024,17,18,16,17.4", "01/02/2025,18,19,17,18.1"),
            "VIX_3.csv": lines(VIX, "01/03/2025,18,19,17,.", "01/13/2025,18,19,17,18"),
        },
        {"delay": "12h"},
        {"duplicate": 1},
        {"symbol": "VOL"},
    ),
    "nyfed": Together(
        "nyfed",
        {
            "a.csv": lines(WEEK, "2024-08-07,PDPOSGST-TOT,100", "2024-08-07,PDFTD-USTET,7"),
            "b.csv": lines(WEEK, "2024-08-07,PDPOSGST-TOT,100", "2024-08-14,PDPOSGST-TOT,*"),
            "c.csv": lines(WEEK, "2024-08-21,PDPOSGST-TOT,90"),
        },
        {},
        {"duplicate": 1, "suppressed": 1},
        None,
    ),
    "cftc": Together(
        "cftc",
        {
            "a.txt": report("2025-01-07", "2025-01-14"),
            "b.txt": report("2025-01-14", "2025-01-21"),
            "c.txt": report("2025-01-28"),
        },
        {},
        {"duplicate": 1},
        {"groups": "all"},
    ),
    "erc20": Together(
        "erc20",
        {"a.csv": transferred(1, 2), "b.csv": transferred(2, 3), "c.csv": transferred(4)},
        {"labels": {WALLET: "maker"}, "decimals": {TOKEN: 6}},
        {"repeated": 1},
        None,
    ),
    "uniswap": Together(
        "uniswap",
        {
            f"a-{POOL}.csv": minutes(0, 1),
            f"b-{POOL}.csv": minutes(1, 2),
            f"c-{POOL}.csv": minutes(3),
        },
        {"account": "amm"},
        {"repeated": 1},
        {"event": "swap"},
    ),
    "uniswap's events": Together(
        "uniswap",
        {
            f"a-{POOL}.json": burns(1, 2),
            f"b-{POOL}.json": burns(2, 3),
            f"c-{POOL}.json": burns(4, feed="collects"),
        },
        {},
        {"repeated": 1, "burn: what it frees leaves the pool when it is collected": 3},
        {"event": "burn"},
    ),
    "hyperliquid": Together(
        "hyperliquid",
        {"a.json": fills(2, 1), "b.json": fills(3, 2), "c.json": funding(1, 2)},
        {},
        {"duplicate": 1},
        {"account": "0x" + "a" * 40},
    ),
    "binance": Together(
        "binance",
        {
            "a.jsonl": capture(1, SNAPSHOT, depth(4, "99.5"), traded(1), {"e": "kline", "s": "X"}),
            "b.jsonl": capture(9, depth(5, "99.6"), traded(1), traded(2)),
            "c.jsonl": capture(20, depth(7, "99.7"), traded(3)),
        },
        {"levels": 1},
        {
            "kline, which is not read": 1,
            "duplicate": 1,
            "depth update after a gap in the update ids": 1,
        },
        {"symbol": "XBT"},
    ),
    "binance's files": Together(
        "binance",
        {
            "BTCUSDT-trades-2024-08-01.csv": CASES["binance"].files[
                "BTCUSDT-trades-2024-08-01.csv"
            ],
            "BTCUSDT-trades-2024-08.csv": lines(
                "2,64000.2,0.1,6400.02,1722470400100,False,True",
                "3,64000.3,0.1,6400.03,1722556800100,False,True",
            ),
            "ETH.jsonl": capture(0, traded(1) | {"s": "ETHUSDT"}),
        },
        {},
        {"already in another file": 1},
        {"kind": "trades"},
    ),
    "taq": Together(
        "taq",
        {
            "a.csv": lines(
                PRINT, f"{SECOND + 5}.5,N,XXX,,2,157.8,0", f"{SECOND + 6}.5,N,XXX,,2,9,0"
            ),
            "b.csv": lines(BEST, f"{SECOND}.5,N,157.7,1,157.9,1,XXX"),
            "c.csv": lines(PRINT, f"{SECOND + 7}.5,N,XXX,,2,157.9,1"),
        },
        {"clean": ["T1", "T4"]},
        {"T1": 1, "T4": 1},
        {"epoch": "America/New_York"},
    ),
}


@pytest.fixture(params=CASES_TOGETHER)
def case(request, tmp_path) -> Together:
    (tmp_path / "in").mkdir()
    found = CASES_TOGETHER[request.param]
    for name, content in found.files.items():
        (tmp_path / "in" / name).write_text(content)
    return found


@pytest.fixture
def files(case, tmp_path) -> list[Path]:
    return [tmp_path / "in" / name for name in case.files]


@pytest.fixture
def read(monkeypatch) -> Iterator[list[str]]:
    """The names of the files that are read, as they are; one named in `stop` stops the work."""
    seen = Watched()

    def watched(source: str, options: dict) -> steps.Steps:
        found = steps.steps_of(source, options)

        def one(path: Path) -> Any:
            if path.name == seen.stop:
                raise KeyboardInterrupt
            seen.append(path.name)
            return found.read(path)

        return found._replace(read=one)

    monkeypatch.setattr(conversion, "steps_of", watched)
    return seen


class Watched(list):
    stop = ""


def same(market: mm.Market, other: mm.Market) -> None:
    assert market.data_hash == other.data_hash
    assert market.name == other.name
    assert market.receipt.facts() == other.receipt.facts()
    pd.testing.assert_frame_equal(market.symbols, other.symbols)
    aside = [m.receipt.set_aside.astype({"line": "Int64", "text": "str"}) for m in (market, other)]
    pd.testing.assert_frame_equal(*aside, check_dtype=False)


def test_file_by_file_gives_what_all_at_once_gives(case, files, tmp_path):
    convert(case.source, files, tmp_path / "out", options=case.options)
    market = mm.open(tmp_path / "out")
    same(market, getattr(mm.load, case.source)(*files, **case.options))
    assert market.receipt.reasons.to_dict() == case.reasons
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.bad_input("an interrupt in the middle of convert")
def test_an_interrupted_run_reads_no_file_again(case, files, tmp_path, read):
    read.stop = files[1].name
    with pytest.raises(KeyboardInterrupt):
        convert(case.source, files, tmp_path / "out", options=case.options)
    assert read == [files[0].name]
    assert not (tmp_path / "out").exists()

    read.stop = files[2].name
    with pytest.raises(KeyboardInterrupt):
        convert(case.source, files, tmp_path / "out", options=case.options)
    read.stop = ""
    convert(case.source, files, tmp_path / "out", options=case.options)
    assert read == [path.name for path in files]
    same(mm.open(tmp_path / "out"), getattr(mm.load, case.source)(*files, **case.options))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_what_is_kept_is_parquet_and_json(case, files, tmp_path, read):
    read.stop = files[2].name
    with pytest.raises(KeyboardInterrupt):
        convert(case.source, files, tmp_path / "out", options=case.options)
    kept = [path for path in (tmp_path / ".out.parts").rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} == {".parquet", ".json"}


def test_progress_is_told_after_every_file(case, files, tmp_path, read):
    said = io.StringIO()
    read.stop = files[1].name
    with pytest.raises(KeyboardInterrupt):
        convert(case.source, files, tmp_path / "out", options=case.options, progress=said)
    read.stop = ""
    market = convert(case.source, files, tmp_path / "out", options=case.options, progress=said)
    told, end = said.getvalue().splitlines()[:4], said.getvalue().splitlines()[4:]
    assert [line.split(":")[0] for line in told] == [
        f"1/3 {files[0].name}",
        f"1/3 {files[0].name} (read before)",
        f"2/3 {files[1].name}",
        f"3/3 {files[2].name}",
    ]
    first = market.receipt.files.set_index("file")["rows"][files[0].name]
    assert f" {first} rows, 0.0 of 0.0 MB, 0:0" in told[0]
    assert f" {market.receipt.rows_read} rows" in told[-1]
    assert told[-1].endswith("0:00 left")
    assert end[0] == "making one market of 3 files"
    assert end[1].startswith(f"{market.receipt.rows_read} rows in 0:0")


@pytest.mark.bad_input("a file that changes between two runs")
def test_a_changed_file_is_read_anew(case, files, tmp_path, read):
    read.stop = files[2].name
    with pytest.raises(KeyboardInterrupt):
        convert(case.source, files, tmp_path / "out", options=case.options)
    files[1].write_text(f"{case.files[files[1].name]}\n")
    read.stop, read[:] = "", []
    convert(case.source, files, tmp_path / "out", options=case.options)
    assert read == [path.name for path in files[1:]]
    same(mm.open(tmp_path / "out"), getattr(mm.load, case.source)(*files, **case.options))


def test_files_are_read_anew_where_an_option_says_how(case, files, tmp_path, read):
    read.stop = files[2].name
    with pytest.raises(KeyboardInterrupt):
        convert(case.source, files, tmp_path / "out", options=case.options)
    read.stop, read[:] = "", []
    options = case.options | (case.other or {})
    convert(case.source, files, tmp_path / "out", options=options)
    assert read == [path.name for path in (files if case.other else files[2:])]
    same(mm.open(tmp_path / "out"), getattr(mm.load, case.source)(*files, **options))


@pytest.mark.bad_input("faults in several files")
def test_bad_files_are_all_named_and_the_good_one_is_kept(case, files, tmp_path, read):
    for path in (files[0], files[2]):
        path.write_text("something else\nentirely\n")
    with pytest.raises(mm.SourceError) as caught:
        convert(case.source, files, tmp_path / "out", options=case.options)
    assert {fault.file for fault in caught.value.faults} == {files[0].name, files[2].name}
    assert "1 of 3 files are read and kept for the next run" in str(caught.value)
    for path in (files[0], files[2]):
        path.write_text(case.files[path.name])
    read[:] = []
    convert(case.source, files, tmp_path / "out", options=case.options)
    assert read == [files[0].name, files[2].name]


def test_what_options_say_of_all_files_reads_none_again(tmp_path, read):
    case = CASES_TOGETHER["erc20"]
    for name, content in case.files.items():
        (tmp_path / name).write_text(content)
    files = [tmp_path / name for name in case.files]
    with pytest.raises(mm.SourceError, match="unknown decimals"):
        convert("erc20", files, tmp_path / "out", options={"labels": {WALLET: "maker"}})
    assert len(read) == 3
    convert("erc20", files, tmp_path / "out", options=case.options)
    assert len(read) == 3


def test_a_moved_folder_is_not_read_again(tmp_path, read):
    case = CASES_TOGETHER["nyfed"]
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    for name, content in case.files.items():
        (tmp_path / "one" / name).write_text(content)
    read.stop = "c.csv"
    with pytest.raises(KeyboardInterrupt):
        convert("nyfed", [tmp_path / "one"], tmp_path / "out")
    for name in case.files:
        (tmp_path / "one" / name).rename(tmp_path / "two" / name)
    read.stop = ""
    convert("nyfed", [tmp_path / "two"], tmp_path / "out")
    assert read == ["a.csv", "b.csv", "c.csv"]


def test_taq_without_steps_of_cleaning_is_read_by_itself(tmp_path):
    case = CASES_TOGETHER["taq"]
    for name, content in case.files.items():
        (tmp_path / name).write_text(content)
    market = convert("taq", [tmp_path / name for name in case.files], tmp_path / "out")
    assert len(market.trades) == 3


@pytest.mark.bad_input("two records of the same time")
def test_binance_files_of_one_time_are_refused_whatever_they_are_called(tmp_path):
    header = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time"
    files = [tmp_path / "one.csv", tmp_path / "other.csv"]
    for number, path in enumerate(files):
        row = f"{number},99.5,1,100.5,2,1722470400000,1722470400001"
        path.write_text(lines(f"{header},event_time", row, row.replace("400000", "400009")))
    said = r"quotes of X of a time that one.csv has too"
    with pytest.raises(mm.SourceError, match=said):
        mm.load.binance(*files, symbol="X")
    with pytest.raises(mm.SourceError, match=said):
        convert("binance", files, tmp_path / "out", options={"symbol": "X"})


KILLED = """
import os, signal, sys
from pathlib import Path
from mmresearch import convert
from mmresearch.load import kept

rename = Path.rename

def die(self, target):
    if len(list(self.parent.iterdir())) == 2:  # one part is there, the second is written
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.rename = die
convert.convert("nyfed", sys.argv[2:], sys.argv[1])
"""


@pytest.mark.bad_input("a kill in the middle of convert")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_run_leaves_no_half_of_a_file(tmp_path, read):
    case = CASES_TOGETHER["nyfed"]
    (tmp_path / "in").mkdir()
    for name, content in case.files.items():
        (tmp_path / "in" / name).write_text(content)
    files = [tmp_path / "in" / name for name in case.files]
    command = [sys.executable, "-c", KILLED, str(tmp_path / "out"), *map(str, files)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    convert("nyfed", files, tmp_path / "out")
    assert read == ["b.csv", "c.csv"]
    same(mm.open(tmp_path / "out"), mm.load.nyfed(*files))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
