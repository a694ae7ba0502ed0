"""States of the book from Tardis.dev files: quotes, snapshots of 5 or 25 levels, increments.

A state holds until the next one, so that the order of the file is kept: where the clock runs back,
a state's time is raised to the latest one before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch import schema
from mmresearch.load.tardis.files import LEVEL, OTHER_CLOCK, SOURCE, Counts, Made, Rows, with_times
from mmresearch.receipt import Fault, SourceError

_EARLY = "before the first snapshot"


def quotes(rows: Rows, clock: str, before: pl.DataFrame | None) -> Made:
    """The best quotes as they stand in the file."""
    names = {"bid_price": "bid", "bid_amount": "bid_size"}
    names |= {"ask_price": "ask", "ask_amount": "ask_size"}
    timed = with_times(rows, clock).rename(names)
    states, counts, carry = _states(timed, [""], before)
    table = states.select("time", "seq", "symbol", *LEVEL, OTHER_CLOCK[clock])
    return Made({"quotes": table[_known(before) :]}, [], counts, carry)


def snapshots(rows: Rows, clock: str, before: pl.DataFrame | None) -> Made:
    """Every snapshot as a row of the book, and the quotes where the best level changed."""
    count = sum(name.startswith("ask_size_") for name in rows.frame.columns)
    suffixes = [f"_{n}" for n in range(1, count + 1)]
    states, counts, carry = _states(with_times(rows, clock), suffixes, before)
    other, best = OTHER_CLOCK[clock], [f"{name}_1" for name in LEVEL]
    moved, states = _moved(states, best)[_known(before) :], states[_known(before) :]
    changed = states.filter(moved).rename(dict(zip(best, LEVEL, strict=True)))
    counts |= {
        "{:,} of {:,} snapshots change the best level: quotes": (changed.height, states.height)
    }
    levels = [f"{name}{suffix}" for suffix in suffixes for name in LEVEL]
    tables = {
        "quotes": changed.select("time", "seq", "symbol", *LEVEL, other),
        "book": states.select("time", "seq", "symbol", *levels, other),
    }
    return Made(tables, [], counts, carry)


def _states(
    timed: pl.DataFrame, levels: list[str], before: pl.DataFrame | None
) -> tuple[pl.DataFrame, Counts, pl.DataFrame]:
    """The rows with times that never fall and levels in the schema's terms, counts, what to carry.

    `before` holds each symbol's last row ahead of these; they stand there first.
    """
    timed, counts = _raised(timed if before is None else pl.concat([before, timed]))
    carry = _last_of_each(timed)
    cells, lost = _levels_there(timed, levels)
    bid, ask = (pl.col(f"{side}{levels[0]}") for side in ("bid", "ask"))
    crossed = (ask > 0) & (bid >= ask)
    rows = timed[_known(before) :]
    sizes, locked = rows.select(lost.sum().alias("lost"), crossed.sum().alias("crossed")).row(0)
    counts |= {
        "{:,} amounts stand without a price: no level": (sizes,),
        "{:,} states are locked or crossed (ask not above bid)": (locked,),
    }
    return timed.with_columns(*cells, seq=pl.col("seq") + schema.UNORDERED), counts, carry


def _levels_there(timed: pl.DataFrame, levels: list[str]) -> tuple[list[pl.Expr], pl.Expr]:
    """Cells of levels that are not there, as the schema has them; amounts without a price."""
    cells, lost = [], pl.lit(0)
    for name in (f"{side}{{}}{level}" for level in levels for side in ("bid", "ask")):
        price, size = name.format(""), name.format("_size")
        whole = not (timed[price].has_nulls() or timed[size].has_nulls())
        if whole and (timed[price].min() or 0) > 0:
            continue
        there = (pl.col(price) > 0).fill_null(False)
        lost = lost + (~there & (pl.col(size) > 0)).fill_null(False)
        cells += [pl.when(there).then(price), pl.when(there).then(size).otherwise(0.0).alias(size)]
    return cells, lost


def _known(before: pl.DataFrame | None) -> int:
    return 0 if before is None else before.height


def _last_of_each(timed: pl.DataFrame) -> pl.DataFrame:
    """Each symbol's last row."""
    if _is_of_one(timed):
        return timed.tail(1)
    return timed.group_by("symbol", maintain_order=True).last().select(timed.columns)


def _is_of_one(timed: pl.DataFrame) -> bool:
    return bool((timed["symbol"] == timed["symbol"][0]).all())


def _moved(states: pl.DataFrame, best: Sequence[str]) -> pl.Series:
    """Where the best level is not that of the symbol's state before."""
    first = pl.col("symbol").is_first_distinct()
    changed = [pl.col(c).ne_missing(pl.col(c).shift().over("symbol")) for c in best]
    return states.select(pl.any_horizontal(first, *changed)).to_series()


def _raised(timed: pl.DataFrame) -> tuple[pl.DataFrame, Counts]:
    """A symbol's times raised to the latest before them, as states keep the file's order."""
    said = "on {:,} rows the clock runs back: their time is raised, the file's order is kept"
    if timed["time"].is_sorted():
        return timed, {said: (0,)}
    top = pl.col("time").to_physical().cum_max()
    if not _is_of_one(timed):
        top = top.over("symbol")
    raised = timed.with_columns(top.cast(pl.Datetime("ns", "UTC")).alias("time"))
    late = int((raised["time"] != timed["time"]).sum())
    return raised, {said: (late,)}


def increments(rows: Rows, clock: str, levels: int) -> Made:
    """Each symbol's book after every message that changed its best levels."""
    timed, noted = _raised(with_times(rows, clock))
    one = timed["symbol"].n_unique() == 1
    parts = [timed] if one else timed.partition_by("symbol", maintain_order=True)
    rebuilt = [_rebuilt(part, clock, levels) for part in parts]
    early = sorted(line for one in rebuilt for line in one.early)
    tables: dict[str, list[pd.DataFrame]] = {}
    for one in rebuilt:
        for name, table in one.tables.items():
            tables.setdefault(name, []).append(table)
    if not tables:
        found, expected = "no row of a snapshot", "is_snapshot true, from which a book can begin"
        raise SourceError(SOURCE, [Fault(rows.text.name, None, found, expected)])
    counts = np.sum([one.counts for one in rebuilt], axis=0)
    return Made(
        {name: _joined(some) for name, some in tables.items()},
        [(early, _EARLY)] if early else [],
        noted | dict.fromkeys(_rebuild_notes(*(int(n) for n in counts), levels), (1,)),
    )


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    # one alone is not copied: books are large
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)


class _Rebuilt(NamedTuple):
    """One symbol's tables, lines before its first snapshot, and counts.

    counts: increments, messages, snapshots, further messages of snapshots, deletes of unknown
    levels, crossed rows.
    """

    tables: dict[str, pd.DataFrame]
    early: list[int]
    counts: tuple[int, ...]


def _rebuilt(part: pl.DataFrame, clock: str, levels: int) -> _Rebuilt:
    from mmresearch.load import rebuild  # here, as it compiles

    begun = part["is_snapshot"].eq("true").cum_max()
    early = (part["seq"].filter(~begun) + 1).to_list()
    part = part.filter(begun)
    if part.is_empty():
        return _Rebuilt({}, early, (0,) * 6)
    snapshot = part["is_snapshot"].eq("true").to_numpy()
    fresh = np.append(True, np.diff(part["local_timestamp"].to_numpy()) != 0)
    reset = snapshot & ~np.append(False, snapshot[:-1])
    side = part["side"].eq("bid").cast(pl.Int8).to_numpy() * 2 - 1
    price, size = (part[name].to_numpy() for name in ("price", "amount"))
    found = rebuild.books(np.cumsum(fresh), side, price, size, reset, levels=levels)
    seq, other = part["seq"].to_numpy(), part[OTHER_CLOCK[clock]].to_numpy()
    made = rebuild.tables(found, part["time"].to_numpy(), seq, part["symbol"][0])
    for table in made.values():
        places = np.searchsorted(seq, table["seq"].to_numpy())
        table[OTHER_CLOCK[clock]] = pd.DatetimeIndex(other[places]).tz_localize("UTC")
        table["seq"] += schema.UNORDERED
    again = int((snapshot & ~reset & fresh).sum())
    counts = (part.height, int(fresh.sum()), int(reset.sum()), again)
    return _Rebuilt(made, early, (*counts, found.unknown, found.crossed))


def _rebuild_notes(
    rows: int, messages: int, snapshots: int, again: int, unknown: int, crossed: int, levels: int
) -> list[str]:
    notes = [
        f"the book of {levels} levels is rebuilt from {rows:,} increments in {messages:,} messages"
        f" (rows of one local_timestamp) and {snapshots:,} snapshots, each of which empties it"
    ]
    if again:
        notes.append(f"{again:,} messages go on with a snapshot that an earlier one began")
    if unknown:
        notes.append(f"{unknown:,} deletes of levels that were not there")
    if crossed:
        notes.append(f"{crossed:,} states are locked or crossed (ask not above bid)")
    return notes
