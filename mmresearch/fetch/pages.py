"""Hyperliquid's records of an account: as many pages as there are, each from where one ended."""

from __future__ import annotations

import json
import sys
from typing import Any

from mmresearch.fetch.http import AskError, Tell, asked
from mmresearch.fetch.items import Item

_MOST = {"userFillsByTime": 2000}  # records a page; of the others 500
_KEPT = {"userFillsByTime": 10_000}  # records of an account that the server keeps, the latest


def paged(kind: str, item: Item, tell: Tell) -> bytes:
    """The records of all pages as one JSON list, each once.

    A page begins with the millisecond in which the one before ended, as it may hold more of it.
    """
    found: dict[str, Any] = {}
    read = 0
    body = {"type": kind} | dict(item.asks)
    while True:
        page, size = _page(item.url, body)
        read += size
        tell(read, None)
        new = {json.dumps(record, sort_keys=True): record for record in page}
        if new.keys() <= found.keys():
            break
        found |= {key: record for key, record in new.items() if key not in found}
        body["startTime"] = max(record["time"] for record in page)
    if page and len(page) >= _MOST.get(kind, 500):
        raise AskError(
            f"{len(page):,} records of the millisecond {body['startTime']}, a full page",
            "fewer, as there is no way to ask for the rest",
        )
    if len(found) >= _KEPT.get(kind, len(found) + 1):
        said = f"{item.name}: the server keeps the latest {_KEPT[kind]:,} records, some may be gone"
        print(said, file=sys.stderr)
    return f"{json.dumps(list(found.values()))}\n".encode()


def _page(url: str, body: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """One page and its size in bytes."""
    said = asked(url, json.dumps(body).encode())
    try:
        page = json.loads(said)
    except ValueError:
        page = None
    if not isinstance(page, list) or not all(_is_record(record) for record in page):
        raise AskError(f"the answer {said[:60]!r}", "a list of records with their time")
    return page, len(said)


def _is_record(record: Any) -> bool:
    return isinstance(record, dict) and isinstance(record.get("time"), int)
