"""Executions of the other venues, as their APIs return them; every value worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.fills_export import fills_export

BYBIT = {
    "symbol": "BTCUSDT",
    "orderId": "o1",
    "side": "Buy",
    "execFee": "1.5",
    "execId": "e1",
    "execPrice": "50000.00",
    "execQty": "0.100",
    "execType": "Trade",
    "execValue": "5000.00",
    "execTime": "1700000000123",
    "feeCurrency": "",
    "feeRate": "0.0003",
    "isMaker": True,
    "createType": "CreateByUser",
}
KRAKEN = {
    "ordertxid": "O1",
    "pair": "XXBTZUSD",
    "time": 1710429248.3052235,
    "type": "sell",
    "ordertype": "limit",
    "price": "72000.0",
    "cost": "7.20000",
    "fee": "0.01872",
    "vol": "0.00010000",
    "margin": "0.00000",
    "misc": "",
    "maker": False,
}
BITMEX = {
    "execID": "x1",
    "orderID": "o1",
    "account": 42,
    "symbol": "XBTUSD",
    "side": "Buy",
    "lastQty": 1000,
    "lastPx": 50000,
    "lastLiquidityInd": "RemovedLiquidity",
    "currency": "USD",
    "settlCurrency": "XBt",
    "execType": "Trade",
    "commission": 0.00075,
    "execCost": -2000000,
    "execComm": 1500,
    "homeNotional": 0.02,
    "foreignNotional": -1000,
    "transactTime": "2024-11-25T10:35:00.789Z",
    "trdMatchID": "m1",
}
DYDX = {
    "id": "f1",
    "side": "SELL",
    "liquidity": "MAKER",
    "type": "LIMIT",
    "market": "BTC-USD",
    "marketType": "PERPETUAL",
    "price": "100000",
    "size": "0.01",
    "fee": "-0.11",
    "createdAt": "2025-11-12T11:19:52.470Z",
    "orderId": "o1",
    "subaccountNumber": 3,
}
DERIBIT = {
    "trade_id": "1",
    "order_id": "o1",
    "timestamp": 1700000000123,
    "instrument_name": "BTC-PERPETUAL",
    "direction": "buy",
    "price": 50000.0,
    "amount": 500.0,
    "fee": 0.000005,
    "fee_currency": "BTC",
    "liquidity": "T",
    "index_price": 50001.5,
    "mark_price": 50000.5,
}
COINBASE = {
    "entry_id": "e1",
    "trade_id": "t1",
    "order_id": "o1",
    "trade_time": "2023-01-18T01:37:38.091377090Z",
    "trade_type": "FILL",
    "price": "20000",
    "size": "50",
    "commission": "0.3",
    "product_id": "BTC-USD",
    "liquidity_indicator": "TAKER",
    "size_in_quote": True,
    "user_id": "u1",
    "side": "BUY",
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


# --- Bybit ----------------------------------------------------------------------------------------


def bybit(*rows, category="linear"):
    return {"retCode": 0, "retMsg": "OK", "result": {"category": category, "list": list(rows)}}


def test_bybit_linear(load):
    sold = BYBIT | {"execId": "e2", "side": "Sell", "execFee": "-0.5", "isMaker": False}
    market = load(bybit(BYBIT, sold))
    assert market.fills["side"].tolist() == [1, -1]
    assert market.fills["fee"].tolist() == [1.5, -0.5]
    assert market.fills["maker"].tolist() == [True, False]
    assert about(market)["currency"] == "USDT"
    assert about(market)["asset"] == "BTCUSDT"


def test_bybit_spot_pays_in_what_comes_in(load):
    """A buyer pays in the base, a seller in the quote; of rebates it is the other way."""
    rows = [
        BYBIT | {"execId": f"e{i}", "side": side, "execFee": fee}
        for i, (side, fee) in enumerate(
            [("Buy", "0.0001"), ("Sell", "5"), ("Buy", "-5"), ("Sell", "-0.0001")]
        )
    ]
    market = load(bybit(*rows, category="spot"))
    assert market.fills["fee_asset"].tolist() == ["BTC", "USDT", "USDT", "BTC"]
    assert market.fills["fee"].tolist() == [0, 5, -5, 0]
    assert market.transfers["amount"].tolist() == [-0.0001, 0.0001]
    assert about(market)["asset"] == "BTC"


def test_bybit_inverse_and_funding(load):
    """1,000 dollars at 50,000 are 0.02 BTC; funding received is a negative fee."""
    row = BYBIT | {"symbol": "BTCUSD", "execQty": "1000", "execValue": "0.02"}
    paid = row | {"execId": "f1", "execType": "Funding", "execFee": "0.000002", "side": "Buy"}
    got = paid | {"execId": "f2", "execFee": "-0.000003", "execTime": "1700028800000"}
    content = bybit(row | {"execFee": "0.00001"}, paid, got, category="inverse")
    market = load(content)
    assert market.inverse == ["BTCUSD"]
    assert only(market.fills)["fee"] == 0.00001
    moved = market.transfers
    assert moved["amount"].tolist() == [-0.000002, 0.000003]
    assert set(moved["asset"]) == {"BTC"}
    assert set(moved["counterparty"]) == {"funding"}
    assert set(moved["instrument"]) == {"BTCUSD"}
    assert market.receipt.rows_kept == 3
    # an answer that does not say its category: the values tell
    bare = load(content["result"]["list"])
    assert bare.inverse == ["BTCUSD"]


def test_bybit_liquidations_are_fills_and_settlements_are_set_aside(load):
    bust = BYBIT | {"execId": "e2", "execType": "BustTrade", "side": "Sell"}
    settle = BYBIT | {"execId": "e3", "execType": "SessionSettlePnL"}
    market = load(bybit(BYBIT, bust, settle))
    assert market.fills["exec_type"].tolist() == ["Trade", "BustTrade"]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (3, 2)
    aside = only(market.receipt.set_aside)
    assert "SessionSettlePnL" in aside["reason"]
    assert json.loads(aside["text"])["execId"] == "e3"
    assert "1 BustTrade" in notes(market)


# --- Kraken ---------------------------------------------------------------------------------------


def test_kraken(load):
    bought = KRAKEN | {"type": "buy", "pair": "ETHUSDT", "maker": True, "time": 1710429248}
    market = load({"error": [], "result": {"trades": {"T2": KRAKEN, "T1": bought}, "count": 2}})
    fills = market.fills
    assert fills["trade_id"].tolist() == ["T1", "T2"]
    assert fills["side"].tolist() == [1, -1]
    assert fills["maker"].tolist() == [True, False]
    # decimal seconds, to the last digit that is written
    assert [t.value for t in fills["time"]] == [1710429248000000000, 1710429248305223500]
    assert fills["fee"].tolist() == [0.01872, 0.01872]
    symbols = market.symbols.set_index("symbol")
    assert symbols.loc["XXBTZUSD", ["asset", "currency"]].tolist() == ["XBT", "USD"]
    assert symbols.loc["ETHUSDT", ["asset", "currency"]].tolist() == ["ETH", "USDT"]


def test_kraken_pages_past_the_last_are_empty(tmp_path):
    first = write(tmp_path / "a.json", {"error": [], "result": {"trades": {"T1": KRAKEN}}})
    last = write(tmp_path / "b.json", {"error": [], "result": {"trades": {}, "count": 1}})
    assert len(fills_export(first, last).fills) == 1
    assert len(fills_export(last, first).fills) == 1
    with pytest.raises(mm.SourceError, match="no execution"):
        fills_export(last)


def test_margin_is_noted(load):
    market = load({"error": [], "result": {"trades": {"T1": KRAKEN | {"margin": "1.4"}}}})
    assert "1 fills are on margin" in notes(market)


# --- BitMEX ---------------------------------------------------------------------------------------


def test_bitmex_inverse(load):
    """1,000 contracts of a dollar at 50,000 cost 2,000,000 satoshi; 0.075 % of it is 1,500."""
    sold = BITMEX | {"execID": "x2", "side": "Sell", "execCost": 2000000, "execComm": -500}
    sold |= {"lastLiquidityInd": "AddedLiquidity", "commission": -0.00025}
    market = load([BITMEX, sold])
    fills = market.fills
    assert fills["side"].tolist() == [1, -1]
    assert fills["size"].tolist() == [1000, 1000]
    assert fills["fee"].tolist() == pytest.approx([0.000015, -0.000005])
    assert fills["maker"].tolist() == [False, True]
    assert set(fills["account"]) == {"bitmex 42"}
    assert market.inverse == ["XBTUSD"]
    assert "rate x value" not in notes(market)
    assert "transfers" not in market


def test_bitmex_profit_is_in_the_coin(load):
    """Bought at 50,000, sold at 62,500: 1,000 x (1 / 50,000 - 1 / 62,500) = 0.004."""
    sold = BITMEX | {"execID": "x2", "side": "Sell", "lastPx": 62500, "execCost": 1600000}
    sold |= {"execComm": 1200, "transactTime": "2024-11-25T10:35:01Z"}
    book = mm.ledger(load([BITMEX, sold]))
    assert book["position"].tolist() == [1000, 0]
    assert book["realised"].iloc[-1] == pytest.approx(0.004)
    assert book["fees"].iloc[-1] == pytest.approx(0.000027)


def test_bitmex_linear_and_quanto(load):
    linear = BITMEX | {"symbol": "XBTUSDT", "currency": "USDT", "settlCurrency": "USDt"}
    # a contract is 0.000001 XBT: 1,000 at 50,000 are 50 USDT
    linear |= {"lastQty": 1000, "execCost": 50_000_000, "execComm": 37500}
    quanto = BITMEX | {"execID": "x2", "symbol": "ETHUSD", "lastPx": 2000, "lastQty": 10}
    # a contract is 100 satoshi a dollar: 10 at 2,000 are 0.02 XBT
    quanto |= {"execCost": 2_000_000}
    market = load([linear, quanto])
    symbols = market.symbols.set_index("symbol")
    assert symbols.loc["XBTUSDT", ["currency", "settlement", "multiplier"]].tolist() == [
        "USDT",
        "USDT",
        0.000001,
    ]
    assert symbols.loc["ETHUSD", ["currency", "settlement", "multiplier"]].tolist() == [
        "USD",
        "XBT",
        0.000001,
    ]
    assert market.inverse == []
    assert market.fills["fee"].tolist() == pytest.approx([0.0375, 0.000015])
    assert "ETHUSD is priced in USD and settles in XBT" in notes(market)


def test_bitmex_funding_and_what_is_no_execution(load):
    funding = BITMEX | {"execID": "x2", "execType": "Funding", "side": "", "execComm": 200}
    order = BITMEX | {"execID": "x3", "execType": "New", "lastQty": None, "lastPx": None}
    market = load([BITMEX, funding, funding | {"execID": "x4", "execComm": -300}, order])
    assert len(market.fills) == 1
    assert market.transfers["amount"].tolist() == pytest.approx([-0.000002, 0.000003])
    assert market.transfers["asset"].tolist() == ["XBT", "XBT"]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (4, 3)
    assert "execType New" in only(market.receipt.set_aside)["reason"]


def test_bitmex_settlement_closes_where_its_side_is_said(load):
    closed = BITMEX | {"execID": "x2", "execType": "Settlement", "side": "Sell"}
    market = load([BITMEX, closed, closed | {"execID": "x3", "side": None}])
    assert market.fills["side"].tolist() == [1, -1]
    assert len(market.receipt.set_aside) == 1


# --- dYdX, Deribit, Coinbase ----------------------------------------------------------------------


def test_dydx(load):
    later = DYDX | {"id": "f2", "side": "BUY", "liquidity": "TAKER", "fee": "0.5"}
    later |= {"createdAt": "2025-11-12T11:20:00Z"}
    market = load({"status": "success", "result": {"fills": [later, DYDX]}})  # the newest first
    assert market.fills["trade_id"].tolist() == ["f1", "f2"]
    assert market.fills["seq"].tolist() == [1, 2]
    assert market.fills["side"].tolist() == [-1, 1]
    assert market.fills["maker"].tolist() == [True, False]
    assert market.fills["fee"].tolist() == [-0.11, 0.5]
    assert market.fills["account"].tolist() == ["dydx 3", "dydx 3"]
    assert about(market)["currency"] == "USDC"


def test_deribit(load):
    trades = [
        DERIBIT,
        DERIBIT | {"trade_id": "2", "direction": "sell", "liquidity": "M", "fee": -0.000001},
        DERIBIT
        | {"trade_id": "3", "liquidity": "MT", "instrument_name": "BTC_USDC"}
        | {"fee_currency": "USDC", "fee": 0.5},
        DERIBIT | {"trade_id": "4", "instrument_name": "BTC-27DEC24-60000-C", "price": 0.05},
        DERIBIT
        | {"trade_id": "5", "instrument_name": "ETH_USDC-PERPETUAL", "price": 2000.0}
        | {"fee_currency": "USDC"},
    ]
    market = load({"jsonrpc": "2.0", "result": {"trades": trades, "has_more": False}})
    fills = market.fills
    assert fills["side"].tolist() == [1, -1, 1, 1, 1]
    assert fills["maker"].tolist() == [False, True, pd.NA, False, False]
    assert fills["fee"].tolist() == [0.000005, -0.000001, 0.5, 0.000005, 0.000005]
    symbols = market.symbols.set_index("symbol")[["asset", "currency", "settlement"]]
    assert symbols.to_dict("index") == {
        "BTC-PERPETUAL": {"asset": "BTC", "currency": "USD", "settlement": "BTC"},
        "BTC_USDC": {"asset": "BTC", "currency": "USDC", "settlement": "USDC"},
        "BTC-27DEC24-60000-C": {
            "asset": "BTC-27DEC24-60000-C",
            "currency": "BTC",
            "settlement": "BTC",
        },
        "ETH_USDC-PERPETUAL": {
            "asset": "ETH_USDC-PERPETUAL",
            "currency": "USDC",
            "settlement": "USDC",
        },
    }
    assert market.inverse == ["BTC-PERPETUAL"]
    assert "transfers" not in market
    assert "1 fills do not say maker or taker" in notes(market)


def test_coinbase_sizes_in_the_quote(load):
    sold = COINBASE | {"entry_id": "e2", "side": "SELL", "size_in_quote": False, "size": "0.5"}
    sold |= {"liquidity_indicator": "UNKNOWN_LIQUIDITY_INDICATOR"}
    market = load({"fills": [COINBASE, sold], "cursor": ""})
    fills = market.fills
    assert fills["size"].tolist() == [0.0025, 0.5]  # 50 dollars at 20,000
    assert fills["side"].tolist() == [1, -1]
    assert fills["fee"].tolist() == [0.3, 0.3]
    assert fills["maker"].tolist() == [False, pd.NA]
    assert fills["time"].iloc[0].value == 1674005858091377090
    assert fills["match_id"].tolist() == ["t1", "t1"]
    assert set(fills["account"]) == {"coinbase u1"}
    assert "1 sizes were in the quote currency" in notes(market)


# --- values that disagree -------------------------------------------------------------------------


def test_values_that_disagree_are_noted_and_kept(load):
    """5,000 dollars at 0.03 % are 1.5, not 0.015; 0.1 at 50,000 is not 4,000."""
    market = load(
        bybit(BYBIT | {"execFee": "0.015"}, BYBIT | {"execId": "e2", "execValue": "4000"})
    )
    assert "1 fees are not rate x value" in notes(market)
    assert "1 values are not size x price" in notes(market)
    assert market.fills["price"].tolist() == [50_000, 50_000]
