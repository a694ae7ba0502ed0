"""What the inventory earns by horizon: the profit of holding it, split into bands of periods."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mmresearch.estimate.correlogram import correlogram
from mmresearch.estimate.panel_rows import drop_by_reason, refuse_panel
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, refused
from mmresearch.estimate.speed import bar_unit
from mmresearch.measure.swings import MEAN, band_profits, stretches_of

FEWEST_DAYS = 10
_QUESTION = "At what horizons does holding the inventory earn or lose?"
_EQUATION = (
    r"\sum_t I_{t-1}\,\Delta m_t = \frac1N \sum_f \mathrm{Re}"
    r"\{F_I(f)\,\overline{F_{\Delta m}(f)}\}, \quad \mathrm{period} = D N / f"
)
_NUMBERS = ["inventory_start", "inventory_end", "mid_start", "mid"]
_UNKNOWN = "the opening is not known, and every unit of it earns the session's price change"
_SERIES = ["account", "symbol"]


def inventory_by_horizon(
    panel: pd.DataFrame,
    *,
    bands: Sequence[str | float] | None = None,
    lags: int = 20,
    level: float = 0.95,
    draws: int = 9_999,
    seed: int = 0,
) -> Result:
    """Profit of the inventory held, by the period of its swings (Hasbrouck and Sofianos 1993).

    Every bar's profit is the inventory at its start times the change of the mid over it. By
    Parseval's identity a session's sum is the sum over frequencies of the cross-periodogram of the
    two, so that bands of periods add up to the total exactly: nothing is padded, tapered or
    smoothed, each session is transformed alone, and the zero frequency (mean inventory times the
    session's price change) is a band of its own.

    Parameters
    ----------
    panel : DataFrame
        As `mm.panel` makes it, several bars a session, with mids. The profit of several series is
        added by day, in quote currency; a symbol's multiplier is not in the panel and not applied.
    bands : sequence, optional
        Inner edges of the bands, rising: periods as text ("10s", "5min") or seconds; where bars
        are counts of trades, in bars. A period that equals an edge is in the longer band. Default:
        10 seconds and 5 minutes; 10 and 100 bars.
    lags : int
        Of the correlogram in `details`.
    level, draws, seed
        Of the intervals.

    Returns
    -------
    Result
        `table`: a row a band and "total"; estimate is the mean a session in quote currency, + the
        account earned. `quantities`: the same by name, refused below 10 days (no interval), where
        a band is shorter than two bars, and, for the zero frequency and the total, where the
        opening inventory is unknown: a constant added to inventory moves these two and no other.
        `details`: "bands" (sum over the sample, share of the gross), "sessions" (a row a day),
        "correlogram" (autocorrelations of inventory and of its changes by lag, with bands).

    Notes
    -----
    Intervals are of the expected profit a session: whole days drawn with replacement, the
    bootstrap's t inverted (Hall 1988); days are taken as independent. What is traded inside a bar
    is not in the sum, so take bars as short as the shortest band asks. Bars without a mid or an
    inventory are dropped and counted; stretches between them are transformed one by one (flag
    "sessions_split"), which caps their longest period.
    """
    refuse_panel(panel, _NUMBERS, ["start", "end"])
    rows = panel.sort_values([*_SERIES, "day", "bar"], ignore_index=True)
    unit, length = ("bars", 1.0) if rows.empty else bar_unit(rows, daily=False)
    edges = _edges(bands, unit)
    names = [*_names(edges, unit), MEAN]
    kept, dropped = _usable(rows)
    sample = Sample(len(kept), dropped, kept["day"].nunique(), kept.groupby(_SERIES).ngroups)
    reason = _cannot_tell(rows, kept)
    if reason:
        return _refused(names, sample, reason)
    profits = _profits(kept, edges, length, names)
    profits["total"] = (
        (kept["inventory_start"] * (kept["mid"] - kept["mid_start"])).groupby(kept["day"]).sum()
    )
    table, errors = _table(profits, level=level, draws=draws, seed=seed)
    flags = _flags(kept, len(profits))
    refusals = _refusals(names, edges, length, kept, len(profits))
    return Result(
        _QUESTION,
        _EQUATION,
        unit="quote currency a session, + the account earned",
        table=table,
        sample=sample,
        errors=errors,
        quantities=_quantities(table, refusals, errors, level),
        flags=flags,
        details={
            "bands": _sums(profits, names),
            "sessions": profits,
            "correlogram": correlogram(kept, lags=lags, level=level),
        },
    )


def _edges(bands: Sequence[str | float] | None, unit: str) -> np.ndarray:
    """Inner edges in seconds, or in bars where a bar has no fixed length."""
    clock = unit == "seconds"
    if bands is None:
        bands = (10.0, 300.0) if clock else (10.0, 100.0)
    if isinstance(bands, str):
        bands = (bands,)
    text = [b for b in bands if isinstance(b, str)]
    if text and not clock:
        raise ValueError(f"bands {text} are times, but bars are not: give periods in bars")
    edges = np.array([pd.Timedelta(b).total_seconds() if isinstance(b, str) else b for b in bands])
    edges = edges.astype("float64")
    if not len(edges) or not np.isfinite(edges).all() or (np.diff(edges, prepend=0.0) <= 0).any():
        raise ValueError(f"bands must be periods above 0 that rise, not {list(bands)}")
    return edges


def _names(edges: np.ndarray, unit: str) -> list[str]:
    said = [_period(edge) if unit == "seconds" else f"{edge:g} bars" for edge in edges]
    middle = [f"{low} to {high}" for low, high in itertools.pairwise(said)]
    return [f"under {said[0]}", *middle, f"{said[-1]} and over"]


def _period(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


def _usable(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Bars with inventory and price change, with the number of their unbroken stretch."""
    kept, dropped = drop_by_reason(
        rows,
        {
            "without inventory": rows["inventory_start"].isna() | rows["inventory_end"].isna(),
            "without a mid": rows["mid"].isna() | rows["mid_start"].isna(),
        },
    )
    return kept.assign(stretch=stretches_of(kept)), dropped


def _cannot_tell(rows: pd.DataFrame, kept: pd.DataFrame) -> str:
    if kept.empty:
        return "no bar has an inventory and a mid"
    if not rows.duplicated([*_SERIES, "day"]).any():
        return "a bar is a session: horizons need several bars a session"
    if not kept["inventory_start"].groupby([kept[c] for c in _SERIES]).nunique().gt(1).any():
        return "inventory never changes in the bars that have a mid"
    return ""


def _profits(
    kept: pd.DataFrame, edges: np.ndarray, length: float, names: list[str]
) -> pd.DataFrame:
    """Profit by day and band, each stretch transformed alone."""
    held = kept["inventory_start"].to_numpy("float64")
    moved = (kept["mid"] - kept["mid_start"]).to_numpy("float64")
    starts = np.append(np.flatnonzero(~kept["stretch"].duplicated()), len(kept))
    found = [
        band_profits(held[a:b], moved[a:b], edges / length) for a, b in itertools.pairwise(starts)
    ]
    days = kept["day"].to_numpy()[starts[:-1]]
    return pd.DataFrame(found, columns=names, index=pd.Index(days, name="day")).groupby("day").sum()


def _table(
    profits: pd.DataFrame, *, level: float, draws: int, seed: int
) -> tuple[pd.DataFrame, str]:
    values, days = profits.to_numpy(), len(profits)
    mean = values.mean(axis=0)
    columns = {name: np.full(len(mean), np.nan) for name in TIDY[2:]}
    if days >= FEWEST_DAYS:
        columns = mean_by_day_bootstrap(values, level=level, draws=draws, seed=seed)
        errors = f"whole days drawn with replacement ({days} days, {draws} draws), t inverted"
    else:
        count = "1 day" if days == 1 else f"{days} days"
        errors = f"none: {count}, where drawing days needs {FEWEST_DAYS}"
    table = pd.DataFrame({"term": profits.columns, "estimate": mean} | columns)
    return table[TIDY], errors


def mean_by_day_bootstrap(
    values: np.ndarray, *, level: float, draws: int, seed: int
) -> dict[str, np.ndarray]:
    """Errors of the means of `values` (days, k): whole days drawn, the draws' t inverted.

    std_error is the day-to-day standard deviation over the root of days. Draws of which every day
    is the same have no t and are not counted.
    """
    days = len(values)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(days, np.full(days, 1 / days), size=draws) / days
    away = values - values.mean(axis=0)
    error = away.std(axis=0, ddof=1) / math.sqrt(days)
    drawn = weights @ away
    spread = np.sqrt(np.maximum(weights @ away**2 - drawn**2, 0) / (days - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = values.mean(axis=0) / error
        drawn_t = np.where(spread > 1e-9 * error, drawn / spread, np.nan)
    tail = (1 - level) / 2
    still = error <= 0
    drawn_t[:, still] = 0.0
    high, low = np.nanquantile(drawn_t, [tail, 1 - tail], axis=0)
    p = (1 + (np.abs(drawn_t) >= np.abs(t)).sum(axis=0)) / (1 + np.isfinite(drawn_t).sum(axis=0))
    columns = [error, t, p, values.mean(axis=0) - low * error, values.mean(axis=0) - high * error]
    columns = [np.where(still, np.nan, column) for column in columns]
    return dict(zip(TIDY[2:], columns, strict=True))


def _flags(kept: pd.DataFrame, days: int) -> tuple[str, ...]:
    raised = {
        "few_days": days < FEWEST_DAYS,
        "sessions_split": kept["stretch"].nunique() > kept.groupby([*_SERIES, "day"]).ngroups,
        "opening_unknown": _opening_unknown(kept),
        "inventory_is_market_flow": kept["account"].eq("aggregate maker").any(),
    }
    return tuple(name for name, on in raised.items() if on)


def _opening_unknown(kept: pd.DataFrame) -> bool:
    return "opening_known" in kept and not kept["opening_known"].all()


def _refusals(
    names: list[str], edges: np.ndarray, length: float, kept: pd.DataFrame, days: int
) -> dict[str, str]:
    """Why a band's number has no answer; bands without a reason are not in it."""
    count = "1 day does" if days == 1 else f"{days} days do"
    refused = {}
    if days < FEWEST_DAYS:
        refused = dict.fromkeys([*names, "total"], f"{count} not give an interval")
    if _opening_unknown(kept):
        refused |= dict.fromkeys([MEAN, "total"], _UNKNOWN)
    longest = kept["stretch"].value_counts().max()
    for name, low, high in zip(names[:-1], [0, *edges], [*edges, math.inf], strict=True):
        if high <= 2 * length:
            refused[name] = "the period is shorter than two bars: use shorter bars"
        elif low > longest * length:
            refused[name] = "the period is longer than any session"
    return refused


def _quantities(
    table: pd.DataFrame, refusals: dict[str, str], errors: str, level: float
) -> dict[str, Quantity]:
    found = {}
    for row in table.itertuples():
        reason = refusals.get(row.term, "")
        if not reason and math.isnan(row.low):
            reason = "it is the same on every day"
        numbers = (row.estimate, row.low, row.high)
        unit = "quote currency a session"
        found[row.term] = Quantity(
            row.term, *numbers, unit, errors, identified=not reason, reason=reason, level=level
        )
    return found


def _sums(profits: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Each band's sum over the sample and its share of the bands' absolute sum."""
    sums = profits[names].sum()
    gross = sums.abs().sum()
    share = sums / gross if gross > 0 else sums * np.nan
    return pd.DataFrame({"profit": sums, "share_of_gross": share}).rename_axis("band")


def _refused(names: list[str], sample: Sample, reason: str) -> Result:
    unit = "quote currency a session"
    result = refused(
        _QUESTION,
        _EQUATION,
        unit=f"{unit}, + the account earned",
        sample=sample,
        reason=reason,
        names=[*names, "total"],
        units=dict.fromkeys([*names, "total"], unit),
    )
    return replace(result, errors="none: nothing was estimated")
