"""What is asked of which address, and what is there already."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mmresearch.fetch import FetchError, fetch
from mmresearch.fetch.sources import HOSTS, SOURCES

MONTH = "/data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-08.zip"


# --- what is published where ----------------------------------------------------------------------


def test_a_month_of_trades(server, get, tmp_path, left):
    content = server.publish(MONTH, server.zipped(a__csv="1,2,3\n"))
    (path,) = get("binance-trades", "BTCUSDT", "2024-08")
    assert path == tmp_path / "binance-trades" / "BTCUSDT-trades-2024-08.zip"
    assert path.read_bytes() == content
    assert server.paths() == [f"{MONTH}.CHECKSUM", MONTH]
    assert left() == [path.name]


# As the publishers write them; the second column is what is asked for.
LAYOUT = [
    (
        "binance-aggTrades",
        ["btcusdt", "2024-08-01"],
        "/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-08-01.zip",
    ),
    (
        "binance-klines-1m",
        ["BNBUSDT", "2019-01"],
        "/data/spot/monthly/klines/BNBUSDT/1m/BNBUSDT-1m-2019-01.zip",
    ),
    (
        "binance-um-trades",
        ["BTCUSDT", "2024-08"],
        "/data/futures/um/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-08.zip",
    ),
    (
        "binance-um-bookTicker",
        ["BTCUSDT", "2024-03"],
        "/data/futures/um/monthly/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2024-03.zip",
    ),
    (
        "binance-um-bookDepth",
        ["BTCUSDT", "2024-08-01"],
        "/data/futures/um/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2024-08-01.zip",
    ),
    (
        "binance-cm-klines-1m",
        ["BTCUSD_PERP", "2024-08"],
        "/data/futures/cm/monthly/klines/BTCUSD_PERP/1m/BTCUSD_PERP-1m-2024-08.zip",
    ),
    ("cftc", ["2024"], "/files/dea/history/fut_fin_txt_2024.zip"),
    (
        "tardis",
        ["binance-futures/trades/BTCUSDT", "2024-08-01"],
        "/v1/binance-futures/trades/2024/08/01/BTCUSDT.csv.gz",
    ),
    (
        "tardis",
        ["deribit/options_chain/OPTIONS", "2024-08"],
        "/v1/deribit/options_chain/2024/08/01/OPTIONS.csv.gz",
    ),
    ("nyfed", [], "/api/pd/get/all/timeseries.csv"),
    ("nyfed", ["PDPOSGS-B"], "/api/pd/get/PDPOSGS-B.csv"),
    ("vix", [], "/api/global/us_indices/daily_prices/VIX_History.csv"),
    (
        "deribit-options",
        ["btc"],
        "/api/v2/public/get_book_summary_by_currency?currency=BTC&kind=option",
    ),
]


@pytest.mark.parametrize(
    ("source", "given", "path"), LAYOUT, ids=[f"{s} {' '.join(g)}" for s, g, _ in LAYOUT]
)
def test_published_layout(server, get, tmp_path, source, given, path):
    kind = Path(urlsplit(path).path).suffix
    content = {".zip": server.zipped(a__csv="1\n"), ".gz": gzip.compress(b"1\n")}.get(kind, b"{}\n")
    server.publish(path, content, checksum=source.startswith("binance"))
    (found,) = get(source, *given)
    assert found.read_bytes() == content
    assert found.parent == tmp_path / source
    assert server.paths()[-1] == path


def test_names_here_tell_files_apart(server, get):
    server.publish("/v1/binance-futures/trades/2024/08/01/BTCUSDT.csv.gz", gzip.compress(b"1"))
    (path,) = get("tardis", "binance-futures/trades/BTCUSDT", "2024-08-01")
    assert path.name == "binance-futures_trades_2024-08-01_BTCUSDT.csv.gz"
    server.publish("/api/v2/public/get_book_summary_by_currency?currency=BTC&kind=option", b"{}")
    (path,) = get("deribit-options", "BTC")
    assert re.fullmatch(r"deribit_options_BTC_\d{8}T\d{6}Z\.json", path.name)


def test_a_range_of_days_and_of_months(server, get):
    days = [f"2024-0{m}-{d:02d}" for m, d in ((2, 28), (2, 29), (3, 1))]
    for day in days:
        server.publish(f"/data/spot/daily/trades/X/X-trades-{day}.zip", server.zipped(a__csv=day))
    found = get("binance-trades", "X", "2024-02-28", "2024-03-01")
    assert [path.name for path in found] == [f"X-trades-{day}.zip" for day in days]
    for month in ("2023-12", "2024-01"):
        server.publish(
            f"/data/spot/monthly/trades/X/X-trades-{month}.zip", server.zipped(a__csv=month)
        )
    found = get("binance-trades", "X", "2023-12", "2024-01")
    assert [path.name[-11:-4] for path in found] == ["2023-12", "2024-01"]
    for month in ("11", "12"):
        server.publish(f"/v1/e/trades/2023/{month}/01/S.csv.gz", gzip.compress(b"1"))
    server.publish("/v1/e/trades/2024/01/01/S.csv.gz", gzip.compress(b"1"))
    assert len(get("tardis", "e/trades/S", "2023-11-01", "2024-01-01")) == 3


def test_a_month_of_what_is_published_by_day_is_its_days(server, get):
    for day in range(1, 30):
        path = f"/data/futures/um/daily/bookDepth/X/X-bookDepth-2024-02-{day:02d}.zip"
        server.publish(path, server.zipped(a__csv=str(day)))
    assert len(get("binance-um-bookDepth", "X", "2024-02")) == 29


def test_every_source_has_an_example_that_is_asked_as_it_says(server, get, faults):
    server.posts = lambda body: []
    server.files = {}
    for name, source in SOURCES.items():
        if source.pages:
            assert len(get(name, *source.example.split())) == 1
        else:  # nothing is published: the example itself is understood
            found = faults(name, *source.example.split())
            assert all("404 Not Found" in fault.found for fault in found)
            assert all(source.advice in fault.expected for fault in found)


WRONG = [
    (["nothing"], "no source 'nothing'; the sources are"),
    (["binance-trades"], "asked for SYMBOL, found nothing; as: binance-trades BTCUSDT 2024-01"),
    (["binance-trades", "../../etc", "2024-08"], "asked for SYMBOL, found '../../etc'"),
    (["binance-trades", "BTCUSDT"], "takes a time, or a first and a last, found none"),
    (["binance-trades", "BTCUSDT", "2024"], "give a month as 2024-08 or a day as 2024-08-01"),
    (["binance-trades", "BTCUSDT", "2024-13"], "found 2024-13; give a month"),
    (["binance-trades", "BTCUSDT", "2024-02-30"], "found 2024-02-30; give a month"),
    (["binance-trades", "BTCUSDT", "2024-8"], "found 2024-8; give a month"),
    (["binance-trades", "BTCUSDT", "2024-08", "2024-08-02"], "found 2024-08 2024-08-02"),
    (["binance-trades", "BTCUSDT", "2024-08", "2024-07"], "2024-08, is after the last, 2024-07"),
    (["tardis", "trades/BTCUSDT", "2024-08-01"], "EXCHANGE/TYPE/SYMBOL"),
    (["tardis", "a/b/..", "2024-08-01"], "EXCHANGE/TYPE/SYMBOL"),
    (["tardis", "a/b/c", "2024-08-02"], "only the first day of a month as 2024-08-01 is free"),
    (["vix", "2024"], "vix takes no time, found 2024"),
    (["cftc", "2024-08"], "give a year as 2024"),
    (["hyperliquid-fills", "0x12"], "asked for ADDRESS"),
]


@pytest.mark.parametrize(("given", "said"), WRONG, ids=[" ".join(given) for given, _ in WRONG])
def test_what_cannot_be_asked_for(server, get, given, said, left):
    with pytest.raises(ValueError, match=re.escape(said)):
        get(*given)
    assert server.asked == []
    assert left() == []


def test_hosts_are_configuration(server, tmp_path, monkeypatch):
    server.publish(MONTH, server.zipped(a__csv="1"))
    monkeypatch.setenv("MMRESEARCH_HOST_BINANCE", f"{server.address}/")
    assert len(fetch("binance-trades", "BTCUSDT", "2024-08", to=tmp_path)) == 1
    hosts = {"binance": "http://127.0.0.1:9"}  # an argument goes before the environment
    with pytest.raises(FetchError):
        fetch("binance-trades", "BTCUSDT", "2024-09", to=tmp_path, hosts=hosts)
    for odd in ("ftp://example.org", "file:///etc", "example.org"):
        with pytest.raises(ValueError, match="the host of binance is"):
            fetch("binance-trades", "X", "2024-08", to=tmp_path, hosts={"binance": odd})
    with pytest.raises(ValueError, match="no hosts binnace; they are binance, cboe"):
        fetch("binance-trades", "X", "2024-08", to=tmp_path, hosts={"binnace": "http://x"})


def test_published_hosts_are_the_default(monkeypatch):
    assert all(address.startswith("https://") for address in HOSTS.values())
    assert HOSTS["binance"] == "https://data.binance.vision"
    assert {source.host for source in SOURCES.values()} == set(HOSTS)


# --- what is there is not asked for again ---------------------------------------------------------


def test_a_file_that_agrees_with_its_checksum_is_not_fetched_again(server, get):
    server.publish(MONTH, server.zipped(a__csv="1"))
    get("binance-trades", "BTCUSDT", "2024-08")
    server.asked.clear()
    get("binance-trades", "BTCUSDT", "2024-08")
    assert server.paths() == [f"{MONTH}.CHECKSUM"]


def test_a_file_that_was_published_anew_or_damaged_here_is_fetched_again(server, get):
    server.publish(MONTH, server.zipped(a__csv="1"))
    (path,) = get("binance-trades", "BTCUSDT", "2024-08")
    newer = server.publish(MONTH, server.zipped(a__csv="2"))
    get("binance-trades", "BTCUSDT", "2024-08")
    assert path.read_bytes() == newer
    path.write_bytes(newer[:-3])
    get("binance-trades", "BTCUSDT", "2024-08")
    assert path.read_bytes() == newer


def test_a_past_day_without_checksum_is_fetched_once(server, get):
    server.publish("/v1/e/trades/2024/08/01/S.csv.gz", gzip.compress(b"1"))
    get("tardis", "e/trades/S", "2024-08-01")
    get("tardis", "e/trades/S", "2024-08-01")
    assert len(server.asked) == 1


def test_a_file_that_grows_is_fetched_always_and_kept_where_that_fails(server, get, faults, left):
    path = "/api/global/us_indices/daily_prices/VIX_History.csv"
    server.publish(path, b"DATE,CLOSE\n1,2\n", checksum=False)
    (found,) = get("vix")
    server.files[path] = b"DATE,CLOSE\n1,2\n2,3\n"
    get("vix")
    assert found.read_bytes() == server.files[path]
    server.acts[path] = [server.status(404)]
    faults("vix")
    assert found.read_bytes() == server.files[path]
    assert left() == ["VIX_History.csv"]


# --- progress -------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("where", ["terminal", "file", "not wanted"])
def test_progress_is_said_on_a_terminal_only(server, get, monkeypatch, where):
    path = "/v1/e/trades/2024/08/01/S.csv.gz"
    content = server.publish(path, b"\x1f\x8b" + bytes(300_000), checksum=False)
    out = Terminal() if where != "file" else io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    get("tardis", "e/trades/S", "2024-08-01", progress=where != "not wanted")
    if where == "terminal":
        size = f"{len(content) / 1e6:,.1f}"
        assert f"e_trades_2024-08-01_S.csv.gz: {size} of {size} MB, " in out.getvalue()
        assert out.getvalue().endswith("\n")
    else:
        assert out.getvalue() == ""


def test_queries_reach_the_server_as_written(server, get):
    server.publish("/api/v2/public/get_book_summary_by_currency?currency=ETH&kind=option", b"{}")
    get("deribit-options", "ETH")
    assert parse_qs(urlsplit(server.paths()[0]).query) == {"currency": ["ETH"], "kind": ["option"]}
