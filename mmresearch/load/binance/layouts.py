"""What Binance publishes (data.binance.vision): which columns each kind of file has, and its name.

From the README of binance/binance-public-data and the headers that futures files carry. Spot files
have none. A name is SYMBOL-KIND-PERIOD, of bars their interval instead of the kind:
`BTCUSDT-aggTrades-2024-08-01.zip`, `BTCUSDT-1m-2024-08.zip`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mmresearch.load import text
from mmresearch.receipt import Fault

TRADES = ("trades", "aggTrades")
TRUE, FALSE = ("True", "true", "TRUE"), ("False", "false", "FALSE")
FLAGS = (*TRUE, *FALSE)
PRICES = ("open", "high", "low", "close")
VOLUMES = ("volume", "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume")
BARS = {  # the kinds of bars (their folders' names) and what is put before open, high, ...
    "klines": "",
    "markPriceKlines": "mark_",
    "indexPriceKlines": "index_",
    "premiumIndexKlines": "premium_",
}
_METRICS = (
    "sum_open_interest",
    "sum_open_interest_value",
    "count_toptrader_long_short_ratio",
    "sum_toptrader_long_short_ratio",
    "count_long_short_ratio",
    "sum_taker_long_short_vol_ratio",
)
_NAME = re.compile(
    r"(?P<symbol>[^-]+)-(?P<kind>[A-Za-z]+|\d+(?:mo|[smhdwM]))"
    r"-(?P<period>\d{4}-\d\d(?:-\d\d)?)(?![\d-])"
)


class Layout(NamedTuple):
    """One kind of file: the kind of each column's cells (`text.KINDS`), in the file's order.

    Rows are in the order of `order`, its first a time; what `key` names is there once. The last
    `may_lack` columns need not be there.
    """

    columns: dict[str, str]
    order: tuple[str, ...]
    key: tuple[str, ...]
    may_lack: int = 0


_MAKER = {"is_buyer_maker": "text", "is_best_match": "text"}
_TRADE = {"id": "whole", "price": "float", "qty": "float"}
_AGGREGATED = {"first_trade_id": "whole", "last_trade_id": "whole"}
_BAR = Layout(
    {"open_time": "whole", **dict.fromkeys(PRICES, "float"), "volume": "float"}
    | {"close_time": "whole", **dict.fromkeys(VOLUMES[1:], "float"), "ignore": "any"},
    order=("close_time",),
    key=("open_time",),
)
LAYOUTS = {
    "trades": Layout(
        {**_TRADE, "quote_qty": "float", "time": "whole", **_MAKER},
        order=("time", "id"),
        key=("id",),
        may_lack=1,  # only spot has is_best_match
    ),
    "aggTrades": Layout(
        {**_TRADE, **_AGGREGATED, "time": "whole", **_MAKER},
        order=("time", "id"),
        key=("id", "first_trade_id"),  # the venue gave some ids to two aggregates
        may_lack=1,
    ),
    "bookTicker": Layout(
        {"update_id": "whole", "bid": "float", "bid_size": "float", "ask": "float"}
        | {"ask_size": "float", "transaction_time": "whole", "event_time": "whole"},
        order=("transaction_time", "update_id"),
        key=("update_id",),
    ),
    "bookDepth": Layout(
        {"timestamp": "text", "percentage": "float", "depth": "float", "notional": "float"},
        order=("timestamp",),
        key=("timestamp", "percentage"),
    ),
    "metrics": Layout(
        {"create_time": "text", "symbol": "text", **dict.fromkeys(_METRICS, "float?")},
        order=("create_time",),
        key=("create_time",),
    ),
    "fundingRate": Layout(
        {"calc_time": "whole", "funding_interval_hours": "float", "last_funding_rate": "float"},
        order=("calc_time",),
        key=("calc_time",),
    ),
    **dict.fromkeys(BARS, _BAR),
}
_WORDS = {  # what headers call our columns, beside our own names
    "id": "tradeid|aggtradeid|aggregatetradeid",
    "qty": "quantity",
    "quote_qty": "baseqty|quotequantity",
    "time": "transacttime|timestamp",
    "is_buyer_maker": "wasthebuyerthemaker",
    "is_best_match": "wasthetradethebestpricematch",
    "bid": "bestbidprice",
    "bid_size": "bestbidqty",
    "ask": "bestaskprice",
    "ask_size": "bestaskqty",
    "quote_volume": "quoteassetvolume|baseassetvolume|basevolume",
    "count": "numberoftrades",
    "taker_buy_volume": "takerbuybaseassetvolume",
    "taker_buy_quote_volume": "takerbuyquoteassetvolume|takerbuybasevolume",
}


class Name(NamedTuple):
    """What a file's name says; `interval` of bars only."""

    symbol: str
    kind: str
    interval: str | None
    period: str

    @property
    def is_read(self) -> bool:
        return self.kind in LAYOUTS

    @property
    def what(self) -> str:
        return f"{self.kind} {self.interval}" if self.interval else self.kind


def named(path: Path) -> Name | None:
    """What the file's name says; which price bars are of, its folders do."""
    found = _NAME.match(path.name)
    if not found:
        return None
    symbol, kind, period = found.group("symbol", "kind", "period")
    if pd.isna(pd.to_datetime(period, errors="coerce")):
        return None
    if kind[0].isdigit():
        bars = next((f for f in reversed(path.resolve().parts) if f in BARS), "klines")
        return Name(symbol, bars, kind, period)
    return Name(symbol, kind, None, period)


def kind_of(header: list[str]) -> str | None:
    """The kind of a file by its header; bars are taken for those of trades."""
    return next((kind for kind, layout in LAYOUTS.items() if not _lacking(header, layout)), None)


def cell_kinds(
    file: str, cells: list[str], layout: Layout, *, header: bool
) -> dict[str, str] | Fault:
    """The kind of every column in its order by the first line's cells, or what is wrong."""
    ours = list(layout.columns)
    fewest = len(ours) - layout.may_lack
    if not header and fewest <= len(cells) <= len(ours):
        return {name: layout.columns[name] for name in ours[: len(cells)]}
    if not header:
        count = f"{fewest} or {len(ours)}" if layout.may_lack else f"{fewest}"
        return Fault(file, 1, f"{len(cells)} columns", f"{count}: {', '.join(ours)}")
    lacking = _lacking(cells, layout)
    names = [_ours(cell, layout) or f" {i}" for i, cell in enumerate(cells)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if lacking or twice:
        what = f"a header without {', '.join(lacking)}" if lacking else f"two columns {twice[0]}"
        found = f"{what}: {','.join(cells)[:80]!r}"
        return Fault(file, 1, found, f"the columns {', '.join(ours[:fewest])}")
    return {name: layout.columns.get(name, "any") for name in names}


def _lacking(header: list[str], layout: Layout) -> list[str]:
    there = {_ours(cell, layout) for cell in header}
    wanted = [name for name, kind in layout.columns.items() if kind != "any"]
    wanted = wanted[: len(wanted) - layout.may_lack]
    return [name for name in wanted if name not in there]


def _ours(cell: str, layout: Layout) -> str | None:
    """Our name of a header's column."""
    said = text.word(cell)
    for name in layout.columns:
        if said == text.word(name) or re.fullmatch(_WORDS.get(name, "(?!)"), said):
            return name
    return None
