"""What symbols of Tardis.dev files are, and many files as one study: a few rows, by hand."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load import several
from mmresearch.load.tardis import combined, tardis

COMMON = "exchange,symbol,timestamp,local_timestamp"
PRINTS = f"{COMMON},id,side,price,amount"
QUOTES = f"{COMMON},ask_amount,ask_price,bid_price,bid_amount"
L2 = f"{COMMON},is_snapshot,side,price,amount"
START = 1_700_000_000_000_000  # microseconds

TRADES = [  # exchange time, time of arrival in microseconds after START, id, side, price, amount
    (10, 110, "a1", "buy", 100.5, 2),
    (30, 120, "a2", "sell", 100.0, 3),
    (20, 130, "a3", "unknown", 100.25, 1),
    (20, 130, "", "buy", 100.75, 4),
]
INCREMENTS = [  # is_snapshot, side, price, amount
    (9, 109, "false", "bid", 50, 1),
    (10, 110, "true", "bid", 100, 1),
    (10, 110, "true", "bid", 99, 2),
    (10, 110, "true", "ask", 101, 3),
    (20, 120, "false", "bid", 100, 0),
    (15, 130, "false", "ask", 103, 5),
    (50, 150, "true", "ask", 105, 6),
    (50, 150, "true", "bid", 104, 7),
]


def rows(lines, exchange="binance", symbol="BTCUSDT"):
    """Lines of a file: both times counted from START, then the cells as given."""
    return [
        ",".join(map(str, (exchange, symbol, START + t, START + local, *cells)))
        for t, local, *cells in lines
    ]


def write(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in [header, *lines]), encoding="utf-8")
    return path


def at(*microseconds) -> list[pd.Timestamp]:
    return [pd.Timestamp((START + m) * 1_000, tz="UTC") for m in microseconds]


@pytest.fixture
def trades(tmp_path):
    return write(tmp_path / "binance_trades_2023-11-14_BTCUSDT.csv", PRINTS, rows(TRADES))


# --- symbols --------------------------------------------------------------------------------------

SYMBOLS = {  # asset, currency, settlement, multiplier
    ("bitmex", "XBTUSD"): ("XBT", "USD", "XBT", 1),
    ("bitmex", "XBTEUR"): ("XBT", "EUR", "XBT", 1),
    ("bitmex", "XBTZ23"): ("XBT", "USD", "XBT", 1),
    ("deribit", "BTC-PERPETUAL"): ("BTC", "USD", "BTC", 1),
    ("deribit", "ETH-29DEC23"): ("ETH", "USD", "ETH", 1),
    ("deribit", "SOL_USDC-PERPETUAL"): ("SOL", "USDC", "USDC", 1),
    ("deribit", "BTC-29DEC23-40000-C"): ("BTC-29DEC23-40000-C", "BTC", "BTC", 1),
    ("deribit", "XRP_USDC-29DEC23-0D55-P"): ("XRP_USDC-29DEC23-0D55-P", "USDC", "USDC", 1),
    ("binance-delivery", "BTCUSD_PERP"): ("BTC", "USD", "BTC", 100),
    ("binance-delivery", "ETHUSD_231229"): ("ETH", "USD", "ETH", 10),
    ("huobi-dm-swap", "BTC-USD"): ("BTC", "USD", "BTC", 100),
    ("okex-swap", "ETH-USD-SWAP"): ("ETH", "USD", "ETH", 10),
    ("bybit", "BTCUSD"): ("BTC", "USD", "BTC", 1),
    ("bybit", "BTCUSDT"): ("BTC", "USDT", "USDT", 1),
    ("binance-futures", "BTCUSDT"): ("BTC", "USDT", "USDT", 1),
    ("coinbase", "ETH-USD"): ("ETH", "USD", "USD", 1),  # spot: not inverse
}


@pytest.mark.parametrize("case", SYMBOLS, ids="-".join)
def test_what_a_symbol_is(tmp_path, case):
    market = tardis(write(tmp_path / "a_trades.csv", PRINTS, rows(TRADES, *case)))
    row = market.symbols.iloc[0]
    found = tuple(row[["asset", "currency", "settlement", "multiplier"]])
    assert found == SYMBOLS[case]
    assert (row["symbol"], row["calendar"]) == (case[1], "24/7")
    assert math.isnan(row["tick"])
    inverse = found[0] == found[2]
    notes = "\n".join(market.receipt.notes)
    assert ("are contracts of" in notes) == inverse
    assert ("are units of the asset" in notes) == (not inverse)


def test_a_contract_of_unknown_size_is_said_to_be_so(tmp_path):
    path = write(tmp_path / "a_trades.csv", PRINTS, rows(TRADES, "okex-swap", "BTC-USDT-SWAP"))
    market = tardis(path)
    assert market.symbols["multiplier"].item() == 1
    assert any("the multiplier is left at 1" in note for note in market.receipt.notes)


def test_an_inverse_contract_is_booked_in_its_asset(tmp_path):
    # 200 contracts of 100 USD bought at 10,000 and sold at 12,500: 2 - 1.6 BTC
    lines = rows([(1, 1, "a", "sell", 10_000, 200), (2, 2, "b", "buy", 12_500, 200)])
    lines = [line.replace("binance,BTCUSDT", "binance-delivery,BTCUSD_PERP") for line in lines]
    market = tardis(write(tmp_path / "a_trades.csv", PRINTS, lines))
    fills = market.trades.assign(account="maker", side=-market.trades["side"])
    market = market.replace(fills=fills.drop(columns="local_time"))
    ledger = mm.ledger(market)
    assert ledger["realised"].iloc[-1] == pytest.approx(0.4)


# --- several files --------------------------------------------------------------------------------


def day(lines, n):
    return [(t + n * 1_000, local + n * 1_000, *cells) for t, local, *cells in lines]


def test_files_of_several_types_are_one_study(tmp_path, trades):
    quotes = [(15, 115, 5, 101, 100, 6), (20, 125, 5, 102, 100, 6)]
    write(tmp_path / "q.csv", QUOTES, rows(quotes))
    path = tmp_path / "t.csv.gz"
    later = [(t, local, f"b{i}", *cells[1:]) for i, (t, local, *cells) in enumerate(day(TRADES, 1))]
    lines = "\n".join([PRINTS, *rows(later)]) + "\n"
    path.write_bytes(gzip.compress(lines.encode()))
    market = tardis(tmp_path)
    assert set(market) == {"trades", "quotes"}
    assert len(market.trades) == 8
    assert market.receipt.files["file"].tolist() == [trades.name, "q.csv", "t.csv.gz"]
    assert market.receipt.rows_read == 10
    # a quote of the same instant stands behind the trades, which had not met it
    both = pd.concat([market.trades, market.quotes]).sort_values(["time", "seq"])
    at_20 = both[both["time"] == at(20)[0]]
    assert at_20["ask"].isna().tolist() == [True, True, False]


def test_all_files_are_the_join_of_each(tmp_path, trades):
    second = write(tmp_path / "b_trades.csv", PRINTS, rows(day(TRADES[:3], 1)))
    books = write(tmp_path / "c.csv", L2, rows(INCREMENTS))
    together = tardis([trades, second], books)
    joined = several.joined("tardis", [tardis(p) for p in (trades, second, books)])
    for name in joined:
        pd.testing.assert_frame_equal(together[name], joined[name])
    assert together.receipt.notes == joined.receipt.notes


def test_the_same_trade_in_two_files_is_kept_once(tmp_path, trades):
    second = write(tmp_path / "b_trades.csv", PRINTS, rows([*TRADES[2:3], *day(TRADES, 1)[:1]]))
    lines = second.read_text().replace(",a1,", ",b1,")
    second.write_text(lines)
    market = tardis(trades, second)
    assert len(market.trades) == 5
    assert market.receipt.reasons.sum() == 1


def test_best_levels_of_a_book_give_way_to_a_file_of_quotes(tmp_path):
    books = write(tmp_path / "b.csv", L2, rows(INCREMENTS))
    later = write(tmp_path / "c.csv", L2, rows(day(INCREMENTS, 1)))
    quotes = write(tmp_path / "q.csv", QUOTES, rows([(15, 115, 5, 101, 100, 6)]))
    market = tardis(books, later, quotes, levels=2)
    # of the second book no quotes are held elsewhere
    assert market.quotes["time"].tolist() == at(15, 1010, 1020, 1050)
    assert len(market.book) == 8
    assert any("3 best levels of b.csv are left out" in note for note in market.receipt.notes)
    parts = [tardis(path, levels=2) for path in (books, later, quotes)]
    pd.testing.assert_frame_equal(combined(parts).quotes, market.quotes)


def test_days_meet_by_the_exchange_s_clock_but_not_by_the_vendor_s(tmp_path):
    # the vendor splits files by arrival: the second day's first row is older than the first's last
    first = write(tmp_path / "1.csv", L2, rows([(10, 110, "true", "bid", 100, 1)]))
    lines = [(5, 120, "true", "bid", 101, 1), (20, 130, "false", "ask", 102, 1)]
    second = write(tmp_path / "2.csv", L2, rows(lines))
    market = tardis(first, second)
    for table, bid in ((market.quotes, "bid"), (market.book, "bid_1")):
        assert table["time"].tolist() == at(10, 10, 20)
        assert table[bid].tolist() == [100, 101, 101]  # in the order in which they held
        assert table["local_time"].tolist() == at(110, 120, 130)
    assert any("the first 1 states of 2.csv are older" in n for n in market.receipt.notes)
    assert tardis(first, second, clock="local").quotes["bid"].tolist() == [100, 101, 101]


def test_days_given_in_any_order(tmp_path):
    first = write(tmp_path / "1.csv", L2, rows([(10, 110, "true", "bid", 100, 1)]))
    second = write(tmp_path / "2.csv", L2, rows([(20, 120, "true", "bid", 101, 1)]))
    market = tardis(second, first)
    assert market.quotes["time"].tolist() == at(10, 20)
    assert market.quotes["bid"].tolist() == [100, 101]


def test_a_day_without_data_is_an_empty_file(tmp_path, trades):
    (tmp_path / "b_trades.csv.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "c_trades.csv.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "d_trades.csv").write_text(PRINTS + "\n")
    market = tardis(tmp_path)
    pd.testing.assert_frame_equal(market.trades, tardis(trades).trades)
    assert market.receipt.files["rows"].tolist() == [4, 0, 0, 0]
    assert any("3 files hold no row" in note for note in market.receipt.notes)


def test_where_the_exchange_gave_no_time(tmp_path):
    lines = [(110, 110, "a1", "buy", 1, 1), (120, 120, "a2", "buy", 1, 1), (1, 2, "", "sell", 1, 1)]
    market = tardis(write(tmp_path / "a_trades.csv", PRINTS, rows(lines)))
    assert any("on 2 of 3 rows timestamp is local_timestamp" in n for n in market.receipt.notes)


def test_a_file_out_of_its_own_order_is_noted(tmp_path):
    lines = [(10, 110, "a", "buy", 1, 1), (20, 105, "b", "buy", 1, 1)]
    market = tardis(write(tmp_path / "a_trades.csv", PRINTS, rows(lines)))
    assert any("runs back on 1 rows" in note for note in market.receipt.notes)


def test_saved_and_opened_again(tmp_path):
    market = tardis(write(tmp_path / "a.csv", L2, rows(INCREMENTS)), name="mine")
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    assert again.name == "mine"
    for name in market:
        pd.testing.assert_frame_equal(again[name], market[name])
