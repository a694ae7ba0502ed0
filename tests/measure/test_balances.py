"""Balances by asset: by hand in both signs, against the ledger, and adding up in every row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from tests.at_random import calmly

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
SYMBOLS = pd.DataFrame(
    {
        "symbol": ["BNBBTC", "BNBUSDT", "BTCUSDT", "XBTUSD", "ESM4"],
        "asset": ["BNB", "BNB", "BTC", "XBT", "ESM4"],
        "currency": ["BTC", "USDT", "USDT", "USD", "USD"],
        "settlement": ["BTC", "USDT", "USDT", "XBT", "USD"],
        "multiplier": [1.0, 1.0, 1.0, 1.0, 50.0],
    }
)


def fills(*rows, account="A"):
    """Rows of (second, symbol, signed size, price, fee)."""
    table = pd.DataFrame(rows, columns=["s", "symbol", "n", "price", "fee"])
    return pd.DataFrame(
        {
            "time": START + pd.to_timedelta(table["s"], unit="s"),
            "seq": 10 * np.arange(len(table)),
            "account": account,
            "symbol": table["symbol"],
            "side": np.sign(table["n"]),
            "size": table["n"].abs() * 1.0,
            "price": table["price"] * 1.0,
            "fee": table["fee"] * 1.0,
        }
    )


def moves(*rows, account="A"):
    """Rows of (second, asset, amount, counterparty)."""
    table = pd.DataFrame(rows, columns=["s", "asset", "amount", "counterparty"])
    time = START + pd.to_timedelta(table["s"], unit="s")
    return table.drop(columns="s").assign(time=time, seq=5, account=account, amount=table["amount"])


def market(*tables, moved=None, **more):
    whole = {"fills": pd.concat(tables)} | more
    if moved is not None:
        whole["transfers"] = moved
    return mm.Market(symbols=SYMBOLS, **whole)


def last(book, column="balance", account="A"):
    rows = book[book["account"] == account]
    return rows.groupby("asset")[column].last().to_dict()


@pytest.mark.parametrize("sign", [1, -1])
def test_one_asset_in_two_pairs_with_its_fees_by_hand(sign):
    # 4 BNB for .04 BTC and 3 BNB back for 900 USDT; each fee .001 BNB, the second pair pays 1 USDT
    study = market(
        fills((0, "BNBBTC", 4 * sign, 0.01, 0), (1, "BNBUSDT", -3 * sign, 300, 1)),
        moved=moves((0, "BNB", -0.001, "fee"), (1, "BNB", -0.001, "fee"), (2, "BNB", 7, "x")),
    )
    book = mm.balances(study)
    assert last(book) == pytest.approx(
        {"BNB": sign - 0.002 + 7, "BTC": -0.04 * sign, "USDT": 900 * sign - 1}
    )
    bnb = book[book["asset"] == "BNB"]
    assert bnb["kind"].tolist() == ["fill", "fee", "fee", "fill", "transfer"]
    assert bnb["fees"].tolist() == pytest.approx([0, 0.001, 0.002, 0.002, 0.002])
    assert last(book, "fees")["USDT"] == 1
    assert last(book, "transferred")["BNB"] == 7
    # the ledger keeps each pair's position apart and books what it cannot place under the asset
    held = mm.ledger(study).groupby("symbol")["position"].last()
    assert held.to_dict() == pytest.approx({"BNB": 6.998, "BNBBTC": 4 * sign, "BNBUSDT": -3 * sign})
    assert held.sum() == pytest.approx(last(book)["BNB"])


@pytest.mark.parametrize("sign", [1, -1])
def test_inverse_and_multiplied_contracts_by_hand(sign):
    study = market(
        fills(
            (0, "XBTUSD", 1000 * sign, 10_000, 0.0001),
            (1, "XBTUSD", -1000 * sign, 12_500, 0),
            (2, "ESM4", 2 * sign, 5000, 2),
        ),
        moved=moves((3, "XBT", -0.002 * sign, "funding")),
    )
    book = mm.balances(study)
    ends = last(book)
    # 1,000 dollars of XBT at 10,000 and at 12,500: .1 - .08, as the ledger books it
    assert ends["XBT"] == pytest.approx(sign * 0.02 - 0.0001 - 0.002 * sign)
    assert ends["ESM4"] == 100 * sign
    assert ends["USD"] == pytest.approx(-500_000 * sign - 2)
    assert last(book, "funding")["XBT"] == pytest.approx(-0.002 * sign)
    cash = mm.ledger(study).query("symbol == 'XBTUSD'")["cash"].iloc[-1]
    assert cash == pytest.approx(sign * 0.02 - 0.0001)


def test_openings_and_what_is_not_known():
    study = market(fills((0, "BTCUSDT", 1, 100, 0)))
    book = mm.balances(study, opening={"USDT": 1000, ("A", "BTC"): 2})
    assert last(book) == {"BTC": 3, "USDT": 900}
    assert book["opening_known"].all()
    assert not mm.balances(study)["opening_known"].any()
    assert mm.balances(study, opening={"USDT": 1})["opening_known"].sum() == 2


def test_what_is_not_there_is_said():
    study = market(fills((0, "BTCUSDT", 1, 100, 0)))
    with pytest.raises(ValueError, match="no entries of the accounts"):
        mm.balances(study, account="Z")
    with pytest.raises(ValueError, match="never moved: \\['DOGE'\\]"):
        mm.balances(study, opening={"DOGE": 1})
    with pytest.raises(ValueError, match="to add up"):
        mm.balances(mm.Market())


def test_worth_in_a_currency_by_hand():
    # 2 BTC bought at 100 while the mid is 101, then the mid goes to 110; 10 came in before
    mid = pd.DataFrame({"s": [0, 2], "mid": [101.0, 110.0]})
    quotes = pd.DataFrame(
        {"time": START + pd.to_timedelta(mid["s"], unit="s"), "seq": 0, "symbol": "BTCUSDT"}
        | {"bid": mid["mid"] - 1, "ask": mid["mid"] + 1, "bid_size": 1.0, "ask_size": 1.0}
    )
    moved = moves((0, "USDT", 10, "bank"), (3, "BTC", -0.5, "cold"))
    study = market(fills((1, "BTCUSDT", 2, 100, 3)), moved=moved, quotes=quotes)
    book = mm.balances(study, currency="USDT")
    btc = book[book["asset"] == "BTC"]
    assert btc["price"].tolist() == [101, 110]
    assert btc["value"].tolist() == [202, 165]
    assert btc["revaluation"].tolist() == [0, 18]
    assert btc["transferred_value"].tolist() == [0, -55]
    ends = book.groupby("asset")[["value", "transferred_value"]].last().sum()
    ledger = mm.ledger(study)
    profit = (ledger["realised"] + ledger["unrealised"] - ledger["fees"]).groupby(ledger["symbol"])
    # 2 * (110 - 100) - 3
    assert ends["value"] - ends["transferred_value"] == pytest.approx(17)
    assert profit.last().sum() == pytest.approx(17)
    # the other way round: dollars priced in coins
    turned = mm.balances(study, currency="BTC")
    assert turned.loc[turned["asset"] == "USDT", "price"].iloc[-1] == pytest.approx(1 / 101)


ROWS = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        st.sampled_from(SYMBOLS["symbol"].tolist()),
        st.sampled_from([-1.0, 1.0]),
        st.integers(1, 10**6),
        st.integers(1, 10**6),
        st.integers(-50, 50),
    ),
    min_size=1,
    max_size=25,
)
MOVES = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        st.sampled_from(["BNB", "BTC", "USDT", "XBT", "USD", "ESM4", "DOGE"]),
        st.integers(-(10**6), 10**6),
        st.sampled_from(["fee", "funding", "desk"]),
    ),
    max_size=15,
)


@calmly(60)
@given(ROWS, MOVES)
def test_everything_adds_up_in_every_row(rows, moved):
    table = pd.DataFrame(rows, columns=["account", "symbol", "side", "size", "price", "fee"])
    table[["size", "price", "fee"]] /= 1000.0
    clock = START + pd.to_timedelta(np.arange(len(table)), unit="s")
    transfers = pd.DataFrame(moved, columns=["account", "asset", "amount", "counterparty"])
    transfers["amount"] /= 1000.0
    late = START + pd.to_timedelta(2 * np.arange(len(transfers)), unit="s")
    tables = {"fills": table.assign(time=clock, seq=1)}
    if moved:
        tables["transfers"] = transfers.assign(time=late, seq=0)
    study = mm.Market(symbols=SYMBOLS, **tables)
    book = mm.balances(study, currency="USDT", opening={table["symbol"].map(ASSET).iloc[0]: 5.5})
    total = book["traded"] - book["fees"] + book["funding"] + book["transferred"]
    opened = book["amount"].where(book["kind"] == "opening", 0.0)
    opened = opened.groupby([book["account"], book["asset"]]).cumsum()
    _close(book, book["balance"], opened + total)
    worth = book["transferred_value"] + book["traded_value"] - book["fees_value"]
    worth += book["funding_value"] + book["revaluation"]
    priced = book["price"].notna()
    _close(book[priced], book.loc[priced, "value"], worth[priced])
    # and by symbol, in the ledger: cash + marked position = what was earned and brought
    ledger = mm.ledger(study)
    of = SYMBOLS.set_index("symbol")
    inverse = ledger["symbol"] == "XBTUSD"
    mark = ledger["mark"].where(~inverse, -1 / ledger["mark"])
    mark = mark.where(ledger["position"] != 0, 0.0)
    held = ledger["position"] * mark * ledger["symbol"].map(of["multiplier"]).fillna(1.0)
    right = ledger["realised"] + ledger["unrealised"] - ledger["fees"] + ledger["transferred"]
    known = ledger["mark"].notna()
    left = ledger["cash"] + held
    by = ledger.assign(asset=ledger["symbol"])
    terms = np.maximum(ledger["cash"].abs(), held.abs())
    _close(by[known], left[known], right[known], rounded=64 * EPSILON * terms[known].max())


EPSILON = np.finfo(float).eps
ASSET = SYMBOLS.set_index("symbol")["asset"]


def _close(book, left, right, rounded=0.0):
    """To 1e-9, and what the terms of a sum are rounded by, however small it is itself."""
    scale = pd.concat([left.abs(), right.abs()], axis=1).max(axis=1)
    scale = scale.groupby([book["account"], book["asset"]]).cummax().clip(lower=1.0)
    assert ((left - right).abs() <= 1e-9 * scale.max() + rounded).all()
