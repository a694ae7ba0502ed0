"""Compiled loops that add ordered events to the bars that hold them; imported only where they run.

The bars are those of `Bars`, of each its start, its end, the largest `seq` with which an event at
its end belongs to it, and whether it opens a session. An event past all bars ends them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

Edges = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@njit(cache=True, nogil=True)
def trade_bars(
    time: np.ndarray,
    seq: np.ndarray,
    print_: tuple[np.ndarray, np.ndarray, np.ndarray],
    bars: Edges,
    place: tuple[int, int, int],
    last: float,
    table: np.ndarray,
) -> tuple[tuple[int, int, int], float]:
    """Add a block of ordered prints to the bars that hold them.

    Parameters
    ----------
    time, seq, print_
        Of each print; price, size, side (missing if unknown).
    bars
        As above.
    place, last
        Carried from block to block; returned. place: the bar, whether it has begun, how many
        prints no bar holds. last: the session's last price.
    table
        A row a bar: volume, prints, the price before it (of a session's first print its own), the
        last price, signed volume, volume of unknown side.
    """
    prices, sizes, sides = print_
    start, end, until, opens = bars
    bar, begun, outside = place
    for i in range(len(time)):
        while bar < len(start):
            row = table[bar]
            if not begun:
                last = np.nan if opens[bar] else last
                row[:] = 0.0
                row[2], row[3], begun = last, last, 1
            if time[i] < end[bar] or (time[i] == end[bar] and seq[i] <= until[bar]):
                break
            bar, begun = bar + 1, 0
        if bar == len(start) or time[i] < start[bar]:
            outside += 1
            continue
        row = table[bar]
        row[0] += sizes[i]
        row[1] += 1
        if np.isnan(last):
            row[2] = prices[i]
        last = prices[i]
        row[3] = last
        if np.isnan(sides[i]):
            row[5] += sizes[i]
        else:
            row[4] += sides[i] * sizes[i]
    return (bar, begun, outside), last


@njit(cache=True, nogil=True)
def flow_bars(
    time: np.ndarray,
    seq: np.ndarray,
    account: np.ndarray,
    moves: tuple[np.ndarray, np.ndarray, np.ndarray],
    bars: Edges,
    table: np.ndarray,
    late: np.ndarray,
) -> int:
    """Add flows to the bars of their accounts; how many came after the last bar.

    Parameters
    ----------
    time, seq, account, moves
        Of each flow, in one run by (time, seq) or in several; number of the account; units bought,
        sold, and moved into the account.
    bars
        As above.
    table
        By account and bar: bought, sold, moved, and what came in between the last session's end and
        the bar, of which some is 0 in all but a session's first.
    late
        By account: what came in after the last bar.
    """
    bought, sold, moved = moves
    start, end, until, _ = bars
    bar, count = 0, 0
    for i in range(len(time)):
        if i and (time[i] < time[i - 1] or (time[i] == time[i - 1] and seq[i] < seq[i - 1])):
            bar = 0
        while bar < len(start) and (
            time[i] > end[bar] or (time[i] == end[bar] and seq[i] > until[bar])
        ):
            bar += 1
        own, net = account[i], bought[i] - sold[i] + moved[i]
        if bar == len(start):
            late[own] += net
            count += 1
        elif time[i] < start[bar]:
            table[own, bar, 3] += net
        else:
            table[own, bar, 0] += bought[i]
            table[own, bar, 1] += sold[i]
            table[own, bar, 2] += moved[i]
    return count


@njit(cache=True, nogil=True)
def quote_bars(
    time: np.ndarray,
    seq: np.ndarray,
    quotes: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    bars: Edges,
    place: tuple[int, int, int, int],
    standing: tuple[float, ...],
    table: np.ndarray,
) -> tuple[tuple[int, int, int, int], tuple[float, ...]]:
    """Add a block of ordered quotes to the bars that hold them.

    Parameters
    ----------
    time, seq, quotes
        Of each quote; bid, ask, bid_size, ask_size.
    bars
        As above.
    place, standing
        Carried from block to block; returned. place: the bar, whether it has begun, since when the
        quote stands, how many quotes no bar holds. standing: bid, ask, their sizes (of a missing
        side the worst price, and 0), mid, the last known mid, spread_bps, depth; while there is no
        quote all of them are missing.
    table
        A row a bar: mid_start, mid, microprice, the sum over time and the time of spread_bps and of
        depth, order flow imbalance, realized variance.
    """
    bids, asks, bid_sizes, ask_sizes = quotes
    start, end, until, opens = bars
    bar, begun, since, outside = place
    bid, ask, bid_size, ask_size, mid, known, spread, depth = standing
    none = np.nan
    for i in range(len(time)):
        while bar < len(start):
            row = table[bar]
            if not begun:
                if opens[bar]:
                    bid, ask, bid_size, ask_size = none, none, none, none
                    mid, known, spread, depth = none, none, none, none
                row[0], row[3:7] = mid, 0.0
                row[7] = none if np.isnan(bid) else 0.0
                row[8] = none if np.isnan(known) else 0.0
                begun, since = 1, start[bar]
            if time[i] < end[bar] or (time[i] == end[bar] and seq[i] <= until[bar]):
                break
            _stood(row, end[bar] - since, spread, depth)
            row[1], row[2] = mid, _fair(bid, ask, bid_size, ask_size, mid)
            bar, begun = bar + 1, 0
        if bar == len(start) or time[i] < start[bar]:
            outside += 1
            continue
        row = table[bar]
        _stood(row, time[i] - since, spread, depth)
        since, before = time[i], (bid, ask, bid_size, ask_size)
        bid, bid_size = _side(bids[i], bid_sizes[i], -np.inf)
        ask, ask_size = _side(asks[i], ask_sizes[i], np.inf)
        if np.isnan(before[0]):
            row[7] = 0.0
        else:
            row[7] += _pressure((bid, ask, bid_size, ask_size), before)
        mid, spread, depth = (bids[i] + asks[i]) / 2, none, none
        if not np.isnan(mid):
            spread, depth = 1e4 * (ask - bid) / mid, (bid_size + ask_size) / 2
            if np.isnan(known):
                row[0], row[8] = mid, 0.0
            elif mid != known:
                row[8] += (1e4 * np.log(mid / known)) ** 2
            known = mid
    place = bar, begun, since, outside
    return place, (bid, ask, bid_size, ask_size, mid, known, spread, depth)


@njit(cache=True, nogil=True)
def own_bars(
    time: np.ndarray,
    seq: np.ndarray,
    account: np.ndarray,
    quotes: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    bars: Edges,
    place: tuple[int, int],
    standing: np.ndarray,
    table: np.ndarray,
) -> tuple[int, int]:
    """Carry accounts' ordered quotes to the ends of the bars.

    Parameters
    ----------
    time, seq, account, quotes
        Of each quote; number of the account (below 0: not asked for); bid, ask and their sizes.
    bars
        As above.
    place, standing
        Carried from block to block. place: the bar, whether it has begun; returned. standing: by
        side and account what was quoted last in the session.
    table
        By side, account and bar what stands at its end.
    """
    start, end, until, opens = bars
    bar, begun = place
    for i in range(len(time)):
        while bar < len(start):
            if not begun:
                if opens[bar]:
                    standing[:] = np.nan
                begun = 1
            if time[i] < end[bar] or (time[i] == end[bar] and seq[i] <= until[bar]):
                break
            table[:, :, bar] = standing
            bar, begun = bar + 1, 0
        if bar < len(start) and time[i] >= start[bar] and account[i] >= 0:
            for side in range(4):
                standing[side, account[i]] = quotes[side][i]
    return bar, begun


@njit(cache=True)
def _stood(row: np.ndarray, length: int, spread: float, depth: float) -> None:
    """Add what stood for so many nanoseconds to the sums over time."""
    if not np.isnan(spread):
        row[3] += spread * length
        row[4] += length
    if not np.isnan(depth):
        row[5] += depth * length
        row[6] += length


@njit(cache=True)
def _fair(bid: float, ask: float, bid_size: float, ask_size: float, mid: float) -> float:
    """The weighted mid of the best quotes; missing where the mid or both sizes are."""
    both = bid_size + ask_size
    if np.isnan(mid) or not both > 0:
        return np.nan
    return (ask * bid_size + bid * ask_size) / both


@njit(cache=True)
def _side(price: float, size: float, absent: float) -> tuple[float, float]:
    return (absent, 0.0) if np.isnan(price) else (price, size)


@njit(cache=True)
def _pressure(now: tuple[float, ...], then: tuple[float, ...]) -> float:
    """The term e_n of `order_flow_imbalance`, of bid, ask, bid_size, ask_size."""
    total = now[2] if now[0] >= then[0] else 0.0
    total -= then[2] if now[0] <= then[0] else 0.0
    total -= now[3] if now[1] <= then[1] else 0.0
    return total + (then[3] if now[1] >= then[1] else 0.0)
