"""What happens to liquidity around events: abnormal outcomes, bands, and pseudo-events."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.event_kinds import KINDS
from mmresearch.estimate.event_means import (
    curve_of,
    mean_by_day,
    pseudo_curves,
    terms_table,
    weights_of,
)
from mmresearch.estimate.event_rows import Asked, Events, event_rows
from mmresearch.estimate.result import Quantity, Result, Sample, refused, unknown

FEWEST_DAYS = 6  # with an event, for errors by day
_QUESTION = "What happens to liquidity around the events, against the same time of other days?"
_EQUATION = (
    r"a_{e,h} = y_{e,h} - \bar y_{\mathrm{same\ time,\ days\ before}}, \quad"
    r" \bar a_h = \frac1E \sum_e a_{e,h}, \quad"
    r" \mathrm{effect} = \frac1H \sum_{h=0}^{H-1} \bar a_h"
)
_NEEDED = ("account", "symbol", "day", "bar", "start", "end")


def withdrawal_events(
    table: pd.DataFrame,
    *,
    events: object = "jumps",
    outcome: str = "index",
    before: str = "10min",
    after: str = "20min",
    extreme: float | None = None,
    past_days: int = 20,
    min_days: int = 5,
    permutations: int = 999,
    level: float = 0.95,
    seed: int = 0,
) -> Result:
    """Mean abnormal outcome around events, with bands, a permutation p and the trend before them.

    Abnormal is actual less expected: the mean of the same bar of the day over at most `past_days`
    days before it, without those bars of them that an event had just touched.

    Parameters
    ----------
    table : DataFrame
        Of `mm.withdrawal_index` or `mm.provision`, clock bars of several days.
    events : str, DataFrame or list of times
        "jumps": bars whose volatility (root of realized variance; without quotes |return|), over
        its usual size at that time of day, is above the `extreme` quantile (0.99) of past days'.
        "inventory": bars at whose start |inventory| has come above that quantile (0.9, the top
        decile) of past days'. Or a table with `time` (UTC; account and symbol where an event is one
        series' only), or times: of every series the bar that holds it.
    outcome : str
        Column: "index", or what else is asked about ("spread_bps", "depth", "at_touch").
    before, after : str
        Length of the windows; that after begins with the event's bar.
    past_days, min_days : int
        Days before it that an expectation may rest on, and must.
    permutations : int
        Pseudo-events drawn: the days of the events are replaced by other days, all events of a day
        together, each keeping its time of day, on days that have all of their windows. p is a
        number of (permutations + 1)ths: 99, 199 or 999 make one of exactly 5 %; p <= 0.05 counts.
    level, seed
        Of the intervals; of the draws.

    Returns
    -------
    Result
        table: "effect" (mean abnormal outcome over the window after), "before" (over that before)
        and "change" (effect - before), errors by day. quantities: "effect", "change",
        "permutation_p" (of the effect, two-sided), "pre_trend_p" (of the largest deviation before
        the event, against pseudo-events: where it is small the effect began before the event, or
        the events were chosen by what moves the outcome). details: "curve" (offset, seconds from
        the event's bar, estimate, low, high, joint_low, joint_high: by day, t; placebo_low,
        placebo_high: of pseudo-events at that offset; cumulative, cumulative_low, cumulative_high,
        from offset 0 on, outcome times bars), "events" (each with why it is not used), "placebo"
        (effect of each draw).

    Raises
    ------
    ValueError
        Columns that are lacking, windows shorter than a bar, options out of range, bars of unequal
        length.

    Notes
    -----
    Of events whose windows overlap the first is used, and what the next one adds is in its window.
    Where the outcome is rare and large, as an index of withdrawals is, errors by day of few events
    are too small: where they and the pseudo-events disagree (flag), believe the pseudo-events.
    An event at the same time on every day is what is expected then: it has no other days to be
    compared with and is left out as such. Events of one day count as one in the errors, whatever
    their accounts. The tests standardised by each event's own variance (Boehmer, Musumeci and
    Poulsen 1991) or corrected for correlation across many symbols (Kolari and Pynnonen 2010) are
    not here: days are clusters, and pseudo-events keep the correlation within a day.
    """
    _refuse(table, outcome, past_days, min_days, permutations, level)
    kind = events if isinstance(events, str) else "times"
    step = _step(table)
    if step is None:
        reason = "bars are whole sessions: inside one there is no before and after"
        return _refused(Sample(0, {}, 0), outcome, reason, level)
    share = KINDS.get(kind, 0.9) if extreme is None else extreme
    if not 0 < share < 1:
        raise ValueError(f"extreme must be between 0 and 1, not {extreme!r}")
    bars = [_bars(given, step, name) for given, name in ((before, "before"), (after, "after"))]
    asked = Asked(events, outcome, *bars, share, past_days, min_days)
    rows = event_rows(table, asked)
    sample = _sample(rows)
    if not rows.known:
        return _refused(sample, outcome, f"no column tells of {kind}", level)
    days = len(np.unique(rows.cluster))
    if days < 2:
        reason = f"{len(rows.windows)} events on {days} days can be used"
        return _refused(sample, outcome, reason, level, details={"events": rows.table})
    return _answer(rows, asked, sample, step, permutations, level, seed)


def _refuse(
    table: pd.DataFrame,
    outcome: str,
    past_days: int,
    min_days: int,
    permutations: int,
    level: float,
) -> None:
    wrong = [f"no column {c}" for c in (*_NEEDED, outcome) if c not in table]
    if not wrong:
        if table.duplicated(["account", "symbol", "day", "bar"]).any():
            wrong.append("bars that are there twice")
        if np.isinf(table[outcome].astype("float64")).any():
            wrong.append(f"{outcome} is infinite in some bars")
    if not 1 <= min_days <= past_days:
        wrong.append(f"min_days is from 1 to past_days, not {min_days!r} of {past_days!r}")
    wrong += [] if permutations >= 99 else [f"permutations: at least 99, not {permutations!r}"]
    wrong += [] if 0 < level < 1 else [f"level must be between 0 and 1, not {level!r}"]
    if wrong:
        raise ValueError(f"withdrawal_events: {'; '.join(wrong)}")


def _step(table: pd.DataFrame) -> pd.Timedelta | None:
    """The length of a bar; None where every session is one."""
    if (table["bar"] == 0).all():
        return None
    length = table["end"] - table["start"]
    usual = length.mode().iloc[0]
    # the last of a session may be shorter
    last = table.groupby(["account", "symbol", "day"])["bar"].transform("max") == table["bar"]
    if (length[~last] != usual).any():
        raise ValueError("withdrawal_events: bars of unequal length; make them by the clock")
    return usual


def _bars(given: str, step: pd.Timedelta, name: str) -> int:
    bars = round(pd.Timedelta(given) / step)
    if bars < 1:
        raise ValueError(f"{name} is {given}, shorter than a bar of {step}")
    return bars


def _sample(rows: Events) -> Sample:
    days = len(np.unique(rows.cluster))
    dropped = {f"events {why}": n for why, n in rows.dropped.items()}
    return Sample(len(rows.windows), dropped, days, max(len(np.unique(rows.which)), 1))


def _answer(
    rows: Events,
    asked: Asked,
    sample: Sample,
    step: pd.Timedelta,
    draws: int,
    level: float,
    seed: int,
) -> Result:
    weights = weights_of(asked)
    mean = mean_by_day(rows.windows @ weights, rows.cluster)
    table = terms_table(mean, level)
    curve, placebo = (
        curve_of(rows, asked, step, level, seed),
        pseudo_curves(rows, asked, draws, seed),
    )
    words = f"by day ({mean.days} with an event), t with {mean.days - 1} degrees of freedom"
    few = mean.days < FEWEST_DAYS
    if few:
        table[["std_error", "t", "p", "low", "high"]] = math.nan
        shown = [c for c in curve if c.endswith(("low", "high"))]
        curve[shown] = math.nan
        words = f"none: {mean.days} days have an event, where {FEWEST_DAYS} are needed"
    quantities = {
        name: _told(table, name, asked.outcome, words, few, level) for name in ("effect", "change")
    }
    quantities |= permuted(rows, asked, placebo, weights, level)
    matched = placebo.shape[1] > 0
    if matched:
        bounds = np.quantile(placebo, [(1 - level) / 2, (1 + level) / 2], axis=0)
        curve["placebo_low"], curve["placebo_high"] = bounds
    else:
        curve["placebo_low"] = curve["placebo_high"] = math.nan
    effects = placebo @ weights[:, 0] if matched else []
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"{asked.outcome}, less what was expected",
        table=table,
        sample=sample,
        errors=words,
        quantities=quantities,
        flags=_flags(quantities, few, level),
        details={
            "curve": curve,
            "events": rows.table,
            "placebo": pd.DataFrame({"effect": effects}),
        },
    )


def _flags(quantities: dict[str, Quantity], few: bool, level: float) -> tuple[str, ...]:
    effect, p = quantities["effect"], quantities["permutation_p"]
    flags = ("few_days",) if few else ()
    if effect.identified and p.identified:
        outside = effect.low > 0 or effect.high < 0
        if outside != (p.value <= 1 - level + 1e-9):  # p is a count over draws + 1
            flags += ("errors_and_pseudo_events_disagree",)
    return flags


def permuted(
    rows: Events, asked: Asked, placebo: np.ndarray, weights: np.ndarray, level: float
) -> dict[str, Quantity]:
    """Both p-values: how many draws, the events among them, are as far from the draws' mean."""
    names = ("permutation_p", "pre_trend_p")
    if not placebo.shape[1]:
        why = "too few days to draw pseudo-events from"
        return {name: unknown(name, "", why, level) for name in names}
    mean = rows.windows.mean(axis=0)
    # the events are one draw of many: all of them make the centre and the scale, or p is too small
    every = np.vstack([mean, placebo])
    drawn, before = every @ weights[:, 0], every[:, : asked.before]
    scale = before.std(axis=0)
    before = np.abs((before - before.mean(axis=0)) / np.where(scale > 0, scale, np.inf)).max(axis=1)
    values = [_share_as_far(away) for away in (np.abs(drawn - drawn.mean()), before)]
    words = f"{len(placebo)} draws of other days at the same times of day"
    return {
        name: Quantity(name, p, p, p, "", words, level=level)
        for name, p in zip(names, values, strict=True)
    }


def _share_as_far(away: np.ndarray) -> float:
    """Share of all draws that are as far away as the first, which is of the events themselves."""
    return float((away >= away[0] * (1 - 1e-12)).mean())  # sums in other orders differ by so much


def _told(
    table: pd.DataFrame, name: str, outcome: str, words: str, few: bool, level: float
) -> Quantity:
    row = table.set_index("term").loc[name]
    bounds = (float(row["estimate"]), float(row["low"]), float(row["high"]))
    reason = words.removeprefix("none: ") if few else ""
    return Quantity(name, *bounds, outcome, words, not few, reason, level)


def _refused(
    sample: Sample,
    outcome: str,
    reason: str,
    level: float,
    details: dict[str, pd.DataFrame] | None = None,
) -> Result:
    return refused(
        _QUESTION,
        _EQUATION,
        unit=outcome,
        sample=sample,
        reason=reason,
        names=("effect", "change", "permutation_p", "pre_trend_p"),
        units={"effect": outcome, "change": outcome},
        level=level,
        details=details,
    )
