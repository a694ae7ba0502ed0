"""Tardis.dev files of a few rows, after the vendor's documented columns, every value by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmresearch import schema
from mmresearch.load.tardis import tardis

COMMON = "exchange,symbol,timestamp,local_timestamp"
PRINTS = f"{COMMON},id,side,price,amount"
QUOTES = f"{COMMON},ask_amount,ask_price,bid_price,bid_amount"
L2 = f"{COMMON},is_snapshot,side,price,amount"
TICKER = f"{COMMON},funding_timestamp,funding_rate,predicted_funding_rate,open_interest"
TICKER += ",last_price,index_price,mark_price"
OPTIONS = f"{COMMON},type,strike_price,expiration,open_interest,last_price,bid_price,bid_amount"
OPTIONS += ",bid_iv,ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index"
OPTIONS += ",underlying_price,delta,gamma,vega,theta,rho"
SNAPSHOT = ",".join(
    [COMMON]
    + [f"{s}s[{n}].{c}" for n in range(5) for s in ("ask", "bid") for c in ("price", "amount")]
)
START = 1_700_000_000_000_000  # microseconds: 2023-11-14 22:13:20
NAN = math.nan

TRADES = [  # exchange time, time of arrival in microseconds after START, id, side, price, amount
    (10, 110, "a1", "buy", 100.5, 2),
    (30, 120, "a2", "sell", 100.0, 3),
    (20, 130, "a3", "unknown", 100.25, 1),  # happened before the one above, arrived after it
    (20, 130, "", "buy", 100.75, 4),
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


def same(values, expected):
    np.testing.assert_array_equal(np.asarray(values, dtype=float), expected)


@pytest.fixture
def trades(tmp_path):
    return write(tmp_path / "binance_trades_2023-11-14_BTCUSDT.csv", PRINTS, rows(TRADES))


# --- prints ---------------------------------------------------------------------------------------


def test_trades_by_hand(trades):
    market = tardis(trades)
    table = market.trades
    assert table["time"].tolist() == at(10, 20, 20, 30)
    assert table["seq"].tolist() == [1, 3, 4, 2]  # rows of the file order what one instant holds
    assert table["price"].tolist() == [100.5, 100.25, 100.75, 100]
    assert table["size"].tolist() == [2, 1, 4, 3]
    same(table["side"], [1, NAN, 1, -1])  # buy: the aggressor bought; sell: it sold
    assert table["trade_id"].tolist()[:2] == ["a1", "a3"]
    assert table["trade_id"].isna().tolist() == [False, False, True, False]
    assert table["local_time"].tolist() == at(110, 130, 130, 120)
    assert set(table["symbol"]) == {"BTCUSDT"}
    assert market.receipt.rows_read == market.receipt.rows_kept == 4
    notes = "\n".join(market.receipt.notes)
    assert "on 2 rows the clock runs back: prints are put in the order of time" in notes
    assert "the side of 1 trades is unknown" in notes
    assert market.name == "binance BTCUSDT"


def test_trades_by_the_vendor_s_clock(trades):
    table = tardis(trades, clock="local").trades
    assert table["time"].tolist() == at(110, 120, 130, 130)
    assert table["exchange_time"].tolist() == at(10, 30, 20, 20)
    assert table["seq"].tolist() == [1, 2, 3, 4]
    assert "local_time" not in table


def test_times_are_exact(tmp_path):
    last = 4_102_444_799_999_999  # the largest a float could not hold as nanoseconds
    line = f"binance,BTCUSDT,{last},{START + 1},x,buy,1,1"
    table = tardis(write(tmp_path / "a_trades.csv", PRINTS, [line])).trades
    assert table["time"].dt.as_unit("ns").astype("int64").tolist() == [last * 1_000]


def test_liquidations_have_the_side_of_the_forced_order(tmp_path):
    lines = rows([(1, 2, "", "buy", 100, 5), (3, 4, "x", "sell", 99, 6)])
    folder = tmp_path / "liquidations"
    folder.mkdir()
    by_name = write(tmp_path / "binance_liquidations_2023-11-14_BTCUSDT.csv", PRINTS, lines)
    by_folder = write(folder / "BTCUSDT.csv", PRINTS, lines)
    by_word = write(tmp_path / "BTCUSDT.csv", PRINTS, lines)
    for path, kind in ((by_name, None), (by_folder, None), (by_word, "liquidations")):
        market = tardis(path, kind=kind)
        assert list(market) == ["liquidations"]
        table = market.liquidations
        assert table["side"].tolist() == [1, -1]  # a short was bought back, a long was sold
        assert table["size"].tolist() == [5, 6]
        assert table["trade_id"].isna().tolist() == [True, False]
    market = tardis(by_word)  # nothing says that they are not trades
    assert list(market) == ["trades"]
    assert any("liquidations have the same header" in note for note in market.receipt.notes)


def test_prints_set_aside(tmp_path):
    again = (TRADES[0][0], 999, *TRADES[0][2:])  # received twice
    other = (11, 111, "a2", "sell", 100.0, 7)  # an id that stands already, another trade
    lines = [*TRADES, again, other, (40, 140, "z", "buy", 0, 1), (41, 141, "y", "buy", 9, 0)]
    market = tardis(write(tmp_path / "a_trades.csv", PRINTS, rows(lines)))
    receipt = market.receipt
    assert receipt.reasons.to_dict() == {"no price or no amount": 2, "the same trade again": 1}
    assert (receipt.rows_read, receipt.rows_kept, len(market.trades)) == (8, 5, 5)
    aside = receipt.set_aside.set_index("line")
    assert aside.loc[6, "reason"] == "the same trade again"
    assert aside.loc[6, "text"] == rows([again])[0]
    assert sorted(aside.index) == [6, 8, 9]
    assert any("1 rows bear the id of a row above" in note for note in receipt.notes)


def test_the_same_id_of_two_symbols_is_two_trades(tmp_path):
    one = (10, 110, "1", "buy", 100.5, 2)
    lines = rows([one]) + rows([one], symbol="ETHUSDT")
    market = tardis(write(tmp_path / "a_trades.csv", PRINTS, lines))
    assert market.trades["symbol"].tolist() == ["BTCUSDT", "ETHUSDT"]
    assert market.receipt.reasons.empty


# --- states ---------------------------------------------------------------------------------------


def test_quotes_by_hand(tmp_path):
    lines = [
        (10, 110, 5, 101, 100, 6),
        (30, 120, 5, 101, "", ""),  # no bid
        (20, 130, "", 102, 100, 7),  # the exchange's clock runs back; an ask of unknown size
        (40, 140, 0, 0, 103, 1),  # no ask
        (50, 150, 2, "", 103, 1),  # an amount at no price
        (60, 160, 2, 103, 103, 1),  # locked
    ]
    market = tardis(write(tmp_path / "a.csv", QUOTES, rows(lines)))
    table = market.quotes
    assert table["time"].tolist() == at(10, 30, 30, 40, 50, 60)  # raised, not reordered
    assert (table["seq"] - schema.UNORDERED).tolist() == [1, 2, 3, 4, 5, 6]
    same(table["bid"], [100, NAN, 100, 103, 103, 103])
    same(table["bid_size"], [6, 0, 7, 1, 1, 1])
    same(table["ask"], [101, 101, 102, NAN, NAN, 103])
    same(table["ask_size"], [5, 5, NAN, 0, 0, 2])
    assert table["local_time"].tolist() == at(110, 120, 130, 140, 150, 160)
    notes = "\n".join(market.receipt.notes)
    assert "on 1 rows the clock runs back: their time is raised" in notes
    assert "1 amounts stand without a price" in notes
    assert "1 states are locked or crossed" in notes


def test_time_is_raised_symbol_by_symbol(tmp_path):
    quote = (5, 101, 100, 6)
    lines = rows([(10, 110, *quote)]) + rows([(5, 111, *quote)], symbol="ETHUSDT")
    lines += rows([(4, 112, *quote)])
    table = tardis(write(tmp_path / "a.csv", QUOTES, lines)).quotes
    by_symbol = {name: part["time"].tolist() for name, part in table.groupby("symbol")}
    assert by_symbol == {"BTCUSDT": at(10, 10), "ETHUSDT": at(5)}


def level(n, ask, bid):
    return (ask + n, 1 + n, bid - n, 2 + n)


def snapshot(t, ask, bid, count=5):
    cells = [value for n in range(count) for value in level(n, ask, bid)]
    return (t, t + 100, *cells, *[""] * (20 - len(cells)))


def test_snapshots_by_hand(tmp_path):
    deeper = list(snapshot(20, 101, 100))
    deeper[2 + 4 * 4 + 1] = 99  # the amount of the fifth ask
    lines = [snapshot(10, 101, 100), tuple(deeper), snapshot(30, 102, 100, count=3)]
    market = tardis(write(tmp_path / "a.csv", SNAPSHOT, rows(lines)))
    book, quotes = market.book, market.quotes
    assert quotes["time"].tolist() == at(10, 30)  # the best level stood at 20
    assert quotes["ask"].tolist() == [101, 102]
    assert quotes["bid_size"].tolist() == [2, 2]
    assert book["time"].tolist() == at(10, 20, 30)
    assert (book["seq"] - schema.UNORDERED).tolist() == [1, 2, 3]
    assert book["ask_1"].tolist() == [101, 101, 102]
    assert book["bid_3"].tolist() == [98, 98, 98]
    same(book["bid_5"], [96, 96, NAN])
    same(book["ask_size_5"], [5, 99, 0])
    assert "bid_6" not in book
    assert any("2 of 3 snapshots change the best level" in note for note in market.receipt.notes)
    assert market.receipt.rows_kept == 3


def test_quotes_of_snapshots_are_looked_at_symbol_by_symbol(tmp_path):
    lines = [
        *rows([snapshot(10, 101, 100)]),
        *rows([snapshot(20, 11, 10)], symbol="ETHUSDT"),
        *rows([snapshot(30, 101, 100)]),  # as 20 microseconds ago
    ]
    quotes = tardis(write(tmp_path / "a.csv", SNAPSHOT, lines)).quotes
    assert quotes[["symbol", "ask"]].to_numpy().tolist() == [["BTCUSDT", 101], ["ETHUSDT", 11]]


def test_snapshots_of_25_levels(tmp_path):
    cells = [
        f"{s}s[{n}].{c}" for n in range(25) for s in ("ask", "bid") for c in ("price", "amount")
    ]
    values = [v for n in range(25) for v in level(n, 101, 100)]
    path = write(tmp_path / "a.csv", ",".join([COMMON, *cells]), rows([(1, 2, *values)]))
    book = tardis(path).book
    assert (book["ask_25"].item(), book["bid_25"].item()) == (125, 76)
    assert (book["ask_size_25"].item(), book["bid_size_25"].item()) == (25, 26)


# a message is the rows of one local_timestamp
INCREMENTS = [
    (9, 109, "false", "bid", 50, 1),  # before the first snapshot
    (10, 110, "true", "bid", 100, 1),
    (10, 110, "true", "bid", 99, 2),
    (10, 110, "true", "ask", 101, 3),
    (20, 120, "false", "bid", 100, 0),
    (20, 120, "false", "ask", 101, 4),
    (15, 130, "false", "ask", 103, 5),  # exchange's clock runs back
    (40, 140, "false", "ask", 77, 0),  # was not there
    (50, 150, "true", "ask", 105, 6),  # connected again
    (50, 150, "true", "bid", 104, 7),
]


def test_books_from_increments_by_hand(tmp_path):
    path = write(tmp_path / "a.csv", L2, rows(INCREMENTS))
    market = tardis(path, levels=2)
    book, quotes, receipt = market.book, market.quotes, market.receipt
    assert (book["seq"] - schema.UNORDERED).tolist() == [4, 6, 7, 10]
    assert book["time"].tolist() == at(10, 20, 20, 50)
    assert book["local_time"].tolist() == at(110, 120, 130, 150)
    same(book["bid_1"], [100, 99, 99, 104])
    same(book["bid_size_1"], [1, 2, 2, 7])
    same(book["bid_2"], [99, NAN, NAN, NAN])
    same(book["ask_1"], [101, 101, 101, 105])
    same(book["ask_size_1"], [3, 4, 4, 6])
    same(book["ask_2"], [NAN, NAN, 103, NAN])
    assert (quotes["seq"] - schema.UNORDERED).tolist() == [4, 6, 10]
    assert quotes["local_time"].tolist() == at(110, 120, 150)
    same(quotes["bid"], [100, 99, 104])
    assert receipt.reasons.to_dict() == {"before the first snapshot": 1}
    assert receipt.set_aside[["line", "text"]].to_numpy().tolist() == [[2, rows(INCREMENTS)[0]]]
    assert (receipt.rows_read, receipt.rows_kept) == (10, 9)
    notes = "\n".join(receipt.notes)
    assert "9 increments in 5 messages" in notes
    assert "2 snapshots, each of which empties it" in notes
    assert "1 deletes of levels that were not there" in notes
    one = tardis(path, levels=1)
    assert list(one) == ["quotes"]
    pd.testing.assert_frame_equal(one.quotes, quotes)


def test_each_symbol_has_a_book_of_its_own(tmp_path):
    other = [(t, local, *cells) for t, local, *cells in INCREMENTS]
    lines = [
        line
        for pair in zip(rows(INCREMENTS), rows(other, symbol="ETHUSDT"), strict=True)
        for line in pair
    ]
    market = tardis(write(tmp_path / "a.csv", L2, lines), levels=2)
    alone = tardis(write(tmp_path / "b.csv", L2, rows(INCREMENTS)), levels=2).book
    for name in ("BTCUSDT", "ETHUSDT"):
        book = market.book[market.book["symbol"] == name].reset_index(drop=True)
        columns = [c for c in alone.columns if c not in ("seq", "symbol")]
        pd.testing.assert_frame_equal(book[columns], alone[columns])
    assert market.receipt.reasons.to_dict() == {"before the first snapshot": 2}


def test_a_snapshot_in_several_messages_is_one(tmp_path):
    lines = [(1, 1, "true", "bid", 100, 1), (2, 2, "true", "ask", 101, 2)]
    market = tardis(write(tmp_path / "a.csv", L2, rows(lines)))
    same(market.quotes["bid"], [100, 100])
    same(market.quotes["ask"], [NAN, 101])
    assert any("1 messages go on with a snapshot" in note for note in market.receipt.notes)


def test_a_book_that_crosses_is_noted(tmp_path):
    lines = [(1, 1, "true", "bid", 100, 1), (1, 1, "true", "ask", 100, 2)]
    market = tardis(write(tmp_path / "a.csv", L2, rows(lines)))
    assert any("1 states are locked or crossed" in note for note in market.receipt.notes)


# --- tickers and options --------------------------------------------------------------------------


def test_tickers_become_a_row_a_cell(tmp_path):
    paid = START + 3_600_000_000
    lines = [
        (10, 110, paid, 0.0001, "", 500, 100.5, 100.25, 100.75),
        (20, 120, "", "", "", "", "", "", ""),  # nothing at all
        (30, 130, paid, -0.0002, 0.0003, "", 100.5, "", ""),
    ]
    market = tardis(write(tmp_path / "a.csv", TICKER, rows(lines)))
    table = market.series
    assert table["time"].tolist() == at(*[10] * 5, *[30] * 3)
    assert table["name"].tolist() == [
        *("funding_rate", "open_interest", "last_price", "index_price", "mark_price"),
        *("funding_rate", "predicted_funding_rate", "last_price"),
    ]
    assert table["value"].tolist() == [0.0001, 500, 100.5, 100.25, 100.75, -0.0002, 0.0003, 100.5]
    assert set(table["symbol"]) == {"BTCUSDT"}
    assert table["funding_time"].notna().tolist() == [True, *[False] * 4, True, True, False]
    assert table["funding_time"].iloc[0] == at(3_600_000_000)[0]
    assert table["local_time"].tolist() == at(*[110] * 5, *[130] * 3)
    receipt = market.receipt
    assert receipt.reasons.to_dict() == {"no value": 1}
    assert receipt.set_aside["line"].tolist() == [3]
    assert any("10 of 18 cells are empty" in note for note in receipt.notes)


def test_a_ticker_without_later_columns(tmp_path):
    header = f"{COMMON},funding_rate,open_interest,last_price,index_price,mark_price"
    table = tardis(write(tmp_path / "a.csv", header, rows([(1, 2, 0.5, 1, 2, 3, 4)]))).series
    assert table["value"].tolist() == [0.5, 1, 2, 3, 4]
    assert table["funding_time"].isna().all()


EXPIRY = START + 86_400_000_000
CALL = ("call", 9875, EXPIRY, 12.5, 0.03, 0.0205, 15, 55.91, 0.0235, 16, 68.94, 0.0221, 62.5)
CALL += ("SYN.BTC-15NOV23", 9756.36, 0.375, 0.001, 2.25, -53, -0.25)
BARE = ("put", 9875, EXPIRY, *[""] * 16, "")


def test_options_by_hand(tmp_path):
    lines = rows([(10, 110, *CALL)], "deribit", "BTC-15NOV23-9875-C")
    lines += rows([(20, 120, *BARE)], "deribit", "BTC-15NOV23-9875-P")
    market = tardis(write(tmp_path / "a.csv", OPTIONS, lines))
    chain = market.chain
    assert chain["time"].tolist() == at(10, 20)
    assert chain["expiry"].tolist() == at(86_400_000_000) * 2
    assert chain["right"].tolist() == ["call", "put"]
    assert chain["strike"].tolist() == [9875, 9875]
    same(chain["open_interest"], [12.5, NAN])
    same(chain["implied_vol"], [0.625, NAN])  # Deribit says 62.5 for 62.5 % a year
    same(chain["spot"], [9756.36, NAN])
    assert chain["multiplier"].tolist() == [1, 1]
    assert chain["symbol"].tolist() == ["BTC", "BTC"]
    assert chain["option"].tolist() == ["BTC-15NOV23-9875-C", "BTC-15NOV23-9875-P"]
    same(chain["mark_iv"], [62.5, NAN])
    same(chain["bid_iv"], [55.91, NAN])
    same(chain["delta"], [0.375, NAN])
    same(chain["rho"], [-0.25, NAN])
    assert chain["underlying_index"].iloc[0] == "SYN.BTC-15NOV23"
    assert chain["local_time"].tolist() == at(110, 120)
    assert market.receipt.rows_kept == 2


@pytest.mark.parametrize(
    ("exchange", "expected"), [("okex-options", 62.5), ("somewhere-options", NAN)]
)
def test_volatility_of_other_exchanges(tmp_path, exchange, expected):
    line = rows([(10, 110, *CALL)], exchange, "BTC-USD-231115-9875-C")
    market = tardis(write(tmp_path / "a.csv", OPTIONS, line))
    same(market.chain["implied_vol"], [expected])  # OKX says 0.625 for 62.5 % a year
    assert market.chain["multiplier"].isna().all()
    notes = "\n".join(market.receipt.notes)
    assert ("mark_iv is not known here" in notes) == math.isnan(expected)
