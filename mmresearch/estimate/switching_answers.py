"""What is told of switching regimes: parameters, stays, shares, how many there are, doubts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.result import TIDY, Quantity, unknown
from mmresearch.estimate.switching_fit import Number, Switching, packed, unpacked
from mmresearch.estimate.switching_kernels import long_run

SIZE = 0.05
FEWEST_VISITS = 3.0
FEWEST_BARS = 20.0
_STEP = 1e-5
_SHARE = "share of time in regime {}"


def doubt_of(
    found: Switching,
    spread: np.ndarray | None,
    tests: dict[int, Number],
    moved: dict[str, Any],
) -> str:
    """Why regimes are not told apart, or ""."""
    k = len(found.mean)
    if k == 1:
        return ""
    test = tests.get(k - 1)
    if test is not None and test.p > SIZE:
        less = "one regime suffices" if k == 2 else f"{k - 1} regimes suffice"
        return f"{less} (p {test.p:.2f} of {test.draws} simulated worlds)"
    for j in range(k):
        if moved["entries"][j] < FEWEST_VISITS or moved["bars"][j] < FEWEST_BARS:
            return (
                f"regime {j + 1} is hardly visited: {moved['entries'][j]:.1f} times, "
                f"{moved['bars'][j]:.0f} bars"
            )
    return "the likelihood has no proper maximum" if spread is None else ""


def coefficients(found: Switching, spread: np.ndarray | None, level: float) -> pd.DataFrame:
    """Means, deviations and chances of staying, intervals of the last two by logs and logits."""
    k, z = len(found.mean), scipy.stats.norm.ppf((1 + level) / 2)
    lines = []
    errors = np.full(2 * k, np.nan) if spread is None else np.sqrt(np.diag(spread)[: 2 * k])
    for j in range(k):
        m, e = found.mean[j], errors[j]
        lines.append((f"mean_{j + 1}", m, e, m - z * e, m + z * e))
    for j in range(k):
        s, e = found.sd[j], errors[k + j]
        lines.append((f"sd_{j + 1}", s, s * e, s * math.exp(-z * e), s * math.exp(z * e)))
    for j in range(k if k > 1 else 0):
        p = found.transition[j, j]
        e = _stay_error(found, spread, j)
        logit = math.log(p / max(1 - p, 1e-12))
        ends = [1 / (1 + math.exp(-(logit + s * z * e))) for s in (-1, 1)] if e == e else [e, e]
        lines.append((f"p_{j + 1}{j + 1}", p, p * (1 - p) * e, *ends))
    table = pd.DataFrame(lines, columns=["term", "estimate", "std_error", "low", "high"])
    return table.reindex(columns=TIDY)


def _logit_error(
    found: Switching, spread: np.ndarray | None, share: Callable[[np.ndarray], float]
) -> float:
    """Standard error of the logit of a share that the transitions [K, K] give."""
    if spread is None:
        return math.nan
    k, theta = len(found.mean), packed(found)

    def logit(at: np.ndarray) -> float:
        value = min(max(share(unpacked(at, k)[2]), 1e-12), 1 - 1e-12)
        return math.log(value / (1 - value))

    steps = _STEP * np.eye(len(theta))
    slope = np.array([logit(theta + s) - logit(theta - s) for s in steps]) / (2 * _STEP)
    return float(np.sqrt(slope @ spread @ slope))


def _stay_error(found: Switching, spread: np.ndarray | None, j: int) -> float:
    return _logit_error(found, spread, lambda transition: float(transition[j, j]))


def quantities_of(
    found: Switching,
    spread: np.ndarray | None,
    tests: dict[int, Number],
    doubt: str,
    level: float,
) -> dict[str, Quantity]:
    """Stays, shares of time and the test of the number."""
    k, z = len(found.mean), scipy.stats.norm.ppf((1 + level) / 2)
    quantities = {}
    for j in range(k if k > 1 else 0):
        name = f"expected stay in regime {j + 1}"
        if doubt:
            quantities[f"duration_{j + 1}"] = unknown(name, "bars", doubt, level)
            quantities[f"share_{j + 1}"] = unknown(_SHARE.format(j + 1), "", doubt, level)
            continue
        p, e = found.transition[j, j], _stay_error(found, spread, j)
        odds = p / max(1 - p, 1e-12)  # a stay lasts 1 + p / (1 - p) bars
        ends = [1 + odds * math.exp(s * z * e) for s in (-1, 1)]
        how = "logit of p_jj, sandwich of bars' scores"
        stay = (1 + odds, *ends)
        quantities[f"duration_{j + 1}"] = Quantity(name, *stay, "bars", how, level=level)
        quantities[f"share_{j + 1}"] = _share(found, spread, j, level)
    for less, test in tests.items():
        error = 1.96 * test.mc_error
        ends = (test.p, max(test.p - error, 0.0), min(test.p + error, 1.0))
        name = f"p, that {less} regime{'s' if less > 1 else ''} suffice{'' if less > 1 else 's'}"
        how = f"likelihood ratio {test.statistic:.4g} in {test.draws} simulated worlds"
        key = "number_p" if less == max(tests) else f"number_p_{less}"
        quantities[key] = Quantity(name, *ends, "", how)
    return quantities


def _share(found: Switching, spread: np.ndarray | None, j: int, level: float) -> Quantity:
    """Of the long run, its interval by the logit."""
    value = float(long_run(found.transition)[j])
    error = _logit_error(found, spread, lambda transition: float(long_run(transition)[j]))
    logit, z = math.log(value / (1 - value)), scipy.stats.norm.ppf((1 + level) / 2)
    ends = [1 / (1 + math.exp(-(logit + s * z * error))) for s in (-1, 1)]
    how = "long run of the transitions; sandwich of bars' scores"
    return Quantity(_SHARE.format(j + 1), value, *ends, "", how, level=level)


def words(found: Switching, spread: np.ndarray | None) -> str:
    """How errors were computed and how the likelihood was climbed."""
    near, many = found.starts
    climbs = f"best of {many} climbs, {near} of which ended there"
    if spread is None:
        return f"none; {climbs}" if len(found.mean) > 1 else "none: one regime"
    return f"sandwich of bars' scores around the Hessian; {climbs}; {len(packed(found))} parameters"


def transition_table(found: Switching) -> pd.DataFrame:
    """Chances of the next bar's regime (columns) by this one's (rows)."""
    names = [f"regime {j + 1}" for j in range(len(found.mean))]
    return pd.DataFrame(found.transition, index=names, columns=names).rename_axis("from")


def numbers_table(fits: dict[int, Switching], tests: dict[int, Number], n: int) -> pd.DataFrame:
    """Log-likelihood and BIC by number of regimes, and the test against one more."""
    lines = []
    for k, fit in fits.items():
        bic = math.log(n) * fit.parameters - 2 * fit.likelihood
        test = tests.get(k)
        told = (test.statistic, test.p, test.mc_error, test.draws) if test else (np.nan,) * 4
        lines.append((k, fit.likelihood, bic, *told))
    columns = ["regimes", "log_likelihood", "bic", "ratio_to_one_more", "p", "mc_error", "draws"]
    return pd.DataFrame(lines, columns=columns)
