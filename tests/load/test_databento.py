"""Databento trades, quotes and books of a few records, every value worked out by hand."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
import warnings
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch.convert import convert
from mmresearch.load.databento import databento
from mmresearch.measure.asof import known_before
from mmresearch.receipt import SourceError

dbn = pytest.importorskip("databento_dbn")

NONE = 2**63 - 1  # the price that is not defined
START = pd.Timestamp("2024-03-01 14:30", tz="UTC").as_unit("ns").value
CHICAGO = 300  # nanoseconds that the records were under way
SPAN = SimpleNamespace(start_date=date(2024, 3, 1), end_date=date(2024, 3, 2), symbol="7")


def at(*nanoseconds: int) -> list[pd.Timestamp]:
    return [pd.Timestamp(START + n, tz="UTC") for n in nanoseconds]


def price(value: float | None) -> int:
    return NONE if value is None else round(value * 10**9)


def head(schema: str, version: int = 3, mappings: list | None = None) -> bytes:
    if mappings is None:
        mappings = [SimpleNamespace(raw_symbol="ESH4", intervals=[SPAN])]
    stypes = {"stype_in": dbn.SType.RAW_SYMBOL, "stype_out": dbn.SType.INSTRUMENT_ID}
    about = {"dataset": "GLBX.MDP3", "start": START, "schema": dbn.Schema.from_str(schema)}
    return bytes(dbn.Metadata(**about, **stypes, mappings=mappings, version=version))


def record(
    n, action, side, at_price, size, *book, flags=128, instrument=7, publisher=1, sequence=None
) -> bytes:
    """Record n (its nanoseconds after the start too); book: bid, ask, their sizes and orders."""
    words = 12 + 8 * (len(book) // 6)
    event, received = START + n, START + n + CHICAGO
    rtype = {0: 0, 1: 1}.get(len(book) // 6, 10)
    parts = struct.pack("<BBHIQ", words, rtype, publisher, instrument, event)
    parts += struct.pack("<qI", price(at_price), size) + f"{action}{side}".encode()
    parts += struct.pack("<BBQiI", flags, 0, received, 0, n if sequence is None else sequence)
    for i in range(0, len(book), 6):
        bid, ask, *sizes = book[i : i + 6]
        parts += struct.pack("<qqIIII", price(bid), price(ask), *sizes)
    return parts


def write(folder: Path, schema: str, records: list[bytes], name: str = "day", **how) -> Path:
    path = folder / f"{name}.{schema}.dbn"
    path.write_bytes(head(schema, **how) + b"".join(records))
    return path


# Two trades of one message, a third whose aggressor the venue does not tell.
TRADES = [
    record(10, "T", "B", 100.25, 5, sequence=4),
    record(10, "T", "A", 100.0, 2, sequence=4),
    record(20, "T", "N", 100.125, 1),
]


@pytest.fixture
def trades(tmp_path):
    return databento(write(tmp_path, "trades", TRADES))


def test_trades_are_signed_by_the_aggressor(trades):
    table = trades.trades
    np.testing.assert_array_equal(table["side"], [1, -1, np.nan])  # B bought, A sold, N: not told
    assert table["price"].tolist() == [100.25, 100.0, 100.125]
    assert table["size"].tolist() == [5, 2, 1]
    assert table["symbol"].tolist() == ["ESH4"] * 3
    assert table["seq"].tolist() == [1, 2, 3]
    assert table["trade_id"].tolist() == ["4-1", "4-2", "20-1"]
    assert table["time"].tolist() == at(310, 310, 320)
    assert table["exchange_time"].tolist() == at(10, 10, 20)
    assert list(trades) == ["trades"]
    receipt = trades.receipt
    assert (receipt.rows_read, receipt.rows_kept) == (3, 3)
    assert "day.trades.dbn: 3 trades, 1 without a side" in receipt.notes


def test_the_exchange_s_clock(tmp_path):
    # received in the order 10, 5: the exchange's time runs back, and orders the table
    records = [record(10, "T", "B", 100.25, 5), record(5, "T", "A", 100.0, 2)]
    market = databento(write(tmp_path, "trades", records), clock="exchange")
    assert market.trades["time"].tolist() == at(5, 10)
    assert market.trades["local_time"].tolist() == at(305, 310)
    assert market.trades["side"].tolist() == [-1, 1]
    assert "day.trades.dbn: 1 places where ts_event runs back" in market.receipt.notes
    assert "time is ts_event, local_time is ts_recv" in market.receipt.notes


TOP = [  # bid, ask, bid size, ask size, bid orders, ask orders
    record(1, "A", "B", 100.0, 10, 100.0, None, 10, 0, 1, 0),
    record(2, "A", "A", 100.5, 4, 100.0, 100.5, 10, 4, 1, 2),
    # a buyer takes the 4 at the ask: the trade shows the quotes before it; the next ask is 101
    record(3, "T", "B", 100.5, 4, 100.0, 100.5, 10, 4, 1, 2, flags=0),
    record(3, "C", "A", 100.5, 3, 100.0, 100.5, 10, 1, 1, 1, flags=0),
    record(3, "C", "A", 100.5, 1, 100.0, 101.0, 10, 6, 1, 1),
    # a seller takes 3 of the bid
    record(4, "T", "A", 100.0, 3, 100.0, 101.0, 10, 6, 1, 1, flags=0),
    record(4, "M", "B", 100.0, 7, 100.0, 101.0, 7, 6, 1, 1),
    record(5, "M", "B", 99.0, 2, 100.0, 101.0, 7, 6, 1, 1),  # nothing changes at the best
    record(6, "R", "N", None, 0, None, None, 0, 0, 0, 0),
]


@pytest.fixture
def top(tmp_path):
    return databento(write(tmp_path, "mbp-1", TOP))


def test_quotes_are_the_changes_of_whole_events(top):
    quotes = top.quotes
    np.testing.assert_array_equal(quotes["bid"], [100, 100, 100, 100, np.nan])
    np.testing.assert_array_equal(quotes["ask"], [np.nan, 100.5, 101, 101, np.nan])
    assert quotes["bid_size"].tolist() == [10, 10, 10, 7, 0]
    assert quotes["ask_size"].tolist() == [0, 4, 6, 6, 0]
    assert quotes["ask_orders"].tolist() == [0, 2, 1, 1, 0]
    assert quotes["seq"].tolist() == [2, 4, 10, 14, 18]  # twice the record's number
    assert quotes["time"].tolist() == at(301, 302, 303, 304, 306)
    assert "book" not in top
    assert top.receipt.rows_read == top.receipt.rows_kept == 9


def test_trades_of_mbp_1(top):
    trades = top.trades
    assert trades["side"].tolist() == [1, -1]
    assert trades["size"].tolist() == [4, 3]
    assert trades["seq"].tolist() == [6, 12]
    before = top.quotes.iloc[known_before(trades, top.quotes)]
    assert before["ask_size"].tolist() == [4, 6]
    assert before["bid_size"].tolist() == [10, 10]
    assert any("2 of 2 signed trades" in note for note in top.receipt.notes)


def test_a_trade_on_the_wrong_side_is_counted(tmp_path):
    records = [record(1, "T", "A", 100.5, 4, 100.0, 100.5, 10, 4, 1, 2)]
    notes = databento(write(tmp_path, "mbp-1", records)).receipt.notes
    assert any("0 of 1 signed trades" in note for note in notes)


def test_tbbo_has_the_quotes_before_each_trade(tmp_path):
    records = [
        record(1, "T", "B", 100.5, 4, 100.0, 100.5, 10, 4, 1, 2),
        record(2, "T", "A", 100.0, 3, 100.0, 101.0, 10, 6, 1, 1),
    ]
    market = databento(write(tmp_path, "tbbo", records))
    assert market.trades["side"].tolist() == [1, -1]
    # the first trade has its quotes: they stand before it, at its own time
    assert market.quotes["time"].tolist() == market.trades["time"].tolist()
    before = market.quotes.iloc[known_before(market.trades, market.quotes)]
    assert before["ask"].tolist() == [100.5, 101.0]
    assert before["ask_size"].tolist() == [4, 6]
    assert any("(tbbo)" in note for note in market.receipt.notes)


def test_a_side_without_a_price_has_no_size(tmp_path):
    records = [record(1, "A", "B", 100.0, 10, 100.0, None, 10, 3, 1, 1)]
    quotes = databento(write(tmp_path, "mbp-1", records)).quotes
    assert quotes["ask"].isna().all()
    assert quotes["ask_size"].tolist() == [0]


def test_without_marks_each_record_is_an_event(tmp_path):
    records = [record(n, "A", "B", 100.0, n, 100.0, 101.0, n, 1, n, 1, flags=0) for n in (1, 2)]
    assert databento(write(tmp_path, "mbp-1", records)).quotes["bid_size"].tolist() == [1, 2]


def deep(n, third_bid_size, first_bid=100.0):
    """Three levels of asks and bids, the other seven not there."""
    levels = [(first_bid - k, 101.0 + k, 10 * (k + 1), k + 1, 1, 1) for k in range(3)]
    levels[2] = (*levels[2][:2], third_bid_size, *levels[2][3:])
    cells = [c for level in levels + [(None, None, 0, 0, 0, 0)] * 7 for c in level]
    return record(n, "A", "B", first_bid, 1, *cells)


@pytest.mark.parametrize(("levels", "rows"), [(10, 3), (3, 3), (2, 2), (1, 0)])
def test_books_of_ten_levels(tmp_path, levels, rows):
    # record 2 changes the third level only, record 3 nothing, record 4 all bids
    records = [deep(1, 30), deep(2, 33), deep(3, 33), deep(4, 33, 100.25)]
    market = databento(write(tmp_path, "mbp-10", records), levels=levels)
    assert market.quotes["bid"].tolist() == [100.0, 100.25]
    assert market.quotes["seq"].tolist() == [2, 8]
    if levels == 1:
        assert "book" not in market
        return
    book = market.book
    assert len(book) == rows
    assert book["bid_2"].iloc[[0, -1]].tolist() == [99.0, 99.25]
    assert book["ask_2"].tolist() == [102.0] * rows
    assert book["ask_size_2"].tolist() == [2] * rows
    if levels > 2:
        assert book["bid_size_3"].tolist() == [30, 33, 33]
        assert book["seq"].tolist() == [2, 4, 8]
    if levels == 10:
        assert book["bid_10"].isna().all()
        assert (book["ask_size_4"] == 0).all()
    assert f"bid_{levels + 1}" not in book


def same(one: mm.Market, other: mm.Market) -> None:
    assert list(one) == list(other)
    for name in one:
        pd.testing.assert_frame_equal(one[name], other[name])


@pytest.mark.parametrize("version", [1, 2, 3])
def test_versions_of_dbn(tmp_path, top, version):
    same(databento(write(tmp_path, "mbp-1", TOP, version=version)), top)


@pytest.mark.parametrize("form", ["csv", "csv.gz", "csv.zst", "parquet", "dbn.zst"])
@pytest.mark.parametrize("pretty", [True, False])
@pytest.mark.parametrize("schema", ["trades", "mbp-1"])
def test_exports_are_the_same_market(tmp_path, form, pretty, schema):
    # the exports are the library's own; whole ones have prices in billionths, times in nanoseconds
    import databento as library

    path = write(tmp_path, schema, TRADES if schema == "trades" else TOP)
    store = library.DBNStore.from_bytes(path.read_bytes())
    export = tmp_path / f"export.{form}"
    if form.startswith("csv"):
        store.to_csv(export, pretty_px=pretty, pretty_ts=pretty)
        data = export.read_bytes()
        if form == "csv.gz":
            export.write_bytes(gzip.compress(data))
        elif form == "csv.zst":
            store.to_csv(export, pretty_px=pretty, pretty_ts=pretty, compression="zstd")
    elif form == "parquet":
        kind = "float" if pretty else "fixed"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's use of pandas
            store.to_parquet(export, price_type=kind, pretty_ts=pretty)
    else:
        store.to_file(export, compression="zstd")
    same(databento(export), databento(path))


COLUMNS = "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags"
COLUMNS += ",ts_in_delta,sequence"
ROW = "2024-03-01 14:30:00.000000310+00:00,2024-03-01 14:30:00.000000010+00:00"
ROW += ",0,1,7,T,B,0,100.25,5,128,0,4"


def test_a_csv_file_written_by_hand(tmp_path):
    # times as pandas writes them, and no names: `symbology.json` beside the file has them
    path = tmp_path / "day.csv"
    path.write_text(f"{COLUMNS}\n{ROW}\n", encoding="utf-8")
    market = databento(path)
    assert market.trades["symbol"].tolist() == ["7"]
    assert "day.csv: 1 instruments without a name are called by number: 7" in market.receipt.notes
    spans = [{"d0": "2024-02-28", "d1": "2024-03-01", "s": "7"}]
    said = {"result": {"ESZ3": spans, "ESH4": [{"d0": "2024-03-01", "d1": "2024-03-02", "s": "7"}]}}
    (tmp_path / "symbology.json").write_text(json.dumps(said), encoding="utf-8")
    market = databento(path)
    digest = hashlib.sha256((tmp_path / "symbology.json").read_bytes()).hexdigest()
    note = f"day.csv: instruments have their names of symbology.json, sha256 {digest}"
    assert note in market.receipt.notes
    assert market.trades["symbol"].tolist() == ["ESH4"]
    assert market.trades["time"].tolist() == at(310)
    assert market.trades["price"].tolist() == [100.25]


def test_names_that_change_between_two_runs_are_read_again(tmp_path):
    """The first run keeps what its file holds, with the names of then."""
    (tmp_path / "day.csv").write_text(f"{COLUMNS}\n{ROW}\n", encoding="utf-8")
    (tmp_path / "later.csv").write_text("nothing\n")
    for name in ("ESH4", "ESM4"):
        said = {"result": {name: [{"d0": "2024-03-01", "d1": "2024-03-02", "s": "7"}]}}
        (tmp_path / "symbology.json").write_text(json.dumps(said), encoding="utf-8")
        if name == "ESH4":
            with pytest.raises(SourceError, match="1 of 2 files are read and kept"):
                convert("databento", [tmp_path], tmp_path / "out")
            row = ROW.replace("2024-03-01 14:30", "2024-03-01 14:31").replace("0,4", "0,5")
            (tmp_path / "later.csv").write_text(f"{COLUMNS}\n{row}\n")
    market = convert("databento", [tmp_path], tmp_path / "out")
    assert market.trades["symbol"].tolist() == ["ESM4", "ESM4"]


def test_instruments_are_called_by_the_day_s_name(tmp_path):
    # 7 was called ESZ3 until March 1st; 8 has no name
    before = SimpleNamespace(start_date=date(2024, 2, 1), end_date=date(2024, 3, 1), symbol="7")
    names = {"ESZ3": before, "ESH4": SPAN}
    mappings = [SimpleNamespace(raw_symbol=k, intervals=[v]) for k, v in names.items()]
    day = 86_400 * 10**9
    first = record(-day, "T", "B", 5.0, 1, sequence=1)
    records = [first, *TRADES, record(30, "T", "B", 9.0, 1, instrument=8)]
    market = databento(write(tmp_path, "trades", records, mappings=mappings))
    assert market.trades["symbol"].tolist() == ["ESZ3", "ESH4", "ESH4", "ESH4", "8"]
    assert market.symbols["symbol"].tolist() == ["8", "ESH4", "ESZ3"]


def test_venues_of_one_symbol_are_apart(tmp_path):
    ours = [record(n, "A", "B", 100.0, n, 100.0, 101.0, n, 1, 1, 1, publisher=2) for n in (1, 3)]
    theirs = [record(n, "A", "B", 99.0, 1, 99.0, 100.0, 1, 1, 1, 1, publisher=9) for n in (2, 4)]
    records = [ours[0], theirs[0], ours[1], theirs[1]]
    market = databento(write(tmp_path, "mbp-1", records))
    assert market.quotes["symbol"].tolist() == ["ESH4.2", "ESH4.9", "ESH4.2"]
    assert market.quotes["bid_size"].tolist() == [1, 1, 3]
    assert any("ESH4 2, 9" in note for note in market.receipt.notes)


def test_symbols_with_the_same_quotes(tmp_path):
    book = (100.0, 101.0, 5, 5, 1, 1)
    records = [record(n, "A", "B", 100.0, 1, *book, instrument=i) for n, i in enumerate((7, 8, 7))]
    market = databento(write(tmp_path, "mbp-1", records))
    assert market.quotes["symbol"].tolist() == ["ESH4", "8"]
    assert market.quotes["bid"].tolist() == [100, 100]


def test_what_the_user_says_of_symbols(tmp_path):
    given = pd.DataFrame({"symbol": ["ESH4", "ZZZ"], "multiplier": [50.0, 1], "currency": "USD"})
    records = [*TRADES, record(30, "T", "B", 9.0, 1, instrument=8)]
    path = write(tmp_path, "trades", records)
    market = databento(path, symbols=given, calendar="CMES", name="mine")
    assert market.symbols["symbol"].tolist() == ["8", "ESH4"]
    assert market.symbols["multiplier"].tolist() == [1, 50]
    assert market.symbols["calendar"].tolist() == ["CMES", "CMES"]
    assert market.name == "mine"
    assert any("multiplier is 1 unless" in note for note in market.receipt.notes)
    with pytest.raises(ValueError, match="column `symbol`"):
        databento(path, symbols=pd.DataFrame({"multiplier": [50.0]}))


def test_several_files_are_the_sum_of_each(tmp_path):
    later = [record(n + 10**9, "T", "A", 99.0, 1) for n in (1, 2)]
    write(tmp_path, "trades", TRADES, "a")
    write(tmp_path, "trades", later, "b")
    market = databento(tmp_path)
    assert market.trades["size"].tolist() == [5, 2, 1, 1, 1]
    assert market.receipt.files["rows"].tolist() == [3, 2]
    assert market.name == "databento"


def test_a_trade_in_two_files_is_one(tmp_path):
    # the trades stand in the file of quotes too; nothing says that those of one second are others
    records = [record(3, "T", "B", 100.5, 4), record(4, "T", "A", 100.0, 3)]
    write(tmp_path, "trades", records)
    write(tmp_path, "mbp-1", TOP)
    market = databento(tmp_path)
    assert market.trades["size"].tolist() == [4, 3]
    assert market.receipt.reasons.to_dict() == {"already in another file": 2}


def test_an_empty_day(tmp_path):
    for schema in ("trades", "mbp-1", "mbp-10", "mbo"):
        market = databento(write(tmp_path, schema, []))
        assert len(market.trades) == 0
        assert market.receipt.rows_read == 0
    write(tmp_path, "trades", TRADES, "later")
    assert len(databento(tmp_path / "day.trades.dbn", tmp_path / "later.trades.dbn").trades) == 3


def test_saved_and_opened_again(tmp_path, top):
    top.save(tmp_path / "market")
    same(mm.open(tmp_path / "market"), top)


def test_a_parquet_file_of_other_types(tmp_path):
    # decimals, microseconds, and no zone: as other programs write them
    time = pd.Timestamp("2024-03-01 14:30:00.000310")
    row = {"ts_recv": time, "ts_event": time, "rtype": 0, "publisher_id": 1, "instrument_id": 7}
    row |= {"action": "T", "side": "A", "price": "100.25", "size": 5, "flags": 0, "sequence": 9}
    frame = pl.DataFrame([row]).with_columns(
        pl.col("price").cast(pl.Decimal(20, 9)),
        pl.col("ts_recv", "ts_event").cast(pl.Datetime("us")),
    )
    frame.write_parquet(tmp_path / "day.parquet")
    market = databento(tmp_path / "day.parquet")
    assert market.trades["price"].tolist() == [100.25]
    assert market.trades["time"].tolist() == at(310_000)
    assert market.trades["side"].tolist() == [-1]
