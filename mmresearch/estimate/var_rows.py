"""Trades as rows of a vector autoregression: signed trade and the mid's revision after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.result import Sample
from mmresearch.estimate.sandwich import SOME_DAYS
from mmresearch.measure.quoted_trades import bunch_trades

UNITS = ("bps", "currency")
MOST_BLOCKS = 500
FEWEST_BLOCKS = 10
# what a trade variable is, of side and size
TRANSFORMS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "sign": lambda side, size: side,
    "signed_size": lambda side, size: side * size,
    "sqrt": lambda side, size: side * np.sqrt(size),
}


class Question(NamedTuple):
    """What was asked: names of trade variables, units, lags, horizon, level."""

    x: tuple[str, ...]
    units: str
    lags: int
    horizon: int
    level: float


class Rows(NamedTuple):
    """Trades that have what the equations need, in order of time, days one after the other.

    y [n, k]: trade variables, then the return after the trade, in `units`, each over its `scale`
    [k]. place [n]: how many trades of an unbroken run of the day stand before. day [n]: number.
    shock [k - 1]: the trade variables of the purchase that is asked about, over their scale.
    """

    y: np.ndarray
    place: np.ndarray
    day: np.ndarray
    scale: np.ndarray
    shock: np.ndarray
    size: float
    dropped: dict[str, int]

    def usable(self, lags: int) -> np.ndarray:
        """Whether a row has that many before it in its run."""
        return self.place >= lags

    def sample(self, lags: int) -> Sample:
        """What an estimate with so many lags rests on."""
        keep = self.usable(lags)
        short = {"first of a day or after a gap, without their lags": int((~keep).sum())}
        return Sample(int(keep.sum()), self.dropped | short, len(np.unique(self.day[keep])))


class Blocks(NamedTuple):
    """The pieces that are drawn with replacement: where they begin and end, what they are."""

    edges: np.ndarray
    words: str
    flags: tuple[str, ...]


def var_rows(
    trades: pd.DataFrame, *, x: Sequence[str], units: str, size: float | None, within: str | None
) -> Rows:
    """The rows of one symbol's trades as `trade_table` gives them."""
    many = trades["symbol"].nunique()
    if many > 1:
        raise ValueError(f"{many} symbols: trades follow each other in one; choose symbol=")
    count = len(trades)
    if within is not None:
        trades = bunch_trades(trades, within=within)
    side, volume, bid, ask = (trades[c].to_numpy("float64") for c in ("side", "size", "bid", "ask"))
    columns = [TRANSFORMS[name](side, np.abs(volume)) for name in x]
    day = pd.factorize(trades["day"])[0]
    last = np.append(day[1:] != day[:-1], True) if len(day) else np.zeros(0, bool)
    change = _revisions(bid, ask, units)
    change[last] = np.nan
    reasons = {
        "of one order with the trade before": count - len(trades),
        "last of a day": last,
        "of unknown side or size": ~np.isfinite(np.column_stack([side, *columns])).all(axis=1),
        "without quotes or with locked or crossed ones, here or at the next": np.isnan(change),
    }
    keep, dropped = _kept(reasons, len(trades))
    y = np.column_stack([*columns, change])[keep]
    # a trade that cannot be used breaks the run: no lag reaches over it
    run = np.cumsum(np.append(True, ~keep[:-1] | (day[1:] != day[:-1]))) if len(day) else day
    typical = float(np.median(np.abs(volume[keep]))) if keep.any() and size is None else size
    shock = [TRANSFORMS[name](np.ones(1), np.full(1, typical or np.nan))[0] for name in x]
    # sizes of millions beside returns of a hundredth would cost the sums half their digits
    scale = y.std(axis=0) if len(y) else np.ones(len(x) + 1)
    scale = np.where(scale > 0, scale, 1.0)
    return Rows(
        np.ascontiguousarray(y / scale),
        place_in_run(run[keep]),
        day[keep],
        scale,
        np.array(shock) / scale[:-1],
        float(typical or np.nan),
        dropped,
    )


def blocks_of(keep: np.ndarray, day: np.ndarray, what: str = "trades") -> Blocks:
    """Whole days, or with fewer than six of them blocks within the days: of the rows to keep."""
    days = np.unique(day[keep])
    starts = np.searchsorted(day, days)
    ends = np.searchsorted(day, days, side="right")
    if len(days) >= SOME_DAYS:
        edges = np.append(starts, ends[-1])
        return Blocks(edges, f"whole days ({len(days)})", ())
    n = int(keep.sum())
    length = max(n / MOST_BLOCKS, min(2 * n ** (1 / 3), n / FEWEST_BLOCKS), 1)
    parts = []
    for start, end in zip(starts, ends, strict=True):
        number = max(round(keep[start:end].sum() / length), 1)
        # equally many usable rows in each
        place = np.flatnonzero(keep[start:end])
        parts.append(start + np.append(0, place[np.arange(1, number) * len(place) // number]))
    edges = np.append(np.concatenate(parts), ends[-1]).astype(int)
    words = f"blocks of {n / (len(edges) - 1):,.0f} {what} ({len(edges) - 1} of them)"
    return Blocks(edges, f"{words}, for there are fewer than {SOME_DAYS} days", ("few_days",))


def most_lags(rows: Rows, asked: int) -> int:
    """At most that many, ten rows a coefficient, four fifths of the rows left."""
    k, count = rows.y.shape[1], len(rows.place)
    for lags in range(asked, 1, -1):
        left = int(rows.usable(lags).sum())
        if left >= 0.8 * count and left >= 10 * (1 + k * lags):
            return lags
    return 1


def cannot_tell(rows: Rows, lags: int, fewest: int) -> str:
    """Why these rows cannot answer, or nothing."""
    missing = "; ".join(f"{n:,} {reason}" for reason, n in rows.dropped.items() if n)
    if len(rows.y) < fewest:
        left_out = f" (left out: {missing})" if missing else ""
        return (
            f"{len(rows.y)} trades with side and quotes and another of their day after them, "
            f"where {fewest} are needed{left_out}"
        )
    if np.ptp(np.sign(rows.y[:, 0])) == 0:
        return "every trade is on one side"
    if np.ptp(rows.y[:, -1]) == 0:
        return "mids never change"
    for c in range(rows.y.shape[1] - 1):
        if np.ptp(rows.y[:, c]) == 0:
            return "flow has no variance"
    keep = rows.usable(lags)
    needed = max(fewest, 3 * (1 + rows.y.shape[1] * lags))
    if keep.sum() < needed:
        longest = int(rows.place.max()) + 1
        return (
            f"{int(keep.sum())} trades have {lags} lags before them in their day (the longest run "
            f"is {longest} trades), where {needed} are needed"
        )
    return ""


def _revisions(bid: np.ndarray, ask: np.ndarray, units: str) -> np.ndarray:
    """The mid just before the next trade less that just before this one, [n]; the last unknown."""
    fair = (bid > 0) & (ask > bid)
    mid = np.where(fair, (bid + ask) / 2, np.nan)
    level = 1e4 * np.log(mid) if units == "bps" else mid
    return np.append(np.diff(level), np.nan)[: len(level)]


def _kept(reasons: dict[str, np.ndarray | int], count: int) -> tuple[np.ndarray, dict[str, int]]:
    keep, dropped = np.ones(count, bool), {}
    for reason, bad in reasons.items():
        if isinstance(bad, int):
            dropped[reason] = bad
            continue
        dropped[reason] = int((keep & bad).sum())
        keep &= ~bad
    return keep, dropped


def place_in_run(run: np.ndarray) -> np.ndarray:
    """How many rows of the same run stand before each."""
    at = np.arange(len(run))
    fresh = np.append(True, run[1:] != run[:-1])[: len(run)]
    return at - np.maximum.accumulate(np.where(fresh, at, 0))
