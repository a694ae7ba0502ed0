"""The rows of all of Hyperliquid's files as one: each once, in the files' order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import text
from mmresearch.load.hyperliquid import moves as hyperliquid_moves
from mmresearch.load.hyperliquid.files import SOURCE, Held, Row
from mmresearch.load.hyperliquid.moves import Update
from mmresearch.receipt import Fault, SourceError

_CONTENT = ["account", "coin", "time", "side", "trade_id", "order_id", "hash"]
_CONTENT += ["price", "size", "start"]
_NUMBER = ["account", "coin", "time", "side", "trade_id"]
_AGAIN = "duplicate"


class Fills(NamedTuple):
    """The fills, each once, with `file`, `line` and `place`; and those set aside."""

    fills: pl.DataFrame
    aside: pd.DataFrame


class Moves(NamedTuple):
    """Transfers of the updates, with `seq`; and the updates set aside."""

    transfers: pl.DataFrame
    aside: pd.DataFrame


def fills_once(held: Sequence[Held], account: str | None, owner: str) -> Fills:
    """The fills of all files; where a file does not say whose, they are `owner`'s.

    Raises
    ------
    SourceError
        One number of a trade has two contents.
    """
    said = pl.coalesce("account", pl.lit(owner)) if account is None else pl.lit(account)
    frames = [_placed(one.fills).with_columns(file=pl.lit(n)) for n, one in enumerate(held)]
    rows = pl.concat(frames, how="diagonal").with_columns(account=said)
    rows = rows.with_columns(place=pl.int_range(0, rows.height, dtype=pl.Int64))
    # the node of 2024 wrote every trade twice, for either side: then the taker is not known
    torn = pl.col("crossed").n_unique().over(_CONTENT) > 1
    rows = rows.with_columns(crossed=pl.when(~torn).then("crossed"))
    first = rows.select(pl.struct(_CONTENT).is_first_distinct()).to_series()
    once, again = rows.filter(first), rows.filter(~first)
    _refuse_conflicts(held, once)
    return Fills(once, _fills_aside(held, again))


def _placed(fills: pl.DataFrame) -> pl.DataFrame:
    """The oldest first, where a file has the newest first."""
    time = fills["time"]
    newest_first = time.is_sorted(descending=True) and not time.is_sorted()
    return fills.reverse() if newest_first else fills


def _refuse_conflicts(held: Sequence[Held], rows: pl.DataFrame) -> None:
    numbered = rows.filter(pl.col("trade_id").is_not_null() & (pl.col("trade_id") != "0"))
    other = numbered.filter(~pl.struct(_NUMBER).is_first_distinct())
    faults = []
    for (file,), part in other.group_by("file", maintain_order=True):
        found = f"tid {part['trade_id'][0]} again with other content"
        lines = part["line"].to_list()
        fault = text.rows_fault(held[file].text.name, lines, found, "one content a trade")
        faults.append(fault)
    if faults:
        raise SourceError(SOURCE, faults)


def _fills_aside(held: Sequence[Held], again: pl.DataFrame) -> pd.DataFrame:
    if again.is_empty():
        return text.aside([])
    names = [one.text.name for one in held]
    rows = again.drop("file", "place", "line").iter_rows(named=True)
    said = [json.dumps({k: v for k, v in row.items() if v is not None}) for row in rows]
    file = [names[number] for number in again["file"]]
    lines = again["line"].to_list()
    return pd.DataFrame({"file": file, "line": lines, "reason": _AGAIN, "text": said})


def moves_once(held: Sequence[Held], account: str | None, owner: str) -> Moves:
    """The funding and ledger updates of all files as transfers.

    Raises
    ------
    SourceError
        Naming every update that is wrong.
    """
    rows = [(one.text.name, row) for one in held for row in one.moves]
    whose = [account or row.user or owner for _, row in rows]
    seen: set[str] = set()
    repeated = [_repeated(row, who, seen) for (_, row), who in zip(rows, whose, strict=True)]
    kept = [n for n, again in enumerate(repeated) if not again]
    updates = [Update(rows[n][1].record, whose[n]) for n in kept]
    transfers, reasons, wrong = hyperliquid_moves.transfers(updates)
    if wrong:
        raise SourceError(SOURCE, _faults([(rows[kept[n]], *what) for n, *what in wrong]))
    gone = {n: _AGAIN for n, again in enumerate(repeated) if again}
    gone |= {kept[n]: reason for n, reason in reasons.items()}
    aside = [(rows[n][0], rows[n][1].line, gone[n], _json(rows[n][1])) for n in sorted(gone)]
    numbered = transfers.sort("time", "row").with_columns(
        seq=pl.int_range(1, transfers.height + 1, dtype=pl.Int64)
    )
    columns = ["file", "line", "reason", "text"]
    return Moves(numbered.drop("row"), pd.DataFrame(aside, columns=columns))


def _repeated(row: Row, account: str, seen: set[str]) -> bool:
    """Whether the same update stood above: hashes are not its own, so all of it is compared."""
    key = f"{account} {json.dumps(row.record, sort_keys=True)}"
    again = key in seen
    seen.add(key)
    return again


def _json(row: Row) -> str:
    return json.dumps(row.record, separators=(",", ":"))


def _faults(wrong: list[tuple]) -> list[Fault]:
    """One fault a file and kind of fault, with its first lines."""
    spots: dict[tuple, list[int]] = {}
    for (file, row), found, expected in wrong:
        spots.setdefault((file, found, expected), []).append(row.line)
    return [text.rows_fault(file, lines, *what) for (file, *what), lines in spots.items()]
