"""From rho per bar to a half-life in time, and to its refusal."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import (
    Design,
    half_life_bars,
    jackknife_rho,
    kendall_rho,
    restricted,
)
from mmresearch.estimate.inversion import Inversion
from mmresearch.estimate.pairs import Pairs
from mmresearch.estimate.result import Quantity, Result, refused


def bar_unit(rows: pd.DataFrame, *, daily: bool) -> tuple[str, float]:
    """The unit of time and a bar's length in it: ("seconds", D), ("sessions", 1) or ("bars", 1).

    Clock bars have one length, but for the last of a session.
    """
    if daily:
        return "sessions", 1.0
    seconds = (rows["end"] - rows["start"]).dt.total_seconds()
    last = ~rows.duplicated(["account", "symbol", "day"], keep="last")
    lengths = seconds[~last].unique()
    if len(lengths) == 1 and lengths[0] > 0:
        return "seconds", float(lengths[0])
    return "bars", 1.0


def units(unit: str, length: float) -> str:
    """The units of a reversion result, in words."""
    bar = {"sessions": "a session", "bars": "a count of trades"}.get(unit, f"{length:g} seconds")
    return f"rho per bar of {bar}; half-life in {unit}"


def bars_at(design: Design, rho: float) -> float:
    """Half-life in bars at a rho, with the momentum that fits the data best under it."""
    if not math.isfinite(rho):
        return half_life_bars(1.0 if rho > 0 else 0.0) if not math.isnan(rho) else math.nan
    return half_life_bars(rho, restricted(design, rho)[0])


def rho_of(found: Inversion, method: str) -> Quantity:
    """The median-unbiased rho with its interval."""
    bounded = bool(np.isfinite([found.low, found.median, found.high]).all())
    reason = "" if bounded else "a bound was not found within the range searched"
    name = "rho, median-unbiased"
    return Quantity(name, found.median, found.low, found.high, "a bar", method, bounded, reason)


def half_life_of(
    design: Design, found: Inversion, unit: str, length: float, method: str
) -> Quantity:
    """The half-life with its interval, or why it is not identified."""
    low, value, high = (
        length * bars_at(design, rho) for rho in (found.low, found.median, found.high)
    )
    low = math.nan if math.isinf(low) else low  # nothing is known of a half-life that is not there
    return Quantity("half-life", value, low, high, unit, method, *_verdict(found))


def _verdict(found: Inversion) -> tuple[bool, str]:
    if found.low > 1:
        return False, "inventory moves away from its mean (rho above 1): it trends"
    if found.high >= 1:
        return False, "a random walk (rho = 1) is inside the 95 % interval"
    if found.median <= 0:
        return False, "inventory changes sign from bar to bar (rho not above 0): use shorter bars"
    return True, ""


def estimators_table(design: Design, found: Inversion, unit: str, length: float) -> pd.DataFrame:
    """Four estimates of rho side by side, with their half-lives. Kendall's is for one lag."""
    first_order = not design.changes.shape[1]
    rho = {
        "OLS": found.rho,
        "Kendall": kendall_rho(found.rho, len(design.x), design.groups) if first_order else np.nan,
        "jackknife": jackknife_rho(design),
        "median-unbiased": found.median,
    }
    table = pd.DataFrame({"estimator": list(rho), "rho": list(rho.values())})
    return _with_lives(table, design, unit, length)


def bounds_table(design: Design, found: Inversion, unit: str, length: float) -> pd.DataFrame:
    """The interval's ends and the median-unbiased estimate, with Monte Carlo errors."""
    table = pd.DataFrame(
        {
            "point": ["low", "median-unbiased", "high"],
            "rho": [found.low, found.median, found.high],
            "monte_carlo_error": found.errors,
        }
    )
    return _with_lives(table, design, unit, length)


def _with_lives(table: pd.DataFrame, design: Design, unit: str, length: float) -> pd.DataFrame:
    lives = [length * bars_at(design, rho) for rho in table["rho"]]
    return table.assign(half_life=lives, unit=unit)


def no_speed(question: str, equation: str, pairs: Pairs, reason: str) -> Result:
    """The result for data that cannot tell rho: no number, and the reason."""
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    return refused(
        question,
        equation,
        unit=units(unit, length),
        sample=pairs.sample,
        reason=reason,
        names=["rho", "half_life"],
        units={"rho": "per bar", "half_life": unit},
        called={"half_life": "half-life"},
        terms=["rho"],
        details={"estimators": pd.DataFrame(columns=["estimator", "rho", "half_life", "unit"])},
    )
