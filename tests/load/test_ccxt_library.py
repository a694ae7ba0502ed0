"""The library ccxt itself, its Binance client, against a server of our own that answers as Binance.

Answers: the API's documentation, "Exchange information", "Account trade list", "Compressed
aggregate trades list" of spot, of USDT- and of coin-margined contracts.
"""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import logging
import threading
import traceback
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.ccxt import client as ccxt_client

library = pytest.importorskip("ccxt")

KEY, SECRET = "the-key-of-the-user-0123456789", "the-secret-of-the-user-9876543210"
T0 = 1_722_470_400_000  # 2024-08-01 00:00 UTC
HOUR = 3_600_000
SPOT, LINEAR, INVERSE = "BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC"


def filters(tick, step):
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "stepSize": step, "minQty": step, "maxQty": "9000"},
    ]


def listed(symbol, quote, tick, step, **more):
    about = {"symbol": symbol, "baseAsset": "BTC", "quoteAsset": quote, "status": "TRADING"}
    about |= {"baseAssetPrecision": 8, "quotePrecision": 8, "pricePrecision": 2}
    return {"symbols": [about | {"filters": filters(tick, step)} | more]}


PERPETUAL = {"contractType": "PERPETUAL", "deliveryDate": 4133404800000}
ANSWERS = {
    "/api/v3/exchangeInfo": listed("BTCUSDT", "USDT", "0.01000000", "0.00001000"),
    "/fapi/v1/exchangeInfo": listed(
        "BTCUSDT", "USDT", "0.10", "0.001", marginAsset="USDT", **PERPETUAL
    ),
    "/dapi/v1/exchangeInfo": listed(
        "BTCUSD_PERP", "USD", "0.1", "1", marginAsset="BTC", contractSize=100, **PERPETUAL
    ),
    "/sapi/v1/capital/config/getall": [],
    "/sapi/v1/margin/allPairs": [],
    "/sapi/v1/margin/isolated/allPairs": [],
}

# id, milliseconds after T0, bought, maker, price, quantity, commission and its asset
OWN = [
    (996, 0, True, False, "60000.00", "0.01000", "0.00001000", "BNB"),
    (997, 1000, False, True, "60010.50", "0.02000", "0.60010500", "USDT"),
    (998, 1000, True, True, "59999.99", "0.03000", "0.00003000", "BTC"),
    (999, 2000, False, False, "60000.00", "0.00500", "0.00050000", "BNB"),
    (1000, 2000, False, False, "59990.00", "0.00500", "0.29995000", "USDT"),
    (1001, 3000, True, True, "59000.00", "0.10000", "0", "BNB"),
    (1002, 4000, False, True, "61000.00", "0.05000", "0.00200000", "BNB"),
]


def spot_fill(number, at, bought, maker, price, size, fee, asset):
    about = {"symbol": "BTCUSDT", "id": number, "orderId": 70 + number, "orderListId": -1}
    about |= {"price": price, "qty": size, "quoteQty": f"{float(price) * float(size):.8f}"}
    about |= {"commission": fee, "commissionAsset": asset, "time": T0 + at}
    return about | {"isBuyer": bought, "isMaker": maker, "isBestMatch": True}


def contract_fill(number, at, bought, maker, price, size, fee, asset, symbol="BTCUSDT"):
    about = {"symbol": symbol, "id": number, "orderId": 70 + number, "price": price, "qty": size}
    about |= {"side": "BUY" if bought else "SELL", "realizedPnl": "0", "marginAsset": asset}
    about |= {"commission": fee, "commissionAsset": asset, "time": T0 + at}
    return about | {"positionSide": "BOTH", "buyer": bought, "maker": maker}


def aggregate(number, at, buyer_made, price, size):
    about = {"a": number, "p": price, "q": size, "f": number * 2, "l": number * 2 + 1}
    return about | {"T": T0 + at, "m": buyer_made, "M": True}


class Binance(http.server.BaseHTTPRequestHandler):
    """Pages of what the server holds, from startTime on; own trades only of who signs."""

    def do_GET(self):
        url = urlsplit(self.path)
        asked = {name: value for name, (value,) in parse_qs(url.query).items()}
        self.server.asked.append((url.path, asked))
        if url.path in self.server.failing and self.server.failures:
            self.answer(*self.server.failures.pop(0))
        elif url.path in ANSWERS:
            self.answer(200, ANSWERS[url.path])
        elif url.path.endswith("Trades") and self.is_allowed(url, asked):
            self.answer(200, page(self.server.rows.get(url.path, []), asked))
        else:
            self.answer(401, {"code": -1022, "msg": "Signature for this request is not valid."})

    def is_allowed(self, url, asked):
        if url.path.endswith("aggTrades"):
            return True
        query, _, signature = url.query.rpartition("&signature=")
        right = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        return self.headers["X-MBX-APIKEY"] == KEY and signature == right and "timestamp" in asked

    def answer(self, status, content):
        body = content if isinstance(content, str) else json.dumps(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def page(rows, asked):
    start, end = int(asked.get("startTime", 0)), int(asked.get("endTime", 10**15))
    found = [row for row in rows if start <= row.get("time", row.get("T")) <= end]
    limit = int(asked.get("limit", 500))
    return found[:limit] if "startTime" in asked else found[-limit:]


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Binance) as made:
        made.asked, made.failing, made.failures = [], (), []
        made.rows = {"/api/v3/myTrades": [spot_fill(*row) for row in OWN]}
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def client(server):
    """As a user makes it, but that every address is the server's."""
    made = library.binance({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
    here = f"http://127.0.0.1:{server.server_port}"
    made.urls["api"] = {name: here + urlsplit(url).path for name, url in made.urls["api"].items()}
    yield made
    made.session.close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(ccxt_client, "_WAITS", (0.0, 0.0, 0.0))


def notes(market):
    return "\n".join(market.receipt.notes)


def pages(server, path):
    return [asked for asked_path, asked in server.asked if asked_path == path]


# --- an account's own trades ----------------------------------------------------------------------


@pytest.mark.parametrize("limit", [2, 3, 4, None])
def test_every_fill_once_and_in_order(server, client, limit):
    market = mm.load.ccxt(client, SPOT, since=T0, until=T0 + HOUR, account="me", limit=limit)
    fills = market.fills
    assert fills["trade_id"].tolist() == ["996", "997", "998", "999", "1000", "1001", "1002"]
    assert fills["side"].tolist() == [1, -1, 1, -1, -1, 1, -1]
    assert fills["maker"].tolist() == [False, True, True, False, False, True, True]
    assert fills["price"].tolist() == [60000, 60010.5, 59999.99, 60000, 59990, 59000, 61000]
    assert fills["size"].tolist() == [0.01, 0.02, 0.03, 0.005, 0.005, 0.1, 0.05]
    assert fills["order_id"].tolist() == [str(70 + row[0]) for row in OWN]
    moments = [pd.Timestamp("2024-08-01", tz="UTC") + pd.Timedelta(row[1], "ms") for row in OWN]
    assert fills["time"].tolist() == moments
    assert set(fills["account"]) == {"me"}
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (7, 7)
    asked = pages(server, "/api/v3/myTrades")
    assert {one.get("limit") for one in asked} == {None if limit is None else str(limit)}
    assert all(len(one["signature"]) == 64 for one in asked)


def test_pages_that_overlap_are_counted(server, client):
    """996 997 998 | 997 998 999 | 999 1000 1001 | 1001 1002 | 1002 | nothing."""
    market = mm.load.ccxt(client, SPOT, since=T0, account="me", limit=3)
    starts = [int(one["startTime"]) - T0 for one in pages(server, "/api/v3/myTrades")]
    assert starts == [0, 1000, 2000, 3000, 4000, 4001]
    assert "6 pages, 5 trades stood in two of them" in notes(market)
    assert "a later page was empty, which need not be the end" in notes(market)


def test_fees_in_three_assets(client):
    market = mm.load.ccxt(client, SPOT, since=T0, account="me")
    assert market.fills["fee"].tolist() == [0, 0.600105, 0, 0, 0.29995, 0, 0]
    moved = market.transfers[market.transfers["amount"] != 0]
    assert moved["tx"].tolist() == ["996", "998", "999", "1002"]
    assert moved["asset"].tolist() == ["BNB", "BTC", "BNB", "BNB"]
    assert moved["amount"].tolist() == [-0.00001, -0.00003, -0.0005, -0.002]
    assert set(moved["counterparty"]) == {"fee"}
    book = mm.ledger(market).groupby("symbol").last()
    assert book.loc["BNB", "position"] == pytest.approx(-0.00251)


def test_what_the_markets_of_the_library_say(client):
    (symbol,) = mm.load.ccxt(client, SPOT, since=T0, account="me").symbols.to_dict("records")
    assert symbol == {
        "symbol": SPOT,
        "asset": "BTC",
        "currency": "USDT",
        "settlement": "USDT",
        "tick": 0.01,
        "multiplier": 1.0,
        "calendar": "24/7",
    }


@pytest.mark.parametrize(
    ("symbol", "path", "money", "asset", "tick", "multiplier"),
    [
        (LINEAR, "/fapi/v1/userTrades", "USDT", LINEAR, 0.1, 1),
        (INVERSE, "/dapi/v1/userTrades", "BTC", "BTC", 0.1, 100),
    ],
)
def test_contracts(server, client, symbol, path, money, asset, tick, multiplier):
    """Bought 2 at 50000, sold 2 at 62500; the maker's commission is a rebate."""
    name = "BTCUSDT" if symbol == LINEAR else "BTCUSD_PERP"
    server.rows[path] = [
        contract_fill(1, 0, True, False, "50000.0", "2", "0.002", money, name),
        contract_fill(2, 5, False, True, "62500.0", "2", "-0.001", money, name),
    ]
    since, until = "2024-07-10", T0 + HOUR  # three weeks, of which the library asks one at a time
    market = mm.load.ccxt(client, symbol, since=since, until=until, account="me", step="7D")
    about = market.symbols.iloc[0]
    assert about[["asset", "settlement", "tick", "multiplier"]].tolist() == [
        asset,
        money,
        tick,
        multiplier,
    ]
    assert market.fills["side"].tolist() == [1, -1]
    assert market.fills["maker"].tolist() == [False, True]
    assert market.fills["fee"].tolist() == [0.002, -0.001]
    # 2 x 12500 dollars; or 2 x 100 x (1 / 50000 - 1 / 62500) coins
    earned = 25_000 if symbol == LINEAR else 0.0008
    assert mm.ledger(market)["realised"].iloc[-1] == pytest.approx(earned)
    assert "is taken for 1" not in notes(market)


def test_a_contract_size_set_by_the_user(server, client):
    client.load_markets()
    client.set_markets([client.market(LINEAR) | {"contractSize": 0.01}])
    server.rows["/fapi/v1/userTrades"] = [
        contract_fill(1, 0, True, False, "50000.0", "3", "0.5", "USDT")
    ]
    market = mm.load.ccxt(client, LINEAR, since=T0, account="me")
    assert market.symbols["multiplier"].tolist() == [0.01]
    assert mm.ledger(market)["cash"].iloc[-1] == pytest.approx(-3 * 0.01 * 50000 - 0.5)


# --- public trades --------------------------------------------------------------------------------


def test_public_trades_over_quiet_hours(server, client):
    """The library asks Binance for one hour at a time; `m` is that the buyer was the maker."""
    server.rows["/api/v3/aggTrades"] = [
        aggregate(8, 0, True, "60000.00", "0.5"),
        aggregate(9, 7, False, "60000.01", "0.25"),
        aggregate(10, 7, False, "60000.02", "0.125"),
        aggregate(11, 3 * HOUR, True, "59000.00", "1"),
    ]
    until = T0 + 5 * HOUR
    market = mm.load.ccxt(client, SPOT, since="2024-08-01", until=until, step="1h")
    assert market.trades["trade_id"].tolist() == ["8", "9", "10", "11"]
    assert market.trades["side"].tolist() == [-1, 1, 1, -1]
    assert market.trades["size"].tolist() == [0.5, 0.25, 0.125, 1]
    assert "2 trades of one instant with others were put in the order of their" in notes(market)
    windows = pages(server, "/api/v3/aggTrades")
    assert all(int(one["endTime"]) - int(one["startTime"]) == HOUR for one in windows)
    assert not any("signature" in one for one in windows)
    for given in (until, None):
        stopped = mm.load.ccxt(client, SPOT, since=T0, until=given)
        assert stopped.trades["trade_id"].tolist() == ["8", "9", "10"]
        assert "a later page was empty, which need not be the end: see step=" in notes(stopped)


# --- failures and keys ----------------------------------------------------------------------------

ECHO = {"code": -2014, "msg": f"API-key format invalid: {KEY} {SECRET}"}
FAILURES = {
    # the answer, how often: what is said
    "a body that is no JSON": ((500, f"<html>{KEY} {SECRET}</html>"), "ExchangeNotAvailable", 4),
    "the exchange's unknown error": ((500, ECHO | {"code": -1000}), "OperationFailed", 4),
    "too many requests": ((429, ECHO | {"code": -1003}), "DDoSProtection", 4),
    "a key that is not allowed": ((401, ECHO), "AuthenticationError", 1),
}
ASKED_FIRST = "/api/v3/exchangeInfo"


@pytest.mark.parametrize("path", ["/api/v3/myTrades", ASKED_FIRST])
def test_a_server_that_comes_back(server, client, path):
    server.failing, server.failures = (path,), [(500, "oh"), (503, "oh"), (500, "{}")]
    market = mm.load.ccxt(client, SPOT, since=T0, account="me", limit=4)
    assert len(market.fills) == 7
    assert server.failures == []


def refused(client):
    """How the loader fails."""
    with pytest.raises(mm.SourceError) as caught:
        mm.load.ccxt(client, SPOT, since=T0, account="me")
    assert caught.value.__cause__ is caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("path", ["/api/v3/myTrades", ASKED_FIRST])
@pytest.mark.parametrize("case", FAILURES)
def test_a_server_that_does_not(server, client, case, path):
    answer, kind, times = FAILURES[case]
    server.failing, server.failures = (path,), [answer] * 9
    (fault,) = refused(client).faults
    assert fault.file == f"binance fetch_my_trades {SPOT}"
    assert fault.found.startswith(f"{kind} (tried {'once' if times == 1 else '4 times'}; ")
    assert len(server.failures) == 9 - times


def test_a_server_that_is_not_there(client):
    client.urls["api"] = dict.fromkeys(client.urls["api"], "http://127.0.0.1:1/api")
    assert "NetworkError (tried 4 times" in refused(client).faults[0].found


def test_keys_and_symbols_that_are_wrong(client):
    client.secret = "another"
    assert "AuthenticationError (tried once" in refused(client).faults[0].found
    with pytest.raises(mm.SourceError, match=r"fetch_trades NO/SUCH: .*BadSymbol \(tried once"):
        mm.load.ccxt(client, "NO/SUCH", since=T0)


def test_no_key_is_anywhere(server, client, tmp_path, capsys, caplog):
    """Neither in the market, saved or not, nor in a log, output, an error or its traceback."""
    caplog.set_level(logging.DEBUG)
    market = mm.load.ccxt(client, SPOT, since=T0, account="me", limit=3)
    market.save(tmp_path / "market")
    said = [repr(market), str(market.receipt), market.receipt.files.to_csv(), notes(market)]
    said += [market[table].to_csv() for table in market]
    for answer, _, _ in FAILURES.values():
        server.failing, server.failures = ("/api/v3/myTrades",), [answer] * 9
        error = refused(client)
        said += [str(error), repr(error), *traceback.format_exception(error)]
    captured = capsys.readouterr()
    said += [captured.out, captured.err, caplog.text]
    said += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    signatures = [asked["signature"] for _, asked in server.asked if "signature" in asked]
    assert len(signatures) > 10
    for secret in (KEY, SECRET, *signatures):
        assert not any(secret in text for text in said)


def test_the_log_is_the_library_s_own_again(server, client, caplog):
    """What is held back while we ask is written when the user asks."""
    caplog.set_level(logging.DEBUG)
    mm.load.ccxt(client, SPOT, since=T0, account="me")
    assert KEY not in caplog.text
    client.fetch_my_trades(SPOT, T0)
    assert KEY in caplog.text
