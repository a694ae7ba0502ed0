"""Which lines of a raw Binance capture are bad, and why: looked at singly, only when some are."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl

Spots = dict[tuple[str, str], list[int]]  # (what was found, what was expected) -> lines
_FORM = 'a line of local nanoseconds and JSON: 1723161254087891268 {"stream": ...}'
_NUMBER = "a number of 0 or more"
_NEEDED = {  # fields that no line of an event may lack; of "T|E" one
    "trade": ("s", "t", "p", "q", "m", "T|E"),
    "aggTrade": ("s", "a", "p", "q", "m", "f", "l", "T|E"),
    "bookTicker": ("s", "u", "b", "B", "a", "A"),
    "depthUpdate": ("s", "U", "u", "b", "a", "T|E"),
    "snapshot": ("lastUpdateId", "bids", "asks"),
}
_NUMBERS = {"trade": ("p", "q"), "aggTrade": ("p", "q"), "bookTicker": ("b", "B", "a", "A")}


def form_spots(bad: pl.DataFrame, last: int, spots: Spots) -> None:
    """Lines that are not `local_ns JSON`; `last` is the number of the file's last."""
    for line, said in bad.select("line", "text").iter_rows():
        spots[_what(said, cut=line == last), _FORM].append(line)


def _what(said: str, *, cut: bool) -> str:
    number = re.match(r"(\d+)\s", said)
    if not said:
        return "an empty line"
    if number and not 18 <= len(number[1]) <= 19:
        return f"a local time of {len(number[1])} digits, which are no nanoseconds"
    if not number and said.startswith("{"):
        return "a line without a local time"
    end = "a last line that is cut off" if cut else "a line that is not local time and JSON"
    return f"{end}: {said[-30:]!r}"


def diagnose(rows: pl.DataFrame, fields: dict, event: str, spots: Spots) -> None:
    """Lines that are no JSON, or have values of other types than `fields` says."""
    before = sum(map(len, spots.values()))
    for line, said in rows.select("line", "json").iter_rows():
        complaint = _complaint(said, fields, event)
        if complaint:
            spots[complaint].append(line)
    if sum(map(len, spots.values())) == before:
        found = f"lines of {event or 'other events'} that cannot be decoded"
        spots[found, _FORM] += rows["line"].to_list()


def _complaint(said: str, fields: dict, event: str) -> tuple[str, str] | None:
    try:
        root = json.loads(said)
    except ValueError:
        return f"a line that is not JSON: {said[-30:]!r}", _FORM
    inner = root["data"] if isinstance(root.get("data"), dict) else root
    for name, dtype in fields.items():
        value, expected = inner.get(name), _expected(dtype)
        if value is not None and not _is(value, expected):
            return f"{event} with {name} {json.dumps(value)[:40]}", expected
    return None


def _expected(dtype: Any) -> str:
    names = {pl.Int64: "a whole number", pl.Boolean: "true or false", pl.String: "text"}
    return names.get(dtype, "a list of [price, quantity]")


def _is(value: Any, expected: str) -> bool:
    if expected == "a whole number":
        return isinstance(value, int) and not isinstance(value, bool)
    if expected == "true or false":
        return isinstance(value, bool)
    if expected == "text":
        return not isinstance(value, list | dict)
    levels = isinstance(value, list) and all(isinstance(level, list) for level in value)
    return levels and not any(isinstance(v, list | dict) for level in value for v in level)


def value_spots(frame: pl.DataFrame, event: str, spots: Spots) -> bool:
    """Fields that lines lack and numbers that are none; whether there are any."""
    found: Spots = {}
    for names in _NEEDED[event]:
        lacking = pl.all_horizontal(pl.col(name).is_null() for name in names.split("|"))
        found[f"{event} without {names.replace('|', ' and ')}", names.replace("|", " or ")] = (
            frame.filter(lacking)["line"].to_list()
        )
    for name in _NUMBERS.get(event, ()):
        number = pl.col(name).cast(pl.Float64, strict=False)
        good = number.is_finite() & (number >= 0)
        bad = frame.filter(pl.col(name).is_not_null() & ~good.fill_null(False))
        shown = repr(bad[name][0]) if bad.height else ""
        found[f"{event} with {name} {shown}", _NUMBER] = bad["line"].to_list()
    if event == "bookTicker":
        found |= _priceless(frame)
    for said, lines in found.items():
        if lines:
            spots[said] += lines
    return any(found.values())


def _priceless(frame: pl.DataFrame) -> Spots:
    """Quotes with a quantity at price 0, which is how a side that is not there is written."""
    spots: Spots = {}
    for price, size in (("b", "B"), ("a", "A")):
        numbers = [pl.col(c).cast(pl.Float64, strict=False) for c in (price, size)]
        bad = frame.filter((numbers[0] == 0) & (numbers[1] > 0))
        spots[f"bookTicker with {price} 0", "a price above 0"] = bad["line"].to_list()
    return spots
