"""What the maker earns in the mean: a day, a fill, a million traded; drawdown, capital, Sharpe."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.ratio_means import ERRORS, Cells, Means, cells_of, ratio_means
from mmresearch.estimate.result import Quantity, Result, Sample, unknown
from mmresearch.measure.capture import PARTS
from mmresearch.measure.fills import AGGREGATE

PER = {"day": "days", "fill": "fills", "million": "value"}
FEWEST_DAYS = 20  # of a Sharpe ratio
_QUESTION = "What does the maker earn, and from what?"
_EQUATION = (
    r"profit = spread - adverse_h + revaluation + fees + transfers + apart,"
    r"\quad SR = \sqrt{periods}\,\bar\pi / s_\pi"
)
_NEEDED = ["account", "symbol", "currency", "day", "start", *PARTS, "profit", "fills", "value"]


def average_capture(
    table: pd.DataFrame,
    *,
    per: str = "day",
    periods: float = 252,
    margin: float = 1.0,
    errors: str = "auto",
    level: float = 0.95,
    seed: int = 0,
) -> Result:
    """Mean profit and its parts, with intervals; how deep it fell and what capital it took.

    The parts are in the signs of `spread_capture`, and their means add up to the profit's as they
    do there. All series of the table are added up.

    Parameters
    ----------
    table : DataFrame
        Of `spread_capture`; of few days one with freq="30min" or so, whose bars are pieces.
    per : str
        "day" (a session), "fill", or "million" (of the value traded): sums over sums.
    periods : float
        Sessions a year, by which the Sharpe ratio and the return are annualised.
    margin : float
        Share of the largest position's value that must be held as capital (Menkveld 2013).
    errors : str
        "cluster" by day, "wild" (restricted wild bootstrap by day), "hac" (Newey-West within days
        over the table's rows), or "auto": "cluster" from 40 days up, "wild" with 6 to 39, else
        "hac".
    level, seed
        Of the intervals and their draws.

    Returns
    -------
    Result
        `table`: a row a part, and profit. `quantities`: "profit"; "sharpe", of daily profits,
        annualised, refused with fewer than 20 days: its error is that of independent days of any
        distribution (Mertens 2002), t with days - 1 degrees of freedom, which hold 92 to 94 of 100
        where losses are far larger than gains; exact for this sample
        "max_drawdown" (the largest fall of the summed profit from its highest value before, counted
        from 0), "capital" (margin times the largest value held, series added up, each at its worst
        within a row) and "return_on_capital" (a year's mean profit over that capital, taken as
        given; refused with the profit's interval). `details`: "sums" (over the sample, parts,
        profit, fills, value), "covariance" of the means.

    Raises
    ------
    ValueError
        A table of something else, several currencies, no fill or value to divide by, missing
        profits, an option that is not known: one error that names all.

    References
    ----------
    Menkveld (2013), High frequency trading and the new market makers, J. Financial Markets 16.
    Lo (2002), The statistics of Sharpe ratios, Financial Analysts Journal 58. Mertens (2002),
    Comments on variance of the IID estimator in Lo (2002), working paper.
    """
    _refuse(table, per, errors, periods, margin, level)
    terms, money = [*PARTS, "profit"], table["currency"].iloc[0]
    columns = dict.fromkeys([*terms, "fills", "value", "capital"], "sum")
    rows = table.groupby(["day", "start"], as_index=False).agg(columns)
    cells = cells_of(rows, terms, PER[per], errors=errors)
    scale = 1e6 if per == "million" else 1.0
    cells = Cells(cells.sums * scale, cells.weights, cells.days)
    how = {"errors": errors, "level": level, "seed": seed}
    found = ratio_means(cells, terms, **how)
    daily = rows.groupby("day")["profit"].sum().to_numpy()
    unit = f"{money} a {'million traded' if per == 'million' else per}"
    quantities = {
        "profit": _profit(found, unit, level),
        "sharpe": sharpe(daily, periods, level),
        **_capital(rows, _yearly(rows, periods, money, **how), margin, money),
    }
    left_out = {f"entries of {name}": n for name, n in table.attrs.get("left_out", {}).items()}
    days, series = len(daily), len(table[["account", "symbol"]].drop_duplicates())
    return Result(
        _QUESTION,
        _EQUATION,
        unit=f"{unit}; adverse_selection + a loss, all else + a gain",
        table=found.table,
        sample=Sample(len(rows), left_out, days, series),
        errors=found.rule.words if found.told else "none: too few days and rows",
        quantities=quantities,
        flags=_flags(table, found, len(cells.days)),
        details={
            "sums": rows[[*terms, "fills", "value"]].sum().rename("sum").to_frame(),
            "covariance": pd.DataFrame(found.covariance, terms, terms),
        },
    )


def sharpe(daily: np.ndarray, periods: float, level: float) -> Quantity:
    """The annualised Sharpe ratio of daily profits, independent from day to day."""
    unit, days, spread = "a year", len(daily), daily.std(ddof=1) if len(daily) > 1 else 0.0
    words = f"sqrt({periods:g}) mean / standard deviation of {days} days, taken as independent"
    if days < FEWEST_DAYS or not spread > 0:
        reason = f"{days} day{'s' * (days != 1)}, where {FEWEST_DAYS} are needed"
        reason = reason if days < FEWEST_DAYS else "the profit is the same every day"
        return unknown("sharpe", unit, reason, level, method=words)
    z = (daily - daily.mean()) / spread
    ratio = daily.mean() / spread
    moved = z - ratio / 2 * (z**2 - 1)  # how each day moves the ratio
    error = moved.std(ddof=1) / math.sqrt(days)
    reach = scipy.stats.t.ppf((1 + level) / 2, days - 1) * error
    value, low, high = (math.sqrt(periods) * x for x in (ratio, ratio - reach, ratio + reach))
    return Quantity("sharpe", value, low, high, unit, words, level=level)


def _refuse(
    table: pd.DataFrame, per: str, errors: str, periods: float, margin: float, level: float
) -> None:
    wrong = [
        f"{name} must be one of {', '.join(known)}, not {value!r}"
        for name, value, known in (("per", per, PER), ("errors", errors, ERRORS))
        if value not in known
    ]
    given = {"periods": (periods, math.inf), "margin": (margin, math.inf), "level": (level, 1)}
    for name, (value, top) in given.items():
        if not 0 < value < top:
            wrong.append(f"{name} must be above 0{' and below 1' if top == 1 else ''}: {value!r}")
    lacking = [name for name in [*_NEEDED, "capital"] if name not in table]
    if lacking:
        wrong.append(f"not a table of spread_capture: no column {', '.join(lacking)}")
    elif not len(table):
        wrong.append("a table without rows")
    else:
        money = sorted(set(table["currency"]))
        if len(money) > 1:
            wrong.append(f"profits in {', '.join(money)} do not add up: choose by symbol=")
        dark = sorted(set(table.loc[table["profit"].isna(), "symbol"]))
        if dark:
            wrong.append(f"the profit of {', '.join(dark)} is not known: it has no price")
        if per in ("fill", "million") and not table[PER[per]].sum() > 0:
            wrong.append(f"no {PER[per]} to divide by")
    if wrong:
        raise ValueError("; ".join(wrong))


def _profit(found: Means, unit: str, level: float) -> Quantity:
    row = found.table.set_index("term").loc["profit"]
    told = found.told and math.isfinite(row["low"])
    reason = "" if told else "no interval: too few days and rows, or all of them alike"
    bounds = (row["estimate"], row["low"], row["high"])
    return Quantity("profit", *bounds, unit, found.rule.words, told, reason, level)


def _capital(
    rows: pd.DataFrame, yearly: Quantity, margin: float, money: str
) -> dict[str, Quantity]:
    """Drawdown and capital of this sample, and a year's profit over the capital."""
    path = rows.sort_values("start")["profit"].cumsum().to_numpy()
    fall = float((np.maximum.accumulate(np.maximum(path, 0.0)) - path).max())
    capital = margin * float(rows["capital"].max())
    words = "exact, of this sample, at the ends of rows"
    told = {"max_drawdown": Quantity("max_drawdown", fall, fall, fall, money, words)}
    words = f"exact, of this sample: {margin:g} times the largest value held"
    told["capital"] = Quantity("capital", capital, capital, capital, money, words)
    about = {"name": "return_on_capital", "unit": "a year"}
    if not capital > 0:
        return told | {
            about["name"]: unknown(**about, reason="nothing was held", level=yearly.level)
        }
    bounds = {name: getattr(yearly, name) / capital for name in ("value", "low", "high")}
    about["method"] = f"{yearly.method}; capital taken as given"
    return told | {about["name"]: replace(yearly, **about, **bounds)}


def _yearly(rows: pd.DataFrame, periods: float, money: str, **how: Any) -> Quantity:
    """The profit of a year of sessions like these."""
    cells = cells_of(rows, ["profit"], "days", errors=how["errors"])
    cells = cells._replace(sums=cells.sums * periods)
    return _profit(ratio_means(cells, ["profit"], **how), money, how["level"])


def _flags(table: pd.DataFrame, found: Means, pieces: int) -> tuple[str, ...]:
    raised = {
        "few_stretches": found.rule.kind == "hac" and found.told and pieces < 30,
        "opening_unknown": not table["opening_known"].all(),
        "fees_unknown": table["fees_unknown"].sum() > 0,
        "inventory_is_market_flow": table["account"].eq(AGGREGATE).any(),
    }
    return found.rule.flags + tuple(name for name, on in raised.items() if on)
