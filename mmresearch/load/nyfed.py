"""The New York Fed's primary dealer statistics: what the dealers together hold, trade, finance.

Formats and words: newyorkfed.org, Primary Dealer Statistics (form FR 2004), in the CSV of its
Markets Data API: `As Of Date,Time Series,Value (millions)`, `*` where a value would show a dealer.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import dated, several, text
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

_SOURCE = "nyfed"
ENDINGS = (".csv", ".csv.gz", ".zip")
_COLUMNS = {"As Of Date": "text", "Time Series": "text", "Value (millions)": "any"}
_OURS = {"As Of Date": "as_of_date", "Time Series": "time_series", "Value (millions)": "value"}
_HIDDEN = "*"
_BREAKS = {  # series break -> the first as-of date it holds for
    "SBP2001": "1998-01-28",
    "SBP2013": "2001-07-01",
    "SBN2013": "2013-04-01",
    "SBN2015": "2015-01-01",
    "SBN2022": "2022-01-05",
    "SBN2024": "2024-07-03",
}
_FIRST = _BREAKS["SBP2001"]
_HELD = r"^(?:PDPOS|PDPU.*NOP$)"  # positions: of the words since April 2013, and of those before
_CHANGE = r"^PDPOS\w+(?:-\w+)?C$"  # the id of a position and a C; PDPOSFGS-C is no such thing
_ZONE = "America/New_York"
_CLOSE, _RELEASE, _WEDNESDAY = "17:00", "16:15", 3
_KEY = ["as_of_date", "time_series"]


@tells
def nyfed(*files: str | Path | Iterable[str | Path], name: str | None = None) -> Market:
    """Weekly positions, transactions, financing and fails of the primary dealers together.

    Parameters
    ----------
    *files : path or paths
        CSV files of the statistics' time series, plain, gzip or zip; lists, folders or patterns.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        positions: net outright positions, long less short, of the account "primary dealers", in
        dollars of market value (the file's millions times 1e6): the series PDPOS..., and before
        April 2013 those of Treasury securities, PDPU...NOP; `symbol` is the series' id. `time` is
        the as-of date, a Wednesday, at 17:00 in New York; extra `published`, 16:15 in New York on
        the Thursday of the week after it, by the usual timetable: nothing was known before.
        series: every other series in millions of dollars as stated, `name` "millions", or "change
        in millions" for weekly changes of positions (a position's id with a C behind it). `time`
        is when it was published, extra `as_of` the date that it is of.
        Extra in both: `series_break`, the version of the survey: SBP2001 from 1998-01-28, SBP2013
        from July 2001, SBN2013 from April 2013, SBN2015 from January 2015, SBN2022 from 2022-01-05,
        SBN2024 from 2024-07-03. What is asked changed at each: ids begin and end there (coupons
        over 11 years, PDPOSGSC-G11, became -G11L21 and -G21 in 2022) and those that go on may mean
        another set of securities, so that levels do not compare across one.
        The values are the current ones: what was published first and revised later is lost.
        Calendar "dates".

    Raises
    ------
    SourceError
        Naming every fault of every file. Suppressed positions and repeated rows are set aside and
        kept in the receipt; suppressed values of other series are missing.
    """
    return at_once(_SOURCE, files, ENDINGS, in_steps(), name=name)


def in_steps() -> Steps:
    """Every file's rows; then those that no file before has."""
    return Steps(_read, _whole, (Weeks,), {})


class Weeks(NamedTuple):
    """A file's rows, with `line`, `held` (whether a position), their instants and the survey's."""

    text: text.Text
    rows: pl.DataFrame

    @property
    def count(self) -> int:
        return self.rows.height


def _read(path: Path) -> Weeks:
    (t,) = text.read_texts(_SOURCE, [path])
    rows = _rows(t)
    if isinstance(rows, list):
        raise SourceError(_SOURCE, rows)
    weeks = Weeks(t, _with_times(rows))
    _again(weeks, [])
    if _hidden(weeks.rows).all():
        raise SourceError(_SOURCE, [Fault(t.name, None, "no row to keep", "values")])
    return weeks


def _whole(files: list[Weeks]) -> Market:
    one = partial(_one, before=[])  # a week may stand in two files
    return several.joined(_SOURCE, several.gathered(_SOURCE, files, one))


def _again(weeks: Weeks, before: list[pl.DataFrame]) -> pl.Series:
    """Which rows stand above, or in a file before; refused with another value."""
    again, other = dated.repeats(weeks.rows.select(*_KEY, "value"), before, _KEY)
    if other.any():
        raise SourceError(_SOURCE, [_contradiction(weeks.text, weeks.rows.filter(other))])
    return again


def _hidden(rows: pl.DataFrame) -> pl.Series:
    return rows["held"] & rows["value"].is_null()


def _one(weeks: Weeks, before: list[pl.DataFrame]) -> Market:
    t, rows = weeks
    again, hidden = _again(weeks, before), _hidden(rows)
    before.append(rows.select(*_KEY, "value"))
    gone = {"duplicate": again, "suppressed": hidden & ~again}
    aside = [(t, rows["line"].filter(mask).to_list(), why) for why, mask in gone.items()]
    facts = pd.DataFrame([file_facts(t.path, rows.height)])
    receipt = Receipt(_SOURCE, facts, text.aside(aside), _notes(t, rows))
    return _market(t, rows.filter(~(again | hidden)), receipt)


def _rows(t: text.Text) -> pl.DataFrame | list[Fault]:
    """The file's rows with the line of each, or what is wrong with them."""
    frame = text.read_columns(t, _COLUMNS)
    if isinstance(frame, list):
        return frame
    texts = (pl.col(c).fill_null("").str.strip_chars() for c in _OURS.values())
    frame = frame.rename(_OURS).with_columns(texts)
    faults = text.rule_faults(t, frame, _rules(), header=True)
    if faults:
        return faults
    series = pl.col("time_series")
    return frame.with_columns(
        dated.day("as_of_date").alias("as_of_date"),
        dated.number("value", (_HIDDEN,)),
        held=series.str.contains(_HELD) & ~series.str.contains(_CHANGE),
    ).with_row_index("line", offset=2)


def _rules() -> list[tuple[str, pl.Expr, str]]:
    date = dated.day("as_of_date")
    first = pl.lit(_FIRST).str.to_date()
    return [
        ("as_of_date", date.is_null(), "a date as 2024-07-03"),
        ("as_of_date", (date < first).fill_null(False), f"a date from {_FIRST} on"),
        ("time_series", pl.col("time_series") == "", "text"),
        (
            "time_series",
            ~pl.col("time_series").str.contains("^(PD|$)"),
            "the id of a series, beginning with PD",
        ),
        ("value", dated.no_number("value", (_HIDDEN,)), "a number, or * where it is suppressed"),
    ]


def _contradiction(t: text.Text, rows: pl.DataFrame) -> Fault:
    found = f"{rows['time_series'][0]} of {rows['as_of_date'][0]} again, with another value"
    return text.rows_fault(t.name, rows["line"].to_list(), found, "one value a series and date")


def _market(t: text.Text, rows: pl.DataFrame, receipt: Receipt) -> Market:
    held, told = rows.filter("held"), rows.filter(~pl.col("held"))
    tables = {}
    if held.height:
        tables["positions"] = held.select(
            time="as_of",
            account=pl.lit("primary dealers"),
            symbol="time_series",
            position=pl.col("value") * 1e6,
            published="published",
            series_break="series_break",
        ).to_pandas()
    if told.height:
        change = pl.col("time_series").str.contains(_CHANGE)
        tables["series"] = told.select(
            time="published",
            symbol="time_series",
            name=pl.when(change).then(pl.lit("change in millions")).otherwise(pl.lit("millions")),
            value="value",
            as_of="as_of",
            series_break="series_break",
        ).to_pandas()
    symbols = pd.DataFrame({"symbol": held["time_series"].unique().sort().to_list()}, dtype="str")
    symbols = symbols.assign(currency="USD", calendar="dates")
    return Market(symbols=symbols, receipt=receipt, name=t.path.name, **tables)


def _with_times(rows: pl.DataFrame) -> pl.DataFrame:
    """With the instant a row is of, the one it was published at, and the survey's version."""
    told = dated.weekday_from(pl.col("as_of_date"), _WEDNESDAY) + pl.duration(days=8)
    told = rows.select(told).to_series()
    starts = pl.Series(_BREAKS.values()).str.to_date()
    version = starts.search_sorted(rows["as_of_date"], side="right") - 1
    return rows.with_columns(
        dated.instant(rows["as_of_date"], _CLOSE, _ZONE).alias("as_of"),
        dated.instant(told, _RELEASE, _ZONE).alias("published"),
        pl.Series("series_break", list(_BREAKS)).gather(version),
    )


def _notes(t: text.Text, rows: pl.DataFrame) -> tuple[str, ...]:
    dates = rows["as_of_date"].unique().sort()
    held, hidden = rows.filter("held"), int(rows["value"].is_null().sum())
    others = int((dates.dt.weekday() != _WEDNESDAY).sum())
    known = rows["series_break"].unique().to_list()
    versions = ", ".join(b for b in _BREAKS if b in known)
    return (
        f"{t.name}: {len(dates)} as-of dates, {dates[0]} to {dates[-1]};"
        f" {held['time_series'].n_unique()} series of positions,"
        f" {rows['time_series'].n_unique() - held['time_series'].n_unique()} others",
        f"{t.name}: series breaks {versions}: the survey changed at each; do not"
        " compare levels across one",
        *([f"{t.name}: {hidden:,} of {rows.height:,} values are suppressed (*)"] * bool(hidden)),
        *([f"{t.name}: {others} of {len(dates)} as-of dates are no Wednesday"] * bool(others)),
        "positions are net, in dollars (millions x 1e6); other series are in millions as stated",
        "publication is by the usual timetable, Thursday 16:15 in New York in the week after the"
        " as-of Wednesday's; values are today's, with later revisions",
    )
