"""Raw Binance captures of a few lines: tables, chains of updates, gaps, every line's place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.load.binance import binance

START = 1722470400 * 10**9  # 2024-08-01 00:00 UTC, the local clock of line 1
MS = 1722470400000
BEST = ["bid_1", "bid_size_1", "ask_1", "ask_size_1"]
UTC = pd.Timestamp("2024-08-01", tz="UTC")


def trade(number=1, price="100.0", size="2", maker=True, ms=0, symbol="BTCUSDT", **more) -> dict:
    """Spot's event; futures send X and no M."""
    about = {"e": "trade", "E": MS + ms + 1, "s": symbol, "t": number, "p": price, "q": size}
    return about | {"T": MS + ms, "m": maker} | ({"M": True} if "X" not in more else {}) | more


def ticker(update=1, bid="99.5", ask="100.5", bid_size="3", ask_size="4", **more) -> dict:
    about = {"u": update, "s": "BTCUSDT", "b": bid, "B": bid_size, "a": ask, "A": ask_size}
    return about | more


def futures_ticker(update=1, ms=0, **more) -> dict:
    return {"e": "bookTicker", **ticker(update, **more), "T": MS + ms, "E": MS + ms + 1}


def depth(first, last, bids=(), asks=(), before=None, ms=0, symbol="BTCUSDT") -> dict:
    about = {"e": "depthUpdate", "E": MS + ms, "s": symbol, "U": first, "u": last}
    about |= {} if before is None else {"T": MS + ms, "pu": before}
    return about | {"b": [list(b) for b in bids], "a": [list(a) for a in asks]}


def snapshot(last, bids=(("99", "2"), ("98", "1")), asks=(("101", "3"), ("102", "4"))) -> dict:
    return {"lastUpdateId": last, "bids": [list(b) for b in bids], "asks": [list(a) for a in asks]}


def lines(*payloads: dict, bare: bool = False) -> list[str]:
    """Line n at n - 1 milliseconds of the local clock; events as combined streams send them."""
    out = []
    for n, payload in enumerate(payloads):
        wrapped = {"stream": f"btcusdt@{payload.get('e', 'x')}", "data": payload}
        said = payload if bare or "lastUpdateId" in payload else wrapped
        out.append(f"{START + n * 10**6} {json.dumps(said, separators=(',', ':'))}")
    return out


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def read(tmp_path: Path, *payloads: dict, **options) -> mm.Market:
    return binance(write(tmp_path / "btcusdt.jsonl", lines(*payloads)), **options)


def best(book: pd.DataFrame) -> list[tuple]:
    """Line and best level of each row."""
    line = book["seq"] % schema.UNORDERED
    return list(zip(line, *(book[c] for c in BEST), strict=True))


SPOT = [
    depth(1, 2, [("97", "9")]),
    depth(3, 5, [("100", "1")], ms=1),  # 3 is in the snapshot, 4 and 5 are newer
    ticker(5, "100", "101", "1", "3"),
    trade(11, "100.0", "2", True, ms=3),
    snapshot(3),
    depth(6, 7, [("99", "5")], [("101", "0")], ms=5),
    trade(12, "102.0", "0.5", False, ms=6),
]


@pytest.fixture
def spot(tmp_path):
    return read(tmp_path, *SPOT)


def test_trades(spot):
    trades = spot.trades
    assert trades["time"].tolist() == [UTC + pd.Timedelta(n, "ms") for n in (3, 6)]
    assert trades["seq"].tolist() == [4, 7]
    assert trades["price"].tolist() == [100, 102]
    assert trades["size"].tolist() == [2, 0.5]
    assert trades["side"].tolist() == [-1, 1]  # the buyer rested: sold; the seller rested: bought
    assert trades["trade_id"].tolist() == ["11", "12"]
    assert trades["exchange_time"].tolist() == [UTC + pd.Timedelta(n, "ms") for n in (3, 6)]


def test_quotes(spot):
    quotes = spot.quotes
    assert quotes[
        ["seq", "bid", "ask", "bid_size", "ask_size", "update_id"]
    ].to_numpy().tolist() == [[3, 100, 101, 1, 3, 5]]
    assert quotes["exchange_time"].isna().all()


def test_the_book_from_snapshot_and_updates(spot):
    # the update that was there before the snapshot and is newer shows with it, on line 5
    assert best(spot.book) == [(5, 100, 1, 101, 3), (6, 100, 1, 102, 4)]
    assert spot.book["time"].tolist() == [UTC + pd.Timedelta(n, "ms") for n in (4, 5)]
    assert spot.book["bid_2"].tolist() == [99, 99]
    assert spot.book["bid_size_2"].tolist() == [2, 5]
    assert spot.book["bid_3"].tolist() == [98, 98]
    assert spot.book["ask_2"].tolist()[0] == 102
    assert np.isnan(spot.book["ask_2"][1])
    assert "bid_20" in spot.book
    assert "bid_21" not in spot.book


def test_every_line_has_its_place(spot):
    receipt = spot.receipt
    assert (receipt.rows_read, receipt.rows_kept) == (7, 6)
    assert receipt.reasons.to_dict() == {"depth update before the snapshot": 1}
    assert receipt.set_aside[["file", "line"]].to_numpy().tolist() == [["btcusdt.jsonl", 1]]
    assert '"U":1,"u":2' in receipt.set_aside["text"][0]
    notes = "\n".join(receipt.notes)
    assert "BTCUSDT (spot): 1 bookTicker, 3 depthUpdate, 1 snapshot, 2 trade" in notes
    assert "the chain of 3 depth updates of BTCUSDT is whole" in notes


def test_the_symbol(spot):
    row = spot.symbols.iloc[0]
    assert row[["symbol", "asset", "currency", "settlement"]].tolist() == [
        "BTCUSDT",
        "BTC",
        "USDT",
        "USDT",
    ]


def test_the_clock_of_the_exchange(tmp_path):
    late = [payload | ({"E": payload["E"] + 50} if "E" in payload else {}) for payload in SPOT]
    market = read(tmp_path, *late, clock="exchange")
    assert market.trades["time"].tolist() == [UTC + pd.Timedelta(n, "ms") for n in (3, 6)]  # T
    assert market.trades["local_time"].tolist() == [UTC + pd.Timedelta(n, "ms") for n in (3, 6)]
    # the snapshot has no time: that of the newest update it shows with
    assert market.book["time"].tolist() == [UTC + pd.Timedelta(n, "ms") for n in (51, 55)]
    assert market.receipt.reasons["no time of the exchange, which clock asks for"] == 1
    # and so the best quotes are the book's
    assert market.quotes["bid"].tolist() == [100, 100]
    assert any("quotes of BTCUSDT are the book's best" in n for n in market.receipt.notes)


@pytest.mark.parametrize("form", ["bare", "spaces", "windows", "gz", "numbers"])
def test_other_forms_of_lines(tmp_path, spot, form):
    rows = lines(*SPOT, bare=form == "bare")
    if form == "spaces":
        rows = [
            f"{r.partition(' ')[0]}  {json.dumps(json.loads(r.partition(' ')[2]))}" for r in rows
        ]
    if form == "numbers":
        rows = [r.replace('"p":"100.0"', '"p":100.0') for r in rows]
    path = write(tmp_path / "other.jsonl", rows)
    if form == "windows":
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    if form == "gz":
        packed = tmp_path / "other.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    again = binance(path)
    for name in spot:
        pd.testing.assert_frame_equal(again[name], spot[name])


# --- futures --------------------------------------------------------------------------------------

FUTURES = [
    depth(90, 100, [("97", "9")], before=80),
    futures_ticker(100, ms=1),
    snapshot(105),
    depth(103, 110, [("100", "1")], before=100, ms=3),
    depth(114, 120, [("99", "5")], [("101", "0")], before=110, ms=4),
    trade(1, "102", "3", False, ms=5, X="MARKET"),
]


def test_futures(tmp_path):
    market = read(tmp_path, *FUTURES)
    assert best(market.book) == [(3, 99, 2, 101, 3), (4, 100, 1, 101, 3), (5, 100, 1, 102, 4)]
    assert market.trades["side"].tolist() == [1]
    assert market.quotes["exchange_time"].tolist() == [UTC + pd.Timedelta(1, "ms")]
    assert any("BTCUSDT (USD-M futures)" in note for note in market.receipt.notes)
    assert market.receipt.reasons.to_dict() == {"depth update before the snapshot": 1}


def test_an_update_that_begins_at_the_snapshot_is_its_first(tmp_path):
    market = read(tmp_path, snapshot(105), depth(101, 105, [("100", "1")], before=99))
    assert best(market.book) == [(1, 99, 2, 101, 3), (2, 100, 1, 101, 3)]


def test_a_snapshot_between_two_updates(tmp_path):
    # ids 111 to 113 were other symbols': nothing of this one lies between 110 and 114
    market = read(tmp_path, snapshot(112), depth(114, 120, [("100", "1")], before=110))
    assert best(market.book) == [(1, 99, 2, 101, 3), (2, 100, 1, 101, 3)]


def test_coin_margined(tmp_path):
    market = read(tmp_path, trade(symbol="BTCUSD_PERP", X="MARKET"))
    assert market.inverse == ["BTCUSD_PERP"]


def test_lines_that_are_no_trades(tmp_path):
    market = read(
        tmp_path,
        trade(1, X="MARKET"),
        trade(2, X="INSURANCE_FUND"),
        trade(3, X="ADL"),
        trade(4, price="0", size="0", X="MARKET"),
        trade(1, X="MARKET"),
        trade(9, X="MARKET"),
    )
    assert market.trades["trade_id"].tolist() == ["1", "9"]
    assert market.receipt.reasons.to_dict() == {
        "trade of type INSURANCE_FUND, not of the market": 1,
        "trade of type ADL, not of the market": 1,
        "price or quantity 0: no trade": 1,
        "duplicate": 1,
    }
    assert market.receipt.set_aside["line"].tolist() == [2, 3, 4, 5]
    assert any("ids of trade of BTCUSDT jump 1 times, 4 missing" in n for n in market.receipt.notes)


def aggregate(number=31) -> dict:
    about = {"e": "aggTrade", "E": MS, "T": MS, "s": "BTCUSDT", "a": number, "p": "100", "q": "2"}
    return about | {"f": 11, "l": 13, "m": True}


def test_aggregates_alone_are_trades(tmp_path):
    market = read(tmp_path, aggregate())
    assert market.trades[["trade_id", "first_trade_id", "last_trade_id"]].to_numpy().tolist() == [
        ["31", 11, 13]
    ]
    assert market.trades["side"].tolist() == [-1]


def test_aggregates_beside_trades_do_not_count(tmp_path):
    market = read(tmp_path, aggregate(), trade(11, X="MARKET"))
    assert market.trades["trade_id"].tolist() == ["11"]
    assert market.receipt.reasons.index[0].startswith("aggTrade beside single trades")


def test_events_that_are_not_read(tmp_path):
    others = [
        {"e": "kline", "E": MS, "s": "BTCUSDT", "k": {"t": 1}},
        {"result": None, "id": 1},
    ]
    rows = lines(trade(), *others)
    part = {"stream": "btcusdt@depth5@100ms", "data": depth(1, 2, before=0)}
    rows.append(f"{START + 10**7} {json.dumps(part)}")
    market = binance(write(tmp_path / "a.jsonl", rows))
    assert market.receipt.reasons.to_dict() == {
        "kline, which is not read": 1,
        "no market event": 1,
        "partial depth, which is not read": 1,
    }
    assert market.receipt.rows_kept == 1


def test_quotes_of_one_side(tmp_path):
    quotes = read(tmp_path, ticker(bid="0.00000000", bid_size="0.00000000")).quotes
    assert np.isnan(quotes["bid"][0])
    assert (quotes["bid_size"][0], quotes["ask"][0]) == (0, 100.5)


def test_quotes_without_trades_in_their_file_come_last(tmp_path):
    market = read(tmp_path, ticker(), snapshot(1), depth(2, 3, [("98", "2")]))
    assert market.quotes["seq"].tolist() == [schema.UNORDERED + 1]
    assert market.book["seq"].tolist() == [schema.UNORDERED + 2, schema.UNORDERED + 3]


def test_microseconds(tmp_path):
    payload = trade() | {"T": MS * 1000 + 7, "E": MS * 1000 + 9}
    market = read(tmp_path, payload)
    assert market.trades["exchange_time"].tolist() == [UTC + pd.Timedelta(7, "us")]


def test_one_level_is_a_quote(tmp_path):
    market = read(tmp_path, SPOT[0], SPOT[1], *SPOT[3:], levels=1)
    assert "book" not in market
    assert market.quotes[["bid", "ask"]].to_numpy().tolist() == [[100, 101], [100, 102]]


BROKEN = [
    snapshot(3),
    depth(4, 5, [("100", "1")]),
    depth(8, 9, [("100", "7")]),  # 6 and 7 are missing
    depth(10, 11, [("100", "8")]),
    trade(),
]


# --- several captures -----------------------------------------------------------------------------


@pytest.mark.parametrize("turned", [False, True])
def test_the_book_goes_on_in_the_next_file(tmp_path, spot, turned):
    rows = lines(*SPOT)
    files = [write(tmp_path / "a.jsonl", rows[:5]), write(tmp_path / "b.jsonl", rows[5:])]
    market = binance(*(files[::-1] if turned else files))
    for name in ("trades", "quotes"):
        pd.testing.assert_frame_equal(market[name], spot[name])
    assert best(market.book)[0] == best(spot.book)[0]
    assert best(market.book)[1] == best(spot.book)[1]
    assert market.receipt.files[["file", "rows"]].to_numpy().tolist() == [
        ["a.jsonl", 5],
        ["b.jsonl", 2],
    ]


def test_a_gap_between_files_is_named_by_file(tmp_path):
    rows = lines(*BROKEN)
    files = [write(tmp_path / "a.jsonl", rows[:2]), write(tmp_path / "b.jsonl", rows[2:])]
    market = binance(*files)
    assert any(note.startswith("b.jsonl, line 1: gap") for note in market.receipt.notes)
    assert market.receipt.set_aside[["file", "line"]].to_numpy().tolist() == [
        ["b.jsonl", 1],
        ["b.jsonl", 2],
    ]


def test_two_symbols(tmp_path):
    eth = [depth(1000, 1001, [("50", "1")], symbol="ETHUSDT"), trade(7, "51", symbol="ETHUSDT")]
    market = read(tmp_path, *SPOT[:4], *eth)
    assert sorted(market.symbols["symbol"]) == ["BTCUSDT", "ETHUSDT"]
    assert market.trades["symbol"].tolist() == ["BTCUSDT", "ETHUSDT"]


def test_a_snapshot_of_nobody_knows_which(tmp_path):
    market = read(tmp_path, *SPOT, depth(1000, 1001, [("50", "1")], symbol="ETHUSDT"))
    assert "book" not in market
    assert market.receipt.reasons["snapshot that names no symbol, beside several"] == 1


def test_a_snapshot_that_names_its_symbol(tmp_path):
    named = snapshot(3) | {"symbol": "BTCUSDT"}
    market = read(tmp_path, *SPOT[:4], named, depth(1, 2, symbol="ETHUSDT"))
    assert market.book["symbol"].unique().tolist() == ["BTCUSDT"]


def test_another_name_for_the_symbol(tmp_path):
    market = read(tmp_path, *SPOT, symbol="spot")
    for table in market:
        assert set(market[table]["symbol"]) == {"spot"}
    assert market.symbols.iloc[0][["symbol", "asset"]].tolist() == ["spot", "BTC"]


def test_saved_and_opened_again(tmp_path, spot):
    spot.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    for name in spot:
        pd.testing.assert_frame_equal(again[name], spot[name])


def test_a_local_clock_that_runs_back_is_noted(tmp_path):
    rows = lines(trade(1), trade(2))
    market = binance(write(tmp_path / "a.jsonl", rows[::-1]))
    assert any("1 lines have a local time before the line above" in n for n in market.receipt.notes)
    assert market.trades["trade_id"].tolist() == ["1", "2"]
