"""Averages of markouts with errors that overlap and runs of one side leave valid."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mmresearch.estimate.markout_groups import (
    equality,
    group_labels,
    groups_table,
    means_by_group,
)
from mmresearch.estimate.mean_curves import (
    ERRORS,
    FEWEST_ROWS,
    Asked,
    Means,
    curve_of,
    means_of,
    share_of,
)
from mmresearch.estimate.result import Quantity, Result, Sample
from mmresearch.market import Market
from mmresearch.measure.markouts import markouts

WEIGHTS = ("size", "value", "fills")
_QUESTION = "What do fills earn at once, and what is left of it after so long?"
_EQUATION = r"s (M_{t+h} - P_t) = s (M_t - P_t) + s (M_{t+h} - M_t)"
_COLUMN = re.compile(r"([a-z_]+?)_(bps|abs)(?:_(.+))?")
_NEEDED = ("symbol", "day", "time", "seq", "side", "price", "size")


class Terms(NamedTuple):
    """The columns of a table that are averaged, their terms, and what each is of.

    names: column -> term. keys: (measure, horizon) of each, horizon "" of what is known at once.
    horizons: in order. unit: bps or abs.
    """

    names: dict[str, str]
    keys: list[tuple[str, str]]
    horizons: list[str]
    unit: str


def average_markouts(
    fills: pd.DataFrame | Market,
    *,
    by: str | None = None,
    weight: str = "size",
    errors: str = "auto",
    level: float = 0.95,
    sizes: int | Sequence[float] = 3,
    zone: str = "UTC",
    seed: int = 0,
    **options: Any,
) -> Result:
    """Mean capture, markout and adverse selection over horizons, with joint bands, by group.

    All means are over the same fills, those with an answer at every horizon, so markout = capture -
    adverse holds in them as it does in each fill. Half-spread numbers, as in `markouts`: positive
    is the account's gain, but for adverse selection, its loss. Fees are not in them.

    Parameters
    ----------
    fills : DataFrame or Market
        A table of `mm.markouts`, or a market, with that function's arguments as `options`.
    by : str, optional
        Groups: "size", "side", "maker", "counterparty", "symbol", "account", "day", "hour" (of the
        fill's time in `zone`), "venue" (the column `venue`, else `wallet`, else the account), or
        any other column. The table and curve remain those of all fills.
    weight : str
        "size", "value" (size times price) or "fills" (each the same).
    errors : str
        "cluster": by day. "wild": restricted wild cluster bootstrap by day. "bootstrap": whole days
        drawn, the same for all horizons, and t taken in each. "hac": cosines over events. What is
        of one second is one event, whatever its symbol, so that a burst is one (with a horizon in
        counts: what is of one instant). The cosines are as many as the smaller of 0.41 n^(2/3) and
        n / (2 (h + p)) of n events, with h the events in the longest horizon and p = (1 + r)/(1 -
        r), r the first-order autocorrelation of sides or of captures, the larger; t has as many
        degrees of freedom (Lazarus, Lewis, Stock and Watson 2018). Below 12 they are flagged
        "few_stretches", below 4 no errors are given. "auto": "cluster" from 40 days up, "wild" with
        6 to 39, else "hac".
    level : float
        Of the intervals.
    sizes : int or list of float
        Groups by size: how many, with equally many fills, or the edges (a size at an edge is below
        it).
    zone : str
        Of "hour", UTC unless said ("America/New_York").
    seed : int
        Of the bootstraps and of the joint band.

    Returns
    -------
    Result
        `table`: capture, and of each horizon markout and adverse, in bps or currency a unit.
        `quantities`: "adverse_share" (of capture, at the longest horizon; refused where the capture
        is not told from 0); "breakeven" (seconds to the first horizon whose markout is not above
        0: the interval goes from the last horizon before which the joint band is above 0 to the
        first where it is below); with groups "equal_groups", p of the same markout in all at the
        longest horizon. `details`: "curve" (measure, horizon, seconds, estimate, low, high,
        joint_low, joint_high, which hold the measure's whole curve; by day with t of one less than
        as many equal days as weigh alike, 1 / sum of squared shares), "covariance"; with groups
        "groups" (group, fills, days, measure, horizon, seconds, estimate, std_error, p, low, high,
        refused: why, of fewer than 30 fills or 4 cosines) and "against_rest" (each group's markout
        at the longest horizon less that of the others, with p and Holm's p_holm).

    Raises
    ------
    ValueError
        An option or column that is not known, currency of several symbols, values that are not
        finite, fewer than 30 fills with an answer at every horizon.

    References
    ----------
    Lazarus, Lewis, Stock and Watson (2018), HAR inference, J. Business and Economic Statistics 36.
    Montiel Olea and Plagborg-Moller (2019), Simultaneous confidence bands, J. Applied Econometrics.
    """
    _refuse_options(weight, errors, level)
    table = markouts(fills, **options) if isinstance(fills, Market) else fills
    terms = _terms(table, options, made=isinstance(fills, Market))
    rows, dropped = _used(table, terms)
    asked = Asked(weight, errors, level, seed)
    labels = None if by is None else group_labels(rows, by, zone=zone, sizes=sizes)
    means = means_of(rows, terms.names, terms.horizons, asked)
    quantities, details = _answers(means, terms)
    flags = means.rule.flags
    if labels is not None:
        groups = means_by_group(rows, labels, terms.names, terms.horizons, asked)
        place = _place(terms, "markout")
        whole = (means, place, terms.horizons)
        equal, rest = equality(rows, labels, groups, list(terms.names)[place], whole)
        quantities["equal_groups"] = equal
        details |= {"groups": groups_table(groups, terms.keys), "against_rest": rest}
        flags += ("groups_refused",) if any(groups.refused) else ()
    return Result(
        _QUESTION,
        _EQUATION,
        unit=_unit(table, terms),
        table=means.table,
        sample=Sample(len(rows), dropped, rows["day"].nunique(), rows["symbol"].nunique()),
        errors=means.rule.words,
        quantities=quantities,
        flags=flags,
        details=details,
    )


def _refuse_options(weight: str, errors: str, level: float) -> None:
    wrong = [
        f"{name} must be one of {', '.join(known)}, not {value!r}"
        for name, value, known in (("weight", weight, WEIGHTS), ("errors", errors, ERRORS))
        if value not in known
    ]
    wrong += [] if 0 < level < 1 else [f"level must be between 0 and 1, not {level!r}"]
    if wrong:
        raise ValueError("; ".join(wrong))


def _terms(table: pd.DataFrame, options: dict[str, Any], *, made: bool) -> Terms:
    """The columns to be averaged, found by their names."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"fills is a Market or a table of mm.markouts, not {type(table).__name__}")
    if options and not made:
        given = ", ".join(options)
        raise ValueError(f"{given}: a table of mm.markouts has been asked already; give a market")
    found = {c: m for c in table.columns if (m := _COLUMN.fullmatch(str(c)))}
    wrong = [f"no column {c}" for c in _NEEDED if c not in table]
    units = sorted({m[2] for m in found.values()})
    horizons = list(dict.fromkeys(m[3].replace("_", " ") for m in found.values() if m[3]))
    if not horizons:
        wrong.append("no column of a horizon (markout_bps_5s)")
    if len(units) > 1:
        wrong.append("columns in bps and in currency (abs)")
    if units == ["abs"] and "symbol" in table and len(table["symbol"].unique()) > 1:
        wrong.append("several symbols in currency, which does not add up; take unit='bps'")
    if wrong:
        raise ValueError(f"not a table of mm.markouts to average: {'; '.join(wrong)}")
    keys = [(m[1], (m[3] or "").replace("_", " ")) for m in found.values()]
    names = {c: " ".join(filter(None, key)) for c, key in zip(found, keys, strict=True)}
    return Terms(names, keys, horizons, units[0])


def _used(table: pd.DataFrame, terms: Terms) -> tuple[pd.DataFrame, dict[str, int]]:
    """The fills with an answer at every horizon, and how many others there are by reason."""
    values = table[list(terms.names)].to_numpy("float64")
    apart = table["apart"].fillna("") if "apart" in table else pd.Series("", table.index)
    away, none = (apart != "").to_numpy(), table["side"].isna().to_numpy()
    past = ~away & ~none & np.isnan(values).any(axis=1)
    kept = ~away & ~none & ~past
    dropped = {str(reason): int(n) for reason, n in apart[away].value_counts().items()}
    dropped |= {"without a side": int((none & ~away).sum())}
    dropped |= {"with a horizon past the end": int(past.sum())}
    rows = table[kept].reset_index(drop=True)
    units = rows[["price", "size"]].to_numpy("float64")
    faults = {
        "values that are not finite": int(np.isinf(values[kept]).any(axis=1).sum()),
        "no session (day)": int(rows["day"].isna().sum()),
        "no time": int(rows["time"].isna().sum()),
        "a size or price that is not positive": int((~(units > 0)).any(axis=1).sum()),
    }
    wrong = [f"{n:,} fills with {what}" for what, n in faults.items() if n]
    if wrong:
        raise ValueError(f"markouts cannot be averaged: {'; '.join(wrong)}")
    if len(rows) < FEWEST_ROWS:
        out = ", ".join(f"{n:,} {reason}" for reason, n in dropped.items() if n) or "none left out"
        raise ValueError(
            f"{len(rows)} fills have an answer at every horizon, where {FEWEST_ROWS} are needed:"
            f" {out}"
        )
    return rows, dropped


def _place(terms: Terms, measure: str) -> int:
    """The place of a measure at the longest horizon, or of what it is at once."""
    places = [k for k, (name, _) in enumerate(terms.keys) if name == measure]
    if not places:
        last = terms.horizons[-1]
        places = [k for k, (_, horizon) in enumerate(terms.keys) if horizon == last]
    return places[-1]


def _answers(means: Means, terms: Terms) -> tuple[dict[str, Quantity], dict[str, pd.DataFrame]]:
    pieces = []
    for measure in dict.fromkeys(m for m, h in terms.keys if h):
        places = [k for k, (m, h) in enumerate(terms.keys) if m == measure and h]
        own = curve_of(means, places, [terms.keys[k][1] for k in places])
        own.insert(0, "measure", measure)
        pieces.append(own)
    curve = pd.concat(pieces, ignore_index=True)
    quantities = {}
    if {"capture", "adverse"} <= {measure for measure, _ in terms.keys}:
        both = (_place(terms, "adverse"), _place(terms, "capture"))
        quantities["adverse_share"] = share_of(means, *both, "adverse_share", "capture")
    markout = curve[curve["measure"] == "markout"]
    if len(markout) and markout["seconds"].notna().all():
        quantities["breakeven"] = _breakeven(markout, means)
    return quantities, {"curve": curve, "covariance": means.joint()}


def _breakeven(curve: pd.DataFrame, means: Means) -> Quantity:
    """The first horizon whose mean markout is not above 0, between what the joint band tells."""
    curve = curve.sort_values("seconds")
    seconds = curve["seconds"].to_numpy()
    above, below = (curve["joint_low"] > 0).to_numpy(), (curve["joint_high"] < 0).to_numpy()
    run = int(np.argmin(above)) if not above.all() else len(above)
    low = float(seconds[run - 1]) if run else 0.0
    high = float(seconds[np.argmax(below)]) if below.any() else math.inf
    if curve["joint_low"].isna().any():
        low = high = math.nan
    gone = (curve["estimate"] <= 0).to_numpy()
    value = float(seconds[np.argmax(gone)]) if gone.any() else math.nan
    reason = "" if below.any() else "the markout is not told to be below 0 at any horizon asked for"
    words = "first horizon asked for whose markout is not above 0, by the band of the whole curve"
    level = means.asked.level
    return Quantity("breakeven", value, low, high, "s", words, below.any(), reason, level)


def _unit(table: pd.DataFrame, terms: Terms) -> str:
    said = "basis points of" if terms.unit == "bps" else "currency a unit, from"
    told = f"half spread, {said} the {table.attrs.get('reference', 'reference price')}"
    if table.attrs.get("relative_to") == "later":
        told += " at the horizon"
    note = table.attrs.get("note", "")
    return f"{told}; {note}" if note else told
