"""Floorsheets of a few rows, every value worked out by hand, and files that are none."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load import floorsheet

HEADER = "Transact. No.,Symbol,Buyer,Seller,Quantity,Rate,Amount"
# not in order; the last trade of AAA crosses inside broker 7
ROWS = [
    "2021040403000002,AAA,D01,13,10,100.5,1005.0",
    '2021040403000001,AAA,13,7,"1,000",100.0,100000.0',
    "2021040401000009,BBB,7,D01,5,20.0,100.0",
    "2021040403000003,AAA,7,7,30,101.0,3030.0",
]


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("".join(f"{line}\n" for line in [header, *rows]), encoding="utf-8")
    return path


def faults(*files: Path) -> list:
    with pytest.raises(mm.SourceError) as caught:
        floorsheet(*files)
    return caught.value.faults


@pytest.fixture
def market(tmp_path):
    return floorsheet(write(tmp_path / "floorsheet_2021-04-04.csv", ROWS))


def test_trades_in_the_order_of_contract_numbers(market):
    trades = market.trades
    assert trades["trade_id"].str[-4:].tolist() == ["0009", "0001", "0002", "0003"]
    assert trades["seq"].tolist() == [1000009, 3000001, 3000002, 3000003]
    assert (trades["time"] == pd.Timestamp("2021-04-04", tz="UTC")).all()
    assert trades["price"].tolist() == [20, 100, 100.5, 101]
    assert trades["size"].tolist() == [5, 1000, 10, 30]
    assert trades["side"].isna().all()
    assert trades["inside"].tolist() == [False, False, False, True]
    assert trades["buyer"].tolist() == ["7", "13", "D01", "7"]
    assert trades["seller"].tolist() == ["D01", "7", "13", "7"]


def test_two_fills_a_trade_the_buyer_plus_the_seller_minus(market):
    fills = market.fills
    assert fills["account"].tolist() == ["7", "D01", "13", "7", "D01", "13"]
    assert fills["counterparty"].tolist() == ["D01", "7", "7", "13", "13", "D01"]
    assert fills["side"].tolist() == [1, -1, 1, -1, 1, -1]
    assert fills["size"].tolist() == [5, 5, 1000, 1000, 10, 10]
    assert fills["seq"].tolist() == [1000009, 1000009, 3000001, 3000001, 3000002, 3000002]
    assert fills[["fee", "maker"]].isna().all(axis=None)


def test_inventories_by_hand_and_in_sum(market):
    fills = market.fills
    held = (fills["side"] * fills["size"]).groupby([fills["account"], fills["symbol"]]).sum()
    assert held.to_dict() == {
        ("13", "AAA"): 990,
        ("7", "AAA"): -1000,
        ("D01", "AAA"): 10,
        ("7", "BBB"): 5,
        ("D01", "BBB"): -5,
    }
    assert (held.groupby("symbol").sum() == 0).all()


def test_symbols_receipt_and_calendar(market):
    assert market.symbols["symbol"].tolist() == ["AAA", "BBB"]
    assert set(market.symbols["calendar"]) == {"dates"}
    assert set(market.symbols["currency"]) == {"NPR"}
    assert market.symbols["tick"].isna().all()
    assert market.default_freq == "1D"
    assert market.receipt.rows_read == market.receipt.rows_kept == 4
    assert any("1 of 4 trades (25.00%)" in note for note in market.receipt.notes)
    assert any("boards 01, 03" in note for note in market.receipt.notes)


def test_rows_set_aside_are_counted_and_kept(tmp_path):
    rows = [
        ROWS[0],
        ROWS[1],
        ROWS[0],  # again
        "2021040403000004,AAA,7,13,10,100.0,1000.02",  # two paisa off
        "2021040403000005,AAA,7,13,3,33.333,100.0",  # rounded
    ]
    market = floorsheet(write(tmp_path / "a.csv", rows))
    receipt = market.receipt
    assert receipt.reasons.to_dict() == {"duplicate": 1, "amount is not quantity x rate": 1}
    assert (receipt.rows_read, receipt.rows_kept) == (5, 3)
    assert receipt.set_aside["line"].tolist() == [4, 5]
    assert receipt.set_aside["text"].tolist() == [rows[2], rows[3]]
    assert market.trades["trade_id"].str[-1].tolist() == ["1", "2", "5"]


def test_the_same_row_in_two_files_is_kept_once(tmp_path):
    one = write(tmp_path / "a.csv", ROWS[:2])
    other = write(tmp_path / "b.csv", ROWS[1:])
    market = floorsheet(one, other)
    assert len(market.trades) == 4
    assert market.receipt.set_aside[["file", "line"]].to_numpy().tolist() == [["b.csv", 2]]
    assert market.receipt.files["rows"].tolist() == [2, 3]


def test_several_sessions_stay_in_order(tmp_path):
    later = [row.replace("20210404", "20210405") for row in ROWS]
    write(tmp_path / "2021-04-05.csv", later)
    write(tmp_path / "2021-04-04.csv", ROWS)
    market = floorsheet(tmp_path)
    assert len(market.sessions("AAA")) == 2
    assert market.trades["time"].is_monotonic_increasing
    assert not any("name says otherwise" in note for note in market.receipt.notes)


@pytest.mark.parametrize("how", ["splat", "list", "folder", "pattern", "text"])
def test_ways_to_give_files(tmp_path, market, how):
    later = [row.replace("20210404", "20210405") for row in ROWS]
    folder = tmp_path / "sheets"
    folder.mkdir()
    one, other = write(folder / "a.csv", ROWS), folder / "b.csv.gz"
    write(folder / "b.csv", later)
    other.write_bytes(gzip.compress((folder / "b.csv").read_bytes()))
    (folder / "b.csv").unlink()
    (folder / "notes.txt").write_text("not a floorsheet")
    files = {
        "splat": (one, other),
        "list": ([one, other],),
        "folder": (folder,),
        "pattern": (str(folder / "*.csv*"),),
        "text": (str(one), str(other)),
    }
    again = floorsheet(*files[how], name="mine")
    assert again.receipt.files["file"].tolist() == ["a.csv", "b.csv.gz"]
    assert len(again.trades) == 2 * len(market.trades)
    assert again.name == "mine"


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("TRANSACT NO , Symbol ,BUYER,seller,quantity,Rate,Amount", "{row}"),
        ("S.N.,Contract No,Symbol,Buyer,Seller,Quantity,Rate,Amount", "1,{row}"),
        (HEADER + ",", "{row},"),
        ("\ufeff" + HEADER, "{row}"),
    ],
    ids=["case and spaces", "serial number", "an empty last column", "byte order mark"],
)
def test_other_headers(tmp_path, market, header, form):
    path = write(tmp_path / "a.csv", [form.format(row=row) for row in ROWS], header)
    again = floorsheet(path)
    pd.testing.assert_frame_equal(again.trades, market.trades)
    pd.testing.assert_frame_equal(again.fills, market.fills)


def test_other_order_of_columns_spaces_and_groups(tmp_path):
    rows = ['AAA, 13 ,D01,"12,34,567",2.0,"24,69,134.0",2021040403000002']
    path = write(tmp_path / "a.csv", rows, "Symbol,Buyer,Seller,Quantity,Rate,Amount,Contract No.")
    trade = floorsheet(path).trades.iloc[0]
    assert (trade["size"], trade["buyer"], trade["seller"]) == (1_234_567, "13", "D01")


def test_dates_beside_the_name_are_noted(tmp_path):
    rows = [*ROWS, ROWS[0].replace("20210404", "20210405")]
    market = floorsheet(write(tmp_path / "floorsheet_2021-04-06.csv", rows))
    notes = "\n".join(market.receipt.notes)
    assert "holds 2 dates" in notes
    assert "its name says otherwise" in notes


def test_saved_and_opened_again(tmp_path, market):
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.fills, market.fills)
    pd.testing.assert_frame_equal(again.trades, market.trades)


def row(contract="2021040403000009", quantity="10", rate="100.0", amount="1000.0", buyer="13"):
    return f"{contract},AAA,{buyer},7,{quantity},{rate},{amount}"


ROW_FAULTS = {
    "text in quantity": (row(quantity="ten"), "quantity 'ten'", "a number"),
    "a decimal comma": (row(quantity='"1,5"'), "quantity '1,5'", "a number"),
    "nothing in rate": (row(rate=""), "rate nothing", "a number"),
    "negative quantity": (row(quantity="-10", amount="-1000"), "quantity -10", "quantity above 0"),
    "quantity 0": (row(quantity="0", amount="0.0"), "quantity 0", "quantity above 0"),
    "negative rate": (row(rate="-1", amount="-10"), "rate -1", "rate above 0"),
    "not a number": (row(rate="nan"), "rate nan", "rate above 0"),
    "no broker": (row(buyer=" "), "buyer nothing", "text"),
    "short contract": (row("20210404030009"), "contract 20210404030009", "yyyymmdd"),
    "contract of no date": (row("2021130403000009"), "contract 2021130403000009", "yyyymmdd"),
    "text in contract": (row("A021040403000009"), "contract 'A021", "a whole number"),
    "too few columns": ("2021040403000009,AAA,13", "3 columns", "7 columns"),
    "too many columns": (row() + ",9", "8 columns", "7 columns"),
    "an empty line": ("", "an empty line", "7 columns"),
}


@pytest.mark.parametrize("case", ROW_FAULTS)
def test_a_bad_row(tmp_path, case):
    bad, found, expected = ROW_FAULTS[case]
    path = write(tmp_path / "a.csv", [ROWS[0], bad, *ROWS[1:]])
    first = faults(path)[0]
    assert (first.file, first.line) == ("a.csv", 3)
    assert found in first.found
    assert expected in first.expected


def test_one_contract_with_two_contents(tmp_path):
    (fault,) = faults(write(tmp_path / "a.csv", [*ROWS, ROWS[0].replace("D01", "9")]))
    assert fault.line == 6
    assert "2021040403000002 again with other content" in fault.found


def test_a_cut_last_line(tmp_path):
    path = write(tmp_path / "a.csv", ROWS)
    path.write_bytes(path.read_bytes()[:-14])
    (fault,) = faults(path)
    assert fault.line == 5
    assert "cut off, with 5 columns" in fault.found


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("34200.017459617,5,0,1,2238200,-1", "a header without contract, symbol"),
        (HEADER.replace(",Seller", ""), "a header without seller"),
        (HEADER.replace("Seller", "Buyer"), "two columns for buyer"),
    ],
)
def test_a_header_that_is_not_known(tmp_path, header, found):
    (fault,) = faults(write(tmp_path / "a.csv", ROWS, header))
    assert fault.line == 1
    assert found in fault.found
    assert HEADER in fault.expected


def test_every_file_with_a_fault_is_named(tmp_path):
    good = write(tmp_path / "a.csv", ROWS)
    empty = tmp_path / "b.csv"
    empty.write_text("")
    found = faults(good, empty, tmp_path / "c.csv")
    assert [(Path(f.file).name, f.found) for f in found] == [
        ("b.csv", "an empty file"),
        ("c.csv", "no such file"),
    ]
    bad = [write(tmp_path / f"{n}.csv", [row(quantity="x")]) for n in "de"]
    assert [f.file for f in faults(good, *bad)] == ["d.csv", "e.csv"]


def test_a_truncated_gzip_file(tmp_path):
    content = write(tmp_path / "a.csv", ROWS).read_bytes()
    path = tmp_path / "b.csv.gz"
    path.write_bytes(gzip.compress(content)[:-9])
    (fault,) = faults(path)
    assert "truncated gzip" in fault.found


def test_nothing_where_floorsheets_should_be(tmp_path):
    assert faults(tmp_path)[0].file == str(tmp_path)
    assert faults(tmp_path / "*.csv")[0].found == "no file"
    assert faults()[0].found == "nothing given"


def test_a_header_and_no_row(tmp_path):
    assert faults(write(tmp_path / "a.csv", []))[0].found == "a header and no row"


def test_no_row_to_keep(tmp_path):
    (fault,) = faults(write(tmp_path / "a.csv", [row(amount="1.0")]))
    assert fault.found == "no row to keep"


def test_fills_of_random_sheets_sum_to_nothing(tmp_path):
    generator = np.random.default_rng(3)
    brokers = generator.integers(1, 5, size=(200, 2))
    sizes = generator.integers(1, 5000, size=200)
    rows = [
        f'20210404030{n:05d},AAA,{b},{s},"{q:,}",10.0,{10.0 * q}'
        for n, ((b, s), q) in enumerate(zip(brokers, sizes, strict=True))
    ]
    market = floorsheet(write(tmp_path / "a.csv", rows))
    fills = market.fills
    held = (fills["side"] * fills["size"]).groupby(fills["account"]).sum()
    assert held.sum() == 0
    for broker in "1234":  # the long way round
        bought = sum(int(q) for (b, _), q in zip(brokers, sizes, strict=True) if str(b) == broker)
        sold = sum(int(q) for (_, s), q in zip(brokers, sizes, strict=True) if str(s) == broker)
        assert held[broker] == bought - sold
