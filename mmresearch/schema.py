"""The tables: what every column means, and the check that a table keeps to it.

Loaders yield these tables, measures read them, and nothing else decides what a column means.
Time is UTC to the nanosecond. Events of one instant are ordered by `seq`; a source that does not
say whether a trade or a quote of the same instant came first numbers its quotes after its trades
(`UNORDERED`), so that a join takes only quotes that were certainly known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmresearch.kinds import CONVERT, EXPECTED, could_be

VERSION = 2  # of the tables and of the folder they are saved in
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
    "own_quotes": [  # an account's; a side that is missing is not quoted
        _TIME,
        _SEQ,
        _ACCOUNT,
        _SYMBOL,
        *_level(1, ""),
    ],
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
    "liquidations": [
        _TIME,
        _SEQ,
        _SYMBOL,
        _PRICE,
        _SIZE,
        Column("side", "sign", "of the forced order: +1 bought back a short, -1 sold a long"),
        _optional("trade_id", "text", "the venue's number"),
    ],
    "series": [
        Column("time", "time", "UTC, nanoseconds: when the value was known"),
        Column("symbol", "text", "what it is of: an instrument, an index, a statistic"),
        Column("name", "text", "which value of it: close, funding_rate, open_interest, ..."),
        Column("value", "number", "in the unit that its source states", "finite", missing=True),
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
        _optional("symbol", "text", "the underlying"),
    ],
}

# One event has one place in the order; an account can have several fills in one event. Each
# account has quotes of its own, also where they stand among the market's.
UNIQUE = {name: ["symbol", "time", "seq"] for name in ("trades", "book", "orders")}
UNIQUE |= {name: ["account", "symbol", "time", "seq"] for name in ("quotes", "own_quotes")}

_RULES = {
    "positive": ("a number above 0", lambda x: (x > 0) & np.isfinite(x)),
    "not negative": ("a number of 0 or more", lambda x: (x >= 0) & np.isfinite(x)),
    "finite": ("a finite number", np.isfinite),
    "event": ("one of " + ", ".join(EVENTS), lambda x: x.isin(EVENTS)),
    "right": ("call or put", lambda x: x.isin(["call", "put"])),
}


class SchemaError(ValueError):
    """A table breaks its contract; `faults` lists every way in which it does."""

    def __init__(self, faults: pd.DataFrame) -> None:
        self.faults = faults
        lines = [
            f"  {f.table}.{f.column}: {f.fault} ({_where(f)}); expected {f.expected}"
            for f in faults.itertuples()
        ]
        many = "fault" if len(faults) == 1 else "faults"
        super().__init__(f"{len(faults)} {many} in the tables:\n" + "\n".join(lines))


def columns(name: str, levels: int = 1) -> list[Column]:
    """The columns of a table; a book has four a level."""
    if name not in TABLES:
        raise KeyError(f"no table {name!r}; the tables are {', '.join(TABLES)}")
    extra = [c for n in range(2, levels + 1) for c in _level(n, f"_{n}")] if name == "book" else []
    return [*TABLES[name], *extra]


def unique(name: str, there: Iterable[str]) -> list[str]:
    """Those of the columns that are there by which a row of the table is one event; often none."""
    there = set(there)
    return [column for column in UNIQUE.get(name, ()) if column in there]


def columns_of(names: Iterable[str], name: str) -> list[Column] | None:
    """The columns of a table that has these names; None where its levels are misnamed."""
    levels = [_level_of(column) for column in names]
    if name == "book" and 0 in levels:
        return None
    return columns(name, max((level or 1 for level in levels), default=1))


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
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} must be a pandas DataFrame, not {type(table).__name__}")
    wanted = columns(name, _levels(table))
    faults, converted = _misnamed(table, name), {}
    table = table.loc[:, ~table.columns.duplicated()]
    for column in wanted:
        if column.name in table.columns:
            converted[column.name], found = _convert(table[column.name], column)
            faults += found
        elif column.required:
            faults.append((column.name, "column is not there", column.meaning, None))
        else:
            converted[column.name] = _absent(column, table.index)
    extra = {c: table[c] for c in table.columns if c not in converted}
    clean = pd.DataFrame(converted | extra, index=table.index)
    faults += _repeated(clean, name, {fault[0] for fault in faults})
    if faults:
        raise SchemaError(fault_table(name, faults))
    return _in_order(clean, name)


def _level_of(column: object) -> int | None:
    found = re.fullmatch(r"(?:bid|ask)(?:_size)?_(\d+)", str(column))
    return int(found[1]) if found else None


def _levels(table: pd.DataFrame) -> int:
    return max((_level_of(c) or 1 for c in table.columns), default=1)


def _misnamed(table: pd.DataFrame, name: str) -> list[tuple]:
    """Faults of the column names: a name given twice, book levels counted from 0."""
    twice = table.columns[table.columns.duplicated()].unique()
    faults = [(str(c), "column is there more than once", "one column a name", None) for c in twice]
    if name == "book":
        zero = [c for c in table.columns if _level_of(c) == 0]
        faults += [(c, "level 0", "levels numbered from 1", None) for c in zero]
    return faults


def _absent(column: Column, index: pd.Index) -> pd.Series:
    dtype = {"text": "str", "flag": "boolean"}.get(column.kind, "float64")
    return pd.Series(np.nan if dtype != "boolean" else pd.NA, index=index, dtype=dtype)


def _convert(values: pd.Series, column: Column) -> tuple[pd.Series, list[tuple]]:
    """The values in the column's type, and the faults met: (column, fault, expected, bad rows)."""
    kind = column.kind
    values = values.infer_objects()
    if not could_be(values.dtype, kind):
        return values, [(column.name, f"type {values.dtype}", EXPECTED[kind], None)]
    clean, bad = CONVERT[kind](values)
    faults = [(column.name, "not of its kind", EXPECTED[kind], bad)] if bad.any() else []
    gone = clean.isna() & ~bad
    if gone.any() and not column.missing:
        faults.append((column.name, "missing value", column.meaning, gone))
    if column.rule:
        expected, keeps = _RULES[column.rule]
        broken = clean.notna() & ~bad & ~keeps(clean)
        if broken.any():
            faults.append((column.name, "breaks its rule", expected, broken))
    if kind in ("whole", "number", "sign") and not faults:
        clean = clean.astype("int64" if kind == "whole" else "float64")
    return clean, faults


def _repeated(clean: pd.DataFrame, name: str, faulty: set[str]) -> list[tuple]:
    key = unique(name, clean.columns)
    if not key or faulty.intersection(UNIQUE[name]) or _rises(clean, strictly=True):
        return []
    again = clean.duplicated(key)
    return [(", ".join(key), "repeated", "one row an event", again)] if again.any() else []


def _in_order(clean: pd.DataFrame, name: str) -> pd.DataFrame:
    by = [c.name for c in TABLES[name] if c.name in ("time", "seq")]
    if _rises(clean[by], strictly=False):
        return clean.reset_index(drop=True)
    return clean.sort_values(by, kind="stable", ignore_index=True)


def _rises(clean: pd.DataFrame, *, strictly: bool) -> bool:
    """Whether (time, seq) never falls, or always rises, from row to row."""
    time = clean["time"].to_numpy("datetime64[ns]")
    ahead, same = time[1:] > time[:-1], time[1:] == time[:-1]  # a difference may not fit its type
    seq = clean["seq"].to_numpy() if "seq" in clean.columns else np.zeros(len(time))
    later = seq[1:] > seq[:-1] if strictly else seq[1:] >= seq[:-1]
    return bool((ahead | (same & later)).all())


def fault_table(name: str, faults: list[tuple]) -> pd.DataFrame:
    """Faults of one table, (column, fault, expected, which rows are bad), as an error has them."""
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
    return f"{fault.rows} row{'s' * (fault.rows > 1)}, first at {places}"
