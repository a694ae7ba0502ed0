"""Marks: what a position is valued at, from what was known at each ledger entry."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.asof import known_before_by_symbol
from mmresearch.measure.entries import CURRENCY, FILL, SNAPSHOT
from mmresearch.measure.quotes import best_quotes


def mark_entries(entries: pd.DataFrame, market: Market) -> pd.DataFrame:
    """mid, mark and mark_source of each ledger entry (see `ledger`), on a fresh index.

    Known at an entry is what came up to and including its (time, seq); a mid needs both sides. The
    order of preference: mid, last print, the series' own last fill, the symbol's first mid, its
    first print, the series' first fill.
    """
    mids, prints = _mids(market), _prints(market)
    mid = _last_known(entries, mids)
    mark, source = mid, np.where(np.isnan(mid), "", "mid")
    for name, price in _fallbacks(entries, mids, prints):
        missing = np.isnan(mark)
        if not missing.any():
            break
        found = price()
        source = np.where(missing & ~np.isnan(found), name, source)
        mark = np.where(missing, found, mark)
    money = (entries["kind"] == CURRENCY).to_numpy()
    return pd.DataFrame(
        {
            "mid": mid,
            "mark": np.where(money, 1.0, mark),
            "mark_source": pd.Series(np.where(money, "currency", source), dtype="str"),
        }
    )


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


def turned(price: pd.Series | np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Prices, of inverse contracts as -1 / price: what a unit of currency long is worth, and back.

    N contracts bought at p and sold at q earn N (1 / p - 1 / q) of the asset, which is what a
    linear account books at the prices -1 / p and -1 / q.
    """
    price = np.asarray(price, dtype="float64")
    return np.where(inverse, -1.0 / price, price) if inverse.any() else price


def _fallbacks(entries: pd.DataFrame, mids: pd.DataFrame, prints: pd.DataFrame) -> list[tuple]:
    own = entries["price"].where(entries["kind"] == FILL).groupby(entries["series"])
    return [
        ("trade", lambda: _last_known(entries, prints)),
        ("fill", lambda: own.ffill().to_numpy()),
        ("later", lambda: _first(entries, mids)),
        ("later", lambda: _first(entries, prints)),
        ("later", lambda: own.transform("first").to_numpy()),
    ]


def _mids(market: Market) -> pd.DataFrame:
    quotes = best_quotes(market)
    if quotes is None:
        return pd.DataFrame({"symbol": [], "price": []})
    mids = quotes[["time", "seq", "symbol"]].assign(price=(quotes["bid"] + quotes["ask"]) / 2)
    return mids[mids["price"].notna()]


def _prints(market: Market) -> pd.DataFrame:
    if "trades" not in market:
        return pd.DataFrame({"symbol": [], "price": []})
    return market["trades"][["time", "seq", "symbol", "price"]]


def _last_known(entries: pd.DataFrame, states: pd.DataFrame) -> np.ndarray:
    """The last price of the entry's symbol up to and including its (time, seq); NaN if none."""
    if states.empty:
        return np.full(len(entries), np.nan)
    including = entries[["symbol", "time"]].assign(seq=entries["seq"] + 1)
    row = known_before_by_symbol(including, states)
    return np.where(row >= 0, states["price"].to_numpy()[row], np.nan)


def _first(entries: pd.DataFrame, states: pd.DataFrame) -> np.ndarray:
    first = states.drop_duplicates("symbol").set_index("symbol")["price"]
    return entries["symbol"].map(first).to_numpy(dtype="float64")
