"""Compiled loops over ordered events; imported only where they run."""

from __future__ import annotations

import numpy as np
from numba import njit

from mmresearch.measure.entries import CURRENCY, FILL, SNAPSHOT, TRANSFER

_DUST = 1e-12  # of the largest position so far: rounding left over when a position is closed


@njit(cache=True)
def average_cost(
    series: np.ndarray,
    kind: np.ndarray,
    amount: np.ndarray,
    price: np.ndarray,
    fee: np.ndarray,
    multiplier: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Average-cost accounts of every series in one pass over its ordered entries.

    Parameters are arrays of n entries: series (a number that changes where a new one begins), kind,
    amount (units into the position; of CURRENCY: money; of SNAPSHOT: 0), price (of an OPENING its
    cost, of a TRANSFER the mark), fee (0 if unknown), multiplier (units of asset a contract).

    Returns n-arrays after each entry: position, average cost (NaN if flat), cash, realised, fees,
    transferred.
    """
    n = len(amount)
    position, cost, cash = np.empty(n), np.empty(n), np.empty(n)
    realised, fees, transferred = np.empty(n), np.empty(n), np.empty(n)
    held, average, money, gained, paid, moved, peak = 0.0, np.nan, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        if i == 0 or series[i] != series[i - 1]:
            held, average, money, gained = 0.0, np.nan, 0.0, 0.0
            paid, moved, peak = 0.0, 0.0, 0.0
        if kind[i] == CURRENCY:
            money += amount[i]
            moved += amount[i]
        elif kind[i] != SNAPSHOT and amount[i] != 0:
            value = amount[i] * price[i] * multiplier[i]
            held, average, gain = _traded(held, average, amount[i], price[i], _DUST * peak)
            gained += gain * multiplier[i]
            peak = max(peak, abs(held))
            if kind[i] == TRANSFER:
                moved += value
            elif kind[i] == FILL:
                money -= value
        paid += fee[i]
        position[i], cost[i], cash[i] = held, average, money - paid
        realised[i], fees[i], transferred[i] = gained, paid, moved
    return position, cost, cash, realised, fees, transferred


@njit(cache=True)
def _traded(
    held: float, average: float, units: float, price: float, dust: float
) -> tuple[float, float, float]:
    """Position, average cost and profit a unit of multiplier after `units` come in at `price`."""
    after = held + units
    if held == 0:
        return after, price, 0.0
    if held * units > 0:
        return after, average + (price - average) * units / after, 0.0
    closed = np.sign(held) * min(abs(units), abs(held))
    gain = closed * (price - average)
    if abs(after) <= dust:
        return 0.0, np.nan, gain
    return after, average if held * after > 0 else price, gain


@njit(cache=True)
def fifo(
    series: np.ndarray, kind: np.ndarray, amount: np.ndarray, price: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First in, first out: which entry closed how much of which, in one pass.

    Parameters are as in `average_cost`. Returns of every piece of a lot the entry that opened it,
    the one that closed it (-1: open at the end) and its units (+ long); and of every entry the
    profit a unit of multiplier so far and the cost of the lots open after it.
    """
    n = len(amount)
    opened, closed = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    units, gained, cost = np.empty(2 * n), np.empty(n), np.empty(n)
    lot, left = np.empty(n, np.int64), np.empty(n)  # the queue: its entry, what is left of it
    head, tail, pieces = 0, 0, 0
    held, gain, paid, peak = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        if i == 0 or series[i] != series[i - 1]:
            head, held, gain, paid, peak = tail, 0.0, 0.0, 0.0, 0.0
        if kind[i] != CURRENCY and kind[i] != SNAPSHOT and amount[i] != 0:
            rest = amount[i]
            flat = abs(held + rest) <= _DUST * peak
            while head < tail and (flat or left[head] * rest < 0):
                whole = flat or abs(left[head]) <= abs(rest)
                part = left[head] if whole else -rest
                opened[pieces], closed[pieces], units[pieces] = lot[head], i, part
                pieces += 1
                gain += part * (price[i] - price[lot[head]])
                paid -= part * price[lot[head]]
                left[head] -= part
                rest += part
                head += whole
            held = 0.0 if flat else held + amount[i]
            if flat:
                paid = 0.0
            elif rest != 0:
                lot[tail], left[tail] = i, rest
                paid += rest * price[i]
                tail += 1
            peak = max(peak, abs(held))
        gained[i], cost[i] = gain, paid
        if i == n - 1 or series[i + 1] != series[i]:
            for j in range(head, tail):
                opened[pieces], closed[pieces], units[pieces] = lot[j], -1, left[j]
                pieces += 1
            head = tail
    return opened[:pieces], closed[:pieces], units[:pieces], gained, cost


@njit(cache=True, nogil=True)
def last_before(
    at: np.ndarray, seq: np.ndarray, when: np.ndarray, number: np.ndarray
) -> np.ndarray:
    """For each event the row of the last state before its (time, seq), -1 if there is none.

    The states (`when`, `number`) are in order; the events (`at`, `seq`) are in order of time, those
    of one instant in any.
    """
    rows, known = np.empty(len(at), np.int64), 0
    for i in range(len(at)):
        while known and not _is_before(when[known - 1], number[known - 1], at[i], seq[i]):
            known -= 1
        while known < len(when) and _is_before(when[known], number[known], at[i], seq[i]):
            known += 1
        rows[i] = known - 1
    return rows


@njit(cache=True, nogil=True)
def last_moves(price: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Sign of the last change of the price that was not zero, NaN before a series' first.

    series: a number that changes where a new one begins.
    """
    found, sign = np.empty(len(price)), np.nan
    for i in range(len(price)):
        if i == 0 or series[i] != series[i - 1]:
            sign = np.nan
        elif price[i] != price[i - 1]:
            sign = np.sign(price[i] - price[i - 1])
        found[i] = sign
    return found


@njit(cache=True)
def _is_before(when: int, number: int, at: int, seq: int) -> bool:
    return when < at or (when == at and number < seq)
