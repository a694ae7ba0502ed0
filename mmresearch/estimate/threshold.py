"""Whether reversion is faster far from the target than near it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import cannot_tell
from mmresearch.estimate.bands import (
    FORMS,
    Band,
    Levels,
    Smooth,
    band_move,
    centred,
    fit_band,
    fit_smooth_band,
    smooth_move,
)
from mmresearch.estimate.errors import regress
from mmresearch.estimate.pairs import Pairs, inventory_pairs, one_series
from mmresearch.estimate.result import Quantity, Result
from mmresearch.estimate.speed import bar_unit, no_speed
from mmresearch.estimate.threshold_rows import (
    curve,
    flags_of,
    life_of,
    meanings,
    middle,
    tests_table,
    units,
    with_intervals,
)

KINDS = ("setar", "estar")
_SIZE = 0.05
_QUESTION = "Does the inventory revert faster far from its target than near it?"
_EQUATIONS = {
    "band": r"\Delta I_t = b_{in}\,[x]_{-c}^{c} + b_{out}\,(x - [x]_{-c}^{c}) + e_t,"
    r"\qquad x = I_{t-1} - \mu",
    "jump": r"\Delta I_t = b_{in}\,x\,1\{|x| \le c\} + b_{out}\,x\,1\{|x| > c\} + e_t,"
    r"\qquad x = I_{t-1} - \mu",
    "estar": r"\Delta I_t = \theta\,x\,(1 - e^{-g x^2}) + e_t, \qquad x = I_{t-1} - \mu",
}


def threshold_reversion(
    panel: pd.DataFrame,
    *,
    account: str | None = None,
    symbol: str | None = None,
    kind: str = "setar",
    form: str = "band",
    target: float | None = None,
    quantiles: tuple[float, float] = (0.15, 0.95),
    draws: int = 399,
    errors: str = "auto",
    seed: int = 0,
) -> Result:
    """Half-lives of inventory near its target and far from it, and whether they differ at all.

    Parameters
    ----------
    panel : DataFrame
        As `mm.panel` makes it; one account and symbol, chosen by name if it holds more.
    account, symbol : str, optional
    kind : str
        "setar": two speeds with a threshold between them. "estar": a speed that rises smoothly with
        the distance.
    form : str
        Of "setar". "band": the change is continuous in the level, and far out it is the excess
        over the threshold that reverts. "jump": the whole distance reverts at one speed or another.
    target : float, optional
        Where the distance is measured from, in units of inventory. Unless given: 0 where every
        session opens flat, else the sample's mean, whose error makes the far side look slower: the
        interval of its speed then covers in 83 to 100 % of samples, that of a jump in 82 %.
    quantiles : tuple
        Of the distance |x|, between which a threshold is searched ("setar"). A maker's limit is
        passed seldom: searched up to 85 %, as is usual, a limit passed in 13 % of bars is missed.
    draws, seed : int
        Simulated paths.
    errors : str
        Of the table's std_error, as in `regress`, given the threshold (given g).

    Returns
    -------
    Result
        table: slopes of the change, b = rho - 1, with intervals from simulated paths.
        quantities: "half_life_inside", "half_life_outside" ("estar": at one and at two standard
        deviations from the target; seconds, "sessions" for daily bars) and "threshold" (units of
        inventory; "estar": the distance at which half of the full speed is reached).
        details: "linearity" (tests with their null, statistic, simulated critical value and p),
        "profile" ("setar": likelihood ratio at each threshold), "curve" (expected change by level),
        "target" (where distances are from), "flags". Where linearity is not rejected nothing is
        identified: a threshold has no meaning then.

    Notes
    -----
    The threshold is searched by least squares on 200 levels between quantiles of |x|; where the
    best is the last one searched, the answer is refused. Linearity: sup F against linear paths at
    the bias-corrected speed, errors the residuals with random signs (the threshold has no value
    under the null, so that no table of chi-square or F applies: Davies 1987, Hansen 1996).

    The interval of the threshold holds levels with n (SSR(c) / SSR - 1) below a critical value, a
    grid point wider on both sides: -2 ln(1 - sqrt(0.95)) = 7.35 in the jump form (Hansen 2000); in
    the continuous one, whose threshold is a regular parameter (Chan and Tsay 1998), the 95 %
    quantile of that ratio in paths with the fitted band (Hansen 2017). Intervals of slopes are the
    quantiles of slopes in those paths, the threshold searched again in each.

    "estar": the t of x^3 (Kapetanios, Shin and Snell 2003) against random walks, and of x^3 beside
    x against linear paths, both simulated.

    References
    ----------
    Tong (1990); Chan and Tsay (1998); Hansen (1996, 2000, 2017); Kapetanios, Shin and Snell (2003);
    Terasvirta (1994).
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
    pairs = inventory_pairs(one_series(panel, account=account, symbol=symbol))
    equation = _EQUATIONS[form if kind == "setar" else "estar"]
    reason = _cannot_tell(pairs)
    if reason:
        return _refused(equation, pairs, reason)
    if not 0 <= quantiles[0] < quantiles[1] <= 1:
        raise ValueError(f"quantiles must rise within 0 and 1, not {quantiles}")
    if target is None and pairs.intercept == "none":
        target = 0.0
    levels = centred(pairs.design, target)
    if kind == "setar":
        band = fit_band(levels, form=form, quantiles=quantiles, draws=draws, seed=seed)
        found = _of_band(levels, band, form)
    else:
        found = _of_smooth(levels, fit_smooth_band(levels, draws=draws, seed=seed))
    return _result(equation, pairs, levels, found, errors, seed)


def _cannot_tell(pairs: Pairs) -> str:
    reason = cannot_tell(
        pairs.design, 10
    )  # 100 pairs: five or more on the smaller side of a threshold
    if reason:
        return reason
    if pairs.design.groups > 1:
        return f"the level is known over {pairs.design.groups} separate stretches only: give one"
    distances = len(np.unique(np.abs(pairs.design.x)))
    few = f"inventory opens bars at only {distances} distances from 0, 10 are needed"
    return few if distances < 10 else ""


class _Answer(NamedTuple):
    """What the two models have in common: all that a result is made of.

    columns: the regressors. slopes: the middle of each coefficient's draws. lives: label, b and its
    ends of each half-life. threshold: label, value, low, high, how, and why it is not identified.
    """

    columns: dict[str, np.ndarray]
    slopes: list[tuple[float, float]]
    lives: dict[str, tuple[str, float, tuple[float, float]]]
    threshold: tuple[str, float, float, float, str, str]
    reason: str
    method: str
    raised: dict[str, bool]
    tests: list[tuple]
    move: Callable[[np.ndarray], np.ndarray]
    more: dict[str, pd.DataFrame]


def _of_band(levels: Levels, band: Band, form: str) -> _Answer:
    unit_slopes = {"b_in": (1.0, 0.0), "b_out": (0.0, 1.0)}
    inside, outside = (middle(drawn) for drawn in band.drawn.T)
    reason, edge = _band_reason(band), band.low == 0 or band.high == math.inf
    why = reason or ("its interval reaches the end of the search" if edge else "")
    how = f"levels with a likelihood ratio below {band.ratio:.3g}"
    return _Answer(
        columns={k: band_move(levels.x, band.c, *b, form) for k, b in unit_slopes.items()},
        slopes=[inside, outside],
        lives={
            "half_life_inside": ("half-life inside", band.b_in, inside),
            "half_life_outside": ("half-life outside", band.b_out, outside),
        },
        threshold=("threshold", band.c, band.low, band.high, how, why),
        reason=reason,
        method=f"{len(band.drawn)} paths with the fitted band, its threshold searched in each",
        raised={
            "linearity_not_rejected": band.p > _SIZE,
            "threshold_at_the_edge": edge,
            "no_reversion_outside": band.b_out >= 0,
        },
        tests=[("sup F", "one speed", "two speeds", band.sup_f, band.critical, band.p)],
        move=lambda at: band_move(at, band.c, band.b_in, band.b_out, form),
        more={"profile": pd.DataFrame(band.profile, columns=["threshold", "likelihood_ratio"])},
    )


def _band_reason(band: Band) -> str:
    if band.p > _SIZE:
        return f"one speed describes the data as well (sup F, p = {band.p:.2g})"
    if band.at_end:
        return "the best threshold is the last one searched: widen the quantiles"
    return ""


def _of_smooth(levels: Levels, smooth: Smooth) -> _Answer:
    g, theta = smooth.drawn.T
    sd = math.sqrt(np.mean(levels.x**2))
    reason = _smooth_reason(smooth)
    method = f"{len(smooth.drawn)} paths with the fitted speed, fitted again"
    lives = {}
    for name, words, at in (("inside", "one sd", sd), ("outside", "two sd", 2 * sd)):
        b = -smooth.theta * math.expm1(-smooth.g * at**2)
        ends = middle(-theta * np.expm1(-g * at**2))
        lives[f"half_life_{name}"] = (f"half-life at {words} from the target", b, ends)
    half_way = math.sqrt(math.log(2) / smooth.g)
    low, high = middle(np.sqrt(math.log(2) / g))
    why = reason
    if not why and half_way > np.abs(levels.x).max():
        why, high = "the full speed is not reached within the levels seen", math.inf
    walk, line = (smooth.t_walk, smooth.critical, smooth.p_walk), (smooth.t_linear, math.nan)
    return _Answer(
        columns={"theta": smooth_move(levels.x, smooth.g, 1.0)},
        slopes=[middle(theta)],
        lives=lives,
        threshold=("distance of half the full speed", half_way, low, high, method, why),
        reason=reason,
        method=method,
        raised={
            "linearity_not_rejected": smooth.p_linear > _SIZE,
            "random_walk_not_rejected": smooth.p_walk > _SIZE,
            "no_reversion_outside": smooth.theta >= 0,
        },
        tests=[
            ("t of x^3", "a random walk", "reversion that rises with distance", *walk),
            ("t of x^3 beside x", "one speed", "a speed that changes", *line, smooth.p_linear),
        ],
        move=lambda at: smooth_move(at, smooth.g, smooth.theta),
        more={},
    )


def _smooth_reason(smooth: Smooth) -> str:
    if smooth.p_walk > _SIZE:
        return f"a random walk describes the data as well (t of x^3, p = {smooth.p_walk:.2g})"
    if smooth.p_linear > _SIZE:
        return f"one speed describes the data as well (x^3 beside x, p = {smooth.p_linear:.2g})"
    return ""


def _result(
    equation: str, pairs: Pairs, levels: Levels, found: _Answer, errors: str, seed: int
) -> Result:
    unit, length = bar_unit(pairs.frame, daily=pairs.daily)
    change, days = pd.Series(levels.change), pairs.frame["day"]
    base = regress(change, pd.DataFrame(found.columns), days, errors=errors, seed=seed)
    *threshold, how, why = found.threshold
    lives = {
        name: life_of(*life, unit, length, found.method, found.reason)
        for name, life in found.lives.items()
    }
    flags = flags_of(pairs, base, unit, found.raised | {"target_estimated": levels.estimated})
    return Result(
        _QUESTION,
        equation,
        unit=units(unit, length),
        table=with_intervals(base.table, found.slopes),
        sample=pairs.sample,
        errors=f"intervals from {found.method}; std_error as if the fit were given: {base.errors}",
        fit=base.fit,
        quantities=lives | {"threshold": Quantity(*threshold, "units", how, why == "", why)},
        flags=flags,
        details={
            "linearity": tests_table(found.tests),
            "target": pd.DataFrame({"target": [levels.centre], "estimated": [levels.estimated]}),
            "curve": curve(levels, found.move),
            "flags": meanings(flags),
        }
        | found.more,
    )


def _refused(equation: str, pairs: Pairs, reason: str) -> Result:
    """No number, and the reason, under the names that an answer has."""
    result = no_speed(_QUESTION, equation, pairs, reason)
    life = result.quantities["half_life"]
    names = {"half_life_inside": life.unit, "half_life_outside": life.unit, "threshold": "units"}
    quantities = {
        name: replace(life, name=name.replace("_", "-", 1).replace("_", " "), unit=unit)
        for name, unit in names.items()
    }
    return replace(result, quantities=quantities, details={})
