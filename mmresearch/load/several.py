"""Many files of one source: each read by itself, then one study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from mmresearch import schema
from mmresearch.load import paths
from mmresearch.market import SYMBOL_COLUMNS, Market
from mmresearch.receipt import Fault, Receipt, SourceError

_AGAIN = "already in another file"
# A row of these that stands in two files is one event: their id says so, or they are states.
_IDS = {"trades": "trade_id", "fills": "trade_id", "transfers": "tx", "positions": "position"}


def each(
    source: str,
    files: Iterable,
    endings: tuple[str, ...],
    one: Callable[[Path], Market],
    *,
    name: str | None = None,
) -> Market:
    """The market of all files, each read by `one`; a single error names the faults of every file.

    `files` are paths, lists of them, folders or patterns; `endings` says which files of a folder
    are meant.
    """
    parts, faults = [], []
    for path in paths.expand(source, files, endings):
        try:
            parts.append(one(path))
        except SourceError as error:
            faults += error.faults
    if faults:
        raise SourceError(source, faults)
    return joined(source, parts, name=name)


def joined(source: str, parts: Sequence[Market], *, name: str | None = None) -> Market:
    """One market of the parts, in their order.

    Where a part begins before the ones ahead of it end, its `seq` is counted on from theirs, and
    its rows that stand there too are set aside ("already in another file"). Symbols must agree.
    """
    _refuse_twins(source, parts)
    tables: dict[str, list[pd.DataFrame]] = {}
    aside, last, top = [], None, 0
    for part in parts:
        first, end = _span(part)
        overlaps = last is not None and first is not None and first <= last
        for kind in part:
            rows = part[kind]
            if overlaps:
                rows, again = _apart(rows, tables.get(kind, []), kind)
                aside += [_noted(part, again, kind)] if len(again) else []
                rows = rows.assign(seq=rows["seq"] + top) if "seq" in rows else rows
            tables.setdefault(kind, []).append(rows)
            top = max(top, _last_seq(rows))
        last = end if last is None else max(last, end or last)
    receipts = [part.receipt for part in parts]
    return Market(
        symbols=_symbols(source, parts),
        receipt=_receipt(source, receipts, aside),
        name=name or (parts[0].name if len(parts) == 1 else source),
        **{kind: pd.concat(rows, ignore_index=True) for kind, rows in tables.items()},
    )


def _span(part: Market) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    times = [part[kind]["time"] for kind in part if len(part[kind])]
    if not times:
        return None, None
    return min(t.min() for t in times), max(t.max() for t in times)


def _last_seq(rows: pd.DataFrame) -> int:
    """The number to count on from, without what sets quotes behind trades."""
    if "seq" not in rows or rows.empty:
        return 0
    return int((rows["seq"] % schema.UNORDERED).max()) + 1


def _apart(
    rows: pd.DataFrame, before: list[pd.DataFrame], kind: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that are new, and those that stand in a part before."""
    key = _IDS.get(kind)
    if key is None or not before:
        return rows, rows.iloc[:0]
    earlier = pd.concat(before, ignore_index=True)
    content = [c for c in rows.columns if c != "seq" and c in earlier.columns]
    here, there = (pd.util.hash_pandas_object(t[content], index=False) for t in (rows, earlier))
    again = (here.isin(there) & rows[key].notna()).to_numpy()
    return rows[~again], rows[again]


def _noted(part: Market, again: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows set aside, for the receipt; their lines are no longer known."""
    file = part.receipt.files["file"].iloc[0] if part.receipt is not None else part.name
    text = again.drop(columns="seq", errors="ignore").astype("str").agg(",".join, axis=1)
    rows = {"file": file, "line": pd.NA, "reason": f"{kind}: {_AGAIN}", "text": text}
    return pd.DataFrame(rows).astype({"line": "Int64"})


def _refuse_twins(source: str, parts: Sequence[Market]) -> None:
    seen: dict[str, str] = {}
    faults = []
    for part in parts:
        files = part.receipt.files if part.receipt is not None else pd.DataFrame()
        for row in files.itertuples():
            if row.sha256 in seen:
                found = f"the same content as {seen[row.sha256]}"
                faults.append(Fault(row.file, None, found, "each file once"))
            seen.setdefault(row.sha256, row.file)
    if faults:
        raise SourceError(source, faults)


def _symbols(source: str, parts: Sequence[Market]) -> pd.DataFrame:
    """One row a symbol; what one part does not know another may."""
    every = pd.concat([part.symbols for part in parts], ignore_index=True)
    said = every.groupby("symbol", sort=False)[SYMBOL_COLUMNS[1:]].nunique()
    torn = said.index[(said > 1).any(axis=1)]
    if len(torn):
        names = ", ".join(map(str, torn[:5]))
        found = f"symbols that the files describe differently: {names}"
        raise SourceError(source, [Fault("the files", None, found, "one description a symbol")])
    return every.groupby("symbol", sort=False).first().reset_index()


def _receipt(source: str, receipts: Sequence[Receipt | None], aside: list[pd.DataFrame]) -> Receipt:
    known = [receipt for receipt in receipts if receipt is not None]
    notes = dict.fromkeys(note for receipt in known for note in receipt.notes)
    files = [r.files for r in known if len(r.files)]
    gone = [t for t in (*(r.set_aside for r in known), *aside) if len(t)]
    empty = Receipt(source)
    return Receipt(
        source,
        pd.concat(files, ignore_index=True) if files else empty.files,
        pd.concat(gone, ignore_index=True) if gone else empty.set_aside,
        tuple(notes),
    )
