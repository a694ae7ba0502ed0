"""Checks of time: order, ties, silence, and the sessions that the events should fill."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.gate.prints import by_symbol
from mmresearch.schema import UNORDERED
from mmresearch.sessions import has_clock, session_of

_TABLES = ("trades", "quotes", "book", "orders")
_CLOCKS = ("local_time", "exchange_time")
_SILENT = pd.Timedelta("5min")  # and many times the usual wait
_TIMES_USUAL = 50
_ENOUGH = 100  # waits, to know the usual one
_FILLED = 0.9  # of a session's length, from its first event to its last


def clock_order(market: Market) -> list[Finding]:
    """Rows whose second clock, where a source gives two, runs back while the first runs on."""
    found = []
    for name in _TABLES:
        table = market.get(name)
        other = next((c for c in _CLOCKS if table is not None and c in table), None)
        if other is not None and table[other].notna().any():
            found += [_ordered(name, symbol, rows, other) for symbol, rows in by_symbol(table)]
    return found


def _ordered(name: str, symbol: str, rows: pd.DataFrame, other: str) -> Finding:
    second = pd.to_datetime(rows[other], utc=True)
    count, of = int((second.diff() < pd.Timedelta(0)).sum()), len(rows)
    late = (second - rows["time"]).median().total_seconds()
    words = f"{share(count, of)} rows stand in another order by {other}, {late:+.3g} s away"
    verdict = "warn" if count > 0.001 * of else "pass"
    affects = "which quote a trade met, lead and lag within seconds" if count else ""
    if (late if other == "exchange_time" else -late) > 0:  # recorded before it happened
        verdict, affects = "warn", "joins with another source, which are off by as much"
        words += ": recorded before it happened, so one of the clocks is wrong"
    return Finding(f"clock order of {name}", symbol, verdict, words, count, of, affects)


def ties(market: Market) -> list[Finding]:
    """Prints that share their instant with a quote, where nothing says which came first."""
    if "trades" not in market or "quotes" not in market:
        return []
    quotes = market["quotes"]
    loose = quotes[quotes["seq"] >= UNORDERED]
    found = []
    for symbol, rows in by_symbol(market["trades"]):
        instants = loose.loc[loose["symbol"] == symbol, "time"]
        count, of = int(rows["time"].isin(instants).sum()), len(rows)
        words = f"{share(count, of)} prints share their instant with a quote of unknown order"
        verdict = "warn" if count > 0.2 * of else "pass"
        affects = "the quote before the instant is taken: spreads and sides are conservative"
        found.append(Finding("ties", symbol, verdict, words, count, of, affects if count else ""))
    return found


def silences(market: Market) -> list[Finding]:
    """Stretches inside a session without any event, far beyond the usual wait."""
    found = []
    for symbol, times, sessions in _with_clock(market):
        session = session_of(times, sessions)
        wait = times.diff()[np.append(False, session[1:] == session[:-1]) & (session >= 0)]
        if len(wait) < _ENOUGH:
            continue
        long = wait[wait > max(_SILENT, _TIMES_USUAL * wait.quantile(0.99))]
        words = f"{len(long):,} stretches of silence inside sessions"
        if len(long):
            words += f", the longest {long.max()} until {times[long.idxmax()]:%Y-%m-%d %H:%M} UTC"
        verdict = "warn" if len(long) else "pass"
        affects = "bars there say that nothing happened; was the recorder off?" * bool(len(long))
        found.append(Finding("silence", symbol, verdict, words, len(long), len(wait), affects))
    return found


def coverage(market: Market) -> list[Finding]:
    """Minutes from a session's first event to its last, against those of the session.

    Sessions open and close as the calendar has them, with daylight saving; of a market that never
    closes the first and the last day are partial by nature and are left out.
    """
    found = []
    for symbol, times, sessions in _with_clock(market):
        row = session_of(times, sessions)
        inside = times[row >= 0].groupby(row[row >= 0]).agg(["min", "max"])
        whole = (sessions["close"] - sessions["open"]).iloc[inside.index]
        part = (inside["max"] - inside["min"]) / whole
        if market.calendar(symbol) == "24/7":
            part = part.iloc[1:-1]
        short = part[part < _FILLED]
        of = len(part)
        minutes = int(((1 - part) * whole.loc[part.index]).sum() / pd.Timedelta("1min"))
        words = f"{share(len(short), of)} sessions are covered less than {_FILLED:.0%}"
        words = words if of else "no session that is whole by nature: too short to tell"
        if len(short):
            day = sessions["day"].iloc[short.idxmin()]
            words += f", least {short.min():.0%} on {day:%Y-%m-%d}; {minutes:,} minutes in all"
        verdict = "warn" if len(short) else "pass" if of else "none"
        affects = "volume and flow of those days are too small" if len(short) else ""
        found.append(Finding("coverage", symbol, verdict, words, len(short), of, affects))
        found.append(_outside(symbol, times, row, sessions))
    return found


def _outside(symbol: str, times: pd.Series, row: np.ndarray, sessions: pd.DataFrame) -> Finding:
    """Events outside every session; most of them, and a shift of whole hours brings them in."""
    count, of = int((row < 0).sum()), len(row)
    words, verdict, affects = f"{share(count, of)} events lie outside every session", "pass", ""
    if count > 0.005 * of:
        verdict, affects = "warn", "they are in no bar"
        hours = _shift(times, sessions) if count > 0.05 * of else 0
        if hours:
            verdict, affects = "fail", "every time of day, every join with another source"
            words += f"; {hours:+d} hours bring them in: is the time zone right?"
        elif count > 0.05 * of and (moved := _one_hour(times, row, sessions)):
            verdict, affects = "fail", "every time of day since, every join with another source"
            words += f"; {moved}: were the times written without daylight saving?"
    return Finding("hours", symbol, verdict, words, count, of, affects)


def _shift(times: pd.Series, sessions: pd.DataFrame) -> int:
    """The smallest shift in whole hours with which nearly all events are inside, 0 if none."""
    for hours in sorted(range(-14, 15), key=abs)[1:]:
        inside = session_of(times + pd.Timedelta(hours=hours), sessions) >= 0
        if inside.mean() > 0.99:
            return hours
    return 0


def _one_hour(times: pd.Series, row: np.ndarray, sessions: pd.DataFrame) -> str:
    """Which days an hour more or less brings in where the others are right; empty if none."""
    days = times.dt.floor("D")
    inside = pd.Series(row >= 0).groupby(days).mean()
    for hours in (-1, 1):
        moved = session_of(times + pd.Timedelta(hours=hours), sessions) >= 0
        after = pd.Series(moved).groupby(days).mean()
        better = after > inside
        best = after.where(better, inside)
        if 0 < better.sum() < len(days) and (best > 0.99).all():
            return f"{hours:+d} hour from {better.idxmax():%Y-%m-%d} on brings them in"
    return ""


def missing_sessions(market: Market) -> list[Finding]:
    """Sessions before which one or more have no event at all."""
    found = []
    for symbol in market.symbols["symbol"]:
        gaps = market.sessions(symbol)["gap"]
        count, of = int(gaps.sum()), len(gaps)
        if not of:
            continue
        words = f"before {share(count, of)} sessions there is one without any event"
        affects = "what was traded there is unknown: the inventory's level is, after it"
        verdict = "warn" if count else "pass"
        found.append(
            Finding("missing sessions", symbol, verdict, words, count, of, affects if count else "")
        )
    return found


def _with_clock(market: Market) -> Iterator[tuple[str, pd.Series, pd.DataFrame]]:
    """Symbols with a clock: their events' times in order, and their sessions."""
    for symbol in market.symbols["symbol"]:
        if has_clock(market.calendar(symbol)):
            times = market.event_times(symbol).sort_values(ignore_index=True)
            if len(times):
                yield symbol, times, market.sessions(symbol)


CHECKS = [clock_order, ties, silences, coverage, missing_sessions]
