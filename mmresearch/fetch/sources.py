"""Which public files there are to fetch: where each is published, how it is named and checked.

Addresses as published by github.com/binance/binance-public-data (trades, aggTrades, klines, the
.CHECKSUM beside each file), docs.tardis.dev (the first day of each month needs no key), cftc.gov
(historical compressed files), markets.newyorkfed.org (Markets Data API), cboe.com (VIX history),
docs.deribit.com and hyperliquid.gitbook.io. The folders of Binance's bookTicker and bookDepth and
the host of LOBSTER's samples are as others who fetch them report; none was asked from here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

HOSTS = {
    "binance": "https://data.binance.vision",
    "cboe": "https://cdn.cboe.com",
    "cftc": "https://www.cftc.gov",
    "deribit": "https://www.deribit.com",
    "hyperliquid": "https://api.hyperliquid.xyz",
    "lobster": "https://php.lobsterdata.com",
    "nyfed": "https://markets.newyorkfed.org",
    "tardis": "https://datasets.tardis.dev",
}


class Source(NamedTuple):
    """Where a source's files are.

    host is a key of HOSTS; path and name are patterns of the published address and of the file
    here; `what` says what is asked for first, as words to show and as the pattern of its parts,
    `unsaid` which parts may be left out; periods are the kinds that are published, the largest
    first; checksum is what stands behind the address of a file for the one that holds its SHA256;
    grows: what stands in a file of one name gets more with time.
    """

    host: str
    path: str
    name: str
    what: tuple[str, str] | None
    periods: tuple[str, ...]
    example: str
    advice: str
    checksum: str = ""
    grows: bool = False
    unpack: bool = False
    pages: str = ""
    unsaid: tuple[tuple[str, str], ...] = ()


_SYMBOL = ("SYMBOL", r"(?P<symbol>[A-Za-z0-9_]+)")
_WORD = r"[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_ADDRESS = ("ADDRESS", r"(?P<address>0x[0-9a-fA-F]{40})")


def _binance(market: str, kind: str) -> Source:
    interval = "/1m" if kind == "klines" else ""
    name = f"{{symbol}}-{'1m' if interval else kind}-{{period}}.zip"
    only_days = kind == "bookDepth"
    symbol = "BTCUSD_PERP" if market.endswith("cm") else "BTCUSDT"
    stopped = " (bookTicker ends on 2024-03-30)" if kind == "bookTicker" else ""
    return Source(
        host="binance",
        path=f"data/{market}/{{frequency}}/{kind}/{{symbol}}{interval}/{name}",
        name=name,
        what=_SYMBOL,
        periods=("day",) if only_days else ("month", "day"),
        example=f"{symbol} {'2024-01-01' if only_days else '2024-01'}",
        advice=f"are symbol and time right, and is it published yet?{stopped}",
        checksum=".CHECKSUM",
    )


def _binance_sources() -> dict[str, Source]:
    """Every kind of every market; Binance publishes no books of the spot market."""
    kinds = {"trades": "trades", "aggTrades": "aggTrades", "klines-1m": "klines"}
    books = {"bookTicker": "bookTicker", "bookDepth": "bookDepth"}
    found = {f"binance-{name}": _binance("spot", kind) for name, kind in kinds.items()}
    for market in ("um", "cm"):
        for name, kind in (kinds | books).items():
            found[f"binance-{market}-{name}"] = _binance(f"futures/{market}", kind)
    return found


def _hyperliquid(kind: str, name: str) -> Source:
    return Source(
        host="hyperliquid",
        path="info",
        name=f"hyperliquid_{name}_{{address}}{{span}}.json",
        what=_ADDRESS,
        periods=("day",),
        example="0x0000000000000000000000000000000000000000 2024-08-01 2024-08-31",
        advice="is the address right?",
        grows=True,
        pages=kind,
    )


SOURCES: dict[str, Source] = {
    **_binance_sources(),
    "cftc": Source(
        host="cftc",
        path="files/dea/history/fut_fin_txt_{period}.zip",
        name="fut_fin_txt_{period}.zip",
        what=None,
        periods=("year",),
        example="2024",
        advice="is the year right?",
        grows=True,
    ),
    "deribit-options": Source(
        host="deribit",
        path="api/v2/public/get_book_summary_by_currency?currency={currency}&kind=option",
        name="deribit_options_{currency}_{now}.json",
        what=("CURRENCY", r"(?P<currency>[A-Za-z0-9]+)"),
        periods=(),
        example="BTC",
        advice="is the currency right?",
    ),
    "hyperliquid-fills": _hyperliquid("userFillsByTime", "fills"),
    "hyperliquid-funding": _hyperliquid("userFunding", "funding"),
    "hyperliquid-ledger": _hyperliquid("userNonFundingLedgerUpdates", "ledger"),
    "lobster-sample": Source(
        host="lobster",
        path="info/sample/LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip",
        name="LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip",
        what=("SYMBOL or SYMBOL/LEVELS", r"(?P<symbol>[A-Za-z]+)(?:/(?P<levels>\d+))?"),
        periods=(),
        example="AMZN/10",
        advice="samples are of AAPL, AMZN, GOOG, INTC, MSFT with 1, 5, 10 levels",
        unpack=True,
        unsaid=(("levels", "10"),),
    ),
    "nyfed": Source(
        host="nyfed",
        path="api/pd/get/{series}.csv",
        name="nyfed_primary_dealer_{series}.csv",
        what=("SERIES, or nothing for all", rf"(?P<series>{_WORD})?"),
        periods=(),
        example="PDPOSGS-B",
        advice="is the series right?",
        grows=True,
        unsaid=(("series", "all/timeseries"),),
    ),
    "tardis": Source(
        host="tardis",
        path="v1/{exchange}/{type}/{slashed}/{symbol}.csv.gz",
        name="{exchange}_{type}_{period}_{symbol}.csv.gz",
        what=(
            "EXCHANGE/TYPE/SYMBOL",
            rf"(?P<exchange>{_WORD})/(?P<type>{_WORD})/(?P<symbol>{_WORD})",
        ),
        periods=("first day",),
        example="binance-futures/trades/BTCUSDT 2024-08-01",
        advice="are exchange, type and symbol right?",
    ),
    "vix": Source(
        host="cboe",
        path="api/global/us_indices/daily_prices/VIX_History.csv",
        name="VIX_History.csv",
        what=None,
        periods=(),
        example="",
        advice="the address may have changed",
        grows=True,
    ),
}


def listed() -> str:
    """Every source with an example of what may be asked of it."""
    return "\n".join(f"  {name} {source.example}".rstrip() for name, source in SOURCES.items())


def source_of(name: str) -> Source:
    """The source of that name."""
    if name not in SOURCES:
        raise ValueError(f"no source {name!r}; the sources are, with an example each:\n{listed()}")
    return SOURCES[name]


def host_of(source: Source, hosts: Mapping[str, str] | None) -> str:
    """The address of the source's host: as given, as the environment says, as published."""
    unknown = sorted(set(hosts or {}) - set(HOSTS))
    if unknown:
        raise ValueError(f"no hosts {', '.join(unknown)}; they are {', '.join(HOSTS)}")
    said = (hosts or {}).get(source.host) or os.environ.get(
        f"MMRESEARCH_HOST_{source.host.upper()}"
    )
    host = said or HOSTS[source.host]
    if not re.match(r"https?://[^/]", host):
        raise ValueError(f"the host of {source.host} is {host!r}; give one as https://example.org")
    return host.rstrip("/")
