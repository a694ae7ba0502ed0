"""Checks of units: ticks, lots, and factors of ten between tables or from one day to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.gate.prints import by_symbol
from mmresearch.measure.quotes import best_quotes

_NEAR = 0.12  # of a power of ten, in its logarithm: 7.6 to 13 times is ten times
_ON_TICK = 1e-6  # of a tick
_LOT = 100


def on_tick(market: Market) -> list[Finding]:
    """Prints at prices that are no whole number of ticks."""
    found = []
    ticks = market.symbols.set_index("symbol")["tick"].dropna()
    for symbol, rows in by_symbol(market["trades"]) if "trades" in market else []:
        if symbol not in ticks:
            continue
        steps = rows["price"] / ticks[symbol]
        off = (steps - steps.round()).abs() > np.maximum(_ON_TICK, 1e-9 * steps)
        half = off & ((2 * steps - (2 * steps).round()).abs() <= _ON_TICK)
        count, of = int(off.sum()), len(rows)
        words = f"{share(count, of)} prices are no whole tick of {ticks[symbol]:g}"
        words += f", {int(half.sum()):,} of them half ticks" if half.any() else ""
        rest = count - int(half.sum())
        verdict = "fail" if rest > 0.5 * of else "warn" if rest > 0.001 * of else "pass"
        affects = "" if verdict == "pass" else "everything in ticks; is the price's unit right?"
        found.append(Finding("prices per tick", symbol, verdict, words, count, of, affects))
    return found


def price_units(market: Market) -> list[Finding]:
    """The median price of each table against the others' of the symbol."""
    return [
        _factor("price units", symbol, levels, "marks, spreads and profits")
        for symbol, levels in _levels(market).items()
        if len(levels) > 1
    ]


def price_jumps(market: Market) -> list[Finding]:
    """The median price of a day against the day before."""
    found = []
    for symbol, rows in by_symbol(market["trades"]) if "trades" in market else []:
        daily = rows.groupby(rows["time"].dt.floor("D"))["price"].median()
        leap = np.log10(daily).diff().dropna()
        power = leap.round()
        jumps = leap[(power != 0) & ((leap - power).abs() < _NEAR)]
        words = f"{len(jumps):,} days begin at about a power of ten times the day before"
        words += f", first on {jumps.index[0]:%Y-%m-%d}" if len(jumps) else ""
        affects = "returns over that night; a change of unit or a split" if len(jumps) else ""
        verdict = "warn" if len(jumps) else "pass"
        of = len(daily)
        found.append(Finding("price jumps", symbol, verdict, words, len(jumps), of, affects))
    return found


def lots(market: Market) -> list[Finding]:
    """Quote sizes that look like round lots beside prints in single units."""
    quotes, trades = best_quotes(market), market.get("trades")
    if quotes is None or trades is None:
        return []
    found = []
    for symbol, rows in by_symbol(trades):
        own = quotes[quotes["symbol"] == symbol]
        shown = pd.concat([own["bid_size"], own["ask_size"]]).replace(0, np.nan).median()
        if np.isnan(shown):
            continue
        ratio = rows["size"].median() / shown
        words = f"the median print is {ratio:,.3g} times the median quote's size"
        doubtful = ratio > _LOT / 4 or ratio < 1e-4
        verdict = "warn" if doubtful else "pass"
        words += ": are quotes in round lots, or prints in another unit?" if doubtful else ""
        affects = "depth, imbalance, microprice" if doubtful else ""
        found.append(Finding("sizes per lot", symbol, verdict, words, None, len(rows), affects))
    return found


def _levels(market: Market) -> dict[str, dict[str, float]]:
    """By symbol, the median price of each table."""
    quotes = best_quotes(market)
    prices = {
        "trades": market["trades"].set_index("symbol")["price"] if "trades" in market else None,
        "fills": market["fills"].set_index("symbol")["price"] if "fills" in market else None,
        "quotes": None if quotes is None else _mid(quotes),
    }
    levels: dict[str, dict[str, float]] = {}
    for name, series in prices.items():
        if series is not None:
            for symbol, median in series.groupby(level=0).median().dropna().items():
                levels.setdefault(symbol, {})[name] = median
    return levels


def _mid(quotes: pd.DataFrame) -> pd.Series:
    return ((quotes["bid"] + quotes["ask"]) / 2).set_axis(quotes["symbol"])


def _factor(check: str, symbol: str, levels: dict[str, float], affects: str) -> Finding:
    first, *others = levels
    apart = []
    for name in others:
        leap = np.log10(levels[name] / levels[first])
        power = round(leap)
        if power and abs(leap - power) < _NEAR:
            apart.append(f"{name} are about {10.0**power:g} times {first}")
    if apart:
        return Finding(check, symbol, "fail", "; ".join(apart), len(apart), len(others), affects)
    words = f"{' and '.join(levels)} are of one size"
    return Finding(check, symbol, "pass", words, 0, len(others), "")


CHECKS = [on_tick, price_units, price_jumps, lots]
