"""Placebo of reversion: the same changes of inventory with directions by coin flips."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from mmresearch.estimate.autoregression import (
    Design,
    cannot_tell,
    half_life_bars,
    least_squares,
    past_changes,
)
from mmresearch.estimate.inversion import invert
from mmresearch.estimate.pairs import Pairs, inventory_pairs
from mmresearch.estimate.result import TIDY, Quantity, Result, refused
from mmresearch.estimate.speed import half_life_of

_QUESTION = "Would inventory that cannot revert seem to revert?"
_EQUATION = r"I_t = I_{t-1} + s_t\,\Delta I_t, \qquad P(s_t = 1) = P(s_t = -1) = 1/2"


def reversion_placebo(
    panel: pd.DataFrame,
    *,
    intercept: str = "auto",
    flips: int = 39,
    draws: int = 199,
    seed: int = 0,
) -> Result:
    """`inventory_reversion` of inventory that is made a random walk by coin flips.

    Every bar keeps the size of its change and gets a direction by a coin flip, the same for all
    series; sessions open as they did. Sizes, quiet and busy hours stay, and whatever brought the
    inventory back is gone. An estimator that finds a half-life here finds it anywhere.

    Parameters
    ----------
    panel : DataFrame
        As `mm.panel` makes it.
    intercept : str
        As in `inventory_reversion`.
    flips : int
        Random walks made, 19 or more.
    draws, seed : int
        Simulated paths for each walk's interval.

    Returns
    -------
    Result
        table: least squares rho as it is, and of the walks: the mean, their standard deviation and
        the range of 95 % of them.
        quantities: "placebo_p", the share of rho, the real one among them, that are no larger than
        the real one; "printed", the share of walks to which least squares gives a half-life (rho
        between 0 and 1); "identified", the share to which `inventory_reversion` gives one, which
        should be near 2.5 %, as its interval holds a walk's rho = 1 in 95 %. Their intervals are
        those of Clopper and Pearson (1934).
        details: "placebo", a row a walk: rho, half_life (bars) by least squares, low, high (of
        rho), identified.

    Raises
    ------
    ValueError
        As `inventory_reversion`; too few flips. Data that cannot tell give refused quantities.
    """
    if flips < 19:
        raise ValueError(f"flips must be 19 or more for a test at 5 %, not {flips}")
    pairs = inventory_pairs(panel, intercept=intercept)
    reason = cannot_tell(pairs.design, 1)
    if reason:
        return _refused(pairs, reason)
    fit, rng = least_squares(pairs.design), np.random.default_rng(seed)
    walks = [_answer(flipped(pairs.design, rng), draws, seed + k) for k in range(flips)]
    placebo = pd.DataFrame(walks)
    rho = placebo["rho"]
    spread = float(rho.std())
    real = ["rho", fit.rho, fit.se, (fit.rho - 1) / fit.se, math.nan, math.nan, math.nan]
    walk = ["rho, coin flips", rho.mean(), spread, (rho.mean() - 1) / spread, math.nan]
    table = pd.DataFrame([real, [*walk, *rho.quantile([0.025, 0.975])]], columns=TIDY)
    reached = int((rho <= fit.rho).sum())
    return Result(
        _QUESTION,
        _EQUATION,
        "rho per bar; shares of walks",
        table,
        pairs.sample,
        f"{flips} walks of the same sizes of change, directions by coin flips, one a bar; "
        f"std_error: textbook of the real rho, the spread of the walks'",
        quantities={
            "placebo_p": _share("placebo p", reached, flips, extra=1),
            "printed": _share(
                "walks with a half-life by OLS", int(placebo["half_life"].notna().sum()), flips
            ),
            "identified": _share(
                "walks with a half-life by inversion", int(placebo["identified"].sum()), flips
            ),
        },
        details={"placebo": placebo},
    )


def flipped(design: Design, rng: np.random.Generator) -> Design:
    """The design of the same changes with signs at random, one sign a time bar."""
    signs = rng.choice([-1.0, 1.0], int(design.bar.max()) + 1)
    return walk(design, signs[design.bar])


def walk(design: Design, signs: np.ndarray) -> Design:
    """The design whose changes are multiplied by `signs`, float [n], chains opening as they did."""
    change = signs * (design.y - design.x)
    first = np.repeat(design.chains[:-1], np.diff(design.chains))
    path = np.cumsum(change + design.jump)
    before = path[first] - (change + design.jump)[first]  # what earlier chains added up to
    y = design.x[first] + path - before
    edges = np.append(np.flatnonzero(design.fresh), len(y))
    lags = design.changes.shape[1] + 1
    return design._replace(x=y - change, y=y, changes=past_changes(change, edges, lags))


def _answer(design: Design, draws: int, seed: int) -> dict[str, float | bool]:
    found = invert(design, draws=draws, seed=seed)
    printed = 0 < found.rho < 1
    life = half_life_of(design, found, "bars", 1.0, "")
    return {
        "rho": found.rho,
        "half_life": half_life_bars(found.rho) if printed else math.nan,
        "low": found.low,
        "high": found.high,
        "identified": life.identified,
    }


def _share(name: str, count: int, of: int, *, extra: int = 0) -> Quantity:
    low, high = proportion_confint(count, of, method="beta")
    value = (count + extra) / (of + extra)
    return Quantity(name, value, float(low), float(high), "", f"of {of} walks")


def _refused(pairs: Pairs, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit="rho per bar",
        sample=pairs.sample,
        reason=reason,
        names=["placebo_p"],
        called={"placebo_p": "placebo p"},
        terms=["rho"],
    )
