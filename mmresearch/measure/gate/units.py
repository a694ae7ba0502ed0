"""Checks of units: ticks, lots, and factors of ten between tables or from one day to the next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.gate.study import Piece, Study, Symbol
from mmresearch.measure.gate.tally import Tally, how_often, median

_NEAR = 0.12  # of a power of ten, in its logarithm: 7.6 to 13 times is ten times
_ON_TICK = 1e-6  # of a tick
_LOT = 100
_PRICED = ("trades", "fills", "quotes")


def look(piece: Piece) -> Tally:
    """Prices and sizes: how often each stands, those off the tick, each day's median."""
    found: Tally = {}
    trades, fills, quotes = (piece.get(name) for name in ("trades", "fills", piece.best))
    if trades is not None:
        found |= {"prices of trades": how_often(trades["price"])}
        found |= {"sizes of trades": how_often(trades["size"])}
        found |= _ticks(trades["price"].to_numpy(), piece.tick) | _daily(trades)
    if fills is not None:
        found |= {"prices of fills": how_often(fills["price"])}
    if quotes is not None:
        shown = pl.concat([quotes["bid_size"], quotes["ask_size"]])
        found |= {"prices of quotes": how_often((quotes["bid"] + quotes["ask"]) / 2)}
        found |= {"sizes of quotes": how_often(shown.filter(shown > 0))}
    return found


def _ticks(prices: np.ndarray, tick: float) -> Tally:
    """Prices off the tick, and those of them that are half a tick off."""
    steps = prices / tick  # an unknown tick is missing, and nothing is off it
    off = np.abs(steps - np.rint(steps)) > np.maximum(_ON_TICK, 1e-9 * steps)
    half = off & (np.abs(2 * steps - np.rint(2 * steps)) <= _ON_TICK)
    return {"off tick": int(off.sum()), "half ticks": int(half.sum())}


def _daily(trades: pl.DataFrame) -> Tally:
    """The median price of each day; no day comes in two pieces."""
    day = pl.col("time").dt.date().alias("day")
    return {"daily prices": trades.group_by(day).agg(pl.col("price").median()).sort("day")}


def on_tick(study: Study) -> Iterator[Finding]:
    """Prints at prices that are no whole number of ticks."""
    for symbol in study.having("prints"):
        if np.isnan(symbol.tick):
            continue
        count, half, of = (int(symbol.tally[k]) for k in ("off tick", "half ticks", "prints"))
        words = f"{share(count, of)} prices are no whole tick of {symbol.tick:g}"
        words += f", {half:,} of them half ticks" if half else ""
        rest = count - half
        verdict = "fail" if rest > 0.5 * of else "warn" if rest > 0.001 * of else "pass"
        affects = "" if verdict == "pass" else "everything in ticks; is the price's unit right?"
        yield Finding("prices per tick", symbol.name, verdict, words, count, of, affects)


def price_units(study: Study) -> Iterator[Finding]:
    """The median price of each table against the others' of the symbol."""
    for symbol in study.symbols:
        levels = _levels(symbol)
        if len(levels) > 1:
            yield _factor("price units", symbol.name, levels, "marks, spreads and profits")


def _levels(symbol: Symbol) -> dict[str, float]:
    """The median price of each table that has one."""
    none = pl.DataFrame(schema={"value": pl.Float64, "n": pl.Int64})
    medians = {t: median(symbol.tally.get(f"prices of {t}", none)) for t in _PRICED}
    return {name: level for name, level in medians.items() if not np.isnan(level)}


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


def price_jumps(study: Study) -> Iterator[Finding]:
    """The median price of a day against the day before."""
    for symbol in study.having("daily prices"):
        daily = symbol.tally["daily prices"].sort("day")
        leap = np.diff(np.log10(daily["price"].to_numpy()))
        power = np.round(leap)
        at = np.flatnonzero((power != 0) & (np.abs(leap - power) < _NEAR)) + 1
        words = f"{len(at):,} days begin at about a power of ten times the day before"
        words += f", first on {daily['day'][int(at[0])]}" if len(at) else ""
        affects = "returns over that night; a change of unit or a split" if len(at) else ""
        verdict = "warn" if len(at) else "pass"
        yield Finding("price jumps", symbol.name, verdict, words, len(at), daily.height, affects)


def in_other_units(print_size: float, quote_size: float) -> bool:
    """Whether usual sizes are so far apart that quotes may be in round lots, or prints scaled."""
    return not 1e-4 <= print_size / quote_size <= _LOT / 4


def lots(study: Study) -> Iterator[Finding]:
    """Quote sizes that look like round lots beside prints in single units."""
    for symbol in study.having("sizes of quotes"):
        if not symbol.tally.get("prints"):
            continue
        usual = (median(symbol.tally["sizes of trades"]), median(symbol.tally["sizes of quotes"]))
        ratio = usual[0] / usual[1]
        words = f"the median print is {ratio:,.3g} times the median quote's size"
        doubtful = in_other_units(*usual)
        verdict = "warn" if doubtful else "pass"
        words += ": are quotes in round lots, or prints in another unit?" if doubtful else ""
        affects = "depth, imbalance, weighted mid" if doubtful else ""
        of = int(symbol.tally["prints"])
        yield Finding("sizes per lot", symbol.name, verdict, words, None, of, affects)


CHECKS = [on_tick, price_units, price_jumps, lots]
