"""Ordinary and equivalent inventories, relative to other dealers', at every bar's opening."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.panel_rows import drop_by_reason, refuse_panel

KINDS = ("ordinary", "equivalent")
CASES = ("free", "binds")
_LEVELS = ["inventory_start", "inventory_end"]
_SERIES = ["account", "symbol"]


class EquivalentRows(NamedTuple):
    """A row an account, symbol and bar whose betas are known, in order of time.

    frame: the panel's rows with ordinary_start, ordinary_end, equivalent_start, equivalent_end
    (value at one price a symbol), and relative inventories at the bar's opening and at that of the
    bar before, "ordinary", "ordinary_lag", "equivalent", "equivalent_lag" (all in standard
    deviations of the ordinary inventory's changes). fixed_start, fixed_end: equivalent inventory
    by the first betas throughout. betas: day, symbol, other, beta, of the last day. same: whether
    the equivalent inventory is the ordinary one.
    """

    frame: pd.DataFrame
    betas: pd.DataFrame
    dropped: dict[str, int]
    same: bool


def equivalent_rows(panel: pd.DataFrame, *, window: int, numbers: list[str]) -> EquivalentRows:
    """Inventories at each bar and what other symbols' returns of the days before make of them."""
    refuse_panel(
        panel, [*_LEVELS, "return_bps", *numbers], ["gap", "start", "end", "opening_known"]
    )
    if window < 20:
        raise ValueError(f"window must be 20 days or more, not {window}")
    rows = panel.sort_values(["day", "bar", *_SERIES], kind="stable", ignore_index=True)
    symbols, accounts = (sorted(rows[c].unique()) for c in ("symbol", "account"))
    place = (
        rows.groupby(["day", "bar"]).ngroup().to_numpy(),
        pd.Categorical(rows["account"], accounts).codes,
        pd.Categorical(rows["symbol"], symbols).codes,
    )
    shape = (place[0].max(initial=-1) + 1, len(accounts), len(symbols))
    price = _first_price(rows)
    start, end = (_filled(rows[c] * price, place, shape) for c in _LEVELS)
    days, day = np.unique(rows["day"], return_inverse=True)
    of_bar = np.zeros(shape[0], int)
    of_bar[place[0]] = day
    betas = lagged_betas(_returns(rows, place, shape), of_bar, window)
    held = _held(place, shape)
    first = of_bar < window
    mean = _mean(start, first, flat=bool(rows["opening_known"].all()))
    scale = _scale(np.where(first[:, None, None], np.nan, end - start))
    columns = {}
    for kind, turn in (("ordinary", None), ("equivalent", betas)):
        levels = [_turned(v, turn, of_bar, held) for v in (start, end, _before(start), mean)]
        columns |= {f"{kind}{name}": v[place] for name, v in _relative(*levels, scale).items()}
    fixed = (
        np.broadcast_to(betas[window : window + 1], betas.shape) if len(days) > window else betas
    )
    for name, v in (("fixed_start", start), ("fixed_end", end)):
        columns[name] = _turned(v, fixed, of_bar, held)[place]
    rows = rows.assign(**columns)
    same = bool(np.abs(np.nan_to_num(betas - np.eye(shape[2]))).max(initial=0) < 1e-9)
    unknown = rows[[f"{kind}{w}" for kind in KINDS for w in ("_start", "_end")]].isna().any(axis=1)
    frame, dropped = drop_by_reason(
        rows,
        {
            f"in the first {window} days, which give the betas": pd.Series(day < window),
            "inventory or betas unknown": unknown,
        },
    )
    return EquivalentRows(frame, _beta_table(betas, days, symbols), dropped, same)


def lagged_betas(returns: np.ndarray, day: np.ndarray, window: int) -> np.ndarray:
    """beta_ij = cov(r_i, r_j) / var(r_i) of the `window` days before, [days, symbols, symbols].

    returns: [bars, symbols]; day: number of each bar's day, [bars]. Bars in which a return is
    missing count for none. Missing for the first `window` days.
    """
    count, symbols = int(day.max(initial=-1)) + 1, returns.shape[1]
    sums, cross = np.zeros((count + 1, symbols + 1)), np.zeros((count + 1, symbols, symbols))
    edges = np.searchsorted(day, np.arange(count + 1))
    for d, (first, last) in enumerate(pairwise(edges)):
        r = returns[first:last]
        r = r[np.isfinite(r).all(axis=1)]
        sums[d + 1], cross[d + 1] = np.append(len(r), r.sum(axis=0)), r.T @ r
    total = sums.cumsum(axis=0), cross.cumsum(axis=0)
    betas = np.full((count, symbols, symbols), np.nan)
    late = np.arange(window, count)
    n, mean = np.split(total[0][late] - total[0][late - window], [1], axis=1)
    moment = total[1][late] - total[1][late - window]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = mean / n
        cov = moment / n[:, :, None] - mean[:, :, None] * mean[:, None, :]
        betas[late] = cov / np.einsum("dii->di", cov)[:, :, None]
    return betas


def constraint(panel: pd.DataFrame, column: str) -> pd.Series:
    """1 where the constraint binds, 0 where it does not, missing where that is not known."""
    if column not in panel:
        raise ValueError(f"binds must be a column of the panel, which lacks {column!r}")
    if not pd.api.types.is_bool_dtype(panel[column]):
        raise ValueError(f"binds must be a boolean column; {column} is {panel[column].dtype}")
    return panel[column].astype("boolean").astype("float64")


def split_rows(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows with "binds", 1 or 0, and each inventory where it binds and where it does not.

    "_binds" and "_free" are 0 in the other case: their coefficients are the responses in either.
    """
    binds = constraint(frame, column)
    parts = {"binds": binds}
    for kind in KINDS:
        for lag in ("", "_lag"):
            parts[f"{kind}_free{lag}"] = frame[f"{kind}{lag}"] * (1 - binds)
            parts[f"{kind}_binds{lag}"] = frame[f"{kind}{lag}"] * binds
    return frame.assign(**parts)


def _mean(start: np.ndarray, first: np.ndarray, *, flat: bool) -> np.ndarray:
    """The mean level over the first days, 0 where openings are known: then 0 is flat."""
    early = np.where(first[:, None, None] & (not flat), start, np.nan)
    return np.broadcast_to(np.nan_to_num(_quiet(np.nanmean, early)), start.shape)


def _before(start: np.ndarray) -> np.ndarray:
    return np.concatenate([np.full_like(start[:1], np.nan), start[:-1]])


def _turned(
    levels: np.ndarray, betas: np.ndarray | None, day: np.ndarray, held: np.ndarray
) -> np.ndarray:
    """Levels, or their equivalents by the betas of the bar's day; missing where never held."""
    found = levels
    if betas is not None:
        edges = [*np.flatnonzero(np.diff(day, prepend=-1)), len(day)]
        parts = [levels[a:b] @ betas[day[a]].T for a, b in pairwise(edges)]
        found = np.concatenate([levels[:0], *parts])
    return np.where(held, found, np.nan)


def _scale(change: np.ndarray) -> np.ndarray:
    """Standard deviation of a series' own changes: equivalents are in units of the same symbol."""
    spread = _quiet(np.nanstd, change)
    return np.where(spread > 0, spread, np.nan)


def _relative(
    opening: np.ndarray, closing: np.ndarray, lag: np.ndarray, mean: np.ndarray, scale: np.ndarray
) -> dict[str, np.ndarray]:
    """Levels [bars, accounts, symbols], and z less its median over accounts, now and a bar ago.

    All have the betas of now: their changes are no changes of inventory.
    """
    found = {"_start": opening, "_end": closing}
    for name, levels in (("", opening), ("_lag", lag)):
        z = (levels - mean) / scale
        alone = np.isfinite(z).sum(axis=1, keepdims=True) < 2
        found[name] = np.where(alone, np.nan, z - _quiet(np.nanmedian, z, axis=1))
    return found


def _quiet(function: object, values: np.ndarray, axis: int = 0) -> np.ndarray:
    """A function of what is known; missing, without a warning, where nothing is."""
    empty = np.isnan(values).all(axis=axis, keepdims=True)
    found = function(np.where(empty, 0.0, values), axis=axis, keepdims=True)
    return np.where(empty, np.nan, found)


def _first_price(rows: pd.DataFrame) -> pd.Series:
    """The symbol's first known mid: one price, so that price moves are no flow; else 1."""
    if "mid" not in rows or rows.groupby("symbol")["mid"].first().isna().any():
        return pd.Series(1.0, index=rows.index)
    return rows.groupby("symbol")["mid"].transform("first")


def _filled(values: pd.Series, place: tuple, shape: tuple) -> np.ndarray:
    """[bars, accounts, symbols]; 0 of the symbols that an account never holds."""
    table = np.full(shape, np.nan)
    table[place] = values.to_numpy("float64")
    return np.where(_held(place, shape), table, 0.0)


def _held(place: tuple, shape: tuple) -> np.ndarray:
    held = np.zeros((1, *shape[1:]), bool)
    held[0, place[1], place[2]] = True
    return held


def _returns(rows: pd.DataFrame, place: tuple, shape: tuple) -> np.ndarray:
    """The symbol's return in each bar, whichever account's row has it, [bars, symbols]."""
    table = np.full((shape[0], shape[2]), np.nan)
    known = rows["return_bps"].notna().to_numpy()
    table[place[0][known], place[2][known]] = rows["return_bps"].to_numpy("float64")[known]
    return table


def _beta_table(betas: np.ndarray, days: np.ndarray, symbols: list) -> pd.DataFrame:
    if not len(betas):
        return pd.DataFrame(columns=["day", "symbol", "other", "beta"])
    one, other = (w.ravel() for w in np.meshgrid(symbols, symbols, indexing="ij"))
    table = {"day": days[-1], "symbol": one, "other": other, "beta": betas[-1].ravel()}
    return pd.DataFrame(table)
