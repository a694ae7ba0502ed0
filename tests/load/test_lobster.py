"""LOBSTER files of a few rows, every value worked out by hand."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load import lobster
from mmresearch.measure.asof import known_before

STEM = "ABC_2012-06-21_34200000_57600000"
# Best quotes: 100.00 / 100.02. A buy rests at 100.01 (row 2), a sell takes 5 of it (row 3), a buyer
# takes 10 shown at 100.02 (row 4) and 7 hidden (row 5), the rest of the bid is withdrawn (6, 7).
MESSAGES = [
    "34200.000000001,1,11,30,1000000,1",
    "34200.5,1,12,20,1000100,1",
    "34200.5,4,12,5,1000100,1",
    "34201.123456789,4,13,10,1000200,-1",
    "34201.123456789,5,0,7,1000150,-1",
    "34202,2,12,5,1000100,1",
    "34203.25,3,12,10,1000100,1",
]
BOOK = [
    "1000200,40,1000000,30",
    "1000200,40,1000100,20",
    "1000200,40,1000100,15",
    "1000200,30,1000100,15",
    "1000200,30,1000100,15",
    "1000200,30,1000100,10",
    "1000200,30,1000000,30",
]
MIDNIGHT = pd.Timestamp("2012-06-21 04:00", tz="UTC")  # New York in June is 4 hours behind


def write(folder: Path, messages: list[str], book: list[str], levels: int = 1) -> tuple[Path, Path]:
    paths = (folder / f"{STEM}_message_{levels}.csv", folder / f"{STEM}_orderbook_{levels}.csv")
    for path, lines in zip(paths, (messages, book), strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return paths


def changed(lines: list[str], row: int, new: str) -> list[str]:
    return [*lines[:row], new, *lines[row + 1 :]]


@pytest.fixture
def market(tmp_path):
    return lobster(*write(tmp_path, MESSAGES, BOOK))


def test_orders_hold_every_message(market):
    orders = market.orders
    assert orders["event"].tolist() == [
        "add",
        "add",
        "fill",
        "fill",
        "hidden_fill",
        "reduce",
        "delete",
    ]
    assert orders["order_id"].tolist() == ["11", "12", "12", "13", "0", "12", "12"]
    assert orders["side"].tolist() == [1, 1, 1, -1, -1, 1, 1]
    assert orders["price"].tolist() == [100.0, 100.01, 100.01, 100.02, 100.015, 100.01, 100.01]
    assert orders["size"].tolist() == [30, 20, 5, 10, 7, 5, 10]
    assert orders["seq"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert orders["halt"].isna().all()


def test_trades_are_signed_by_the_aggressor(market):
    # the resting buy of row 3 was hit by a seller; the resting sells of rows 4 and 5 met a buyer
    trades = market.trades
    assert trades["side"].tolist() == [-1, 1, 1]
    assert trades["price"].tolist() == [100.01, 100.02, 100.015]
    assert trades["size"].tolist() == [5, 10, 7]
    assert trades["event"].tolist() == ["fill", "fill", "hidden_fill"]
    assert trades["seq"].tolist() == [3, 4, 5]


def test_quotes_are_the_changes_of_the_best_level(market):
    # row 5, a hidden execution, changes nothing that is shown
    quotes = market.quotes
    assert quotes["seq"].tolist() == [1, 2, 3, 4, 6, 7]
    assert quotes["bid"].tolist() == [100.0, 100.01, 100.01, 100.01, 100.01, 100.0]
    assert quotes["bid_size"].tolist() == [30, 20, 15, 15, 10, 30]
    assert quotes["ask"].tolist() == [100.02] * 6
    assert quotes["ask_size"].tolist() == [40, 40, 40, 30, 30, 30]
    assert "book" not in market


def test_a_strict_join_finds_the_book_before_the_trade(market):
    before = market.quotes.iloc[known_before(market.trades, market.quotes)]
    # trade 3 of 5 shares met the 20 that row 2 left; trade 4 the 40 at the ask; trade 5 the 30
    assert before["bid_size"].tolist() == [20, 15, 15]
    assert before["ask_size"].tolist() == [40, 40, 30]


def test_times_are_exact_to_the_nanosecond(market):
    seconds = [(34200, 1), (34200, 500_000_000), (34200, 500_000_000), (34201, 123_456_789)]
    nanoseconds = [MIDNIGHT.as_unit("ns").value + s * 10**9 + ns for s, ns in seconds]
    assert market.orders["time"].astype("int64").tolist()[:4] == nanoseconds
    assert market.orders["time"].iloc[5] == MIDNIGHT + pd.Timedelta("9h30min2s")


@pytest.mark.parametrize(
    ("date", "opening"),
    [
        ("2012-01-10", "2012-01-10 14:30"),  # winter: 5 hours
        ("2012-07-10", "2012-07-10 13:30"),  # summer: 4 hours
        ("2012-03-12", "2012-03-12 13:30"),  # the first day of summer time
        ("2012-11-05", "2012-11-05 14:30"),  # the first day of winter time
    ],
)
def test_summer_time(tmp_path, date, opening):
    files = write(tmp_path, ["34200,1,11,30,1000000,1"], BOOK[:1])
    files = [path.rename(path.with_name(path.name.replace("2012-06-21", date))) for path in files]
    orders = lobster(*files).orders
    assert orders["time"].tolist() == [pd.Timestamp(opening, tz="UTC")]


def test_symbol_metadata_and_calendar(market):
    row = market.symbols.iloc[0]
    assert (row["symbol"], row["asset"], row["currency"]) == ("ABC", "ABC", "USD")
    assert (row["tick"], row["multiplier"], row["calendar"]) == (0.01, 1, "XNAS")
    session = market.sessions("ABC").iloc[0]
    assert session["open"] == pd.Timestamp("2012-06-21 09:30", tz="America/New_York")
    assert session["close"] == pd.Timestamp("2012-06-21 16:00", tz="America/New_York")
    assert market.name == "ABC 2012-06-21"


def test_receipt_counts_every_row(market):
    receipt = market.receipt
    assert receipt.files["rows"].tolist() == [7, 7]
    assert receipt.rows_read == receipt.rows_kept == 14
    assert "2 add, 1 reduce, 1 delete, 2 fill, 1 hidden_fill" in receipt.notes[0]


def same(one: mm.Market, other: mm.Market) -> None:
    assert list(one) == list(other)
    for name in one:
        pd.testing.assert_frame_equal(one[name], other[name])


HEADERS = ("Time,Type,Order ID,Size,Price,Direction", "ASKp1,ASKs1,BIDp1,BIDs1")


@pytest.mark.parametrize("form", ["gz", "bom", "header", "crlf", "open end", "attribution"])
def test_forms_of_the_files(tmp_path, market, form):
    files = write(tmp_path, MESSAGES, BOOK)
    for path, header in zip(files, HEADERS, strict=True):
        content = path.read_bytes()
        if form == "gz":
            path.unlink()
            Path(f"{path}.gz").write_bytes(gzip.compress(content))
        else:
            path.write_bytes(
                {
                    "bom": codecs.BOM_UTF8 + content,
                    "header": f"{header}\n".encode() + content,
                    "crlf": content.replace(b"\n", b"\r\n"),
                    "open end": content.rstrip(b"\n"),
                    "attribution": content.replace(b"\n", b",MMID\n")
                    if "message" in path.name
                    else content,
                }[form]
            )
    files = [Path(f"{p}.gz") if form == "gz" else p for p in files]
    again = lobster(*files)
    same(again, market)
    assert again.receipt.rows_read == 14
    open_ended = [note for note in again.receipt.notes if "is it whole" in note]
    assert len(open_ended) == (2 if form == "open end" else 0)


def test_two_levels_make_a_book(tmp_path):
    # row 2 changes the second level only: a row of the book, not of the quotes
    messages = ["34200,1,11,30,1000000,1", "34201,1,12,5,999900,1", "34202,4,13,40,1000200,-1"]
    book = [
        "1000200,40,1000000,30,9999999999,0,-9999999999,0",
        "1000200,40,1000000,30,9999999999,0,999900,5",
        "9999999999,0,1000000,30,9999999999,0,999900,5",
    ]
    market = lobster(*write(tmp_path, messages, book, levels=2))
    assert market.quotes["seq"].tolist() == [1, 3]
    table = market.book
    assert table["seq"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(table["bid_2"], [np.nan, 99.99, 99.99])
    np.testing.assert_array_equal(table["bid_size_2"], [0, 5, 5])
    np.testing.assert_array_equal(table["ask_1"], [100.02, 100.02, np.nan])
    np.testing.assert_array_equal(table["ask_size_1"], [40, 40, 0])
    assert table["ask_2"].isna().all()
    assert np.isnan(market.quotes["ask"].iloc[1])
    assert "book of 2 levels" in market.receipt.notes[0]


def test_halts_and_crosses(tmp_path):
    messages = [
        "34200,6,-1,500,1000000,-1",  # the opening cross
        "34201,7,0,0,-1,-1",  # halted
        "34202,7,0,0,0,-1",  # quoting again
        "34203,7,0,0,1,-1",  # trading again
        "34204,6,-1,0,1000000,-1",  # a cross in which nothing traded
        "34205,1,11,30,1000000,1",
    ]
    book = [BOOK[0], "0,0,0,0", "-1,-5,7,0", "0,0,0,0", BOOK[0], BOOK[1]]
    market = lobster(*write(tmp_path, messages, book))
    orders = market.orders
    assert orders["event"].tolist() == ["cross", "halt", "halt", "halt", "add"]
    np.testing.assert_array_equal(orders["halt"], [np.nan, -1, 0, 1, np.nan])
    assert orders.loc[1:3, ["price", "size", "side"]].isna().all(axis=None)
    assert orders["seq"].tolist() == [1, 2, 3, 4, 6]
    trade = market.trades.iloc[0]
    assert len(market.trades) == 1
    assert (trade["event"], trade["price"], trade["size"]) == ("cross", 100.0, 500)
    assert np.isnan(trade["side"])
    assert market.quotes["seq"].tolist() == [1, 6]  # what stands beside a halt is no quote
    receipt = market.receipt
    assert receipt.reasons.to_dict() == {"book row of a halt": 3, "cross of no shares": 1}
    assert receipt.rows_read == 12
    assert receipt.rows_kept == 8
    aside = receipt.set_aside
    assert aside["line"].tolist() == [5, 2, 3, 4]
    assert aside["text"].tolist() == [messages[4], *book[1:4]]
    assert any("trading halted" in note for note in receipt.notes)


def test_locked_and_crossed_rows_are_counted_not_refused(tmp_path):
    book = [*BOOK[:5], "1000000,30,1000000,30", "1000000,30,1000100,30"]
    market = lobster(*write(tmp_path, MESSAGES, book))
    assert any("21: 2 book rows are locked" in note for note in market.receipt.notes)


def test_symbol_and_date_of_other_names(tmp_path):
    files = write(tmp_path, MESSAGES, BOOK)
    moved = [path.rename(tmp_path / f"{n}.csv") for n, path in enumerate(files)]
    with pytest.raises(mm.SourceError, match="symbol= and date="):
        lobster(*moved)
    market = lobster(*moved, symbol="XYZ", date="2012-06-21", name="mine")
    assert market.symbols["symbol"].tolist() == ["XYZ"]
    assert market.name == "mine"
    assert market.orders["time"].iloc[5] == MIDNIGHT + pd.Timedelta("9h30min2s")


def test_saved_and_opened_again(tmp_path, market):
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    same(again, market)
    assert again.receipt.rows_read == 14
