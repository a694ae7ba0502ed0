"""Executions as Binance's API returns them, and what holds for every venue's; all by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.fills_export import fills_export

BINANCE = {
    "symbol": "BTCUSDT",
    "id": 7,
    "orderId": 70,
    "orderListId": -1,
    "price": "50000.00",
    "qty": "0.20000000",
    "quoteQty": "10000.00000000",
    "commission": "0.03000000",
    "commissionAsset": "BNB",
    "time": 1700000000123,
    "isBuyer": True,
    "isMaker": False,
    "isBestMatch": True,
}
FUTURES = {
    "symbol": "BTCUSDT",
    "id": 8,
    "orderId": 80,
    "side": "SELL",
    "price": "50000.0",
    "qty": "0.100",
    "realizedPnl": "-1.5",
    "marginAsset": "USDT",
    "quoteQty": "5000.00",
    "commission": "-0.50000000",
    "commissionAsset": "USDT",
    "time": 1700000000123,
    "positionSide": "BOTH",
    "maker": True,
    "buyer": False,
}


def write(path: Path, content) -> Path:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


@pytest.fixture
def load(tmp_path):
    """The function: records or an answer, options -> market."""

    def load(content, **options):
        return fills_export(write(tmp_path / "a.json", content), **options)

    return load


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def about(market: mm.Market) -> dict:
    return only(market.symbols).drop(["symbol", "tick", "calendar"]).to_dict()


def notes(market: mm.Market) -> str:
    return "\n".join(market.receipt.notes)


# --- Binance --------------------------------------------------------------------------------------


def test_binance_spot_both_signs(load):
    sold = BINANCE | {"id": 9, "isBuyer": False, "isMaker": True, "time": 1700000000124}
    market = load([BINANCE, sold], account="me")
    fills = market.fills
    assert fills["side"].tolist() == [1, -1]
    assert fills["maker"].tolist() == [False, True]
    assert fills["price"].tolist() == [50_000, 50_000]
    assert fills["size"].tolist() == [0.2, 0.2]
    assert fills["time"].tolist() == [
        pd.Timestamp("2023-11-14 22:13:20.123", tz="UTC"),
        pd.Timestamp("2023-11-14 22:13:20.124", tz="UTC"),
    ]
    assert set(fills["account"]) == {"me"}
    assert fills[["trade_id", "order_id"]].to_numpy().tolist() == [["7", "70"], ["9", "70"]]
    assert about(market) == {
        "asset": "BTC",
        "currency": "USDT",
        "settlement": "USDT",
        "multiplier": 1,
    }


def test_a_fee_in_another_asset_leaves_the_account_by_itself(load):
    """Base in, quote out, BNB out: 0.2 BTC, -10,000 USDT, -0.03 BNB."""
    market = load([BINANCE])
    fill, moved = only(market.fills), only(market.transfers)
    assert (fill["fee"], fill["fee_amount"], fill["fee_asset"]) == (0, 0.03, "BNB")
    assert (moved["asset"], moved["amount"], moved["counterparty"]) == ("BNB", -0.03, "fee")
    assert (moved["tx"], moved["seq"], moved["time"]) == ("7", fill["seq"], fill["time"])
    book = mm.ledger(market)
    held = book.groupby("symbol").last()
    assert held["position"].to_dict() == {"BNB": -0.03, "BTCUSDT": 0.2}
    assert held.loc["BTCUSDT", "cash"] == -10_000


def test_a_fee_in_the_base_is_taken_off_the_position(load):
    market = load([BINANCE | {"commissionAsset": "BTC", "commission": "0.0002"}])
    assert mm.ledger(market)["position"].iloc[-1] == pytest.approx(0.1998)


def test_a_fee_in_the_quote_is_a_fee(load):
    market = load([BINANCE | {"commissionAsset": "USDT", "commission": "10"}])
    assert only(market.fills)["fee"] == 10
    assert "transfers" not in market
    assert mm.ledger(market)["cash"].iloc[-1] == -10_010


def test_binance_futures(load):
    bought = FUTURES | {"id": 9, "side": "BUY", "commission": "2", "maker": False, "buyer": True}
    market = load([FUTURES, bought | {"commissionAsset": "BNB"}])
    fills = market.fills
    assert fills["side"].tolist() == [-1, 1]
    assert fills["fee"].tolist() == [-0.5, 0]  # a maker's rebate; a fee in BNB
    assert fills["realized_pnl"].tolist() == [-1.5, -1.5]
    assert only(market.transfers)[["asset", "amount"]].tolist() == ["BNB", -2]
    # contracts are no coins: coins that move are not taken for them
    assert about(market)["asset"] == "BTCUSDT"
    assert market.fills["account"].tolist() == ["binance", "binance"]


def test_binance_coin_margined_contracts_are_inverse(load):
    row = FUTURES | {"symbol": "ETHUSD_PERP", "pair": "ETHUSD", "price": "2500", "qty": "4"}
    row |= {"marginAsset": "ETH", "baseQty": "0.016", "quoteQty": "0", "commissionAsset": "ETH"}
    market = load([row | {"commission": "0.00001"}])
    # 4 contracts of 10 dollars at 2,500 are 0.016 ETH
    assert about(market) == {
        "asset": "ETH",
        "currency": "USD",
        "settlement": "ETH",
        "multiplier": 10,
    }
    assert market.inverse == ["ETHUSD_PERP"]
    assert only(market.fills)["fee"] == 0.00001
    assert "a contract is 10 USD" in notes(market)
    assert "not size x price" not in notes(market)


def test_hedge_mode_is_noted(load):
    assert "1 fills are of hedge mode" in notes(load([FUTURES | {"positionSide": "LONG"}]))


# --- all of them ----------------------------------------------------------------------------------


def test_values_within_rounding_are_not_noted(load):
    row = BINANCE | {"price": "3.33333333", "qty": "0.33333333", "quoteQty": "1.1111110"}
    assert "size x price" not in notes(load([row]))
    assert "size x price" in notes(load([row | {"quoteQty": "1.1111090"}]))


def test_repeated_executions_are_set_aside(load):
    market = load([BINANCE, BINANCE | {"id": 9}, BINANCE])
    assert market.fills["trade_id"].tolist() == ["7", "9"]
    assert market.receipt.reasons.to_dict() == {"duplicate": 1}
    aside = only(market.receipt.set_aside)
    assert aside["line"] == 43  # 2 + 15 + 15 before the third, 11 to its isBuyer
    assert json.loads(aside["text"]) == BINANCE


def test_numbers_count_by_symbol_and_side(load):
    other = BINANCE | {"symbol": "ETHUSDT"}
    mirror = BINANCE | {"isBuyer": False}  # a trade with oneself
    assert len(load([BINANCE, other, mirror]).fills) == 3


def test_pages_that_overlap(tmp_path):
    rows = [BINANCE | {"id": i, "time": 1700000000000 + i} for i in range(5)]
    pages = [write(tmp_path / "p1.json", rows[:3]), write(tmp_path / "p2.json", rows[2:])]
    market = fills_export(*pages)
    whole = fills_export(write(tmp_path / "whole.json", rows))
    assert market.fills["trade_id"].tolist() == whole.fills["trade_id"].tolist()
    assert len(market.transfers) == 5
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (6, 5)
    assert mm.ledger(market)["position"].tolist() == mm.ledger(whole)["position"].tolist()


def test_records_one_a_line_packed_and_in_folders(tmp_path):
    lines = "\n".join(json.dumps(BINANCE | {"id": i}) for i in range(3)).encode()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    write(tmp_path / "b.json", [FUTURES | {"symbol": "ETHUSDT"}])
    market = fills_export(tmp_path, account="me", name="both")
    assert market.accounts == ["me"]
    assert market.name == "both"
    assert len(market.fills) == 4
    assert market.receipt.files["rows"].tolist() == [3, 1]


def test_the_venue_may_be_said(load):
    assert len(load([BINANCE], venue="binance").fills) == 1
    with pytest.raises(mm.SourceError, match=r"expected those of kraken \(ordertxid, pair, vol\)"):
        load([BINANCE], venue="kraken")
    with pytest.raises(ValueError, match="no venue 'ftx'; the venues are binance, bybit"):
        load([BINANCE], venue="ftx")


def test_saved_and_opened_again(tmp_path, load):
    market = load([BINANCE, BINANCE | {"id": 9, "isMaker": True}])
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.fills, market.fills)
    pd.testing.assert_frame_equal(again.transfers, market.transfers)
