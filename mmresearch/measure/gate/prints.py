"""Checks of prints: their sides, their numbers, and the quotes they are read against."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.signs import sign_trades

_ENOUGH = 30  # prints; with fewer a share says nothing
_INVERTED, _DOUBTFUL = 0.4, 0.6  # of prints whose side agrees with the rule
_SIGNED = "signed flow, impact, order imbalance, the aggregate maker's inventory"


def by_symbol(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each symbol's rows, in order."""
    yield from table.groupby("symbol", sort=True)


def side_and_tick(market: Market) -> list[Finding]:
    """Of prints at another price than the one before: whether buyers lift it, sellers lower it.

    A sign convention turned round shows as agreement near 0 (Lee and Ready 1991 find the tick test
    right for most prints, so a source's own sides agree with it far above one half).
    """
    return _agreement(market, "tick", "side against the tick test", _moved)


def side_and_mid(market: Market) -> list[Finding]:
    """Of prints off the mid known before: whether buyers are above it, sellers below."""
    if best_quotes(market) is None:
        return []
    return _agreement(market, "quote", "side against the mid", lambda tape: tape["rule"] == "quote")


def _moved(tape: pd.DataFrame) -> pd.Series:
    return tape.groupby("symbol", sort=False)["price"].diff().fillna(0.0) != 0


def _agreement(
    market: Market, rule: str, check: str, counted: Callable[[pd.DataFrame], pd.Series]
) -> list[Finding]:
    trades = market.get("trades")
    if trades is None or not trades["side"].notna().any():
        return []
    tape = sign_trades(market, rule=rule)
    tape = tape[counted(tape) & tape["side"].notna() & tape["reported_side"].notna()]
    return [_agreed(check, symbol, rows) for symbol, rows in by_symbol(tape)]


def _agreed(check: str, symbol: str, rows: pd.DataFrame) -> Finding:
    right, n = int((rows["side"] == rows["reported_side"]).sum()), len(rows)
    words = f"the side agrees on {share(right, n)}"
    if n < _ENOUGH:
        return Finding(check, symbol, "none", f"only {n} prints to compare", n - right, n, "")
    if right < _INVERTED * n:
        words += ": it is inverted, or is the maker's and not the aggressor's"
        return Finding(check, symbol, "fail", words, n - right, n, f"turns the sign of {_SIGNED}")
    if right < _DOUBTFUL * n:
        words += ": is it the aggressor's, and are the clocks in step?"
        return Finding(check, symbol, "warn", words, n - right, n, f"attenuates {_SIGNED}")
    return Finding(check, symbol, "pass", words, n - right, n, "")


def unknown_sides(market: Market) -> list[Finding]:
    """Prints without a side."""
    trades = market.get("trades")
    if trades is None:
        return []
    return [_unknown(symbol, rows["side"].isna()) for symbol, rows in by_symbol(trades)]


def _unknown(symbol: str, missing: pd.Series) -> Finding:
    count, of = int(missing.sum()), len(missing)
    if not count:
        return Finding("unknown sides", symbol, "pass", "every print has a side", 0, of, "")
    words = f"{share(count, of)} prints have no side"
    affects = f"left out of {_SIGNED}, unless mm.sign_trades infers them"
    verdict = "warn" if count > 0.01 * of else "pass"
    return Finding("unknown sides", symbol, verdict, words, count, of, affects)


def repeated_ids(market: Market) -> list[Finding]:
    """One number on several prints, or on several fills of an account's side."""
    keys = {"trades": ["symbol", "trade_id"], "fills": ["account", "symbol", "trade_id", "side"]}
    found = []
    for name, key in keys.items():
        table = market.get(name)
        if table is None or not table["trade_id"].notna().any():
            continue
        again = table.duplicated(key) & table["trade_id"].notna()
        found += [
            _repeated(name, symbol, again.loc[rows.index]) for symbol, rows in by_symbol(table)
        ]
    return found


def _repeated(name: str, symbol: str, again: pd.Series) -> Finding:
    count, of, check = int(again.sum()), len(again), f"repeated ids in {name}"
    if not count:
        return Finding(check, symbol, "pass", "every number stands once", 0, of, "")
    words = f"{share(count, of)} rows repeat a number that stands before"
    return Finding(check, symbol, "warn", words, count, of, "volume and flow are counted twice")


def crossed_quotes(market: Market) -> list[Finding]:
    """Bids at or above the ask."""
    quotes = best_quotes(market)
    if quotes is None:
        return []
    return [_crossed(symbol, rows) for symbol, rows in by_symbol(quotes)]


def _crossed(symbol: str, rows: pd.DataFrame) -> Finding:
    crossed = int((rows["bid"] > rows["ask"]).sum())
    locked = int((rows["bid"] == rows["ask"]).sum())
    of = int((rows["bid"].notna() & rows["ask"].notna()).sum())
    words = f"{share(crossed, of)} crossed, {share(locked, of)} locked"
    doubtful = crossed > 0.001 * of or locked > 0.05 * of
    verdict = "fail" if crossed > 0.05 * of else "warn" if doubtful else "pass"
    affects = "" if verdict == "pass" else "mid, spreads, quote rule, order flow imbalance"
    return Finding("crossed quotes", symbol, verdict, words, crossed + locked, of, affects)


CHECKS = [side_and_tick, side_and_mid, unknown_sides, repeated_ids, crossed_quotes]
