"""What an exchange's symbols mean in Tardis.dev files, which give amounts as the exchange does.

Where a symbol's contract size is not known here, its multiplier stays 1 and the receipt says so.
Those of OKX and Huobi on other assets than BTC, and Bybit's, were not checked in a document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from mmresearch.load.instruments import base_quote

# Inverse contracts: exchange, symbol, units of currency a contract on BTC, on another asset.
_INVERSE = [
    ("bitmex", r"(?P<base>XBT)(?P<quote>USD|EUR)", 1, 1),
    ("bitmex", r"(?P<base>XBT)[FGHJKMNQUVXZ]\d\d", 1, 1),
    ("deribit", r"(?P<base>[A-Z]+)-(PERPETUAL|\d{1,2}[A-Z]{3}\d\d)", 1, 1),  # amounts in USD
    ("binance-delivery", r"(?P<base>\w+)USD_(PERP|\d{6})", 100, 10),
    ("huobi-dm-swap", r"(?P<base>\w+)-USD", 100, 10),
    ("okex-swap", r"(?P<base>\w+)-USD-SWAP", 100, 10),
    ("okex-futures", r"(?P<base>\w+)-USD-\d{6}", 100, 10),
    ("bybit", r"(?P<base>\w+)USD([FGHJKMNQUVXZ]\d\d)?", 1, 1),
]
# Amounts in units of the asset: spot exchanges, and derivatives that are not inverse and count so.
_SPOT = ["binance", "binance-us", "bitfinex", "bitstamp", "bybit-spot", "coinbase", "gemini"]
_SPOT += ["huobi", "kraken", "kucoin", "okcoin", "okex", "poloniex", "upbit"]
_IN_ASSET = frozenset([*_SPOT, "binance-futures", "bybit", "deribit", "hyperliquid"])
_OPTION = r"(?P<base>[A-Z]+)(_(?P<quote>[A-Z]+))?-\d{1,2}[A-Z]{3}\d\d-[\dD]+-[CP]"  # Deribit's
# How `mark_iv` is given: what it is multiplied by to be a fraction.
VOLATILITY = {"deribit": 0.01, "okex-options": 1.0, "bybit-options": 1.0}
IN_UNDERLYING = frozenset(["deribit"])  # options whose contracts are one unit of the underlying


def symbol_rows(exchange: str, names: Iterable[str]) -> pd.DataFrame:
    """The market's row of each symbol."""
    rows = [{"symbol": name, **_described(exchange, name)} for name in sorted(names)]
    return pd.DataFrame(rows).assign(calendar="24/7")


def unit_notes(exchange: str, names: Iterable[str]) -> list[str]:
    """In what unit the sizes of these symbols are, in words."""
    names, notes = sorted(names), []
    inverse = {name: found for name in names if (found := _inverse(exchange, name))}
    for value in sorted({found["multiplier"] for found in inverse.values()}):
        some = [name for name, found in inverse.items() if found["multiplier"] == value]
        unit = f"{value:g} {inverse[some[0]]['currency']}"
        notes.append(f"sizes of {_listed(some)} are contracts of {unit}, settled in the asset")
    others = [name for name in names if name not in inverse]
    if others and exchange in _IN_ASSET:
        notes.append(f"sizes of {_listed(others)} are units of the asset")
    elif others:
        notes.append(
            f"sizes of {_listed(others)} are as {exchange} gives them, perhaps contracts of a size"
            " that is not known here: the multiplier is left at 1"
        )
    return notes


def _listed(names: list[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest:,} more" if rest > 0 else "")


def _described(exchange: str, name: str) -> dict:
    inverse = _inverse(exchange, name)
    if inverse:
        return inverse
    option = re.fullmatch(_OPTION, name) if exchange == "deribit" else None
    if option:  # a position is in the option; its price is in the asset, or in what pays for it
        paid = option["quote"] or option["base"]
        return {"asset": name, "currency": paid, "settlement": paid, "multiplier": 1.0}
    base, quote = base_quote(name) or (name, None)
    return {"asset": base, "currency": quote, "settlement": quote, "multiplier": 1.0}


def _inverse(exchange: str, name: str) -> dict | None:
    for venue, pattern, on_btc, on_other in _INVERSE:
        found = re.fullmatch(pattern, name) if venue == exchange else None
        if found:
            base, currency = found["base"], found.groupdict().get("quote") or "USD"
            size = on_btc if base in ("BTC", "XBT") else on_other
            about = {"asset": base, "currency": currency, "settlement": base}
            return about | {"multiplier": float(size)}
    return None
