"""What flow does to the price where transfers move inventory without a trade."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from linearmodels.iv import IV2SLS

from mmresearch.estimate.causality_rows import CausalityRows
from mmresearch.estimate.causality_var import FLOW, PRICE, design
from mmresearch.estimate.pressure_parts import fieller
from mmresearch.estimate.result import Quantity, unknown
from mmresearch.estimate.sandwich import Rule, small_sample_factor, sum_covariance
from mmresearch.estimate.wild import accepted, cluster_weights, wild_test

FEWEST = 10  # bars with a transfer
WEAK = 10.0  # first-stage F below it (Staiger and Stock 1997)
_HOW = "two-stage least squares by transfers; interval of Anderson and Rubin (1949), {}"


class Instrumented(NamedTuple):
    """Quantities, least squares beside two stages, linearmodels' fit, flags."""

    quantities: dict[str, Quantity]
    table: pd.DataFrame
    fit: Any
    flags: tuple[str, ...]


def by_transfers(
    rows: CausalityRows, rule: Rule, unit: str, level: float, draws: int, seed: int
) -> Instrumented:
    """Return on flow in the same bar, flow instrumented by transfers, beside the lags of both.

    Transfers tell nobody anything and answer no price in the same bar, if they are an instrument:
    that is assumed, not tested. What is estimated is then what inventory does without news.
    """
    reason = _why_not(rows)
    if reason:
        return _refused(reason, unit, level)
    x, z = design(rows), rows.transfers
    flow, y = rows.now[:, FLOW], rows.now[:, PRICE]
    wide = np.column_stack([x, z])
    solve = np.linalg.pinv(wide)[-1]
    both = np.column_stack([y, flow])
    effect = solve @ both
    left = both - wide @ (np.linalg.pinv(wide) @ both)
    days = rows.day
    covariance = sum_covariance(solve[:, None] * left, days, rule, bars=rows.bar)
    covariance *= small_sample_factor(rule, len(y), wide.shape[1], days.nunique())
    strength = float(effect[1] ** 2 / covariance[1, 1])
    fit = _two_stages(y, x, flow, z, days)
    value = float(fit.params["flow"])
    if rule.kind == "wild":
        groups = pd.factorize(days)[0]
        weights = cluster_weights(groups.max() + 1, draws=draws, seed=seed)
        test = wild_test(y, flow, wide, wide.shape[1] - 1, groups, weights)
        low, high = accepted(test, level=level)
    else:
        critical = scipy.stats.t.ppf((1 + level) / 2, rule.df)
        low, high = fieller(effect[0], effect[1], covariance, critical)
    weak = strength < WEAK
    bounded = math.isfinite(low) and math.isfinite(high)
    reason = "" if bounded else f"transfers hardly move the flow (first-stage F {strength:.2f})"
    how = _HOW.format("wild bootstrap by day" if rule.kind == "wild" else rule.kind)
    table = _beside(rows, value, low, high, rule, level, strength)
    p = float(scipy.stats.f.sf(strength, 1, rule.df))
    return Instrumented(
        {
            "by_transfers": Quantity(
                "flow's effect, by transfers", value, low, high, unit, how, bounded, reason, level
            ),
            "first_stage_f": Quantity(
                "first-stage F", strength, strength, strength, "", f"robust, p {p:.2g}"
            ),
        },
        table,
        fit,
        ("weak_instrument",) if weak else (),
    )


def _why_not(rows: CausalityRows) -> str:
    if rows.transfers is None:
        return "there are no transfers: nothing moves inventory without a trade"
    count = int((rows.transfers != 0).sum())
    if count < FEWEST:
        return f"only {count} of the bars used hold a transfer, and {FEWEST} are needed"
    if rows.source.mechanical:
        return "the price is a function of the pool's inventory: what is put in is no trade"
    return ""


def _refused(reason: str, unit: str, level: float) -> Instrumented:
    names = {
        "by_transfers": ("flow's effect, by transfers", unit),
        "first_stage_f": ("first-stage F", ""),
    }
    quantities = {key: unknown(name, of, reason, level) for key, (name, of) in names.items()}
    columns = ["estimator", "estimate", "low", "high", "what"]
    return Instrumented(quantities, pd.DataFrame(columns=columns), None, ())


def _two_stages(
    y: np.ndarray, x: np.ndarray, flow: np.ndarray, z: np.ndarray, day: pd.Series
) -> Any:
    names = ["const", *(f"lag_{j}" for j in range(1, x.shape[1]))]
    model = IV2SLS(
        pd.Series(y, name="return"),
        pd.DataFrame(x, columns=names),
        pd.Series(flow, name="flow"),
        pd.Series(z, name="transfers"),
    )
    if day.nunique() < 2:
        return model.fit(cov_type="robust")
    groups = pd.Series(pd.factorize(day)[0], name="day")
    return model.fit(cov_type="clustered", clusters=groups, debiased=True)


def _beside(
    rows: CausalityRows,
    value: float,
    low: float,
    high: float,
    rule: Rule,
    level: float,
    strength: float,
) -> pd.DataFrame:
    """Least squares, which takes the price's own effect on flow for flow's, beside the other."""
    x = np.column_stack([design(rows), rows.now[:, FLOW]])
    solve = np.linalg.pinv(x)
    b = solve @ rows.now[:, PRICE]
    left = rows.now[:, PRICE] - x @ b
    variance = sum_covariance((solve[-1] * left)[:, None], rows.day, rule, bars=rows.bar)[0, 0]
    variance *= small_sample_factor(rule, len(left), x.shape[1], rows.day.nunique())
    reach = float(scipy.stats.t.ppf((1 + level) / 2, rule.df) * variance**0.5)
    bars = int((rows.transfers != 0).sum())
    lines = [
        ("least squares", b[-1], b[-1] - reach, b[-1] + reach, "all flow"),
        ("two stages", value, low, high, f"{bars} bars with transfers, F {strength:.1f}"),
    ]
    return pd.DataFrame(lines, columns=["estimator", "estimate", "low", "high", "what"])
