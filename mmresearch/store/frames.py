"""pandas <-> polars, so that what is missing and what is whole stays so."""

from __future__ import annotations

import pandas as pd
import polars as pl


def to_polars(table: pd.DataFrame | pl.DataFrame) -> pl.DataFrame:
    """The table as a polars frame, where missing is null whatever it was before."""
    if isinstance(table, pl.DataFrame):
        floats = pl.selectors.float()
        return table.with_columns(floats.fill_nan(None)) if _has_nan(table) else table
    return pl.from_pandas(table, nan_to_null=True)


def to_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """The frame as pandas: whole numbers and flags with gaps keep their type."""
    table = frame.to_pandas()
    for name, dtype in frame.schema.items():
        if frame[name].null_count() and (dtype.is_integer() or dtype == pl.Boolean):
            nullable = "boolean" if dtype == pl.Boolean else str(dtype)
            arrow = frame[name].to_pandas(use_pyarrow_extension_array=True)
            table[name] = arrow.astype(nullable)
    return table


def _has_nan(frame: pl.DataFrame) -> bool:
    found = frame.select(pl.selectors.float().is_nan().any())
    return any(found.row(0)) if found.width else False
