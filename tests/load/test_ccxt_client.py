"""A client that stands in for ccxt's, with known trades: every one comes back once, no key does."""

from __future__ import annotations

import io
import logging
import re
import traceback

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.ccxt import ccxt
from mmresearch.load.ccxt import client as ccxt_client

T0 = 1_700_000_000_000
KEYS = ("key-of-the-user", "secret-of-the-user", "pass-of-the-user")
SYMBOL = "BTC/USD:BTC"


def trade(number, at, **more):
    record = {"info": {"raw": number}, "timestamp": T0 + at, "symbol": SYMBOL, "id": str(number)}
    record |= {"order": f"o{number}", "side": "buy" if number % 2 else "sell", "price": 100.0}
    record |= {"takerOrMaker": "maker", "amount": 1.0, "cost": 0.01}
    return record | {"fee": {"cost": 0.0001, "currency": "BTC"}} | more


class Exchange:
    """Answers as an exchange does: from a time on, that time included, at most a page."""

    id = "standin"

    def __init__(self, trades, page=10, window=None):
        self.precisionMode, self.has = 4, {"fetchTrades": True, "fetchMyTrades": True}
        self.apiKey, self.secret, self.password = KEYS
        self.trades, self.page, self.window = trades, page, window
        self.asked, self.errors = [], []

    def load_markets(self):
        return {}

    def market(self, symbol):
        about = {"symbol": symbol, "base": "BTC", "quote": "USD", "settle": "BTC"}
        return about | {"contract": True, "contractSize": 100.0, "precision": {"price": 0.5}}

    def fetch_trades(self, symbol, since=None, limit=None):
        self.asked.append((symbol, since, limit))
        if self.errors:
            raise self.errors.pop(0)
        page = limit or self.page
        if since is None:
            return self.trades[-page:]
        found = [t for t in self.trades if t["timestamp"] >= since]
        if self.window is not None:
            found = [t for t in found if t["timestamp"] < since + self.window]
        return found[:page]

    fetch_my_trades = fetch_trades


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """No waiting, but how long it would have been."""
    slept = []
    monkeypatch.setattr(ccxt_client.time, "sleep", slept.append)
    return slept


def ids(market):
    table = market.fills if "fills" in market else market.trades
    return [int(number) for number in table["trade_id"]]


def notes(market):
    return "\n".join(market.receipt.notes)


@pytest.mark.parametrize("page", [2, 3, 7, 100])
def test_every_trade_once_in_order(page):
    # two in every millisecond, so that pages cut some
    exchange = Exchange([trade(n, n // 2) for n in range(25)], page)
    market = ccxt(exchange, SYMBOL, since=T0)
    assert ids(market) == list(range(25))
    assert market.trades["side"].tolist() == [(-1, 1)[n % 2] for n in range(25)]
    assert market.receipt.rows_read == market.receipt.rows_kept == 25
    assert [symbol for symbol, _, _ in exchange.asked] == [SYMBOL] * len(exchange.asked)


def test_the_market_s_own_description():
    market = ccxt(Exchange([trade(1, 0)]), SYMBOL, since=T0)
    (symbol,) = market.symbols.to_dict("records")
    assert (symbol["asset"], symbol["currency"], symbol["settlement"]) == ("BTC", "USD", "BTC")
    assert (symbol["multiplier"], symbol["tick"]) == (100, 0.5)
    assert market.inverse == [SYMBOL]


def test_an_account_s_own_trades():
    exchange = Exchange([trade(n, n) for n in range(5)])
    exchange.fetch_trades = None
    market = ccxt(exchange, SYMBOL, since=T0, account="me")
    assert ids(market) == list(range(5))
    assert set(market.fills["account"]) == {"me"}
    assert market.fills["fee"].tolist() == [0.0001] * 5
    assert market.receipt.files["file"].tolist() == [f"standin fetch_my_trades {SYMBOL}"]


def test_from_since_up_to_until():
    exchange = Exchange([trade(n, n * 1000) for n in range(100)], 10)
    until = pd.Timestamp(T0 + 40_000, unit="ms").isoformat()  # without a zone: UTC
    market = ccxt(
        exchange, SYMBOL, since=pd.Timestamp(T0 + 20_000, unit="ms", tz="UTC"), until=until
    )
    assert ids(market) == list(range(20, 40))
    assert all(since <= T0 + 40_000 for _, since, _ in exchange.asked)
    assert "may be" not in notes(market)


def test_the_latest_page_without_since():
    exchange = Exchange([trade(n, n) for n in range(30)], 10)
    assert ids(ccxt(exchange, SYMBOL)) == list(range(20, 30))
    assert len(exchange.asked) == 1


def test_pages_of_the_size_asked_for():
    exchange = Exchange([trade(n, n) for n in range(10)])
    ccxt(exchange, SYMBOL, since=T0, limit=4)
    assert {limit for _, _, limit in exchange.asked} == {4}


def test_windows_that_are_empty():
    """An exchange that answers an hour from `since` on, and was quiet for three."""
    hour = 3_600_000
    exchange = Exchange([trade(1, 0), trade(2, 3 * hour + 5), trade(3, 4 * hour)], window=hour)
    stopped = ccxt(exchange, SYMBOL, since=T0, until=T0 + 5 * hour)
    assert ids(stopped) == [1]
    assert "a later page was empty, which need not be the end: see step=" in notes(stopped)
    whole = ccxt(exchange, SYMBOL, since=T0, until=T0 + 5 * hour, step="1h")
    assert ids(whole) == [1, 2, 3]
    with pytest.raises(ValueError, match="needs since= and until="):
        ccxt(exchange, SYMBOL, since=T0, step="1h")


def test_an_exchange_that_heeds_no_since():
    """It gives its latest page whatever is asked: that comes once, and there is an end."""
    exchange = Exchange([trade(n, n) for n in range(5)])
    exchange.fetch_trades = lambda symbol, since, limit: exchange.trades
    assert ids(ccxt(exchange, SYMBOL, since=T0 - 10)) == list(range(5))


def test_more_trades_in_a_millisecond_than_a_page_holds():
    exchange = Exchange([trade(n, 0) for n in range(5)] + [trade(9, 1)], 3)
    market = ccxt(exchange, SYMBOL, since=T0)
    assert ids(market) == [0, 1, 2, 9]
    assert "pages held a single millisecond: more of it may be missing" in notes(market)


def test_trades_without_numbers_are_told_by_their_content():
    rows = [trade(n, n, id=None) for n in range(7)]
    market = ccxt(Exchange(rows, 3), SYMBOL, since=T0)
    assert len(market.trades) == 7


def test_several_symbols():
    class Two(Exchange):
        def fetch_trades(self, symbol, since=None, limit=None):
            found = super().fetch_trades(symbol, since, limit)
            return [t | {"symbol": symbol, "id": f"{symbol}{t['id']}"} for t in found]

    market = ccxt(Two([trade(n, n) for n in range(3)]), "A/USD:A", "B/USD:B", since=T0)
    assert market.trades["symbol"].value_counts().to_dict() == {"A/USD:A": 3, "B/USD:B": 3}
    assert len(market.receipt.files) == 2


def test_no_trade_at_all():
    market = ccxt(Exchange([]), SYMBOL, since=T0, until=T0 + 10)
    assert len(market.trades) == 0
    assert market.receipt.rows_read == 0
    assert "no trade" in notes(market)


def test_the_hash_is_of_what_was_recorded():
    def sha(trades):
        return ccxt(Exchange(trades), SYMBOL, since=T0).receipt.files["sha256"].iloc[0]

    trades = [trade(n, n) for n in range(5)]
    assert re.fullmatch("[0-9a-f]{64}", sha(trades))
    assert sha(trades) == sha(list(trades))
    assert sha(trades) != sha([*trades[:-1], trade(4, 4, price=101.0)])


def test_progress_is_told():
    told = io.StringIO()
    ccxt(Exchange([trade(n, n) for n in range(7)], 5), SYMBOL, since=T0, progress=told)
    first = told.getvalue().splitlines()[0]
    assert first == f"standin fetch_trades {SYMBOL}: 5 trades, to 2023-11-14 22:13:20 UTC"


# --- failures -------------------------------------------------------------------------------------


class NetworkError(Exception):
    """As ccxt calls it."""


RequestTimeout = type("RequestTimeout", (NetworkError,), {})


class AuthenticationError(Exception):
    """Not one of them."""


SAID = f"GET https://x/?apiKey={KEYS[0]}&signature=abc {KEYS[1]} {KEYS[2]}"


def test_a_network_that_comes_back(waits):
    exchange = Exchange([trade(n, n) for n in range(3)])
    exchange.errors = [RequestTimeout(SAID), ConnectionResetError(SAID)]
    assert ids(ccxt(exchange, SYMBOL, since=T0)) == [0, 1, 2]
    assert waits == [1.0, 3.0]


def test_a_network_that_does_not(waits):
    exchange = Exchange([trade(1, 1)])
    exchange.errors = [RequestTimeout(SAID) for _ in range(9)]
    with pytest.raises(mm.SourceError) as caught:
        ccxt(exchange, SYMBOL, since=T0)
    (fault,) = caught.value.faults
    assert fault.file == f"standin fetch_trades {SYMBOL}"
    assert "RequestTimeout (tried 4 times" in fault.found
    assert len(waits) == 3


def test_what_is_not_the_network_is_not_tried_again(waits):
    exchange = Exchange([trade(1, 1)])
    exchange.errors = [AuthenticationError(SAID)]
    with pytest.raises(mm.SourceError, match=r"AuthenticationError \(tried once"):
        ccxt(exchange, SYMBOL, since=T0, account="me")
    assert waits == []


def test_no_key_is_anywhere(tmp_path, capsys, caplog):
    """Neither in the market, its receipt, a saved folder, a log, an error nor its traceback."""
    caplog.set_level(logging.DEBUG)
    told = io.StringIO()
    exchange = Exchange([trade(n, n) for n in range(5)], 2)
    market = ccxt(exchange, SYMBOL, since=T0, account="me", progress=told)
    market.save(tmp_path / "market")
    said = [repr(market), str(market.receipt), market.receipt.files.to_csv(), told.getvalue()]
    said += [market[table].to_csv() for table in market]
    for error in (RequestTimeout, AuthenticationError, OSError):
        exchange.errors = [error(SAID) for _ in range(9)]
        with pytest.raises(mm.SourceError) as caught:
            ccxt(exchange, SYMBOL, since=T0, account="me")
        assert caught.value.__cause__ is caught.value.__context__ is None
        said += [str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)]
    captured = capsys.readouterr()
    said += [captured.out, captured.err, caplog.text]
    files = [path.read_bytes() for path in (tmp_path / "market").rglob("*") if path.is_file()]
    for key in KEYS:
        assert not any(key in text for text in said)
        assert not any(key.encode() in data for data in files)


def test_a_client_that_cannot():
    exchange = Exchange([])
    exchange.has = {"fetchMyTrades": False}
    with pytest.raises(mm.SourceError, match="expected an exchange that has fetchMyTrades"):
        ccxt(exchange, SYMBOL, account="me")


def test_an_asynchronous_client():
    class Later(Exchange):
        async def fetch_trades(self, symbol, since=None, limit=None):
            return []

    with pytest.raises(TypeError, match=r"not of `ccxt\.async_support`"):
        ccxt(Later([]), SYMBOL, since=T0)


def test_an_answer_that_is_no_list():
    exchange = Exchange([])
    exchange.fetch_trades = lambda symbol, since, limit: {"error": "no"}
    with pytest.raises(mm.SourceError, match="an answer of type dict; expected a list of trade"):
        ccxt(exchange, SYMBOL, since=T0)


def test_a_structure_that_is_wrong():
    exchange = Exchange([trade(1, 0), trade(2, 1, price=None)])
    with pytest.raises(mm.SourceError) as caught:
        ccxt(exchange, SYMBOL, since=T0)
    (fault,) = caught.value.faults
    assert (fault.line, fault.found) == (2, "price nothing")


def test_symbols_must_be_said():
    with pytest.raises(ValueError, match="give the symbols to ask for"):
        ccxt(Exchange([]))
