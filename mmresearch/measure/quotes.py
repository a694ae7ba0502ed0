"""Best quotes: mid, microprice, order flow imbalance, and what they come to bar by bar.

Quotes are carried within their session only. A side that is missing makes the mid missing until
the side is back; locked and crossed quotes stay in, so a spread can be 0 or below.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import (
    Bars,
    known_at_start,
    last_known,
    nanoseconds,
    previous,
    sums,
    take,
)


def best_quotes(market: Market) -> pd.DataFrame | None:
    """The market's quotes, else the first level of its book, else None."""
    if "quotes" in market:
        return market["quotes"]
    if "book" not in market:
        return None
    level = {f"{name}_1": name for name in ("bid", "ask", "bid_size", "ask_size")}
    return market["book"][["time", "seq", "symbol", *level]].rename(columns=level)


def mid(quotes: pd.DataFrame) -> pd.Series:
    """(bid + ask)/2, quote currency a unit; missing where a side is."""
    return ((quotes["bid"] + quotes["ask"]) / 2).rename("mid")


def microprice(quotes: pd.DataFrame) -> pd.Series:
    """Mid weighted by the opposite sizes, (ask*bid_size + bid*ask_size)/(bid_size + ask_size).

    Nearer to the ask when more is bid for: the side that is thin is the one that gives way. Missing
    where a side or both sizes are.
    """
    both = quotes["bid_size"] + quotes["ask_size"]
    weighted = quotes["ask"] * quotes["bid_size"] + quotes["bid"] * quotes["ask_size"]
    return (weighted / both.where(both > 0)).rename("microprice")


def order_flow_imbalance(quotes: pd.DataFrame, session: np.ndarray | None = None) -> pd.Series:
    """Contribution e_n of each change of the best quotes, units; + is pressure to buy.

    e_n = 1{b_n >= b_(n-1)} B_n - 1{b_n <= b_(n-1)} B_(n-1)
        - 1{a_n <= a_(n-1)} A_n + 1{a_n >= a_(n-1)} A_(n-1)

    with bid b, ask a and their sizes B, A. The inequalities are weak: at an unchanged price both
    terms count and what remains is the change of size. A side that is missing stands for no size
    at a price that is worse than any. Source: Cont, Kukanov and Stoikov (2014), equation (1).

    Parameters
    ----------
    quotes : DataFrame
        One symbol's best quotes, in order.
    session : array, optional
        Each quote's session; a quote is not compared with one of another session.

    Returns
    -------
    Series
        One value a quote; missing for the first of a session, and where a size that counts is.
    """
    bid, bid_size = _side(quotes["bid"], quotes["bid_size"], -np.inf)
    ask, ask_size = _side(quotes["ask"], quotes["ask_size"], np.inf)
    value = np.full(len(quotes), np.nan)
    now, then = slice(1, None), slice(None, -1)
    value[1:] = (
        np.where(bid[now] >= bid[then], bid_size[now], 0)
        - np.where(bid[now] <= bid[then], bid_size[then], 0)
        - np.where(ask[now] <= ask[then], ask_size[now], 0)
        + np.where(ask[now] >= ask[then], ask_size[then], 0)
    )
    if session is not None and len(value):
        value[1:][session[1:] != session[:-1]] = np.nan
    return pd.Series(value, index=quotes.index, name="order_flow_imbalance")


def quote_bars(quotes: pd.DataFrame, rows: np.ndarray, bars: Bars) -> dict[str, np.ndarray]:
    """The columns of the panel that come from quotes: one value a bar.

    Parameters
    ----------
    quotes : DataFrame
        One symbol's best quotes, ordered by (time, seq).
    rows : array
        From `bars.bar_rows`; quotes outside every session (-1) are left out.
    bars : Bars
        The symbol's bars.
    """
    quotes, rows = quotes[rows >= 0], rows[rows >= 0]
    middle = mid(quotes).to_numpy()
    last = last_known(rows, bars)
    spread = 1e4 * (quotes["ask"] - quotes["bid"]).to_numpy() / middle
    depth = ((quotes["bid_size"] + quotes["ask_size"]) / 2).where(~np.isnan(middle)).to_numpy()
    averages = _time_weighted(np.column_stack([spread, depth]), quotes["time"], rows, bars)
    return {
        "mid_start": known_at_start(middle, rows, bars),
        "mid": take(middle, last),
        "microprice": take(microprice(quotes).to_numpy(), last),
        "spread_bps": averages[:, 0],
        "depth": averages[:, 1],
        "order_flow_imbalance": _imbalance(quotes, rows, last, bars),
        "realized_variance": _realized_variance(middle, rows, bars),
    }


def _side(price: pd.Series, size: pd.Series, absent: float) -> tuple[np.ndarray, np.ndarray]:
    none = price.isna()
    return price.mask(none, absent).to_numpy(), size.mask(none, 0.0).to_numpy()


def _imbalance(quotes: pd.DataFrame, rows: np.ndarray, last: np.ndarray, bars: Bars) -> np.ndarray:
    """Sum of e_n in each bar; missing until the session's first quote."""
    session = bars.session[rows]
    terms = order_flow_imbalance(quotes, session).to_numpy().copy()
    terms[np.append(True, session[1:] != session[:-1])[: len(terms)]] = 0.0
    total = sums(terms, rows, len(bars))
    return np.where(last >= 0, total, np.nan)


def _realized_variance(middle: np.ndarray, rows: np.ndarray, bars: Bars) -> np.ndarray:
    """Sum of squared log changes of the mid, bps^2; missing until the session's first mid."""
    known = ~np.isnan(middle)
    middle, rows = middle[known], rows[known]
    change = 1e4 * np.diff(np.log(middle))
    change[bars.session[rows[1:]] != bars.session[rows[:-1]]] = 0.0
    total = sums(change**2, rows[1:], len(bars))
    return np.where(last_known(rows, bars) >= 0, total, np.nan)


def _time_weighted(
    values: np.ndarray, times: pd.Series, rows: np.ndarray, bars: Bars
) -> np.ndarray:
    """Mean of each column over the time of the bar in which it is known.

    Each bar starts with the quote it finds. Missing where no time passes.
    """
    number = np.arange(len(bars))
    found = previous(last_known(rows, bars).astype(float), bars)
    found = np.where(found >= 0, found, -1).astype(int)  # a comparison with missing is false
    place = np.searchsorted(rows, number)
    quote = np.insert(np.arange(len(rows)), place, found)
    bar = np.insert(rows, place, number)
    since = np.insert(nanoseconds(times), place, bars.start)
    until = np.append(since[1:], 0)[: len(since)]
    closing = np.append(bar[1:] != bar[:-1], True)[: len(bar)]
    until[closing] = bars.end
    length = (until - since).astype(float)
    padded = np.vstack([values, np.full(values.shape[1], np.nan)])[quote]
    return np.column_stack([_weighted(column, length, bar, len(number)) for column in padded.T])


def _weighted(values: np.ndarray, weights: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
    known = ~np.isnan(values)
    total = sums((values * weights)[known], group[known], n)
    weight = sums(weights[known], group[known], n)
    return np.divide(total, weight, out=np.full(n, np.nan), where=weight > 0)
