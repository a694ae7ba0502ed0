"""Saved parts of one study that share no row: what their order says, without reading them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from mmresearch import schema
from mmresearch.folder import is_saved
from mmresearch.market import Market

Extent = tuple[int, int]  # first and last time, in nanoseconds


def numbers_ahead(parts: Sequence[Market], *, renumber: bool) -> list[int] | None:
    """What is added to the `seq` of each part, so that rows of one time keep the parts' order.

    None where that cannot be told unread: parts that are not saved, or hold the same table in
    other types, or rows of one symbol at one time.
    """
    if not all(is_saved(part) for part in parts) or not _are_alike(parts):
        return None
    extents = [part._stored.extent() for part in parts]
    if any(_may_share(parts, extents, number) for number in range(len(parts))):
        return None
    later = [_begins_before(extents, number) and renumber for number in range(len(parts))]
    if not any(later):
        return [0] * len(parts)
    found, top = [], 0
    for part, counts_on in zip(parts, later, strict=True):
        found.append(top if counts_on else 0)
        top = max(top, found[-1] + _last_number(part))
    return found


def _are_alike(parts: Sequence[Market]) -> bool:
    """Whether every table has the same columns in the same types in all parts."""
    found: dict[str, pl.Schema] = {}
    for part in parts:
        for name in part:
            columns = next(part.scans(name)).collect_schema()
            if list(found.setdefault(name, columns).items()) != list(columns.items()):
                return False
    return True


def _begins_before(extents: Sequence[Extent | None], number: int) -> bool:
    """Whether a part begins before those ahead of it end."""
    ends = [extent[1] for extent in extents[:number] if extent]
    return extents[number] is not None and bool(ends) and extents[number][0] <= max(ends)


def _may_share(parts: Sequence[Market], extents: Sequence[Extent | None], number: int) -> bool:
    """Whether a part may hold a row that one ahead of it holds too."""
    here = extents[number]
    met = [
        part
        for part, there in zip(parts[:number], extents[:number], strict=True)
        if here and there and here[0] <= there[1] and there[0] <= here[1]
    ]
    return any(_share(part, parts[number]) for part in met)


def _share(one: Market, other: Market) -> bool:
    """Whether two parts hold the same table, of one symbol or of rows that need not name one."""
    tables = [name for name in one if name in other]
    if not all(_names_symbols(name) for name in tables):
        return True
    return bool(tables) and bool(set(one.symbols["symbol"]) & set(other.symbols["symbol"]))


def _names_symbols(table: str) -> bool:
    return any(column.name == "symbol" and column.required for column in schema.columns(table))


def _last_number(part: Market) -> int:
    """The number to count on from, without what sets quotes behind trades."""
    number = (pl.col("seq") % schema.UNORDERED).max()
    scans = [rows for name in part for rows in part.scans(name) if "seq" in rows.collect_schema()]
    tops = [rows.select(number).collect().item() for rows in scans]
    return max((top for top in tops if top is not None), default=-1) + 1
