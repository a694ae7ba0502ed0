"""The law of a large order's impact by its size: prefactor and exponent, with errors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats

from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, refused
from mmresearch.estimate.sandwich import Rule, error_rule, small_sample_factor, sum_covariance

FEWEST_ORDERS = 100
FEWEST_BINS, IN_BIN = 5, 10
SEARCHED = (-0.5, 2.5)  # exponents; at an end of it the data tell none
CLEAR = 3.0  # standard errors that the prefactor must be above 0
_QUESTION = "How does the impact of a large order grow with its size?"
_EQUATION = r"I / \sigma = Y\,(Q / V)^{\delta} + e"
MEANING = {
    "delta": "the exponent: 1 impact grows with size, 0.5 with its square root, 0 not at all",
    "prefactor": "Y: the impact, in the session's volatilities, of an order of all its volume",
    "impact_one_percent": "the impact of one per cent of the volume, in volatilities",
}


class Law(NamedTuple):
    """Prefactor and exponent, their covariance, and how far the bins' means are from the law."""

    params: np.ndarray
    covariance: np.ndarray
    misfit: float


def impact_law(
    orders: pd.DataFrame,
    *,
    bins: int = 20,
    errors: str = "auto",
    level: float = 0.95,
) -> Result:
    """Least squares of the means of impact by size on Y (Q/V)^delta, negative impacts kept.

    Parameters
    ----------
    orders : DataFrame
        A row an order, as `mm.metaorders` makes them: size, its share Q/V of the session's volume;
        impact, the price move in its direction over the session's volatility; and, where there are
        any, day and the flag proxy.
    bins : int
        Of equally many orders by size; fewer where they would hold less than ten.
    errors : str
        "cluster": by day. "hac": lags within days. "HC1": orders independent of each other, the
        only one where there are no days. "auto": "cluster" from 6 days up, else "hac", which with
        days that move together is too narrow (12 such days: it holds delta in 65 of 100).
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table`, `quantities`: "delta", "prefactor" (Y), "impact_one_percent" (Y .01^delta).
        `details`: "bins" (size, impact, std_error, fitted, orders), "tests" (delta is one half;
        the law fits the bins' means, chi-squared), "traps", "meaning".

    Notes
    -----
    Impacts of single orders are mostly noise and often below 0. Taking logs throws those away, the
    more of them the smaller the order, and makes the law flat: in `details["traps"]`. Each bin's
    mean has its inverse variance for weight and stands at the geometric mean of its sizes; errors
    are of the single orders, not of the bins.

    Refused where Y is less than three of its standard errors above 0: what is no impact has no
    exponent. Orders that are runs of public prints of one side ("proxy") are not what one trader
    wanted, and are flagged. The volatility should not be of the session that is explained.

    References
    ----------
    Bouchaud, Farmer and Lillo (2009), How markets slowly digest changes in supply and demand.
    Sato and Kanazawa (2024), Does the square-root price impact law hold universally?
    """
    frame, flags = _checked(orders)
    if not (isinstance(bins, int) and bins >= FEWEST_BINS):
        raise ValueError(f"bins must be a whole number of {FEWEST_BINS} or more, not {bins!r}")
    days = frame["day"] if "day" in frame else pd.Series(range(len(frame)))
    dated = "day" in frame
    sample = Sample(len(frame), {}, int(days.nunique()) if dated else 0)
    reason = _cannot_tell(frame)
    if reason:
        return _refused(sample, flags, reason)
    rule = _rule(days, errors, dated)
    table = _bins(frame, min(bins, len(frame) // IN_BIN))
    law = _fit(frame, table, days, rule)
    if law is None:
        reason = f"no exponent between {SEARCHED[0]:g} and {SEARCHED[1]:g} fits best"
        return _refused(sample, flags, reason)
    strength = law.params[0] / math.sqrt(law.covariance[0, 0])
    if not strength >= CLEAR:
        reason = f"the prefactor is {strength:.2g} of its standard errors above 0: none is seen"
        if strength <= -CLEAR:
            reason += ", prices move against these orders: are they of one who waits to be met?"
        return _refused(sample, flags, reason)
    fitted = law.params[0] * table["size"] ** law.params[1]
    tests = _tests(law, len(table), rule)
    flags += [*rule.flags, *(["law_does_not_fit"] if tests["p"].iloc[1] < 0.01 else [])]
    return Result(
        _QUESTION,
        _EQUATION,
        unit="prefactor: the session's volatilities; delta: a number",
        table=_table(law, rule, level),
        sample=sample,
        errors=rule.words,
        quantities=_quantities(law, rule, level),
        flags=tuple(flags),
        details={
            "bins": table.assign(fitted=fitted),
            "tests": tests,
            "traps": _traps(frame, table, law),
            "meaning": pd.Series(MEANING, name="meaning").rename_axis("term").to_frame(),
        },
    )


def _checked(orders: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    if not isinstance(orders, pd.DataFrame):
        kind = type(orders).__name__
        raise TypeError(f"orders is a DataFrame as `mm.metaorders` makes it, not {kind}")
    lacking = [c for c in ("size", "impact") if c not in orders.columns]
    if lacking:
        raise ValueError(f"the orders lack the columns {', '.join(lacking)}")
    frame = orders.reset_index(drop=True)
    faults = []
    for name in ("size", "impact"):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            faults.append(f"{name} is not a number but {frame[name].dtype}")
            continue
        wrong = int((~np.isfinite(frame[name].to_numpy("float64"))).sum())
        faults += [f"{name} is missing or infinite in {wrong} rows"] if wrong else []
        low = int((frame[name] <= 0).sum()) if name == "size" else 0
        faults += [f"size is not above 0 in {low} rows"] if low else []
    if faults:
        raise ValueError("the orders cannot be used: " + "; ".join(faults))
    flags = []
    known = {"proxy": "public_tape_proxy", "own_session": "volatility_of_own_session"}
    for name, flag in known.items():
        if name in frame and frame[name].astype(bool).any():
            flags.append(flag)
    return frame, flags


def _cannot_tell(frame: pd.DataFrame) -> str:
    if len(frame) < FEWEST_ORDERS:
        return f"{len(frame)} orders, where {FEWEST_ORDERS} are needed"
    if frame["size"].max() < 2 * frame["size"].min():
        return "the largest order is not twice the smallest: no exponent can be told"
    if np.ptp(frame["impact"].to_numpy()) == 0:
        return "every order has the same impact"
    return ""


def _rule(days: pd.Series, errors: str, dated: bool) -> Rule:
    if errors not in ("auto", "cluster", "hac", "HC1"):
        raise ValueError(f"errors must be one of auto, cluster, hac, HC1, not {errors!r}")
    if not dated:
        rule = error_rule(days, errors="HC1", params=2)
        return rule._replace(words="of single orders, independent of each other", flags=())
    kind = error_rule(days, errors=errors).kind
    return error_rule(days, errors="cluster" if kind == "wild" else kind, params=2)


def _bins(frame: pd.DataFrame, many: int) -> pd.DataFrame:
    """Bins of equally many orders: geometric mean of size, mean impact and its standard error."""
    place = frame["size"].rank(method="first").to_numpy()
    number = np.minimum((place - 1) * many // len(frame), many - 1).astype(int)
    by = frame.assign(log=np.log(frame["size"])).groupby(number)
    table = pd.DataFrame({"size": np.exp(by["log"].mean()), "impact": by["impact"].mean()})
    count, spread = by.size(), by["impact"].std()
    # a bin of one value has no spread of its own
    spread = spread.where(spread > 0, frame["impact"].std())
    table = table.assign(std_error=spread / np.sqrt(count), orders=count)
    frame["bin"] = number
    return table.rename_axis("bin")


def _fit(frame: pd.DataFrame, table: pd.DataFrame, days: pd.Series, rule: Rule) -> Law | None:
    """Y solved for each exponent, the exponent searched; None where it is at an end."""
    q, mean = table["size"].to_numpy(), table["impact"].to_numpy()
    weight = 1 / table["std_error"].to_numpy() ** 2

    def prefactor(delta: float) -> float:
        return float(weight @ (mean * q**delta) / (weight @ q ** (2 * delta)))

    def left(delta: float) -> float:
        return float(weight @ (mean - prefactor(delta) * q**delta) ** 2)

    grid = np.linspace(*SEARCHED, 61)
    best = int(np.argmin([left(delta) for delta in grid]))
    if best in (0, len(grid) - 1):
        return None
    found = scipy.optimize.minimize_scalar(
        left, bounds=(grid[best - 1], grid[best + 1]), method="bounded", options={"xatol": 1e-10}
    )
    delta = float(found.x)
    first = prefactor(delta)
    slopes = np.column_stack([q**delta, first * q**delta * np.log(q)])
    bread = slopes.T @ (slopes * weight[:, None])
    number = frame["bin"].to_numpy()
    away = frame["impact"].to_numpy() - (first * q**delta)[number]
    rows = slopes[number] * (weight / table["orders"].to_numpy())[number][:, None] * away[:, None]
    factor = small_sample_factor(rule, len(frame), 2, int(days.nunique()))
    inverse = np.linalg.inv(bread)
    covariance = inverse @ sum_covariance(rows, days, rule) @ inverse * factor
    return Law(np.array([first, delta]), covariance, left(delta))


def _table(law: Law, rule: Rule, level: float) -> pd.DataFrame:
    reach = float(scipy.stats.t.ppf((1 + level) / 2, rule.df))
    values, errors = law.params, np.sqrt(np.diag(law.covariance))
    t = values / errors
    p = 2 * scipy.stats.t.sf(np.abs(t), rule.df)
    columns = [["prefactor", "delta"], values, errors, t, p]
    columns += [values - reach * errors, values + reach * errors]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _quantities(law: Law, rule: Rule, level: float) -> dict[str, Quantity]:
    reach = float(scipy.stats.t.ppf((1 + level) / 2, rule.df))
    first, delta = law.params
    small = 0.01**delta
    slopes = {
        "delta": (delta, np.array([0.0, 1.0]), ""),
        "prefactor": (first, np.array([1.0, 0.0]), "volatilities"),
        "impact_one_percent": (
            first * small,
            small * np.array([1.0, first * math.log(0.01)]),
            "volatilities",
        ),
    }
    found = {}
    for name, (value, slope, unit) in slopes.items():
        error = reach * math.sqrt(slope @ law.covariance @ slope)
        interval = (float(value), float(value - error), float(value + error))
        method = f"least squares on bins' means, {rule.words}"
        found[name] = Quantity(name, *interval, unit, method, level=level)
    return found


def _tests(law: Law, many: int, rule: Rule) -> pd.DataFrame:
    t = (law.params[1] - 0.5) / math.sqrt(law.covariance[1, 1])
    lines = [
        ("delta is one half", t, 2 * scipy.stats.t.sf(abs(t), rule.df)),
        ("the law fits the means", law.misfit, scipy.stats.chi2.sf(law.misfit, many - 2)),
    ]
    return pd.DataFrame(lines, columns=["test", "statistic", "p"])


def _traps(frame: pd.DataFrame, table: pd.DataFrame, law: Law) -> pd.DataFrame:
    """Exponents of logs, for which what is not above 0 is thrown away."""
    lines = [("means, negative impacts kept: ours", law.params[1], len(frame))]
    for name, rows in (("logs of single orders", frame), ("logs of the bins' means", table)):
        kept = rows[rows["impact"] > 0]
        slope = np.nan
        if len(kept) > 2:
            slope = np.polyfit(np.log(kept["size"]), np.log(kept["impact"]), 1)[0]
        used = len(kept) if name == "logs of single orders" else int(kept["orders"].sum())
        lines.append((f"{name}, those not above 0 dropped", slope, used))
    return pd.DataFrame(lines, columns=["fit", "delta", "orders"])


def _refused(sample: Sample, flags: list[str], reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit="prefactor: the session's volatilities; delta: a number",
        sample=sample,
        reason=reason,
        names=MEANING,
        flags=flags,
    )
