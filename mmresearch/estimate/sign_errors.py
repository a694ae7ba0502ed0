"""How often inferred signs are wrong, where in the spread, and what that does to a slope."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.result import Quantity, unknown
from mmresearch.estimate.sandwich import error_rule, small_sample_factor, sum_covariance
from mmresearch.market import Market
from mmresearch.measure.sign_rules import RULES, against_mid, at_quote, by_rule, refuse_rule
from mmresearch.measure.signs import met_quotes, sign_trades

ERRORS = ("auto", "cluster", "hac", "independent")
FLOWS = ("sign", "size")
FEWEST_TRADES = 30
PLACES = ("at bid or ask", "inside", "at mid", "outside", "locked or crossed", "no quote", "all")


def sign_accuracy(
    trades: pd.DataFrame | Market,
    quotes: pd.DataFrame | None = None,
    *,
    rules: str | Sequence[str] = RULES,
    days: pd.Series | np.ndarray | None = None,
    errors: str = "auto",
    level: float = 0.95,
) -> pd.DataFrame:
    """How often each rule is right where the side is reported, by where in the spread a trade was.

    Parameters
    ----------
    trades : DataFrame or Market
        A trades table with reported sides, or a market with such.
    quotes : DataFrame, optional
        A quotes table, as in `sign_trades`; without any every trade has no quote.
    rules : str or list
        Of those of `sign_trades`.
    days : Series or array, optional
        As in `sign_trades`.
    errors : str
        Of the intervals. Errors come in runs, and then a Wilson interval is too narrow; so its
        number of trades is the effective one, accuracy (1 - accuracy) / variance of the mean, at
        most the count, the variance "cluster"ed by day or Newey-West within days ("hac"). "auto":
        "cluster" from 40 days up, else "hac". "independent": the count itself.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        rule, location ("at bid or ask"; "inside", off the mid; "at mid"; "outside"; "locked or
        crossed"; "no quote", none known before with both sides; "all"), trades (with a reported
        side), signed, share_unknown (of trades), accuracy (of signed), low and high (Wilson),
        effective (number of trades behind the interval), error (1 - accuracy), factor (1 - 2 error:
        what a slope on such signs is multiplied by). A row a rule and location that occurs. attrs:
        "unreported", trades without a reported side, which are left out (the tick test still sees
        their prices).

    Raises
    ------
    ValueError
        If no trade has a reported side: then nothing is known of the rules.

    References
    ----------
    Ellis, Michaely and O'Hara (2000), The accuracy of trade classification rules, Journal of
    Financial and Quantitative Analysis 35. Wilson (1927), Probable inference, the law of
    succession, and statistical inference, Journal of the American Statistical Association 22.
    """
    rules = [rules] if isinstance(rules, str) else list(rules)
    for rule in rules:
        refuse_rule(rule)
    _refuse("errors", errors, ERRORS)
    tape = met_quotes(trades, quotes, days)
    truth = tape["side"].to_numpy("float64")
    if np.isnan(truth).all():
        raise ValueError("no trade has a reported side: how often a rule is right cannot be told")
    price, bid, ask = (tape[name].to_numpy("float64") for name in ("price", "_bid", "_ask"))
    place = _places(price, bid, ask)
    series = tape["_series"].to_numpy()
    lines = []
    for rule in rules:
        side, _ = by_rule(rule, price, bid, ask, series)
        for name in PLACES:
            here = ~np.isnan(truth) & ((place == name) | (name == "all"))
            if here.any():
                cell = (truth[here], side[here], series[here])
                lines.append({"rule": rule, "location": name} | _line(*cell, errors, level))
    table = pd.DataFrame(lines)
    table.attrs = {"unreported": int(np.isnan(truth).sum())}
    return table


def attenuation(
    signed: pd.DataFrame | Market,
    *,
    rule: str = "lee_ready",
    flow: str = "sign",
    errors: str = "auto",
    level: float = 0.95,
) -> Quantity:
    """What wrong signs multiply the slope of a price change on signed trades by: 1 - 2e.

    e is the share of wrong signs among those that were inferred. With sides that are as often +1 as
    -1 (or no constant), and errors that have nothing to do with the price change, the slope on
    inferred signs is (1 - 2e) times the true one. Divide by it (`sign_error` of the impact
    regressions) only where both can be defended: with a constant and a mean side m the factor is
    (1 - 2e)(1 - m^2) / (1 - (1 - 2e)^2 m^2).

    Parameters
    ----------
    signed : DataFrame or Market
        As `sign_trades` returns it, with `reported_side`; or a market with reported sides, signed
        here by `rule`.
    rule : str
        As in `sign_trades`; of a market only.
    flow : str
        What the slope is on. "sign": the side. "size": side times size, where a trade counts by its
        squared size: sum of size^2 side reported / sum of size^2.
    errors : str
        As in `sign_accuracy`. "sign": Wilson's interval of e; "size": normal, of the weighted mean.
    level : float
        Of the interval.

    Returns
    -------
    Quantity
        The factor, in (0, 1] where signs tell something. Not identified where fewer than 30 trades
        have both sides, or where the interval reaches 0: such signs may be coins.
    """
    _refuse("errors", errors, ERRORS)
    _refuse("flow", flow, FLOWS)
    if isinstance(signed, Market):
        signed = sign_trades(signed, rule=rule)
    name, unit = "attenuation", "of the slope"
    if "reported_side" not in signed:
        reason = "no side is reported, so how often signs are wrong cannot be told"
        return unknown(name, unit, reason)
    known = signed[signed["side"].notna() & signed["reported_side"].notna()]
    if len(known) < FEWEST_TRADES:
        reason = f"{len(known)} trades have both sides, where {FEWEST_TRADES} are needed"
        return unknown(name, unit, reason)
    same = (known["side"] * known["reported_side"]).to_numpy("float64")
    days = known["symbol"].astype("str") + known["time"].dt.strftime(" %Y-%m-%d")
    if flow == "sign":
        low, high, count, words = _wilson(same > 0, days, errors, level)
        found = (same.mean(), 2 * low - 1, 2 * high - 1)
        method = f"1 - 2e, Wilson interval of e on {count:,.0f} effective trades, {words}"
    else:
        *found, words = _weighted(same, known["size"].to_numpy("float64") ** 2, days, errors, level)
        method = f"signs weighted by squared size, normal interval, {words}"
    told = found[1] > 0
    reason = "" if told else "its interval reaches 0: the inferred signs may be coins"
    return Quantity(name, *map(float, found), unit, method, told, reason, level)


def undo_sign_errors(
    estimate: float, std_error: float, sign_error: float | Quantity
) -> tuple[float, float]:
    """The slope on true signs and its standard error, from that on inferred ones.

    `sign_error` is e itself, taken as known, or the factor 1 - 2e from `attenuation`, of which the
    error is added by the delta method, as if the two were independent.
    """
    if isinstance(sign_error, Quantity):
        if not sign_error.identified:
            raise ValueError(f"{sign_error.name} is not identified: {sign_error.reason}")
        reach = scipy.stats.norm.ppf((1 + sign_error.level) / 2)
        factor, error = sign_error.value, (sign_error.high - sign_error.low) / (2 * reach)
    else:
        factor, error = 1 - 2 * float(sign_error), 0.0
        if not 0 < factor <= 1:
            raise ValueError(f"sign_error must be at least 0 and below 0.5, not {sign_error}")
    slope = estimate / factor
    return slope, math.hypot(std_error, slope * error) / factor


def _places(price: np.ndarray, bid: np.ndarray, ask: np.ndarray) -> np.ndarray:
    """The name of where each trade was."""
    mid = (bid + ask) / 2
    at = ~np.isnan(at_quote(price, bid, ask))
    told = [np.isnan(mid), bid >= ask, at, (price > ask) | (price < bid)]
    told.append(np.isnan(against_mid(price, mid)))
    names = ["no quote", "locked or crossed", "at bid or ask", "outside", "at mid"]
    return np.select(told, names, default="inside")


def _line(
    truth: np.ndarray, side: np.ndarray, series: np.ndarray, errors: str, level: float
) -> dict[str, float]:
    signed = ~np.isnan(side)
    right = side[signed] == truth[signed]
    accuracy = right.mean() if len(right) else math.nan
    low, high, count, _ = _wilson(right, pd.Series(series[signed]), errors, level)
    return {
        "trades": len(truth),
        "signed": len(right),
        "share_unknown": 1 - len(right) / len(truth),
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "effective": count,
        "error": 1 - accuracy,
        "factor": 2 * accuracy - 1,
    }


def _wilson(
    right: np.ndarray, days: pd.Series, errors: str, level: float
) -> tuple[float, float, float, str]:
    """Wilson's interval of a share on its effective number of trades, that number, and words."""
    if not len(right):
        return math.nan, math.nan, 0.0, "none"
    share = right.mean()
    variance, words = _variance(right - share, days, errors)
    count = len(right)
    if variance > 0:
        count = min(count, share * (1 - share) / variance)
    z = scipy.stats.norm.ppf((1 + level) / 2)
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + (z / count) ** 2 / 4)
    return middle - reach, middle + reach, float(count), words


def _weighted(
    same: np.ndarray, weight: np.ndarray, days: pd.Series, errors: str, level: float
) -> tuple[float, float, float, str]:
    mean = (weight * same).sum() / weight.sum()
    influence = weight * (same - mean) * len(same) / weight.sum()
    variance, words = _variance(influence, days, errors)
    reach = scipy.stats.norm.ppf((1 + level) / 2) * math.sqrt(variance)
    return mean, mean - reach, min(mean + reach, 1.0), words


def _variance(influence: np.ndarray, days: pd.Series, errors: str) -> tuple[float, str]:
    """Variance of the mean of rows that have mean zero, and how it was computed."""
    n = len(influence)
    if errors == "independent" or n < 2:
        return float((influence**2).mean()) / n, "trades taken as independent"
    rule = error_rule(days, errors=errors)
    if rule.kind == "wild":
        rule = error_rule(days, errors="hac")
    total = sum_covariance(influence[:, None], days, rule)[0, 0]
    factor = small_sample_factor(rule, n, 1, days.nunique())
    return float(total) * factor / n**2, rule.words


def _refuse(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
