"""The life of every order: when it was added, when and how it ended, what became of its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.order_codes import (
    APART,
    CANCELLED,
    CLEARED,
    FAULTS,
    FILLED,
    HALTED,
    STANDING,
)
from mmresearch.measure.order_replay import Replay, replays
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.session_days import standing_before
from mmresearch.sessions import session_of

_CONTRACT = """\
symbol|name||added
day|date|the session's|added
order_id|text|the venue's number|added
number|number|1, or 2, 3, ... of an order that was added anew under its id in the session|added
side|sign|+1 a buy order, -1 a sell order|added
price|currency a unit||added
size|units|as added|added
added|UTC||added
seq|number|of the event that added it|added
ended|UTC|when it ended, or was last watched|ended
end|text|fill, cancel; not ended as far as watched: standing, halt, out of sight, cleared|ended
seconds|seconds|from added to ended|ended
size_filled|units|executed, in the whole session|close
size_cancelled|units|taken out by reductions and a deletion, in the whole session|close
size_standing|units|size - size_filled - size_cancelled|close
first_fill|seconds|from added to the first execution; missing: none while it was watched|ended
modified|flag|cancelled and added anew under its id at the same instant|ended
distance|currency a unit|behind the best price of its side before it, below 0: it improved it|added
distance_bps|basis points|the same, of the mid before it|added
distance_ticks|ticks|the same; missing where no tick is known|added
marketable|flag|priced at the other side's best or beyond; missing without quotes|added
fault|text|the first that was met in its events, "" if none|close
"""
LIVES = pd.DataFrame(
    [line.split("|") for line in _CONTRACT.splitlines()],
    columns=["column", "unit", "meaning", "known"],
)
ENDS = {CANCELLED: "cancel", FILLED: "fill", CLEARED: "cleared", STANDING: "standing"}
_NEVER = np.iinfo(np.int64).min
_TABLES = ("orders", "quotes", "book", "trades")


def order_lives(
    market: Market,
    *,
    symbol: str | Sequence[str] | None = None,
    levels: int | str | None = "auto",
) -> pd.DataFrame:
    """A row a life of an order that was seen to be added, in a session.

    Parameters
    ----------
    market : Market
        With `orders`. Quotes (or a book) give distances; without them they are missing.
    symbol : str or list, optional
        Which; all if not given.
    levels : "auto", int or None
        How many price levels of a side the record shows. An order that falls behind the last of
        them is out of sight, and is watched no longer: what becomes of it need not be recorded.
        None: every order is always seen. "auto": a LOBSTER record shows the levels of its order
        book file, others show all.

    Returns
    -------
    DataFrame
        The columns of `LIVES`, by symbol, time added and seq. Nothing crosses a session: an order
        that stands at the close, or at the session's last event of orders, quotes or trades where
        the record ends before, has end "standing"; what it does in a later session is an event of
        an order not seen to be added. A halt ends the watch too, for until trading resumes no order
        can be filled. In every row size = size_filled + size_cancelled + size_standing.

        An event that cannot be is no part of a life, but is counted and its order has `fault`: an
        add of an order that stands, an event after the end, more filled or cancelled than rested
        (what rested counts), a deletion for less than rested (all of it goes), an order that was
        deleted or filled before it was added. attrs: `faults` and `apart` count events by name,
        `quotes` orders by what is odd in the quotes they met, `levels` is what was used.

    Raises
    ------
    ValueError
        A market without orders, a symbol without any, levels that the market does not show.
    """
    quotes = best_quotes(market)
    shown = _shown(market, levels)
    pieces, faults, apart, odd = [], Counter(), Counter(), Counter()
    for found in replays(market, symbol):
        edge = None if shown is None else _edge(market, shown, found.symbol)
        piece = _lives(market, found, edge)
        odd.update(_add_distances(piece, quotes, market))
        pieces.append(piece)
        faults.update(fault_counts(found))
        apart.update(apart_counts(found))
    table = pd.concat(pieces, ignore_index=True)[LIVES["column"].tolist()]
    table.attrs = {
        "faults": dict(faults),
        "apart": dict(apart),
        "quotes": dict(odd),
        "levels": "all" if shown is None else shown,
    }
    return table


def fault_counts(found: Replay) -> dict[str, int]:
    """Events by fault, those there are."""
    return {name: int(n) for name, n in zip(FAULTS, found.faults, strict=True) if n}


def apart_counts(found: Replay) -> dict[str, int]:
    """Events that are no part of a life, by name, those there are."""
    many = np.bincount(found.what, minlength=max(APART) + 1)
    return {words: int(many[code]) for code, words in APART.items() if many[code]}


def _shown(market: Market, levels: int | str | None) -> int | None:
    """How many levels of a side the record shows; None: all."""
    book = (
        [c for c in market["book"].columns if c.startswith("bid_size_")] if "book" in market else []
    )
    most = max(len(book), int("quotes" in market))
    if levels == "auto":
        limited = market.receipt is not None and market.receipt.source == "lobster"
        return most if limited and most else None
    if levels is None:
        return None
    if not isinstance(levels, int) or isinstance(levels, bool) or not 1 <= levels <= most:
        raise ValueError(
            f"levels must be 'auto', None or a number of levels that the market shows (1 to {most}"
            f" here), not {levels!r}"
        )
    return levels


def _edge(market: Market, levels: int, symbol: str) -> pd.DataFrame:
    """time, seq and the last price shown of each side, bid and ask."""
    if levels == 1:
        table, names = best_quotes(market), ("bid", "ask")
    else:
        table, names = market["book"], (f"bid_{levels}", f"ask_{levels}")
    own = table.loc[table["symbol"] == symbol, ["time", "seq", *names]]
    return own.set_axis(["time", "seq", "bid", "ask"], axis=1).reset_index(drop=True)


def _lives(market: Market, found: Replay, edge: pd.DataFrame | None) -> pd.DataFrame:
    """One symbol's lives, without distances."""
    told, events = found.lives, found.events
    added = events.iloc[told["row"].to_numpy()].reset_index(drop=True)
    session = found.session[told["row"].to_numpy()]
    begun = nanoseconds(added["time"])
    last = watched_until(market, found)[session]
    ended = np.where(told["end"] == STANDING, last, told["ended"])
    end = np.array(pd.Series(told["end"]).map(ENDS), dtype=object)
    stops = [("halt", _halt_after(found, begun))]
    if edge is not None:
        stops.append(("out of sight", _out_of_sight(edge, added, begun)))
    for name, at in stops:
        sooner = at < ended
        end[sooner], ended = name, np.where(sooner, at, ended)
    first = told["first"].to_numpy()
    met = (first != _NEVER) & (first <= ended)
    gone = told["filled"] + told["cancelled"]
    return pd.DataFrame(
        {
            "symbol": found.symbol,
            "day": found.sessions["day"].to_numpy()[session],
            "order_id": added["order_id"],
            "number": told["number"],
            "side": added["side"],
            "price": added["price"],
            "size": told["size"],
            "added": added["time"],
            "seq": added["seq"],
            "ended": pd.to_datetime(ended, utc=True),
            "end": pd.Series(end, dtype="str"),
            "seconds": (ended - begun) / 1e9,
            "size_filled": told["filled"],
            "size_cancelled": told["cancelled"],
            "size_standing": told["size"] - gone,
            "first_fill": np.where(met, (first - begun) / 1e9, np.nan),
            "modified": told["modified"],
            "fault": pd.Series(np.array(FAULTS, object)[told["flaw"]], dtype="str"),
        }
    )


def watched_until(market: Market, found: Replay) -> np.ndarray:
    """Of each session the last event of orders, quotes or trades, nanoseconds."""
    last = np.full(len(found.sessions), _NEVER)
    for name in _TABLES:
        if name not in market:
            continue
        table = market[name]
        times = table.loc[table["symbol"] == found.symbol, "time"]
        session = session_of(times, found.sessions)
        inside = session >= 0
        np.maximum.at(last, session[inside], nanoseconds(times)[inside])
    return last


def _halt_after(found: Replay, begun: np.ndarray) -> np.ndarray:
    """The first halt, or resumption, after each time; never: the largest number."""
    halts = nanoseconds(found.events["time"])[found.what == HALTED]
    halts = np.append(halts, np.iinfo(np.int64).max)
    return halts[np.searchsorted(halts[:-1], begun, side="right")]


def _out_of_sight(edge: pd.DataFrame, added: pd.DataFrame, begun: np.ndarray) -> np.ndarray:
    """When a price better than each order's is first the last one shown; never: the largest."""
    from mmresearch.measure import order_kernels
    from mmresearch.measure.asof import known_before

    begin = known_before(added, edge) + 1
    when = np.append(nanoseconds(edge["time"]), np.iinfo(np.int64).max)
    side, price = added["side"].to_numpy(), added["price"].to_numpy()
    found = np.full(len(added), len(edge))
    for sign, column in ((1.0, "bid"), (-1.0, "ask")):
        own = side == sign
        signed = sign * edge[column].to_numpy("float64")
        place = order_kernels.first_beyond(signed, begin[own], sign * price[own])
        found[own] = np.where(place >= 0, place, len(edge))
    return when[found]


def _add_distances(lives: pd.DataFrame, quotes: pd.DataFrame | None, market: Market) -> Counter:
    """Put distances from the quotes before each add into the table; orders with odd quotes."""
    names = ["distance", "distance_bps", "distance_ticks"]
    lives[[*names, "marketable"]] = np.nan
    lives["marketable"] = lives["marketable"].astype("boolean")
    if quotes is None or lives.empty:
        return Counter()
    events = lives[["symbol", "seq"]].assign(time=lives["added"])
    row = standing_before(events, quotes, market)
    bid, ask = (at_rows(quotes[c], row) for c in ("bid", "ask"))
    side, price = lives["side"].to_numpy(), lives["price"].to_numpy()
    own, other = np.where(side > 0, bid, ask), np.where(side > 0, ask, bid)
    crossed = bid >= ask
    away = np.where(crossed, np.nan, side * (own - price)) + 0.0  # at the touch 0, not -0
    lives["distance"] = away
    lives["distance_bps"] = 1e4 * away / ((bid + ask) / 2)
    tick = market.symbols.set_index("symbol")["tick"].reindex(lives["symbol"]).to_numpy("float64")
    lives["distance_ticks"] = np.round(away / tick, 6)
    beyond = pd.Series(side * (price - other) >= 0, index=lives.index, dtype="boolean")
    lives["marketable"] = beyond.mask(np.isnan(other) | crossed)
    odd = {
        "added before any quote": row < 0,
        "added under locked or crossed quotes": crossed,
        "added with a side of the quotes missing": (row >= 0) & (np.isnan(bid) | np.isnan(ask)),
    }
    return Counter({name: int(which.sum()) for name, which in odd.items() if which.any()})


def at_rows(column: pd.Series, row: np.ndarray) -> np.ndarray:
    """The values at these rows, missing at -1."""
    values = column.to_numpy("float64")
    if not len(values):
        return np.full(len(row), np.nan)
    return np.where(row >= 0, values[np.maximum(row, 0)], np.nan)
