"""How much of prices is transitory: variances of the state space model with sandwich errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.pressure_answers import BOTH, MECHANICAL, Answers
from mmresearch.estimate.pressure_filter import Filtered, row_loglike
from mmresearch.estimate.pressure_parts import Reversion, influences
from mmresearch.estimate.pressure_rows import PressureRows, centred
from mmresearch.estimate.result import TIDY, Quantity
from mmresearch.estimate.sandwich import Rule, small_sample_factor, sum_covariance

_STEP = 1e-3  # of both variances' sum, for derivatives of the likelihood
_METHOD = "delta method on the {}, QMLE sandwich; the variances of inventory taken as known"
_LEVEL_PRICE = (
    "no random walk is found in the price, which stays around a level for as long as it was watched"
)


class Spread(NamedTuple):
    """Sample moments of inventory and factor: variances and covariances, taken as known."""

    level: float
    change: float
    surprise: float
    factor: float
    surprise_factor: float
    change_factor: float


class Truths(NamedTuple):
    """The estimates that variances are made of."""

    alpha: float
    kappa: float
    beta: float
    public: float
    noise: float


def moments(lines: pd.DataFrame, rows: PressureRows) -> Spread:
    lag = rows.frame["lag"] - rows.frame["lag"].groupby(rows.frame["series"]).transform("mean")
    change, surprise = lines["inventory_change"], lines["inventory_surprise"]
    factor = lines["factor"] if "factor" in lines else 0.0 * change
    crosses = (surprise.cov(factor), change.cov(factor))
    return Spread(lag.var(), change.var(), surprise.var(), factor.var(), *crosses)


def variance_ratio(t: Truths, m: Spread) -> float:
    """var(s) / var(dm), s = alpha I + e, dm = kappa Ihat + beta f + u."""
    return (t.alpha**2 * m.level + t.noise) / _permanent(t, m)


def transitory_share(t: Truths, m: Spread) -> float:
    """var(ds) / (var(ds) + var(dm)): of a bar's return, the covariance of the two left out."""
    moved = t.alpha**2 * m.change + 2 * t.noise
    return moved / (moved + _permanent(t, m))


def _permanent(t: Truths, m: Spread) -> float:
    told = t.kappa**2 * m.surprise + t.beta**2 * m.factor
    return told + 2 * t.kappa * t.beta * m.surprise_factor + t.public


def variance_table(t: Truths, m: Spread, sample: float) -> pd.DataFrame:
    """What a bar's return varies with: parts in bps^2 that add up to the model's variance."""
    pairs = {
        "pressure": t.alpha**2 * m.change,
        "noise": 2 * t.noise,
        "information": t.kappa**2 * m.surprise,
        "factor": t.beta**2 * m.factor,
        "public": t.public,
        "pressure with information": 2 * t.alpha * t.kappa * m.surprise,
        "factor with inventory": 2
        * t.beta
        * (t.alpha * m.change_factor + t.kappa * m.surprise_factor),
    }
    total = sum(pairs.values())
    parts = pd.DataFrame({"part": list(pairs), "variance": list(pairs.values())})
    parts["share"] = parts["variance"] / total
    parts.loc[len(parts)] = ["model", total, 1.0]
    parts.loc[len(parts)] = ["sample", sample, sample / total]
    return parts


class Variances(NamedTuple):
    """Rows of the table (sd_public, sd_noise), quantities, and the model's variance by part."""

    table: pd.DataFrame
    quantities: dict[str, Quantity]
    parts: pd.DataFrame


def variances(
    lines: pd.DataFrame,
    rows: PressureRows,
    found: Answers,
    filtered: Filtered,
    begins: np.ndarray,
    reversion: Reversion,
    rule: Rule,
    level: float,
) -> Variances:
    """Standard deviations of u and e, variance ratio and transitory share, with their intervals."""
    error = lines["y"].to_numpy() - lines[_columns(lines)].to_numpy() @ filtered.b
    scored = _variance_influence(error, begins, filtered)
    theta, stacked = _stacked(rows, found, reversion, filtered, scored, "factor" in lines)
    days = rows.frame["day"]
    covariance = sum_covariance(stacked, days, rule, bars=rows.frame["bar"])
    covariance *= small_sample_factor(rule, len(error), stacked.shape[1] - 1, days.nunique())
    critical = float(scipy.stats.t.ppf((1 + level) / 2, rule.df))
    spread = np.sqrt(np.diag(covariance)[-2:])
    if filtered.boundary == "noise":
        spread[1] = _autocovariance_error(error, begins, days, rule, rows.frame["bar"])
    m = moments(lines, rows)
    quantities = {"noise_sd": _noise_sd(filtered, spread[1], critical, level)}
    told = found.reverts and filtered.boundary != "random walk"
    reason = MECHANICAL if rows.mechanical else BOTH if not found.reverts else _LEVEL_PRICE
    for name, function, scale in (
        ("variance_ratio", variance_ratio, "logarithm"),
        ("transitory_share", transitory_share, "logit"),
    ):
        value, slope = _with_slope(lambda v, f=function: f(_truths(v), m), theta)
        error_of = float(np.sqrt(max(slope @ covariance @ slope, 0.0)))
        low, high = _bounds(value, error_of * critical, scale) if told else (0.0, np.inf)
        quantities[name] = Quantity(
            name.replace("_", " "),
            value,
            low,
            high if told or scale == "logarithm" else 1.0,
            "",
            _METHOD.format(scale),
            told,
            "" if told else reason,
            level,
        )
    parts = variance_table(_truths(theta), m, float(lines["y"].var()))
    return Variances(_sd_rows(filtered, spread, critical), quantities, parts)


def _columns(lines: pd.DataFrame) -> list[str]:
    named = ["const", "inventory_change", "inventory_surprise"]
    return [*named, "factor"] if "factor" in lines else named


def _truths(theta: np.ndarray) -> Truths:
    """theta: held, total, pull, beta, variances of u and e."""
    kappa = -theta[0] / theta[2] if theta[2] else np.nan
    return Truths(theta[1] - kappa, kappa, theta[3], theta[4], theta[5])


def _stacked(
    rows: PressureRows,
    found: Answers,
    reversion: Reversion,
    filtered: Filtered,
    scored: np.ndarray,
    factor: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The six estimates and the influence of every row on each, [n, 6]."""
    lag = centred(rows.frame["lag"], rows.frame["series"])
    three = influences(found.direct.fit, lag, reversion)
    fit = found.direct.fit
    slope = np.zeros(len(lag))
    if factor:
        slope = np.linalg.pinv(fit.model.exog)[3] * fit.resid.to_numpy()
    beta = fit.params["factor"] if factor else 0.0
    p = found.parts
    theta = np.array([p.held, p.total, p.pull, beta, filtered.public, filtered.noise])
    return theta, np.column_stack([three, slope, scored])


def _variance_influence(error: np.ndarray, begins: np.ndarray, filtered: Filtered) -> np.ndarray:
    """Of each row on the variances of u and e: scores times the inverse of the Hessian, [n, 2].

    At the boundary the variance that is zero stays so.
    """
    size = filtered.public + filtered.noise
    free = {"noise": [0], "random walk": [1]}.get(filtered.boundary, [0, 1])
    at = np.array([filtered.public, filtered.noise])
    step = np.minimum(_STEP * size, at / 4)

    def rows(*moved: float) -> np.ndarray:
        return row_loglike(error, begins, *(at + np.asarray(moved) * step))

    units = np.eye(2)
    scores = np.column_stack([(rows(*units[j]) - rows(*-units[j])) / 2 / step[j] for j in free])
    hessian = np.empty((len(free), len(free)))
    for i, a in enumerate(free):
        for j, b in enumerate(free):
            four = [
                rows(*(x * units[a] + y * units[b])).sum() * x * y for x in (1, -1) for y in (1, -1)
            ]
            hessian[i, j] = sum(four) / 4 / step[a] / step[b]
    influence = np.zeros((len(error), 2))
    influence[:, free] = -scores @ np.linalg.pinv(hessian)
    return influence


def _autocovariance_error(
    error: np.ndarray, begins: np.ndarray, days: pd.Series, rule: Rule, bars: pd.Series
) -> float:
    """Of minus the first autocovariance, which the noise's variance is where it is above 0."""
    products = np.where(begins, 0.0, error * np.r_[0.0, error[:-1]]) / max((~begins).sum(), 1)
    centred_rows = np.where(begins, 0.0, products - products.sum() / max((~begins).sum(), 1))
    return float(np.sqrt(sum_covariance(centred_rows[:, None], days, rule, bars=bars)[0, 0]))


def _noise_sd(filtered: Filtered, error: float, critical: float, level: float) -> Quantity:
    low, high = (max(filtered.noise + s * critical * error, 0.0) ** 0.5 for s in (-1, 1))
    how = "QMLE sandwich of the variance of the noise"
    if filtered.boundary == "noise":
        how = "zero, where the likelihood is highest; the upper end by the returns' autocovariance"
    return Quantity("noise sd", filtered.noise**0.5, low, high, "bps", how, level=level)


def _sd_rows(filtered: Filtered, spread: np.ndarray, critical: float) -> pd.DataFrame:
    rows = []
    for name, variance, error in zip(
        ("sd_public", "sd_noise"), (filtered.public, filtered.noise), spread, strict=True
    ):
        sd = variance**0.5
        ends = [max(variance + s * critical * error, 0.0) ** 0.5 for s in (-1, 1)]
        rows.append([name, sd, error / (2 * sd) if sd else np.nan, np.nan, np.nan, *ends])
    return pd.DataFrame(rows, columns=TIDY)


def _with_slope(function: object, theta: np.ndarray) -> tuple[float, np.ndarray]:
    slope = np.zeros(len(theta))
    for j in range(len(theta)):
        step = 1e-5 * max(abs(theta[j]), 1e-8)
        ends = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[j] += sign * step
            ends.append(function(moved))
        slope[j] = (ends[0] - ends[1]) / (2 * step)
    return float(function(theta)), slope


def _bounds(value: float, reach: float, scale: str) -> tuple[float, float]:
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if scale == "logarithm":
            low, high = value * np.exp([-reach / value, reach / value])
        else:
            odds, wide = value / (1 - value), reach / (value * (1 - value))
            low, high = (1 / (1 + np.exp(-(np.log(odds) + s * wide))) for s in (-1, 1))
    return float(low), float(high)
