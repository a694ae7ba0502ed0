"""What the dealer's model says of its coefficients: signs, sizes, one weight found twice."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.errors import Regression
from mmresearch.estimate.pressure_parts import fieller

_SHADE, _SPREAD = "b3/|b2|, from shading", "|b5|/b4, from the spread"


class Fits(NamedTuple):
    """The regression, the same with b2 + b3 and b4 + b5 as coefficients, and t's critical value."""

    own: Regression
    sums: Regression
    critical: float
    level: float


def share(fits: Fits, lag: str, now: str) -> tuple[float, float, float]:
    """-lag/now with Fieller's interval, unbounded where `now` may be 0."""
    params = fits.own.fit.params
    covariance = fits.own.fit.cov_params().loc[[lag, now], [lag, now]].to_numpy()
    turn = np.array([-1.0, 1.0])
    interval = fieller(-params[lag], params[now], covariance * np.outer(turn, turn), fits.critical)
    return (-params[lag] / params[now], *interval)


def priors(fits: Fits) -> pd.DataFrame:
    weights = {
        _SHADE: share(fits, "inventory_lag", "inventory"),
        _SPREAD: share(fits, "direction_lag", "direction"),
    }
    columns = ["estimate", "low", "high"]
    return pd.DataFrame.from_dict(weights, orient="index", columns=columns).rename_axis("weight")


def restrictions(fits: Fits) -> pd.DataFrame:
    """What the model says of its coefficients, with the estimate that tells and its interval."""
    own, sums = (f.table.set_index("term")[["estimate", "low", "high"]] for f in fits[:2])
    down = [-sums.loc["inventory", name] for name in ("estimate", "high", "low")]
    told = [
        ("b1 > 0", *own.loc["size"], 1),
        ("b2 < 0", *own.loc["inventory"], -1),
        ("b3 > 0", *own.loc["inventory_lag"], 1),
        ("|b2| > b3", *down, 1),
        ("b4 > 0", *own.loc["direction"], 1),
        ("b5 < 0", *own.loc["direction_lag"], -1),
        ("b4 > |b5|", *sums.loc["direction"], 1),
    ]
    rows = [
        (name, mid, low, high, _verdict(low, high, side)) for name, mid, low, high, side in told
    ]
    rows.append(("b3/|b2| = |b5|/b4", *_same_weight(fits)))
    return pd.DataFrame(rows, columns=["restriction", "estimate", "low", "high", "verdict"])


def _verdict(low: float, high: float, side: int) -> str:
    if not low <= high:
        return "cannot tell"
    if side * (low if side > 0 else high) > 0:
        return "holds"
    return "rejected" if side * (high if side > 0 else low) < 0 else "cannot tell"


def _same_weight(fits: Fits) -> tuple[float, float, float, str]:
    """Weight by shading less weight by the spread, delta method; none where one is unbounded."""
    shade, spread = priors(fits).to_numpy()
    params, covariance = fits.own.fit.params, fits.own.fit.cov_params()
    slope = pd.Series(
        {
            "inventory_lag": -1 / params["inventory"],
            "inventory": -shade[0] / params["inventory"],
            "direction_lag": 1 / params["direction"],
            "direction": spread[0] / params["direction"],
        }
    )
    error = math.sqrt(slope @ covariance.loc[slope.index, slope.index] @ slope)
    apart, reach = shade[0] - spread[0], fits.critical * error
    if np.isinf([*shade, *spread]).any():
        return apart, -math.inf, math.inf, "cannot tell"
    verdict = "not rejected" if abs(apart) <= reach else "rejected"
    return apart, apart - reach, apart + reach, verdict
