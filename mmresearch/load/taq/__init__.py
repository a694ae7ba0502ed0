"""NYSE TAQ: trades and quotes of American stocks, as WRDS serves them and R's samples hold them.

Layouts: monthly TAQ (SYMBOL, DATE, TIME, PRICE, SIZE, CORR, COND, EX; BID, OFR, BIDSIZ, OFRSIZ),
daily TAQ (SYM_ROOT, TIME_M, TR_SCOND, TR_CORR; ASK, ASKSIZ; BEST_BID, BEST_ASK of the national
best), and the samples of the R package `highfrequency` (DT, then monthly TAQ's names). Sources:
NYSE, "Daily TAQ Client Specification"; WRDS, variable lists of `taq` and `taqmsec`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from mmresearch import schema
from mmresearch.load import several
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.taq import cleaning as taq_cleaning
from mmresearch.load.taq import times as taq_times
from mmresearch.load.taq.files import NUMBERED, SOURCE, Part, read_file
from mmresearch.load.taq.notes import NOTES
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

ENDINGS = (".csv", ".csv.gz")
_OWN = ("row", "part", "line", "local", "day")  # columns that only the work needs


@tells
def taq(
    *files: str | Path | Iterable[str | Path],
    clean: str | Sequence[str] = (),
    exchange: str | Mapping[str, str] | None = None,
    lot: float | None = None,
    date: str | datetime.date | None = None,
    time_zone: str = taq_times.NEW_YORK,
    epoch: str = "UTC",
    name: str | None = None,
) -> Market:
    """Trades and quotes of NYSE TAQ, any number of days and symbols.

    Parameters
    ----------
    *files : path or paths
        CSV files, plain or packed, of trades or of quotes by their header; lists of them, folders
        or patterns.
    clean : str or sequence of str
        Steps of cleaning, in their order, or "bnhls" for all of the paper's: P1, P2, P3, T1, T2,
        T3, T4, Q1, Q2, Q3, Q4, or the names that R's `highfrequency` gives them (see
        `mmresearch.load.taq.cleaning`). None is done unless asked for. What a step removes is set
        aside in its name. Steps that merge keep the first row of an instant, changed, and set the
        others aside. Q3 and Q4 look ahead within the day: clean for estimates, not for predictions.
    exchange : str or mapping, optional
        For P3: the codes of the exchange to keep, "N" or "TQ", or of each symbol its own (rows of
        symbols that are not named go).
    lot : float, optional
        Shares a quoted unit, to turn sizes of quotes into shares. TAQ counts round lots, 100
        shares of most stocks until November 2025. Sizes named ...SIZESHARES are shares already.
    date : str or date, optional
        Of files without the column DATE whose name does not say it (ctm_20180102.csv does).
    time_zone : str
        Of DATE and clock.
    epoch : str
        Whose clock DT counts from 1970: "UTC", or "America/New_York" where a local clock was
        written as though it were UTC. The receipt says how many rows either puts into the session.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        trades: `side` is missing, as TAQ names no aggressor (`mm.sign_trades` finds it); `trade_id`
        is TR_ID; extra: ex, cond, corr and others under TAQ's names. quotes: each exchange's own
        best, side by side (extra: ex), or the national best of BEST_BID and BEST_ASK; a price of 0
        is none, its size 0. Nothing says whether a quote or a trade of one instant came first:
        quotes stand after trades (`schema.UNORDERED`). Merged rows say how many they are in
        `merged`; where those differ, extra columns are missing. Prices in dollars, sizes in shares
        (trades) and as given (quotes). Calendar XNYS; `tick` is not known.
        Lost: columns beside, named in the receipt.

    Raises
    ------
    SourceError
        Naming every fault of every file. Set aside instead: trades without a price or a size above
        0, quotes below 0, rows repeated with their sequence number.
    """
    choices = {"clean": clean, "exchange": exchange, "lot": lot}
    steps = _steps(**choices, date=date, time_zone=time_zone, epoch=epoch)
    return at_once(SOURCE, files, ENDINGS, steps, name=name)


def in_steps(*, clean: str | Sequence[str], **options: Any) -> Steps | None:
    """Every file's rows, then the cleaning; None without it: then each file is a market's own."""
    return _steps(clean=clean, **options) if clean else None


def _steps(
    *,
    clean: str | Sequence[str],
    exchange: str | Mapping[str, str] | None,
    lot: float | None,
    **clock: Any,
) -> Steps:
    steps = taq_cleaning.steps_of(clean)
    _check_choices(steps, exchange, lot)
    read = partial(read_file, how=taq_times.clock(**clock))
    whole = partial(_whole, steps=steps, exchange=exchange, lot=lot)
    return Steps(read, whole, (Part,), clock)


def _whole(
    parts: list[Part],
    steps: Sequence[str],
    exchange: str | Mapping[str, str] | None,
    lot: float | None,
) -> Market:
    """The market of all files; a trade is judged by quotes that stand in another one."""
    _refuse_mixtures(parts, steps)
    kept, reasons, notes = _kept(parts, steps, exchange, lot)
    markets = [
        _market(part, i, kept[part.table], reasons[part.table], notes)
        for i, part in enumerate(parts)
    ]
    return several.joined(SOURCE, markets)


def combined(parts: Sequence[Market]) -> Market:
    """One market of markets of single files, which must not hold the same times.

    Whether rows of two files are repeats only reading them together tells (`taq(*files)`).
    """
    several.refuse_shared(SOURCE, parts, "a time in one file, or mm.load.taq(*files).save(folder)")
    return several.joined(SOURCE, parts)


def _check_choices(
    steps: Sequence[str], exchange: str | Mapping[str, str] | None, lot: float | None
) -> None:
    asked = any(step in steps for step in taq_cleaning.BY_EXCHANGE)
    if asked and not exchange:
        raise ValueError("step P3 keeps one exchange: say which, as exchange='N'")
    if exchange and not asked:
        raise ValueError("exchange= is for step P3, which clean= does not name")
    if lot is not None and not lot > 0:
        raise ValueError(f"lot is shares a quoted unit, above 0, not {lot!r}")


def _refuse_mixtures(parts: list[Part], steps: Sequence[str]) -> None:
    """National and exchanges' own quotes in one table; steps that lack what they read."""
    faults = []
    quotes = [part for part in parts if part.table == "quotes"]
    if len({part.national for part in quotes}) > 1:
        odd = next(part for part in quotes if part.national != quotes[0].national)
        found = "national best quotes beside files of the exchanges' own"
        faults.append(Fault(odd.text.name, 1, found, "one kind of quotes in one study"))
    by_quotes = [step for step in steps if step in taq_cleaning.BY_QUOTES]
    if by_quotes and not quotes:
        expected = f"quotes too, as step {by_quotes[0]} judges trades by them, or not that step"
        faults.append(Fault("the files", None, "trades and no quotes", expected))
    for part in parts:
        own = taq_cleaning.STEPS[part.table]
        for step in dict.fromkeys(step for step in steps if step in own):
            column = own[step].needs
            if column and column not in part.names:
                expected = f"{_VENDOR[column]}, which step {step} reads, or not that step"
                faults.append(Fault(part.text.name, 1, "a header without it", expected))
    if faults:
        raise SourceError(SOURCE, faults)


_VENDOR = {"ex": "EX", "cond": "COND or TR_SCOND", "corr": "CORR or TR_CORR"}


def _kept(
    parts: list[Part],
    steps: Sequence[str],
    exchange: str | Mapping[str, str] | None,
    lot: float | None,
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame], list[str]]:
    """Of each table the rows kept, the rows set aside (part, line, reason), and notes on both."""
    tables, aside, notes = {}, {}, []
    for table in [name for name in ("trades", "quotes") if any(p.table == name for p in parts)]:
        rows = _together(parts, table, lot)
        reason = _unfit(rows, table, steps)
        aside[table] = [_reasons(rows, reason)]
        tables[table] = _settled(rows.filter(reason.is_null()), table)
    _refuse_empty(tables, aside)
    for table, rows in tables.items():
        notes += NOTES[table](rows, parts, lot)
    if not steps:
        return tables, {table: some[0] for table, some in aside.items()}, notes
    places = {table: rows.select("row", "part", "line") for table, rows in tables.items()}
    tables, gone = taq_cleaning.cleaned(tables, steps, exchange)
    for table, step, rows in gone:
        lost = places[table].filter(pl.col("row").is_in(rows.implode()))
        aside[table].append(_reasons(lost, pl.repeat(step, lost.height, eager=True)))
    _refuse_empty(tables, aside)
    whole = {table: pl.concat(some) for table, some in aside.items()}
    for table, step in dict.fromkeys((table, step) for table, step, _ in gone):
        count = (whole[table]["reason"] == step).sum()
        notes.append(f"{step}: {count:,} {table} {taq_cleaning.STEPS[table][step].gone}")
    return tables, whole, notes


def _refuse_empty(tables: dict[str, pl.DataFrame], aside: dict[str, list[pl.DataFrame]]) -> None:
    """A table that keeps no row is a mistake in the files or in the steps asked for."""
    faults = []
    for table in [table for table, rows in tables.items() if rows.is_empty()]:
        reasons = pl.concat(aside[table])["reason"].value_counts(sort=True)
        counts = ", ".join(f"{n:,} {reason}" for reason, n in reasons.iter_rows())
        faults.append(Fault("the files", None, f"no {table} to keep ({counts})", "rows to keep"))
    if faults:
        raise SourceError(SOURCE, faults)


def _together(parts: list[Part], table: str, lot: float | None) -> pl.DataFrame:
    """The rows of a table from all files: `part` and `line` say where each stands."""
    frames = []
    for i, part in enumerate(parts):
        if part.table == table:
            frame = part.frame.with_columns(part=pl.lit(i, pl.Int32))
            frames.append(frame.with_columns(pl.col(part.in_lots) * lot) if lot else frame)
    return pl.concat(frames, how="diagonal").with_row_index("row")


def _unfit(rows: pl.DataFrame, table: str, steps: Sequence[str]) -> pl.Series:
    """Why a row cannot stay, whatever the steps; missing: it can."""
    if table == "trades":
        named = [step for step in steps if step in taq_cleaning.UNPRICED]
        rules = {(named or ["price not above 0"])[0]: pl.col("price") <= 0}
        rules |= {"size not above 0": pl.col("size") <= 0}
    else:
        rules = {"price below 0": (pl.col("bid") < 0) | (pl.col("ask") < 0)}
        rules |= {"size below 0": (pl.col("bid_size") < 0) | (pl.col("ask_size") < 0)}
    cases = [pl.when(broken).then(pl.lit(reason)) for reason, broken in rules.items()]
    again = pl.when(_again(rows, NUMBERED[table])).then(pl.lit("repeated"))
    return rows.select(pl.coalesce(again, *cases)).to_series()


def _again(rows: pl.DataFrame, number: str) -> pl.Series:
    """Rows that repeat an earlier one, its sequence number too."""
    if number not in rows.columns:
        return pl.repeat(False, rows.height, eager=True)
    content = [c for c in rows.columns if c not in _OWN]
    alike = rows.select(content).hash_rows().is_duplicated() & rows[number].is_not_null()
    some = rows.filter(alike)
    later = some["row"].filter(~some.select(pl.struct(content).is_first_distinct()).to_series())
    return rows["row"].is_in(later.implode())


def _settled(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """Quotes with a price of 0 have none on that side, and no size."""
    if table == "trades":
        return rows
    sides = []
    for side in ("bid", "ask"):
        there = pl.col(side) > 0
        size = pl.when(there).then(pl.col(f"{side}_size")).otherwise(0.0)
        sides += [pl.when(there).then(pl.col(side)).alias(side), size.alias(f"{side}_size")]
    return rows.with_columns(sides)


def _reasons(rows: pl.DataFrame, reason: pl.Series) -> pl.DataFrame:
    return rows.select("part", "line", reason=reason).drop_nulls("reason")


def _market(
    part: Part, i: int, kept: pl.DataFrame, reasons: pl.DataFrame, notes: Sequence[str]
) -> Market:
    """The market of one file: its rows that are kept, and its receipt."""
    rows = kept.filter(pl.col("part") == i)
    columns = [c for c in (*part.frame.columns, "merged") if c in rows.columns and c not in _OWN]
    after = schema.UNORDERED if part.table == "quotes" else 0
    table = rows.select(*columns, seq=pl.col("line") - 1 + after)
    symbols = pd.DataFrame({"symbol": part.frame["symbol"].unique().sort().to_list()})
    facts = file_facts(part.text.path, part.frame.height)
    aside = _set_aside(part, reasons.filter(pl.col("part") == i))
    return Market(
        symbols=symbols.assign(currency="USD", calendar="XNYS"),
        receipt=Receipt(SOURCE, pd.DataFrame([facts]), aside, tuple(notes)),
        name=part.text.name.split(".")[0],
        **{part.table: table},
    )


def _set_aside(part: Part, reasons: pl.DataFrame) -> pd.DataFrame:
    """Most of a file may be set aside: the lines' texts come at once and not one by one."""
    if reasons.is_empty():
        return Receipt(SOURCE).set_aside
    reasons = reasons.sort("line")
    lines = pl.Series([part.text.data.decode()]).str.split("\n").explode()
    said = lines.gather(reasons["line"] - 1).str.strip_chars_end("\r")
    rows = reasons.select(pl.lit(part.text.name).alias("file"), "line", "reason", text=said)
    return rows.to_pandas()
