"""What an order of a given size would have paid at once: the book is walked, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.book_states import SAME, STATES, Shown, shown, source_of
from mmresearch.measure.standing import LEAST_KNOWN, Stood, over_time

SIDES = {"buy": (1.0,), "sell": (-1.0,), "both": (1.0, -1.0)}
_MULTIPLES = (0.1, 0.5, 1, 2, 5)  # of the usual size at the best quotes


class Walked(NamedTuple):
    """Of each state and size [n, m], one side: what is filled, what that costs beyond the mid."""

    filled: np.ndarray
    cost: np.ndarray


def slippage(
    book: Market | pd.DataFrame,
    *,
    sizes: float | Sequence[float] | None = None,
    side: str = "both",
    freq: str | pd.Timedelta = "1min",
    symbol: str | Sequence[str] | None = None,
    source: str = "auto",
    least_known: float = LEAST_KNOWN,
) -> pd.DataFrame:
    """Cost against the mid of an order of each size that takes what the book shows at one instant.

    cost(x) = sum over levels l of min(what is left, q_l) (p_l - mid) side, and in basis points
    1e4 cost(x) / (x mid). What the levels shown do not fill is reported and never priced: the
    prices behind the last level are not known. Positive is a cost.

    Parameters
    ----------
    book : Market or DataFrame
        A market with a book or quotes, for means over time bar by bar; or rows of a book or of
        quotes, each of which is walked.
    sizes : float or sequence of float, optional
        Units. 0.1, 0.5, 1, 2 and 5 times the median size at the best quotes if not given.
    side : str
        Of a table: "buy", "sell" or "both".
    freq, symbol, source
        Of a market, as in `depth`.
    least_known : float
        Of a market: share of the quoted time in which the whole size must be filled for a mean to
        be given; one over the moments that filled it would be too small.

    Returns
    -------
    DataFrame
        Of a table a row a book row, side and size: what the row has of time, seq and symbol; row
        (its place), state ("quoted", "locked", "crossed", "one_sided", "unquoted"), side (+1 buy,
        -1 sell), size, mid, filled, unfilled (units), price (mean, of what is filled), cost (quote
        currency, of what is filled), cost_a_unit and slippage_bps (missing unless all is filled).
        There is no mid, and so no cost, where the state is not "quoted".

        Of a market a row a bar and size: symbol, day, bar, start, end, time_of_day, gap, seconds
        and the shares of `depth`, size; buy_bps, sell_bps, round_trip_bps (their sum: bought and
        sold at the same instant); buy_filled_share, sell_filled_share (of the quoted time, all of
        it filled); buy_unfilled, sell_unfilled (units, mean over quoted time). attrs: freq, source,
        levels, sizes, rows_outside.

    Raises
    ------
    ValueError
        Sizes that are not above 0, a side that is not known, a table without levels.
    """
    if isinstance(book, Market):
        return _of_market(book, sizes, freq, symbol, source, least_known)
    if side not in SIDES:
        raise ValueError(f"side must be one of {', '.join(SIDES)}, not {side!r}")
    return _of_rows(book, sizes, side)


def walk(states: Shown, sizes: np.ndarray, side: float) -> Walked:
    """Take each size from the asks (side +1) or the bids (-1); nothing where there is no mid."""
    which = 1 if side > 0 else 0
    price, size = states.price[which], states.size[which]
    there = ~np.isnan(price)
    away = np.where(there, side * (price - states.mid[:, None]), 0.0)
    held = np.where(there, size, 0.0)
    before = np.cumsum(held, axis=1) - held
    filled = np.empty((len(price), len(sizes)))
    cost = np.empty_like(filled)
    for j, x in enumerate(sizes):
        taken = np.clip(x - before, 0.0, held)
        filled[:, j], cost[:, j] = taken.sum(axis=1), (taken * away).sum(axis=1)
    ordinary = ~np.isnan(states.mid)[:, None]
    return Walked(np.where(ordinary, filled, np.nan), np.where(ordinary, cost, np.nan))


def cost_bps(states: Shown, walked: Walked, sizes: np.ndarray) -> np.ndarray:
    """Mean cost of each size [n, m]; missing unless all of it is filled."""
    whole = walked.filled >= sizes * (1 - SAME)
    return np.where(whole, 1e4 * walked.cost / (sizes * states.mid[:, None]), np.nan)


def usual_sizes(states: Shown) -> np.ndarray:
    """Multiples of the median size at the best quotes, to two digits."""
    best = states.size[:, :, 0]
    best = best[np.isfinite(best)]
    if not len(best):
        raise ValueError("no size stands at the best quotes: say which sizes to walk")
    usual = float(f"{np.median(best):.2g}")
    return usual * np.array(_MULTIPLES, "float64")


def _asked(sizes: float | Sequence[float] | None) -> np.ndarray | None:
    if sizes is None:
        return None
    asked = np.atleast_1d(np.asarray(sizes, "float64"))
    if asked.ndim > 1 or not len(asked) or not (np.isfinite(asked) & (asked > 0)).all():
        raise ValueError(f"sizes must be numbers above 0, not {sizes!r}")
    return asked


def states_of_rows(book: pd.DataFrame) -> Shown:
    """The states of a table of book rows (bid_1, bid_size_1, ...) or quotes (bid, bid_size, ...).

    Raises
    ------
    ValueError
        Names every column that is lacking.
    """
    levels = sum(str(c).startswith("bid_size_") for c in book.columns)
    names = [[f"{side}_{m}" for m in range(1, levels + 1)] for side in ("bid", "ask")]
    names += [[f"{side}_size_{m}" for m in range(1, levels + 1)] for side in ("bid", "ask")]
    if not levels:
        names = [["bid"], ["ask"], ["bid_size"], ["ask_size"]]
    lacking = [c for some in names for c in some if c not in book.columns]
    if lacking:
        raise ValueError(f"the rows lack the columns {', '.join(lacking)}")
    sides = [book[some].to_numpy("float64") for some in names]
    places = np.arange(len(book))
    return shown(places, places, *sides)


def _of_rows(book: pd.DataFrame, sizes: float | Sequence[float] | None, side: str) -> pd.DataFrame:
    states, asked = states_of_rows(book), _asked(sizes)
    asked = usual_sizes(states) if asked is None else asked
    n, m = len(book), len(asked)
    about = book[[c for c in ("time", "seq", "symbol") if c in book.columns]]
    pieces = []
    for sign in SIDES[side]:
        walked = walk(states, asked, sign)
        size, mid = np.tile(asked, n), np.repeat(states.mid, m)
        filled, cost = walked.filled.ravel(), walked.cost.ravel()
        columns = {
            "row": np.repeat(np.arange(n), m),
            "state": np.array(STATES)[np.repeat(states.state, m)],
            "side": sign,
            "size": size,
            "mid": mid,
            "filled": filled,
            "unfilled": np.maximum(size - filled, 0.0),
            "price": mid + sign * cost / np.where(filled > 0, filled, np.nan),
            "cost": cost,
            "cost_a_unit": np.where(filled >= size * (1 - SAME), cost / size, np.nan),
            "slippage_bps": cost_bps(states, walked, asked).ravel(),
        }
        pieces.append(about.loc[about.index.repeat(m)].reset_index(drop=True).assign(**columns))
    found = pd.concat(pieces, ignore_index=True).astype({"state": "str"})
    return found.sort_values(["row", "side"], ascending=[True, False], kind="stable").reset_index(
        drop=True
    )


def _of_market(
    market: Market,
    sizes: float | Sequence[float] | None,
    freq: str | pd.Timedelta,
    symbol: str | Sequence[str] | None,
    source: str,
    least: float,
) -> pd.DataFrame:
    if not 0 < least <= 1:
        raise ValueError(f"least_known must be above 0 and at most 1, not {least}")
    asked = _asked(sizes)
    if asked is None:
        asked = _usual(market, symbol, source)
    pieces, table, levels = over_time(
        market,
        lambda states: _values(states, asked),
        5 * len(asked),
        freq=freq,
        symbol=symbol,
        source=source,
    )
    found = pd.concat([_long(piece, asked, least) for piece in pieces], ignore_index=True)
    found.attrs = {"freq": str(freq), "source": table, "levels": levels, "sizes": asked.tolist()}
    found.attrs["rows_outside"] = sum(piece.outside for piece in pieces)
    return found


def _usual(market: Market, symbol: str | Sequence[str] | None, source: str) -> np.ndarray:
    table, _ = source_of(market, source)
    rows = market[table]
    if symbol is not None:
        rows = rows[rows["symbol"].isin([symbol] if isinstance(symbol, str) else symbol)]
    return usual_sizes(states_of_rows(rows))


def _values(states: Shown, sizes: np.ndarray) -> np.ndarray:
    """Of each state buy, sell and round-trip cost, then what is unfilled of a buy and a sell."""
    walks = [walk(states, sizes, side) for side in (1.0, -1.0)]
    buy, sell = (cost_bps(states, some, sizes) for some in walks)
    left = [np.maximum(sizes - some.filled, 0.0) for some in walks]
    return np.column_stack([buy, sell, buy + sell, *left])


def _long(piece: Stood, sizes: np.ndarray, least: float) -> pd.DataFrame:
    """A row a bar and size."""
    n, m = len(piece.frame), len(sizes)
    means, known = (v.reshape(n, 5, m) for v in (piece.means, piece.known))
    costs = np.where(known[:, :3] >= least, means[:, :3], np.nan)
    columns = {"size": np.tile(sizes, n)}
    columns |= {
        name: costs[:, k].ravel()
        for k, name in enumerate(("buy_bps", "sell_bps", "round_trip_bps"))
    }
    for k, name in enumerate(("buy", "sell")):
        columns[f"{name}_filled_share"] = known[:, k].ravel()
    for k, name in enumerate(("buy", "sell")):
        columns[f"{name}_unfilled"] = means[:, 3 + k].ravel()
    rows = piece.frame.loc[piece.frame.index.repeat(m)].reset_index(drop=True)
    return rows.assign(**columns)
