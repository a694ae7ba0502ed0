"""Half-lives, tests and tables of reversion that depends on the level."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from statsmodels.stats.diagnostic import acorr_breusch_godfrey

from mmresearch.estimate.autoregression import half_life_bars
from mmresearch.estimate.bands import Levels
from mmresearch.estimate.errors import Regression
from mmresearch.estimate.pairs import Pairs
from mmresearch.estimate.result import TIDY, Quantity

FLAGS = {
    "linearity_not_rejected": "one speed of reversion describes the data as well",
    "random_walk_not_rejected": "a random walk describes the data as well",
    "threshold_at_the_edge": "the interval of the threshold reaches the end of the search",
    "no_reversion_outside": "inventory moves away from its target when far from it",
    "residual_autocorrelation": "residuals of neighbouring bars are correlated: tests and "
    "intervals, which take them as uncorrelated, may be too sharp",
    "target_estimated": "distances are from the sample's mean: give the target if it is known",
    "opening_unknown": "the opening is not known: inventory is relative to the first event",
    "event_time": "bars are counts of trades: do not turn the half-life into time",
}


def middle(drawn: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of the draws; missing where no path could be drawn."""
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def life_of(
    name: str,
    b: float,
    ends: tuple[float, float],
    unit: str,
    length: float,
    method: str,
    reason: str,
) -> Quantity:
    """The half-life of a slope b = rho - 1 with its interval, or why it is not identified."""
    low, value, high = (length * half_life_bars(1 + at) for at in (ends[0], b, ends[1]))
    low = math.nan if math.isinf(low) else low
    reason = reason or _no_life(b, ends)
    return Quantity(name, value, low, high, unit, method, reason == "", reason)


def _no_life(b: float, ends: tuple[float, float]) -> str:
    if ends[0] > 0 or (b >= 0 and math.isnan(ends[0])):
        return "inventory moves away from its target there (rho above 1)"
    if not ends[1] < 0:
        return "a random walk (rho = 1) is inside the 95 % interval"
    if b <= -1:
        return "inventory changes sign from bar to bar (rho not above 0): use shorter bars"
    return ""


def with_intervals(table: pd.DataFrame, bounds: list[tuple[float, float]]) -> pd.DataFrame:
    """The regression's table with the intervals from paths."""
    lows, highs = zip(*bounds, strict=True)
    return table.assign(low=lows, high=highs)[TIDY]


def curve(levels: Levels, move: Callable[[np.ndarray], np.ndarray]) -> pd.DataFrame:
    """Expected change of inventory over a bar at 201 levels."""
    at = np.linspace(levels.x.min(), levels.x.max(), 201)
    return pd.DataFrame({"inventory": at + levels.centre, "change": move(at)})


def tests_table(rows: list[tuple]) -> pd.DataFrame:
    columns = ["test", "null", "alternative", "statistic", "critical_5", "p"]
    return pd.DataFrame(rows, columns=columns)


def flags_of(pairs: Pairs, base: Regression, unit: str, raised: dict[str, bool]) -> tuple[str, ...]:
    raised = raised | {
        "residual_autocorrelation": _correlated(base),
        "opening_unknown": not pairs.frame["opening_known"].all(),
        "event_time": unit == "bars",
    }
    return tuple(dict.fromkeys([*(name for name, on in raised.items() if on), *base.flags]))


def _correlated(base: Regression) -> bool:
    """Whether residuals of three neighbouring bars are correlated (Breusch 1978, Godfrey 1978)."""
    return acorr_breusch_godfrey(base.fit, nlags=3, result_object=True).lmpval < 0.01


def meanings(flags: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({"flag": flags, "meaning": [FLAGS.get(flag, "") for flag in flags]})


def units(unit: str, length: float) -> str:
    bar = {"sessions": "a session", "bars": "a count of trades"}.get(unit, f"{length:g} seconds")
    return f"slopes per bar of {bar}; half-lives in {unit}; threshold in units of inventory"
