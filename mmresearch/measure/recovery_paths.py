"""What one side of a book, or the spread, does after an instant: the paths that events follow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.blocks import constant
from mmresearch.measure.book_states import SAME, shown_blocks
from mmresearch.sessions import session_of

KINDS = ("depth", "touch", "spread")
_NEVER = np.iinfo(np.int64).max


class Path(NamedTuple):
    """From which row, the last trade's time (ns), side, session, when the next event begins."""

    place: int
    last: int
    side: float
    session: int
    until: int


class Followed(NamedTuple):
    """What stood before, after and at each horizon; the whole path, and why it was left.

    clock: nanoseconds since the last trade at which `values` begin to stand. until: how long it was
    followed (ns), and why no longer.
    """

    before: float
    after: float
    later: np.ndarray
    clock: np.ndarray
    values: np.ndarray
    until: int
    why: str

    def recovery(self, share: float, sign: float) -> tuple[float, str]:
        """Seconds until so much of what is missing is back, or followed in vain; how it ended."""
        target = self.after + share * (self.before - self.after)
        with np.errstate(invalid="ignore"):
            back = sign * (self.values - target) >= -SAME * max(abs(target), 1.0)
        if back.any():
            return float(self.clock[back.argmax()] / 1e9), "recovered"
        return float(self.until / 1e9), self.why


class Paths:
    """All states of a symbol, to be asked for what stood when.

    price, size [side, n, levels]; state and session of each row, -1 outside sessions.
    """

    def __init__(self, market: Market, symbol: str, source: tuple[str, int]) -> None:
        some = list(shown_blocks(market, symbol, *source))
        self.time = np.concatenate([b.time for b in some])
        self.seq = np.concatenate([b.seq for b in some])
        self.price = np.concatenate([b.price for b in some], axis=1)
        self.size = np.concatenate([b.size for b in some], axis=1)
        self.code = np.concatenate([b.state for b in some])
        sessions = market.sessions(symbol)
        self.opens, self.closes = (nanoseconds(sessions[c]) for c in ("open", "close"))
        self.days = sessions["day"].to_numpy("datetime64[ns]")
        self.sessions = sessions
        self.session = self.session_at(self.time)
        self.ends = self.closes
        if market.calendar(symbol) == "24/7":  # which ends with what was observed, not at a close
            last = market.span(symbol)[1].as_unit("ns").value
            self.ends = np.minimum(self.closes, last)

    def session_at(self, at: np.ndarray) -> np.ndarray:
        """The session of each instant (ns), -1 outside."""
        return session_of(pd.Series(pd.to_datetime(at, utc=True)), self.sessions)

    def before(self, at: np.ndarray | pd.Series, seq: np.ndarray | pd.Series) -> np.ndarray:
        """The row of the last state of the session strictly before each (time, seq), else -1."""
        from mmresearch.measure.kernels import last_before  # numba: loaded only here

        at, seq = np.asarray(at, "int64"), np.asarray(seq, "int64")
        order = np.lexsort((seq, at))
        row = np.empty(len(at), "int64")
        row[order] = last_before(*map(constant, (at[order], seq[order], self.time, self.seq)))
        same = self.session[np.maximum(row, 0)] == self.session_at(at)
        return np.where((row >= 0) & same, row, -1)

    def ordinary(self, place: np.ndarray | pd.Series) -> np.ndarray:
        """Whether the rows are states with both sides, the bid below the ask; -1 is none."""
        place = np.asarray(place)
        return (place >= 0) & (self.code[np.maximum(place, 0)] == 0)

    def best_size(self, place: np.ndarray, side: np.ndarray) -> np.ndarray:
        """Size at the best price that an aggressor of each side met; missing without one."""
        own = self.size[(side > 0).astype(int), np.maximum(place, 0), 0]
        return np.where(place >= 0, own, np.nan)

    def state(self, place: np.ndarray, side: float, of: str) -> np.ndarray:
        """What is followed, in each of these rows, before anything is taken."""
        rows = np.maximum(place, 0)
        if of == "spread":
            return self._spread(rows)
        return self.size[1 if side > 0 else 0, rows, 0]

    def values(
        self, rows: slice | np.ndarray, side: float, of: str, price: float | np.ndarray
    ) -> np.ndarray:
        """What is followed in these rows; of "depth" at this price (or one a row) and better."""
        if of == "spread":
            return self._spread(rows)
        which, code = (1 if side > 0 else 0), self.code[rows]
        size = self.size[which, rows]
        if of == "depth":
            limit = np.atleast_1d(price)[:, None]
            good = side * (self.price[which, rows] - limit) <= SAME * limit
            value = np.where(good, size, 0.0).sum(axis=1)
        else:
            value = np.where(np.isnan(self.price[which, rows, 0]), 0.0, size[:, 0])
        return np.where((code == 1) | (code == 2), np.nan, value)  # locked or crossed

    def instants(self, rng: np.random.Generator, many: int) -> np.ndarray:
        """Instants at random, in order, while the symbol was quoted in its sessions."""
        first = np.array(
            [self.time[self.session == s].min(initial=_NEVER) for s in range(len(self.opens))]
        )
        length = np.maximum(self.ends - first, 0) * (first < _NEVER)
        edges = np.cumsum(length.astype("float64"))
        drawn = np.sort(rng.uniform(0, edges[-1], many))
        row = np.minimum(np.searchsorted(edges, drawn, side="right"), len(edges) - 1)
        return first[row] + (drawn - (edges[row] - length[row])).astype("int64")

    def _spread(self, rows: slice | np.ndarray) -> np.ndarray:
        bid, ask = self.price[0, rows, 0], self.price[1, rows, 0]
        wide = 2e4 * (ask - bid) / (ask + bid)
        return np.where(self.code[rows] == 0, wide, np.nan)


def followed(
    paths: Paths,
    path: Path,
    of: str,
    horizons: np.ndarray,
    settle: int,
    halts: tuple[np.ndarray, np.ndarray],
) -> Followed:
    """One event or instant, from the state before it to the longest horizon or what ends it."""
    side = path.side
    before = float(paths.state(np.array([path.place]), side, of)[0])
    price = paths.price[1 if side > 0 else 0, path.place, 0]
    limits = {"horizon": path.last + int(horizons[-1]), "next event": path.until}
    limits["close"] = int(paths.ends[path.session])
    later = halts[0][halts[0] > path.last]
    limits["halt"] = int(later[0]) if len(later) else _NEVER
    why = min(limits, key=lambda name: limits[name])
    stop = limits[why]
    begin = path.last + settle
    first = max(int(np.searchsorted(paths.time, begin, side="right")) - 1, path.place)
    end = int(np.searchsorted(paths.time, stop, side="right" if why in _CLOSED else "left"))
    rows = slice(first, max(end, first + 1))
    clock = np.maximum(paths.time[rows] - path.last, settle)
    values = paths.values(rows, side, of, price)
    if stop <= begin:
        values = np.full(len(values), np.nan)
    at = np.searchsorted(clock, horizons, side="right") - 1
    seen = path.last + horizons <= stop if why in _CLOSED else path.last + horizons < stop
    found = np.where(seen, values[at], np.nan)
    return Followed(before, float(values[0]), found, clock, values, max(stop - path.last, 0), why)


_CLOSED = ("horizon", "close")  # what is of that instant still belongs
