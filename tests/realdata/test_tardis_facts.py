"""Tardis.dev's sample files: what the standard library reads in them, found again in the tables."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mmresearch import schema
from mmresearch.load.tardis import tardis

FILES = {
    "trades": "bitmex_trades_XBTUSD.csv",
    "quotes": "huobi-dm-swap_quotes_BTC-USD.csv",
    "increments": "deribit_incremental_book_L2_BTC-PERPETUAL.csv",
    "snapshot 5": "binance-futures_book_snapshot_5_BTCUSDT.csv",
    "snapshot 25": "binance-futures_book_snapshot_25_BTCUSDT.csv",
}


@pytest.fixture(scope="module")
def read(realdata):
    """Of each file its rows as dicts of text, and the market."""
    found = {}
    for name, file in FILES.items():
        path = realdata / "tardis" / file
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        found[name] = SimpleNamespace(path=path, rows=rows, market=tardis(path))
    return found


def numbers(rows: list[dict], column: str) -> list[float]:
    return [float(row[column]) for row in rows]


def nanoseconds(times: pd.Series) -> list[int]:
    return times.dt.as_unit("ns").astype("int64").tolist()


@pytest.mark.parametrize("name", FILES)
def test_every_row_is_kept(read, name):
    receipt = read[name].market.receipt
    assert receipt.rows_read == receipt.rows_kept == len(read[name].rows)
    assert 10 <= receipt.rows_read <= 15


@pytest.mark.parametrize("name", FILES)
def test_times_are_microseconds_of_2020_and_arrival_is_later(read, name):
    rows = read[name].rows
    assert all(len(row["timestamp"]) == len(row["local_timestamp"]) == 16 for row in rows)
    market = read[name].market
    for table in (market[t] for t in market):
        assert (table["time"].dt.year == 2020).all()
        assert (table["local_time"] > table["time"]).all()


def test_trades(read):
    rows, trades = read["trades"].rows, read["trades"].market.trades
    assert nanoseconds(trades["time"]) == [int(row["timestamp"]) * 1000 for row in rows]
    assert nanoseconds(trades["local_time"]) == [int(r["local_timestamp"]) * 1000 for r in rows]
    assert trades["seq"].tolist() == list(range(1, len(rows) + 1))
    assert trades["price"].tolist() == numbers(rows, "price")
    assert trades["size"].tolist() == numbers(rows, "amount")
    assert trades["trade_id"].tolist() == [row["id"] for row in rows]
    assert {row["side"] for row in rows} == {"sell"}
    assert set(trades["side"]) == {-1}


def test_contracts_are_inverse(read):
    said = {
        name: tuple(read[name].market.symbols.iloc[0][["asset", "settlement", "multiplier"]])
        for name in FILES
    }
    assert said["trades"] == ("XBT", "XBT", 1)
    assert said["increments"] == ("BTC", "BTC", 1)
    assert said["quotes"] == ("BTC", "BTC", 100)
    assert said["snapshot 5"] == said["snapshot 25"] == ("BTC", "USDT", 1)


def test_quotes(read):
    rows, quotes = read["quotes"].rows, read["quotes"].market.quotes
    assert nanoseconds(quotes["time"]) == [int(row["timestamp"]) * 1000 for row in rows]
    names = {"bid": "bid_price", "ask": "ask_price"}
    names |= {"bid_size": "bid_amount", "ask_size": "ask_amount"}
    for ours, theirs in names.items():
        assert quotes[ours].tolist() == numbers(rows, theirs)
    assert (quotes["ask"] > quotes["bid"]).all()
    assert (quotes["seq"] >= schema.UNORDERED).all()


@pytest.mark.parametrize(("name", "levels"), [("snapshot 5", 5), ("snapshot 25", 25)])
def test_snapshots(read, name, levels):
    rows, market = read[name].rows, read[name].market
    for side in ("bid", "ask"):
        for level in range(levels):
            ours = market.book[f"{side}_{level + 1}"], market.book[f"{side}_size_{level + 1}"]
            assert ours[0].tolist() == numbers(rows, f"{side}s[{level}].price")
            assert ours[1].tolist() == numbers(rows, f"{side}s[{level}].amount")
    assert f"bid_{levels + 1}" not in market.book
    asks = market.book[[f"ask_{n}" for n in range(1, levels + 1)]].to_numpy()
    bids = market.book[[f"bid_{n}" for n in range(1, levels + 1)]].to_numpy()
    assert (np.diff(asks) > 0).all()
    assert (np.diff(bids) < 0).all()
    best = [
        tuple(row[f"{s}[0].{c}"] for s in ("bids", "asks") for c in ("price", "amount"))
        for row in rows
    ]
    changes = [i for i, state in enumerate(best) if i == 0 or state != best[i - 1]]
    assert (market.quotes["seq"] - schema.UNORDERED).tolist() == [i + 1 for i in changes]


def test_both_depths_show_one_market(read):
    """Where both files hold a row of one message, their five best levels are the same."""
    few, many = read["snapshot 5"].market.book, read["snapshot 25"].market.book
    columns = [c for c in few.columns if c != "seq"]
    both = few.merge(many, on="local_time", suffixes=("", "_many"))
    assert len(both) == 4
    for column in set(columns) - {"local_time"}:
        assert both[column].tolist() == both[f"{column}_many"].tolist()


def test_a_snapshot_becomes_one_state_of_the_book(read):
    rows, book = read["increments"].rows, read["increments"].market.book
    assert {(row["is_snapshot"], row["side"]) for row in rows} == {("true", "ask")}
    assert len(book) == 1
    asks = sorted((float(row["price"]), float(row["amount"])) for row in rows)[:10]
    state = book.iloc[0]
    assert [(state[f"ask_{n}"], state[f"ask_size_{n}"]) for n in range(1, 11)] == asks
    assert all(np.isnan(state[f"bid_{n}"]) for n in range(1, 11))
    assert nanoseconds(book["time"]) == [int(rows[-1]["timestamp"]) * 1000]
    deeper = tardis(read["increments"].path, levels=20).book.iloc[0]
    assert deeper["ask_15"] == max(numbers(rows, "price"))
    assert np.isnan(deeper["ask_16"])
