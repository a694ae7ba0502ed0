"""The spread that the bounce of prices tells (Roll 1984), and how often it tells none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from mmresearch.estimate.result import TIDY, Quantity, Result, refused
from mmresearch.estimate.sandwich import Rule, error_rule, small_sample_factor, sum_covariance
from mmresearch.estimate.tape_rows import UNITS, Rows, cannot_tell, tape_rows
from mmresearch.estimate.trade_rows import trade_table
from mmresearch.market import Market

FEWEST_CHANGES = 30
_EQUATION = r"s = 2 \sqrt{-\mathrm{cov}(\Delta p_t, \Delta p_{t-1})}"
_QUESTION = "What spread does the bounce of trade prices tell?"
NAMES = ("spread", "mean_of_days", "undefined_share")


def roll(
    trades: pd.DataFrame | Market,
    *,
    symbol: str | Sequence[str] | None = None,
    unit: str = "currency",
    bunch: bool = True,
    within: str | None = "1s",
    errors: str = "auto",
    level: float = 0.95,
) -> Result:
    """Full spread from the covariance of price changes with the ones before.

    Parameters
    ----------
    trades : Market or DataFrame
        A market with trades, of known side or not; or a table as `mm.quoted_trades` makes it.
    symbol : str or list, optional
        Which; all if not given. Several need unit="bps".
    unit : str
        Of the spread: "currency" (a unit of the asset) or "bps" of the price.
    bunch, within
        Whether prints of one known side, price and quote are one trade, as in `spread_components`:
        prints of one order at one price bounce between nothing, and make the spread too small.
    errors : str
        "cluster": by day. "hac": Newey-West within days. "auto": "cluster" from 40 days up, else
        "hac".
    level : float
        Of the intervals.

    Returns
    -------
    Result
        `table`: covariance, of all pairs of one day. `quantities`: "spread", of that covariance,
        its interval that of the covariance; "mean_of_days", of the days on which it is defined, t
        over days; "undefined_share", days whose covariance is not below 0, of those with 30 changes
        or more (Wilson's interval). `details`: "days".

    Notes
    -----
    Where the covariance is not below 0 there is no spread: it is missing, never 0, and counted.
    The mean of days leaves those days out, so that it is too large where there are many of them:
    it is flagged, and "spread" is the one to use.

    Sides must be coins: where each is expected from the one before with correlation r, half the
    spread is (1 - r) times the true one if trades tell nothing; where they do see
    `trade_indicator`.

    References
    ----------
    Roll (1984), A simple implicit measure of the effective bid-ask spread in an efficient market,
    Journal of Finance 39.
    """
    for name, value, known in (
        ("unit", unit, UNITS),
        ("errors", errors, ("auto", "cluster", "hac")),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    table = trade_table(trades, symbol)
    rows = tape_rows(table, unit=unit, bunch=bunch, within=within, sided=False)
    words = "currency a unit" if unit == "currency" else "bps"
    reason = cannot_tell(rows.frame, FEWEST_CHANGES, sided=False)
    if reason:
        return _refused(rows, words, reason)
    pairs = _pairs(rows.frame)
    kind = error_rule(pairs["day"], errors=errors).kind
    rule = error_rule(pairs["day"], errors="hac" if kind == "wild" else kind, params=1)
    covariance, error = _covariance(pairs, rule)
    reach = float(scipy.stats.t.ppf((1 + level) / 2, rule.df))
    days = _days(pairs)
    quantities = _quantities(covariance, reach * error, days, words, rule, level)
    t = covariance / error
    numbers = [covariance, error, t, 2 * scipy.stats.t.sf(abs(t), rule.df)]
    numbers += [covariance - reach * error, covariance + reach * error]
    flags = [*rule.flags, *(["days_without_a_spread"] if days["spread"].isna().any() else [])]
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"spread: {words}; covariance: its square",
        table=pd.DataFrame([dict(zip(TIDY, ["covariance", *numbers], strict=True))]),
        sample=rows.sample,
        errors=rule.words,
        quantities=quantities,
        flags=tuple(flags),
        details={"days": days},
    )


def _pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Each change beside the one before it, of the same day and series."""
    pairs = frame.assign(before=frame["y"].shift())[frame["follows"]]
    return pairs[["symbol", "day", "y", "before"]].reset_index(drop=True)


def _covariance(pairs: pd.DataFrame, rule: Rule) -> tuple[float, float]:
    """Of all pairs, less the common mean, and its error."""
    away = pairs["y"] - pairs["y"].mean(), pairs["before"] - pairs["before"].mean()
    product = (away[0] * away[1]).to_numpy()
    middle = product.mean()
    count = len(product)
    factor = small_sample_factor(rule, count, 1, int(pairs["day"].nunique()))
    spread = sum_covariance((product - middle)[:, None], pairs["day"], rule)[0, 0] * factor
    return float(middle), math.sqrt(spread) / count


def _spread(covariance: float) -> float:
    return 2 * math.sqrt(-covariance) if covariance < 0 else math.nan


def _days(pairs: pd.DataFrame) -> pd.DataFrame:
    """Covariance and spread of each symbol's day with enough changes; missing where undefined."""
    lines = []
    for (symbol, day), part in pairs.groupby(["symbol", "day"]):
        if len(part) < FEWEST_CHANGES - 1:
            continue
        covariance = float(np.cov(part["y"], part["before"], ddof=0)[0, 1])
        lines.append((symbol, day, len(part), covariance, _spread(covariance)))
    return pd.DataFrame(lines, columns=["symbol", "day", "pairs", "covariance", "spread"])


def _quantities(
    covariance: float, reach: float, days: pd.DataFrame, words: str, rule: Rule, level: float
) -> dict[str, Quantity]:
    low, high = (_spread(min(covariance + turn * reach, 0)) for turn in (1, -1))
    low, high = (0.0 if math.isnan(end) else end for end in (low, high))
    reason = "" if covariance < 0 else "price changes follow the ones before: no bounce is seen"
    found = {
        "spread": Quantity(
            "spread", _spread(covariance), low, high, words, rule.words, not reason, reason, level
        )
    }
    known = days["spread"].dropna()
    middle, ends, reason = math.nan, (math.nan, math.nan), "no day has a bounce"
    if len(known):
        middle, reason = float(known.mean()), "one day has no mean of days"
    if len(known) > 1:
        away = scipy.stats.t.ppf((1 + level) / 2, len(known) - 1) * known.sem()
        ends, reason = (middle - away, middle + away), ""
    found["mean_of_days"] = Quantity(
        "mean_of_days", middle, *ends, words, "t over days", not reason, reason, level
    )
    lacking = int(days["spread"].isna().sum())
    share, ends = math.nan, (math.nan, math.nan)
    if len(days):
        share = lacking / len(days)
        ends = proportion_confint(lacking, len(days), alpha=1 - level, method="wilson")
        ends = (ends[0] if lacking else 0.0, ends[1])  # not 0 but for rounding
    reason = "" if len(days) else f"no day has {FEWEST_CHANGES} price changes"
    found["undefined_share"] = Quantity(
        "undefined_share",
        share,
        *map(float, ends),
        f"of {len(days)} days",
        "Wilson",
        not reason,
        reason,
        level,
    )
    return found


def _refused(rows: Rows, words: str, reason: str) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit=f"spread: {words}; covariance: its square",
        sample=rows.sample,
        reason=reason,
        names=NAMES,
    )
