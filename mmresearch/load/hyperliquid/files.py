"""Hyperliquid's files: the API's answers, the node's hourly files, the 16-column CSV export.

Formats: Hyperliquid's documentation ("Info endpoint", "Perpetuals", "WebSocket subscriptions",
"L1 data schemas"). In the node's trades `side_info` is the buyer, then the seller.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from mmresearch.load import text
from mmresearch.load.fills_export import records as fills_records
from mmresearch.load.hyperliquid.csv import is_export, read_export
from mmresearch.receipt import Fault, SourceError

SOURCE = "hyperliquid"
SIDES = {"B": 1.0, "A": -1.0}
_FIELDS = {  # theirs -> ours and kind
    "coin": ("coin", "text"),
    "px": ("price", "number"),
    "sz": ("size", "number"),
    "side": ("side", "text"),
    "time": ("time", "ms"),
    "startPosition": ("start", "number?"),
    "dir": ("direction", "text?"),
    "closedPnl": ("closed_pnl", "number?"),
    "hash": ("hash", "text?"),
    "oid": ("order_id", "text?"),
    "crossed": ("crossed", "flag?"),
    "fee": ("fee_amount", "number?"),
    "feeToken": ("fee_asset", "text?"),
    "tid": ("trade_id", "text?"),
    "twapId": ("twap_id", "text?"),
    "builderFee": ("builder_fee", "number?"),
    "liquidation": ("liquidation", "text?"),
    "counterparty": ("counterparty", "text?"),
}
_SHAPES = (
    "user fills (coin, px, sz, side, time, ...), alone or as [address, fill], or the node's blocks"
    " of them (events) and trades (side_info); funding and ledger updates (time, hash, delta); or"
    " the CSV export with a column Timestamp IST"
)
_INSIDE = ("events", "data", "fills", "fill", "twapSliceFills", "nonFundingLedgerUpdates")
_INSIDE += ("fundings",)
_CHUNK = 2_000  # lines made into columns at a time


class Row(NamedTuple):
    """A record of a file: its line, whose it is (None: not said), and what it says."""

    line: int
    user: str | None
    record: dict[str, Any]


class Held(NamedTuple):
    """What a file holds, in its order: fills, a row an account and execution, and moves."""

    text: text.Text
    fills: pl.DataFrame
    moves: list[Row]
    notes: list[str]

    @property
    def count(self) -> int:
        return self.fills.height + len(self.moves)


def read_file(path: Path, account: str | None) -> Held:
    """One file, whatever its form; where it names accounts only `account`'s rows, if one is given.

    Columns of the fills: account (missing where the file does not say it), side +1 and -1, time in
    nanoseconds, `line`, and ours of `_FIELDS`.
    """
    (read,) = text.read_texts(SOURCE, [path])
    only = account.lower() if account else None
    none = _frame(read, [], "ms", [])
    if is_export(read):
        fills, notes = read_export(SOURCE, read)
        fills = pl.concat([none, fills], how="diagonal")  # with the columns that it lacks
        return Held(read, _of_account(fills, only), [], notes)
    frames, moves, faults = [none], [], []
    for chunk in _chunks(read, only):
        fills, sides = [], []
        for row in _rows(read, chunk, faults):
            if _is_trade(row.record):
                sides += _two_sides(row)
            elif "px" in row.record and "side_info" not in row.record:
                fills.append(row)
            elif isinstance(row.record.get("delta"), dict):
                moves.append(row)
            else:
                faults.append(_stranger(read, row))
        frames += [_frame(read, fills, "ms", faults), _frame(read, sides, "iso", faults)]
    if faults:
        raise SourceError(SOURCE, faults)
    fills = _of_account(_with_counterparty(pl.concat(frames)), only)
    return Held(read, fills, [row for row in moves if row.user in (None, only or row.user)], [])


def _chunks(read: text.Text, only: str | None) -> Iterator[list[tuple[int, bytes]]]:
    """The documents of a file with their lines, some thousands at a time: one, or one a line.

    The node's lines are left out unparsed if none of theirs is of the account asked for.
    """
    first, _, rest = read.data.partition(b"\n")
    if not rest or not _parses(first):
        yield [(1, read.data)]
        return
    lines = [(n, line) for n, line in enumerate(read.data.split(b"\n"), start=1) if line.strip()]
    if only is not None:
        asked = only.encode()
        lines = [(n, line) for n, line in lines if asked in line.lower() or not _names(line)]
    for start in range(0, len(lines), _CHUNK):
        yield lines[start : start + _CHUNK]


def _parses(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _names(line: bytes) -> bool:
    """Whether a line names whose fills it holds, as those of the node do."""
    return line.startswith((b'["0x', b'{"local_time"')) or b'"side_info"' in line


def _rows(read: text.Text, chunk: list[tuple[int, bytes]], faults: list[Fault]) -> list[Row]:
    """The records of some documents."""
    rows, bad = [], []
    for line, data in chunk:
        try:
            root = json.loads(data, parse_constant=_refuse)
        except ValueError as error:
            bad.append((line, getattr(error, "lineno", 1), error))
            continue
        rows += [Row(line, user, record) for user, record in _inside(root)]
    if bad and len(chunk) == 1 and read.data == chunk[0][1]:  # one document
        _, line, error = bad[0]
        expected = "one JSON document, or one a line; is it whole?"
        faults.append(Fault(read.name, line, f"text that is not JSON ({error})", expected))
    elif bad:
        expected = "one JSON document a line; is it whole?"
        lines = [line for line, _, _ in bad]
        faults.append(text.rows_fault(read.name, lines, "a line that is not JSON", expected))
    return _placed(read, rows) if read.data == chunk[0][1] else rows


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _placed(read: text.Text, rows: list[Row]) -> list[Row]:
    """The rows of a single document with their own lines."""
    for mark in ("px", "delta"):
        marked = [row for row in rows if mark in row.record]
        if len(marked) == len(rows) > 0:
            records = fills_records.Records(read, [row.record for row in rows], mark)
            lines = records.lines(range(len(rows)))
            return [row._replace(line=line) for row, line in zip(rows, lines, strict=True)]
    return rows


def _inside(root: Any) -> Iterable[tuple[str | None, dict]]:
    """As `_flat`; quickly for the node's blocks, of which there are millions."""
    events = root.get("events") if isinstance(root, dict) else None
    if isinstance(events, list) and all(_is_pair(event) for event in events):
        return [(user.lower(), record) for user, record in events]
    return _flat(root, None)


def _is_pair(event: Any) -> bool:
    two = isinstance(event, list) and len(event) == 2
    return two and isinstance(event[0], str) and isinstance(event[1], dict)


def _flat(root: Any, user: str | None) -> Iterator[tuple[str | None, dict]]:
    """The records inside a document, with whose they are where it says so."""
    if isinstance(root, list):
        named = len(root) == 2 and isinstance(root[0], str)  # [address, fill]
        for item in root[1:] if named else root:
            yield from _flat(item, root[0].lower() if named else user)
        return
    if not isinstance(root, dict):
        yield user, {"": root}
        return
    inner = next((key for key in _INSIDE if isinstance(root.get(key), list | dict)), None)
    said = root.get("user")
    user = said.lower() if isinstance(said, str) else user
    if inner is None:
        yield user, root
    elif inner == "fill":  # a slice of a TWAP
        yield user, {**root["fill"], "twapId": root.get("twapId")}
    else:
        yield from _flat(root[inner], user)


def _is_trade(record: dict[str, Any]) -> bool:
    """Whether a record is a trade of the node's, with its buyer and its seller."""
    pair = record.get("side_info")
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    return all(isinstance(side, dict) and isinstance(side.get("user"), str) for side in pair)


def _two_sides(row: Row) -> list[Row]:
    """A trade of the node's as the buyer's fill and the seller's."""
    trade, pair = row.record, row.record["side_info"]
    users = [side["user"].lower() for side in pair]
    about = {key: trade.get(key) for key in ("coin", "px", "sz", "hash")}
    about["time"] = f"{trade.get('time')}Z"
    said = trade.get("trade_dir_override")
    about["dir"] = None if said == "Na" else said
    sides = []
    for own, side, user, other in zip("BA", pair, users, reversed(users), strict=True):
        state = {"startPosition": side.get("start_pos"), "twapId": side.get("twap_id")}
        state |= {"oid": side.get("oid"), "crossed": trade.get("side") == own, "side": own}
        sides.append(Row(row.line, user, {**about, **state, "counterparty": other}))
    return sides


def _stranger(read: text.Text, row: Row) -> Fault:
    fields = ", ".join(filter(None, row.record)) or repr(row.record.get(""))
    return Fault(read.name, row.line, f"a record with {fields}"[:160], _SHAPES)


def _frame(read: text.Text, rows: Sequence[Row], time: str, faults: list[Fault]) -> pl.DataFrame:
    """The rows with our columns in their types; adds every cell that is wrong to the faults."""
    raw = fills_records.texts([row.record for row in rows], _FIELDS)
    at = [row.line for row in rows]
    kinds = {theirs: time if theirs == "time" else kind for theirs, (_, kind) in _FIELDS.items()}

    def lines(places: Iterable[int]) -> list[int]:
        return [at[place] for place in places]

    typed, wrong = fills_records.typed(read.name, raw, kinds, lines)
    rules = [
        ("px", pl.col("px") < 0, "a price of 0 or more"),
        ("sz", pl.col("sz") <= 0, "a size above 0"),
        ("side", ~pl.col("side").is_in(list(SIDES)), "B or A"),
    ]
    faults += wrong or fills_records.rule_faults(read.name, typed, rules, lines)
    columns = {ours: pl.col(theirs) for theirs, (ours, _) in _FIELDS.items()}
    return typed.select(
        account=pl.Series([row.user for row in rows], dtype=pl.String),
        **columns | {"side": pl.col("side").replace_strict(SIDES, default=None)},
        line=pl.Series(at, dtype=pl.Int64),
    )


def _with_counterparty(fills: pl.DataFrame) -> pl.DataFrame:
    """Who was on the other side, where the file holds both: they have one number."""
    both = ["coin", "time", "trade_id"]
    account, number = pl.col("account"), pl.col("trade_id")
    first, last = account.first().over(both), account.last().over(both)
    pair = (pl.len().over(both) == 2) & (first != last) & (number != "0")
    other = pl.when(account == first).then(last).otherwise(first)
    return fills.with_columns(counterparty=pl.coalesce("counterparty", pl.when(pair).then(other)))


def _of_account(fills: pl.DataFrame, only: str | None) -> pl.DataFrame:
    if only is None:
        return fills
    return fills.filter(
        pl.col("account").is_null() | (pl.col("account").str.to_lowercase() == only)
    )
