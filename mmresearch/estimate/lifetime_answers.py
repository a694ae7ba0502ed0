"""What the lives of some orders tell: shares by horizons, the median, hazards, with errors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.incidence import Risks, at, influence, known, median_of, risks_of
from mmresearch.estimate.influence_errors import (
    Pieces,
    covariance_of,
    crossing,
    pieces_of,
    plain_rows,
    share_bounds,
    told,
)
from mmresearch.estimate.result import Quantity, unknown
from mmresearch.estimate.sandwich import Rule

NAMES = ("median_life", "fleeting_share", "hazard_cancel", "hazard_fill", "naive_life")
UNITS = {
    "median_life": "seconds",
    "fleeting_share": "of orders",
    "hazard_cancel": "a second",
    "hazard_fill": "a second",
    "naive_life": "seconds",
}


class Asked(NamedTuple):
    """What is told: horizons (name -> seconds), how soon is fleeting, errors, level."""

    horizons: dict[str, float]
    fleeting: str
    errors: str
    level: float
    seed: int


class Lifetimes(NamedTuple):
    """What some orders' lives tell."""

    table: pd.DataFrame
    quantities: dict[str, Quantity]
    risks: Risks
    pieces: Pieces
    rule: Rule


def _causes(rows: pd.DataFrame, fill: str) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and cause (1 cancelled, 2 filled, 0 watched no longer) of each life."""
    seconds = rows["seconds"].to_numpy("float64")
    cause = np.select([rows["end"] == "cancel", rows["end"] == "fill"], [1, 2], 0)
    if fill == "first":
        first = rows["first_fill"].to_numpy("float64")
        met = ~np.isnan(first)
        return np.where(met, first, seconds), np.where(met, 2, cause)
    return seconds, cause


def lifetimes_of(rows: pd.DataFrame, fill: str, weight: str, asked: Asked) -> Lifetimes:
    seconds, cause = _causes(rows, fill)
    units = np.ones(len(rows)) if weight == "orders" else rows["size"].to_numpy("float64")
    risks = risks_of(seconds, cause, units / units.mean())
    pieces = pieces_of(rows, asked.errors)
    wanted = [(k, t) for t in asked.horizons.values() for k in (1, 2)]
    wanted.append((1, pd.Timedelta(asked.fleeting).total_seconds()))
    columns = [influence(risks, k, t) for k, t in wanted]
    rates, effects = _rates(seconds, risks)
    covariance, rule = covariance_of(pieces, [*columns, *effects])
    share = np.array([at(risks, t)[k] if known(risks, t) else np.nan for k, t in wanted])
    terms = [f"{w} within {h}" for h in asked.horizons for w in ("cancelled", "filled")]
    n = len(wanted)
    shares = _share_rows([*terms, "fleeting"], share, covariance[:n, :n], rule, asked)
    others = plain_rows(
        list(rates), np.array(list(rates.values())), covariance[n:, n:], rule, asked.level
    )
    quantities = {"median_life": _median(risks, pieces, rule, asked)}
    quantities["fleeting_share"] = _quantity(
        "fleeting_share",
        shares.iloc[-1],
        f"cancelled within {asked.fleeting}, Aalen-Johansen",
        rule,
        asked,
    )
    for row in others.itertuples(index=False):
        words = "ends over seconds watched"
        if row.term == "naive_life":
            words = "mean of orders that completed, biased down: long lives are cut short or lost"
        quantities[row.term] = _quantity(row.term, pd.Series(row._asdict()), words, rule, asked)
    return Lifetimes(shares.iloc[:-1], quantities, risks, pieces, rule)


def _rates(seconds: np.ndarray, risks: Risks) -> tuple[dict[str, float], list[np.ndarray]]:
    """Hazards of both causes and the mean life of the completed, with each life's influence."""
    w, exposure = risks.weight, float(risks.weight @ seconds)
    rates, effects = {}, []
    for name, which in (("hazard_cancel", 1), ("hazard_fill", 2)):
        rate = float(w @ (risks.cause == which)) / exposure if exposure else math.nan
        rates[name] = rate
        effects.append(w * ((risks.cause == which) - rate * seconds) / (exposure or math.nan))
    done = w * (risks.cause > 0)
    mean = float(done @ seconds / done.sum()) if done.sum() else math.nan
    rates["naive_life"] = mean
    effects.append(done * (seconds - mean) / (done.sum() or math.nan))
    return rates, effects


def _share_rows(
    terms: list[str], share: np.ndarray, covariance: np.ndarray, rule: Rule, asked: Asked
) -> pd.DataFrame:
    table = plain_rows(terms, share, covariance, rule, asked.level)
    critical = float(scipy.stats.t.ppf((1 + asked.level) / 2, rule.df)) if rule.df > 0 else np.nan
    table["low"], table["high"] = share_bounds(share, table["std_error"].to_numpy(), critical)
    table["p"] = np.nan  # that a share is 0 is no question: one order answers it
    table["t"] = np.nan
    return table


def _quantity(name: str, row: pd.Series, words: str, rule: Rule, asked: Asked) -> Quantity:
    bounds = [float(row[c]) for c in ("estimate", "low", "high")]
    method = f"{words}; {rule.words}"
    if not math.isfinite(bounds[0]):
        why = "no order was watched for so long, or none ended"
        return unknown(name, UNITS[name], why, asked.level, method=method)
    if not math.isfinite(bounds[1]):
        why = "too few stretches for any error" if not told(rule) else "none or all did: no error"
        return Quantity(name, *bounds, UNITS[name], method, False, why, asked.level)
    return Quantity(name, *bounds, UNITS[name], method, level=asked.level)


def _median(risks: Risks, pieces: Pieces, rule: Rule, asked: Asked) -> Quantity:
    """The median life; its interval holds the times at which the band of S holds a half."""
    words = f"Kaplan-Meier, interval by inverting that of S; {rule.words}"
    middle, last = median_of(risks), float(risks.times[-1])
    if math.isnan(middle):
        left = 100 * at(risks, last)[0]
        why = f"{left:.3g} % still stood when the longest was watched no longer ({last:.3g} s)"
        return unknown("median_life", "seconds", why, asked.level, method=words)
    if not told(rule):
        why = "too few stretches for any error"
        return Quantity(
            "median_life", middle, np.nan, np.nan, "seconds", words, False, why, asked.level
        )
    critical = float(scipy.stats.t.ppf((1 + asked.level) / 2, rule.df))

    def holds(seconds: float) -> bool:
        score = influence(risks, 1, seconds) + influence(risks, 2, seconds)
        covariance, _ = covariance_of(pieces, [score])
        low, high = share_bounds(
            np.array([at(risks, seconds)[0]]), np.sqrt(np.diag(covariance)), critical
        )
        return bool(low[0] <= 0.5 <= high[0])

    low = crossing(holds, middle, 0.0)
    high = crossing(holds, middle, last) if not holds(last) else math.inf
    return Quantity("median_life", middle, low, high, "seconds", words, level=asked.level)
