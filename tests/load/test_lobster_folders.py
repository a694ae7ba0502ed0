"""LOBSTER days and symbols together, and books of 5 and 50 levels, worked out by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load import lobster
from mmresearch.load.lobster.files import together
from mmresearch.measure.asof import known_before

KINDS = ("message", "orderbook")
NO_ASK, NO_BID = "9999999999,0", "-9999999999,0"
# A buy rests at 100.00, a sell at 100.02, of which a buyer takes 5. No two files are the same: the
# first order is of DAY shares, or 100 more.
MESSAGES = ["34200,1,11,DAY,1000000,1", "34201,1,12,20,1000200,-1", "34202,4,12,5,1000200,-1"]
BOOK = [f"{NO_ASK},1000000,DAY", "1000200,20,1000000,DAY", "1000200,15,1000000,DAY"]


def stem(symbol: str = "ABC", date: str = "2012-06-21") -> str:
    return f"{symbol}_{date}_34200000_57600000"


def write(
    folder: Path,
    symbol: str = "ABC",
    date: str = "2012-06-21",
    *,
    levels: int = 1,
    messages: list[str] = MESSAGES,
    book: list[str] = BOOK,
    packed: bool = False,
) -> tuple[Path, Path]:
    files = []
    for kind, lines in (("message", messages), ("orderbook", book)):
        path = folder / f"{stem(symbol, date)}_{kind}_{levels}.csv{'.gz' if packed else ''}"
        shares = int(date[-2:]) + (100 if symbol == "XYZ" else 0)
        data = "".join(f"{line}\n" for line in lines).replace("DAY", str(shares)).encode()
        path.write_bytes(gzip.compress(data) if packed else data)
        files.append(path)
    return files[0], files[1]


def faults(*files: Path) -> list:
    with pytest.raises(mm.SourceError) as caught:
        lobster(*files)
    return caught.value.faults


def test_a_folder_of_days_is_one_market(tmp_path):
    # written last day first: the order is the days', not the folder's or the writing's
    write(tmp_path, date="2012-07-02", packed=True)
    write(tmp_path, date="2012-06-29")
    market = lobster(tmp_path)
    opening = [pd.Timestamp(f"{day} 13:30", tz="UTC") for day in ("2012-06-29", "2012-07-02")]
    second = pd.Timedelta("1s")
    assert market.orders["time"].tolist() == [t + n * second for t in opening for n in range(3)]
    assert market.orders["seq"].tolist() == [1, 2, 3, 1, 2, 3]
    assert market.trades["side"].tolist() == [1, 1]
    assert market.quotes["ask_size"].tolist() == [0, 20, 15, 0, 20, 15]
    assert len(market.sessions("ABC")) == 2
    receipt = market.receipt
    assert receipt.files["rows"].tolist() == [3, 3, 3, 3]
    assert receipt.files["file"].tolist() == [
        f"{stem(date='2012-06-29')}_message_1.csv",
        f"{stem(date='2012-06-29')}_orderbook_1.csv",
        f"{stem(date='2012-07-02')}_message_1.csv.gz",
        f"{stem(date='2012-07-02')}_orderbook_1.csv.gz",
    ]
    assert sum("book of 1 level:" in note for note in receipt.notes) == 2
    assert lobster(tmp_path, name="june").name == "june"


@pytest.mark.parametrize("form", ["files", "list", "pattern"])
def test_files_are_paired_by_their_names(tmp_path, form):
    one, two = write(tmp_path), write(tmp_path, date="2012-06-22")
    given = [two[1], one[0], two[0], one[1]]
    if form == "files":
        market = lobster(*given)
    else:
        market = lobster(given if form == "list" else tmp_path / "ABC_*_1.csv")
    assert market.orders["time"].is_monotonic_increasing
    assert len(market.orders) == 6
    assert market.receipt.rows_read == 12


def test_symbols_of_one_day_stand_side_by_side(tmp_path):
    write(tmp_path, "XYZ")
    write(tmp_path, "ABC", packed=True)
    market = lobster(tmp_path)
    assert market.symbols["symbol"].tolist() == ["ABC", "XYZ"]
    assert market.symbols["calendar"].tolist() == ["XNAS", "XNAS"]
    for symbol, shares in (("ABC", 21), ("XYZ", 121)):
        own = {name: market[name][market[name]["symbol"] == symbol] for name in market}
        assert own["orders"]["event"].tolist() == ["add", "add", "fill"]
        assert own["orders"]["size"].tolist() == [shares, 20, 5]
        # a message, its trade and the book after it keep one number
        numbers = own["orders"]["seq"].tolist()
        assert numbers == [numbers[0] + n for n in range(3)]
        assert own["trades"]["seq"].tolist() == numbers[2:]
        assert own["quotes"]["seq"].tolist() == numbers
        before = own["quotes"].iloc[known_before(own["trades"], own["quotes"])]
        assert before["ask_size"].tolist() == [20]


def test_together_is_the_sum_of_the_days(tmp_path):
    pairs = [write(tmp_path, s, d) for d in ("2012-06-21", "2012-06-22") for s in ("ABC", "XYZ")]
    together, alone = lobster(tmp_path), [lobster(*pair) for pair in pairs]
    for name in ("orders", "trades", "quotes"):
        assert len(together[name]) == sum(len(one[name]) for one in alone)
    apart = alone[2].orders.drop(columns="seq")  # ABC on the second day
    rows = together.orders[together.orders["time"] >= apart["time"].min()]
    rows = rows[rows["symbol"] == "ABC"].drop(columns="seq").reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, apart)


def test_five_levels(tmp_path):
    # asks 100.02, 100.04; bids 100.00, 99.99, 99.97 and no more; then the best bid is taken away
    book = [
        "1000200,40,1000000,30,1000400,7,999900,5," + "9999999999,0,999700,8,"
        f"{NO_ASK},{NO_BID},{NO_ASK},{NO_BID}",
        "1000200,40,999900,5,1000400,7,999700,8,"
        f"{NO_ASK},{NO_BID},{NO_ASK},{NO_BID},{NO_ASK},{NO_BID}",
        "1000200,40,999900,5,1000400,7,999700,9,"
        f"{NO_ASK},{NO_BID},{NO_ASK},{NO_BID},{NO_ASK},{NO_BID}",
    ]
    messages = ["34200,1,11,8,999700,1", "34201,3,12,30,1000000,1", "34202,1,13,1,999700,1"]
    market = lobster(*write(tmp_path, levels=5, messages=messages, book=book))
    table = market.book
    assert table["bid_1"].tolist() == [100.0, 99.99, 99.99]
    assert table["bid_2"].tolist() == [99.99, 99.97, 99.97]
    np.testing.assert_array_equal(table["bid_3"], [99.97, np.nan, np.nan])
    assert table["bid_size_2"].tolist() == [5, 8, 9]
    assert table["bid_size_3"].tolist() == [8, 0, 0]
    assert table["ask_2"].tolist() == [100.04] * 3
    assert table["ask_size_2"].tolist() == [7] * 3
    assert table[["ask_3", "ask_4", "ask_5", "bid_4", "bid_5"]].isna().all(axis=None)
    assert (table[["ask_size_5", "bid_size_5"]] == 0).all(axis=None)
    assert "bid_6" not in table
    assert market.quotes["seq"].tolist() == [1, 2]  # row 3 changes the second level only
    assert "book of 5 levels" in market.receipt.notes[0]


def test_fifty_levels(tmp_path):
    # level n: ask 100 + n cents of 10 n shares, bid 100 - n cents of n shares; row 2 changes the
    # 50th bid, row 3 the first ask
    def row(first_ask: int = 10, last_bid: int = 50) -> str:
        asks = [(1_000_000 + 100 * n, first_ask if n == 1 else 10 * n) for n in range(1, 51)]
        bids = [(1_000_000 - 100 * n, last_bid if n == 50 else n) for n in range(1, 51)]
        cells = [c for ask, bid in zip(asks, bids, strict=True) for c in (*ask, *bid)]
        return ",".join(map(str, cells))

    market = lobster(*write(tmp_path, levels=50, book=[row(), row(last_bid=51), row(11, 51)]))
    table = market.book
    assert table["seq"].tolist() == [1, 2, 3]
    assert table["bid_50"].tolist() == [99.5] * 3
    assert table["bid_size_50"].tolist() == [50, 51, 51]
    assert table["ask_50"].tolist() == [100.5] * 3
    assert table["ask_37"].tolist() == [100.37] * 3
    assert table["ask_size_37"].tolist() == [370] * 3
    assert table["ask_size_1"].tolist() == [10, 10, 11]
    assert len([c for c in table if c.startswith(("bid", "ask"))]) == 200
    assert market.quotes["seq"].tolist() == [1, 3]


def test_days_of_other_levels(tmp_path):
    write(tmp_path, date="2012-06-21")
    write(tmp_path, date="2012-06-22", levels=2, book=[f"{b},{NO_ASK},{NO_BID}" for b in BOOK])
    market = lobster(tmp_path)
    assert len(market.quotes) == 6
    assert len(market.book) == 3


def test_a_message_file_without_its_order_book(tmp_path):
    _, book = write(tmp_path)
    alone, _ = write(tmp_path, date="2012-06-22")
    (tmp_path / f"{stem(date='2012-06-22')}_orderbook_1.csv").unlink()
    (fault,) = faults(tmp_path)
    assert (fault.file, fault.found) == (str(alone), "no order book file")
    assert fault.expected == f"{stem(date='2012-06-22')}_orderbook_1.csv"
    book.unlink()
    assert len(faults(tmp_path)) == 2
    (fault,) = faults(alone)
    assert fault.found == "no order book file"


def test_an_order_book_without_its_messages(tmp_path):
    write(tmp_path)
    message, book = write(tmp_path, date="2012-06-22")
    message.unlink()
    (fault,) = faults(tmp_path)
    assert (fault.file, fault.found) == (str(book), "no message file")
    assert fault.expected == message.name


def test_an_order_book_of_other_levels(tmp_path):
    write(tmp_path)
    message, book = write(tmp_path, date="2012-06-22", levels=10)
    book.rename(tmp_path / f"{stem(date='2012-06-22')}_orderbook_5.csv")
    (fault,) = faults(tmp_path)
    assert fault.file == str(message)
    assert fault.found == f"no order book file of its levels, only {book.stem[:-3]}_5.csv"
    assert fault.expected == book.name


def test_the_content_of_one_day_under_two_names(tmp_path):
    write(tmp_path, book=[b.replace("DAY", "30") for b in BOOK])
    _, book = write(tmp_path, date="2012-06-22", book=[b.replace("DAY", "30") for b in BOOK])
    (fault,) = faults(tmp_path)
    assert (fault.file, fault.expected) == (book.name, "each file once")


def test_one_day_twice(tmp_path):
    write(tmp_path)
    write(tmp_path, packed=True)
    again = faults(tmp_path)
    assert [Path(f.file).name for f in again] == [f"{stem()}_{k}_1.csv.gz" for k in KINDS]
    assert again[0].found.endswith(f"{stem()}_message_1.csv")
    for path in tmp_path.glob("*.gz"):
        path.unlink()
    write(tmp_path, levels=10)
    (fault,) = faults(tmp_path)
    assert (fault.found, fault.expected) == (
        "files of 1 and 10 levels for one day",
        "each day once",
    )


def test_a_name_among_many_that_says_nothing(tmp_path):
    write(tmp_path)
    (tmp_path / "notes.csv").write_text("1,2\n", encoding="utf-8")
    (fault,) = faults(tmp_path)
    assert fault.file.endswith("notes.csv")
    assert "without symbol, day, kind and levels" in fault.found
    (tmp_path / "notes.csv").rename(tmp_path / "notes.txt")  # no ending of LOBSTER's: not read
    assert len(lobster(tmp_path).orders) == 3


def test_the_faults_of_every_day_are_named(tmp_path):
    bad = ["34200,9,11,30,1000000,1", *MESSAGES[1:]]
    for date in ("2012-06-21", "2012-06-22"):
        write(tmp_path, date=date, messages=bad)
    assert [f.file for f in faults(tmp_path)] == [
        f"{stem(date=date)}_message_1.csv" for date in ("2012-06-21", "2012-06-22")
    ]


def test_symbol_and_date_are_a_single_day_s(tmp_path):
    write(tmp_path)
    write(tmp_path, date="2012-06-22")
    with pytest.raises(ValueError, match="a single day; the files hold 2"):
        lobster(tmp_path, symbol="XYZ")


def test_an_empty_folder(tmp_path):
    (fault,) = faults(tmp_path)
    assert (fault.file, fault.found) == (str(tmp_path), "no file")


def test_units_are_pairs_by_day(tmp_path):
    pairs = [write(tmp_path, s, d) for d in ("2012-06-21", "2012-06-22") for s in ("ABC", "XYZ")]
    assert together(sorted(tmp_path.iterdir(), reverse=True)) == pairs
    # two hours of one day are two pairs
    early, late = (stem().replace("57600000", end) for end in ("37800000", "41400000"))
    late = late.replace("34200000", "37800000")
    halves = [tmp_path / f"{half}_{kind}_1.csv" for half in (late, early) for kind in KINDS]
    assert together(halves) == [tuple(halves[2:]), tuple(halves[:2])]
    # two files that do not say what they are are a pair as given
    unnamed = [tmp_path / "b.csv", tmp_path / "a.csv"]
    assert together(unnamed) == [tuple(unnamed)]
