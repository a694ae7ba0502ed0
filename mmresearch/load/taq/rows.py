"""TAQ's rows: which of them can stay, and what becomes of them, whatever is cleaned afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
import polars as pl

from mmresearch import schema
from mmresearch.load.blocks import About
from mmresearch.load.taq import cleaning as taq_cleaning
from mmresearch.load.taq.files import NUMBERED, SOURCE, Part
from mmresearch.load.text import Text
from mmresearch.receipt import Receipt, file_facts

OWN = ("row", "part", "line", "local", "day")  # columns that only the work needs


def rows_of(parts: list[Part], table: str, lot: float | None) -> pl.DataFrame:
    """The rows of a table from all files: `part` and `line` say where each stands."""
    frames = []
    for i, part in enumerate(parts):
        if part.table == table:
            frame = part.frame.with_columns(part=pl.lit(i, pl.Int32))
            frames.append(frame.with_columns(pl.col(part.in_lots) * lot) if lot else frame)
    return pl.concat(frames, how="diagonal").with_row_index("row")


def unfit(rows: pl.DataFrame, table: str, steps: Sequence[str]) -> pl.Series:
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
    """Rows that repeat an earlier one, its sequence number too: none where that always rises."""
    if number not in rows.columns or (rows[number].diff() > 0).sum() == rows.height - 1:
        return pl.repeat(False, rows.height, eager=True)
    content = [c for c in rows.columns if c not in OWN]
    alike = rows.select(content).hash_rows().is_duplicated() & rows[number].is_not_null()
    some = rows.filter(alike)
    later = some["row"].filter(~some.select(pl.struct(content).is_first_distinct()).to_series())
    return rows["row"].is_in(later.implode())


def settled(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """Quotes with a price of 0 have none on that side, and no size."""
    if table == "trades":
        return rows
    sides = []
    for side in ("bid", "ask"):
        there = pl.col(side) > 0
        size = pl.when(there).then(pl.col(f"{side}_size")).otherwise(0.0)
        sides += [pl.when(there).then(pl.col(side)).alias(side), size.alias(f"{side}_size")]
    return rows.with_columns(sides)


def reasons(rows: pl.DataFrame, reason: pl.Series) -> pl.DataFrame:
    return rows.select("part", "line", reason=reason).drop_nulls("reason")


def table_of(part: Part, kept: pl.DataFrame) -> pl.DataFrame:
    """The rows of a part that are kept, as the schema's table."""
    columns = [c for c in (*part.frame.columns, "merged") if c in kept.columns and c not in OWN]
    after = schema.UNORDERED if part.table == "quotes" else 0
    return kept.select(*columns, seq=pl.col("line") - 1 + after)


def about(
    t: Text, symbols: Iterable[str], rows: int, aside: pd.DataFrame, notes: Sequence[str]
) -> About:
    """What is said of a whole file."""
    described = pd.DataFrame({"symbol": sorted(symbols)}).assign(currency="USD", calendar="XNYS")
    receipt = Receipt(
        SOURCE, pd.DataFrame([file_facts(t.path, rows, t.hashed)]), aside, tuple(notes)
    )
    return About(described, receipt, t.name.split(".")[0])


def set_aside(part: Part, gone: pl.DataFrame) -> pd.DataFrame:
    """Most of a file may be set aside: the lines' texts come at once and not one by one."""
    if gone.is_empty():
        return Receipt(SOURCE).set_aside
    gone = gone.sort("line")
    lines = pl.Series([part.text.data.decode()]).str.split("\n").explode()
    said = lines.gather(gone["line"] - 1 - part.text.above).str.strip_chars_end("\r")
    rows = gone.select(pl.lit(part.text.name).alias("file"), "line", "reason", text=said)
    return rows.to_pandas()
