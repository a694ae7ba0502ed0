"""From the panel to pairs of inventory: where bars open and close, and what was left out.

Every bar is a pair inside one session: the inventory at its start and at its end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.autoregression import Design, past_changes
from mmresearch.estimate.panel_rows import KEY, refuse_panel
from mmresearch.estimate.result import Sample

INTERCEPTS = ("auto", "none", "pooled", "segment")
_SERIES = ["account", "symbol"]
_BAR = ["day", "bar", "start", "end", "gap"]
NEEDED = [*_SERIES, *_BAR, "inventory_start", "inventory_end", "opening_known"]


class Pairs(NamedTuple):
    """The pairs, the design made of them, and the sample in words.

    frame: the panel's rows kept, with series, segment, run and group numbers.
    design: scaled by the standard deviation of each series' own changes where there are several.
    intercept: "none", "pooled" or "segment", as chosen.
    daily: whether a bar is a session. chained: whether sessions open where the last one closed.
    """

    frame: pd.DataFrame
    design: Design
    sample: Sample
    intercept: str
    daily: bool
    chained: bool


def inventory_pairs(panel: pd.DataFrame, *, intercept: str = "auto", lags: int = 1) -> Pairs:
    """Pairs (inventory_start, inventory_end) of every bar, and what they have in common.

    A segment is an unbroken stretch of bars of one session; where a bar is a session, an unbroken
    stretch of sessions. A run is a stretch of sessions over which the level is known: a missing
    session shifts the level by an unknown amount and begins a new run.
    """
    refuse(panel, intercept, lags)
    rows = panel.sort_values([*_SERIES, "start", "day", "bar"], kind="stable", ignore_index=True)
    daily = not rows.duplicated([*_SERIES, "day"]).any()
    rows, dropped = _known(_numbered(rows))
    intercept = _choose(rows, intercept)
    rows = _in_segments(rows, daily)
    rows, dropped["alone between gaps"] = _with_company(rows, intercept)
    rows["bar_number"] = _bar_number(rows)
    scale = rows["spread"].to_numpy() if len(rows["series"].unique()) > 1 else np.ones(len(rows))
    chained = _chained(rows, scale)
    design = _design(rows, scale, intercept, chained, lags)
    sample = Sample(len(rows), dropped, rows["day"].nunique(), rows["series"].nunique())
    return Pairs(rows, design, sample, intercept, daily, chained)


def one_series(panel: pd.DataFrame, *, account: str | None, symbol: str | None) -> pd.DataFrame:
    """The panel's rows of one account and symbol, refused if they are not one series of bars."""
    missing = [name for name in NEEDED if name not in panel.columns]
    if missing:
        raise ValueError(f"the panel lacks the columns {', '.join(missing)}")
    for column, wanted in (("account", account), ("symbol", symbol)):
        held = sorted(panel[column].astype(str).unique())
        if wanted is not None:
            panel = panel[panel[column] == wanted]
        if panel.empty or (wanted is None and len(held) > 1):
            few = ", ".join(held[:5]) + (", .." if len(held) > 5 else "")
            raise ValueError(f"one {column} is needed, not {wanted!r}; the panel holds: {few}")
    faults = _faults(panel)
    if faults:
        raise ValueError(f"the panel is not one series of bars: {'; '.join(faults)}")
    return panel


def _faults(rows: pd.DataFrame) -> list[str]:
    """What keeps the rows from being one series: bars twice, bars that overlap, infinities."""
    twice = int(rows.duplicated(["day", "bar"]).sum())
    ordered = rows.sort_values(["start", "end"])
    overlap = int((ordered["start"] < ordered["end"].shift()).sum())
    endless = int(np.isinf(rows[["inventory_start", "inventory_end"]].to_numpy(float)).any(1).sum())
    found = {
        f"{twice:,} bars stand twice": twice,
        f"{overlap:,} bars begin before the last one ends (two frequencies?)": overlap - twice > 0,
        f"{endless:,} bars have infinite inventory": endless,
    }
    return [words for words, count in found.items() if count]


def refuse(panel: pd.DataFrame, intercept: str, lags: int = 1) -> None:
    """Raise where pairs cannot be made of a panel, or the choices are none."""
    levels = ["inventory_start", "inventory_end"]
    refuse_panel(panel, levels, [name for name in NEEDED if name not in [*KEY, *levels]])
    if intercept not in INTERCEPTS:
        raise ValueError(f"intercept must be one of {', '.join(INTERCEPTS)}, not {intercept!r}")
    if lags < 1:
        raise ValueError(f"lags must be 1 or more, not {lags}")


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with numbers of their series and run (known level), and the spread of changes."""
    series = rows.groupby(_SERIES, sort=False).ngroup()
    run = (series.ne(series.shift()) | rows["gap"].astype(bool)).cumsum() - 1
    change = rows["inventory_end"] - rows["inventory_start"]
    spread = change.where(np.isfinite(change)).groupby(series).transform("std")
    return rows.assign(series=series, run=run, spread=spread)


def _known(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows with finite inventories in series whose changes differ; what was dropped, by reason."""
    known = np.isfinite(rows[["inventory_start", "inventory_end"]].to_numpy(float)).all(axis=1)
    moves = (rows["spread"] > 0).to_numpy()
    dropped = {
        "inventory unknown": int((~known).sum()),
        "changes all equal": int((known & ~moves).sum()),
    }
    return rows[known & moves].reset_index(drop=True), dropped


def _choose(rows: pd.DataFrame, intercept: str) -> str:
    if intercept != "auto":
        return intercept
    opens = rows.drop_duplicates([*_SERIES, "day"])
    flat = opens["inventory_start"].abs() <= 1e-9 * rows["inventory_end"].abs().max()
    flat = flat.all() and opens["opening_known"].all()
    return "none" if flat else "pooled"


def _in_segments(rows: pd.DataFrame, daily: bool) -> pd.DataFrame:
    """The rows with the number of their segment: unbroken bars of a session, or sessions."""
    begins = rows["run"].ne(rows["run"].shift())
    if not daily:
        begins |= rows["day"].ne(rows["day"].shift()) | rows["bar"].diff().ne(1)
    return rows.assign(segment=begins.cumsum() - 1)


def _with_company(rows: pd.DataFrame, intercept: str) -> tuple[pd.DataFrame, int]:
    """Rows that tell something beside their own mean, with the number of that mean's group."""
    by = {"none": "series", "pooled": "run", "segment": "segment"}[intercept]
    together = rows.groupby(by)[by].transform("size") > 1
    kept = rows[together | (intercept == "none")].reset_index(drop=True)
    return kept.assign(group=kept[by]), len(rows) - len(kept)


def _bar_number(rows: pd.DataFrame) -> np.ndarray:
    """The same number for bars of the same time, so that series can share what happens in it."""
    timed = rows["start"].notna().all() and not rows.duplicated([*_SERIES, "start"]).any()
    return rows.groupby(["start"] if timed else ["day", "bar"]).ngroup().to_numpy()


def _chained(rows: pd.DataFrame, scale: np.ndarray) -> bool:
    """Whether sessions open nearer to where the last one closed than to one level of their own."""
    opens = rows["inventory_start"] / scale
    last = (rows["inventory_end"] / scale).shift()
    first = ~rows.duplicated(["run", "day"])
    again = first & rows["run"].eq(rows["run"].shift())
    own = opens - opens.where(first).groupby(rows["run"]).transform("mean")
    return bool(((opens - last)[again] ** 2).sum() <= (own[again] ** 2).sum())


def _design(
    rows: pd.DataFrame, scale: np.ndarray, intercept: str, chained: bool, lags: int
) -> Design:
    x = rows["inventory_start"].to_numpy(float) / scale
    y = rows["inventory_end"].to_numpy(float) / scale
    begins = _begins(rows, intercept, chained)
    fresh = rows["segment"].ne(rows["segment"].shift()).to_numpy()
    return Design(
        x=x,
        y=y,
        changes=past_changes(y - x, _edges(fresh), lags),
        bounds=_edges(rows["group"].ne(rows["group"].shift()).to_numpy()),
        chains=_edges(begins),
        jump=np.where(begins, 0, x - np.concatenate([[0], y])[:-1]),
        fresh=fresh,
        bar=rows["bar_number"].to_numpy(),
        series=pd.factorize(rows["series"])[0],
        means=intercept != "none",
    )


def _edges(begins: np.ndarray) -> np.ndarray:
    """The rows where something begins, then the number of rows."""
    return np.append(np.flatnonzero(begins), len(begins))


def _begins(rows: pd.DataFrame, intercept: str, chained: bool) -> np.ndarray:
    """Rows at which a simulated inventory opens afresh."""
    by = "segment" if intercept == "segment" else "run"
    begins = rows[by].ne(rows[by].shift())
    if not chained:
        begins |= ~rows.duplicated(["run", "day"])
    return begins.to_numpy()
