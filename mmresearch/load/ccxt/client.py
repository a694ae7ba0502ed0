"""Paging through a ccxt client that the user made; its keys are neither read nor repeated.

Of an exception of the client only the name of its class is said: messages may hold a key, an
address with a signature, or what the exchange was sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TextIO

import pandas as pd

from mmresearch.receipt import Fault, SourceError

_SOURCE = "ccxt"
_WAITS = (1.0, 3.0, 9.0)  # seconds before each further attempt
_TRANSIENT = ("NetworkError", "OperationFailed", "OSError")  # ccxt's, and Python's own
_METHODS = {True: ("fetch_my_trades", "fetchMyTrades"), False: ("fetch_trades", "fetchTrades")}


class Request(NamedTuple):
    """What to ask a client for: an account's own trades or public ones, and of when."""

    own: bool
    since: str | int | pd.Timestamp | None = None
    until: str | int | pd.Timestamp | None = None
    step: str | None = None
    limit: int | None = None
    progress: TextIO | None = None


class Got(NamedTuple):
    """The trades of a symbol, its market, the client's precision mode, receipt facts, notes."""

    trades: list[Mapping[str, Any]]
    market: Mapping[str, Any]
    mode: int | None
    facts: dict[str, Any]
    notes: list[str]


def is_client(thing: Any) -> bool:
    """Whether this is something that fetches trades, and no path."""
    return any(callable(getattr(thing, name, None)) for name, _ in _METHODS.values())


def fetch(client: Any, symbol: str, asked: Request) -> Got:
    """Every trade of a symbol from `since` up to, and without, `until`."""
    method, capability = _METHODS[asked.own]
    label = f"{getattr(client, 'id', type(client).__name__)} {method} {symbol}"
    since, until = _milliseconds(asked.since), _milliseconds(asked.until)
    step = None if asked.step is None else pd.Timedelta(asked.step) // pd.Timedelta("1ms")
    if step is not None and (until is None or since is None or step <= 0):
        raise ValueError("step= is a length of time as '1h', and needs since= and until=")
    if dict(getattr(client, "has", None) or {}).get(capability) is False:
        expected = f"an exchange that has {capability}"
        raise SourceError(_SOURCE, [Fault(label, None, "no such method", expected)])
    with _without_debug(client):
        market = _market(client, symbol, label)
        pages = _Pages(lambda at: _page(label, getattr(client, method), symbol, at, asked.limit))
        for said in pages.walk(since, until, step):
            if asked.progress is not None:
                print(f"{label}: {said}", file=asked.progress, flush=True)
    inside = [trade for trade in pages.trades if _inside(trade, since, until)]
    data = json.dumps(inside, sort_keys=True, default=str).encode()
    facts = {"file": label, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    mode = getattr(client, "precisionMode", None)
    notes = [f"{label}: {note}" for note in pages.notes(since, until)]
    return Got(inside, market, mode, facts | {"rows": len(inside)}, notes)


@contextlib.contextmanager
def _without_debug(client: Any) -> Iterator[None]:
    """No DEBUG records of the client's in this thread: ccxt's hold the key, urllib3's the query."""
    here = threading.get_ident()

    def passes(record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or threading.get_ident() != here

    own = getattr(client, "logger", None)
    loggers = [logging.getLogger("urllib3.connectionpool")]
    loggers += [own] if isinstance(own, logging.Logger) else []
    for logger in loggers:
        logger.addFilter(passes)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(passes)


def _milliseconds(when: str | int | pd.Timestamp | None) -> int | None:
    if when is None or isinstance(when, int):
        return when
    stamp = pd.Timestamp(when)
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return stamp.as_unit("ns").value // 10**6


def _inside(trade: Mapping[str, Any], since: int | None, until: int | None) -> bool:
    at = trade.get("timestamp")
    if not isinstance(at, int):
        return True  # the fault of it is named later
    return (since is None or at >= since) and (until is None or at < until)


class _Pages:
    """The pages of one question, each asked for from the last time of the one before.

    A page is asked for from a time on, that time included, so that what stands there again is
    told by its number; it is the end when a page after the last time holds nothing.
    """

    def __init__(self, ask: Callable[[int | None], list[Mapping[str, Any]]]) -> None:
        self.trades: list[Mapping[str, Any]] = []
        self._ask, self._seen = ask, set()
        self._asked = self._again = self._crowded = 0

    def walk(self, at: int | None, until: int | None, step: int | None) -> Iterator[str]:
        """Ask until the end, saying after every page how far it is."""
        while True:
            page = self._ask(at)
            new = [trade for trade in page if self._is_new(trade)]
            self.trades += new
            self._asked += 1
            self._again += len(page) - len(new)
            last = max((_time(trade) for trade in page), default=None)
            yield f"{len(self.trades):,} trades, to {_clock(last if last is not None else at)}"
            if at is None or (last is not None and until is not None and last >= until):
                return
            if last is None or (not new and last < at):
                if step is None or at + step >= until:
                    return
                at += step
            elif last > at:
                at = last
            else:  # one millisecond fills the page: what came after in it is out of reach
                self._crowded += len(new) > 1
                at += 1

    def _is_new(self, trade: Mapping[str, Any]) -> bool:
        number = trade.get("id")
        key = json.dumps(trade, sort_keys=True, default=str) if number is None else str(number)
        key = f"{key} {trade.get('side')}"  # both sides of a trade with oneself
        known = key in self._seen
        self._seen.add(key)
        return not known

    def notes(self, since: int | None, until: int | None) -> list[str]:
        """How it was asked, and what may be missing."""
        times = [_time(trade) for trade in self.trades]
        said = [f"{self._asked:,} pages, {self._again:,} trades stood in two of them"]
        if since is not None and (until is None or not times or max(times) < until):
            last = f"the last at {_clock(max(times))}" if times else "no trade"
            said.append(f"{last}; a later page was empty, which need not be the end: see step=")
        if self._crowded:
            said.append(
                f"{self._crowded:,} pages held a single millisecond: more of it may be missing"
            )
        return said


def _time(trade: Mapping[str, Any]) -> int:
    at = trade.get("timestamp")
    return at if isinstance(at, int) else 0


def _clock(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "its latest"
    return f"{pd.Timestamp(milliseconds, unit='ms'):%Y-%m-%d %H:%M:%S} UTC"


def _market(client: Any, symbol: str, label: str) -> Mapping[str, Any]:
    """The market of a symbol, where the client has such."""
    if not callable(getattr(client, "market", None)):
        return {}
    if callable(getattr(client, "load_markets", None)):
        _attempt(label, client.load_markets)
    found = _attempt(label, client.market, symbol)
    return found if isinstance(found, Mapping) else {}


def _page(
    label: str, method: Callable, symbol: str, at: int | None, limit: int | None
) -> list[Mapping[str, Any]]:
    page = _attempt(label, method, symbol, at, limit)
    if isinstance(page, list) and all(isinstance(trade, Mapping) for trade in page):
        return page
    found = f"an answer of type {type(page).__name__}"
    raise SourceError(_SOURCE, [Fault(label, None, found, "a list of trade structures")])


def _attempt(label: str, call: Callable, *arguments: Any) -> Any:
    """What a call of the client gives; where the network fails, after some more attempts.

    The client's exception does not become the context of ours, which a traceback would show.
    """
    attempts = 0
    for wait in (*_WAITS, None):
        attempts += 1
        try:
            found = call(*arguments)
        except Exception as error:
            kind, passes = type(error).__name__, _is_transient(error)
        else:
            return _awaited_not(found)
        if not passes or wait is None:
            break
        time.sleep(wait)
    times = "once" if attempts == 1 else f"{attempts} times"
    found = f"{kind} (tried {times}; its message is left out, as it may hold a key)"
    raise SourceError(_SOURCE, [Fault(label, None, found, "an answer of the exchange")])


def _is_transient(error: Exception) -> bool:
    return any(kind.__name__ in _TRANSIENT for kind in type(error).__mro__)


def _awaited_not(found: Any) -> Any:
    if inspect.iscoroutine(found):
        found.close()
        raise TypeError("an asynchronous client; give one of `ccxt`, not of `ccxt.async_support`")
    return found
