"""A Uniswap v3 pool's files: minute flows, and tables of its events.

Layouts: demeter-fetch's minute files and tick files (github.com/zelos-alpha/demeter-fetch); the
events Swap, Mint, Burn and Collect as Dune, BigQuery or ethereum-etl decode them, amounts in the
tokens' smallest units; the Uniswap v3 subgraph's swaps, mints, burns and collects (JSON as it
answers, or CSV), amounts in units. Meaning and sign of the fields: IUniswapV3PoolEvents.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

from mmresearch.load import documents, onchain, text, unpack
from mmresearch.load.onchain import Field, Layout, label, raw, time, tx, units, whole
from mmresearch.load.uniswap.pool import SOURCE
from mmresearch.receipt import Fault

ENDINGS = (*onchain.ENDINGS, ".json", ".json.gz", ".jsonl", ".jsonl.gz")
EVENTS = ("swap", "mint", "burn", "collect")
_SIGN = "[+-]?"
_NAMED = re.compile(r"0x[0-9a-f]{40}")


def _large(words: str, sign: str = "", *, empty: bool = False) -> Field:
    """A whole number of any size that may be written as 0.0."""
    form = rf"{sign}[0-9]{{1,{onchain.DIGITS}}}(\.0+)?"
    return Field(words, form, "a whole number", empty)


_PLACES = {
    "log_index": whole("evtindex|logindex|poollogindex|index", empty=True),
    "block": whole("evtblocknumber|blocknumber|transactionblocknumber", empty=True),
    "pool": onchain.address("contractaddress|pooladdress|poolid|pool|address", empty=True),
    "event": label("txtype|eventname|evtname|event|type"),
    "sqrt_price": _large("sqrtpricex96", empty=True),
    "tick": whole("tick|currenttick", sign=_SIGN, empty=True),
    "liquidity": _large("totalliquidity|liquidity", empty=True),
    "tick_lower": whole("ticklower", sign=_SIGN, empty=True),
    "tick_upper": whole("tickupper", sign=_SIGN, empty=True),
    "position": _large("amount", empty=True),
    "sender": label("sender"),
    "recipient": label("recipient|receipt"),
    "owner": label("owner"),
    "fee": label("fee"),
}
MINUTES = Layout(
    "minute flows",
    "timestamp, netAmount0, netAmount1, closeTick, openTick, lowestTick, highestTick, inAmount0,"
    " inAmount1, currentLiquidity",
    {
        "time": time("timestamp"),
        "net0": _large("netamount0", _SIGN),
        "net1": _large("netamount1", _SIGN),
        "in0": _large("inamount0"),
        "in1": _large("inamount1"),
        "tick": whole("closetick", sign=_SIGN),
        "open_tick": whole("opentick", sign=_SIGN),
        "lowest_tick": whole("lowesttick", sign=_SIGN),
        "highest_tick": whole("highesttick", sign=_SIGN),
        "liquidity": _large("currentliquidity"),
    },
    {"fee": label("feerate")},
)
_SUBGRAPH = Layout(
    "the subgraph's events",
    "id or transaction.id, timestamp, amount0, amount1",
    {
        "time": time("timestamp"),
        "tx": tx("transactionid|id"),
        "amount0": units("amount0", sign=_SIGN),
        "amount1": units("amount1", sign=_SIGN),
    },
    _PLACES,
)
_DECODED = Layout(
    "decoded events",
    "evt_block_time or block_timestamp, evt_tx_hash or transaction_hash, amount0, amount1, and"
    " sqrtPriceX96 or tick (swaps) or tickLower (mints, burns, collects)",
    {
        "time": time("evtblocktime|blocktime|blocktimestamp|timestamp"),
        "tx": tx("evttxhash|txhash|transactionhash"),
        "amount0": raw("amount0", sign=_SIGN),
        "amount1": raw("amount1", sign=_SIGN),
    },
    _PLACES,
)
IN_UNITS = _SUBGRAPH.name
_LAYOUTS = (MINUTES, _DECODED, _SUBGRAPH)


def read_file(path: Path, event: str | None) -> onchain.Sheet | list[Fault]:
    """One file's rows; those of events with `event`, one of EVENTS."""
    data = unpack.read_bytes(path)
    if isinstance(data, Fault):
        return [data]
    is_json = re.match(rb"\s*[{\[]", data) is not None
    sheet = _answer(path) if is_json else onchain.parsed(path, data, _LAYOUTS)
    if isinstance(sheet, list):
        return sheet
    if "fee" in sheet.frame.columns:
        found = "a column of fees, as Uniswap v4 has it"
        expected = "files of a v3 pool; v4 counts amounts from the trader's side"
        return [Fault(sheet.name, 1, found, expected)]
    return sheet if sheet.layout == MINUTES.name else _with_events(sheet, event)


def addresses(sheets: list[onchain.Sheet]) -> list[str]:
    """The pools that the files' rows name, or else their names."""
    found = []
    for sheet in sheets:
        held = sheet.frame["pool"].drop_nulls() if "pool" in sheet.frame.columns else []
        if len(held):
            found += onchain.one_writing(held.unique(maintain_order=True)).to_list()
        elif match := _NAMED.search(sheet.name.lower()):
            found.append(match[0])
    return list(dict.fromkeys(found))


def _with_events(sheet: onchain.Sheet, event: str | None) -> onchain.Sheet | list[Fault]:
    """The sheet with what each row is: by its column, else the same for all of its rows."""
    frame = sheet.frame
    if "event" in frame.columns:
        said = frame["event"].str.to_lowercase().str.extract(r"(swap|mint|burn|collect)$")
        bad = frame.filter(said.is_null())
        if bad.height:
            found, lines = f"event {bad['event'][0] or 'nothing'}", bad["line"].to_list()
            return [text.rows_fault(sheet.name, lines, found, ", ".join(EVENTS))]
        return sheet._replace(frame=frame.with_columns(event=said))
    kind = _kind(set(frame.columns), sheet.name.lower()) or event
    if kind is None:
        found = "mints, burns or collects: its columns do not tell which"
        expected = f"one of these words in the file's name, or event= one of {', '.join(EVENTS)}"
        return [Fault(sheet.name, 1, found, expected)]
    return sheet._replace(frame=frame.with_columns(event=pl.lit(kind)))


def _kind(columns: set[str], name: str) -> str | None:
    """The event that only it has these columns; else the one that the file's name says."""
    if "tick_lower" not in columns and columns & {"sqrt_price", "tick"}:
        return "swap"
    if "position" in columns and "sender" in columns:
        return "mint"  # a burn has no sender
    if "position" not in columns and "recipient" in columns:
        return "collect"
    said = [event for event in EVENTS[1:] if event in name]
    return said[0] if len(said) == 1 else None


def _answer(path: Path) -> onchain.Sheet | list[Fault]:
    """The records of the subgraph's answers; a record's number, from 1, is its line."""
    read = documents.read_documents(SOURCE, path)
    if isinstance(read, list):
        return read
    records = [record for root in read.roots for record in _records(root)]
    if not records:
        found = "no record of swaps, mints, burns or collects"
        expected = "the subgraph's answer: {'data': {'swaps': [...]}}"
        return [Fault(path.name, None, found, expected)]
    header = list(dict.fromkeys(key for record in records for key in record))
    found = onchain.matched(path.name, header, [_SUBGRAPH])
    if isinstance(found, Fault):
        return [found]
    layout, names = found
    cells = {ours: [_text(r.get(theirs)) for r in records] for ours, theirs in names.items()}
    frame = pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String))
    return onchain.checked(path, layout, frame, names, None)


def _records(root: Any) -> list[dict]:
    """Each record with its event and its fields, those of records in it as a.b."""
    answer = root.get("data", root) if isinstance(root, dict) else {}
    lists = {e: answer.get(f"{e}s") for e in EVENTS} if isinstance(answer, dict) else {}
    return [
        {"event": event} | _flat(record)
        for event, held in lists.items()
        for record in (held if isinstance(held, list) else [])
        if isinstance(record, dict)
    ]


def _flat(record: dict) -> dict:
    flat = {}
    for key, value in record.items():
        inner = value.items() if isinstance(value, dict) else ()
        flat |= {f"{key}.{name}": cell for name, cell in inner} if inner else {key: value}
    return flat


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
