"""What a reader of TAQ's trades and quotes must know, in words and counts, for the receipt."""

from __future__ import annotations

import polars as pl

from mmresearch.load.taq import times as taq_times
from mmresearch.load.taq.files import Part

_CODES = r"[^A-Z0-9@* ]"  # what no sale condition of TAQ is written with


def _trade_notes(rows: pl.DataFrame, parts: list[Part], lot: float | None) -> list[str]:
    notes = [*_shared_notes(rows, parts, "trades")]
    notes.append("trades: side is missing, as TAQ names no aggressor; mm.sign_trades finds it")
    if "corr" in rows.columns:
        many = (rows["corr"].fill_null(0) != 0).sum()
        notes.append(f"trades: {many:,} carry a correction indicator other than 0 (step T1)")
    if "cond" in rows.columns:
        strange = rows["cond"].filter(rows["cond"].str.contains(_CODES).fill_null(False))
        shown = ", ".join(map(repr, strange.unique().sort()[:3]))
        said = f"trades: {len(strange):,} carry sale conditions that TAQ does not define: {shown}"
        notes += [said] if len(strange) else []
    return notes


def _quote_notes(rows: pl.DataFrame, parts: list[Part], lot: float | None) -> list[str]:
    notes = [*_shared_notes(rows, parts, "quotes")]
    notes.append("quotes: nothing orders them against trades of their instant: they stand after")
    inverted, equal = (pl.col("ask") < pl.col("bid")).sum(), (pl.col("ask") == pl.col("bid")).sum()
    one, crossed, locked = rows.select(
        (pl.col("bid").is_null() | pl.col("ask").is_null()).sum(), crossed=inverted, locked=equal
    ).row(0)
    notes.append(
        f"quotes: {one:,} lack a bid or an ask (a price of 0 or none), {crossed:,} are crossed,"
        f" {locked:,} locked"
    )
    sizes = {c for part in parts if part.table == "quotes" for c in part.in_lots}
    if sizes and not lot:
        said = "quotes: sizes are as the files give them, by TAQ's documents in round lots (lot=)"
        notes.append(said)
    elif sizes:
        notes.append(f"quotes: sizes are in shares, {lot:g} a lot")
    codes = rows["ex"].drop_nulls().unique().sort() if "ex" in rows.columns else []
    if len(codes) > 1 and not any(part.national for part in parts):
        listed = ", ".join(codes)
        said = f"quotes of {len(codes)} exchanges stand side by side ({listed}); P3 keeps one"
        notes.append(said)
    return notes


def _shared_notes(rows: pl.DataFrame, parts: list[Part], table: str) -> list[str]:
    """How times were read, what stood out of order, which columns are left out."""
    own = [part for part in parts if part.table == table]
    notes = [f"{table}: {said}" for said in dict.fromkeys(part.said for part in own)]
    if any("dt" in part.names for part in own):
        utc, local = rows["time"].dt.replace_time_zone(None), taq_times.local(rows["time"])
        here, there = (taq_times.in_session(clock).mean() for clock in (local, utc))
        notes.append(
            f"{table}: {here:.1%} of them lie in 09:30-16:00 New York; on UTC's clock {there:.1%}"
            " do (were that more, epoch='America/New_York' would be meant)"
        )
    same = pl.all_horizontal(pl.col(c) == pl.col(c).shift() for c in ("part", "symbol"))
    back = rows.select((same & (pl.col("time") < pl.col("time").shift())).sum()).item()
    notes += [f"{table}: {back:,} times a symbol's time ran back; put in order"] if back else []
    left = dict.fromkeys(column for part in own for column in part.left)
    notes += [f"{table}: columns left out: {', '.join(left)}"] if left else []
    return notes


NOTES = {"trades": _trade_notes, "quotes": _quote_notes}
