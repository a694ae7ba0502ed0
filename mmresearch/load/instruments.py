"""What a symbol is made of, where its name says so."""

from __future__ import annotations

import re

# What pairs are priced in; the longest first, so that BTCUSDT ends with USDT and not with USD.
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "USD", "DAI")
_QUOTES += ("EUR", "GBP", "JPY", "TRY", "BRL", "AUD", "BTC", "XBT", "ETH", "BNB")


def base_quote(symbol: str) -> tuple[str, str] | None:
    """Base and quote of a pair: BTCUSDT, btc-usd, XRP/ETH, BTC_USDT; None where it is no pair.

    What follows the pair (-PERP, -SWAP, :USDT, _240927) is the contract's, not the pair's.
    """
    parts = re.split(r"[/_:-]", symbol.upper())
    if len(parts) > 1 and parts[0] and parts[1] in _QUOTES:
        return parts[0], parts[1]
    for quote in _QUOTES:
        base = parts[0].removesuffix(quote)
        if base not in ("", parts[0], "XB"):  # XBTUSD is XBT in USD, not XB in TUSD
            return base, quote
    return None
