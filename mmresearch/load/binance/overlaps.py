"""Files of Binance's that hold the same trades or values: together they would count them twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import polars as pl

from mmresearch.load.binance.layouts import TRADES, named
from mmresearch.load.binance.parts import Part
from mmresearch.receipt import Fault

_ONE = "one of the two: together they count twice"
_MARKET = "one market a symbol: load them apart"


def twice_by_name(found: Sequence[Path]) -> Iterator[Fault]:
    """Files whose names say that another file holds the same.

    Trades of a day and of its month are left to be compared row by row, by their ids.
    """
    seen: dict[tuple, str] = {}
    for path in found:
        file = named(path)
        if file is None or not file.is_read:
            continue
        month, rival = file.period[:7], _rival(file.what)
        whole_month = file.period == month
        reach = [(file.period, "whole"), (month, "part" if whole_month else "whole")]
        other = next((seen[k] for p in reach if (k := (file.symbol, rival, *p)) in seen), None)
        if other is not None:
            yield Fault(path.name, None, f"{file.what} of a time that {other} has too", _ONE)
        seen.setdefault((file.symbol, file.what, file.period, "whole"), path.name)
        if not whole_month:
            seen.setdefault((file.symbol, file.what, month, "part"), path.name)


def _rival(what: str) -> str:
    """The kind of file that must not cover the same time."""
    return {"trades": "aggTrades", "aggTrades": "trades"}.get(what, what)


def twice_by_content(parts: Sequence[Part]) -> Iterator[Fault]:
    """Parts that are of two markets under one symbol, or hold the same times twice."""
    spans = [_spans(part) for part in parts]
    for (one, ours), (other, theirs) in combinations(zip(parts, spans, strict=True), 2):
        for symbol in one.own.keys() & other.own.keys():
            yield from _torn(one, other, symbol)
        for table, symbol in ours.keys() & theirs.keys():
            (first, last), (begin, end) = ours[table, symbol], theirs[table, symbol]
            if first <= end and begin <= last and _same(one, other, table):
                found = f"{other.what}: {table} of {symbol} of a time that {one.file} has too"
                yield Fault(other.file, None, found, _ONE)


def _spans(part: Part) -> dict[tuple[str, str], tuple[int, int]]:
    """First and last time by table and symbol, of these two columns alone."""
    spans = {}
    for name in part.market:
        rows = pl.concat(scan.select("symbol", "time") for scan in part.market.scans(name))
        time = pl.col("time").cast(pl.Int64)
        ends = rows.group_by("symbol").agg(first=time.min(), last=time.max()).collect()
        spans |= {(name, symbol): (first, last) for symbol, first, last in ends.iter_rows()}
    return spans


def _torn(one: Part, other: Part, symbol: str) -> Iterator[Fault]:
    if one.own[symbol] != other.own[symbol]:
        found = f"{other.own[symbol]}, called {symbol} as {one.own[symbol]} of {one.file} is"
        yield Fault(other.file, None, found, "one symbol, as symbol names it")
    markets = one.markets[symbol], other.markets[symbol]
    if None not in markets and markets[0] != markets[1]:
        found = f"{symbol} of {markets[1]} beside that of {markets[0]} in {one.file}"
        yield Fault(other.file, None, found, _MARKET)


def _same(one: Part, other: Part, table: str) -> bool:
    """Whether two parts that share times hold the same rows of this table.

    Names of published files were compared before; single rows of trades will be, by their ids.
    """
    same = one.what == other.what
    if table == "trades":
        return not (same and one.what in TRADES)
    if table == "series" and not same:
        return False
    return not (same and one.period and other.period)
