"""The records of one file as rows in our columns: typed, each once, in order; or every fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import pandas as pd
import polars as pl

from mmresearch.load import text
from mmresearch.load.fills_export import records as fills_records
from mmresearch.load.fills_export.records import Records
from mmresearch.load.fills_export.venues import Venue
from mmresearch.receipt import Fault, SourceError

_FILLS = ("Trade", "AdlTrade", "BustTrade", "BlockTrade", "MovePosition", "Delivery", "Settlement")
_REQUIRED = {"price": "number", "size": "number", "side": "text"}  # of fills
_NUMBERS = ("fee_amount", "value", "value_base", "fee_rate", "margin", "home")
_AMOUNTS = ("realized_pnl", "mark_price", "index_price")
_SIDES = {"buy": 1.0, "sell": -1.0, "true": 1.0, "false": -1.0}  # Binance says who bought
_MAKERS = dict.fromkeys(("true", "maker", "m", "added", "addedliquidity"), True)
_MAKERS |= dict.fromkeys(("false", "taker", "t", "removed", "removedliquidity"), False)
_NOT_SAID = ("mt", "unknown", "unknown_liquidity_indicator")  # Deribit's both at once; unknown


def read_rows(source: str, records: Records, form: Venue) -> tuple[pl.DataFrame, pd.DataFrame]:
    """Rows with our columns, `kind` ("fill" or "funding") and `seq`; and what is set aside.

    The rows are in the file's order, or from the last where the file has the newest first.
    """
    strange = [i + 1 for i, row in enumerate(records.rows) if not isinstance(row, dict)]
    if strange:
        found = text.rows_fault(records.name, strange, "no record", f"records of {form.form}")
        raise SourceError(source, [found])
    raw = _kinds(fills_records.texts(records.rows, _theirs(form)), form)
    others = raw.filter(pl.col("kind") == "other")
    kept = raw.filter(pl.col("kind") != "other")
    if kept.is_empty():
        found = Fault(records.name, None, "no execution among the records", "executions")
        raise SourceError(source, [found])
    rows = _typed(source, records, form, kept)
    once, again = _once(source, records, rows, form)
    event = form.fields.get("event", "kind")
    gone = [
        records.aside(part["row"], f"{event} {said}: not documented to be an execution")
        for (said,), part in others.group_by(event, maintain_order=True)
    ]
    return _in_order(once), pd.concat([*gone, again], ignore_index=True)


def _theirs(form: Venue) -> list[str]:
    return list(dict.fromkeys([*form.fields.values(), *form.extras]))


def _kinds(raw: pl.DataFrame, form: Venue) -> pl.DataFrame:
    """Whether a record is a fill, funding or something else."""
    if "event" not in form.fields:
        return raw.with_columns(kind=pl.lit("fill")).with_row_index("row")
    event, side = pl.col(form.fields["event"]), pl.col(form.fields["side"])
    fill = event.is_null() | (event.is_in(_FILLS) & ((event != "Settlement") | side.is_not_null()))
    kind = pl.when(fill).then(pl.lit("fill")).when(event == "Funding").then(pl.lit("funding"))
    return raw.with_columns(kind=kind.otherwise(pl.lit("other"))).with_row_index("row")


def _typed(source: str, records: Records, form: Venue, kept: pl.DataFrame) -> pl.DataFrame:
    """Our columns in their types; or one error with every cell and value that is wrong."""
    parts, faults = [], []
    for (kind,), part in kept.group_by("kind", maintain_order=True):
        lines = _liner(records, part)
        typed, wrong = fills_records.typed(records.name, part, _cells(form, kind), lines)
        faults += wrong or fills_records.rule_faults(records.name, typed, _rules(form, kind), lines)
        parts.append(_ours(typed, part, form))
    if faults:
        raise SourceError(source, sorted(faults, key=lambda fault: fault.line or 0))
    return pl.concat(parts).sort("row")


def _liner(records: Records, part: pl.DataFrame) -> Callable[[Iterable[int]], list[int]]:
    """The function from rows of a part to the lines of its file."""
    return lambda rows: records.lines(part["row"].gather(list(rows)))


def _cells(form: Venue, kind: str) -> dict[str, str]:
    """The kind of every cell, by the venue's names."""
    funding = kind == "funding"
    kinds = dict.fromkeys(_theirs(form), "text?")
    kinds |= {theirs: "number?" for theirs, name in form.extras.items() if name in _AMOUNTS}
    for ours, theirs in form.fields.items():
        if ours in _REQUIRED:
            kinds[theirs] = _REQUIRED[ours] + "?" * funding
        elif ours in _NUMBERS:
            kinds[theirs] = "number" if funding and ours == "fee_amount" else "number?"
    kinds |= {form.fields["time"]: form.time}
    return kinds | {form.fields["symbol"]: "text", form.fields["trade_id"]: "text"}


def _rules(form: Venue, kind: str) -> list[tuple[str, pl.Expr, str]]:
    fields = form.fields
    if kind == "funding":
        return []
    sides = ~pl.col(fields["side"]).str.to_lowercase().is_in(list(_SIDES))
    words = [*_MAKERS, *_NOT_SAID]
    makers = ~pl.col(fields["maker"]).str.to_lowercase().is_in(words)
    return [
        *((fields[c], pl.col(fields[c]) <= 0, f"{c} above 0") for c in ("price", "size")),
        (fields["side"], sides, "buy or sell"),
        (fields["maker"], makers, "maker or taker, in the venue's words"),
    ]


def _ours(typed: pl.DataFrame, raw: pl.DataFrame, form: Venue) -> pl.DataFrame:
    """The columns by our names, signs and flags for words, and how finely values are written."""
    fields = form.fields
    word = {c: pl.col(fields[c]).str.to_lowercase() for c in ("side", "maker")}
    steps = {
        f"{c.replace('value', 'value_step')}": _step(raw[fields[c]])
        for c in ("value", "value_base")
        if c in fields
    }
    columns = {
        **{ours: pl.col(theirs) for ours, theirs in fields.items()},
        **{name: pl.col(theirs) for theirs, name in form.extras.items()},
        "side": word["side"].replace_strict(_SIDES, default=None, return_dtype=pl.Float64),
        "maker": word["maker"].replace_strict(_MAKERS, default=None, return_dtype=pl.Boolean),
    }
    return typed.select("row", "kind", **columns).with_columns(**steps)


def _step(raw: pl.Series) -> pl.Series:
    """One unit of the last decimal."""
    decimals = raw.str.extract(r"\.(\d+)$").str.len_chars().fill_null(0)
    return pl.Series(10.0 ** -decimals.to_numpy().astype(float))


def _once(
    source: str, records: Records, rows: pl.DataFrame, form: Venue
) -> tuple[pl.DataFrame, pd.DataFrame]:
    """The rows without the executions that stand above already, and those set aside.

    Binance numbers trades by symbol, and both sides of a trade with oneself have one number.
    """
    number = ["symbol", "trade_id", "side", "kind"]
    later = ~rows.select(pl.struct(number).is_first_distinct()).to_series()
    if not later.any():
        return rows, records.aside([], "")
    above, below = rows.filter(~later), rows.filter(later)
    first = dict(zip(above.select(number).rows(), above["row"], strict=True))
    torn = [
        row
        for row, key in zip(below["row"], below.select(number).rows(), strict=True)
        if _content(records, row) != _content(records, first[key])
    ]
    if torn:
        said = f"{form.fields['trade_id']} again with other content"
        found = text.rows_fault(records.name, records.lines(torn), said, "one content a number")
        raise SourceError(source, [found])
    return above, records.aside(below["row"], "duplicate")


def _content(records: Records, row: int) -> str:
    return json.dumps(records.rows[row], sort_keys=True)


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """With `seq`, the file's order from 1; counted from the last where the newest come first."""
    time = rows["time"]
    newest_first = time.is_sorted(descending=True) and not time.is_sorted()
    number = pl.col("row").cast(pl.Int64)
    return rows.with_columns(
        seq=pl.lit(rows["row"].max() + 1) - number if newest_first else number + 1
    )
