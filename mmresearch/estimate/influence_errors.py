"""Errors of estimates from what each row adds to them, with rows that come in bursts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.cosines import FEWEST_COSINES, cosine_covariance, cosine_rule, event_clock
from mmresearch.estimate.result import TIDY
from mmresearch.estimate.sandwich import SOME_DAYS, Rule, error_rule

ERRORS = ("auto", "cluster", "hac")


class Pieces(NamedTuple):
    """Which piece each row is of: a day, or with cosines an event of a second.

    rule: None until the persistence of what is estimated is known (cosines).
    """

    piece: np.ndarray
    many: int
    rule: Rule | None
    clock: object


def pieces_of(rows: pd.DataFrame, errors: str) -> Pieces:
    """Pieces of rows with symbol, day, time, seq, side: by day from six days on, else events."""
    days = pd.factorize(rows["day"], sort=True)[0]
    count = int(days.max()) + 1
    if errors == "auto":
        errors = "cluster" if count >= SOME_DAYS else "hac"
    if errors == "cluster":
        return Pieces(days, count, error_rule(rows["day"], errors="cluster"), None)
    clock = event_clock(rows, [])
    return Pieces(clock.event, len(clock.days), None, clock)


def covariance_of(
    pieces: Pieces, columns: Iterable[np.ndarray], leading: slice = slice(None)
) -> tuple[np.ndarray, Rule]:
    """Joint covariance of estimates, and the rule; each column is what the rows add to one.

    The persistence that the number of cosines allows for is the largest among those `leading`.
    """
    summed = np.column_stack([np.bincount(pieces.piece, c, pieces.many) for c in columns])
    if pieces.rule is not None:
        factor = pieces.many / (pieces.many - 1)
        return summed.T @ summed * factor, pieces.rule
    rule = cosine_rule(pieces.clock, summed[:, leading])
    return cosine_covariance(summed, rule.lags), rule


def told(rule: Rule) -> bool:
    """Whether there are errors at all."""
    return rule.kind != "hac" or rule.lags >= FEWEST_COSINES


def plain_rows(
    terms: list[str], estimates: np.ndarray, covariance: np.ndarray, rule: Rule, level: float
) -> pd.DataFrame:
    """A row a term, with symmetric intervals."""
    spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(spread > 0, estimates / spread, np.nan)
    reach = scipy.stats.t.ppf((1 + level) / 2, rule.df) * spread
    p = 2 * scipy.stats.t.sf(np.abs(t), rule.df)
    columns = [terms, estimates, spread, t, p, estimates - reach, estimates + reach]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def share_bounds(
    share: np.ndarray, spread: np.ndarray, critical: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of shares that stay between 0 and 1: symmetric in log(share/(1 - share)).

    Missing where the share is none or all: nothing varies, which tells no error.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.log(share / (1 - share))
        reach = critical * spread / (share * (1 - share))
        low, high = (1 / (1 + np.exp(-(middle + sign * reach))) for sign in (-1, 1))
    varies = (share > 1e-12) & (share < 1 - 1e-12)
    return np.where(varies, low, np.nan), np.where(varies, high, np.nan)


def crossing(inside: Callable[[float], bool], begin: float, end: float, steps: int = 20) -> float:
    """Where between `begin`, at which it holds, and `end` it holds no longer, by halving."""
    for _ in range(steps):
        middle = (begin + end) / 2
        begin, end = (middle, end) if inside(middle) else (begin, middle)
    return end
