"""Arrow's columns as cells that `table` reads: no digit lost, one value a cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from mmresearch.receipt import Fault

_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}
_MANY = (list, tuple, dict, set, bytes, np.ndarray)


def frame(label: str, held: pa.Table) -> pd.DataFrame | list[Fault]:
    """The table as a frame; or a fault for each column that holds more than a value a cell."""
    plain = [_plain(column) for column in held.columns]
    faults = [
        _refusal(label, name, str(column.type))
        for name, column in zip(held.column_names, plain, strict=True)
        if _many(column.type)
    ]
    if faults:
        return faults
    columns = dict(enumerate(map(series, plain)))
    return pd.DataFrame(columns).set_axis(map(str, held.column_names), axis=1)


def refused(label: str, frame: pd.DataFrame) -> list[Fault]:
    """A fault for each column of Python objects that holds more than a value a cell."""
    faults = []
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if pd.api.types.is_object_dtype(column.dtype):
            kinds = {type(cell) for cell in column} & set(_MANY)
            faults += [_refusal(label, name, kind.__name__) for kind in kinds]
    return faults


def _refusal(label: str, name: str, kind: str) -> Fault:
    return Fault(label, None, f"column `{name}`: {kind} cells", "one value a cell: leave it out")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values rather than what stands for them; decimals and dates as texts, which lose nothing."""
    if isinstance(column.type, pa.UuidType) or pa.types.is_interval(column.type):
        return pa.chunked_array([_texts(column)])
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.cast(column.type.storage_type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.string())
    return column


def _texts(column: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if cell is None else str(cell) for cell in column.to_pylist()])


def _many(kind: pa.DataType) -> bool:
    tests = (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary)
    others = (pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in (*tests, *others))


def series(column: pa.ChunkedArray) -> pd.Series:
    """Whole numbers stay whole where some are missing."""
    if column.null_count and column.type in _NULLABLE:
        return column.to_pandas(types_mapper=_NULLABLE.get)
    return column.to_pandas()
