"""What a reader of TAQ's trades and quotes must know, in words and counts, for the receipt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from mmresearch.load.taq import times as taq_times
from mmresearch.load.taq.files import Part

_CODES = r"[^A-Z0-9@* ]"  # what no sale condition of TAQ is written with


class Tally(NamedTuple):
    """Counts of rows: in the session by New York's clock and by UTC's; by whether time ran back.

    table: of trades corrections and strange sale conditions, of quotes those that lack a side, are
    crossed, are locked. texts: the strange conditions, or the exchanges' codes.
    """

    rows: int
    here: int
    there: int
    back: int
    table: tuple[int, ...]
    texts: frozenset[str]


def tally_of(rows: pl.DataFrame, table: str, parts: list[Part]) -> Tally:
    """What is to be counted of these rows; the session's where the parts count seconds (DT)."""
    here = there = 0
    if any("dt" in part.names for part in parts if part.table == table):
        utc, local = rows["time"].dt.replace_time_zone(None), taq_times.local(rows["time"])
        here, there = (int(taq_times.in_session(clock).sum()) for clock in (local, utc))
    same = pl.all_horizontal(pl.col(c) == pl.col(c).shift() for c in ("part", "symbol"))
    back = rows.select((same & (pl.col("time") < pl.col("time").shift())).sum()).item()
    own = _of_trades(rows) if table == "trades" else _of_quotes(rows)
    return Tally(rows.height, here, there, back, *own)


def _of_trades(rows: pl.DataFrame) -> tuple[tuple[int, ...], frozenset[str]]:
    corrected = int((rows["corr"].fill_null(0) != 0).sum()) if "corr" in rows.columns else 0
    if "cond" not in rows.columns:
        return (corrected, 0), frozenset()
    strange = rows["cond"].filter(rows["cond"].str.contains(_CODES).fill_null(False))
    return (corrected, len(strange)), frozenset(strange.unique())


def _of_quotes(rows: pl.DataFrame) -> tuple[tuple[int, ...], frozenset[str]]:
    inverted, equal = (pl.col("ask") < pl.col("bid")).sum(), (pl.col("ask") == pl.col("bid")).sum()
    lacking = (pl.col("bid").is_null() | pl.col("ask").is_null()).sum()
    counts = rows.select(lacking, crossed=inverted, locked=equal).row(0)
    codes = rows["ex"].drop_nulls().unique() if "ex" in rows.columns else []
    return counts, frozenset(codes)


def notes_of(
    table: str, tallies: Sequence[Tally], parts: list[Part], lot: float | None
) -> list[str]:
    """The notes on all rows of a table, which were counted some at a time."""
    own = [part for part in parts if part.table == table]
    counts = [sum(column) for column in zip(*(tally.table for tally in tallies), strict=True)]
    texts = sorted(frozenset().union(*(tally.texts for tally in tallies)))
    notes = _shared(table, tallies, own)
    if table == "trades":
        return notes + _trade_notes(counts, texts, own)
    return notes + _quote_notes(counts, texts, own, lot)


def _shared(table: str, tallies: Sequence[Tally], own: list[Part]) -> list[str]:
    """How times were read, what stood out of order, which columns are left out."""
    notes = [f"{table}: {said}" for said in dict.fromkeys(part.said for part in own)]
    rows = sum(tally.rows for tally in tallies)
    if any("dt" in part.names for part in own):
        here, there = (sum(t.here for t in tallies) / rows, sum(t.there for t in tallies) / rows)
        notes.append(
            f"{table}: {here:.1%} of them lie in 09:30-16:00 New York; on UTC's clock {there:.1%}"
            " do (were that more, epoch='America/New_York' would be meant)"
        )
    back = sum(tally.back for tally in tallies)
    notes += [f"{table}: {back:,} times a symbol's time ran back; put in order"] if back else []
    left = dict.fromkeys(column for part in own for column in part.left)
    return notes + ([f"{table}: columns left out: {', '.join(left)}"] if left else [])


def _trade_notes(counts: list[int], strange: list[str], own: list[Part]) -> list[str]:
    notes = ["trades: side is missing, as TAQ names no aggressor; mm.sign_trades finds it"]
    if any("corr" in part.names for part in own):
        said = f"trades: {counts[0]:,} carry a correction indicator other than 0 (step T1)"
        notes.append(said)
    if counts[1]:
        shown = ", ".join(map(repr, strange[:3]))
        notes.append(
            f"trades: {counts[1]:,} carry sale conditions that TAQ does not define: {shown}"
        )
    return notes


def _quote_notes(
    counts: list[int], codes: list[str], own: list[Part], lot: float | None
) -> list[str]:
    one, crossed, locked = counts
    notes = [
        "quotes: nothing orders them against trades of their instant: they stand after",
        f"quotes: {one:,} lack a bid or an ask (a price of 0 or none), {crossed:,} are crossed,"
        f" {locked:,} locked",
    ]
    if any(part.in_lots for part in own) and not lot:
        said = "quotes: sizes are as the files give them, by TAQ's documents in round lots (lot=)"
        notes.append(said)
    elif any(part.in_lots for part in own):
        notes.append(f"quotes: sizes are in shares, {lot:g} a lot")
    if len(codes) > 1 and not any(part.national for part in own):
        listed = ", ".join(codes)
        said = f"quotes of {len(codes)} exchanges stand side by side ({listed}); P3 keeps one"
        notes.append(said)
    return notes
