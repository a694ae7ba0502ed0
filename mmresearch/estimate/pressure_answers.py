"""Pressure and information from the rows of a regression, with intervals that count rho's error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.errors import Regression, regress
from mmresearch.estimate.pressure_parts import Parts, Reversion, fieller, pressure_parts
from mmresearch.estimate.pressure_rows import PressureRows, centred
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.sandwich import Rule
from mmresearch.estimate.wild import accepted, cluster_weights, wild_test

UNBOUNDED = (-np.inf, np.inf)
BOTH = "pressure is not, and without it neither is this"
MECHANICAL = (
    "the price is a function of what the pool holds: a change of its inventory is a change of its "
    "price by the curve (the total), whoever knows what, and the one reverts because the other does"
)
_FIELLER = "ratio by test inversion (Fieller), rho corrected for bias"
_LINES = ["const", "inventory_change", "inventory_surprise"]


class Answers(NamedTuple):
    """Fits on (change, surprise) and on (change, lag), the parts of the latter, and quantities.

    reverts: a unit root of inventory is rejected, without which pressure is not identified.
    """

    joint: Regression
    direct: Regression
    parts: Parts
    quantities: dict[str, Quantity]
    reverts: bool


def regressors(rows: PressureRows, reversion: Reversion, factor: str | None) -> pd.DataFrame:
    """y, const, inventory_change, inventory_surprise, inventory_lag and the factor, less means."""
    frame = rows.frame
    y, change, lag = (centred(frame[c], frame["series"]) for c in ("y", "change", "lag"))
    values = [y, 1.0, change, reversion.surprise, lag]
    table = pd.DataFrame(dict(zip(["y", *_LINES, "inventory_lag"], values, strict=True)))
    return table.assign(factor=centred(frame[factor], frame["series"])) if factor else table


def answers(
    lines: pd.DataFrame, rows: PressureRows, reversion: Reversion, rule: Rule, choice: dict
) -> Answers:
    """Both regressions of `lines` (as they are, or as a filter sees them) and what they answer.

    choice: level, draws, seed.
    """
    frame = rows.frame
    how = {"errors": rule.kind, "bars": frame["bar"], **choice}
    others = [c for c in ("factor",) if c in lines]
    joint = regress(lines["y"], lines[[*_LINES, *others]], frame["day"], **how)
    x = lines[["const", "inventory_change", "inventory_lag", *others]]
    direct = regress(lines["y"], x, frame["day"], **how)
    lag = centred(frame["lag"], frame["series"])
    parts = pressure_parts(direct.fit, lag, reversion, rule, frame)
    reverts = reversion.t < reversion.critical
    found = _quantities(lines, rows, direct.table, parts, reversion, rule, choice)
    return Answers(joint, direct, parts, found, bool(reverts) and not rows.mechanical)


def _quantities(
    lines: pd.DataFrame,
    rows: PressureRows,
    direct: pd.DataFrame,
    parts: Parts,
    reversion: Reversion,
    rule: Rule,
    choice: dict,
) -> dict[str, Quantity]:
    level = choice["level"]
    whole = direct.set_index("term").loc["inventory_change"]
    told = reversion.t < reversion.critical and not rows.mechanical
    pressure = _ratio_pressure(lines, rows, parts, rule, choice) if told else UNBOUNDED
    critical = scipy.stats.t.ppf((1 + level) / 2, rule.df)
    turn = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    spread = turn @ parts.covariance @ turn.T
    info = fieller(-parts.held, parts.pull, spread, critical) if told else UNBOUNDED
    kappa = information(parts)
    how = "wild bootstrap of the Anderson-Rubin test" if rule.kind == "wild" else _FIELLER
    unit = rows.unit
    weak = MECHANICAL if rows.mechanical else _weak(reversion)
    also = MECHANICAL if rows.mechanical else BOTH
    alpha = parts.total - kappa
    away = rows.frame["lag"] - rows.frame["lag"].groupby(rows.frame["series"]).transform("mean")
    return {
        "pressure": _quantity("pressure", alpha, pressure, unit, how, weak, level),
        "information": _quantity("information", kappa, info, unit, _FIELLER, also, level),
        "total": Quantity(
            "total", whole["estimate"], whole["low"], whole["high"], unit, "regression", level=level
        ),
        "pressure_sd": _pressure_sd(alpha, pressure, away.std(), also, level),
    }


def information(parts: Parts) -> float:
    """kappa: what lagged inventory does to the return, over what it does to the change."""
    return -parts.held / parts.pull if parts.pull else np.nan


def _ratio_pressure(
    lines: pd.DataFrame, rows: PressureRows, parts: Parts, rule: Rule, choice: dict
) -> tuple[float, float]:
    """Every a at which lagged inventory does not explain return - a * change."""
    top = parts.held + parts.pull * parts.total
    level = choice["level"]
    if rule.kind != "wild":
        turn = np.array([[1.0, parts.pull, parts.total], [0.0, 0.0, 1.0]])
        critical = scipy.stats.t.ppf((1 + level) / 2, rule.df)
        return fieller(top, parts.pull, turn @ parts.covariance @ turn.T, critical)
    others = [c for c in ("factor",) if c in lines]
    x = lines[["const", "inventory_lag", *others]].to_numpy()
    y, change = lines["y"].to_numpy(), lines["inventory_change"].to_numpy()
    groups = pd.factorize(rows.frame["day"])[0]
    weights = cluster_weights(groups.max() + 1, draws=choice["draws"], seed=choice["seed"])
    test = wild_test(y, change, x, 1, groups, weights)
    return accepted(test._replace(effect=np.array([top, parts.pull])), level=level)


def _weak(reversion: Reversion) -> str:
    return (
        f"inventory's reversion, which alone tells it from information, is not established "
        f"(rho {reversion.corrected:.3f} after correction, t of rho - 1 {reversion.t:.2f}, "
        f"a unit root is rejected below {reversion.critical:.2f})"
    )


def _quantity(
    name: str,
    value: float,
    interval: tuple[float, float],
    unit: str,
    method: str,
    reason: str,
    level: float,
) -> Quantity:
    low, high = interval
    bounded = bool(np.isfinite(low) and np.isfinite(high))
    reason = "" if bounded else reason
    return Quantity(name, float(value), low, high, unit, method, bounded, reason, level)


def _pressure_sd(
    alpha: float, interval: tuple[float, float], spread: float, reason: str, level: float
) -> Quantity:
    ends = np.abs(interval) * spread
    low = 0.0 if interval[0] <= 0 <= interval[1] else ends.min()
    how = "|pressure| times the standard deviation of inventory, taken as known"
    value = abs(alpha) * spread
    return _quantity("pressure sd", value, (low, ends.max()), "bps", how, reason, level)
