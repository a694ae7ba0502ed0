"""The schema's check of polars frames that keep to it, without a copy of what is right already.

It never words a fault: where anything is in doubt it gives None, and `schema.check` tells what.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator

import numpy as np
import pandas as pd
import polars as pl

from mmresearch import schema, store

_TYPES = {
    "time": pl.Datetime("ns", "UTC"),
    "whole": pl.Int64(),
    "number": pl.Float64(),
    "sign": pl.Float64(),
    "flag": pl.Boolean(),
    "text": pl.String(),
}
_RULES = {
    "positive": lambda x: (x > 0) & x.is_finite(),
    "not negative": lambda x: (x >= 0) & x.is_finite(),
    "finite": lambda x: x.is_finite(),
    "event": lambda x: x.is_in(schema.EVENTS),
    "right": lambda x: x.is_in(["call", "put"]),
}

_LEAST = {
    "positive": lambda least: least > 0,
    "not negative": lambda least: least >= 0,
    "finite": lambda least: least > -np.inf,
}


def check_all(
    tables: dict[str, pd.DataFrame | pl.DataFrame],
) -> dict[str, pd.DataFrame | pl.DataFrame]:
    """Every table checked, polars frames as such where nothing is in doubt; one error for all.

    Quotes that name an account are a table of their own, `own_quotes`.
    """
    unknown = [name for name in tables if name not in schema.TABLES]
    if unknown:
        raise TypeError(f"no tables {unknown}; the tables are {', '.join(schema.TABLES)}")
    clean, faults = {}, []
    for name, table in tables.items():
        try:
            found = {name: check(table, name)}
            clean |= _own_apart(found["quotes"], tables) if name == "quotes" else found
        except schema.SchemaError as error:
            faults.append(error.faults)
    if faults:
        raise schema.SchemaError(pd.concat(faults, ignore_index=True))
    return clean


def _own_apart(
    quotes: pd.DataFrame | pl.DataFrame, given: Container[str]
) -> dict[str, pd.DataFrame | pl.DataFrame]:
    """Checked quotes as the market's and, where rows name an account, that account's own."""
    if "account" not in quotes.columns:
        return {"quotes": quotes}
    table = quotes if isinstance(quotes, pd.DataFrame) else to_pandas(quotes, "quotes")
    names = table["account"].astype("str").str.strip()
    named = names.notna() & (names != "")
    if not named.any():
        return {"quotes": quotes}
    if "own_quotes" in given:
        fault = ("account", "names accounts, and own_quotes is given too", "one of the two", named)
        raise schema.SchemaError(schema.fault_table("quotes", [fault]))
    try:
        own = {"own_quotes": schema.check(table[named], "own_quotes")}
    except schema.SchemaError as error:  # in the words of the table that was given
        raise schema.SchemaError(error.faults.assign(table="quotes")) from None
    rest = table.loc[~named].drop(columns="account").reset_index(drop=True)
    return own | ({"quotes": rest} if len(rest) else {})


def check(table: pd.DataFrame | pl.DataFrame, name: str) -> pd.DataFrame | pl.DataFrame:
    """The table checked, a polars frame as such where nothing is in doubt."""
    if not isinstance(table, pl.DataFrame):
        return schema.check(table, name)
    right = checked(table, name)
    return schema.check(store.to_pandas(table), name) if right is None else right


def to_pandas(frame: pl.DataFrame, name: str) -> pd.DataFrame:
    """The table as `schema.check` gives it, by the shorter way where it keeps to the schema."""
    right = checked(frame, name)
    if right is None:
        return schema.check(store.to_pandas(frame), name)
    table = store.to_pandas(right)
    flags = [c for c in right.columns if right.schema[c] == pl.Boolean and c in _flags(name)]
    return table.astype(dict.fromkeys(flags, "boolean"))


def as_it_is(table: pd.DataFrame) -> pl.DataFrame:
    """A checked table as a frame, its numbers without a copy: what is missing is not a number."""
    columns = {
        name: pl.Series(values.to_numpy()) if values.dtype == "float64" else pl.from_pandas(values)
        for name, values in table.items()
    }
    return pl.DataFrame(columns)


def blocks(frames: Iterable[pl.DataFrame], name: str) -> Iterator[pl.DataFrame | None]:
    """A table, some of its columns and rows at a time; None for what may break a rule or the order.

    The blocks are of one symbol. A number that is missing is null or not a number.
    """
    last = None
    for frame in frames:
        right = frame if _is_plain(frame, name) else checked(frame, name, some=True)
        if right is not None and right.height:
            first, last = last, right.select("time", "seq").row(-1)
            if first is not None and first > right.select("time", "seq").row(0):
                right = None
        yield right


def _is_plain(frame: pl.DataFrame, name: str) -> bool:
    """Whether a block is right as it stands, by its extremes: sooner in doubt than `checked`."""
    wanted = [c for c in schema.TABLES[name] if c.name in frame.columns]
    if len(wanted) < frame.width or any(frame.schema[c.name] != _TYPES[c.kind] for c in wanted):
        return False
    if not frame.height:
        return True
    return all(_is_within(frame[c.name], c) for c in wanted) and _rises(frame)


def _is_within(values: pl.Series, column: schema.Column) -> bool:
    if not column.missing and values.null_count():
        return False
    if column.kind == "time":
        return True
    if column.kind == "text":
        is_told = column.rule == "" or _RULES[column.rule](values).all()
        return is_told and values.str.len_bytes().min() != 0
    if not column.missing and values.dtype.is_float() and values.is_nan().any():
        return False
    least, most = values.min(), values.max()
    if least is None:  # none but missing ones
        return True
    if column.kind == "sign":
        return least >= -1 and most <= 1 and not values.is_between(-1, 1, closed="none").any()
    return column.rule in _LEAST and _LEAST[column.rule](least) and most < np.inf


def _rises(frame: pl.DataFrame) -> bool:
    """Whether no row has the (time, seq) of the one before, or less."""
    time, seq = frame["time"].to_physical().to_numpy(), frame["seq"].to_numpy()
    tied = np.flatnonzero(time[1:] <= time[:-1])
    same = time[tied + 1] == time[tied]
    return bool((same & (seq[tied + 1] > seq[tied])).all())


def _flags(name: str) -> list[str]:
    return [column.name for column in schema.TABLES[name] if column.kind == "flag"]


def checked(frame: pl.DataFrame, name: str, *, some: bool = False) -> pl.DataFrame | None:
    """The table in the schema's types, ordered by (time, seq); None where it may break a rule.

    As `schema.check` gives it: columns that are not there come back missing throughout, those that
    the schema does not know stay behind its own, not-a-number is missing. With `some`, a column
    that is not there was not asked for.
    """
    wanted = schema.columns_of(frame.columns, name)
    if some and wanted is not None:
        wanted = [column for column in wanted if column.name in frame.columns]
    if wanted is None or any(not _fits(frame, column) for column in wanted):
        return None
    extra = [c for c in frame.columns if c not in {column.name for column in wanted}]
    table = frame.select(*(_cell(frame, column) for column in wanted), *extra)
    there = [column for column in wanted if column.name in frame.columns]
    if not _has_nan(table) and all(_is_within(table[column.name], column) for column in there):
        return _in_order(table, name)
    # what is no number is missing, in columns of the schema and beside
    table = table.with_columns(pl.selectors.float().fill_nan(None))
    broken = [_broken(column) for column in there]
    if table.height and table.select(pl.any_horizontal(e.any() for e in broken)).item():
        return None
    return _in_order(table, name)


def _has_nan(table: pl.DataFrame) -> bool:
    """Whether a number may be none: their sum is none then, and cheaper to ask than each."""
    return any(math.isnan(s.sum()) for s in table if s.dtype.is_float())


def _fits(frame: pl.DataFrame, column: schema.Column) -> bool:
    """Whether a column is there, where it must be, in a type that holds its kind exactly."""
    if column.name not in frame.columns:
        return not column.required
    dtype = frame.schema[column.name]
    if column.kind == "time":
        return dtype == _TYPES["time"]
    if column.kind in ("number", "sign"):
        return dtype == pl.Float64 or dtype.is_integer()
    return dtype == _TYPES[column.kind]


def _cell(frame: pl.DataFrame, column: schema.Column) -> pl.Expr:
    kind = _TYPES[column.kind]
    if column.name not in frame.columns:
        return pl.lit(None, kind).alias(column.name)
    values = pl.col(column.name)
    return values if frame.schema[column.name] == kind else values.cast(kind)


def _broken(column: schema.Column) -> pl.Expr:
    """Where the column misses a value that must be there, or holds one against its rule."""
    values = pl.col(column.name)
    wrong = pl.lit(False) if column.missing else values.is_null()
    if column.kind == "sign":
        wrong = wrong | (values.abs() != 1).fill_null(False)
    if column.kind == "text":
        wrong = wrong | (values == "").fill_null(False)
    if column.rule:
        number = values.cast(pl.Float64) if column.kind == "whole" else values
        wrong = wrong | ~_RULES[column.rule](number).fill_null(True)
    return wrong


def _in_order(table: pl.DataFrame, name: str) -> pl.DataFrame | None:
    """The rows in order; None where one event stands twice."""
    by = [c.name for c in schema.TABLES[name] if c.name in ("time", "seq")]
    keys = [pl.col("time").to_physical(), *(pl.col(c) for c in by[1:])]
    later, same = keys[0] > keys[0].shift(), keys[0] == keys[0].shift()
    tied = same & (keys[1] >= keys[1].shift()) if len(keys) > 1 else same
    strict = same & (keys[1] > keys[1].shift()) if len(keys) > 1 else pl.lit(False)
    rises, strictly = table.select((later | tied).all(), s=(later | strict).all()).row(0)
    if not strictly and _repeats(table, name):
        return None
    return table if rises else table.sort(by, maintain_order=True)


def _repeats(table: pl.DataFrame, name: str) -> bool:
    key = schema.unique(name, table.columns)
    return bool(key) and table.select(pl.struct(key).is_duplicated().any()).item()
