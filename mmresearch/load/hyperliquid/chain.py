"""The order of fills of one instant, and what the account held: each fill says what was before.

`startPosition` is the position before the fill, of a pair the token's balance. A fee that is paid
in the token is off the balance before the next fill.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import polars as pl

_SERIES = ["account", "coin"]
_EXACT = 1e-9  # of the position, or of one unit: decimals are read as floats


def in_order(fills: pl.DataFrame) -> pl.DataFrame:
    """The fills by time, those of one instant so that each begins where the one before ended.

    `place` is the order of the files; where nothing links it stays. New columns: `end`, the
    position after the fill, `linked`, whether it begins where the account's last fill of the coin
    ended (missing for the first), and `seq`, from 1.
    """
    own = (pl.col("fee_asset") == pl.col("asset")) & pl.col("spot")
    fee = pl.when(own).then(pl.col("fee_amount")).otherwise(0.0).fill_null(0.0)
    end = pl.col("start") + pl.col("side") * pl.col("size") - fee
    rows = fills.with_columns(end=end).sort(*_SERIES, "time", "place", nulls_last=True)
    rows = _rearranged(rows).with_columns(linked=_linked())
    rows = rows.sort("time", "place", maintain_order=True)
    return rows.with_columns(seq=pl.int_range(1, rows.height + 1, dtype=pl.Int64))


def _linked() -> pl.Expr:
    before = pl.col("end").shift().over(_SERIES)
    return (pl.col("start") - before).abs() <= _EXACT * pl.max_horizontal(pl.lit(1.0), before.abs())


def _rearranged(rows: pl.DataFrame) -> pl.DataFrame:
    """Instants whose fills do not link in the files' order, in one in which they do."""
    marks = _marks(rows)
    if not marks["torn"].any():
        return rows
    starts, ends = rows["start"].to_numpy(), rows["end"].to_numpy()
    series, order = marks["series"].to_numpy(), np.arange(rows.height)
    lows = np.append(np.flatnonzero(np.diff(marks["instant"], prepend=-1)), rows.height)
    for number in marks.filter("torn")["instant"].unique().sort():
        low, high = lows[number], lows[number + 1]
        first = low == 0 or series[low - 1] != series[low]
        before = np.nan if first else ends[order[low - 1]]
        last = np.searchsorted(lows, np.searchsorted(series, series[low], side="right"))
        ahead = _next_start(starts, ends, lows[number + 1 : last + 1])
        order[low:high] = low + _chain(starts[low:high], ends[low:high], before, ahead)
    # each takes the place of the one it changes with
    return rows[order].with_columns(rows["place"])


def _marks(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each fill: `torn`, whether its instant's are to be put in order; `instant`, `series`.

    Round trips before any other fill are told by the first other one. Step by step, as a window
    inside a window would see its rows alone.
    """
    instant = [*_SERIES, "time"]
    moved = (pl.col("end") - pl.col("start")).sum().over(instant)
    marks = rows.with_columns(
        broken=~_linked(),
        many=pl.len().over(instant) > 1,
        whole=pl.col("end").is_not_null().all().over(instant),
        round_trip=moved.abs() <= _EXACT * pl.max_horizontal(pl.lit(1.0), pl.col("start").abs()),
    )
    marks = marks.with_columns(
        opening=pl.col("round_trip").cast(pl.Int8).cum_min().over(_SERIES) == 1
    )
    torn = pl.col("broken").any().over(instant)
    torn |= pl.col("opening") & pl.col("broken").any().over(_SERIES)
    return marks.select(
        torn=(torn & pl.col("many") & pl.col("whole")).fill_null(False),
        instant=pl.struct(instant).rle_id(),
        series=pl.struct(_SERIES).rle_id(),
    )


def _next_start(starts: np.ndarray, ends: np.ndarray, lows: np.ndarray) -> float:
    """Where the next instant begins that does not come back to where it began; NaN: not known."""
    for low, high in itertools.pairwise(lows):
        nodes = _same(np.concatenate([starts[low:high], ends[low:high]]))
        heads = _heads(*np.split(nodes, 2))
        if heads:
            return starts[low + int(np.argmax(nodes[: high - low] == heads[0]))]
    return np.nan


def _heads(begin: np.ndarray, stop: np.ndarray) -> list[int]:
    """Positions that more fills begin at than end at: where a way through all of them begins."""
    more = Counter(begin.tolist())
    more.subtract(stop.tolist())
    return [node for node, count in more.items() if count > 0]


def _chain(starts: np.ndarray, ends: np.ndarray, before: float, ahead: float) -> np.ndarray:
    """An order in which each begins where the one before ended, as far as there is one.

    Positions are nodes and fills the ways between them: the order sought walks every way once. A
    round trip may begin anywhere: at what was held `before`, else at what is held `ahead`.
    """
    known = np.nan_to_num([before, ahead], nan=np.inf)
    nodes = _same(np.concatenate([known, starts, ends]))
    begin, stop = np.split(nodes[2:], 2)
    ways: dict[int, list[int]] = defaultdict(list)
    for row in reversed(range(len(begin))):
        ways[begin[row]].append(row)
    heads = _heads(begin, stop)
    heads = [node for node in nodes[:1] if node in heads] + heads if heads else list(nodes[:2])
    walked: list[int] = []
    for head in (*heads, *begin):
        walked += _walk(head, ways, stop)
    return np.array(walked)


def _walk(head: int, ways: dict[int, list[int]], stop: Sequence[int]) -> list[int]:
    """Every way that can be walked from a node, each once (Hierholzer)."""
    path, ahead = [], [(head, -1)]
    while ahead:
        node, way = ahead[-1]
        if ways[node]:
            row = ways[node].pop()
            ahead.append((stop[row], row))
        else:
            path.append(way)
            ahead.pop()
    return [way for way in reversed(path) if way >= 0]


def _same(values: np.ndarray) -> np.ndarray:
    """A number for each value, the same for those that are equal but for rounding."""
    order = np.argsort(values)
    finite = values[order][np.isfinite(values[order])]  # what is not known comes last, as one
    near = _EXACT * max(1.0, np.abs(finite).max())
    ids = np.full(len(values), len(values))
    ids[: len(finite)] = np.cumsum(np.diff(finite, prepend=finite[0]) > near)
    numbers = np.empty(len(values), dtype=int)
    numbers[order] = ids
    return numbers


def positions(fills: pl.DataFrame) -> pl.DataFrame:
    """What the account held before the fills of every instant, and after its last fill.

    A fill's `startPosition` held until a nanosecond before its instant. What the last fill left
    is reported a nanosecond after it, as the ledger takes a report at a first instant as one of
    before. Coins whose token others hold too are left out: its balance is not of one pair alone.
    """
    held = fills.filter(pl.col("end").is_not_null() & ~_shared())
    instants = held.group_by(*_SERIES, "time", maintain_order=True)
    before = instants.agg(pl.col("symbol", "start").first())
    after = held.group_by(*_SERIES, maintain_order=True).agg(pl.col("symbol", "time", "end").last())
    return pl.concat(
        [
            before.select("account", "symbol", pl.col("time") - 1, position="start"),
            after.select("account", "symbol", pl.col("time") + 1, position="end"),
        ]
    ).sort("time", maintain_order=True)


def _shared() -> pl.Expr:
    return pl.col("spot") & (pl.col("symbol").n_unique().over("asset") > 1)


def openings(fills: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    """What was held of a token before the first move of it, where that came before the fills.

    The first fill says what was held by then; what came in and went out before is taken off.
    """
    first = fills.filter(pl.col("spot") & pl.col("end").is_not_null() & ~_shared())
    first = first.group_by("account", "asset", maintain_order=True).first()
    first = first.select("account", "asset", "symbol", "start", until="time")
    early = moves.join(first, on=["account", "asset"]).filter(pl.col("time") < pl.col("until"))
    series = early.group_by("account", "symbol", maintain_order=True)
    held = pl.col("start").first() - pl.col("amount").sum()
    return series.agg(pl.col("time").min() - 1, position=held)
