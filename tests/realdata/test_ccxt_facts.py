"""Two exchanges' trades in ccxt's structure: counted with the standard library, found again."""

from __future__ import annotations

import csv
import gzip
import json

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.ccxt import ccxt

PAIR = "XRP/ETH"


@pytest.fixture(scope="module")
def folder(realdata):
    found = realdata / "ccxt"
    if not found.is_dir():
        pytest.skip("needs the real files in ccxt")
    return found


@pytest.fixture(scope="module")
def structures(folder):
    with gzip.open(folder / "XRP_OLD-trades.json.gz", "rt") as file:
        return json.load(file)


@pytest.fixture(scope="module")
def rows(folder):
    with (folder / "public_trades_list.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def market(folder):
    return ccxt(folder / "XRP_OLD-trades.json.gz")


def test_every_structure_is_a_trade(market, structures):
    trades = market.trades
    assert len(trades) == market.receipt.rows_read == len(structures) == 12_477
    assert market.receipt.set_aside.empty
    assert set(trades["symbol"]) == {PAIR}
    assert trades["trade_id"].tolist() == [s["id"] for s in structures]
    assert (trades["time"].astype("int64") // 10**6).tolist() == [
        s["timestamp"] for s in structures
    ]
    assert trades["price"].tolist() == [s["price"] for s in structures]
    assert trades["size"].sum() == pytest.approx(sum(s["amount"] for s in structures))


def test_the_side_is_the_taker_s(market, structures):
    """The exchange's own flag: `m`, the buyer was the maker, so that a seller took."""
    taker = [-1 if s["info"]["m"] else 1 for s in structures]
    assert market.trades["side"].tolist() == taker


def test_pair(market):
    symbol = market.symbols.iloc[0]
    assert symbol[["asset", "currency", "settlement"]].tolist() == ["XRP", "ETH", "ETH"]
    assert "not price x amount" not in str(market.receipt)  # ids, costs and amounts agree


def test_the_table(folder, rows):
    with pytest.raises(mm.SourceError, match="symbol="):
        ccxt(folder / "public_trades_list.csv")
    trades = ccxt(folder / "public_trades_list.csv", symbol="ETH/USDT").trades
    assert len(trades) == len(rows) == 1_000
    assert trades["trade_id"].tolist() == [row["id"] for row in rows]
    assert trades["side"].tolist() == [{"buy": 1, "sell": -1}[row["side"]] for row in rows]
    cost = (trades["price"] * trades["size"]).tolist()
    assert cost == pytest.approx([float(row["cost"]) for row in rows])
    # `date` says the same as `timestamp`
    assert trades["time"].tolist() == [pd.Timestamp(row["date"]) for row in rows]
