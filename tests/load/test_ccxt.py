"""ccxt's unified structures written out by hand: the tape, an account's fills, their fees."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.ccxt import ccxt

T0 = 1_700_000_000_000


def trade(number, side, *, time=0, **more):
    """A structure as ccxt gives it, with what the exchange said inside."""
    record = {"info": {"p": "100", "id": number}, "timestamp": T0 + time, "datetime": "x"}
    record |= {"symbol": "BTC/USDT", "id": str(number), "order": None, "type": None}
    record |= {"takerOrMaker": None, "side": side, "price": 100.0, "amount": 2.0, "cost": 200.0}
    return record | {"fee": None, "fees": []} | more


def own(number, side, cost=0.2, currency="USDT", **more):
    """One of an account's own."""
    fee = {"cost": cost, "currency": currency, "rate": 0.001}
    about = {"order": f"o{number}", "takerOrMaker": "maker", "fee": fee, "fees": [fee]}
    return trade(number, side, **(about | more))


def write(path: Path, content) -> Path:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


@pytest.fixture
def load(tmp_path):
    def load(content, **options):
        return ccxt(write(tmp_path / "a.json", content), **options)

    return load


def notes(market: mm.Market) -> str:
    return "\n".join(market.receipt.notes)


def about(market: mm.Market) -> dict:
    (row,) = market.symbols.drop(columns=["symbol", "calendar"]).to_dict("records")
    return row


def test_public_trades_are_signed_by_the_taker(load):
    market = load([trade(1, "buy"), trade(2, "sell", time=5), trade(3, None, time=5)])
    trades = market.trades
    assert trades["side"].tolist()[:2] == [1, -1]
    assert trades["side"].isna().tolist() == [False, False, True]
    assert trades["time"].iloc[0] == pd.Timestamp("2023-11-14 22:13:20", tz="UTC")
    assert trades["seq"].tolist() == [1, 2, 3]
    assert trades["trade_id"].tolist() == ["1", "2", "3"]
    assert trades[["price", "size"]].to_numpy().tolist() == [[100, 2]] * 3
    assert "fills" not in market
    assert "side is the taker's; 1 of 3 do not say it" in notes(market)


def test_an_account_s_trades_are_signed_by_its_own_side(load):
    market = load([own(1, "buy"), own(2, "sell", -0.1, takerOrMaker="taker")], account="me")
    fills = market.fills
    assert fills["side"].tolist() == [1, -1]
    assert fills["maker"].tolist() == [True, False]
    assert fills["fee"].tolist() == [0.2, -0.1]  # the second a rebate
    assert fills["order_id"].tolist() == ["o1", "o2"]
    assert set(fills["account"]) == {"me"}
    assert "trades" not in market
    assert "side is the account's" in notes(market)
    assert about(market)["asset"] == "BTC"


def test_a_fee_in_another_asset(load):
    """Base in, quote out, BNB out."""
    market = load([own(1, "buy", 0.01, "BNB")], account="me")
    (moved,) = market.transfers.to_dict("records")
    assert (moved["asset"], moved["amount"], moved["counterparty"]) == ("BNB", -0.01, "fee")
    assert market.fills[["fee", "fee_amount"]].to_numpy().tolist() == [[0, 0.01]]
    book = mm.ledger(market).groupby("symbol").last()
    assert book["position"].to_dict() == {"BNB": -0.01, "BTC/USDT": 2}
    assert book.loc["BTC/USDT", "cash"] == -200


def test_fees_in_several_assets(load):
    """0.2 and 0.05 in the quote, 0.01 in BNB, 0.001 in the base."""
    parts = [(0.2, "USDT"), (0.01, "BNB"), (0.05, "USDT"), (0.001, "BTC")]
    fees = [{"cost": cost, "currency": currency} for cost, currency in parts]
    market = load([own(1, "buy", fees=fees)], account="me")
    assert market.fills["fee"].tolist() == [0.25]
    moved = market.transfers.set_index("asset")["amount"]
    assert moved.to_dict() == {"BNB": -0.01, "BTC": -0.001}


def test_a_fee_that_is_not_said_is_missing(load):
    nothing = {"cost": None, "currency": None}
    rows = [own(1, "buy", fee=nothing, fees=[nothing]), own(2, "buy", fee=None, fees=[])]
    market = load([*rows, own(3, "buy", 0.0)], account="me")
    assert market.fills["fee"].isna().tolist() == [True, True, False]
    assert "2 fills without a fee" in notes(market)


CONTRACTS = {
    # symbol -> asset, currency, settlement
    "BTC/USDT": ("BTC", "USDT", "USDT"),
    "BTC/USDT:USDT": ("BTC/USDT:USDT", "USDT", "USDT"),
    "BTC/USD:BTC": ("BTC", "USD", "BTC"),
    "BTC/USD:BTC-241227": ("BTC", "USD", "BTC"),
    "ETH/USD:BTC": ("ETH/USD:BTC", "USD", "BTC"),
}


@pytest.mark.parametrize("symbol", CONTRACTS)
def test_what_a_symbol_is(load, symbol):
    asset, _, settlement = CONTRACTS[symbol]
    market = load([own(1, "buy", symbol=symbol)], account="me")
    found = about(market)
    assert (found["asset"], found["currency"], found["settlement"]) == CONTRACTS[symbol]
    assert (market.inverse == [symbol]) == (asset == settlement)
    assert ("a contract is taken for 1" in notes(market)) == (":" in symbol)


MARKETS = {
    "BTC/USD:BTC": {"symbol": "BTC/USD:BTC", "base": "BTC", "quote": "USD", "settle": "BTC"}
    | {"contract": True, "contractSize": 100.0, "precision": {"price": 0.5, "amount": 1.0}},
    "BTC/USDT": {"symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "precision": {}},
}


def test_markets_say_ticks_and_contract_sizes(load, tmp_path):
    rows = [own(1, "buy", symbol="BTC/USD:BTC"), own(2, "buy")]
    path = write(tmp_path / "markets.json", MARKETS)
    listed = write(tmp_path / "list.json", list(MARKETS.values()))
    for given in (MARKETS, path, str(path), listed):
        symbols = load(rows, account="me", markets=given).symbols.set_index("symbol")
        assert symbols["multiplier"].to_dict() == {"BTC/USD:BTC": 100, "BTC/USDT": 1}
        assert symbols.loc["BTC/USD:BTC", "tick"] == 0.5
        assert pd.isna(symbols.loc["BTC/USDT", "tick"])


def test_an_inverse_contract_earns_its_coin(load):
    """2 contracts of 100 dollars, bought at 100 and sold at 125: 200 / 100 - 200 / 125 = 0.4."""
    rows = [
        own(1, "buy", 0.002, "BTC", symbol="BTC/USD:BTC"),
        own(2, "sell", 0.001, "BTC", symbol="BTC/USD:BTC", price=125.0, time=9),
    ]
    book = mm.ledger(load(rows, account="me", markets=MARKETS))
    assert book["realised"].iloc[-1] == pytest.approx(0.4)
    assert book["fees"].iloc[-1] == pytest.approx(0.003)


def test_costs_that_disagree_are_noted(load):
    assert "1 costs are not price x amount" in notes(load([trade(1, "buy", cost=199.0)]))
    assert "costs" not in notes(load([trade(1, "buy"), trade(2, "buy", cost=None)]))


CSV = """\
,timestamp,id,type,side,price,amount,cost,date
0,1700000000138,7,,buy,1666.8,26.062,43440.1416,2023-11-14 22:13:20.138000+00:00
1,1700000000214,8,,sell,1666.79,0.152,253.35208,2023-11-14 22:13:20.214000+00:00
"""


def test_csv_files(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    trades = ccxt(tmp_path / "a.csv.gz", symbol="ETH/USDT:USDT").trades
    assert trades["side"].tolist() == [1, -1]
    assert trades["price"].tolist() == [1666.8, 1666.79]
    assert trades["time"].iloc[1] == pd.Timestamp("2023-11-14 22:13:20.214", tz="UTC")
    assert trades["trade_id"].tolist() == ["7", "8"]
    assert set(trades["symbol"]) == {"ETH/USDT:USDT"}


def test_csv_files_of_an_account(tmp_path):
    rows = "timestamp,symbol,id,order,side,takerOrMaker,price,amount,cost,fee.cost,fee.currency\n"
    rows += "1700000000138,ETH/USDT,7,o1,sell,maker,1666.8,2,,0.1,USDT\n"
    (tmp_path / "a.csv").write_text(rows)
    fill = ccxt(tmp_path / "a.csv", account="me").fills.iloc[0]
    assert fill[["side", "maker", "fee", "order_id"]].tolist() == [-1, True, 0.1, "o1"]


def test_json_lines_folders_and_order(tmp_path):
    later = [trade(n, "buy", time=100 - n) for n in range(3)]  # the newest first
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in later))
    write(tmp_path / "a.json", [trade(9, "sell", time=-5)])
    market = ccxt(tmp_path, name="mine")
    assert market.trades["trade_id"].tolist() == ["9", "2", "1", "0"]
    assert market.name == "mine"
    assert market.receipt.files["rows"].tolist() == [1, 3]


def test_newest_first_within_a_millisecond(load):
    rows = [trade(3, "buy", time=1), trade(2, "buy"), trade(1, "buy")]
    assert load(rows).trades["trade_id"].tolist() == ["1", "2", "3"]


def test_numbers_in_their_order_within_a_millisecond(load):
    """The library sorts them as text."""
    rows = [trade(8, "buy"), trade(10, "buy", time=1), trade(9, "buy", time=1)]
    market = load([*rows, trade(7, "buy", time=2)])
    assert market.trades["trade_id"].tolist() == ["8", "9", "10", "7"]
    assert "2 trades of one instant with others were put in the order of" in notes(market)
    rows = [trade("b", "buy"), trade("a", "buy"), trade(1, "buy")]
    assert load(rows).trades["trade_id"].tolist() == ["b", "a", "1"]


def test_repeated_trades_are_set_aside(load):
    market = load([trade(1, "buy"), trade(2, "buy"), trade(1, "buy")])
    assert market.trades["trade_id"].tolist() == ["1", "2"]
    (aside,) = market.receipt.set_aside.to_dict("records")
    assert aside["reason"] == "duplicate"
    assert json.loads(aside["text"])["id"] == "1"
    # 1 bracket; 19 lines each of the first two; the twelfth of the third
    assert aside["line"] == 1 + 2 * 19 + 12
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (3, 2)


def test_trades_without_numbers_are_all_kept(load):
    assert len(load([trade(1, "buy", id=None)] * 2).trades) == 2


def test_pages_that_overlap(tmp_path):
    rows = [own(n, "buy", 0.01, "BNB", time=n) for n in range(5)]
    pages = [write(tmp_path / "a.json", rows[:3]), write(tmp_path / "b.json", rows[2:])]
    market = ccxt(*pages, account="me")
    assert market.fills["trade_id"].tolist() == list("01234")
    assert len(market.transfers) == 5
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (6, 5)


BAD = {
    "text in a price": ({"price": "ten"}, "price 'ten'", "a number"),
    "no amount": ({"amount": None}, "amount nothing", "a number"),
    "infinite": ({"price": "inf"}, "price 'inf'", "a number"),
    "price 0": ({"price": 0}, "price 0.0", "a price above 0"),
    "negative amount": ({"amount": -1.5}, "amount -1.5", "an amount above 0"),
    "another side": ({"side": "short"}, "side short", "buy or sell"),
    "another role": ({"takerOrMaker": "both"}, "takerOrMaker both", "taker or maker"),
    "no time": ({"timestamp": None}, "timestamp nothing", "milliseconds"),
    "seconds": ({"timestamp": 1_700_000_000}, "timestamp '1700000000'", "milliseconds"),
    "microseconds": ({"timestamp": T0 * 1000}, "timestamp '1700000000000000'", "milliseconds"),
    "no symbol": ({"symbol": None}, "symbol nothing", "text"),
    "text in a fee": ({"fees": [{"cost": "x", "currency": "A"}]}, "fee_cost 'x'", "a number"),
}


def faults(*files: Path, **options) -> list:
    with pytest.raises(mm.SourceError) as caught:
        ccxt(*files, **options)
    return caught.value.faults


@pytest.mark.parametrize("case", BAD)
def test_a_bad_structure(tmp_path, case):
    change, found, expected = BAD[case]
    path = tmp_path / "a.jsonl"
    rows = [trade(1, "buy"), trade(2, "buy") | change]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (fault,) = faults(path)
    assert (fault.file, fault.line) == ("a.jsonl", 2)
    assert found in fault.found
    assert expected in fault.expected


def test_own_trades_must_say_their_side(tmp_path):
    path = write(tmp_path / "a.json", [trade(1, None)])
    assert faults(path, account="me")[0].found == "side None"
    assert len(ccxt(path).trades) == 1


def test_files_that_hold_none(tmp_path):
    other = write(tmp_path / "a.json", [{"coin": "BTC", "px": "1"}])
    (fault,) = faults(other)
    assert fault.found == "a record of coin, px"
    assert "ccxt's unified structure" in fault.expected
    assert faults(write(tmp_path / "b.json", [[1, 2]]))[0].found == "a record of [1, 2]"
    assert faults(write(tmp_path / "c.json", []))[0].found == "no trade"
    (tmp_path / "d.csv").write_text("time,px\n1,2\n")
    assert "a header without timestamp, price, amount" in faults(tmp_path / "d.csv")[0].found
    (tmp_path / "e.csv").write_text(CSV)
    (fault,) = faults(tmp_path / "e.csv")
    assert (fault.found, fault.expected) == (
        "a header without symbol",
        "a column symbol, or symbol=",
    )
    (tmp_path / "f.csv").write_text(CSV.replace("1666.79", "x"))
    (fault,) = faults(tmp_path / "f.csv", symbol="A/B")
    assert (fault.line, fault.found) == (3, "price 'x'")
    (tmp_path / "g.json").write_text("")
    assert faults(tmp_path / "g.json")[0].found == "an empty file"
    (tmp_path / "h.json").write_text(json.dumps([trade(1, "buy")], indent=1)[:-9])
    assert "text that is not JSON" in faults(tmp_path / "h.json")[0].found
    (tmp_path / "i.json.gz").write_bytes(gzip.compress(CSV.encode())[:-9])
    assert "truncated gzip" in faults(tmp_path / "i.json.gz")[0].found
    assert faults(tmp_path / "none.json")[0].found == "no such file"
    assert [f.file for f in faults(other, tmp_path / "g.json")] == [
        "a.json",
        str(tmp_path / "g.json"),
    ]


def test_markets_that_are_none(tmp_path):
    path = write(tmp_path / "m.json", [1, 2])
    (fault,) = faults(write(tmp_path / "a.json", [trade(1, "buy")]), markets=path)
    assert fault.found == "no markets"


def test_saved_and_opened_again(tmp_path, load):
    market = load([own(1, "buy", 0.01, "BNB")], account="me")
    market.save(tmp_path / "market")
    pd.testing.assert_frame_equal(mm.open(tmp_path / "market").fills, market.fills)
