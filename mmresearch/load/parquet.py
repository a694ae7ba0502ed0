"""A Parquet file's table, if it is whole and would not burst memory."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mmresearch.load import unpack
from mmresearch.receipt import Fault

_CELL = 8  # bytes of a number; a column of one value packs to nothing in the file


def read(path: Path, data: bytes) -> pa.Table | Fault:
    """The table in a file's bytes, or why there is none."""
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        large = too_large(path, file)
        return large if large is not None else checked(file.read())
    except (pa.ArrowException, OSError, ValueError) as error:
        said = str(error).splitlines()[0]
        return Fault(path.name, None, f"a damaged file ({said})", "a whole Parquet file")


def too_large(path: Path, file: pq.ParquetFile) -> Fault | None:
    """What is wrong with a file whose table would not fit, though the file may be small."""
    size, most = _unpacked_size(file), unpack.most_bytes()
    if size <= most:
        return None
    found = f"a table of {file.metadata.num_rows:,} rows, {size / 1e9:,.3g} GB"
    return Fault(path.name, None, found, f"at most {most / 1e9:g} GB ({unpack.MOST_GB})")


def checked(table: pa.Table) -> pa.Table:
    """The table without its writer's notes; damaged text is an error here and a crash later."""
    table.validate(full=True)
    return table.replace_schema_metadata()


def _unpacked_size(file: pq.ParquetFile) -> int:
    """Bytes that the table takes at least: as numbers, or as the pages say of longer values."""
    about = file.metadata
    pages = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    return max(pages, about.num_rows * about.num_columns * _CELL)
