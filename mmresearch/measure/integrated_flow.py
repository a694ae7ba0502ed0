"""Order flow of all levels as one number, with weights that only the past has fitted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

FEWEST_BARS = 30  # in the past, for weights to be fitted


def integrated_imbalance(table: pd.DataFrame, *, refit: str = "1D") -> pd.DataFrame:
    """Order flow imbalance of all levels as one number, their first principal component.

    Each bar's levels are divided by one depth, the mean over levels and quotes of what stood in the
    bar; the weights are the first principal vector of all bars of the symbol before the stretch
    that the bar is in, with the sign that makes their sum positive, divided by the sum of their
    absolute values.

    Parameters
    ----------
    table : DataFrame
        Of `mm.order_flow_imbalance` with `levels` above 1.
    refit : str
        How often the weights are fitted anew: "1D", each session by the sessions before it; or a
        stretch of its clock ("30min"), by everything before, earlier stretches of the session too.

    Returns
    -------
    DataFrame
        The table with ofi_integrated (in multiples of the mean depth, + pressure to buy), explained
        (share of the variance of the bars before that the vector takes) and weight_1 to weight_M.
        Missing where fewer than 30 bars came before, as in the first stretch.

    References
    ----------
    Cont, Cucuringu and Zhang (2023), Cross-impact of order flow imbalance in equity markets,
    Quantitative Finance 23, section 2; there the weights are fitted on the sample itself.
    """
    levels = sorted(int(c[4:]) for c in table.columns if re.fullmatch(r"ofi_\d+", c))
    if len(levels) < 2:
        raise ValueError(
            "the table has the best level alone: make it with mm.order_flow_imbalance(levels=...)"
        )
    names = [f"weight_{m}" for m in levels]
    found = np.full((len(table), len(levels) + 2), np.nan)
    scaled = _scaled(table, levels)
    for rows in _series(table):
        for now, past in _stretches(table, rows, refit):
            weights, explained = _first_vector(scaled[past])
            found[now, 0] = scaled[now] @ weights
            found[now, 1], found[now, 2:] = explained, weights
    made = pd.DataFrame(found, index=table.index, columns=["ofi_integrated", "explained", *names])
    out = pd.concat([table.drop(columns=made.columns, errors="ignore"), made], axis=1)
    out.attrs = table.attrs
    return out


def _scaled(table: pd.DataFrame, levels: list[int]) -> np.ndarray:
    """Each bar's flows over its mean depth; a bar without a quote has none."""
    flow = table[[f"ofi_{m}" for m in levels]].to_numpy("float64")
    depth = table[[f"depth_{m}" for m in levels]].to_numpy("float64").mean(axis=1)
    still = (flow == 0).all(axis=1)
    return flow / np.where(still, 1.0, np.where(depth > 0, depth, np.nan))[:, None]


def _series(table: pd.DataFrame) -> Iterator[np.ndarray]:
    """The rows of each symbol in order of time."""
    ordered = table.reset_index(drop=True).sort_values(["day", "bar"], kind="stable")
    for _, part in ordered.groupby("symbol", sort=False):
        yield part.index.to_numpy()


def _stretches(
    table: pd.DataFrame, rows: np.ndarray, refit: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of each stretch, and all before."""
    length = pd.Timedelta(refit)
    if not length > pd.Timedelta(0):
        raise ValueError(f"refit {refit!r} is no stretch of time; give '1D' or such as '30min'")
    part = table.iloc[rows]
    number = pd.factorize(part["day"])[0].astype("float64")
    if length < pd.Timedelta("1D"):
        within = (part["time_of_day"] // length.total_seconds()).to_numpy("float64")
        if np.isnan(within).any():
            raise ValueError("bars without a time of day can be refitted by day only (refit='1D')")
        number = number * 1e6 + within
    edges = np.flatnonzero(np.diff(number, prepend=-1, append=np.inf) != 0)
    for begin, end in itertools.pairwise(edges):
        yield rows[begin:end], rows[:begin]


def _first_vector(past: np.ndarray) -> tuple[np.ndarray, float]:
    """The weights that these rows fit, and the share of their variance; missing if too few."""
    past = past[np.isfinite(past).all(axis=1)]
    if len(past) >= FEWEST_BARS:
        values, vectors = np.linalg.eigh(np.cov(past, rowvar=False))
        if values[-1] > 0:
            vector = vectors[:, -1]
            vector = vector if vector.sum() > 0 else -vector
            return vector / np.abs(vector).sum(), float(values[-1] / values.sum())
    return np.full(past.shape[1], np.nan), np.nan
