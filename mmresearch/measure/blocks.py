"""Rows on their way into compiled loops: blocks of columns as arrays, in order of (time, seq)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.market import Market

Block = dict[str, np.ndarray]  # time in nanoseconds since 1970, UTC; a missing number is NaN


def of_symbol(market: Market, name: str, columns: Sequence[str], symbol: str) -> Iterator[Block]:
    """Those columns of one symbol's table, some rows at a time where they are saved.

    A number that the table does not have is missing throughout.
    """
    for frame in market.blocks(name, columns, symbol=symbol):
        lacking = [c for c in columns if c not in frame.columns]
        whole = frame.with_columns(pl.lit(np.nan).alias(c) for c in lacking) if lacking else frame
        yield from of_frame(whole.select(columns))


def of_frame(frame: pl.DataFrame) -> Iterator[Block]:
    """A frame's columns, chunk by chunk: without a copy where nothing is missing."""
    chunks = {name: frame[name].to_physical().get_chunks() for name in frame.columns}
    if len({tuple(map(len, some)) for some in chunks.values()}) > 1:
        chunks = {name: [frame[name].to_physical()] for name in frame.columns}
    for some in zip(*chunks.values(), strict=True):
        yield {n: constant(_array(v)) for n, v in zip(chunks, some, strict=True)}


def _array(values: pl.Series) -> np.ndarray:
    if values.dtype.is_float() and values.null_count():  # by polars four times slower
        return values.to_arrow().to_numpy(zero_copy_only=False)
    return values.to_numpy()


def by_symbol(table: pd.DataFrame, columns: Block) -> Callable[[str], Iterator[Block]]:
    """For a symbol its rows of these columns of a table in memory, in one block or none."""
    rows = rows_by_symbol(table)

    def of(symbol: str) -> Iterator[Block]:
        if symbol in rows:
            yield {name: constant(values[rows[symbol]]) for name, values in columns.items()}

    return of


def rows_by_symbol(table: pd.DataFrame) -> dict[str, np.ndarray | slice]:
    """The rows of each symbol, for `iloc`; of one symbol all at once, without a copy."""
    one = table["symbol"].iloc[:1]
    if len(one) and (table["symbol"] == one.iloc[0]).all():
        return {one.iloc[0]: slice(None)}
    return table.groupby("symbol", sort=False, observed=True).indices


def of_table(table: pd.DataFrame, columns: Sequence[str]) -> Block:
    """Those columns of a table in memory."""
    kinds = {"time": "datetime64[ns]", "seq": "int64"}
    arrays = {name: table[name].to_numpy(kinds.get(name, "float64")) for name in columns}
    return {n: constant(v.view("int64") if n == "time" else v) for n, v in arrays.items()}


def constant(values: np.ndarray) -> np.ndarray:
    """The values as arrays of one kind, not to be written: a loop is compiled for a kind."""
    values = np.ascontiguousarray(values).view()
    values.flags.writeable = False
    return values


def after_all(columns: Sequence[str]) -> Block:
    """An event that ends every bar: of the columns behind time and seq no value."""
    never, none = np.array([np.iinfo(np.int64).max]), np.array([np.nan])
    return {name: constant(never if name in ("time", "seq") else none) for name in columns}
