"""CFTC Traders in Financial Futures: what dealers and other groups hold in a futures market.

Formats: cftc.gov, Commitments of Traders: the yearly files (`FinFutYY.txt` futures only,
`FinComYY.txt` with options), the week's file without a header (`FinFutWk.txt`), and the CSV export
of publicreporting.cftc.gov, whose column names are in lower case and partly lack `_all`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import dated, several, text
from mmresearch.load.cftc.files import GROUPS, SIDES, SOURCE, gaps_of, read_rows
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

ENDINGS = (".txt", ".csv", ".txt.gz", ".csv.gz", ".zip")
_ZONE = "America/New_York"
_CLOSE, _RELEASE, _TUESDAY, _FRIDAY = "17:00", "15:30", 2, 5
_KEY = ["code", "date"]


@tells
def cftc(
    *files: str | Path | Iterable[str | Path],
    groups: str | Iterable[str] = "dealers",
    name: str | None = None,
) -> Market:
    """Weekly positions of trader groups in financial futures, as the CFTC reports them.

    Parameters
    ----------
    *files : path or paths
        Yearly files, the week's file or exports, plain, gzip or zip; lists, folders or patterns.
        Futures-only and combined reports are loaded apart.
    groups : str or list of str
        Whose positions: "dealers", "asset managers", "leveraged funds", "other reportables",
        "nonreportables", several of them, or "all". They are the accounts.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        positions: `position` is long less short, in contracts; `symbol` is the six-character
        contract market code, as text. `time` is the as-of date, mostly a Tuesday, at 17:00 in New
        York. Extra: `published`, 15:30 in New York on the Friday after it, which holidays and
        shutdowns have delayed: nothing was known before; `long`, `short`, `spreading` (held on
        both sides, in neither of them; nonreportables have none), `open_interest`, `market` and
        `contract_units` (as the report words them), `report` (FutOnly or Combined).
        Contracts differ in size and the file has no prices: multiplier 1, currency missing.
        Calendar "dates". Numbers of traders, changes, shares and concentrations are left out.

    Raises
    ------
    SourceError
        Naming every fault of every file. Set aside instead, and kept in the receipt: repeated
        rows, and rows without a number for a group's longs or shorts. Consolidated markets, whose
        groups sum to open interest but for a contract or two, are kept and counted.
    """
    return at_once(SOURCE, files, ENDINGS, in_steps(groups=groups), name=name)


def in_steps(*, groups: str | Iterable[str]) -> Steps:
    """Every file's rows; then those that no file before has."""
    chosen = _chosen(groups)
    read, whole = (partial(step, groups=chosen) for step in (_read, _whole))
    return Steps(read, whole, (Reports,), {"groups": chosen})


def _chosen(groups: str | Iterable[str]) -> list[str]:
    asked = [groups] if isinstance(groups, str) else list(groups)
    unknown = [g for g in asked if g not in GROUPS and g != "all"]
    if unknown or not asked:
        raise ValueError(f"no groups {unknown}; give all, {', '.join(GROUPS)}")
    return [g for g in GROUPS if g in asked or "all" in asked]


class Reports(NamedTuple):
    """A file's rows, with the line of each."""

    text: text.Text
    rows: pl.DataFrame

    @property
    def count(self) -> int:
        return self.rows.height


def _read(path: Path, groups: list[str]) -> Reports:
    (t,) = text.read_texts(SOURCE, [path])
    rows = read_rows(t, groups)
    if isinstance(rows, list):
        raise SourceError(SOURCE, rows)
    reports = Reports(t, rows)
    _again(reports, [])
    if _blank(rows, groups).all():
        raise SourceError(SOURCE, [Fault(t.name, None, "no row to keep", "positions")])
    return reports


def _whole(files: list[Reports], groups: list[str]) -> Market:
    one = partial(_one, groups=groups, before=[])  # a week may stand in two files
    return several.joined(SOURCE, several.gathered(SOURCE, files, one))


def _again(reports: Reports, before: list[pl.DataFrame]) -> pl.Series:
    """Which rows stand above, or in a file before; refused with other content or kind."""
    t, rows = reports
    found = _mixed(t, rows, before)
    if found:
        raise SourceError(SOURCE, found)
    again, other = dated.repeats(rows.drop("line"), before, _KEY)
    if other.any():
        raise SourceError(SOURCE, [_contradiction(t, rows.filter(other))])
    return again


def _blank(rows: pl.DataFrame, groups: list[str]) -> pl.Series:
    """Where a group's longs or shorts are no number."""
    sides = [f"{g} {s}" for g in groups for s in SIDES[:2]]
    return rows.select(pl.any_horizontal(pl.col(c).is_null() for c in sides)).to_series()


def _one(reports: Reports, groups: list[str], before: list[pl.DataFrame]) -> Market:
    t, rows = reports
    again, blank = _again(reports, before), _blank(rows, groups)
    before.append(rows.drop("line"))
    gone = {"duplicate": again, "no number for the position": blank & ~again}
    aside = [(t, rows["line"].filter(mask).to_list(), why) for why, mask in gone.items()]
    return _market(t, rows, rows.filter(~(again | blank)), text.aside(aside), groups)


def _market(
    t: text.Text, rows: pl.DataFrame, kept: pl.DataFrame, aside: pd.DataFrame, groups: list[str]
) -> Market:
    facts = pd.DataFrame([file_facts(t.path, rows.height)])
    symbols = pd.DataFrame({"symbol": kept["code"].unique().sort().to_list()}, dtype="str")
    return Market(
        symbols=symbols.assign(calendar="dates"),
        receipt=Receipt(SOURCE, facts, aside, _notes(t, rows)),
        name=t.path.name,
        positions=_positions(kept, groups),
    )


def _mixed(t: text.Text, rows: pl.DataFrame, before: list[pl.DataFrame]) -> list[Fault]:
    """A fault if futures-only and combined reports come together."""
    kinds = {kind for frame in (*before, rows) for kind in frame["report"].unique()} - {None}
    if len(kinds) < 2:
        return []
    found = f"reports of the kinds {' and '.join(sorted(kinds))}"
    return [Fault(t.name, None, found, "one kind: load futures only and combined reports apart")]


def _contradiction(t: text.Text, rows: pl.DataFrame) -> Fault:
    found = f"{rows['code'][0]} of {rows['date'][0]} again, with other content"
    return text.rows_fault(t.name, rows["line"].to_list(), found, "one row a contract and date")


def _positions(rows: pl.DataFrame, groups: list[str]) -> pl.DataFrame:
    """A row a contract, date and group, in the order of the file."""
    friday = rows.select(dated.weekday_from(pl.col("date"), _FRIDAY)).to_series()
    absent = [c for c in ("open_interest", "nonreportables spread") if c not in rows.columns]
    rows = rows.with_columns(
        dated.instant(rows["date"], _CLOSE, _ZONE).alias("time"),
        dated.instant(friday, _RELEASE, _ZONE).alias("published"),
        *(pl.lit(None, pl.Float64).alias(c) for c in absent),
    )
    return pl.concat(_group(rows, group) for group in groups)


def _group(rows: pl.DataFrame, group: str) -> pl.DataFrame:
    long, short, spreading = (pl.col(f"{group} {side}") for side in SIDES)
    return rows.select(
        "time",
        pl.lit(group).alias("account"),
        pl.col("code").alias("symbol"),
        (long - short).alias("position"),
        "published",
        long.alias("long"),
        short.alias("short"),
        spreading.alias("spreading"),
        "open_interest",
        "market",
        "contract_units",
        "report",
    )


def _notes(t: text.Text, rows: pl.DataFrame) -> tuple[str, ...]:
    dates = rows["date"].unique().sort()
    names = rows.group_by("code").agg(pl.col("market").n_unique()).filter(pl.col("market") > 1)
    return (
        f"{t.name}: {len(dates)} reports, {dates[0]} to {dates[-1]}, of"
        f" {rows['code'].n_unique()} contracts",
        *_sum_notes(t, rows),
        *_weekday_notes(t, dates),
        *(f"{t.name}: contract {code} has {n} names" for code, n in names.sort("code").rows()),
        "position is long less short, in contracts (see `contract_units`): multiplier 1;"
        " spreading is held on both sides and in neither",
        "time is 17:00 in New York on the as-of date; `published` is the rule, 15:30 on the Friday"
        " after it, not the fact: holidays and shutdowns delay reports",
    )


def _sum_notes(t: text.Text, rows: pl.DataFrame) -> list[str]:
    gaps = gaps_of(rows)
    if not gaps:
        return [f"{t.name}: the sums are not checked, as not every group's columns are there"]
    off = {side: int((gap != 0).sum()) for side, gap in gaps.items()}
    most = {side: f"{gap.abs().max():g}" for side, gap in gaps.items()}
    if not any(off.values()):
        return [f"{t.name}: every row's longs and shorts with spreads sum to its open interest"]
    marked = rows.filter((gaps["long"] != 0) | (gaps["short"] != 0))
    merged = int(marked["code"].str.ends_with("+").sum())
    return [
        f"{t.name}: longs with spreads differ from open interest in {off['long']:,} of"
        f" {rows.height:,} rows (by at most {most['long']}), shorts in {off['short']:,} (by at most"
        f" {most['short']}); {merged:,} of these {marked.height:,} rows are of consolidated markets"
        " (codes that end in +); they are kept"
    ]


def _weekday_notes(t: text.Text, dates: pl.Series) -> list[str]:
    others = int((dates.dt.weekday() != _TUESDAY).sum())
    verb = "is" if others == 1 else "are"
    said = f"{t.name}: {others} of {len(dates)} reports {verb} of another day than Tuesday"
    return [said] if others else []
