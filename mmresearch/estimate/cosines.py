"""Errors of means over events whose horizons overlap and whose sides persist.

A fill's markout and the next one's share most of their horizon; where sides persist too, both gain
or both lose by it. What an event adds to a mean's error is projected here on the slowest cosines of
the events' own clock (Lazarus, Lewis, Stock and Watson 2018): each projection is about normal with
the long-run variance, so that their mean square, with t of as many degrees of freedom, is honest
even where only a few fit in. How many do falls with the horizon and with persistence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.fft

from mmresearch.estimate.sandwich import SOME_DAYS, Rule
from mmresearch.measure.bars import Step, parse_freq

FEWEST_COSINES = 4
FEW_COSINES = 12  # with fewer, intervals are over 10 % wider than with many
_SECOND = 10**9
_MOST = 0.98  # so that p is at most 99


class Clock(NamedTuple):
    """Rows as events in order of time.

    event [n]: the event of each row. days [events]: its day. spanned: events that the longest
    horizon spans, the mean over rows. sides: events over which sides persist. words: what is one.
    """

    event: np.ndarray
    days: np.ndarray
    spanned: float
    sides: float
    words: str


def event_clock(rows: pd.DataFrame, horizons: list[str]) -> Clock:
    """The events of rows with symbol, day, time, seq and side, in any order.

    What is of one second, whatever its symbol, is one event, so that a burst is one. With a horizon
    in counts, what is of one instant; where days have no clock, each row.
    """
    steps = [parse_freq(horizon) for horizon in horizons]
    at = rows["time"].to_numpy("datetime64[ns]").view("int64")
    day = pd.factorize(rows["day"], sort=True)[0].astype("int64")
    counted = any(step.kind != "clock" for step in steps)
    place, words = (at, "of an instant") if counted else (at // _SECOND, "of a second")
    if counted and day.max() + 1 == len(np.unique(at)) < len(at):
        place, words = np.empty_like(at), ""
        place[np.lexsort((rows["seq"], day))] = np.arange(len(at))
    keys = np.column_stack([day, place])
    _, first, event = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    event, days = event.ravel(), day[first]
    series = pd.factorize(rows["symbol"])[0] * (day.max() + 1) + day
    moments = at[first] if counted else (at[first] // _SECOND) * _SECOND
    spans = [_spanned(event, days, moments, series, step) for step in steps]
    side = rows["side"].to_numpy("float64")
    return Clock(event, days, max(spans, default=0.0), _persisting(event, series, side), words)


def cosine_rule(clock: Clock, at_once: np.ndarray) -> Rule:
    """How many cosines, in numbers and words.

    at_once : array (events, k)
        What each event adds to the error of means that span no horizon (capture, spreads): their
        persistence counts as that of sides does.
    """
    events, count = len(clock.days), int(clock.days.max()) + 1
    persist = max(clock.sides, *[_span(_correlation(u, clock.days)) for u in at_once.T], 1.0)
    most = 0.41 * events ** (2 / 3)
    cosines = int(min(most, events / (2 * (clock.spanned + persist))))
    merged = f", all {clock.words} one event" if clock.words else ""
    days = f"{count} day" if count == 1 else f"{count} days"
    words = (
        f"{cosines} equal-weighted cosines over {events:,} events ({days}{merged}): "
        f"min(0.41 n^(2/3), n / (2 (h + p))) with h = {clock.spanned:.3g} events in the longest "
        f"horizon and p = (1 + r)/(1 - r) = {persist:.3g} that sides or captures persist; "
        f"t with {cosines} degrees of freedom"
    )
    if cosines < FEWEST_COSINES:
        words = f"not told: {words}, where {FEWEST_COSINES} are needed; take shorter horizons"
    flags = ("few_days",) if count < SOME_DAYS else ()
    flags += ("few_stretches",) if cosines < FEW_COSINES else ()
    return Rule("hac", cosines, float(cosines), words, flags)


def cosine_covariance(influence: np.ndarray, cosines: int) -> np.ndarray:
    """Covariance of the column sums of `influence` (events, m); missing with too few cosines."""
    if cosines < FEWEST_COSINES:
        return np.full((influence.shape[1],) * 2, np.nan)
    # type 2 is twice the sum of u_i cos(pi j (i + 1/2) / n), whose square is 2 / n times too small
    drawn = scipy.fft.dct(influence, type=2, axis=0)[1 : cosines + 1] / np.sqrt(2)
    return drawn.T @ drawn / cosines


def _spanned(
    event: np.ndarray, days: np.ndarray, moments: np.ndarray, series: np.ndarray, step: Step
) -> float:
    """Later events of the day that the horizon reaches, the mean over rows it is not cut short of.

    A count is taken as one of rows of the symbol, which is too long where others traded between.
    """
    if step.kind == "clock":
        ends = np.searchsorted(days, days, side="right")
        reached = np.searchsorted(moments, moments + step.size, side="right")
        whole = (moments + step.size <= moments[ends - 1])[event]
        spans = (np.minimum(reached, ends) - np.arange(len(days)) - 1)[event]
        return float(spans[whole].mean()) if whole.any() else float(np.bincount(days).max())
    order = np.lexsort((event, series))
    ahead, same = order[step.size :], order[: -step.size]
    within = series[ahead] == series[same]
    if not within.any():
        return float(len(days))
    return float((event[ahead] - event[same])[within].mean())


def _persisting(event: np.ndarray, series: np.ndarray, side: np.ndarray) -> float:
    """Events over which the sides of a series persist."""
    own = pd.DataFrame({"series": series, "event": event, "side": side})
    own = own.groupby(["series", "event"], as_index=False)["side"].mean()
    gap = own["event"].diff()[own["series"].diff() == 0]
    between = float(gap.mean()) if len(gap) else 1.0
    return between * _span(_correlation(own["side"].to_numpy(), own["series"].to_numpy()))


def _correlation(values: np.ndarray, groups: np.ndarray) -> float:
    """First-order autocorrelation within groups; 0 of what never varies."""
    away = values - values.mean()
    square = away @ away
    same = groups[1:] == groups[:-1]
    if not square > 1e-20 * (values @ values) or not same.any():
        return 0.0
    return float((away[1:] * away[:-1])[same].sum() / square)


def _span(correlation: float) -> float:
    kept = min(max(correlation, 0.0), _MOST)
    return (1 + kept) / (1 - kept)
