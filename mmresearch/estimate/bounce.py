"""Whether what fast variance has more than slow variance is the bounce of trade prices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.ratio_means import FEWEST_PIECES, Means, cells_of, ratio_means
from mmresearch.estimate.result import Quantity, Result, Sample, refused
from mmresearch.market import Market
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.realized import session_prices
from mmresearch.measure.session_days import standing_before

FEWEST_CHANGES = 24  # of a stretch: four slow changes of six
_SLOW = 6  # slow changes of a stretch: five minutes of half an hour
REFERENCES = ("auto", "mid", "roll")
_QUESTION = "Is what fast variance has more than slow variance the bounce between bid and ask?"
_EQUATION = (
    r"\mathrm{E}[RV_n] = IV + 2 n c^2, \qquad"
    r"\mathrm{ratio} = \sum (RV_n - IV) \,/\, \sum 2 n c^2_{\mathrm{ref}}"
)
MEANING = {
    "ratio": "what fast variance has more, in multiples of the bounce; 1 if sides are coins",
    "half_spread": "c, half the spread that would make the difference, were it the bounce",
    "bounce_share": "share of fast variance that slow variance has not",
}


class Rows(NamedTuple):
    """A row a stretch, what was left out, and which c is the reference."""

    frame: pd.DataFrame
    sample: Sample
    reference: str


def bounce_test(
    data: pd.DataFrame | Market,
    *,
    symbol: str | Sequence[str] | None = None,
    reference: str = "auto",
    freq: str = "30min",
    slow: int | None = None,
    errors: str = "auto",
    level: float = 0.95,
) -> Result:
    """Difference of fast and slow variance beside the bounce that the spread would make.

    Parameters
    ----------
    data : Market or DataFrame
        A market with trades; or rows of symbol, day, time, price (seq breaks ties), and `mid`, the
        one that stood just before the trade, where it is known.
    symbol : str or list, optional
        Which; all if not given.
    reference : str
        Where c² comes from. "mid": mean squared log distance of prices from the mid that stood
        strictly before. "roll": less the covariance of neighbouring price changes (Roll 1984).
        "auto": "mid" where mids are known, else "roll".
    freq : str
        Length of the stretches into which sessions are cut; a row each.
    slow : int, optional
        Price changes of the slow scale; a sixth of the stretch's if not given.
    errors, level
        As in `average_markouts`: "auto", "cluster", "wild", "hac".

    Returns
    -------
    Result
        `table`: "difference", mean over stretches of the difference less 2 n c² of the reference,
        bps²: its t and p are the test that the difference is the bounce. `quantities`: ratio,
        half_spread (bps), bounce_share. `details`: "stretches" (n, rv, slow, excess, bounce), and
        "meaning".

    Notes
    -----
    A ratio below 1 says that sides go on (price changes then bounce between nothing: with
    correlation r of neighbouring sides the ratio is about 1 - r); above 1, that prices have noise
    which the spread is not: rounding, stale or mistimed prints, quotes that answer trades at once.
    With "roll" the noise itself is the reference, so that only its memory is tested: whether price
    changes two and more apart are free of each other.

    References
    ----------
    Zhang, Mykland and Aït-Sahalia (2005), A tale of two time scales, Journal of the American
    Statistical Association 100. Roll (1984), A simple implicit measure of the effective bid-ask
    spread, Journal of Finance 39.
    """
    if reference not in REFERENCES:
        raise ValueError(f"reference must be one of {', '.join(REFERENCES)}, not {reference!r}")
    if slow is not None and slow < 2:
        raise ValueError(f"slow must be at least 2 price changes, not {slow}")
    rows = _stretches(data, symbol, reference, pd.Timedelta(freq), slow)
    reason = _cannot_tell(rows)
    if reason:
        return refused(
            _QUESTION,
            _EQUATION,
            unit="bps²",
            sample=rows.sample,
            reason=reason,
            names=MEANING,
            level=level,
        )
    frame = rows.frame.assign(difference=rows.frame["excess"] - rows.frame["bounce"])

    def mean(column: str, weight: str) -> Means:
        cells = cells_of(frame, [column], weight, errors=errors)
        return ratio_means(cells, [column], errors=errors, level=level)

    test = mean("difference", "one")
    found = {
        "ratio": mean("excess", "bounce"),
        "half_spread": mean("excess", "twice_n"),
        "bounce_share": mean("excess", "rv"),
    }
    words = f"{test.rule.words}; c² by {_words(rows.reference)}"
    return Result(
        _QUESTION,
        _EQUATION,
        unit="bps², mean of a stretch",
        table=test.table,
        sample=rows.sample,
        errors=words,
        quantities={name: _quantity(name, m, level, words) for name, m in found.items()},
        flags=test.rule.flags,
        details={
            "stretches": frame.drop(columns=["one", "twice_n"]),
            "meaning": pd.Series(MEANING, name="meaning").rename_axis("term").to_frame(),
        },
    )


def _words(reference: str) -> str:
    if reference == "mid":
        return "the squared distance of prices from the mid just before"
    return "the covariance of neighbouring price changes"


def _quantity(name: str, means: Means, level: float, words: str) -> Quantity:
    value, low, high = map(float, means.table.loc[0, ["estimate", "low", "high"]])
    if name != "half_spread":
        return Quantity(name, value, low, high, "", words, level=level)
    reason = "" if value > 0 else "fast variance is below slow variance: there is no bounce"
    ends = [math.sqrt(max(end, 0.0)) if not math.isnan(end) else end for end in (value, low, high)]
    value = ends[0] if value > 0 else math.nan
    return Quantity(name, value, *ends[1:], "bps", words, not reason, reason, level)


def _cannot_tell(rows: Rows) -> str:
    frame = rows.frame
    if len(frame) < FEWEST_PIECES:
        return f"{len(frame)} stretches of {FEWEST_CHANGES} price changes; {FEWEST_PIECES} needed"
    if rows.reference == "mid" and not frame["bounce"].sum() > 0:
        return "prices are at the mid: there is nothing to bounce"
    if not frame["bounce"].sum() > 0:
        return "price changes follow the ones before: no bounce is seen"
    return ""


def _stretches(
    data: pd.DataFrame | Market,
    symbol: str | Sequence[str] | None,
    reference: str,
    wide: pd.Timedelta,
    slow: int | None,
) -> Rows:
    """A row a stretch of each session with enough price changes."""
    prices = [part.assign(symbol=k[0], day=k[1]) for k, part in session_prices(data, symbol=symbol)]
    frame = pd.concat(prices, ignore_index=True) if prices else pd.DataFrame()
    frame, by = _with_mid(frame, data, reference)
    dropped = {"prices without a mid before": 0, "stretches of few price changes": 0}
    if by == "mid" and len(frame):
        known = frame["mid"].notna()
        dropped["prices without a mid before"] = int((~known).sum())
        frame = frame[known]
    lines = []
    for (name, day, start), part in _cut(frame, wide):
        level = 1e4 * np.log(part["price"].to_numpy("float64"))
        if len(level) <= FEWEST_CHANGES:
            dropped["stretches of few price changes"] += 1
            continue
        mid = 1e4 * np.log(part["mid"].to_numpy("float64")) if by == "mid" else None
        lines.append((name, day, start, *_measures(level, mid, slow)))
    columns = ["symbol", "day", "start", "n", "rv", "slow", "excess", "bounce"]
    table = pd.DataFrame(lines, columns=columns)
    table = table.assign(one=1.0, twice_n=2.0 * table["n"])
    series = max(table["symbol"].nunique(), 1)
    return Rows(table, Sample(len(table), dropped, table["day"].nunique(), series), by)


def _cut(frame: pd.DataFrame, wide: pd.Timedelta) -> list[tuple[tuple, pd.DataFrame]]:
    """The prices of each stretch; sessions are cut from their first price on."""
    if not len(frame):
        return []
    first = frame.groupby(["symbol", "day"])["time"].transform("min")
    start = first + (frame["time"] - first) // wide * wide
    return list(frame.groupby(["symbol", "day", start]))


def _measures(
    level: np.ndarray, mid: np.ndarray | None, slow: int | None
) -> tuple[int, float, float, float, float]:
    """n, fast and slow variance, their difference, and 2 n c² of the reference."""
    change = np.diff(level)
    n, rv = len(change), float(np.sum(change**2))
    two = _slow_variance(level, rv, slow or max(2, round(n / _SLOW)))
    if mid is None:
        square = -float(np.mean(change[1:] * change[:-1]))
    else:
        square = float(np.mean((level - mid) ** 2))
    return n, rv, two, rv - two, 2 * n * square


def _slow_variance(level: np.ndarray, rv: float, slow: int) -> float:
    """Variance without bounce by coin, exactly unbiased where it is even over the stretch.

    With K changes a slow one and m = (n - K + 1)/K of them: their mean sum S is expected to be
    IV (n - K + 1)/n + 2 m c², and rv IV + 2 n c²; solved for IV. The small-sample factor of the
    paper leaves a sixth of IV out of stretches as short as these.
    """
    n = len(level) - 1
    many = (n - slow + 1) / slow
    mean = np.sum((level[slow:] - level[:-slow]) ** 2) / slow
    return float((n * mean / many - rv) / (slow - 1))


def _with_mid(
    frame: pd.DataFrame, data: pd.DataFrame | Market, reference: str
) -> tuple[pd.DataFrame, str]:
    """The prices with the mid strictly before each, and which reference is had."""
    if reference == "roll" or not len(frame):
        return frame, "roll" if reference != "mid" else "mid"
    if isinstance(data, Market):
        quotes = best_quotes(data)
        if quotes is not None:
            row = standing_before(frame, quotes, data)
            mids = ((quotes["bid"] + quotes["ask"]) / 2).to_numpy("float64")
            return frame.assign(mid=np.where(row >= 0, mids[np.maximum(row, 0)], np.nan)), "mid"
    elif "mid" in frame:
        return frame, "mid"
    if reference == "mid":
        raise ValueError("there are no quotes and no column mid; reference='roll' needs none")
    return frame, "roll"
