"""Many files of one source: each read by itself, then one study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from mmresearch import folder, schema
from mmresearch.load import agreement, apart, paths
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError
from mmresearch.symbols import SYMBOL_COLUMNS

_AGAIN = "already in another file"
# A row of these that stands in two files is one event: their id says so, or they are states.
_IDS = {"trades": "trade_id", "fills": "trade_id", "transfers": "tx"}
_IDS |= {"positions": "position", "series": "name"}


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
    return joined(source, gathered(source, paths.expand(source, files, endings), one), name=name)


def gathered(source: str, items: Iterable[Any], one: Callable[[Any], Any]) -> list:
    """What `one` gives of each; a single error names the faults of all."""
    found, faults = [], []
    for item in items:
        try:
            found.append(one(item))
        except SourceError as error:
            faults += error.faults
    if faults:
        raise SourceError(source, faults)
    return found


def refuse_shared(source: str, parts: Sequence[Market], hint: str) -> None:
    """Refuse parts that hold the same table of the same symbol at the same time."""
    spans: dict[tuple[str, str], list[tuple]] = {}
    faults = []
    for part in parts:
        file = part.receipt.files["file"].iloc[0]
        for kind in part:
            for symbol, first, last in extents(part, kind):
                for start, end, other in spans.setdefault((kind, symbol), []):
                    if first <= end and start <= last:
                        found = f"{kind} of {symbol} of a time that {other} holds too"
                        faults.append(Fault(file, None, found, hint))
                spans[kind, symbol].append((first, last, file))
    if faults:
        raise SourceError(source, faults)


def extents(part: Market, kind: str) -> Iterator[tuple[str, pd.Timestamp, pd.Timestamp]]:
    """The first and last time of each symbol, read file by file."""
    time = pl.col("time")
    ends = (time.min().alias("first"), time.max().alias("last"))
    found = [rows.group_by("symbol").agg(*ends).collect() for rows in part.scans(kind)]
    whole = pl.concat(found).group_by("symbol").agg(pl.col("first").min(), pl.col("last").max())
    return whole.sort("symbol").to_pandas().itertuples(index=False, name=None)


def joined(
    source: str, parts: Sequence[Market], *, name: str | None = None, renumber: bool = True
) -> Market:
    """One market of the parts, in their order.

    Where a part begins before the ones ahead of it end, its rows that stand there too are set
    aside ("already in another file"), and its `seq` is counted on from theirs, unless `renumber`
    is False as the venue's own numbers order the rows of all parts. Symbols must agree.

    Saved parts that share no row are not read: the market is theirs, where they lie.
    """
    if len(parts) == 1 and name in (None, parts[0].name):
        return parts[0]
    _refuse_twins(source, parts)
    about = {"symbols": _symbols(source, parts), "name": name or source}
    receipts = [part.receipt for part in parts]
    ahead = apart.numbers_ahead(parts, renumber=renumber)
    if ahead is not None:
        return folder.linked(parts, ahead, receipt=_receipt(source, receipts, []), **about)
    tables: dict[str, list[pd.DataFrame]] = {}
    aside, last, top = [], None, 0
    for part in parts:
        first, end = _span(part)
        overlaps = last is not None and first is not None and first <= last
        seen = tables if overlaps else {}
        rows = {kind: _apart(part[kind], seen.get(kind, []), kind) for kind in part}
        aside += [_noted(part, again) for _, again in rows.values() if len(again)][:1]
        ahead = top if overlaps and renumber else 0
        for kind, (new, _) in rows.items():
            tables.setdefault(kind, []).append(_counted_on(new, ahead))
        top = max([top, *(_last_seq(kept[-1]) for kept in tables.values())])
        last = end if last is None else max(last, end or last)
    return _market(source, about | {"receipt": _receipt(source, receipts, aside)}, tables)


def _market(source: str, about: dict, tables: dict[str, list[pd.DataFrame]]) -> Market:
    whole = {k: pd.concat(agreement.agreed(t), ignore_index=True) for k, t in tables.items()}
    try:
        return Market(**about, **whole)
    except schema.SchemaError as error:  # every part keeps to it: what is wrong is between them
        faults = [
            Fault("the files together", None, f"{f.table}: {f.fault} {f.column}", f.expected)
            for f in error.faults.itertuples()
        ]
        raise SourceError(source, faults) from None


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


def _counted_on(rows: pd.DataFrame, top: int) -> pd.DataFrame:
    return rows.assign(seq=rows["seq"] + top) if "seq" in rows else rows


def _apart(
    rows: pd.DataFrame, before: list[pd.DataFrame], kind: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that are new, and those that stand in a part before."""
    key = _IDS.get(kind)
    before = [t for t in before if t["time"].max() >= rows["time"].min()]
    if key is None or not before:
        return rows, rows.iloc[:0]
    earlier = pd.concat(before, ignore_index=True)
    content = [c for c in rows.columns if c != "seq" and c in earlier.columns]
    here, there = (pd.util.hash_pandas_object(t[content], index=False) for t in (rows, earlier))
    again = (here.isin(there) & rows[key].notna()).to_numpy()
    return rows[~again], rows[again]


def _noted(part: Market, again: pd.DataFrame) -> pd.DataFrame:
    """The rows set aside, for the receipt; their lines are no longer known.

    One table's are noted: those of the others come from the same rows of the source.
    """
    file = part.receipt.files["file"].iloc[0] if part.receipt is not None else part.name
    content = again.drop(columns="seq", errors="ignore").itertuples(index=False)
    text = [",".join(map(str, row)) for row in content]
    rows = {"file": file, "line": pd.NA, "reason": _AGAIN, "text": text}
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
