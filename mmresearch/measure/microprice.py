"""The micro-price: the mid and where the sizes at the best quotes say that it will go.

Stoikov's estimator. A quote is in a state: its spread in ticks and its imbalance bid_size/(bid_size
+ ask_size) in a bucket. States follow each other as a Markov chain, and with some steps the mid
moves. The micro-price is the mid expected in the end: a martingale, if the chain is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.quotes import QUOTE, quote_blocks

BUCKETS = 11
FEWEST_MOVES = 30
_WIDEST = 20  # ticks: rows of the table at most
_USUAL = 0.99  # share of quotes whose spread has a row of its own
_PIECES = 20  # of the record, left out in turn for the errors
_AT_ONCE = 2**17  # quotes, whose columns stay in the processor's cache
_CIRCULAR = 1e-9  # of what is left when a chain and its mirror image never meet


class Moves(NamedTuple):
    """Steps of a chain: [pieces, n, n] between states, by how many ticks the mid moved [pieces, n].

    counts: valid quotes, not valid, steps, moves of the mid.
    """

    steps: np.ndarray
    shift: np.ndarray
    counts: np.ndarray


def microprice(
    market: Market,
    *,
    symbol: str | Sequence[str] | None = None,
    buckets: int = BUCKETS,
    most: int | None = None,
) -> pd.DataFrame:
    """What the micro-price adds to the mid, by spread and imbalance, in ticks.

    With P the steps between states and r the mean move of the mid at the next step, both made
    symmetric (each step counts once as it was and once with buyers and sellers turned), the
    adjustment is g = r + P g. That is the paper's sum of B^i G1, with G1 = (I - Q)^-1 R K and
    B = (I - Q)^-1 T, where P = Q + T: the steps that leave the mid alone and those that move it.

    Parameters
    ----------
    market : Market
        With quotes or a book, and the tick of each symbol (`symbols`).
    symbol : str or list, optional
        Which; all with quotes if not given.
    buckets : int
        Of imbalance, as wide each; odd, so that equal sizes are in the middle one, which adds
        nothing.
    most : int, optional
        The last row's spread in ticks, which takes all wider ones, 20 at most. If not given, so
        that 99 % of the quotes have a row of their spread alone.

    Returns
    -------
    DataFrame
        A row a symbol, spread and bucket: symbol, spread_ticks, imbalance_low, imbalance_high (an
        edge is the outer bucket's), quotes (in it, with another after it), adjustment_ticks (to be
        added to the mid; above 0 where more is bid for; missing where no quote and no mirror image
        of one was followed by another), std_error (of the record's 20 pieces, as long each, left
        out in turn), weighted_ticks (what the weighted mid adds in the bucket's middle). Steps are
        between valid quotes (both sides and sizes, ask above bid) of a session. Of the whole
        sample: a price that uses it knows the future. attrs: ticks, buckets, "counts" of each
        symbol: valid, not valid, steps, moves of the mid.

    Raises
    ------
    ValueError
        A symbol without a tick; fewer than 30 moves of the mid; sizes that lean one way throughout,
        so that nothing tells what their lean is worth; no quotes.

    References
    ----------
    Stoikov (2018), The micro-price: a high-frequency estimator of future prices, Quantitative
    Finance 18.
    """
    _refuse(market, buckets, most)
    names = [symbol] if isinstance(symbol, str) else symbol
    if names is None:
        every = sorted(market.symbols["symbol"])
        names = [name for name in every if _has_rows(market, name)] or every
    pieces, ticks, counts = [], {}, {}
    for name in names:
        moves, tick = _moves(market, name, buckets, most)
        pieces.append(_table(name, moves, buckets))
        words = ("valid", "not valid", "steps", "moves of the mid")
        counts[name] = dict(zip(words, moves.counts.tolist(), strict=True))
        ticks[name] = tick
    table = pd.concat(pieces, ignore_index=True)
    table.attrs = {"ticks": ticks, "buckets": buckets, "counts": counts}
    return table


def adjustments(market: Market, symbol: str) -> tuple[np.ndarray, float]:
    """What is added to the mid in ticks [spreads, buckets], where not known 0; the tick."""
    moves, tick = _moves(market, symbol, BUCKETS, None)
    return np.nan_to_num(_adjust(moves.steps.sum(axis=0), moves.shift.sum(axis=0), BUCKETS)), tick


def _refuse(market: Market, buckets: int, most: int | None) -> None:
    if "quotes" not in market and "book" not in market:
        raise ValueError("the micro-price needs quotes or a book, and the market has none")
    if isinstance(buckets, bool) or not isinstance(buckets, int) or buckets < 3 or not buckets % 2:
        raise ValueError(f"buckets must be an odd whole number from 3 up, not {buckets!r}")
    if most is not None and (not isinstance(most, int) or not 1 <= most <= _WIDEST):
        raise ValueError(f"most must be a whole number of ticks from 1 to {_WIDEST}, not {most!r}")


def _has_rows(market: Market, symbol: str) -> bool:
    return any(len(block["time"]) for block in quote_blocks(market, symbol, QUOTE) or ())


def _moves(market: Market, symbol: str, buckets: int, most: int | None) -> tuple[Moves, float]:
    """The steps of one symbol's chain, spreads above `most` together; the tick."""
    from mmresearch.measure.reference_kernels import count_moves  # numba: loaded only here

    market.calendar(symbol)  # refuses a symbol that is not there
    tick = float(market.symbols.set_index("symbol")["tick"][symbol])
    if not tick > 0:
        raise ValueError(
            f"the micro-price needs the tick of {symbol}, which the market's symbols do not tell"
        )
    sessions, span = market.sessions(symbol), market.span(symbol)
    opens, closes = (nanoseconds(sessions[name]) for name in ("open", "close"))
    edges = opens, closes, _pieces(opens, closes, span)
    rows = _WIDEST if most is None else most
    n = rows * buckets
    steps, shift = np.zeros((_PIECES, n, n)), np.zeros((_PIECES, n))
    counts, carried = np.zeros(4, np.int64), np.array([0, -1, 0, 0])
    for block in quote_blocks(market, symbol, QUOTE) or ():
        for at in range(0, len(block["time"]), _AT_ONCE):
            when, _, *sides = (values[at : at + _AT_ONCE] for values in block.values())
            shape = (rows, buckets)
            count_moves(when, tuple(sides), edges, tick, shape, carried, steps, shift, counts)
    if counts[3] < FEWEST_MOVES:
        raise ValueError(
            f"{symbol} has {counts[3]} moves of the mid, where the micro-price needs {FEWEST_MOVES}"
        )
    moves = Moves(steps, shift / 2, counts)
    return moves if most else _usual(moves, buckets), tick


def _pieces(
    opens: np.ndarray, closes: np.ndarray, span: tuple[pd.Timestamp, pd.Timestamp]
) -> np.ndarray:
    """When the record's pieces begin, each as long in sessions."""
    if not len(opens):
        return np.zeros(1, np.int64)
    opens, closes = np.maximum(opens, span[0].value), np.minimum(closes, span[1].value)
    passed = np.concatenate([[0], np.cumsum(np.maximum(closes - opens, 0))])
    wanted = passed[-1] / _PIECES * np.arange(_PIECES)
    row = np.minimum(np.searchsorted(passed, wanted, side="right") - 1, len(opens) - 1)
    return (opens[row] + (wanted - passed[row])).astype(np.int64)


def _usual(moves: Moves, buckets: int) -> Moves:
    """The rows of spreads that are not usual put together with the last that is."""
    by_spread = moves.steps.sum(axis=(0, 2)).reshape(-1, buckets).sum(axis=1)
    within = np.cumsum(by_spread) >= _USUAL * by_spread.sum()
    rows = int(np.argmax(within)) + 1
    place = np.arange(moves.steps.shape[1])
    place = np.minimum(place // buckets, rows - 1) * buckets + place % buckets
    merge = np.eye(rows * buckets)[place]
    steps = np.einsum("pxy,xa,yb->pab", moves.steps, merge, merge, optimize=True)
    return moves._replace(steps=steps, shift=moves.shift @ merge)


def _table(name: str, moves: Moves, buckets: int) -> pd.DataFrame:
    found = _adjust(moves.steps.sum(axis=0), moves.shift.sum(axis=0), buckets)
    spread = np.repeat(np.arange(1, len(found) + 1), buckets)
    low = np.tile(np.arange(buckets) / buckets, len(found))
    middle = low + 0.5 / buckets
    columns = {
        "symbol": pd.Series(name, index=range(len(spread)), dtype="str"),
        "spread_ticks": spread,
        "imbalance_low": low,
        "imbalance_high": low + 1 / buckets,
        "quotes": moves.steps.sum(axis=(0, 2)).astype("int64"),
        "adjustment_ticks": found.ravel(),
        "std_error": _errors(moves, buckets).ravel(),
        "weighted_ticks": spread * (middle - 0.5),
    }
    return pd.DataFrame(columns)


def _adjust(steps: np.ndarray, shift: np.ndarray, buckets: int) -> np.ndarray:
    """G = r + P g of the symmetric chain [spreads, buckets]; missing in states it never left.

    g of a state is less that of its mirror image, so that states with more bid for are enough.
    """
    states = np.arange(len(shift)).reshape(-1, buckets)
    upper, lower = states[:, buckets // 2 + 1 :].ravel(), states[:, buckets // 2 - 1 :: -1].ravel()
    both = steps + steps[np.ix_(*2 * (states[:, ::-1].ravel(),))]
    count = both.sum(axis=1)[upper]
    left = count > 0
    upper, lower, count = upper[left], lower[left], count[left]
    onward = (both[np.ix_(upper, upper)] - both[np.ix_(upper, lower)]) / count[:, None]
    rest = np.eye(len(upper)) - onward
    found = np.full(len(shift), np.nan)
    middle = states[:, buckets // 2]
    found[middle] = np.where(both.sum(axis=1)[middle] > 0, 0.0, np.nan)
    if len(upper):
        if np.linalg.cond(rest) * _CIRCULAR > 1:
            raise ValueError(_ONE_WAY)
        found[upper] = np.linalg.solve(rest, (shift[upper] - shift[lower]) / count)
        found[lower] = -found[upper]
    return found.reshape(-1, buckets)


_ONE_WAY = (
    "the sizes of some quotes lean one way throughout and are never balanced: nothing tells what"
    " their lean is worth in the end; take fewer buckets or a longer record"
)


def _errors(moves: Moves, buckets: int) -> np.ndarray:
    """Jackknife over the pieces of the record; missing where a piece's going leaves no answer."""
    there = moves.steps.any(axis=(1, 2))
    whole = moves.steps.sum(axis=0), moves.shift.sum(axis=0)
    left = []
    for piece in np.flatnonzero(there):
        try:
            rest = whole[0] - moves.steps[piece], whole[1] - moves.shift[piece]
            left.append(_adjust(*rest, buckets))
        except ValueError:
            left.append(np.full((len(whole[1]) // buckets, buckets), np.nan))
    n = len(left)
    if n < 2:
        return np.full((len(whole[1]) // buckets, buckets), np.nan)
    away = np.array(left) - np.mean(left, axis=0)
    return np.sqrt((n - 1) / n * (away**2).sum(axis=0))
