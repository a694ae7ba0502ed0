"""The kinds of values that columns hold, and how other types become them."""

from __future__ import annotations

import numpy as np
import pandas as pd

EXPECTED = {
    "time": "times with a time zone, of the years 1678 to 2261 (the schema keeps UTC)",
    "whole": "whole numbers",
    "number": "numbers",
    "sign": "+1 or -1",
    "flag": "true or false",
    "text": "text",
}


def could_be(dtype: object, kind: str) -> bool:
    """Whether a column of this type can hold the kind: times are not prices, nor flags signs."""
    types = pd.api.types
    if kind == "time":
        return isinstance(dtype, pd.DatetimeTZDtype)
    if kind in ("whole", "number", "sign"):
        others = (types.is_bool_dtype, types.is_datetime64_any_dtype, types.is_timedelta64_dtype)
        return not any(is_other(dtype) for is_other in (*others, types.is_complex_dtype))
    return True


def _times(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    try:
        clean = values.dt.tz_convert("UTC").dt.as_unit("ns")
    except (pd.errors.OutOfBoundsDatetime, OverflowError):
        return values, (values.dt.year < 1678) | (values.dt.year > 2261)
    return clean, pd.Series(False, index=values.index)


def _numbers(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    clean = pd.to_numeric(values, errors="coerce")
    if not isinstance(clean.dtype, np.dtype):  # nullable: whole numbers keep every digit
        whole = clean.dtype.kind in "iu" and not clean.isna().any()
        clean = clean.astype(clean.dtype.numpy_dtype if whole else "float64")
    return clean, clean.isna() & values.notna()


def _wholes(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    clean, bad = _numbers(values)
    if clean.dtype == "int64":
        return clean, bad
    return clean, bad | (clean.notna() & ((clean % 1 != 0) | (clean >= 2.0**63)))


def _signs(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    clean, bad = _numbers(values)
    return clean, bad | (clean.notna() & ~clean.isin([1, -1]))


def _flags(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    known = values.isin([True, False])
    return values.astype("object").where(known).astype("boolean"), values.notna() & ~known


def _whole_numbers(values: pd.Series) -> bool:
    return bool(((values % 1 == 0) & (values.abs() < 2.0**63)).all())


def _texts(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    if values.dtype.kind == "f" and _whole_numbers(values.dropna()):
        values = values.astype("Int64")  # numbers that a gap made floats: 17, not 17.0
    clean = values.astype("str")
    return clean, clean.notna() & (clean == "")


CONVERT = {
    "time": _times,
    "whole": _wholes,
    "number": _numbers,
    "sign": _signs,
    "flag": _flags,
    "text": _texts,
}
