"""From a simulated stream of orders to its tables: events, quotes after each, prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.simulate.days import Days

_SPREAD = 2  # ticks
_NS = 1_000_000_000
_NEXT = 5e-8  # seconds: orders of the opening come after it


class Stream(NamedTuple):
    """A day's orders (seconds from the opening, a value an order) and its independent aggressors.

    ended: infinite where it never does. filled: else cancelled. level: ticks behind the best.
    reduced: when a lot was taken out, missing: never. hits: side of the orders an aggressor hits.
    lot, lots: units that an aggressor takes, of how many the maker's order is.
    """

    added: np.ndarray
    ended: np.ndarray
    filled: np.ndarray
    side: np.ndarray
    level: np.ndarray
    size: np.ndarray
    reduced: np.ndarray
    arrivals: np.ndarray
    hits: np.ndarray
    seconds: float
    lot: float
    lots: int

    def touch(self, sign: float) -> tuple[np.ndarray, np.ndarray]:
        """When the units at the best price of a side change, without the maker's, and to what."""
        own = (self.side == sign) & (self.level == 0)
        less = own & (self.reduced < self.ended)
        left = np.where(less, self.size - self.lot, self.size)
        times = np.concatenate([self.added[own], self.reduced[less], self.ended[own]])
        moves = np.concatenate([self.size[own], np.full(less.sum(), -self.lot), -left[own]])
        order = np.argsort(times, kind="stable")
        return times[order], np.cumsum(moves[order])


def tables_of(
    streams: Sequence[Stream], sessions: Days, bids: np.ndarray, tick: float, symbol: str
) -> dict[str, pd.DataFrame]:
    """The tables orders, quotes and trades; `bids` is each day's best bid in ticks."""
    events = []
    for day, stream in enumerate(streams):
        rows = pd.concat([_flow(stream), _maker(stream)], ignore_index=True)
        rows = rows[rows["at"] < stream.seconds]
        rows = rows.assign(ns=np.round(rows["at"] * _NS).astype("int64"))
        rows = rows.sort_values(["ns", "rank"], kind="stable", ignore_index=True)
        rows["order_id"] = rows["kind"] + (f"{day + 1}-" + rows["number"].astype("str"))
        best = np.where(rows["side"] > 0, bids[day], bids[day] + _SPREAD)
        rows["ticks"] = best - rows["side"] * rows["level"]
        events.append(rows.assign(day=day, bid=bids[day]))
    table = pd.concat(events, ignore_index=True)
    table["time"] = sessions.instant(table["day"].to_numpy(), table["ns"].to_numpy())
    table["seq"], table["symbol"] = np.arange(1, len(table) + 1), symbol
    table["price"] = np.round(table["ticks"] * tick, 10)
    named = ["time", "seq", "symbol", "order_id", "event", "side", "price", "size"]
    prints = table[table["event"] == "fill"]
    prints = prints.assign(side=-prints["side"])[["time", "seq", "symbol", "price", "size", "side"]]
    return {
        "orders": table[named],
        "quotes": _quotes(table, tick),
        "trades": prints.reset_index(drop=True),
    }


def _flow(stream: Stream) -> pd.DataFrame:
    """Adds, reductions, deletions and fills, those of several lots in two prints."""
    number, n = np.arange(len(stream.added)), len(stream.added)
    less = stream.reduced < stream.ended
    left = np.where(less, stream.size - stream.lot, stream.size)
    first = np.where(left > stream.lot, stream.lot, 0.0) * stream.filled

    def part(which: np.ndarray, at: np.ndarray, event: str, size: np.ndarray, rank: int) -> dict:
        own = {"side": stream.side[which], "level": stream.level[which], "size": size[which]}
        return own | {"at": at[which], "event": event, "rank": rank, "number": number[which]}

    pieces = [
        part(np.ones(n, bool), stream.added, "add", stream.size, 0),
        part(less, stream.reduced, "reduce", np.full(n, stream.lot), 1),
        part(stream.filled & (first > 0), stream.ended, "fill", first, 2),
        part(stream.filled, stream.ended, "fill", left - first, 3),
        part(~stream.filled & np.isfinite(stream.ended), stream.ended, "delete", left, 3),
    ]
    table = pd.concat([pd.DataFrame(piece) for piece in pieces], ignore_index=True)
    return table.assign(at=table["at"] + _NEXT, kind="")


def _maker(stream: Stream) -> pd.DataFrame:
    """The maker's order at each side, renewed just after an aggressor used it up."""
    pieces = []
    for sign in (-1.0, 1.0):
        at = stream.arrivals[stream.hits == sign] + _NEXT
        order = np.arange(len(at)) // stream.lots
        renews = np.arange(len(at)) % stream.lots == stream.lots - 1
        about = {"side": sign, "level": 0}
        adds = {"at": np.append(0.0, at[renews]), "event": "add", "rank": 5}
        adds |= {"number": 2 * np.arange(renews.sum() + 1) + (sign > 0)}
        fills = {"at": at, "event": "fill", "rank": 4, "number": 2 * order + (sign > 0)}
        pieces.append(pd.DataFrame(about | adds | {"size": stream.lot * stream.lots}))
        pieces.append(pd.DataFrame(about | fills | {"size": stream.lot}, index=range(len(at))))
    return pd.concat([p for p in pieces if len(p)], ignore_index=True).assign(kind="M")


def _quotes(table: pd.DataFrame, tick: float) -> pd.DataFrame:
    """A row after each event at a best price, with its seq."""
    sign = np.where(table["event"] == "add", 1.0, -1.0) * table["size"] * (table["level"] == 0)
    for name, which in (("bid_size", table["side"] > 0), ("ask_size", table["side"] < 0)):
        table[name] = (sign * which).groupby(table["day"]).cumsum()
    table["ask"] = np.round((table["bid"] + _SPREAD) * tick, 10)
    table["bid"] = np.round(table["bid"] * tick, 10)
    rows = table[table["level"] == 0]
    # the two makers' orders of the opening are one instant: from the second on both sides stand
    both = (rows["bid_size"] > 0) & (rows["ask_size"] > 0)
    columns = ["time", "seq", "symbol", "bid", "ask", "bid_size", "ask_size"]
    return rows.loc[both, columns].reset_index(drop=True)
