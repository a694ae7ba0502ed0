"""What an obliged maker owes, read from a mapping; and which time counts as stressed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import Step, cut, nanoseconds
from mmresearch.measure.quotes import quote_bars, quote_blocks

_MINUTE = 60 * 10**9
_SHARES = ("presence", "stress_presence")
_NUMBERS = (*_SHARES, "max_spread_bps", "max_spread_ticks", "min_size")
_KNOWN = (*_NUMBERS, "stress")


class Duties(NamedTuple):
    """Shares of time owed (missing: none), widest spread in that unit, least size each side.

    stress: intervals (start, end, perhaps symbol), or from how many bps on a minute is stressed.
    """

    presence: float
    stress_presence: float
    max_spread: float
    unit: str
    min_size: float
    stress: pd.DataFrame | float | None


def duties(rules: Mapping[str, object]) -> Duties:
    """The rules, or one error that says everything that is wrong with them."""
    if not isinstance(rules, Mapping):
        raise TypeError(f"rules must be a mapping of {', '.join(_KNOWN)}, not {rules!r}")
    wrong = [f"{name!r} is no rule" for name in rules if name not in _KNOWN]
    wrong += _not_numbers(rules) or _contradictions(rules)
    if wrong:
        raise ValueError(f"rules: {'; '.join(wrong)}; the rules are {', '.join(_KNOWN)}")
    unit = "ticks" if "max_spread_ticks" in rules else "bps"
    return Duties(
        float(rules.get("presence", np.nan)),
        float(rules.get("stress_presence", np.nan)),
        float(rules.get(f"max_spread_{unit}", np.inf)),
        unit,
        float(rules.get("min_size", 0.0)),
        _stress(rules["stress"]) if "stress" in rules else None,
    )


def _not_numbers(rules: Mapping[str, object]) -> list[str]:
    wrong = []
    for name in (name for name in _NUMBERS if name in rules):
        value = rules[name]
        if not _is_positive(value) or (name in _SHARES and value > 1):
            wanted = "a share above 0, at most 1" if name in _SHARES else "a number above 0"
            wrong.append(f"{name} is {value!r}, not {wanted}")
    return wrong


def _is_positive(value: object) -> bool:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number and bool(0 < value < np.inf)


def _contradictions(rules: Mapping[str, object]) -> list[str]:
    wrong = []
    if not rules.keys() & set(_SHARES):
        wrong.append("no share of time is owed: give presence, or stress_presence and stress")
    if {"max_spread_bps", "max_spread_ticks"} <= rules.keys():
        wrong.append("the spread is limited in bps and in ticks: give one")
    if ("stress" in rules) != ("stress_presence" in rules):
        wrong.append("stress and stress_presence go together")
    return wrong


def _stress(given: object) -> pd.DataFrame | float:
    """A threshold, or intervals whose times are UTC and whose ends come after their starts."""
    if _is_positive(given):
        return float(given)
    if not isinstance(given, pd.DataFrame) or not {"start", "end"} <= set(given.columns):
        raise ValueError("rules: stress is bps above 0, or a table with start and end")
    zoned = [isinstance(given[c].dtype, pd.DatetimeTZDtype) for c in ("start", "end")]
    if not all(zoned):
        raise ValueError("rules: the intervals of stress need times with a time zone")
    if not (given["start"] < given["end"]).all():
        raise ValueError("rules: an interval of stress ends after its start")
    times = {c: given[c].dt.tz_convert("UTC") for c in ("start", "end")}
    return given.assign(**times)


def stressed(
    stress: pd.DataFrame | float | None, market: Market, symbol: str, sessions: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of the symbol's stressed time, in nanoseconds, in order.

    A time is stressed if it comes before the end beside the last start that is not after it.
    """
    if stress is None:
        return np.array([], dtype="int64"), np.array([], dtype="int64")
    if isinstance(stress, pd.DataFrame):
        own = stress[stress["symbol"] == symbol] if "symbol" in stress else stress
        return _in_order(nanoseconds(own["start"]), nanoseconds(own["end"]))
    quotes = quote_blocks(market, symbol)
    if quotes is None:
        raise ValueError("stress as volatility needs the market's quotes or a book: or intervals")
    bars = cut(Step("clock", _MINUTE), sessions, None)
    columns, _ = quote_bars(quotes, bars)
    high = np.nan_to_num(columns["realized_variance"]) >= stress**2
    return _in_order(bars.start[high], bars.end[high])


def _in_order(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By start; where an earlier interval ends later, its end."""
    order = np.argsort(start, kind="stable")
    return start[order], np.maximum.accumulate(end[order])
