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

import polars as pl

from mmresearch.load import several
from mmresearch.load.blocks import Blocks
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.taq import blocks as taq_blocks
from mmresearch.load.taq import cleaning as taq_cleaning
from mmresearch.load.taq import times as taq_times
from mmresearch.load.taq.files import SOURCE, Part, read_file
from mmresearch.load.taq.notes import notes_of, tally_of
from mmresearch.load.taq.rows import about, reasons, rows_of, set_aside, settled, table_of, unfit
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, SourceError

ENDINGS = (".csv", ".csv.gz")


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


def in_blocks(
    path: Path,
    *,
    clean: str | Sequence[str],
    exchange: str | Mapping[str, str] | None,
    lot: float | None,
    size: int | None = None,
    **clock: Any,
) -> Blocks:
    """The table of a large file that is not cleaned, block by block, and what is said of all."""
    _check_choices(taq_cleaning.steps_of(clean), exchange, lot)
    return taq_blocks.of_file(path, taq_times.clock(**clock), lot, size)


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
    kept, gone, notes = _kept(parts, steps, exchange, lot)
    markets = [
        _market(part, i, kept[part.table], gone[part.table], notes) for i, part in enumerate(parts)
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
        rows = rows_of(parts, table, lot)
        reason = unfit(rows, table, steps)
        aside[table] = [reasons(rows, reason)]
        tables[table] = settled(rows.filter(reason.is_null()), table)
    _refuse_empty(tables, aside)
    for table, rows in tables.items():
        notes += notes_of(table, [tally_of(rows, table, parts)], parts, lot)
    if not steps:
        return tables, {table: some[0] for table, some in aside.items()}, notes
    places = {table: rows.select("row", "part", "line") for table, rows in tables.items()}
    tables, gone = taq_cleaning.cleaned(tables, steps, exchange)
    for table, step, rows in gone:
        lost = places[table].filter(pl.col("row").is_in(rows.implode()))
        aside[table].append(reasons(lost, pl.repeat(step, lost.height, eager=True)))
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
        counted = pl.concat(aside[table])["reason"].value_counts(sort=True)
        counts = ", ".join(f"{n:,} {reason}" for reason, n in counted.iter_rows())
        faults.append(Fault("the files", None, f"no {table} to keep ({counts})", "rows to keep"))
    if faults:
        raise SourceError(SOURCE, faults)


def _market(
    part: Part, i: int, kept: pl.DataFrame, gone: pl.DataFrame, notes: Sequence[str]
) -> Market:
    """The market of one file: its rows that are kept, and its receipt."""
    table = table_of(part, kept.filter(pl.col("part") == i))
    aside = set_aside(part, gone.filter(pl.col("part") == i))
    said = about(part.text, part.frame["symbol"].unique(), part.frame.height, aside, notes)
    return Market(**said._asdict(), **{part.table: table})
