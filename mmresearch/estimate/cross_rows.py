"""Symbols' flows and returns side by side, and the sums of squares that each day is fitted by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.result import Sample

FEWEST_BARS = 30  # that the symbols have in common, of a day that counts


class Sums(NamedTuple):
    """Bars, and the products of columns with columns, with returns, of returns with themselves."""

    bars: float
    gram: np.ndarray
    moment: np.ndarray
    square: np.ndarray


class Days(NamedTuple):
    """Products of every day that counts, added over its bars.

    columns: 1, flow of each symbol, then the flows one bar back, two bars back, ...
    gram (days, columns, columns), moment (days, columns, symbols), square (days, symbols): of
    columns with columns, columns with returns, returns with themselves. bars (days,).
    """

    symbols: list[str]
    days: np.ndarray
    bars: np.ndarray
    gram: np.ndarray
    moment: np.ndarray
    square: np.ndarray

    def summed(self, which: Sequence[int], columns: np.ndarray) -> Sums:
        """The products of several days together, of these columns."""
        gram = self.gram[which].sum(axis=0)[np.ix_(columns, columns)]
        moment = self.moment[which].sum(axis=0)[columns]
        return Sums(float(self.bars[which].sum()), gram, moment, self.square[which].sum(axis=0))


def cross_days(table: pd.DataFrame, flow: str, lags: int) -> tuple[Days, Sample]:
    """The days of the bars that all symbols have, with the bars before them that are needed."""
    symbols = sorted(table["symbol"].unique())
    tall = table.set_index(["day", "start", "symbol"])[[flow, "return_bps", "bar"]]
    wide = tall.unstack("symbol").sort_index()  # noqa: PD010 (each bar stands once)
    whole = wide.dropna()
    flows = whole[flow][symbols].to_numpy()
    returns = whole["return_bps"][symbols].to_numpy()
    day, bar = whole.index.get_level_values("day"), whole["bar"][symbols[0]].to_numpy()
    number = pd.factorize(day)[0]
    x, known = [np.ones((len(whole), 1)), flows], np.ones(len(whole), bool)
    for lag in range(1, lags + 1):
        back = np.arange(len(whole)) - lag
        known &= (back >= 0) & (number[back] == number) & (bar[back] == bar - lag)
        x.append(flows[back])
    counts = np.bincount(number[known], minlength=number.max() + 1 if len(number) else 0)
    short = counts < FEWEST_BARS
    kept = known & ~short[number] if len(number) else known
    z, number = np.concatenate(x, axis=1)[kept], number[kept]
    found = [_products(z[number == d], returns[kept][number == d]) for d in np.flatnonzero(~short)]
    empty = (np.empty((0, z.shape[1], z.shape[1])), np.empty((0, z.shape[1], len(symbols))))
    parts = [np.array(p) for p in zip(*found, strict=True)] or [*empty, np.empty((0, len(symbols)))]
    held = np.array(sorted(day.unique()))[~short] if len(counts) else np.array([])
    dropped = {
        "bars that not all symbols have": len(wide) - len(whole),
        f"without the {lags} bars before them": int((~known).sum()),
        f"of days with fewer than {FEWEST_BARS} bars": int(counts[short].sum()),
    }
    sample = Sample(len(z), dropped, len(held), len(symbols))
    return Days(symbols, held, counts[~short], *parts), sample


def _products(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return z.T @ z, z.T @ y, (y**2).sum(axis=0)


def ridge(sums: Sums, penalty: np.ndarray) -> np.ndarray:
    """Coefficients that make |y - z b|^2 / (2 bars) + sum(penalty b^2) / 2 least."""
    return np.linalg.solve(sums.gram / sums.bars + np.diag(penalty), sums.moment / sums.bars)


def squared_errors(sums: Sums, b: np.ndarray) -> float:
    """Sum of squared errors of the coefficients on bars with these products."""
    return float(sums.square - 2 * b @ sums.moment + b @ sums.gram @ b)
