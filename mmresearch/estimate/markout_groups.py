"""Markouts by group: which group a fill is of, the means of each, whether they are the same."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.stats.multitest import multipletests

from mmresearch.estimate.cosines import FEWEST_COSINES, event_clock
from mmresearch.estimate.equality import wald
from mmresearch.estimate.mean_curves import (
    FEWEST_ROWS,
    Asked,
    Means,
    covariance_of,
    means_of,
    seconds_of,
    units_of,
)
from mmresearch.estimate.result import Quantity

_UNKNOWN = "unknown"


class Groups(NamedTuple):
    """Groups in order: how many fills and days, the means (None: too few), why refused ("")."""

    names: list[str]
    fills: list[int]
    days: list[int]
    means: list[Means | None]
    refused: list[str]


def group_labels(
    rows: pd.DataFrame, by: str, *, zone: str, sizes: int | Sequence[float]
) -> pd.Series:
    """The group of each row as an ordered category, those that occur; missing is "unknown"."""
    made: dict[str, Callable[[], pd.Series]] = {
        "size": lambda: _by_size(rows["size"], sizes),
        "side": lambda: _named(rows["side"], {1.0: "bought", -1.0: "sold"}),
        "maker": lambda: _named(rows["maker"], {True: "maker", False: "taker"}),
        "venue": lambda: _venue(rows),
        "hour": lambda: _hour(rows["time"], zone),
        "day": lambda: rows["day"].dt.strftime("%Y-%m-%d"),
    }
    if by not in rows and by not in ("venue", "hour"):
        known = [c for c in rows.columns if c not in ("time", "seq", "apart")]
        raise ValueError(f"no column {by!r} to group by; there are hour, venue, {', '.join(known)}")
    found = made[by]() if by in made else rows[by]
    if isinstance(found.dtype, pd.CategoricalDtype):
        return found.cat.remove_unused_categories()
    names = found.astype("object").where(found.notna(), _UNKNOWN)
    order = sorted(found.dropna().unique()) + ([_UNKNOWN] if found.isna().any() else [])
    return pd.Series(pd.Categorical(names.map(str), [str(n) for n in order]), index=rows.index)


def means_by_group(
    rows: pd.DataFrame,
    labels: pd.Series,
    terms: Mapping[str, str],
    horizons: Sequence[str],
    asked: Asked,
) -> Groups:
    """Each group's means with errors of its own: its own days, or events and overlap."""
    found = Groups(list(labels.cat.categories), [], [], [], [])
    for name in found.names:
        own = rows[(labels == name).to_numpy()]
        days = own["day"].nunique()
        reason, means = _too_few(len(own), days, asked.errors), None
        if not reason:
            means = means_of(own, terms, horizons, asked)
            if means.rule.kind == "hac" and means.rule.lags < FEWEST_COSINES:
                reason = f"its fills span {means.rule.lags} stretches, {FEWEST_COSINES} are needed"
        for column, value in zip(found[1:], (len(own), days, means, reason), strict=True):
            column.append(value)
    return found


def groups_table(groups: Groups, keys: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """A row a group and mean: `keys` are the measure and horizon ("" at once) of each."""
    pieces = []
    columns = ["estimate", "std_error", "p", "low", "high"]
    for name, fills, days, means, refused in zip(*groups, strict=True):
        about = {"group": name, "fills": fills, "days": days}
        piece = pd.DataFrame({"measure": [m for m, _ in keys], "horizon": [h for _, h in keys]})
        piece["seconds"] = [seconds_of(h) if h else 0.0 for _, h in keys]
        values = means.table[columns] if means else pd.DataFrame(math.nan, piece.index, columns)
        piece = pd.concat([pd.DataFrame(about, piece.index), piece, values], axis=1)
        pieces.append(piece.assign(refused=refused))
    return pd.concat(pieces, ignore_index=True)


def equality(
    rows: pd.DataFrame,
    labels: pd.Series,
    groups: Groups,
    column: str,
    whole: tuple[Means, int, Sequence[str]],
) -> tuple[Quantity, pd.DataFrame]:
    """Whether the groups' means of one column are the same, and each against the rest.

    whole: the means of all rows, the place of the column in them, the horizons. Variances are each
    group's own; the correlations are those of the groups' errors by the same days, or cosines.
    Degrees of freedom are the fewest of any group: where groups are the same, 5 % of tests were 3
    to 7 %, and 1 to 3 % between parts of one day, each of which has few.
    """
    means, place, horizons = whole
    told = [k for k, reason in enumerate(groups.refused) if not reason]
    estimate = np.array([groups.means[k].table.loc[place, "estimate"] for k in told])
    variance = np.array([groups.means[k].covariance[place, place] for k in told])
    df = min([means.rule.df, *(groups.means[k].rule.df for k in told)])
    codes = labels.cat.codes.map({k: n for n, k in enumerate(told)})
    codes = codes.fillna(-1).to_numpy(int)
    influence, weights = _influence(rows, codes, column, estimate, means, horizons)
    covariance = _rescaled(covariance_of(influence, means.rule), variance)
    term = means.table.loc[place, "term"]
    known = len(told) > 1 and np.isfinite(covariance).all()
    test = wald(estimate, covariance, df).iloc[0] if known else None
    names = [groups.names[k] for k in told]
    rest = _against_rest(names, estimate, covariance, weights, (df, means.asked.level))
    return _equal(test, term, len(groups.names) - len(told), means.rule.words), rest


def _rescaled(covariance: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The same correlations with these variances; none of a group that is whole days itself."""
    spread, own = np.sqrt(np.diag(covariance)), np.sqrt(variance)
    moves = ~(spread < 1e-6 * own)  # one piece adds up to nothing around its own mean
    found = np.diag(variance)
    ratio = own[moves] / spread[moves]
    found[np.ix_(moves, moves)] = covariance[np.ix_(moves, moves)] * np.outer(ratio, ratio)
    return found


def _influence(
    rows: pd.DataFrame,
    codes: np.ndarray,
    column: str,
    estimate: np.ndarray,
    means: Means,
    horizons: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """What each piece of all rows adds to each group's error [pieces, groups], and its weights."""
    units, kept = units_of(rows, means.asked.weight), codes >= 0
    if means.rule.kind == "hac":
        piece = event_clock(rows, list(horizons)).event
    else:
        piece = pd.factorize(rows["day"], sort=True)[0]
    weights = np.bincount(codes[kept], units[kept], len(estimate))
    away = rows[column].to_numpy("float64")[kept] - estimate[codes[kept]]
    found = np.zeros((len(means.pieces.days), len(estimate)))
    np.add.at(found, (piece[kept], codes[kept]), units[kept] * away)
    return found / weights, weights


def _against_rest(
    names: list[str],
    estimate: np.ndarray,
    covariance: np.ndarray,
    weights: np.ndarray,
    asked: tuple[float, float],
) -> pd.DataFrame:
    """Each group's mean less that of all others told, with p as Holm (1979) adjusts it."""
    columns = ["group", "difference", "std_error", "low", "high", "p", "p_holm"]
    if len(names) < 2:
        return pd.DataFrame(columns=columns)
    turn = -np.tile(weights, (len(names), 1))
    np.fill_diagonal(turn, 0.0)
    turn = turn / -turn.sum(axis=1, keepdims=True) + np.eye(len(names))
    difference, spread = turn @ estimate, np.sqrt(np.diag(turn @ covariance @ turn.T))
    df, level = asked
    reach = scipy.stats.t.ppf((1 + level) / 2, df) * spread
    p = 2 * scipy.stats.t.sf(np.abs(difference / spread), df)
    holm = multipletests(p, method="holm")[1] if np.isfinite(p).all() else np.full(len(p), np.nan)
    values = (names, difference, spread, difference - reach, difference + reach, p, holm)
    return pd.DataFrame(dict(zip(columns, values, strict=True)))


def _equal(test: pd.Series | None, term: str, refused: int, words: str) -> Quantity:
    """The p-value of "all groups told have the same mean"."""
    out = f"; {refused} groups refused are not in it" if refused else ""
    if test is None or not np.isfinite(test["p"]):
        few = "fewer than two groups have errors, or all together have none"
        reason = few if test is None else "too few pieces for so many groups"
        return Quantity("equal_groups", *(math.nan,) * 3, "p", f"F test{out}", False, reason)
    told = (
        f"F({test['df']:.0f}, {test['df_errors']:.0f}) = {test['F']:.3g} of the same {term} in "
        f"{test['groups']:.0f} groups{out}; {words}; of groups one by one only the p adjusted for "
        f"their number (Holm) is to be read"
    )
    return Quantity("equal_groups", *(float(test["p"]),) * 3, "p", told)


def _too_few(fills: int, days: int, errors: str) -> str:
    if fills < FEWEST_ROWS:
        return f"{fills} fills, {FEWEST_ROWS} are needed"
    if days < 2 and errors in ("cluster", "wild", "bootstrap"):
        return "one day alone has no errors by day"
    return ""


def _hour(time: pd.Series, zone: str) -> pd.Series:
    try:
        return time.dt.tz_convert(zone).dt.strftime("%H:00")
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"no time zone {zone!r}; give 'UTC', 'America/New_York'") from error


def _by_size(size: pd.Series, sizes: int | Sequence[float]) -> pd.Series:
    """Groups with equally many fills, or between edges given; a size at an edge is below it."""
    if not np.all(np.asarray(sizes, dtype="float64") > 0):
        raise ValueError(f"sizes is a number of groups or edges above 0, not {sizes!r}")
    if isinstance(sizes, (int, np.integer)):
        edges = np.unique(np.quantile(size, np.arange(1, sizes) / sizes)) if sizes > 1 else []
        edges = [e for e in edges if e < size.max()]
    else:
        edges = sorted({float(edge) for edge in sizes})
    names = [f"{a:g} to {b:g}" for a, b in itertools.pairwise(edges)]
    names = [f"up to {edges[0]:g}", *names, f"above {edges[-1]:g}"] if len(edges) else ["all"]
    place = np.searchsorted(np.asarray(edges), size.to_numpy("float64"), side="left")
    return pd.Series(pd.Categorical.from_codes(place, names, ordered=True), index=size.index)


def _named(values: pd.Series, names: Mapping[object, str]) -> pd.Series:
    found = values.astype("object").map(names)
    order = [*names.values(), _UNKNOWN]
    return pd.Series(pd.Categorical(found.fillna(_UNKNOWN), order), index=values.index)


def _venue(rows: pd.DataFrame) -> pd.Series:
    """The column `venue`, else the wallet that `join_accounts` keeps, else the account."""
    found = rows["account"].astype("object")
    for column in ("wallet", "venue"):
        if column in rows:
            found = rows[column].astype("object").where(rows[column].notna(), found)
    return found
