"""Rules that sign trades, on arrays of ordered trades: one rule of the literature, one function.

What a rule cannot tell is NaN, never drawn at random.
"""

from __future__ import annotations

import numpy as np

from mmresearch.measure import blocks

RULES = ("lee_ready", "quote", "tick", "emo", "clnv")
_NEAR = 0.3  # of the spread from the ask or the bid, Chakrabarty et al. (2007)
_SAME = 1e-12  # relative; (bid + ask) / 2 is rounded, a price on the mid may miss it by that
_AT_ONCE = 2**15  # trades, whose columns stay in the processor's cache


def against_mid(price: np.ndarray, mid: np.ndarray) -> np.ndarray:
    """Sign of the price against the mid known before the trade; NaN at the mid or without one."""
    distance = price - mid
    off = np.abs(distance) > _SAME * mid
    return np.where(off, np.sign(distance), np.nan)


def at_quote(price: np.ndarray, bid: np.ndarray, ask: np.ndarray) -> np.ndarray:
    """+1 at the ask, -1 at the bid, else NaN; NaN where the quotes are locked or crossed."""
    at_ask = np.abs(price - ask) <= _SAME * ask
    at_bid = np.abs(price - bid) <= _SAME * bid
    return _told(at_ask, at_bid, bid < ask)


def near_quote(price: np.ndarray, bid: np.ndarray, ask: np.ndarray) -> np.ndarray:
    """+1 in the 30 % of the spread below the ask, -1 in the 30 % above the bid, else NaN.

    The intervals are (0.7 ask + 0.3 bid, ask] and [bid, 0.3 ask + 0.7 bid): outside the quotes and
    where these are locked or crossed it is NaN.
    """
    slack = _SAME * price
    inner_ask = (1 - _NEAR) * ask + _NEAR * bid
    inner_bid = _NEAR * ask + (1 - _NEAR) * bid
    high = (price > inner_ask + slack) & (price <= ask + slack)
    low = (price < inner_bid - slack) & (price >= bid - slack)
    return _told(high, low, bid < ask)


def tick_test(price: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Sign of the last price change that was not zero, among trades of the same series.

    The trades are in order, those of several series (whole numbers) between each other or not.
    NaN until the series' first change.
    """
    from mmresearch.measure.kernels import last_moves  # numba: loaded only here

    if len(series) and (series[1:] < series[:-1]).any():
        order = np.argsort(series, kind="stable")
        found = np.empty(len(price))
        found[order] = tick_test(price[order], series[order])
        return found
    return last_moves(blocks.constant(price), blocks.constant(series))


def by_rule(
    rule: str, price: np.ndarray, bid: np.ndarray, ask: np.ndarray, series: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The side of each trade as `rule` tells it, and what the quotes alone told (NaN: nothing).

    `bid` and `ask` stood before each trade; `series` is a number of its symbol and session.
    """
    refuse_rule(rule)
    told = np.full(len(price), np.nan)
    for first in range(0, 0 if rule == "tick" else len(price), _AT_ONCE):
        rows = slice(first, first + _AT_ONCE)
        told[rows] = _by_quotes(rule, price[rows], bid[rows], ask[rows])
    if rule == "quote":
        return told, told
    side = tick_test(price, series)
    np.copyto(side, told, where=~np.isnan(told))
    return side, told


def refuse_rule(rule: str) -> None:
    """An error that names the rules there are."""
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r}; the rules are {', '.join(RULES)}")


def _by_quotes(rule: str, price: np.ndarray, bid: np.ndarray, ask: np.ndarray) -> np.ndarray:
    if rule == "emo":
        return at_quote(price, bid, ask)
    if rule == "clnv":
        return near_quote(price, bid, ask)
    return against_mid(price, (bid + ask) / 2)


def _told(buy: np.ndarray, sell: np.ndarray, open_: np.ndarray) -> np.ndarray:
    return np.where(open_ & (buy != sell), np.where(buy, 1.0, -1.0), np.nan)
