"""What Binance's published files and captures share: parts of a study, symbols, units of time."""

from __future__ import annotations

import re
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load.instruments import base_quote
from mmresearch.market import Market
from mmresearch.receipt import Receipt

SOURCE = "binance"
SPOT, USD_M, COIN_M = "spot", "USD-M futures", "COIN-M futures"
NO_TRADE = "price or quantity 0: no trade"
_UNITS = {  # from, below, nanoseconds: both ranges are the years 1973 to 5138
    "milliseconds": (10**11, 10**14, 10**6),
    "microseconds": (10**14, 10**17, 10**3),
}
_SINCE = "milliseconds (13 digits) or microseconds (16 digits) since 1970"


class Part(NamedTuple):
    """A published file, or all captures: a market of its own, and what else is known of it.

    what: the kind of the file, with the interval of bars. period: what its name says of the time.
    own: symbol -> its name at the venue. markets: symbol -> SPOT, USD_M, COIN_M or not known.
    """

    file: str
    what: str
    period: str | None
    own: dict[str, str]
    markets: dict[str, str | None]
    market: Market

    @property
    def count(self) -> int:
        return self.market.receipt.rows_read


def part_of(
    file: str,
    what: str,
    period: str | None,
    own: dict[str, str],
    markets: dict[str, str | None],
    tables: dict[str, pd.DataFrame | pl.DataFrame],
    receipt: Receipt,
) -> Part:
    """The part with these tables."""
    symbols = pd.DataFrame([symbol_row(symbol, name) for symbol, name in own.items()])
    name = " ".join([*own, what, *([period] if period else [])])
    market = Market(symbols=symbols, receipt=receipt, name=name, **tables)
    return Part(file, what, period, own, markets, market)


def symbol_row(symbol: str, own: str) -> dict:
    """The symbol's row; its name at the venue says what it is made of."""
    base, quote = base_quote(own) or (None, None)
    row = {"symbol": symbol, "asset": base, "currency": quote, "settlement": quote}
    if is_coin_margined(own):
        row |= {"settlement": base, "multiplier": 100.0 if base == "BTC" else 10.0}
    return row | {"calendar": "24/7"}


def is_coin_margined(own: str) -> bool:
    """Whether a contract is one of COIN-M futures: BTCUSD_PERP, BTCUSD_240927."""
    return re.fullmatch(r".+USD_(PERP|\d{6})", own) is not None


def unit_of(times: pl.Series) -> str | None:
    """The unit of times by the size of the first; None where it is none that is known."""
    first = times.drop_nulls().head(1).to_list()
    ranges = _UNITS.items() if first else ()
    return next((unit for unit, (low, top, _) in ranges if low <= first[0] < top), None)


def not_of(unit: str | None, column: str) -> pl.Expr:
    """Whether a time is not of that unit."""
    low, top, _ = _UNITS.get(unit, (1, 0, 0))
    return ~pl.col(column).is_between(low, top - 1)


def expected_time(unit: str | None) -> str:
    """What is expected of times: one unit a file."""
    return f"{unit}, as the file's first time" if unit else _SINCE


def moment(column: str, unit: str | None) -> pl.Expr:
    """Times of that unit in UTC."""
    factor = _UNITS[unit or "milliseconds"][2]
    return (pl.col(column) * factor).cast(pl.Datetime("ns", "UTC"))
