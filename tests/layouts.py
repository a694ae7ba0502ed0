"""More files of every source: its other tables, products and vendors, of the loaders' own tests."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tests.cases import lines
from tests.load import test_binance as binance
from tests.load import test_binance_capture as capture
from tests.load import test_cftc as cftc
from tests.load import test_databento_faults as databento
from tests.load import test_erc20_layouts as erc20
from tests.load import test_fills_export_venues as venues
from tests.load import test_floorsheet as floorsheet
from tests.load import test_hyperliquid_files as hyperliquid
from tests.load import test_lobster as lobster
from tests.load import test_nyfed as nyfed
from tests.load import test_options_cboe as cboe
from tests.load import test_series as series
from tests.load import test_taq as taq
from tests.load import test_tardis as tardis
from tests.load import test_uniswap_events as uniswap


class Layout(NamedTuple):
    """Files by name with their content, and what the loader is told beside."""

    source: str
    files: dict[str, str]
    told: dict[str, Any]


def _rows(header: str, rows: list[str]) -> str:
    return lines(header, *rows)


def _fills(*records: dict) -> Layout:
    return Layout("fills_export", {"fills.json": json.dumps(records)}, {"account": "desk"})


_T = binance.T
_TOKENS = {"labels": erc20.LABELS, "decimals": erc20.DECIMALS}
_MOVED = erc20.scanned("0x1", erc20.X, erc20.B, "1,000.5", erc20.WETH, "WETH")
_DUNE = f"{erc20.USDC},0xcd,6,2023-08-13 12:00:00.000 UTC,9,{erc20.X},{erc20.B},1000000"
_QUOTES = tardis.rows([(10, 110, 5, 101, 100, 6), (30, 120, 5, 101, 99, 1)])
_LEVELS = tardis.rows(
    [
        *((10, 110, "true", "bid", 100, 5), (10, 110, "true", "ask", 101, 6)),
        *((30, 120, "false", "bid", 100, 0), (30, 120, "false", "bid", 99, 1)),
    ]
)
_STREAM = capture.lines(
    capture.trade(1), capture.ticker(1), capture.snapshot(10), capture.depth(11, 11, [("99", "5")])
)
_SWAPS = [uniswap.swap(3, uniswap.BOUGHT), uniswap.swap(8, uniswap.SOLD)]
_TICKERS = [f"500,100.0,2.0,100.5,3.0,{_T},{_T + 4}", f"501,100.1,1.0,100.5,3.0,{_T},{_T + 5}"]
_AGGREGATES = [f"1,100.0,2,1,3,{_T},true", f"2,100.5,1,4,4,{_T + 7},false"]

LAYOUTS = {
    "binance aggregates": Layout(
        "binance",
        {"BTCUSDT-aggTrades-2024-08-01.csv": _rows(binance.AGG_HEADER, _AGGREGATES)},
        {},
    ),
    "binance quotes": Layout(
        "binance",
        {"BTCUSDT-bookTicker-2024-08-01.csv": _rows(binance.TICKER_HEADER, _TICKERS)},
        {},
    ),
    "binance bars": Layout(
        "binance", {"BTCUSDT-1m-2024-08-01.csv": _rows(binance.BAR_HEADER, binance.BARS)}, {}
    ),
    "binance capture": Layout("binance", {"btcusdt.jsonl": lines(*_STREAM)}, {}),
    "cftc several weeks": Layout("cftc", {"FinFutYY.txt": _rows(cftc.HEADER, cftc.ROWS)}, {}),
    "cboe options": Layout(
        "options", {"spx.csv": lines(*cboe.TITLE, cboe.HEADER, *cboe.LINES)}, {}
    ),
    "databento with times as text": Layout(
        "databento", {"day.csv": _rows(databento.HEADER, [databento.ROW])}, {}
    ),
    "etherscan transfers": Layout("erc20", {"a.csv": _rows(erc20.ETHERSCAN, [_MOVED])}, _TOKENS),
    "dune transfers": Layout("erc20", {"dune.csv": _rows(erc20.DUNE, [_DUNE])}, _TOKENS),
    "bybit fills": _fills(venues.BYBIT),
    "kraken fills": Layout(
        "fills_export",
        {"fills.json": json.dumps({"result": {"trades": {"T1": venues.KRAKEN}}})},
        {"account": "desk"},
    ),
    "bitmex fills": _fills(venues.BITMEX),
    "dydx fills": _fills(venues.DYDX),
    "deribit fills": _fills(venues.DERIBIT),
    "coinbase fills": _fills(venues.COINBASE),
    "floorsheet of several boards": Layout(
        "floorsheet",
        {"floorsheet_2021-04-04.csv": _rows(floorsheet.HEADER, floorsheet.ROWS)},
        {},
    ),
    "hyperliquid blocks": Layout(
        "hyperliquid", {"9": lines(*(json.dumps(b) for b in hyperliquid.BLOCKS))}, {}
    ),
    "hyperliquid export": Layout(
        "hyperliquid", {"data.csv": _rows(hyperliquid.HEADER, hyperliquid.EXPORT)}, {}
    ),
    "lobster with every event": Layout(
        "lobster",
        {
            f"{lobster.STEM}_message_1.csv": lines(*lobster.MESSAGES),
            f"{lobster.STEM}_orderbook_1.csv": lines(*lobster.BOOK),
        },
        {},
    ),
    "nyfed of two surveys": Layout(
        "nyfed", {"timeseries.csv": _rows(nyfed.HEADER, nyfed.ROWS)}, {}
    ),
    "series of FRED": Layout("series", {"vix.csv": lines(*series.FRED)}, {}),
    "series with points": Layout("series", {"vix.csv": lines(*series.VIX)}, {"symbol": "VIX"}),
    "table of quotes": Layout(
        "table",
        {
            "q.csv": lines(
                "time;symbol;bid;ask;bid_size;ask_size",
                "2024-08-01T00:00:00Z;X;9.5;10;1;2",
                "2024-08-01T00:00:01Z;X;9.5;;1;",
            )
        },
        {"kind": "quotes"},
    ),
    "table of fills": Layout(
        "table",
        {
            "f.csv": lines(
                "time,account,symbol,side,price,size,fee",
                "1722470400000,A,X,buy,10.5,2,",
                "1722470400005,A,X,sell,10.5,2,0.1",
            )
        },
        {"kind": "fills", "unit": "ms"},
    ),
    "taq monthly trades": Layout("taq", {"a.csv": taq.MONTHLY_TRADES}, {}),
    "taq monthly quotes": Layout("taq", {"a.csv": taq.MONTHLY_QUOTES}, {}),
    "taq daily trades": Layout("taq", {"a.csv": taq.DAILY_TRADES}, {}),
    "taq daily quotes": Layout("taq", {"a.csv": taq.DAILY_QUOTES}, {}),
    "tardis quotes": Layout("tardis", {"a.csv": _rows(tardis.QUOTES, _QUOTES)}, {}),
    "tardis increments": Layout("tardis", {"a.csv": _rows(tardis.L2, _LEVELS)}, {}),
    "uniswap swaps": Layout("uniswap", {"swaps.csv": _rows(uniswap.SWAPS, _SWAPS)}, {}),
}
