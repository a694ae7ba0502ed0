"""Averages of spreads with errors: what trades paid, what makers kept later, what they lost."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from mmresearch.estimate.mean_curves import (
    ERRORS,
    FEWEST_ROWS,
    Asked,
    Means,
    curve_of,
    means_of,
    seconds_of,
    share_of,
)
from mmresearch.estimate.result import TIDY, Quantity, Result, Sample
from mmresearch.market import Market
from mmresearch.measure.spreads import spreads

WEIGHTS = ("size", "value", "trades")
_QUESTION = "What do trades pay, and how much of it do makers keep after so long?"
_EQUATION = r"2 D_t (P_t - M_t) = 2 D_t (P_t - M_{t+h}) + 2 D_t (M_{t+h} - M_t)"


def average_spreads(
    trades: pd.DataFrame | Market,
    *,
    by: str | None = None,
    weight: str = "size",
    errors: str = "auto",
    level: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> Result:
    """Mean quoted, effective and realized spread and impact over horizons, with joint bands.

    All means are over the same trades, those with an answer at every horizon, so effective =
    realized + impact holds in them as it does in each trade (not with relative_to="later").

    Parameters
    ----------
    trades : DataFrame or Market
        A table of `mm.spreads`, or what that takes, with its arguments as `options`.
    by : str, optional
        A column of the trades' table, such as "symbol": the same of each group alone.
    weight : str
        "size", "value" (size times price) or "trades" (each the same).
    errors : str
        "cluster": by day. "wild": restricted wild cluster bootstrap by day. "bootstrap": whole days
        drawn, the same for all means, and t taken in each. "hac": cosines over events (what is of
        one second is one event), as many as min(0.41 n^(2/3), n / (2 (h + p))) with the events h
        that the longest horizon spans and p = (1 + r)/(1 - r) that sides or spreads persist, and t
        of as many degrees of freedom (Lazarus, Lewis, Stock and Watson 2018): this allows for
        overlap and for runs of one side, also between symbols; below 12 flagged "few_stretches",
        below 4 no errors are given. "auto": "cluster" from 40 days up, "wild" with 6 to 39, else
        "hac".
    level : float
        Of the intervals.
    seed : int
        Of the bootstraps and of the joint band.

    Returns
    -------
    Result
        `table`: quoted and effective, and of each horizon realized and impact; full spreads in the
        unit of the trades (bps or currency a unit). `quantities`: "impact_share" (of the effective
        spread, at the longest horizon; refused where the effective spread is not told from 0).
        `details`: "curve" (measure, horizon, seconds, estimate, low, high, and joint_low,
        joint_high, which hold the whole curve of the measure), "covariance" of all the means; with
        `by` also "groups" (group, trades, days, measure, horizon, seconds, estimate, std_error, p,
        low, high, refused: why, of fewer than 30 trades or too few days for the errors asked for).
        Of currency by symbol there are the groups only: `table` holds "effective, X" and so on.

    Raises
    ------
    ValueError
        Currency of several symbols together, which does not add up; fewer than 30 trades with every
        horizon; no such column.

    References
    ----------
    Huang and Stoll (1996), Dealer versus auction markets, Journal of Financial Economics 41.
    Lazarus, Lewis, Stock and Watson (2018), HAR inference, J. Business and Economic Statistics 36.
    """
    for name, value, known in (("weight", weight, WEIGHTS), ("errors", errors, ERRORS)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    given = isinstance(trades, pd.DataFrame) and "horizons" in trades.attrs
    table = trades if given else spreads(trades, **options)
    if by is not None and by not in table.columns:
        raise ValueError(f"no column {by!r} to group by; there are {', '.join(table.columns)}")
    names, adds_up = _columns(table), table.attrs["unit"] == "bps" or _series(table) == 1
    if not adds_up and by != "symbol":
        raise ValueError(
            "spreads of several symbols in currency do not add up: take unit='bps' or by='symbol'"
        )
    rows = table[table[list(names)].notna().all(axis=1)]
    if len(rows) < FEWEST_ROWS:
        raise ValueError(
            f"{len(rows)} trades have an answer at every horizon, where {FEWEST_ROWS} are needed:"
            f" {_words(table.attrs['counts'])}"
        )
    horizons, asked = table.attrs["horizons"], Asked(weight, errors, level, seed)
    groups = [] if by is None else _groups(rows, by, names, horizons, asked)
    told = _told(rows, names, horizons, asked) if adds_up else _told_apart(groups, level)
    if groups:
        told["details"]["groups"] = _groups_table(groups, horizons)
        if any(group.refused for group in groups):
            told["flags"] += ("groups_refused",)
    return Result(
        _QUESTION,
        _EQUATION,
        unit=_unit(table),
        sample=Sample(len(rows), _dropped(table, names), rows["day"].nunique(), _series(rows)),
        **told,
    )


class Group(NamedTuple):
    """The means of a group's rows, or None and why not."""

    name: str
    trades: int
    days: int
    means: Means | None
    refused: str


def _told(
    rows: pd.DataFrame, names: dict[str, str], horizons: list[str], asked: Asked
) -> dict[str, Any]:
    """What a Result says of all the rows together."""
    means = means_of(rows, names, horizons, asked)
    share = share_of(means, len(names) - 1, 1, "impact_share", "effective spread")
    return {
        "table": means.table,
        "errors": means.rule.words,
        "quantities": {"impact_share": share},
        "flags": means.rule.flags,
        "details": {"curve": _curve(means, horizons), "covariance": means.joint()},
    }


def _told_apart(groups: list[Group], level: float) -> dict[str, Any]:
    """What a Result says of groups that do not add up."""
    there = [group for group in groups if group.means]
    if not there:
        raise ValueError("; ".join(f"{group.name}: {group.refused}" for group in groups))
    tables = [g.means.table.assign(term=g.means.table["term"] + f", {g.name}") for g in there]
    reason = "currency of several symbols does not add up"
    share = Quantity(
        "impact_share", *3 * (math.nan,), "of the effective spread", "", False, reason, level
    )
    words = "; ".join(dict.fromkeys(group.means.rule.words for group in there))
    return {
        "table": pd.concat(tables, ignore_index=True)[TIDY],
        "errors": f"each symbol's own: {words}",
        "quantities": {"impact_share": share},
        "flags": tuple(dict.fromkeys(flag for g in there for flag in g.means.rule.flags)),
        "details": {},
    }


def _groups(
    rows: pd.DataFrame, by: str, names: dict[str, str], horizons: list[str], asked: Asked
) -> list[Group]:
    """Each group's means with errors of its own."""
    found = []
    for name, own in rows.groupby(by, observed=True, dropna=False):
        means, reason = None, ""
        if len(own) < FEWEST_ROWS:
            reason = f"{len(own)} trades, {FEWEST_ROWS} are needed"
        else:
            try:
                means = means_of(own, names, horizons, asked)
            except ValueError as error:  # too few days for the errors asked for
                reason = str(error)
        found.append(Group(str(name), len(own), own["day"].nunique(), means, reason))
    return found


def _groups_table(groups: list[Group], horizons: list[str]) -> pd.DataFrame:
    """A row a group and mean."""
    kinds = ["quoted", "effective", *["realized"] * len(horizons), *["impact"] * len(horizons)]
    at, pieces = ["", "", *horizons, *horizons], []
    keys = {"measure": kinds, "horizon": at, "seconds": [seconds_of(h) if h else 0.0 for h in at]}
    columns = ["estimate", "std_error", "p", "low", "high"]
    for name, trades, days, means, refused in groups:
        about = {"group": name, "trades": trades, "days": days}
        piece = pd.DataFrame(keys)
        values = means.table[columns] if means else pd.DataFrame(math.nan, piece.index, columns)
        piece = pd.concat([pd.DataFrame(about, piece.index), piece, values], axis=1)
        pieces.append(piece.assign(refused=refused))
    return pd.concat(pieces, ignore_index=True)


def _columns(table: pd.DataFrame) -> dict[str, str]:
    """The columns of spreads and the terms they become: "realized_full_bps_5s", "realized 5s"."""
    middle = f"_full_{table.attrs['unit']}"
    names = [name for name in table.columns if middle in name]
    return {name: name.replace(middle, "").replace("_", " ") for name in names}


def _series(table: pd.DataFrame) -> int:
    return table["symbol"].nunique()


def _curve(means: Means, horizons: list[str]) -> pd.DataFrame:
    """Realized and impact by horizon, with the band that holds each whole curve."""
    pieces = []
    for number, measure in enumerate(("realized", "impact")):
        places = [2 + number * len(horizons) + k for k in range(len(horizons))]
        own = curve_of(means, places, horizons)
        own.insert(0, "measure", measure)
        pieces.append(own)
    return pd.concat(pieces, ignore_index=True)


def _dropped(table: pd.DataFrame, names: dict[str, str]) -> dict[str, int]:
    apart, none = table["apart"] != "", table["side"].isna()
    lacking = ~none & ~apart & table[list(names)].isna().any(axis=1)
    return {
        "outside every session": table.attrs["counts"]["outside every session"],
        **table.loc[apart, "apart"].value_counts().to_dict(),
        "without a side": int((none & ~apart).sum()),
        "with a horizon past the end": int(lacking.sum()),
    }


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in counts.items() if n) or "no trade left out"


def _unit(table: pd.DataFrame) -> str:
    sides = "sides as reported"
    if table.attrs["sides"] != "reported":
        sides = f"sides inferred ({table.attrs['sides']}), which makes effective spreads too large"
    said, name = "currency a unit, from the", table.attrs["reference"].replace("_", " ")
    if table.attrs["unit"] == "bps":
        later = table.attrs["relative_to"] == "later"
        said = "basis points of the" + (" later (quoted and effective: of now's)" if later else "")
    return f"full spread, {said} {name}; {sides}"
