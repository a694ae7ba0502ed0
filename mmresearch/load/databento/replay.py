"""Databento's order by order records (mbo): order events, and the book that the orders make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.load import rebuild
from mmresearch.load.databento import orders as kinds
from mmresearch.load.databento.files import LAST, SNAPSHOT
from mmresearch.load.databento.tables import SIGNS

_EVENTS = pl.Series(["add", "reduce", "delete", "fill"])  # what kinds 0 to 3 are called
_T, _F, _R = (ord(letter) for letter in "TFR")


class _Replay(NamedTuple):
    """One book's events, with the ids of its orders, and what its increments gave.

    places: of the book's records in the file's. levels: the events that changed a level.
    """

    symbol: str
    places: np.ndarray
    ids: np.ndarray
    events: kinds.Events
    levels: np.ndarray
    found: rebuild.Books
    notes: list[str]


def replayed(
    frame: pl.DataFrame, levels: int, other: str
) -> tuple[pl.DataFrame, np.ndarray, dict[str, pd.DataFrame], list[str]]:
    """Orders, the number of every record's first event, quotes and book, and notes.

    An event is numbered by its place among all that the records of the file did, from 1: a modify
    may be two, and a clear many.
    """
    parts = [_replay(frame, places, levels) for places in _books(frame)]
    at = np.concatenate([np.empty(0, np.int64), *(p.places[p.events.row] for p in parts)])
    seq = np.empty(len(at), np.int64)
    seq[np.argsort(at, kind="stable")] = np.arange(1, len(at) + 1)
    ends = np.cumsum([len(p.events.row) for p in parts])
    numbers = np.split(seq, ends[:-1]) if parts else []
    first = np.zeros(frame.height, np.int64)
    first[at[::-1]] = seq[::-1]
    tables: dict[str, list[pd.DataFrame]] = {"quotes": [], "book": []}
    for part, own in zip(parts, numbers, strict=True):
        for name, table in _states(part, own, frame, other).items():
            tables[name].append(table)
    made = {name: pd.concat(some, ignore_index=True) for name, some in tables.items() if some}
    orders = [_orders(p, own, frame, other) for p, own in zip(parts, numbers, strict=True)]
    notes = [note for part in parts for note in part.notes]
    return pl.concat(orders).sort("seq"), first, made, notes


def _books(frame: pl.DataFrame) -> Iterator[np.ndarray]:
    """The places of every book's records, in the file's order."""
    book = frame["book"].to_numpy()
    order = np.argsort(book, kind="stable")
    cuts = np.flatnonzero(np.diff(book[order])) + 1
    yield from np.split(order, cuts)


def _replay(frame: pl.DataFrame, places: np.ndarray, levels: int) -> _Replay:
    rows = frame if len(places) == frame.height else frame[places]
    action, flags = rows["action"].to_numpy(), rows["flags"].to_numpy().astype(np.uint8)
    side = rows.select(SIGNS.fill_null(0.0)).to_series().to_numpy()
    order, ids = pd.factorize(rows["order_id"].to_numpy())  # whole numbers up to 2**64
    price, size = rows["price"].to_numpy(), rows["size"].to_numpy()
    events = kinds.replay(action, side, order, price, size, flags)
    last = flags & LAST > 0
    message = np.cumsum(last) - last if last.any() else np.arange(len(last))
    changes = np.flatnonzero(np.isfinite(events.total) | (events.what == kinds.CLEAR))
    clear = events.what[changes] == kinds.CLEAR
    found = rebuild.books(
        message[events.row[changes]],
        np.where(clear, 1, events.side[changes]),
        np.where(clear, 0.0, events.price[changes]),
        np.where(clear, 0.0, events.total[changes]),
        clear,
        levels=levels,
    )
    notes = _notes(rows, events, found)
    notes += [] if last.any() else ["no record is marked as its event's last: each is taken as one"]
    opposite = _opposite(action, side, message)
    notes += [f"{rows['symbol'][0]}: {opposite}"] if opposite else []
    # the best prices that stand for orders have no id
    ids = np.append(ids, np.zeros(2, np.uint64))
    return _Replay(rows["symbol"][0], places, ids, events, changes, found, notes)


def _orders(part: _Replay, seq: np.ndarray, frame: pl.DataFrame, other: str) -> pl.DataFrame:
    events = part.events
    mine = np.flatnonzero(events.what < len(_EVENTS))
    at = part.places[events.row[mine]]
    side, size = events.side[mine].astype(float), events.size[mine]
    return frame.select("time", other, "symbol")[at].with_columns(
        pl.Series("seq", seq[mine]),
        pl.Series("order_id", part.ids[events.order[mine]]).cast(pl.String),
        _EVENTS.gather(events.what[mine]).alias("event"),
        pl.Series("side", np.where(side == 0, np.nan, side)),
        pl.Series("price", events.price[mine]),
        pl.Series("size", np.where(size > 0, size, np.nan)),
        pl.Series("snapshot", events.replay[mine]),
    )


def _states(
    part: _Replay, seq: np.ndarray, frame: pl.DataFrame, other: str
) -> dict[str, pd.DataFrame]:
    rows = frame.select("time", other)[part.places[part.events.row[part.levels]]]
    numbers = seq[part.levels]
    tables = rebuild.tables(part.found, rows["time"].to_numpy(), numbers, part.symbol)
    clock = rows[other].to_pandas().iloc[part.found.rows]
    clock.index = numbers[part.found.rows]
    return {k: t.assign(**{other: clock.loc[t["seq"]].array}) for k, t in tables.items()}


def _notes(rows: pl.DataFrame, events: kinds.Events, found: rebuild.Books) -> list[str]:
    symbol = rows["symbol"][0]
    replay = int((events.replay & (events.what < len(_EVENTS))).sum())
    crossed = f"{found.crossed:,} of {len(found.rows):,} states of its book locked or crossed"
    notes = [f"{symbol}: {crossed}, looked at after whole events"]
    notes += [
        f"{symbol}: {count:,} {words}"
        for count, words in zip(events.doubts.tolist(), kinds.DOUBTS, strict=True)
        if count
    ]
    if replay:
        notes.append(f"{symbol}: {replay:,} order events of snapshots and clears (`snapshot`)")
    if rows["action"][0] != _R and not rows["flags"][0] & SNAPSHOT:
        notes.append(f"{symbol} begins without a clear or snapshot: its book lacks older orders")
    return notes


def _opposite(action: np.ndarray, side: np.ndarray, message: np.ndarray) -> str:
    """How many fills rest on the side opposite to the aggressor of the trade ahead of them."""
    traded = np.where(action == _T, np.arange(len(action)), -1)
    ahead = np.maximum.accumulate(traded)
    fills = np.flatnonzero((action == _F) & (ahead >= 0) & (side != 0))
    fills = fills[(message[fills] == message[ahead[fills]]) & (side[ahead[fills]] != 0)]
    if not len(fills):
        return ""
    against = int((side[fills] == -side[ahead[fills]]).sum())
    return f"{against:,} of {len(fills):,} fills rest on the side opposite to their trade's"
