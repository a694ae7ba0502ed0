"""Binance's depth updates: their chain of ids checked, and the book rebuilt where it is whole.

The venue's rules for a local book: an update continues the one before where its `pu` is that one's
`u` (futures), or its `U` the next number (spot). The first after a snapshot is the first that is
not older; it continues the snapshot where nothing lies between: `pu` (futures) or `U` - 1 (spot)
is not above `lastUpdateId`. Nothing bridges a gap but a new snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

BESIDE = -1  # the place of a snapshot that is not in the capture
_SHOWN = 20  # gaps that are named one by one
STALE = "depth update that was there already"
EARLY = "depth update before the snapshot"
AFTER_GAP = "depth update after a gap in the update ids"
NO_SNAPSHOT = "depth update without any snapshot: no book can be known"
UNFIT = "snapshot that the depth updates do not continue"


class Levels(NamedTuple):
    """Increments: n prices and sizes by side (+1 bid, -1 ask)."""

    side: np.ndarray
    price: np.ndarray
    size: np.ndarray


class Snapshot(NamedTuple):
    """A book at update id `last`: in the place `order` of the capture, or given beside it."""

    order: int | None
    last: int
    time: int | None
    other: int | None
    seq: int | None
    levels: Levels


class Updates(NamedTuple):
    """A symbol's updates by arrival: their running number, ids (before: -1 in spot), clocks.

    `start` says where the increments of each begin in `levels`; one entry more than updates.
    """

    order: np.ndarray
    first: np.ndarray
    last: np.ndarray
    before: np.ndarray
    time: np.ndarray
    other: np.ndarray
    seq: np.ndarray
    start: np.ndarray
    levels: Levels


class Segment(NamedTuple):
    """A snapshot and the updates that continue it, from `begin` to `end`.

    `came` updates were there before the snapshot: of those that continue it, the ones up to
    `arrived` show with it.
    """

    snapshot: Snapshot
    came: int
    begin: int
    arrived: int
    end: int


class Rebuilt(NamedTuple):
    """Tables, and what of the updates and snapshots (by `order`) was set aside and why.

    gaps: order of an update that does not continue the one before, and what was expected.
    """

    tables: dict[str, pd.DataFrame]
    aside: dict[int, str]
    gaps: list[tuple[int, str]]
    notes: list[str]


def rebuild_book(
    updates: Updates, snapshots: Sequence[Snapshot], *, symbol: str, levels: int, other: str
) -> Rebuilt:
    """The book of one symbol as far as snapshots and the chain of its updates carry it.

    `other` names the column of the clock that is not the tables' time.
    """
    stale = _stale(updates.last)
    chain = _chosen(updates, ~stale)
    gaps = _gaps(chain)
    segments, unfit = _segments(chain, gaps, snapshots)
    used = np.zeros(len(chain.order), bool)
    for part in segments:
        used[part.begin : max(part.arrived, part.end)] = True
    aside = dict.fromkeys(updates.order[stale].tolist(), STALE)
    aside |= _unused(chain, used, snapshots, segments)
    aside |= {BESIDE if s.order is None else s.order: UNFIT for s in unfit}
    tables, notes = _book(chain, segments, symbol, levels, other)
    told = _told(chain, gaps) + _unbridged(chain, segments)
    return Rebuilt(tables, aside, told, [*_whole(chain, gaps, symbol), *notes])


def _stale(last: np.ndarray) -> np.ndarray:
    """Updates whose last id is not above all before them."""
    top = np.maximum.accumulate(last)
    return np.concatenate([[False], last[1:] <= top[:-1]])[: len(last)]


def _chosen(updates: Updates, keep: np.ndarray) -> Updates:
    if keep.all():
        return updates
    counts = np.diff(updates.start)
    inside = np.repeat(keep, counts)
    start = np.concatenate([[0], np.cumsum(counts[keep])])
    levels = Levels(*(values[inside] for values in updates.levels))
    return Updates(*(values[keep] for values in updates[:-2]), start, levels)


def _gaps(chain: Updates) -> np.ndarray:
    """Which updates do not continue the one before."""
    behind = np.where(chain.before[1:] >= 0, chain.before[1:], chain.first[1:] - 1)
    return np.flatnonzero(behind != chain.last[:-1]) + 1


def _segments(
    chain: Updates, gaps: np.ndarray, snapshots: Sequence[Snapshot]
) -> tuple[list[Segment], list[Snapshot]]:
    """What each snapshot carries, up to a gap or to the next one, and those that carry nothing."""
    found, unfit = [], []
    for snapshot in snapshots:
        part = _segment(chain, gaps, snapshot)
        if part is None:
            unfit.append(snapshot)
        else:
            found.append(part)
    found.sort(key=lambda part: part.snapshot.order)
    cuts = [*(part.came for part in found[1:]), len(chain.order)]
    return [
        part._replace(end=max(part.arrived, min(part.end, cut)))
        for part, cut in zip(found, cuts[: len(found)], strict=True)
    ], unfit


def _segment(chain: Updates, gaps: np.ndarray, snapshot: Snapshot) -> Segment | None:
    count, last = len(chain.order), snapshot.last
    futures = count > 0 and chain.before[0] >= 0
    begin = int(np.searchsorted(chain.last, last if futures else last + 1))
    end = begin
    if begin < count and _behind(chain, begin) <= last:
        later = gaps[gaps > begin]
        end = int(later[0]) if len(later) else count
    if snapshot.order is None:
        return _placed(chain, snapshot, begin, end)
    came = int(np.searchsorted(chain.order, snapshot.order))
    if end < came:
        return None  # newer updates were there already and do not continue it
    return Segment(snapshot, came, begin, max(begin, came), end)


def _behind(chain: Updates, i: int) -> int:
    """The id that update i continues."""
    return int(chain.before[i] if chain.before[i] >= 0 else chain.first[i] - 1)


def _placed(chain: Updates, snapshot: Snapshot, begin: int, end: int) -> Segment | None:
    """A snapshot given beside the capture: it shows with the first update that continues it."""
    if begin == end:
        return None
    values = (chain.order, chain.time, chain.other, chain.seq)
    order, time, other, seq = (int(v[begin]) for v in values)
    placed = snapshot._replace(order=order, time=time, other=other, seq=seq)
    return Segment(placed, begin, begin, begin, end)


def _unused(
    chain: Updates, used: np.ndarray, snapshots: Sequence[Snapshot], segments: list[Segment]
) -> dict[int, str]:
    """Why updates carry no book."""
    if not snapshots:
        return dict.fromkeys(chain.order.tolist(), NO_SNAPSHOT)
    early = chain.last <= min(s.last for s in snapshots)
    for part in segments:
        early[part.came : part.begin] = True
    early &= ~used
    reasons = dict.fromkeys(chain.order[early].tolist(), EARLY)
    return reasons | dict.fromkeys(chain.order[~used & ~early].tolist(), AFTER_GAP)


def _told(chain: Updates, gaps: np.ndarray) -> list[tuple[int, str]]:
    told = []
    for i in gaps[:_SHOWN]:
        if chain.before[i] >= 0:
            said = f"expected pu {chain.last[i - 1]}, found {chain.before[i]}"
        else:
            said = f"expected U {chain.last[i - 1] + 1}, found {chain.first[i]}"
        told.append((int(chain.order[i]), said))
    return told


def _unbridged(chain: Updates, segments: list[Segment]) -> list[tuple[int, str]]:
    """Snapshots that the next update does not continue."""
    return [
        (int(chain.order[part.begin]), f"expected an update that continues {part.snapshot.last}")
        for part in segments
        if part.begin < len(chain.order) and _behind(chain, part.begin) > part.snapshot.last
    ]


def _whole(chain: Updates, gaps: np.ndarray, symbol: str) -> list[str]:
    count = f"the chain of {len(chain.order):,} depth updates of {symbol}"
    if not len(gaps):
        return [f"{count} is whole"]
    times = "1 gap" if len(gaps) == 1 else f"{len(gaps):,} gaps"
    more = f", the first {_SHOWN} are named" if len(gaps) > _SHOWN else ""
    return [f"{count} has {times}{more}: no book behind one until a new snapshot"]


def _book(
    chain: Updates, segments: list[Segment], symbol: str, levels: int, other: str
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    if not segments:
        return {}, []
    from mmresearch.load import rebuild  # compiled: only where it runs

    flat = _increments(chain, segments)
    found = rebuild.books(*flat[:5], levels=levels)
    time, beside, seq = flat[5:]
    made = rebuild.tables(found, time.view("datetime64[ns]"), seq, symbol)
    clock = pd.Series(beside.view("datetime64[ns]")[found.rows], index=seq[found.rows])
    notes = [
        f"book of {symbol}: {len(found.rows):,} changes of {levels} levels, {found.crossed:,}"
        f" locked or crossed, {found.unknown:,} deletes of levels beyond the snapshot",
    ]
    tables = {}
    for name, table in made.items():
        table[other] = pd.DatetimeIndex(clock.loc[table["seq"]]).tz_localize("UTC")
        tables[name] = table[table["time"].notna()]
    lost = len(made["quotes"]) - len(tables["quotes"])
    return tables, notes + [f"{lost} books of {symbol} have no time on this clock"] * bool(lost)


def _increments(chain: Updates, segments: list[Segment]) -> tuple[np.ndarray, ...]:
    """Group, side, price, size, reset, time, the other clock and seq of what is applied in turn."""
    pieces = [_piece(chain, part) for part in segments]
    return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))


def _piece(chain: Updates, part: Segment) -> tuple[np.ndarray, ...]:
    snapshot = part.snapshot
    low, shown, high = (chain.start[i] for i in (part.begin, part.arrived, part.end))
    levels = [
        np.concatenate([own, theirs[low:high]])
        for own, theirs in zip(_not_empty(snapshot.levels), chain.levels, strict=True)
    ]
    count = len(levels[0])
    own = count - (high - shown)  # of the snapshot, with the updates that show with it
    sizes = np.diff(chain.start[part.arrived : part.end + 1])
    reset = np.zeros(count, bool)
    reset[0] = True
    group, time, other, seq = (
        np.concatenate([np.full(own, first), np.repeat(values[part.arrived : part.end], sizes)])
        for first, values in zip(_stamps(chain, part), _clocks(chain), strict=True)
    )
    return group, *levels, reset, time, other, seq


def _clocks(chain: Updates) -> tuple[np.ndarray, ...]:
    return chain.order, chain.time, chain.other, chain.seq


def _stamps(chain: Updates, part: Segment) -> tuple[int, ...]:
    """Place and clocks of the snapshot's book.

    Where the snapshot has no time on a clock it is that of the newest update it shows with.
    """
    snapshot = part.snapshot
    missing = np.iinfo(np.int64).min
    shown = slice(part.begin, part.arrived)
    times = [
        max(values[shown].max(initial=missing), missing if own is None else own)
        for own, values in ((snapshot.time, chain.time), (snapshot.other, chain.other))
    ]
    return snapshot.order, *times, snapshot.seq


def _not_empty(levels: Levels) -> Levels:
    """An empty snapshot still empties the book: as a delete."""
    if len(levels.side):
        return levels
    return Levels(np.array([1], np.int8), np.array([1.0]), np.array([0.0]))
