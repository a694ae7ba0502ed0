"""What the receipt says of a published file: counted text by text, said of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load.binance.layouts import TRADES
from mmresearch.load.binance.parts import NO_TRADE
from mmresearch.load.binance.tables import File

_IDS, _SINGLE = "ids", "ids of single trades"


class Ends(NamedTuple):
    """The last id, and the last id of a single trade in an aggregate, of the rows above."""

    id: int | None = None
    single: int | None = None


class Tally(NamedTuple):
    """What there is of each thing to note, and the number ahead of the first jump of ids."""

    counts: Counter
    jumps: dict[str, int]


def tally_of(
    file: File, rows: pl.DataFrame, kept: pl.DataFrame, late: int, above: Ends | None
) -> tuple[Tally, Ends]:
    """The tally of one text's rows, and the ids to go on from; `late` rows were put in order."""
    tally, ends = Tally(Counter(rows=rows.height, late=late), {}), above or Ends()
    tally.counts["outside"] = _outside(file, rows)
    if file.kind in TRADES:
        ids = rows.filter(pl.col("reason").is_null() | (pl.col("reason") == NO_TRADE))["id"]
        ends = ends._replace(id=_count_jumps(tally, _IDS, ids, ids, ends.id))
    if file.kind == "aggTrades":
        first, last = kept["first_trade_id"], kept["last_trade_id"]
        tally.counts["kept"], tally.counts["fills"] = kept.height, int((last - first + 1).sum())
        ends = ends._replace(single=_count_jumps(tally, _SINGLE, first, last, ends.single))
    if file.kind == "bookTicker":
        crossed = (pl.col("bid") >= pl.col("ask")) & (pl.col("ask") > 0)
        tally.counts["crossed"] = int(kept.select(crossed.sum()).item())
    return tally, ends


def notes(file: File, tallies: Sequence[Tally]) -> list[str]:
    """What was understood and assumed."""
    counts, jumps = Counter(), {}
    for tally in tallies:
        counts += tally.counts
        jumps = tally.jumps | jumps
    market = f" ({file.market})" if file.market else ""
    clock = f"times in {file.unit}" if file.unit else "times written in UTC"
    said = [f"{counts['rows']:,} rows, {file.kind} of {file.own}{market}, {clock}"]
    if counts["late"]:
        said.append(f"{counts['late']:,} rows stood behind a later time or id: put in order")
    if counts["outside"]:
        period = file.name.period
        said.append(f"{counts['outside']:,} rows lie outside {period}, which its name says")
    said += _missing(_IDS, counts, jumps)
    if file.kind == "aggTrades":
        said.append(f"{counts['kept']:,} aggregates of {counts['fills']:,} trades")
        said += _missing(_SINGLE, counts, jumps)
    if file.kind == "bookTicker":
        said.append(f"{counts['crossed']:,} quotes are locked or crossed")
        said.append("the order with trades of the same instant is not known: quotes come last")
    if file.coin_margined:
        said.append("sizes are contracts of 100 USD (BTC) or 10 USD, settled in the asset")
    return said


def _outside(file: File, rows: pl.DataFrame) -> int:
    """Rows outside the day or month that the file's name says."""
    if file.name is None:
        return 0
    start = pd.Timestamp(file.name.period, tz="UTC")
    day = len(file.name.period) > len("2024-08")
    end = start + (pd.Timedelta(days=1) if day else pd.DateOffset(months=1))
    if rows.height and start <= rows["when"].min() and rows["when"].max() < end:
        return 0
    return rows.select(((pl.col("when") < start) | (pl.col("when") >= end)).sum()).item()


def _count_jumps(
    tally: Tally, what: str, first: pl.Series, last: pl.Series, above: int | None
) -> int | None:
    """Count where a row's first number is not the one behind the last of the row before.

    `above` is the last number of the rows above; returns that of these.
    """
    if first.is_empty():
        return above
    before = last.shift(fill_value=above)
    step = first - before - 1
    jumps = step > 0
    if jumps.any():
        tally.jumps[what] = before[jumps.arg_max()]
        tally.counts[what] = int(jumps.sum())
        tally.counts[f"missing {what}"] = int(step.filter(jumps).sum())
    return last[-1]


def _missing(what: str, counts: Counter, jumps: dict[str, int]) -> list[str]:
    if what not in jumps:
        return []
    count, gone = counts[what], counts[f"missing {what}"]
    times = "once" if count == 1 else f"{count:,} times"
    return [f"{what} jump {times}, {gone:,} are missing, first after {jumps[what]}"]
