"""What every estimate returns: a frozen result with the question, sample, errors and answer."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

TIDY = ["term", "estimate", "std_error", "t", "p", "low", "high"]


@dataclass(frozen=True)
class Sample:
    """What an estimate rests on: rows used, rows dropped by reason, days and series."""

    used: int
    dropped: Mapping[str, int]
    days: int
    series: int = 1

    def __str__(self) -> str:
        left = ", ".join(f"{n:,} {reason}" for reason, n in self.dropped.items() if n) or "none"
        series = f" in {self.series} series" if self.series > 1 else ""
        days = "1 day" if self.days == 1 else f"{self.days} days"
        return f"{self.used:,} rows of {days}{series}; dropped: {left}"


@dataclass(frozen=True)
class Quantity:
    """A derived number with its interval, or the reason why the data cannot tell.

    An interval may be unbounded (`high` infinite). Where `identified` is False, `value` is kept
    for the record (it may be missing) and the quantity prints "not identified" with the reason.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    method: str
    identified: bool = True
    reason: str = ""
    level: float = 0.95

    def __str__(self) -> str:
        bounds = f"{100 * self.level:g} % interval {_interval(self.low, self.high)}"
        if self.identified:
            value = f"{_number(self.value)} {self.unit}".strip()
            if self.low == self.high:  # a p-value has no interval
                return f"{self.name}: {value}"
            return f"{self.name}: {value} ({bounds})"
        known = "" if math.isnan(self.low) else f"; {bounds} {self.unit}"
        return f"{self.name}: not identified, {self.reason}{known}"

    def _repr_html_(self) -> str:
        return f"<span>{html.escape(str(self))}</span>"


@dataclass(frozen=True, eq=False)
class Result:
    """The answer to one question.

    table: term, estimate, std_error, t, p, low, high, a row a coefficient.
    sample, errors, flags: what was used and dropped, how errors were computed, what to heed.
    quantities: derived numbers by name. details: further tables by name.
    fit: statsmodels' own result.
    """

    question: str
    equation: str
    unit: str
    table: pd.DataFrame
    sample: Sample
    errors: str
    fit: Any = None
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    details: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def tidy(self) -> pd.DataFrame:
        """The coefficients: term, estimate, std_error, t, p, low, high."""
        return self.table.copy()

    def _lines(self) -> list[str]:
        lines = [f"sample: {self.sample}", f"errors: {self.errors}", f"unit: {self.unit}"]
        if self.flags:
            lines.append("flags: " + "; ".join(self.flags))
        return lines

    def answers(self, *names: str) -> list[str]:
        """Quantities (all, or those named) in words; refusals for one reason share a line."""
        asked = [self.quantities[name] for name in names or self.quantities]
        refused: dict[str, list[str]] = {}
        for q in asked:
            if not q.identified and math.isnan(q.low):
                refused.setdefault(q.reason, []).append(q.name)
        told = [str(q) for q in asked if q.identified or not math.isnan(q.low)]
        return told + [f"{', '.join(n)}: not identified, {why}" for why, n in refused.items()]

    def __str__(self) -> str:
        shown = [self.table.to_string(index=False, float_format=_number, na_rep="-")]
        shown = shown if len(self.table) else []
        return "\n".join([self.question, self.equation, *shown, *self.answers(), *self._lines()])

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        shown = self.table.to_html(index=False, float_format=_number, na_rep="-", border=0)
        shown = shown if len(self.table) else ""
        found = "".join(f"<li><b>{html.escape(answer)}</b></li>" for answer in self.answers())
        notes = "".join(f"<li>{html.escape(line)}</li>" for line in self._lines())
        head = f"**{self.question}**\n\n$$ {self.equation} $$\n\n"
        return f"{head}{shown}\n<ul>{found}{notes}</ul>\n"


def unknown(
    name: str, unit: str, reason: str, level: float = 0.95, *, method: str = "none"
) -> Quantity:
    """A quantity of which nothing is known, and why."""
    nothing = (math.nan, math.nan, math.nan)
    return Quantity(name, *nothing, unit, method, identified=False, reason=reason, level=level)


def refused(
    question: str,
    equation: str,
    *,
    unit: str,
    sample: Sample,
    reason: str,
    names: Iterable[str],
    units: Mapping[str, str] | None = None,
    called: Mapping[str, str] | None = None,
    terms: Iterable[str] = (),
    level: float = 0.95,
    flags: Iterable[str] = (),
    details: Mapping[str, pd.DataFrame] | None = None,
) -> Result:
    """The answer of data that cannot tell: no number, and the reason at every quantity.

    names: the quantities that an answer would hold, and their units by name where they have any;
    called: the words for those that are printed under other words; terms: rows of the table, empty
    without them.
    """
    units, called = units or {}, called or {}
    nothing = [math.nan] * (len(TIDY) - 1)
    return Result(
        question,
        equation,
        unit=unit,
        table=pd.DataFrame([[term, *nothing] for term in terms], columns=TIDY),
        sample=sample,
        errors=f"none: {reason}",
        quantities={
            name: unknown(called.get(name, name), units.get(name, ""), reason, level)
            for name in names
        },
        flags=tuple(flags),
        details=details or {},
    )


def compare(results: Mapping[str, Result]) -> pd.DataFrame:
    """Results side by side: a column each, the coefficients with errors and intervals as rows.

    How errors were computed is shortened here; each result says it in full.
    """
    columns = {}
    for name, result in results.items():
        cells = {}
        for row in result.table.itertuples():
            cells[row.term, "estimate"] = _number(row.estimate)
            cells[row.term, "std. error"] = f"({_number(row.std_error)})"
            cells[row.term, "interval"] = _interval(row.low, row.high)
        for quantity in result.quantities.values():
            cells[quantity.name, quantity.unit] = _short(quantity)
        cells["sample", "rows"] = f"{result.sample.used:,}"
        cells["sample", "days"] = f"{result.sample.days:,}"
        cells["errors", ""] = textwrap.shorten(result.errors, 60, placeholder=" ...")
        columns[name] = cells
    rows = list(dict.fromkeys(key for cells in columns.values() for key in cells))
    rows.sort(key=lambda key: key[0] in ("sample", "errors"))
    table = {name: [cells.get(key, "") for key in rows] for name, cells in columns.items()}
    return pd.DataFrame(table, index=pd.MultiIndex.from_tuples(rows, names=["term", ""]))


def _short(quantity: Quantity) -> str:
    value = _number(quantity.value) if quantity.identified else "not identified"
    exact = math.isnan(quantity.low) or quantity.low == quantity.high
    known = "" if exact else f" {_interval(quantity.low, quantity.high)}"
    return value + known


def _interval(low: float, high: float) -> str:
    left = "(-∞" if low == -math.inf else f"[{_number(low)}"
    right = "∞)" if high == math.inf else f"{_number(high)}]"
    return f"{left}, {right}"


def _number(x: float) -> str:
    """Four significant digits, whole numbers from 1,000 up."""
    if x is None or pd.isna(x):
        return "-"
    return f"{x:,.0f}" if 1e3 <= abs(x) < 1e9 else f"{x:.4g}"
