"""What is asked of a source as files: which, over which time, by which address and name."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mmresearch.fetch.sources import Source, host_of, source_of

_FORMS = {
    "year": ("%Y", "a year as 2024"),
    "month": ("%Y-%m", "a month as 2024-08"),
    "day": ("%Y-%m-%d", "a day as 2024-08-01"),
    "first day": ("%Y-%m-%d", "the first day of a month as 2024-08-01"),
}
_LENGTHS = {4: "year", 7: "month", 10: "day"}
_FIRST_DAYS = ("first day",)


class Item(NamedTuple):
    """One file to fetch: its address, its name here, the address of its checksum (empty: none).

    draft names it until it is whole, the same whenever that is asked for; asks are the names and
    values of a question that is posted to the address.
    """

    url: str
    name: str
    draft: str
    checksum: str = ""
    asks: tuple[tuple[str, str | int], ...] = ()


def items(name: str, given: Sequence[str], hosts: Mapping[str, str] | None) -> list[Item]:
    """The files that are asked for: of what, from the first time to the last."""
    source = source_of(name)
    parts, times = asked(name, given)
    host = host_of(source, hosts)
    found = []
    for period in _periods(source, times):
        url = f"{host}/{source.path.format(**parts, **period)}"
        here, draft = (
            source.name.format(**parts, **(period | said)).replace("/", "_")
            for said in ({}, {"now": "now"})
        )
        found.append(Item(url, here, draft, source.checksum and url + source.checksum))
    if source.pages:
        return [item._replace(asks=_question(source, parts, times)) for item in found]
    return found


def _question(
    source: Source, parts: dict[str, str], times: list[str]
) -> tuple[tuple[str, str | int], ...]:
    """Whose records are asked for, in milliseconds from the first to the last, both included."""
    days = _days(source, times)
    first = 0 if not days else _milliseconds(days[0])
    last = [("endTime", _milliseconds(_next(days[-1], "day")) - 1)] if len(days) > 1 else []
    return (("user", parts["address"]), ("startTime", first), *last)


def _milliseconds(day: datetime.date) -> int:
    return (day - datetime.date(1970, 1, 1)).days * 86_400_000


def asked(name: str, given: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The parts of what is asked for, as {"symbol": "BTCUSDT"}, and the times."""
    source, times = source_of(name), list(given)
    usage = f"as: {name} {source.example}".rstrip()
    parts: dict[str, str] = {}
    if source.what is not None:
        words, pattern = source.what
        found = re.fullmatch(pattern, times[0] if times else "")
        if found is None:
            what = repr(times[0]) if times else "nothing"
            raise ValueError(f"{name} is asked for {words}, found {what}; {usage}")
        parts, times = {k: v for k, v in found.groupdict().items() if v}, times[1:]
    fewest = 1 if source.periods and not source.pages else 0
    if not fewest <= len(times) <= (2 if source.periods else 0):
        wanted = "a time, or a first and a last" if source.periods else "no time"
        raise ValueError(f"{name} takes {wanted}, found {' '.join(times) or 'none'}; {usage}")
    return _spelt(source, parts), times


def _spelt(source: Source, parts: dict[str, str]) -> dict[str, str]:
    """The parts as the publisher writes them."""
    capital = source.host in ("binance", "lobster", "deribit")
    return dict(source.unsaid) | {k: v.upper() if capital else v for k, v in parts.items()}


def _periods(source: Source, times: list[str]) -> list[dict[str, str]]:
    """What address and name say of each period from the first to the last."""
    days = _days(source, times)
    if source.pages or not times:
        now = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
        return [{"span": "".join(f"_{day}" for day in days), "now": now}]
    if source.periods == _FIRST_DAYS:
        if any(day.day != 1 for day in days):
            raise ValueError(f"found {' '.join(times)}; only {_FORMS['first day'][1]} is free")
        return [_said(day, "day") for day in _every(days, "month")]
    kind = "day" if source.periods == ("day",) else _LENGTHS[len(times[0])]
    return [_said(day, kind) for day in _every(days, kind)]


def _days(source: Source, times: list[str]) -> list[datetime.date]:
    """The first and the last day asked for; a month is its days where days are published."""
    if not times:
        return []
    kind, days = _read(source, times)
    if kind == "month" and source.periods == ("day",):
        return [days[0], _next(days[-1], "month") - datetime.timedelta(days=1)]
    return days


def _read(source: Source, times: list[str]) -> tuple[str, list[datetime.date]]:
    """The kind of the times, which must be the same, and their days (the first of a month)."""
    kinds = {_LENGTHS.get(len(time)) for time in times}
    allowed = {"month", "day"} if source.periods in (_FIRST_DAYS, ("day",)) else {*source.periods}
    expected = " or ".join(_FORMS[period][1] for period in source.periods)
    kind = kinds.pop()
    if kinds or kind not in allowed:
        raise ValueError(f"found {' '.join(times)}; give {expected}")
    try:
        days = [datetime.date.fromisoformat(f"{time}-01-01"[:10]) for time in times]
    except ValueError:
        raise ValueError(f"found {' '.join(times)}; give {expected}") from None
    if days != sorted(days):
        raise ValueError(f"the first time, {times[0]}, is after the last, {times[-1]}")
    return kind, days


def _every(days: list[datetime.date], step: str) -> list[datetime.date]:
    found, day = [], days[0]
    while day <= days[-1]:
        found.append(day)
        day = _next(day, step)
    return found


def _next(day: datetime.date, step: str) -> datetime.date:
    if step == "day":
        return day + datetime.timedelta(days=1)
    months = day.year * 12 + day.month - 1 + (12 if step == "year" else 1)
    return datetime.date(months // 12, months % 12 + 1, 1)


def _said(day: datetime.date, kind: str) -> dict[str, str]:
    return {
        "period": day.strftime(_FORMS[kind][0]),
        "slashed": day.strftime("%Y/%m/%d"),
        "frequency": "daily" if kind == "day" else "monthly",
    }
