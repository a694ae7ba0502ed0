"""How long orders live, and whether they are filled or cancelled: survival with competing risks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmresearch.estimate.incidence import Risks, watched
from mmresearch.estimate.influence_errors import ERRORS
from mmresearch.estimate.lifetime_answers import NAMES, UNITS, Asked, lifetimes_of
from mmresearch.estimate.lifetime_curves import curve_of, hazards_of
from mmresearch.estimate.markout_groups import group_labels
from mmresearch.estimate.result import Result, Sample, refused
from mmresearch.market import Market
from mmresearch.measure.order_lives import order_lives

FEWEST = 30  # orders
_QUESTION = "How long do orders live, and are they filled or cancelled?"
_EQUATION = (
    r"S(t) = \prod_{u \le t} \Big(1 - \frac{dN(u)}{Y(u)}\Big), \quad"
    r" F_k(t) = \sum_{u \le t} S(u-) \frac{dN_k(u)}{Y(u)}"
)
_NEEDED = ("symbol", "day", "added", "seq", "side", "size", "end", "seconds", "first_fill", "fault")


def order_lifetimes(
    lives: pd.DataFrame | Market,
    *,
    by: str | None = None,
    horizons: Sequence[str] = ("100ms", "1s", "2s", "10s"),
    fleeting: str = "2s",
    fill: str = "whole",
    weight: str = "orders",
    errors: str = "auto",
    level: float = 0.95,
    sizes: int | Sequence[float] = 3,
    zone: str = "UTC",
    seed: int = 0,
    **options: Any,
) -> Result:
    """Survival of orders, incidence of fills and cancellations, hazards, the fleeting share.

    An order that is filled can no longer be cancelled, and the other way round: they compete. One
    that stood at the close, went out of sight or met a halt was watched only until then, and says
    that it lived as long. The mean life of those that completed leaves it out and is too short.

    Parameters
    ----------
    lives : DataFrame or Market
        A table of `order_lives`, or a market, with that function's arguments as `options`.
    by : str, optional
        Groups: "side", "size", "day", "symbol", "hour" (of the add, in `zone`), "distance" (from
        the best price of its side: better, at, behind), or any column of the lives.
    horizons : list of str
        Since the add: what share is cancelled and filled by then.
    fleeting : str
        Within which an order cancelled is fleeting, "2s" as in Hasbrouck and Saar (2009).
    fill : str
        "whole": an order is filled with its last unit, and one partly filled and then cancelled is
        cancelled. "first": with its first execution.
    weight : str
        "orders", each the same, or "size".
    errors : str
        "cluster": by day. "hac": orders added in one second are one event, so that a burst is one,
        and equal-weighted cosines over events allow for what persists (as in `average_markouts`).
        "auto": by day from 6 days on, else "hac".
    level : float
        Of the intervals.
    sizes : int or list of float
        Groups by size: how many, with equally many orders, or the edges.
    zone : str
        Of "hour".
    seed : int
        Of the joint bands.

    Returns
    -------
    Result
        `table`: shares cancelled and filled by each horizon; intervals are symmetric in log odds.
        `quantities`: "median_life" (its interval: where the survival's does not hold a half),
        "fleeting_share", "hazard_cancel" and "hazard_fill" (ends over seconds watched: the rate if
        it does not change with age), "naive_life" (mean seconds of those that completed: biased
        down, beside what it hides). `details`: "curve" (measure "survival", "cancelled" or
        "filled"; seconds, estimate, low, high, joint_low, joint_high, which hold a measure's whole
        curve, at_risk), "hazards" (by age: rates and orders at risk), with groups "groups".

        Orders with a fault and marketable ones are left out and counted. Orders that rested before
        the record began have no known age and are no rows (`lives.attrs["apart"]`). A modification
        that cancels and adds anew under the same id counts as a cancellation: flagged
        "modifications" where it is a tenth of them or more. "few_at_risk": fewer than 30 orders
        were still watched at the last horizon, where terms are missing.

        Of 100 intervals at 95 % 93 to 98 hold the share, median or rate planted, and of 100 joint
        bands 97 or 98 the whole curve: orders alone, in bursts, in bursts whose kinds persist and
        over days that differ, 400 worlds each (`mm.coverage()`).

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5. Hasbrouck and Saar (2009),
    Journal of Financial Markets 12. Lo, MacKinlay and Zhang (2002), Journal of Financial Economics
    65.
    """
    asked = _asked(horizons, fleeting, fill, weight, errors, level, seed)
    table = order_lives(lives, **options) if isinstance(lives, Market) else lives
    _refuse_columns(table, options, made=isinstance(lives, Market))
    rows, dropped = _used(table)
    days, series = rows["day"].nunique(), max(rows["symbol"].nunique(), 1)
    sample = Sample(len(rows), dropped, days, series)
    if len(rows) < FEWEST:
        why = f"{len(rows)} orders have a known life, where {FEWEST} are needed"
        return refused(
            _QUESTION, _EQUATION, unit="share of orders", sample=sample, reason=why,
            names=NAMES, units=UNITS, level=level,
        )  # fmt: skip
    found = lifetimes_of(rows, fill, weight, asked)
    details = {"curve": curve_of(found.risks, found.pieces, list(asked.horizons.values()), asked)}
    details["hazards"] = hazards_of(found.risks)
    if by is not None:
        details["groups"] = _by_group(rows, by, fill, weight, asked, sizes, zone)
    return Result(
        _QUESTION,
        _EQUATION,
        unit="share of orders" if weight == "orders" else "share of units added",
        table=found.table,
        sample=sample,
        errors=found.rule.words,
        quantities=found.quantities,
        flags=found.rule.flags + _flags(rows, found.risks, asked),
        details=details,
    )


def _asked(
    horizons: Sequence[str],
    fleeting: str,
    fill: str,
    weight: str,
    errors: str,
    level: float,
    seed: int,
) -> Asked:
    known = (
        ("fill", fill, ("whole", "first")),
        ("weight", weight, ("orders", "size")),
        ("errors", errors, ERRORS),
    )
    wrong = [f"{n} must be one of {', '.join(k)}, not {v!r}" for n, v, k in known if v not in k]
    wrong += [] if 0 < level < 1 else [f"level must be between 0 and 1, not {level!r}"]
    wrong += [] if len(horizons) else ["horizons must name one time at least"]
    seconds = {}
    for name in (*horizons, fleeting):
        try:
            seconds[str(name)] = pd.Timedelta(name).total_seconds()
        except (ValueError, TypeError):
            seconds[str(name)] = math.nan
    wrong += [
        f"{name!r} is no length of time such as '100ms' or '2s'"
        for name, length in seconds.items()
        if not length > 0
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    ordered = dict(sorted(((str(h), seconds[str(h)]) for h in horizons), key=lambda pair: pair[1]))
    return Asked(ordered, str(fleeting), errors, level, seed)


def _refuse_columns(table: pd.DataFrame, options: dict[str, Any], *, made: bool) -> None:
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"lives must be a table of order_lives or a Market, not {type(table)}")
    if options and not made:
        raise ValueError(f"{', '.join(options)}: for a market; the lives are made already")
    lacking = [name for name in _NEEDED if name not in table]
    if lacking:
        raise ValueError(f"the lives lack the columns {', '.join(lacking)}; see mm.order_lives")
    wrong = int((~(table["seconds"] >= 0)).sum())
    if wrong:
        raise ValueError(f"seconds is missing or below 0 in {wrong} rows")


def _used(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Lives that count, with `time` as the clock of events has it; why others do not."""
    faulty = table["fault"].fillna("") != ""
    dropped = {str(name): int(n) for name, n in table.loc[faulty, "fault"].value_counts().items()}
    taking = np.zeros(len(table), bool)
    if "marketable" in table:
        taking = table["marketable"].fillna(False).to_numpy(bool) & ~faulty.to_numpy()
    dropped["marketable when added"] = int(taking.sum())
    rows = table[~faulty.to_numpy() & ~taking]
    return rows.assign(time=rows["added"]).reset_index(drop=True), dropped


def _flags(rows: pd.DataFrame, risks: Risks, asked: Asked) -> tuple[str, ...]:
    flags = ()
    if watched(risks, max(asked.horizons.values())) < FEWEST:
        flags += ("few_at_risk",)
    if "modified" in rows:
        gone = int((rows["end"] == "cancel").sum())
        flags += ("modifications",) if 10 * int(rows["modified"].sum()) >= gone > 0 else ()
    return flags


def _by_group(
    rows: pd.DataFrame,
    by: str,
    fill: str,
    weight: str,
    asked: Asked,
    sizes: int | Sequence[float],
    zone: str,
) -> pd.DataFrame:
    """A row a group and term; groups of fewer than 30 orders are refused."""
    if by == "distance":
        away = np.sign(rows["distance"])
        places = away.map({-1.0: "1 better", 0.0: "2 at the best", 1.0: "3 behind"})
        rows = rows.assign(distance=places)
    labels, pieces = group_labels(rows, by, zone=zone, sizes=sizes), []
    for name in labels.cat.categories:
        own = rows[(labels == name).to_numpy()].reset_index(drop=True)
        about = {"group": name, "orders": len(own), "days": own["day"].nunique(), "refused": ""}
        if len(own) < FEWEST:
            about["refused"] = f"{len(own)} orders, {FEWEST} are needed"
            pieces.append(pd.DataFrame([about | {"term": "cancelled", "estimate": np.nan}]))
            continue
        found = lifetimes_of(own, fill, weight, asked)
        told_ = [
            {"term": q.name, "estimate": q.value, "low": q.low, "high": q.high}
            for q in found.quantities.values()
        ]
        piece = pd.concat([found.table[["term", "estimate", "low", "high"]], pd.DataFrame(told_)])
        pieces.append(piece.assign(**about))
    table = pd.concat(pieces, ignore_index=True)
    columns = ["group", "orders", "days", "term", "estimate", "low", "high", "refused"]
    return table.reindex(columns=columns)
