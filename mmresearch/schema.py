"""The tables: what every column means, and the check that a table keeps to it.

Loaders yield these tables, measures read them, and nothing else decides what a column means.
Time is UTC to the nanosecond. Events of one instant are ordered by `seq`; a source that does not
say whether a trade or a quote of the same instant came first numbers its quotes after its trades
(`UNORDERED`), so that a join takes only quotes that were certainly known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

VERSION = 1
UNORDERED = 2**40  # added to the `seq` of quotes and books from a source of its own
EVENTS = ("add", "reduce", "delete", "fill", "hidden_fill", "cross", "halt")


@dataclass(frozen=True)
class Column:
    """One column: its kind, what it means (unit and sign), the rule its values keep.

    kind is "time" (UTC), "whole", "number", "sign" (+1, -1), "flag" (true, false) or "text".
    `required` columns must be there; `missing` says that single values may be missing.
    """

    name: str
    kind: str
    meaning: str
    rule: str = ""
    required: bool = True
    missing: bool = False


def _optional(name: str, kind: str, meaning: str, rule: str = "") -> Column:
    return Column(name, kind, meaning, rule, required=False, missing=True)


_TIME = Column("time", "time", "UTC, nanoseconds")
_SEQ = Column("seq", "whole", "order among events of one instant", "not negative")
_SYMBOL = Column("symbol", "text", "instrument")
_ACCOUNT = Column("account", "text", "whose account")
_PRICE = Column("price", "number", "quote currency a unit", "positive")
_SIZE = Column("size", "number", "units of the asset", "positive")


def _level(n: int | str, suffix: str) -> list[Column]:
    number = {"required": True, "missing": True}
    return [
        Column(f"bid{suffix}", "number", f"bid, level {n}; missing: no bid", "positive", **number),
        Column(f"ask{suffix}", "number", f"ask, level {n}; missing: no ask", "positive", **number),
        Column(f"bid_size{suffix}", "number", "units at that bid", "not negative", **number),
        Column(f"ask_size{suffix}", "number", "units at that ask", "not negative", **number),
    ]


TABLES: dict[str, list[Column]] = {
    "trades": [
        _TIME,
        _SEQ,
        _SYMBOL,
        _PRICE,
        _SIZE,
        _optional("side", "sign", "aggressor: +1 bought, -1 sold, missing: unknown"),
        _optional("trade_id", "text", "the venue's number"),
    ],
    "quotes": [_TIME, _SEQ, _SYMBOL, *_level(1, "")],
    "book": [_TIME, _SEQ, _SYMBOL, *_level(1, "_1")],
    "orders": [
        _TIME,
        _SEQ,
        _SYMBOL,
        Column("order_id", "text", "the venue's number; 0: not shown", missing=True),
        Column("event", "text", "one of " + ", ".join(EVENTS), "event"),
        Column("side", "sign", "of the resting order: +1 buy, -1 sell", missing=True),
        Column("price", "number", "quote currency a unit", "positive", missing=True),
        Column("size", "number", "units added, removed or executed", "positive", missing=True),
    ],
    "fills": [
        _TIME,
        _SEQ,
        _ACCOUNT,
        _SYMBOL,
        Column("side", "sign", "+1 the account bought, -1 it sold"),
        _PRICE,
        _SIZE,
        _optional("fee", "number", "quote currency, positive: paid, negative: rebate", "finite"),
        _optional("maker", "flag", "true: the account's order was resting"),
        _optional("counterparty", "text", "the account on the other side"),
        _optional("trade_id", "text", "the venue's number"),
    ],
    "transfers": [
        _TIME,
        _SEQ,
        _ACCOUNT,
        Column("asset", "text", "what moved: a symbol's asset or a currency"),
        Column("amount", "number", "units, + into the account", "finite"),
        _optional("counterparty", "text", "where from or to"),
        _optional("tx", "text", "the transaction's number"),
    ],
    "positions": [
        _TIME,
        _ACCOUNT,
        _SYMBOL,
        Column("position", "number", "units held, + long", "finite"),
    ],
    "chain": [
        _TIME,
        Column("expiry", "time", "UTC"),
        Column("strike", "number", "currency", "positive"),
        Column("right", "text", "call or put", "right"),
        Column("open_interest", "number", "contracts", "not negative", missing=True),
        Column("implied_vol", "number", "a year, 0.2 is 20 %", "not negative", missing=True),
        Column("spot", "number", "currency", "positive", missing=True),
        Column("multiplier", "number", "units a contract", "positive", missing=True),
    ],
}

# One event has one place in the order; an account can have several fills in one event.
_UNIQUE = {name: ["symbol", "time", "seq"] for name in ("trades", "quotes", "book", "orders")}

_RULES = {
    "positive": ("a number above 0", lambda x: (x > 0) & np.isfinite(x)),
    "not negative": ("a number of 0 or more", lambda x: (x >= 0) & np.isfinite(x)),
    "finite": ("a finite number", np.isfinite),
    "event": ("one of " + ", ".join(EVENTS), lambda x: x.isin(EVENTS)),
    "right": ("call or put", lambda x: x.isin(["call", "put"])),
}

_KINDS = {
    "time": "times with a time zone (the schema keeps UTC)",
    "whole": "whole numbers",
    "number": "numbers",
    "sign": "+1 or -1",
    "flag": "true or false",
    "text": "text",
}


class SchemaError(ValueError):
    """A table breaks its contract; `faults` lists every way in which it does."""

    def __init__(self, faults: pd.DataFrame) -> None:
        self.faults = faults
        lines = [
            f"  {f.table}.{f.column}: {f.fault} ({_where(f)}); expected {f.expected}"
            for f in faults.itertuples()
        ]
        super().__init__(f"{len(faults)} faults in the tables:\n" + "\n".join(lines))


def columns(name: str, levels: int = 1) -> list[Column]:
    """The columns of a table; a book has four a level."""
    if name not in TABLES:
        raise KeyError(f"no table {name!r}; the tables are {', '.join(TABLES)}")
    extra = [c for n in range(2, levels + 1) for c in _level(n, f"_{n}")] if name == "book" else []
    return [*TABLES[name], *extra]


def describe(name: str) -> pd.DataFrame:
    """The contract of one table as a table: column, kind, meaning, rule, required."""
    rows = [(c.name, c.kind, c.meaning, c.rule, c.required) for c in columns(name)]
    return pd.DataFrame(rows, columns=["column", "kind", "meaning", "rule", "required"])


def check(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table in the schema's types, ordered by (time, seq), or one error naming every fault.

    Optional columns that are not there come back missing throughout; columns that the schema does
    not know stay as they are, behind its own.

    Raises
    ------
    SchemaError
        With `.faults`: table, column, fault, expected, rows (how many), examples (row positions).
    """
    wanted = columns(name, _levels(table))
    faults, converted = [], {}
    for column in wanted:
        if column.name not in table.columns:
            if column.required:
                faults.append((column.name, "column is not there", column.meaning, None))
            else:
                converted[column.name] = _absent(column, table.index)
            continue
        values, found = _convert(table[column.name], column)
        converted[column.name] = values
        faults += found
    extra = {c: table[c] for c in table.columns if c not in converted}
    clean = pd.DataFrame(converted | extra, index=table.index)
    if not faults:
        faults += _repeated(clean, name)
    if faults:
        raise SchemaError(_fault_table(name, faults))
    return _in_order(clean)


def _levels(table: pd.DataFrame) -> int:
    found = [re.fullmatch(r"(?:bid|ask)(?:_size)?_(\d+)", str(c)) for c in table.columns]
    return max((int(m[1]) for m in found if m), default=1)


def _absent(column: Column, index: pd.Index) -> pd.Series:
    dtype = {"text": "str", "flag": "boolean"}.get(column.kind, "float64")
    return pd.Series(np.nan if dtype != "boolean" else pd.NA, index=index, dtype=dtype)


def _convert(values: pd.Series, column: Column) -> tuple[pd.Series, list[tuple]]:
    """The values in the column's type, and the faults met: (column, fault, expected, bad rows)."""
    kind = column.kind
    if kind == "time" and not isinstance(values.dtype, pd.DatetimeTZDtype):
        return values, [(column.name, f"type {values.dtype}", _KINDS[kind], None)]
    convert = {"time": _times, "text": _texts, "flag": _flags}.get(kind, _numbers)
    clean, bad = convert(values)
    if kind == "sign":
        bad = bad | (clean.notna() & ~clean.isin([1, -1]))
    if kind == "whole":
        bad = bad | (clean.notna() & (clean % 1 != 0))
    faults = [(column.name, "not of its kind", _KINDS[kind], bad)] if bad.any() else []
    gone = clean.isna() & ~bad
    if gone.any() and not column.missing:
        faults.append((column.name, "missing value", column.meaning, gone))
    if column.rule:
        expected, keeps = _RULES[column.rule]
        broken = clean.notna() & ~keeps(clean)
        if broken.any():
            faults.append((column.name, "breaks its rule", expected, broken))
    if kind in ("whole", "number", "sign") and not faults:
        clean = clean.astype("int64" if kind == "whole" else "float64")
    return clean, faults


def _times(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    try:
        clean = values.dt.tz_convert("UTC").dt.as_unit("ns")
    except (pd.errors.OutOfBoundsDatetime, OverflowError):
        return values, (values.dt.year < 1678) | (values.dt.year > 2261)
    return clean, pd.Series(False, index=values.index)


def _numbers(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    if values.dtype.kind in "iuf" and isinstance(values.dtype, np.dtype):
        return values, pd.Series(False, index=values.index)
    clean = pd.to_numeric(values, errors="coerce").astype("float64")
    return clean, clean.isna() & values.notna()


def _flags(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    known = values.isin([True, False])
    return values.where(known).astype("boolean"), values.notna() & ~known


def _texts(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    clean = values.astype("str")
    return clean, clean.notna() & (clean == "")


def _repeated(clean: pd.DataFrame, name: str) -> list[tuple]:
    key = _UNIQUE.get(name)
    if key is None:
        return []
    again = clean.duplicated(key)
    return [(", ".join(key), "repeated", "one row an event", again)] if again.any() else []


def _in_order(clean: pd.DataFrame) -> pd.DataFrame:
    by = [c for c in ("time", "seq") if c in clean.columns]
    if clean["time"].is_monotonic_increasing and len(by) == 2:
        same = clean["time"].diff() == pd.Timedelta(0)
        ordered = not (same & (clean["seq"].diff() < 0)).any()
    else:
        ordered = clean["time"].is_monotonic_increasing
    if ordered:
        return clean.reset_index(drop=True)
    return clean.sort_values(by, kind="stable", ignore_index=True)


def _fault_table(name: str, faults: list[tuple]) -> pd.DataFrame:
    rows = []
    for column, fault, expected, bad in faults:
        places = None if bad is None else np.flatnonzero(bad.to_numpy())
        count = pd.NA if places is None else len(places)
        examples = [] if places is None else places[:3].tolist()
        rows.append((name, column, fault, expected, count, examples))
    return pd.DataFrame(rows, columns=["table", "column", "fault", "expected", "rows", "examples"])


def _where(fault: object) -> str:
    if fault.rows is pd.NA:
        return "the whole column"
    places = ", ".join(str(row) for row in fault.examples)
    return f"{fault.rows} rows, first at {places}"
