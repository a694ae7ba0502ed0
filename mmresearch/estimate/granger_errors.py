"""Which rows of Granger's equations may have errors in common: days, blocks inside days, or none.

Newey-West's F finds too much where days are few (9 % of 5 % with 3 days) or a few bars of the cause
are far out, for its variance is then told by those bars. Blocks of bars whose signs are drawn bring
the statistic's own law along, far bars and all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.sandwich import SOME_DAYS, Rule, error_rule, newey_west_lags
from mmresearch.estimate.wild import WEBB_BELOW

_MOST_BLOCKS = 200  # more tell no more of a law and cost as much again
_FEWEST_BLOCKS = 12  # from there on signs of +1 and -1 do


class Errors(NamedTuple):
    """The rule, and by row [n] its group, its place in it, and the day whose level is taken out.

    level is None where a constant for all is enough.
    """

    rule: Rule
    group: np.ndarray
    bar: np.ndarray
    level: np.ndarray | None


def errors_of(day: np.ndarray, bar: np.ndarray, errors: str, lags: int, daily: bool) -> Errors:
    """By day where days are many for the lags that are tested, else by blocks within days."""
    count = len(np.unique(day))
    if errors == "auto":
        errors = "wild" if not daily and count >= max(SOME_DAYS, 2 * lags + 1) else "blocks"
    days, steps = (np.zeros(len(day), int), np.arange(len(day))) if daily else (day, bar)
    level = days if errors in ("blocks", "hac", "HC1") else None
    if errors == "blocks":
        group, rule = _by_block(days, lags, daily)
    else:
        told = {"errors": errors, "bars": pd.Series(steps), "params": 2 * lags + 1}
        group, rule = days, error_rule(pd.Series(days), **told)
    return Errors(rule._replace(flags=()) if daily else rule, group, steps, level)


def block_length(rows: int, lags: int) -> int:
    """Twice the reach of Newey-West's lags, if that leaves 12 blocks and 3 a lag, and 200 or so."""
    long = max(2 * (newey_west_lags(rows) + 1), rows // _MOST_BLOCKS)
    return max(min(long, rows // max(_FEWEST_BLOCKS, 3 * lags)), 1)


def blocks(day: np.ndarray, length: int) -> np.ndarray:
    """The block of each row: of nearly equal lengths, none across a session's edge."""
    found, upto = np.zeros(len(day), int), 0
    for one in pd.unique(day):
        here = np.flatnonzero(day == one)
        many = max(round(len(here) / length), 1)
        found[here] = upto + np.arange(len(here)) * many // len(here)
        upto += many
    return found


def _by_block(day: np.ndarray, lags: int, daily: bool) -> tuple[np.ndarray, Rule]:
    length = block_length(len(day), lags)
    group = blocks(day, length)
    count, days = len(np.unique(group)), len(np.unique(day))
    what, within = ("sessions", "") if daily else ("bars", f" within days ({days})")
    weights = "Webb" if count < WEBB_BELOW else "Rademacher"
    words = (
        f"restricted wild bootstrap-t by {count} blocks of about {length} {what}{within}, "
        f"{weights} weights, intervals by test inversion"
    )
    flags = ("few_days",) if days < SOME_DAYS else ()
    return group, Rule("wild", 0, count - 1, words, flags)
