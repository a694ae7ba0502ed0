"""pandas <-> polars <-> files, so that what is missing and what is whole stays so."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

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


def write_parquet(frame: pl.DataFrame, path: Path, **how: Any) -> None:
    """Write the frame; what the disk refuses is an OSError, which polars calls a broken file."""
    try:
        frame.write_parquet(path, **how)
    except pl.exceptions.PolarsError as error:
        _, broken, reason = str(error).partition("File out of specification: ")
        if not broken:
            raise
        said = reason.partition("IO error: ")[2] or "the disk took but a part of it"
        raise OSError(f"{path} cannot be written: {said}") from None


def _has_nan(frame: pl.DataFrame) -> bool:
    """Whether a number may be none: their sum is none then, and cheaper to ask than each."""
    return any(math.isnan(column.sum()) for column in frame if column.dtype.is_float())
