"""Averages of spreads with errors: what trades paid, what makers kept later, what they lost."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mmresearch.estimate.mean_curves import (
    ERRORS,
    FEWEST_ROWS,
    Asked,
    Means,
    curve_of,
    means_of,
    share_of,
)
from mmresearch.estimate.result import Result, Sample
from mmresearch.market import Market
from mmresearch.measure.spreads import spreads

WEIGHTS = ("size", "value", "trades")
_QUESTION = "What do trades pay, and how much of it do makers keep after so long?"
_EQUATION = r"2 D_t (P_t - M_t) = 2 D_t (P_t - M_{t+h}) + 2 D_t (M_{t+h} - M_t)"


def average_spreads(
    trades: pd.DataFrame | Market,
    *,
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
        joint_high, which hold the whole curve of the measure), "covariance" of all the means.

    Raises
    ------
    ValueError
        Currency of several symbols, which does not add up; fewer than 30 trades with every horizon.

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
    names = _columns(table)
    rows = table[table[list(names)].notna().all(axis=1)]
    if len(rows) < FEWEST_ROWS:
        raise ValueError(
            f"{len(rows)} trades have an answer at every horizon, where {FEWEST_ROWS} are needed:"
            f" {_words(table.attrs['counts'])}"
        )
    means = means_of(rows, names, table.attrs["horizons"], Asked(weight, errors, level, seed))
    sample = Sample(len(rows), _dropped(table, names), rows["day"].nunique(), _series(rows))
    last = len(names) - 1
    return Result(
        _QUESTION,
        _EQUATION,
        unit=_unit(table),
        table=means.table,
        sample=sample,
        errors=means.rule.words,
        quantities={"impact_share": share_of(means, last, 1, "impact_share", "effective spread")},
        flags=means.rule.flags,
        details={"curve": _curve(means, table.attrs["horizons"]), "covariance": means.joint()},
    )


def _columns(table: pd.DataFrame) -> dict[str, str]:
    """The columns of spreads and the terms they become: "realized_full_bps_5s", "realized 5s"."""
    if table.attrs["unit"] == "abs" and _series(table) > 1:
        raise ValueError("spreads of several symbols in currency do not add up; take unit='bps'")
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
