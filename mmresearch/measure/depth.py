"""How much is shown, how near, and for how much of the time: the depth of a book bar by bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.book_states import SAME, Shown, distance_bps, within
from mmresearch.measure.standing import LEAST_KNOWN, over_time

_ALWAYS = ["mid", "spread_bps", "bid_depth", "ask_depth", "bid_slope", "ask_slope", "levels"]
_ALWAYS += ["reach_bps"]


def depth(
    market: Market,
    *,
    freq: str | pd.Timedelta = "1min",
    within_bps: Sequence[float] = (1, 5, 10),
    symbol: str | Sequence[str] | None = None,
    source: str = "auto",
    least_known: float = LEAST_KNOWN,
) -> pd.DataFrame:
    """Size at the best quotes and within so many basis points of the mid, in means over time.

    Means are over the time of the bar in which the quotes are ordinary: both sides stand, the bid
    below the ask, no halt. The time in which they are not is counted apart, by what was wrong.

    Parameters
    ----------
    market : Market
        With a book of several levels, or with quotes (one level).
    freq : str
        As in `panel`: a clock step, a count of prints, "1D".
    within_bps : sequence of float
        Distances k from the mid, in basis points of it.
    symbol : str or list, optional
        Which; all that have quotes or a book if not given.
    source : str
        "book", "quotes", or "auto": the book if it has several levels.
    least_known : float
        Share of the quoted time that a distance must be known for. A book that shows n levels ends
        nearer to the mid the thicker it is: where it ends within k, the depth within k is not
        known, and a mean over the rest would be one of thin moments.

    Returns
    -------
    DataFrame
        A row a bar, as in `panel`: symbol, day, bar, start, end, time_of_day, gap.

        seconds: observed; of "24/7" without what lies before the first event and after the last.
        quoted_share, locked_share, crossed_share, one_sided_share, unquoted_share (no side, or no
        quote in the session yet), halted_share: of these seconds; they sum to 1. halted_share is
        missing where no table of orders would tell.

        mid (currency), spread_bps (full, of the mid); bid_depth, ask_depth (units at the best),
        depth (their mean, as in `panel`); bid_slope, ask_slope, slope (units a basis point: least
        squares of the size up to each level on its distance from the mid, with an intercept;
        missing with one level); levels (shown, mean of both sides); reach_bps (distance of the last
        level shown, the nearer side).

        For each k bid_depth_{k}bps, ask_depth_{k}bps and their mean depth_{k}bps (units), over the
        time in which both sides are known, known_{k}bps: its share of the quoted time. Missing
        where that is below `least_known`. All known at the bar's end.

        attrs: freq, source, levels, rows_outside (of every session).

    Raises
    ------
    ValueError
        No quotes and no book; distances that are not above 0; sessions without a clock.

    References
    ----------
    Biais, Hillion and Spatt (1995), An empirical analysis of the limit order book and the order
    flow in the Paris Bourse, Journal of Finance 50: size by distance from the best quotes.
    """
    distances = _distances(within_bps)
    if not 0 < least_known <= 1:
        raise ValueError(f"least_known must be above 0 and at most 1, not {least_known}")
    names = [*_ALWAYS, *(f"{side}_depth_{k:g}bps" for k in distances for side in ("bid", "ask"))]
    pieces, table, levels = over_time(
        market,
        lambda states: shown_values(states, distances),
        len(names),
        freq=freq,
        symbol=symbol,
        source=source,
    )
    found = pd.concat([_piece(*piece[:3], names, distances, least_known) for piece in pieces])
    found = found.reset_index(drop=True)
    outside = sum(piece.outside for piece in pieces)
    found.attrs = {"freq": str(freq), "source": table, "levels": levels, "rows_outside": outside}
    return found


def shown_values(states: Shown, distances: Sequence[float]) -> np.ndarray:
    """The numbers of `depth` in each state [n, 8 + 2 k], in its order."""
    away = distance_bps(states)
    bid, ask = states.price[:, :, 0]
    columns = [states.mid, 1e4 * (ask - bid) / states.mid, *states.size[:, :, 0]]
    columns += [*_slopes(states, away)]
    there = ~np.isnan(states.price)
    columns += [there.sum(axis=(0, 2)) / 2, np.where(there, away, -np.inf).max(axis=2).min(axis=0)]
    for k in distances:
        both = within(states, away, k)
        columns += [*np.where(np.isnan(both).any(axis=0), np.nan, both)]
    return np.column_stack(columns)


def _slopes(states: Shown, away: np.ndarray) -> np.ndarray:
    """Least squares of the size up to each level on its distance [side, n]; two levels or more."""
    there = ~np.isnan(away)
    total = np.cumsum(np.where(there, states.size, 0.0), axis=2)
    many = there.sum(axis=2, keepdims=True)
    x = np.where(there, away, 0.0)
    y = np.where(there, total, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(there, x - x.sum(axis=2, keepdims=True) / many, 0.0)
        square = (x * x).sum(axis=2)
        return np.where((many[:, :, 0] > 1) & (square > SAME), (x * y).sum(axis=2) / square, np.nan)


def _piece(
    frame: pd.DataFrame,
    means: np.ndarray,
    known: np.ndarray,
    names: list[str],
    distances: Sequence[float],
    least: float,
) -> pd.DataFrame:
    """One symbol's rows: the means, those of both sides, and how much of the time is known."""
    value = dict(zip(names, means.T, strict=True))
    share = dict(zip(names, known.T, strict=True))
    columns = {name: value[name] for name in ("mid", "spread_bps")}
    for what in ("depth", "slope"):
        bid, ask = value[f"bid_{what}"], value[f"ask_{what}"]
        columns |= {f"bid_{what}": bid, f"ask_{what}": ask, what: (bid + ask) / 2}
    columns |= {name: value[name] for name in ("levels", "reach_bps")}
    for k in distances:
        told = share[f"bid_depth_{k:g}bps"]
        bid, ask = (
            np.where(told >= least, value[f"{side}_depth_{k:g}bps"], np.nan)
            for side in ("bid", "ask")
        )
        mine = {f"bid_depth_{k:g}bps": bid, f"ask_depth_{k:g}bps": ask}
        columns |= mine | {f"depth_{k:g}bps": (bid + ask) / 2, f"known_{k:g}bps": told}
    return frame.assign(**columns)


def _distances(within_bps: Sequence[float]) -> list[float]:
    asked = [float(k) for k in within_bps]
    if not all(np.isfinite(asked)) or min(asked, default=1.0) <= 0 or len(set(asked)) < len(asked):
        raise ValueError(f"within_bps must be different distances above 0, not {list(within_bps)}")
    return asked
