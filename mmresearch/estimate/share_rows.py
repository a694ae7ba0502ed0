"""Prices of one thing at several venues as rows of an error correction model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.result import Sample
from mmresearch.estimate.var_rows import place_in_run

FEWEST_STEPS = 60
_KEYS = ("day", "time")


class ShareRows(NamedTuple):
    """Steps of the clock that have the one before, days one after the other.

    y [n, 2 v - 1]: changes of v log prices (bps), then how far the first stands above each other
    one (bps). place [n]: how many rows of an unbroken run stand before. levels [n, v]: log prices
    (bps). changed: share of the steps in which each venue's price moved.
    """

    y: np.ndarray
    levels: np.ndarray
    place: np.ndarray
    day: np.ndarray
    venues: tuple[str, ...]
    changed: np.ndarray
    dropped: dict[str, int]

    def usable(self, lags: int) -> np.ndarray:
        """Whether a row has that many before it in its run."""
        return self.place >= lags

    def sample(self, lags: int) -> Sample:
        """What an estimate with so many lags rests on."""
        keep = self.usable(lags)
        short = {"first of a day or after a gap, without their lags": int((~keep).sum())}
        return Sample(int(keep.sum()), self.dropped | short, len(np.unique(self.day[keep])))


def share_rows(prices: pd.DataFrame, beta: np.ndarray | None = None) -> ShareRows:
    """The rows of a table as `mm.venue_prices` makes it; or every fault of it.

    beta [v, v - 1]: what makes the gaps of log prices, (1, -1, 0, ...), (1, 0, -1, ...) if None.
    """
    venues = _venues(prices)
    table = prices.sort_values(["day", "time"], kind="stable", ignore_index=True)
    log = 1e4 * np.log(table[venues].to_numpy("float64"))
    if beta is None:
        beta = np.vstack([np.ones(len(venues) - 1), -np.eye(len(venues) - 1)])
    day = pd.factorize(table["day"])[0]
    known = np.isfinite(log).all(axis=1)
    change = np.diff(log, axis=0, prepend=np.full((1, len(venues)), np.nan))
    first = np.append(True, day[1:] != day[:-1])[: len(day)]
    follows = known & np.append(False, known[:-1])[: len(day)] & ~first
    dropped = {
        "first of a day": int(first.sum()),
        "without a price of every venue, here or before": int((~follows & ~first).sum()),
    }
    gaps = log @ beta
    # a basis of hundreds of basis points would cost the sums digits; the constant takes it
    gaps = gaps - (gaps[follows].mean(axis=0) if follows.any() else 0.0)
    run = np.cumsum(~follows)
    return ShareRows(
        np.ascontiguousarray(np.column_stack([change, gaps])[follows]),
        log[follows],
        place_in_run(run[follows]),
        day[follows],
        tuple(str(name) for name in venues),
        (change[follows] != 0).mean(axis=0) if follows.any() else np.zeros(len(venues)),
        dropped,
    )


def cannot_share(rows: ShareRows, lags: int) -> str:
    """Why these prices cannot answer, or nothing."""
    needed = max(FEWEST_STEPS, 3 * (1 + rows.y.shape[1] * lags))
    count = int(rows.usable(lags).sum())
    if count < needed:
        return f"{count} steps with {lags} lags before them in their day, where {needed} are needed"
    still = [n for n, changed in zip(rows.venues, rows.changed, strict=True) if changed == 0]
    if still:
        return f"the price of {', '.join(still)} never changes"
    same = [
        name
        for j, name in enumerate(rows.venues[1:], start=len(rows.venues))
        if np.ptp(rows.y[:, j]) < 1e-9
    ]
    if same:
        return f"{rows.venues[0]} and {', '.join(same)} always have the same price"
    return ""


def _venues(prices: pd.DataFrame) -> list[str]:
    if not isinstance(prices, pd.DataFrame):
        kind = type(prices).__name__
        raise TypeError(f"prices is a DataFrame of `mm.venue_prices`, or markets, not {kind}")
    lacking = [name for name in _KEYS if name not in prices.columns]
    if lacking:
        raise ValueError(f"the prices lack the columns {', '.join(lacking)}")
    venues = [name for name in prices.columns if name not in _KEYS]
    if len(venues) < 2:
        raise ValueError(f"{len(venues)} venue: two or more can share in the price")
    faults = []
    for name in venues:
        if not pd.api.types.is_numeric_dtype(prices[name]):
            faults.append(f"{name} is not a number but {prices[name].dtype}")
            continue
        values = prices[name].to_numpy("float64")
        low, endless = int((values <= 0).sum()), int(np.isinf(values).sum())
        faults += [f"{name} is infinite in {endless} rows"] if endless else []
        faults += [f"{name} is not above 0 in {low} rows (prices, not logs)"] if low else []
    twice = int(prices.duplicated(list(_KEYS)).sum())
    faults += [f"{twice} steps stand twice: same day and time"] if twice else []
    if faults:
        raise ValueError("the prices cannot be used: " + "; ".join(faults))
    return venues
