"""Marks: what a position is valued at, from what was known at each ledger entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.asof import value_before
from mmresearch.measure.blocks import Block, rows_by_symbol
from mmresearch.measure.entries import CURRENCY, FILL, SNAPSHOT
from mmresearch.measure.quotes import best_quotes, block_mid, mid, quote_blocks

States = Callable[[str], Iterable[Block]]  # of a symbol: blocks of time, seq and price
_SOURCES = ["", "mid", "trade", "fill", "later", "currency"]


def mark_entries(entries: pd.DataFrame, market: Market) -> pd.DataFrame:
    """mid, mark and mark_source of each ledger entry (see `ledger`), on a fresh index.

    Known at an entry is what came up to and including its (time, seq); a mid needs both sides. The
    order of preference: mid, last print, the series' own last fill, the symbol's first mid, its
    first print, the series' first fill.
    """
    mids, prints = _mids(market), _prints(market)
    last_mid = _last_known(entries, mids)
    mark, source = last_mid, np.where(np.isnan(last_mid), 0, _SOURCES.index("mid"))
    for name, price in _fallbacks(entries, mids, prints):
        missing = np.isnan(mark)
        if not missing.any():
            break
        found = price()
        source[missing & ~np.isnan(found)] = _SOURCES.index(name)
        mark = np.where(missing, found, mark)
    money = (entries["kind"] == CURRENCY).to_numpy()
    source[money] = _SOURCES.index("currency")
    mark = np.where(money, 1.0, mark)
    marks = {"mid": last_mid, "mark": mark, "mark_source": texts(_SOURCES, source)}
    return pd.DataFrame(marks, copy=False)


def texts(names: Sequence[str], which: np.ndarray) -> pd.Series:
    """The name that each number stands for."""
    return pd.Series(pd.array(names, dtype="str").take(which))


def booked_prices(
    entries: pd.DataFrame, starts: pd.DataFrame, market: Market
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each marked entry the price it is booked at, the multiplier, whether it is inverse.

    A fill's own price; of openings and transfers the mark; of reports none.
    """
    kind, series = entries["kind"].to_numpy(), entries["series"].to_numpy()
    price = np.where(kind == FILL, entries["price"], entries["mark"])
    price = np.where(kind == SNAPSHOT, np.nan, price)
    factor = starts["symbol"].map(market.symbols.set_index("symbol")["multiplier"]).fillna(1.0)
    inverse = starts["symbol"].isin(market.inverse).to_numpy()[series]
    return price, factor.to_numpy()[series], inverse


def marks_before(entries: pd.DataFrame, price: np.ndarray, market: Market) -> np.ndarray:
    """What each marked entry met: a fill the mid just before it; other entries their `price`.

    A quote that has the fill's own (time, seq), as the state after an exchange's message, came
    after it. Where no mid was known the mark is the ledger's, and may be the fill's own print.
    """
    mids, met = _mids(market), np.full(len(entries), np.nan)
    for symbol, rows in rows_by_symbol(entries).items():
        met[rows] = value_before(entries.iloc[rows], mids(symbol), "price")
    met = np.where(np.isnan(met), entries["mark"], met)
    return np.where(entries["kind"] == FILL, met, price)


def turned(price: pd.Series | np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Prices, of inverse contracts as -1 / price: what a unit of currency long is worth, and back.

    N contracts bought at p and sold at q earn N (1 / p - 1 / q) of the asset, which is what a
    linear account books at the prices -1 / p and -1 / q.
    """
    price = np.asarray(price, dtype="float64")
    return np.where(inverse, -1.0 / price, price) if inverse.any() else price


def _fallbacks(entries: pd.DataFrame, mids: States, prints: States) -> list[tuple]:
    own = entries["price"].where(entries["kind"] == FILL).groupby(entries["series"])
    return [
        ("trade", lambda: _last_known(entries, prints)),
        ("fill", lambda: own.ffill().to_numpy()),
        ("later", lambda: _first(entries, mids)),
        ("later", lambda: _first(entries, prints)),
        ("later", lambda: own.transform("first").to_numpy()),
    ]


def _mids(market: Market) -> States:
    """Each symbol's mids; of quotes saved by day some rows at a time."""
    name = "quotes" if "quotes" in market else "book"
    if market.is_by_day(name):
        return lambda symbol: map(_middle, quote_blocks(market, symbol))
    quotes = best_quotes(market)
    return _none if quotes is None else _held(quotes, mid(quotes))


def _prints(market: Market) -> States:
    """Each symbol's prints; of trades saved by day some rows at a time."""
    if "trades" not in market:
        return _none
    if not market.is_by_day("trades"):
        return _held(market["trades"], market["trades"]["price"])
    columns = ["time", "seq", "price"]
    return lambda symbol: blocks.of_symbol(market, "trades", columns, symbol)


def _none(symbol: str) -> Iterable[Block]:
    return ()


def _held(table: pd.DataFrame, price: pd.Series) -> States:
    """Of a table in memory the prices of each symbol, in one block."""
    states = blocks.of_table(table, ["time", "seq"]) | {"price": price.to_numpy()}
    return blocks.by_symbol(table, states)


def _middle(quotes: Block) -> Block:
    return {name: quotes[name] for name in ("time", "seq")} | {"price": block_mid(quotes)}


def _last_known(entries: pd.DataFrame, states: States) -> np.ndarray:
    """The last price of the entry's symbol up to and including its (time, seq); NaN if none."""
    including, known = (
        entries[["time"]].assign(seq=entries["seq"] + 1),
        np.full(len(entries), np.nan),
    )
    for symbol, rows in rows_by_symbol(entries).items():
        known[rows] = value_before(including.iloc[rows], states(symbol), "price")
    return known


def _first(entries: pd.DataFrame, states: States) -> np.ndarray:
    first = {}
    for symbol in entries["symbol"].unique():
        prices = (block["price"][~np.isnan(block["price"])] for block in states(symbol))
        first[symbol] = next((price[0] for price in prices if len(price)), np.nan)
    return entries["symbol"].astype("str").map(first).to_numpy(dtype="float64")
