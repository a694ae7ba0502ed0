"""One hash of many tables, in the memory of one part of one table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pandas as pd


def digest(tables: Iterable[tuple[str, Iterable[pd.DataFrame]]]) -> str:
    """The hash of each table's name, columns, number of rows and sum of its rows' own hashes."""
    whole = hashlib.sha256()
    for name, parts in tables:
        total = rows = 0
        for table in parts:
            hashed = pd.util.hash_pandas_object(table, index=False).to_numpy()
            total, rows = total + int(hashed.sum(dtype="uint64")), rows + len(table)
        columns = ",".join(map(str, table.columns))
        whole.update(f"{name} {columns} {rows} {total % 2**64}\n".encode())
    return whole.hexdigest()
