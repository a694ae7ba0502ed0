"""Five venues' recorded answers: what the standard library reads in them, found in the tables."""

from __future__ import annotations

import json
from decimal import Decimal

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.fills_export import fills_export

FILES = {
    "binance": "binance_account_trades_response.json",
    "bitmex": "bitmex_http_get_executions.json",
    "bybit": "bybit_http_get_executions.json",
    "dydx": "dydx_http_get_fills.json",
    "kraken": "kraken_http_trades_history.json",
}
SIGNS = {"buy": 1, "sell": -1}


@pytest.fixture(scope="module")
def folder(realdata):
    found = realdata / "exchange_fills"
    if not found.is_dir():
        pytest.skip("needs the real files in exchange_fills")
    return found


@pytest.fixture(scope="module")
def records(folder):
    """Venue -> its records, read by the standard library with exact decimals."""

    def held(name):
        root = json.loads((folder / FILES[name]).read_text(), parse_float=Decimal)
        inner = root if isinstance(root, list) else root["result"]
        if isinstance(inner, dict):
            inner = inner.get("list") or inner.get("fills") or inner.get("trades")
        return list(inner.values()) if isinstance(inner, dict) else inner

    return {name: held(name) for name in FILES}


@pytest.fixture(scope="module")
def markets(folder):
    return {name: fills_export(folder / file) for name, file in FILES.items()}


@pytest.mark.parametrize("venue", FILES)
def test_every_record_is_a_fill(markets, records, venue):
    market = markets[venue]
    assert len(market.fills) == market.receipt.rows_read == len(records[venue])
    assert market.receipt.set_aside.empty
    assert market.name.split()[0] == venue


@pytest.mark.parametrize("venue", FILES)
def test_signed_sizes(markets, records, venue):
    words = {"kraken": "type"}.get(venue, "side")
    sizes = {"bitmex": "lastQty", "bybit": "execQty", "dydx": "size", "kraken": "vol"}
    by_hand = sum(
        (1 if r["isBuyer"] else -1) * Decimal(r["qty"])
        if venue == "binance"
        else SIGNS[r[words].lower()] * Decimal(str(r[sizes[venue]]))
        for r in records[venue]
    )
    fills = markets[venue].fills
    assert (fills["side"] * fills["size"]).sum() == pytest.approx(float(by_hand))


def test_kraken_s_times_are_exact(markets, records):
    by_hand = sorted(int(r["time"] * 10**9) for r in records["kraken"])
    assert markets["kraken"].fills["time"].astype("int64").tolist() == by_hand


def test_binance_s_commission_is_in_a_third_asset(markets, records):
    (record,) = records["binance"]
    (moved,) = markets["binance"].transfers.to_dict("records")
    assert (moved["asset"], moved["amount"]) == ("BNB", -float(record["commission"]))
    assert float(record["price"]) * float(record["qty"]) == float(record["quoteQty"])
    assert "size x price" not in str(markets["binance"].receipt)


def test_bitmex_contracts_are_inverse(markets, records):
    market = markets["bitmex"]
    assert market.inverse == ["XBTUSD"]
    satoshi = sum(int(r["execComm"]) for r in records["bitmex"])
    assert market.fills["fee"].sum() == pytest.approx(satoshi / 1e8)
    assert market.fills["maker"].tolist() == [
        r["lastLiquidityInd"] == "Added" for r in records["bitmex"]
    ]


def test_fees_that_are_not_what_their_rate_says(markets, records):
    """One of BitMEX' and one of Bybit's: the recordings were edited by whoever made them."""
    for venue, fee, rate, value in (
        ("bitmex", "execComm", "commission", "execCost"),
        ("bybit", "execFee", "feeRate", "execValue"),
    ):
        off = [
            abs(Decimal(str(r[fee])) - Decimal(str(r[rate])) * abs(Decimal(str(r[value])))) > 1
            for r in records[venue]
        ]
        assert sum(off) == 1
        assert "1 fees are not rate x value" in str(markets[venue].receipt)


def test_venues_together(folder, records):
    files = [folder / FILES[name] for name in FILES if name != "kraken"]
    market = fills_export(*files, account="me")
    assert len(market.fills) == sum(map(len, records.values())) - len(records["kraken"]) == 8
    assert market.accounts == ["me"]


def test_a_pair_and_a_contract_of_one_name_are_not_added_up(folder):
    with pytest.raises(mm.SourceError, match="describe differently: ETHUSDT"):
        fills_export(folder)  # Kraken's pair, Bybit's perpetual


def test_dydx_comes_newest_first(markets, records):
    times = [pd.Timestamp(r["createdAt"]) for r in records["dydx"]]
    assert times == sorted(times, reverse=True)
    fills = markets["dydx"].fills
    assert fills["trade_id"].tolist() == [r["id"] for r in reversed(records["dydx"])]
    assert fills["seq"].tolist() == [1, 2, 3]
