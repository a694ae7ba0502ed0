"""Levels that are wrong: units lost by the record (a drift), and reports with error (noise).

A lost fill shifts the rebuilt inventory for good: a random walk is added to it, and it seems to
revert too slowly or not at all. A report with error is off for one bar only: white noise is added,
and inventory seems to revert too fast. Neither goes away with more data.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.sandbox.regression.gmm import IV2SLS

from mmresearch.estimate.autoregression import half_life_bars, unit_root_critical, within
from mmresearch.estimate.pairs import Pairs, inventory_pairs
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample
from mmresearch.estimate.sandwich import (
    SOME_DAYS,
    Rule,
    error_rule,
    small_sample_factor,
    sum_covariance,
)
from mmresearch.estimate.speed import bar_unit, no_speed, units

MOST_DRIFT = 0.05
INSTRUMENTS = ("second lag",)
FLAGS = {
    "reports_with_error": "least squares lies below the instrument's interval: levels are reported "
    "with error, and without the instrument inventory seems to revert too fast",
    "weak_instrument": "the level two bars back says too little (F below 10): the interval, which "
    "allows for that, is the answer, not the estimate",
    "interval_unbounded": "no rho can be excluded on at least one side",
}
_QUESTION = "Does the inventory revert, and how fast, if its levels are reported with error?"
_EQUATION = (
    r"J_t = I_t + u_t, \qquad J_t - \mu = \rho\,(J_{t-1} - \mu) + e_t + u_t - \rho\,u_{t-1},"
    r"\qquad J_{t-2}\ \mathrm{the\ instrument}"
)


class _Rows(NamedTuple):
    """Level y, the one before it x and the one before that z, less their means; their frame."""

    y: np.ndarray
    x: np.ndarray
    z: np.ndarray
    frame: pd.DataFrame


def drift_share(pairs: Pairs) -> float:
    """Variance of the drift over that of inventory corrected by it, 0 where nothing was reported.

    About the share by which the drift lengthens the half-life: with rho I_t the truth and a walk
    W_t beside it, 1 - rho shrinks by var(I) / (var(I) + var(W)).
    """
    if "drift" not in pairs.frame:
        return 0.0
    drift = pairs.frame["drift"].fillna(0.0).to_numpy(float) / pairs.frame["spread"].to_numpy()
    level = pairs.frame["inventory_end"].to_numpy(float) / pairs.frame["spread"].to_numpy() + drift
    bounds, means = pairs.design.bounds, pairs.design.means
    lost, held = (within(values, bounds, means=means) for values in (drift, level))
    return float((lost @ lost) / (held @ held)) if lost.any() else 0.0


def lost_units(pairs: Pairs) -> str:
    """Why the levels cannot be used, empty if reports find nothing lost, or too little to matter.

    The bound is a half-life that is longer by 5 % (`MOST_DRIFT`).
    """
    share = drift_share(pairs)
    if share <= MOST_DRIFT:
        return ""
    return (
        "reported positions part from the rebuilt inventory: the gap has"
        f" {100 * share:.0f} % of the inventory's variance (see mm.reconcile). Lost fills make the"
        " half-life too long: complete them; or, if it is the reports that err, estimate from a"
        " market without them, or from them alone with instrument='second lag'"
    )


def second_lag(panel: pd.DataFrame, *, intercept: str = "auto", errors: str = "auto") -> Result:
    """Rho by instrumental variables: the level two bars back stands in for the last one.

    See `inventory_reversion` with instrument="second lag".

    References
    ----------
    Anderson and Rubin (1949); Griliches and Hausman (1986).
    """
    pairs = inventory_pairs(panel, intercept=intercept, lags=1)
    rows = _lagged(pairs)
    reason = _cannot_tell(rows, pairs)
    if reason:
        return no_speed(_QUESTION, _EQUATION, pairs, reason)
    rule = _rule(rows.frame, errors)
    found = _Instrumented(rows, rule)
    return _answer(pairs, rows, rule, found)


class _Instrumented:
    """Just-identified IV of y on x by z with robust errors, and the Anderson-Rubin set."""

    def __init__(self, rows: _Rows, rule: Rule) -> None:
        days, bars = rows.frame["day"], rows.frame["bar_number"]
        factor = small_sample_factor(rule, len(rows.y), 1, days.nunique())

        def covariance(scores: np.ndarray) -> np.ndarray:
            return factor * sum_covariance(scores, days, rule, bars=bars)

        self.fit = IV2SLS(rows.y, rows.x, rows.z).fit()
        self.rho = float(self.fit.params[0])
        scores = rows.z * (rows.y - self.rho * rows.x)
        moment = rows.z @ rows.x
        self.se = math.sqrt(covariance(scores[:, None])[0, 0]) / abs(moment)
        self.fit._results.cov_params_default = np.array([[self.se**2]])
        self.least_squares = float(rows.x @ rows.y / (rows.x @ rows.x))
        first = moment / (rows.z @ rows.z)
        scores = rows.z * (rows.x - first * rows.z)
        self.f = moment**2 / covariance(scores[:, None])[0, 0]
        self.cov = covariance(np.column_stack([rows.z * rows.y, rows.z * rows.x]))
        self.moments = np.array([rows.z @ rows.y, moment])

    def statistic(self, rho: float) -> float:
        """Squared t of z in y - rho x with the null imposed; large: rho is not accepted."""
        weight = np.array([1.0, -rho])
        return float((weight @ self.moments) ** 2 / (weight @ self.cov @ weight))

    def accepted(self, critical: float) -> tuple[float, float]:
        """The ends of the set of rho whose statistic is at most `critical`: a quadratic in rho."""
        left = np.outer(self.moments, self.moments) - critical * self.cov
        a, b, c = left[1, 1], -2 * left[0, 1], left[0, 0]
        if a <= 0:
            return -math.inf, math.inf
        reach = math.sqrt(max(b * b - 4 * a * c, 0.0))
        return (-b - reach) / (2 * a), (-b + reach) / (2 * a)


def _lagged(pairs: Pairs) -> _Rows:
    """Rows whose bar before is in the same segment, less the mean of their group."""
    design = pairs.design
    kept = ~design.fresh
    z = np.append(0.0, design.x[:-1])[kept]
    frame = pairs.frame[kept].reset_index(drop=True)
    edges = np.append(np.flatnonzero(frame["group"].ne(frame["group"].shift())), len(frame))
    levels = np.column_stack([design.y[kept], design.x[kept], z])
    y, x, z = within(levels, edges, means=design.means).T if len(frame) else levels.T
    return _Rows(y, x, z, frame)


def _cannot_tell(rows: _Rows, pairs: Pairs) -> str:
    count = len(rows.y)
    if count - pairs.design.groups < 20:
        return f"{count} bars with two bars before them in their session leave too few: 20 needed"
    still = np.mean(pairs.design.x == pairs.design.y)
    if still > 0.5:
        return (
            f"in {100 * still:.0f} % of the bars no level changed: the level two bars back repeats"
            " the same report with the same error; use bars at least as long as between reports"
        )
    if not np.abs(rows.z).max() > 1e-9 * np.abs(pairs.design.y).max():
        return "every level two bars back is the same"
    return ""


def _rule(frame: pd.DataFrame, errors: str) -> Rule:
    if errors == "auto":
        errors = "cluster" if frame["day"].nunique() >= SOME_DAYS else "hac"
    if errors not in ("cluster", "hac", "HC1"):
        raise ValueError(f"with an instrument errors are auto, cluster, hac or HC1, not {errors!r}")
    return error_rule(frame["day"], errors=errors, bars=frame["bar_number"])


def _answer(pairs: Pairs, rows: _Rows, rule: Rule, found: _Instrumented) -> Result:
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    low, high = found.accepted(scipy.stats.t.ppf(0.975, rule.df) ** 2)
    t = (found.rho - 1) / found.se
    p = 2 * scipy.stats.t.sf(math.sqrt(found.statistic(1.0)), rule.df)
    method = "instrumental variable J[t-2], interval by inverting the Anderson-Rubin test"
    flags = _flags(found, low, high)
    said = [FLAGS[flag] for flag in flags]
    return Result(
        _QUESTION,
        _EQUATION,
        unit=units(unit, length),
        table=pd.DataFrame([["rho", found.rho, found.se, t, p, low, high]], columns=TIDY),
        sample=_sample(pairs, rows),
        errors=f"{rule.words}; interval and p of rho = 1 by Anderson-Rubin",
        fit=found.fit,
        quantities={
            "rho": Quantity("rho", found.rho, low, high, "a bar", method),
            "half_life": _half_life((low, found.rho, high), t, rule.df, (unit, length), method),
        },
        flags=(*flags, *rule.flags),
        details={
            "instrument": _instrument_table(found),
            "flags": pd.DataFrame({"flag": flags, "meaning": said}),
        },
    )


def _flags(found: _Instrumented, low: float, high: float) -> list[str]:
    raised = {
        "reports_with_error": found.least_squares < low,
        "weak_instrument": found.f < 10,
        "interval_unbounded": not np.isfinite([low, high]).all(),
    }
    return [name for name, on in raised.items() if on]


def _sample(pairs: Pairs, rows: _Rows) -> Sample:
    dropped = dict(pairs.sample.dropped)
    dropped["no bar before in the session"] = len(pairs.frame) - len(rows.y)
    return Sample(len(rows.y), dropped, rows.frame["day"].nunique(), pairs.sample.series)


def _instrument_table(found: _Instrumented) -> pd.DataFrame:
    """Least squares beside IV, what that says of the error in the levels, and the first stage."""
    rows = {
        "rho, least squares": found.least_squares,
        "rho, instrumented": found.rho,
        "error's share of the levels' variance": 1 - found.least_squares / found.rho,
        "first-stage F, robust": found.f,
    }
    return pd.DataFrame({"statistic": list(rows), "value": list(rows.values())})


def _half_life(
    rho: tuple[float, float, float], t: float, df: float, bar: tuple[str, float], method: str
) -> Quantity:
    unit, length = bar
    low, value, high = (length * half_life_bars(r) if math.isfinite(r) else math.nan for r in rho)
    reason = ""
    if t >= unit_root_critical(df) or not rho[2] < 1:
        reason, high = "a random walk (rho = 1) is not excluded", math.inf
    elif rho[1] <= 0:
        reason = "inventory changes sign from bar to bar (rho not above 0): use shorter bars"
    low = low if math.isfinite(low) else math.nan
    return Quantity("half-life", value, low, high, unit, method, not reason, reason)
