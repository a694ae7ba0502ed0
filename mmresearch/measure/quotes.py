"""Best quotes: mid, weighted mid, order flow imbalance, and what they come to bar by bar.

Quotes are carried within their session only. A side that is missing makes the mid missing until
the side is back; locked and crossed quotes stay in, so a spread can be 0 or below.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Bars
from mmresearch.measure.blocks import Block, after_all

QUOTE = ["time", "seq", "bid", "ask", "bid_size", "ask_size"]
_LEVEL = {f"{name}_1": name for name in QUOTE[2:]}
_AFTER_ALL = after_all(QUOTE)


def best_quotes(market: Market) -> pd.DataFrame | None:
    """The market's quotes, else the first level of its book, else None."""
    if "quotes" in market:
        return market["quotes"]
    if "book" not in market:
        return None
    return market["book"][["time", "seq", "symbol", *_LEVEL]].rename(columns=_LEVEL)


def quote_blocks(
    market: Market, symbol: str, columns: Sequence[str] = QUOTE
) -> Iterator[Block] | None:
    """As `best_quotes` of one symbol, without it, some rows at a time where they are saved."""
    if "quotes" in market:
        return blocks.of_symbol(market, "quotes", columns, symbol)
    if "book" not in market:
        return None
    level = {name: first for first, name in _LEVEL.items()}
    wanted = [level.get(name, name) for name in columns]
    books = blocks.of_symbol(market, "book", wanted, symbol)
    return ({_LEVEL.get(name, name): values for name, values in b.items()} for b in books)


def block_mid(quotes: Block) -> np.ndarray:
    """As `mid`, of a block."""
    return (quotes["bid"] + quotes["ask"]) / 2


def mid(quotes: pd.DataFrame) -> pd.Series:
    """(bid + ask)/2, quote currency a unit; missing where a side is."""
    return ((quotes["bid"] + quotes["ask"]) / 2).rename("mid")


def weighted_mid(quotes: pd.DataFrame) -> pd.Series:
    """Mid weighted by the opposite sizes, (ask*bid_size + bid*ask_size)/(bid_size + ask_size).

    Nearer to the ask when more is bid for: the side that is thin is the one that gives way. Missing
    where a side or both sizes are.
    """
    both = quotes["bid_size"] + quotes["ask_size"]
    weighted = quotes["ask"] * quotes["bid_size"] + quotes["bid"] * quotes["ask_size"]
    return (weighted / both.where(both > 0)).rename("weighted_mid")


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


def quote_bars(quotes: Iterable[Block], bars: Bars) -> tuple[dict[str, np.ndarray], int]:
    """The columns of the panel that come from quotes, one value a bar; how many no bar holds.

    Parameters
    ----------
    quotes : iterable of Block
        One symbol's best quotes, ordered by (time, seq), in as many blocks as there are.
    bars : Bars
        The symbol's bars.
    """
    from mmresearch.measure import bar_kernels  # numba: loaded only here

    place, standing, edges = (0, 0, 0, 0), (np.nan,) * 8, bars.edges
    table = np.full((len(bars), 9), np.nan)
    for block in itertools.chain(quotes, [_AFTER_ALL]):
        time, seq, *sides = (block[name] for name in QUOTE)
        place, standing = bar_kernels.quote_bars(
            time, seq, tuple(sides), edges, place, standing, table
        )
    mid_start, mid, fair, spread, spread_time, depth, depth_time, imbalance, variance = table.T
    columns = {
        "mid_start": mid_start,
        "mid": mid,
        "microprice": fair,
        "spread_bps": _mean(spread, spread_time),
        "depth": _mean(depth, depth_time),
        "order_flow_imbalance": imbalance,
        "realized_variance": variance,
    }
    return columns, place[-1] - 1


def _mean(total: np.ndarray, time: np.ndarray) -> np.ndarray:
    return np.divide(total, time, out=np.full(len(time), np.nan), where=time > 0)


def _side(price: pd.Series, size: pd.Series, absent: float) -> tuple[np.ndarray, np.ndarray]:
    none = price.isna()
    return price.mask(none, absent).to_numpy(), size.mask(none, 0.0).to_numpy()
