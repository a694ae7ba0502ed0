"""Daily series: the VIX and others, a date and one or more values a row, from CSV or Parquet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import dated, several, text, times
from mmresearch.load.series.files import Table, read_file
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

_SOURCE = "series"
ENDINGS = (".csv", ".csv.gz", ".parquet", ".zip")
_KEY = ["date", "symbol", "name"]
_KINDS = "open|high|low|close|last|settle|adj[ _]?close|volume|value|price"


class _How(NamedTuple):
    """How values are named, and when they were known."""

    symbol: str | None
    value: str
    at: str
    time_zone: str
    delay: str
    day_first: bool | None
    packaged: bool


@tells
def series(
    *files: str | Path | Iterable[str | Path],
    symbol: str | None = None,
    value: str = "close",
    at: str = "16:15",
    time_zone: str = "America/New_York",
    delay: str = "0D",
    day_first: bool | None = None,
    name: str | None = None,
) -> Market:
    """Daily values of indices, prices or statistics, each known at a clock of its date.

    Parameters
    ----------
    *files : path or paths
        CSV or Parquet, plain or packed, with a column of dates (Date, DATE, observation_date) and
        columns of values: CBOE's index histories, FRED's exports, any other. Lists, folders or
        patterns. Without any, the VIX of 2014 to 2019 that is packaged with `arch`.
    symbol : str, optional
        What the values are of. If not given: the column's name in capitals (`vix`, `VIXCLS`), or
        its first part (`VIX Close`), or for columns named only close, open, high, low, last,
        settle, volume, value or price the first word of the file's name (VIX_History.csv).
    value : str
        What the values of a column are that is named by its symbol.
    at, time_zone, delay : str
        When a value was known: the clock of its date, in a zone, and what passes until then ("0D",
        "1D", "12h"). 16:15 in New York is when the VIX closes; a statistic that is published the
        next morning needs another clock and a delay, as does an early close.
    day_first : bool, optional
        Whether 1/3/2014 is in March, where no date of the file tells.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        series: a row a date and column: `time` (when known, UTC), `symbol`, `name` ("close",
        "open", ...) and `value`, in the file's unit; extra `date`, as text. A cell that is empty
        or a dot is kept as a missing value.

    Raises
    ------
    SourceError
        Naming every fault of every file, such as dates whose order of day and month is not clear.
        Repeated rows are set aside and kept in the receipt.
    """
    how = _How(symbol, value, at, time_zone, delay, day_first, packaged=not files)
    if how.packaged:
        return at_once(_SOURCE, [_packaged()], ENDINGS, _steps(how), name=name or "vix")
    return at_once(_SOURCE, files, ENDINGS, _steps(how), name=name)


def in_steps(**options: Any) -> Steps:
    """Every file's rows; then those that no file before has."""
    return _steps(_How(**options, packaged=False))


def _steps(how: _How) -> Steps:
    _check(how)
    heeds = {"symbol": how.symbol, "value": how.value, "day_first": how.day_first}
    return Steps(partial(_read, how=how), partial(_whole, how=how), (Table,), heeds)


def _check(how: _How) -> None:
    """Refuse a clock, a zone or a delay that cannot be."""
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", how.at):
        raise ValueError(f"at={how.at!r} is no time of day; give one as 16:15")
    times.check_zone_and_unit(how.time_zone, None)
    try:
        late = pd.Timedelta(how.delay)
    except ValueError:
        late = pd.NaT
    if not late >= pd.Timedelta(0):
        raise ValueError(f"delay={how.delay!r} is no stretch of time; give one as 1D or 12h")


def _packaged() -> Path:
    from importlib.resources import files  # here, as finding it imports arch

    return Path(str(files("arch.data.vix") / "vix.csv.gz"))


def _read(path: Path, how: _How) -> Table:
    table = read_file(_SOURCE, path, how.day_first)
    columns = _columns(table, how)
    if isinstance(columns, Fault):
        raise SourceError(_SOURCE, [columns])
    _, other = _twice(table)
    if other.any():
        raise SourceError(_SOURCE, [_contradiction(table, table.rows.filter(other))])
    return table


def _twice(table: Table) -> tuple[pl.Series, pl.Series]:
    return dated.repeats(table.rows.drop("line"), [], ["date"])


def _whole(tables: list[Table], how: _How) -> Market:
    one = partial(_one, how=how, before=[])  # a date may stand in two files
    return several.joined(_SOURCE, several.gathered(_SOURCE, tables, one))


def _one(table: Table, how: _How, before: list[pl.DataFrame]) -> Market:
    again, _ = _twice(table)
    rows = _long(table.rows.filter(~again), _columns(table, how))
    known, other = dated.repeats(rows.drop("line"), before, _KEY)
    if other.any():
        raise SourceError(_SOURCE, [_conflict(table, rows.filter(other))])
    kept = rows.filter(~known)
    before.append(kept.drop("line"))
    gone = table.rows.filter(~pl.col("line").is_in(kept["line"].implode()))
    aside = text.aside([(table.text, gone["line"].to_list(), "duplicate")])
    facts = pd.DataFrame([file_facts(table.text.path, table.count)])
    return Market(
        receipt=Receipt(_SOURCE, facts, aside, _notes(table, kept, how)),
        name=table.text.name,
        series=_series(kept, how),
    )


def _columns(table: Table, how: _How) -> dict[str, tuple[str, str]] | Fault:
    """Of every column the symbol and the name of its values."""
    names = [c for c in table.rows.columns if c not in ("line", "date")]
    split = {column: _split(column, table.text.path, how.value) for column in names}
    own = [column for column, (_, _, is_own) in split.items() if is_own]
    if how.symbol is not None and len(own) > 1:
        found = f"the columns {', '.join(own)}"
        return Fault(table.text.name, 1, found, "one, as symbol= names one")
    said = {c: (how.symbol or symbol, name) for c, (symbol, name, _) in split.items()}
    twice = [pair for pair in said.values() if list(said.values()).count(pair) > 1]
    if twice:
        return Fault(table.text.name, 1, f"two columns for {twice[0][1]}", "one of each")
    return said


def _split(column: str, path: Path, value: str) -> tuple[str, str, bool]:
    """A column's symbol, the name of its values, whether it is named by the symbol alone."""
    found = re.fullmatch(rf"(?:(.+?)[ _])?({_KINDS})", column, re.IGNORECASE)
    if found is None:
        return column.upper(), value, True
    first = re.split(r"[_. -]", path.name)[0]
    return (found[1] or first).upper(), found[2].lower().replace(" ", "_"), False


def _long(rows: pl.DataFrame, columns: dict[str, tuple[str, str]]) -> pl.DataFrame:
    """A row a line and column, in the order of the file."""
    parts = [
        rows.select(
            "line",
            "date",
            pl.lit(symbol).alias("symbol"),
            pl.lit(name).alias("name"),
            pl.col(column).alias("value"),
        )
        for column, (symbol, name) in columns.items()
    ]
    return pl.concat(parts).sort("line", maintain_order=True)


def _contradiction(table: Table, rows: pl.DataFrame) -> Fault:
    found = f"{rows['date'][0]} again, with other values"
    return text.rows_fault(table.text.name, rows["line"].to_list(), found, "one row a date")


def _conflict(table: Table, rows: pl.DataFrame) -> Fault:
    symbol, name, date = (rows[c][0] for c in ("symbol", "name", "date"))
    found = f"{symbol} {name} of {date} again, with another value"
    return text.rows_fault(table.text.name, rows["line"].to_list(), found, "one value a date")


def _series(rows: pl.DataFrame, how: _How) -> pl.DataFrame:
    known = dated.instant(rows["date"], how.at, how.time_zone)
    return rows.select(
        (pl.lit(known) + pd.Timedelta(how.delay).to_pytimedelta()).alias("time"),
        "symbol",
        "name",
        "value",
        pl.col("date").dt.strftime("%Y-%m-%d"),
    )


def _notes(table: Table, rows: pl.DataFrame, how: _How) -> tuple[str, ...]:
    file = table.text.name
    parts = rows.group_by("symbol", "name", maintain_order=True).agg(
        pl.len(),
        pl.col("date").min().alias("first"),
        pl.col("date").max().alias("last"),
        pl.col("value").null_count().alias("none"),
    )
    counts = (
        f"{file}: {symbol} {name}: {n:,} dates, {first} to {last}, {none:,} missing"
        for symbol, name, n, first, last, none in parts.iter_rows()
    )
    steps = table.rows["date"].cast(pl.Int64).diff()
    behind = int((steps < 0).sum())
    stand = "1 date stands" if behind == 1 else f"{behind:,} dates stand"
    delay = "" if pd.Timedelta(how.delay) == pd.Timedelta(0) else f", {how.delay} later"
    return (
        *counts,
        *([f"{file}: {table.order}"] * bool(table.order)),
        *([f"{file}: {stand} behind a later one: put in order"] * bool(behind)),
        *(
            [f"{file}: daily closes of the VIX as packaged with arch (arch.data.vix)"]
            * how.packaged
        ),
        f"each value counts as known at {how.at} in {how.time_zone} on its date{delay}",
    )
