"""Files that cannot be Databento's: one error each, naming file, place, finding and expectation."""

from __future__ import annotations

import builtins
import gzip
import struct
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
import zstandard

import mmresearch as mm
from mmresearch.load.databento import databento

dbn = pytest.importorskip("databento_dbn")

START = 1_709_303_400_000_000_000  # 2024-03-01 14:30 UTC


def head(schema: str | None, version: int = 3) -> bytes:
    stypes = {"stype_in": dbn.SType.RAW_SYMBOL, "stype_out": dbn.SType.INSTRUMENT_ID}
    kind = None if schema is None else dbn.Schema.from_str(schema)
    return bytes(dbn.Metadata("GLBX.MDP3", START, schema=kind, version=version, **stypes))


def trade(
    n=1, action="T", side="B", at=100 * 10**9, size=5, *, stamp=START, rtype=0, words=12, flags=128
) -> bytes:
    parts = struct.pack("<BBHIQqI", words, rtype, 1, 7, stamp + n, at, size)
    return parts + f"{action}{side}".encode() + struct.pack("<BBQiI", flags, 0, stamp + n, 0, n)


def write(folder: Path, data: bytes, name: str = "day.trades.dbn") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def faults(*files: Path, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        databento(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


GOOD = head("trades") + trade(1) + trade(2, side="A")


def test_the_file_of_these_tests_is_good(tmp_path):
    assert databento(write(tmp_path, GOOD)).trades["side"].tolist() == [1, -1]


FILES = {
    "a cut record": (GOOD[:-5], "cut off", "whole records"),
    "a cut head": (GOOD[:50], "a head that is no DBN", "version 1 to 3"),
    "a newer version": (GOOD[:3] + b"\x09" + GOOD[4:], "a head that is no DBN", "version 1 to 3"),
    "text": (b"time,price\n1,2\n", "begins with b'time,pri'", "DBN"),
    "nothing": (b"", "begins with b''", "DBN"),
    "bars": (head("ohlcv-1m"), "records of ohlcv-1m", "trades, mbp-1, tbbo, mbp-10 or mbo"),
    "definitions": (head("definition"), "records of definition", "mbp-1"),
    "sampled quotes": (head("bbo-1s"), "records of bbo-1s", "mbp-1"),
    "a recording": (head(None) + trade(), "several schemas, as recorded live", "mbo"),
    "records of another length": (
        head("trades") + trade() + trade(words=14),
        "record 2: 56 bytes",
        "48, as trades has",
    ),
    "records of another type": (
        head("trades") + trade() + trade(rtype=1),
        "record 2: rtype 1",
        "0, the type of trades",
    ),
    "another action": (GOOD + trade(action="A"), "record 3: action 'A'", "T"),
    "another side": (GOOD + trade(side="X"), "record 3: side 'X'", "A, B or N"),
    "times in milliseconds": (
        GOOD + trade(stamp=START // 10**6) * 2,
        "record 3: ts_recv 1709303400001 and 1 more (first 3, 4)",
        "in nanoseconds since 1970",
    ),
}


@pytest.mark.bad_input("a damaged DBN file")
@pytest.mark.parametrize("case", FILES)
def test_a_bad_dbn_file(tmp_path, case):
    data, found, expected = FILES[case]
    path = write(tmp_path, data)
    fault = faults(path)[0]
    assert Path(fault.file).name == path.name
    assert found in fault.found
    assert expected in fault.expected


@pytest.mark.bad_input("a truncated zstandard")
def test_truncated_and_damaged_packing(tmp_path):
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(GOOD)
    (fault,) = faults(write(tmp_path, packed[:-9], "day.trades.dbn.zst"))
    assert "truncated" in fault.found.lower()
    damaged = bytearray(packed)
    damaged[-2] ^= 0xFF
    (fault,) = faults(write(tmp_path, bytes(damaged), "day.trades.dbn.zst"))
    assert "checksum" in fault.found


def test_packing_in_several_frames(tmp_path):
    packed = b"".join(zstandard.ZstdCompressor().compress(part) for part in (GOOD[:99], GOOD[99:]))
    assert len(databento(write(tmp_path, packed, "day.trades.dbn.zst")).trades) == 2


@pytest.mark.bad_input("a missing file")
def test_missing_files_are_named_together(tmp_path):
    missing = [tmp_path / "a.dbn", tmp_path / "b.parquet", tmp_path / "c.csv"]
    found = faults(*missing)
    assert [(f.file, f.found) for f in found] == [(str(p), "no such file") for p in missing]


def test_without_the_library(tmp_path, monkeypatch):
    path = write(tmp_path, GOOD)
    really = builtins.__import__

    def refuse(name, *args, **more):
        if name.partition(".")[0] == "databento":
            raise ModuleNotFoundError("No module named 'databento'")
        return really(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    (fault,) = faults(path)
    assert "no library `databento`" in fault.found
    assert "pip install 'mmresearch[databento]'" in fault.expected
    assert len(databento(csv(tmp_path, [ROW])).trades) == 1  # the exports need none


HEADER = "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags"
HEADER += ",ts_in_delta,sequence,symbol"
ISO = "2024-03-01T14:30:00.000000001Z"
ROW = f"{ISO},{ISO},0,1,7,T,B,0,100.250000000,5,128,0,4,ESH4"
RAW = f"{START + 1},{START + 1},0,1,7,T,B,0,100250000000,5,128,0,4,ESH4"


def csv(folder: Path, rows: list[str], header: str = HEADER, name: str = "day.csv") -> Path:
    return write(folder, "".join(f"{line}\n" for line in [header, *rows]).encode(), name)


ROWS = {  # a good form, what is changed into what, what is found, what expected
    "text for a size": (ROW, ",5,", ",five,", "size 'five'", "a whole number"),
    "nothing for a size": (ROW, ",5,", ",,", "size nothing", "a whole number"),
    "a negative size": (ROW, ",5,", ",-5,", "size -5", "0 or more"),
    "NaN for a price": (ROW, "100.250000000", "NaN", "price 'NaN'", "a number"),
    "a whole price among decimals": (
        ROW,
        "100.250000000",
        "100250000000",
        "price 100250000000",
        "as in the other rows",
    ),
    "decimals among whole prices": (RAW, "100250000000", "100.25", "price '100.25'", "whole"),
    "a whole time among ISO": (ROW, ISO, str(START), f"ts_recv {START}", "ISO 8601"),
    "ISO among whole times": (RAW, str(START + 1), ISO, f"ts_recv '{ISO}'", "a whole number"),
    "microseconds": (RAW, str(START + 1), str(START // 1000), "ts_recv 1709303400", "nanoseconds"),
    "a word for a time": (ROW, ISO, "noon", "ts_recv noon", "ISO 8601"),
    "another action": (ROW, ",T,", ",A,", "action A", "T"),
    "a word for an action": (ROW, ",T,", ",Trade,", "action Trade", "T"),
    "no side": (ROW, ",B,", ",,", "side nothing", "text"),
    "another side": (ROW, ",B,", ",S,", "side S", "A, B or N"),
    "another type": (ROW, "Z,0,", "Z,23,", "rtype 23", "the type of trades"),
    "flags out of range": (ROW, ",128,", ",300,", "flags 300", "0 to 255"),
    "too few columns": (ROW, ",128,0,4,ESH4", "", "10 columns", "14 columns"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", ROWS)
def test_a_bad_row(tmp_path, case):
    good, old, new, found, expected = ROWS[case]
    path = csv(tmp_path, [good, good.replace(old, new), good])
    fault = faults(path)[0]
    assert (fault.file, fault.line) == (path.name, 3)
    assert found in fault.found
    assert expected in fault.expected


COLUMNS = {
    "bars": (
        "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume",
        "trades, mbp-1",
    ),
    "another source": ("exchange,symbol,timestamp,local_timestamp,id,side,price,amount", "mbo"),
    "no sizes": (HEADER.replace("size,", ""), "size"),
    "no clock": (HEADER.replace("ts_recv,", ""), "ts_recv"),
}


@pytest.mark.bad_input("a header of no known layout")
@pytest.mark.parametrize("case", COLUMNS)
def test_other_columns(tmp_path, case):
    header, expected = COLUMNS[case]
    path = csv(tmp_path, [",".join("1" for _ in header.split(","))], header)
    (fault,) = faults(path)
    assert (fault.file, fault.line) == (path.name, 1)
    assert expected in fault.expected


@pytest.mark.bad_input("a cell that breaks its column's rule")
def test_an_order_s_number_that_is_none(tmp_path):
    header = HEADER.replace("depth,", "").replace("flags", "channel_id,order_id,flags")
    row = f"{ISO},{ISO},160,1,7,A,B,100.25,5,0,-3,128,0,4,ESH4"
    (fault,) = faults(csv(tmp_path, [row], header))
    assert "order_id -3" in fault.found
    assert len(databento(csv(tmp_path, [row.replace("-3", str(2**64 - 1))], header)).orders) == 1


@pytest.mark.bad_input("an empty file")
def test_files_that_are_empty_cut_or_packed_wrong(tmp_path):
    (fault,) = faults(write(tmp_path, b"", "day.csv"))
    assert fault.found == "an empty file"
    (fault,) = faults(csv(tmp_path, []))
    assert fault.found == "a header and no row"
    (fault,) = faults(write(tmp_path, f"{HEADER}\n{ROW[:40]}".encode(), "day.csv"))
    assert "a last line that is cut off" in fault.found
    packed = gzip.compress(f"{HEADER}\n{ROW}\n".encode())
    (fault,) = faults(write(tmp_path, packed[:-9], "day.csv.gz"))
    assert "truncated gzip" in fault.found


@pytest.mark.bad_input("a cell that breaks its column's rule")
def test_a_size_in_the_book_below_0(tmp_path):
    columns = [f"{s}_{what}_00" for what in ("px", "sz", "ct") for s in ("bid", "ask")]
    header = HEADER.replace(",symbol", f",{','.join(columns)},symbol")
    row = ROW.replace(",0,1,7,T", ",1,1,7,T").replace(",ESH4", ",100.25,100.5,3,-4,1,1,ESH4")
    (fault,) = faults(csv(tmp_path, [row], header))
    assert (fault.line, fault.found) == (2, "ask_sz_00 -4")


def frame(**changes) -> pl.DataFrame:
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    whole = ("rtype", "publisher_id", "instrument_id", "size", "flags", "sequence")
    row = {k: int(v) if k in whole else v for k, v in cells.items()} | {"price": 100.25}
    return pl.DataFrame([row, row | changes], strict=False)


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize(
    ("changes", "found", "expected"),
    [
        ({"action": "X"}, "record 2: action X", "T"),
        ({"size": None}, "record 2: size nothing", "0 or more"),
        ({"ts_recv": None}, "record 2: ts_recv nothing", "1990"),
        ({"publisher_id": None}, "record 2: publisher_id nothing", "a whole number"),
        ({"price": float("inf")}, "record 2: price inf", "as in the other rows"),
        ({"price": 1e12}, "record 2: price 1000000000000.0", "as in the other rows"),
    ],
)
def test_a_bad_parquet_row(tmp_path, changes, found, expected):
    path = tmp_path / "day.parquet"
    frame().write_parquet(path)
    assert len(databento(path).trades) == 2
    frame(**changes).write_parquet(path)
    (fault,) = faults(path)
    assert (fault.file, fault.found) == (path.name, found)
    assert expected in fault.expected


@pytest.mark.bad_input("a damaged Parquet")
def test_bad_parquet_files(tmp_path):
    path = tmp_path / "day.parquet"
    frame().drop("flags").write_parquet(path)
    (fault,) = faults(path)
    assert "flags" in fault.expected
    frame().with_columns(size=pl.lit("five")).write_parquet(path)
    (fault,) = faults(path)
    assert "five" in fault.found
    frame().write_parquet(path)
    write(tmp_path, path.read_bytes()[:-40], "day.parquet")
    (fault,) = faults(path)
    assert "no Parquet of records" in fault.found


@pytest.mark.bad_input("a list of symbols that is none")
def test_a_list_of_symbols_that_is_none(tmp_path):
    bare = csv(tmp_path, [ROW.removesuffix(",ESH4")], HEADER.removesuffix(",symbol"))
    write(tmp_path, b'{"result": [1]}', "symbology.json")
    (fault,) = faults(bare)
    assert fault.file.endswith("symbology.json")
    assert "symbology" in fault.expected


@pytest.mark.bad_input("faults in several files")
def test_the_faults_of_every_file_are_named(tmp_path):
    bad = [write(tmp_path, GOOD + trade(side="X") * n, f"{n}.dbn") for n in (1, 2)]
    assert [f.file for f in faults(*bad)] == ["1.dbn", "2.dbn"]


def test_wrong_options(tmp_path):
    path = write(tmp_path, GOOD)
    for options in ({"levels": 0}, {"clock": "receipt"}):
        with pytest.raises(ValueError, match=r"levels .* must be 1 or more, clock"):
            databento(path, **options)


NO_PRICE = 2**63 - 1


@pytest.mark.bad_input("trades without price or size")
def test_trades_without_price_or_size_are_set_aside(tmp_path):
    records = [trade(1), trade(2, at=NO_PRICE), trade(3, size=0)]
    market = databento(write(tmp_path, head("trades") + b"".join(records)))
    assert len(market.trades) == 1
    receipt = market.receipt
    assert (receipt.rows_read, receipt.rows_kept) == (3, 1)
    assert receipt.reasons.to_dict() == {"a trade without price or size": 2}
    assert receipt.set_aside["line"].tolist() == [2, 3]
    assert receipt.set_aside["text"].iloc[1].endswith("T,B,100.0,0,3")


@pytest.mark.bad_input("negative prices")
def test_instruments_with_negative_prices_are_set_aside(tmp_path):
    # a spread: the schema's prices are above 0, so that all of it goes, with its reason
    spread = [RAW.replace(",7,", ",9,").replace("ESH4", "ESH4-ESM4")] * 2
    rows = [RAW, spread[0], spread[1].replace("100250000000", "-250000000")]
    market = databento(csv(tmp_path, rows))
    assert market.trades["symbol"].tolist() == ["ESH4"]
    receipt = market.receipt
    assert (receipt.rows_read, receipt.rows_kept) == (3, 1)
    (reason,) = receipt.reasons.index
    assert "prices that are not above 0" in reason
    assert receipt.set_aside["line"].tolist() == [3, 4]
    assert receipt.set_aside["text"].tolist() == rows[1:]


@pytest.mark.bad_input("no row to keep")
def test_only_what_cannot_be_kept(tmp_path):
    market = databento(write(tmp_path, head("trades") + trade(at=-5)))
    assert len(market.trades) == 0
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (1, 0)


@pytest.mark.bad_input("missing exchange times")
def test_times_that_the_exchange_does_not_say(tmp_path):
    # the largest number of its type is no time
    record = bytearray(trade())
    record[8:16] = struct.pack("<Q", 2**64 - 1)
    path = write(tmp_path, head("trades") + bytes(record))
    assert databento(path).trades["exchange_time"].isna().all()
    (fault,) = faults(path, clock="exchange")
    assert (fault.found, fault.expected) == ("record 1: no ts_event", "a time, or clock='local'")


@pytest.mark.bad_input("clocks that run back")
def test_doubtful_clocks_are_counted(tmp_path):
    records = [trade(9, flags=128 + 8), trade(2, flags=128 + 4), trade(3)]
    market = databento(write(tmp_path, head("trades") + b"".join(records)))
    said = "\n".join(market.receipt.notes)
    assert "1 places where ts_recv runs back" in said
    assert "1 records with a ts_recv that Databento calls inaccurate" in said
    assert "1 records after a gap" in said
    assert market.trades["time"].is_monotonic_increasing
    assert pd.Timestamp(START + 2, tz="UTC") == market.trades["time"].iloc[0]
