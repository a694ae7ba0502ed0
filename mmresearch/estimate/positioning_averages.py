"""What inventory earned by time held or by period, a session in the mean, with intervals."""

from __future__ import annotations

import math

import pandas as pd

from mmresearch.estimate.ratio_means import ERRORS, Means, cells_of, ratio_means
from mmresearch.estimate.result import Quantity, Result, Sample
from mmresearch.measure.fills import AGGREGATE
from mmresearch.measure.holding import STILL_OPEN
from mmresearch.measure.swings import MEAN

FEWEST_LOTS = 30
_QUESTIONS = {
    "time held": "How long must inventory be held until holding it earns or loses?",
    "period": "At which periods do the swings of the inventory earn or lose?",
}
_EQUATIONS = {
    "time held": r"\sum_{lots} s q (m_{close} - m_{open}) = \sum_t I_{t-1} (m_t - m_{t-1})",
    "period": r"\sum_t I_{t-1} \Delta m_t = \frac1N \sum_f Re\{F_I(f) \overline{F_{\Delta m}(f)}\}",
}
_UNKNOWN = "the opening is not known, and every unit of it earns the session's price change"


def average_positioning(
    table: pd.DataFrame, *, errors: str = "auto", level: float = 0.95, seed: int = 0
) -> Result:
    """Mean profit a session of holding inventory, by bin, with intervals.

    Parameters
    ----------
    table : DataFrame
        Of `positioning_by_holding` or `positioning_by_period`; all series in it are added up.
    errors : str
        "cluster" by day, "wild" (restricted wild bootstrap by day), "hac" (Newey-West within days
        over bars, for tables of `freq="30min"` or so), or "auto": "cluster" from 40 days up, "wild"
        with 6 to 39, else "hac". Lots of one session of closing are one piece.
    level, seed
        Of the intervals and their draws.

    Returns
    -------
    Result
        `table`: a row a bin and their "total", in currency a session, + the account earned; it is
        the total of closed lots, for what is still open is one number at the end of the record, not
        a mean. `quantities`: the same by name, refused where a bin has fewer than 30 lots, where
        there are no intervals, or where an unknown opening would move them (mean and total of
        periods); "still open", exact. `details`: "bins" (sums over the sample: lots, units, profit
        and so on), "covariance".

    Raises
    ------
    ValueError
        A table of something else.
    """
    kind = getattr(table, "attrs", {}).get("kind")
    if kind not in _QUESTIONS:
        raise ValueError(
            "average_positioning takes a table of positioning_by_holding or positioning_by_period"
            " as it is: what the table is of stands in its attrs"
        )
    if errors not in ERRORS:
        raise ValueError(f"errors must be one of {', '.join(ERRORS)}, not {errors!r}")
    money = table.attrs["currency"]
    if len(money) > 1:
        raise ValueError(f"profits in {', '.join(money)} do not add up: choose by symbol=")
    bins = [name for name in table.attrs["bins"] if name != STILL_OPEN]
    keys = [name for name in ("day", "start") if name in table]
    wide = table.pivot_table("positioning", keys, "bin", aggfunc="sum").reset_index()
    wide["total"] = wide[bins].sum(axis=1)
    terms = [*bins, "total"]
    cells = cells_of(wide, terms, "days", errors=errors)
    found = ratio_means(cells, terms, errors=errors, level=level, seed=seed)
    sums = table.drop(columns="bar", errors="ignore").groupby("bin", sort=False)
    sums = sums.sum(numeric_only=True).reindex(table.attrs["bins"])
    refusals = _refusals(table, sums, found)
    days, held = wide["day"].nunique(), ["account", "symbol"]
    return Result(
        _QUESTIONS[kind],
        _EQUATIONS[kind],
        unit=f"{money[0]} a session, + the account earned",
        table=found.table,
        sample=Sample(
            int(sums["lots"].sum() if "lots" in sums else sums["bars"].iloc[0]),
            table.attrs["counts"],
            days,
            len(table[held].drop_duplicates()),
        ),
        errors=found.rule.words if found.told else f"none: {_too_few(table)}",
        quantities=_quantities(found, refusals, sums, money[0], level),
        flags=_flags(table, found, len(cells.days)),
        details={"bins": sums, "covariance": pd.DataFrame(found.covariance, terms, terms)},
    )


def _too_few(table: pd.DataFrame) -> str:
    days = table["day"].nunique()
    count = "1 day" if days == 1 else f"{days} days"
    more = "; a table of freq='30min' has more" if table.attrs["kind"] == "time held" else ""
    return f"{count} in too few rows{more}"


def _refusals(table: pd.DataFrame, sums: pd.DataFrame, found: Means) -> dict[str, str]:
    """Why a bin's number is no answer; bins without a reason are not in it."""
    refused = {}
    if "lots" in sums:
        for name, lots in sums["lots"].items():
            if lots < FEWEST_LOTS:
                refused[name] = f"{lots:,.0f} lots, where {FEWEST_LOTS} are needed"
    elif not table.attrs["opening_known"]:
        refused = dict.fromkeys([MEAN, "total"], _UNKNOWN)
    if not found.told:
        refused |= dict.fromkeys(found.table["term"], f"no interval: {_too_few(table)}")
    return refused


def _quantities(
    found: Means, refusals: dict[str, str], sums: pd.DataFrame, money: str, level: float
) -> dict[str, Quantity]:
    told = {}
    for row in found.table.itertuples():
        reason = refusals.get(row.term, "")
        if not reason and math.isnan(row.low):
            reason = "it is the same in every session"
        numbers, unit = (row.estimate, row.low, row.high), f"{money} a session"
        words = found.rule.words
        told[row.term] = Quantity(row.term, *numbers, unit, words, not reason, reason, level)
    if STILL_OPEN in sums.index:
        value = float(sums.loc[STILL_OPEN, "positioning"])
        words = "exact: open lots at the mark of the last entry"
        told[STILL_OPEN] = Quantity(STILL_OPEN, value, value, value, money, words)
    return told


def _flags(table: pd.DataFrame, found: Means, pieces: int) -> tuple[str, ...]:
    raised = {
        "few_stretches": found.rule.kind == "hac" and found.told and pieces < FEWEST_LOTS,
        "opening_unknown": not table.attrs["opening_known"],
        "inventory_is_market_flow": table["account"].eq(AGGREGATE).any(),
    }
    return found.rule.flags + tuple(name for name, on in raised.items() if on)
