"""Several Tardis.dev files as one study: one exchange, and one source of a book at a time.

Works on the markets of single files, wherever they were read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd
import polars as pl

from mmresearch import store
from mmresearch.load import several
from mmresearch.load.tardis.files import SOURCE
from mmresearch.market import Market
from mmresearch.receipt import Fault, SourceError

_LAST = (pl.col("time").max(), pl.col("local_time").max())


def combined(parts: Sequence[Market], *, name: str | None = None) -> Market:
    """One market of the markets of single files.

    Quotes that were taken from a book give way where a file of quotes holds the same symbol at the
    same time. A file's first states, where they are older by the exchange's clock than the last
    of the file before (files are split by the vendor's), are raised to those, as within a file.
    Refused are files of several exchanges, whose symbols may be the same, and two files of one
    symbol's book, or quotes, at one time, whose states would be mixed.
    """
    if len(parts) < 2:
        return several.joined(SOURCE, parts, name=name)
    spans = _spans(parts)
    faults = [*_venue_faults(parts), *_double_faults(parts, spans)]
    if faults:
        raise SourceError(SOURCE, faults)
    doubled = _doubled(spans)
    kept = [_without(part, doubled.get(number, [])) for number, part in enumerate(parts)]
    return several.joined(SOURCE, _in_turn(kept), name=name)


def _file(part: Market) -> str:
    return part.receipt.files["file"].iloc[0]


def _states(part: Market) -> str | None:
    """Of which table of states the file is the source: quotes stand beside a book of its own."""
    return next((table for table in ("book", "quotes") if table in part), None)


def _spans(parts: Sequence[Market]) -> pl.DataFrame:
    """When each part holds states of a symbol: part (its number), states, symbol, first, last."""
    schema = {"part": pl.Int64, "states": pl.String, "symbol": pl.String}
    rows = []
    for number, part in enumerate(parts):
        if (states := _states(part)) is not None:
            rows += [(number, states, *row) for row in _extents(part, states).iter_rows()]
    schema |= {"first": pl.Int64, "last": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("first", maintain_order=True)


def _extents(part: Market, states: str) -> pl.DataFrame:
    """The first and last time of each symbol's states: symbol, first, last."""
    found = []
    for table in part.scans(states):
        # files are split by the vendor's clock, so that by it days do not overlap
        clock = "local_time" if "local_time" in table.collect_schema() else "time"
        time = pl.col(clock).cast(store.TIME).to_physical()
        found.append(table.group_by("symbol").agg(first=time.min(), last=time.max()).collect())
    ends = pl.concat(found).group_by("symbol", maintain_order=True)
    return ends.agg(pl.col("first").min(), pl.col("last").max())


def _venue_faults(parts: Sequence[Market]) -> list[Fault]:
    # the first note of a file begins with its exchange
    venues = [part.receipt.notes[0].partition(" ")[0] for part in parts]
    expected = "one exchange a market, as others may use the same symbols"
    return [
        Fault(_file(part), None, f"exchange {venue}, beside {venues[0]}", expected)
        for part, venue in zip(parts, venues, strict=True)
        if venue != venues[0]
    ]


def _double_faults(parts: Sequence[Market], spans: pl.DataFrame) -> list[Fault]:
    one = ("states", "symbol")
    before = spans.with_columns(
        end=pl.col("last").cum_max().shift().over(one), other=pl.col("part").shift().over(one)
    )
    met = before.filter(pl.col("first") <= pl.col("end")).unique("part", keep="first")
    return [
        Fault(
            _file(parts[number]),
            None,
            f"{states} of {symbol} at a time that {_file(parts[other])} holds too",
            f"one source of a symbol's {states} at a time",
        )
        for number, other, states, symbol in met.sort("part")
        .select("part", "other", "states", "symbol")
        .iter_rows()
    ]


def _doubled(spans: pl.DataFrame) -> dict[int, list[str]]:
    """By number of a part with a book: symbols of which a file of quotes holds the same time."""
    book, best = (spans.filter(pl.col("states") == states) for states in ("book", "quotes"))
    begun = best.select("symbol", begun="first", end="last").sort("begun")
    near = book.sort("last").join_asof(
        begun, left_on="last", right_on="begun", by="symbol", check_sortedness=False
    )
    met = near.filter(pl.col("end") >= pl.col("first")).group_by("part").agg("symbol")
    return dict(met.iter_rows())


def _without(part: Market, symbols: Sequence[str]) -> Market:
    """The part without the quotes of these symbols, which its receipt says."""
    if not symbols:
        return part
    quotes = part.quotes
    kept = quotes[~quotes["symbol"].isin(symbols)]
    left = f"{len(quotes) - len(kept):,} best levels of {_file(part)} are left out of quotes"
    tables = {name: part[name] for name in part if name != "quotes"}
    tables |= {"quotes": kept} if len(kept) else {}
    return _made_anew(part, tables, f"{left}, as a file of quotes holds the same time")


def _made_anew(part: Market, tables: dict[str, pd.DataFrame], note: str) -> Market:
    receipt = dataclasses.replace(part.receipt, notes=(*part.receipt.notes, note))
    return Market(symbols=part.symbols, receipt=receipt, name=part.name, **tables)


def _in_turn(parts: Sequence[Market]) -> list[Market]:
    """The parts, the first states of each not before the last of the one ahead."""
    ends: dict[str, pl.DataFrame] = {}
    return [_after(part, ends) for part in parts]


def _after(part: Market, ends: dict[str, pl.DataFrame]) -> Market:
    """The part with its states raised; `ends` is brought up to date."""
    raised, count = {}, 0
    for name in ("quotes", "book"):
        if name not in part:
            continue
        scans = list(part.scans(name))
        if "local_time" not in scans[0].collect_schema():
            continue
        if _begins_late(scans, ends.get(name)):
            table, late = _raised(part[name], ends[name])
            if late:
                raised[name], count = table, max(count, late)
        now = [scan.group_by("symbol").agg(*_LAST).collect() for scan in scans]
        known = [ends[name]] if name in ends else []
        ends[name] = pl.concat([*known, *now]).group_by("symbol").agg(*_LAST)
    if not raised:
        return part
    note = f"the first {count:,} states of {_file(part)} are older than the last of the file before"
    tables = {name: part[name] for name in part} | raised
    return _made_anew(part, tables, f"{note}: their time is raised")


def _begins_late(scans: Sequence[pl.LazyFrame], ends: pl.DataFrame | None) -> bool:
    """Whether the first state is older than the last of the parts before."""
    if ends is None:
        return False
    return scans[0].select(pl.col("time").first()).collect().item() < ends["time"].max()


def _raised(table: pd.DataFrame, ends: pl.DataFrame) -> tuple[pd.DataFrame, int]:
    known = ends.to_pandas().set_index("symbol")
    last, local = (table["symbol"].map(known[clock]) for clock in ("time", "local_time"))
    late = (table["time"] < last) & (table["local_time"] > local)
    return table.assign(time=table["time"].mask(late, last)), int(late.sum())
