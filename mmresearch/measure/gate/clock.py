"""Checks of time: order, ties, silence, and the sessions that the events should fill."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.measure.gate.finding import Finding, share
from mmresearch.measure.gate.study import Piece, Study, Symbol, clock, nanoseconds
from mmresearch.measure.gate.tables import CLOCKS, PUBLIC
from mmresearch.measure.gate.tally import Tally, how_often, median, quantile
from mmresearch.schema import UNORDERED
from mmresearch.sessions import has_clock, session_of

_MINUTE = 60 * 10**9
_SILENT = 5 * _MINUTE  # and many times the usual wait
_TIMES_USUAL = 50
_ENOUGH = 100  # waits, to know the usual one
_FILLED = 0.9  # of a session's length, from its first event to its last


def look(piece: Piece) -> Tally:
    """Second clocks, ties, waits between events, and when there were events."""
    return _second_clocks(piece) | _tied(piece) | _waits(piece) | _minutes(piece)


def _second_clocks(piece: Piece) -> Tally:
    found: Tally = {}
    for name in PUBLIC:
        rows = piece.get(name)
        for other in CLOCKS if rows is not None and rows.height else ():
            if other in rows.columns:
                every = piece.with_last(name)
                found |= _second_clock(f"{name} by {other}", every, other, rows.height)
    return found


def _second_clock(key: str, rows: pl.DataFrame, other: str, own: int) -> Tally:
    """How often the second clock runs back while the first runs on, and how far it is away."""
    second = pd.to_datetime(rows[other].to_pandas(), utc=True)
    back = int((second.diff() < pd.Timedelta(0)).sum())
    late = (second - clock(rows["time"]).dt.tz_localize("UTC")).tail(own).dt.total_seconds()
    late = how_often(late.to_numpy(float))
    return {f"{key}, rows": own, f"{key}, back": back, f"{key}, late": late}


def _tied(piece: Piece) -> Tally:
    trades, quotes = piece.get("trades"), piece.get("quotes")
    if trades is None or quotes is None:
        return {}
    loose = quotes.filter(pl.col("seq") >= UNORDERED)["time"].unique()
    return {"tied prints": int(trades["time"].is_in(loose.implode()).sum())}


def _times(tables: dict[str, pl.DataFrame]) -> pl.Series:
    """The time of every event, in order."""
    none = pl.Series("time", [], dtype=pl.Datetime("ns", "UTC"))
    return pl.concat([none, *(rows["time"] for rows in tables.values())]).sort()


def _waits(piece: Piece) -> Tally:
    """Waits between events of one session, or of one and the next that begins where it ends."""
    times = pl.concat([_times(piece.before).tail(1), _times(piece.tables)])
    sessions = piece.sessions
    joined = (sessions["open"] != sessions["close"].shift()).cumsum().to_numpy()
    session = session_of(clock(times), sessions)
    run = np.append(joined, -1)[session]
    ends = nanoseconds(times)
    wait, ends = np.diff(ends), ends[1:]
    inside = (run[1:] == run[:-1]) & (run[1:] >= 0)
    long = inside & (wait > _SILENT)
    silent = pl.DataFrame({"until": ends[long], "wait": wait[long]})
    return {"waits": how_often(wait[inside]), "long waits": silent}


def _minutes(piece: Piece) -> Tally:
    """First and last event of each session, and how many fall on and within each minute.

    Sessions open and close on whole minutes, and an event at the close still belongs: all events
    within a minute are in the same session whatever hours the clocks are moved by.
    """
    times = _times(piece.tables)
    at = nanoseconds(times)
    row = session_of(clock(times), piece.sessions)
    ends = pl.DataFrame({"session": row, "first": at, "last": at}).filter(pl.col("session") >= 0)
    within = at % _MINUTE
    ends = ends.group_by("session").agg(pl.col("first").min(), pl.col("last").max())
    counted = (
        pl.DataFrame({"minute": at - within + (within > 0)})
        .group_by("minute")
        .agg(pl.len().cast(pl.Int64).alias("n"))
    )
    return {"session ends": ends, "minutes": counted.sort("minute")}


def clock_order(study: Study) -> Iterator[Finding]:
    """Rows whose second clock, where a source gives two, runs back while the first runs on."""
    for name in PUBLIC:
        for symbol in study.symbols:
            keys = [f"{name} by {other}" for other in CLOCKS]
            known = [key for key in keys if _is_known(symbol.tally, f"{key}, late")]
            if known:
                yield _ordered(name, symbol, known[0])


def _is_known(tally: Tally, name: str) -> bool:
    return name in tally and tally[name].height > 0


def _ordered(name: str, symbol: Symbol, key: str) -> Finding:
    other = key.rpartition(" ")[2]
    count, of = (int(symbol.tally[f"{key}, {what}"]) for what in ("back", "rows"))
    late = median(symbol.tally[f"{key}, late"])
    words = f"{share(count, of)} rows stand in another order by {other}, {late:+.3g} s away"
    verdict = "warn" if count > 0.001 * of else "pass"
    affects = "which quote a trade met, lead and lag within seconds" if count else ""
    if (late if other == "exchange_time" else -late) > 0:  # recorded before it happened
        verdict, affects = "warn", "joins with another source, which are off by as much"
        words += ": recorded before it happened, so one of the clocks is wrong"
    return Finding(f"clock order of {name}", symbol.name, verdict, words, count, of, affects)


def ties(study: Study) -> Iterator[Finding]:
    """Prints that share their instant with a quote, where nothing says which came first."""
    for symbol in study.having("prints") if "quotes" in study.market else ():
        count, of = int(symbol.tally["tied prints"]), int(symbol.tally["prints"])
        words = f"{share(count, of)} prints share their instant with a quote of unknown order"
        verdict = "warn" if count > 0.2 * of else "pass"
        affects = "the quote before the instant is taken: spreads and sides are conservative"
        affects = affects if count else ""
        yield Finding("ties", symbol.name, verdict, words, count, of, affects)


def silences(study: Study) -> Iterator[Finding]:
    """Stretches inside sessions without any event, far beyond the usual wait."""
    for symbol in _with_clock(study):
        waits = symbol.tally["waits"]
        of = int(waits["n"].sum())
        if of < _ENOUGH:
            continue
        usual = quantile(waits, 0.99)
        long = symbol.tally["long waits"].filter(pl.col("wait") > _TIMES_USUAL * usual)
        words = f"{long.height:,} stretches of silence inside sessions"
        if long.height:
            until, wait = long.row(long["wait"].arg_max())
            words += f", the longest {pd.Timedelta(wait)}"
            words += f" until {pd.Timestamp(until):%Y-%m-%d %H:%M} UTC"
        verdict = "warn" if long.height else "pass"
        affects = "bars there say that nothing happened; was the recorder off?" * (long.height > 0)
        yield Finding("silence", symbol.name, verdict, words, long.height, of, affects)


def coverage(study: Study) -> Iterator[Finding]:
    """Minutes from a session's first event to its last, against those of the session.

    Sessions open and close as the calendar has them, with daylight saving; of a market that never
    closes the first and the last day are partial by nature and are left out.
    """
    for symbol in _with_clock(study):
        yield _covered(symbol)
        yield _outside(symbol)


def _covered(symbol: Symbol) -> Finding:
    sessions = symbol.sessions
    ends = symbol.tally["session ends"].sort("session").to_pandas().set_index("session")
    whole = (sessions["close"] - sessions["open"]).iloc[ends.index]
    part = (ends["last"] - ends["first"]) / (whole / pd.Timedelta(1, "ns"))
    if symbol.calendar == "24/7":
        part = part.iloc[1:-1]
    short, of = part[part < _FILLED], len(part)
    minutes = int(((1 - part) * whole.loc[part.index]).sum() / pd.Timedelta("1min"))
    words = f"{share(len(short), of)} sessions are covered less than {_FILLED:.0%}"
    words = words if of else "no session that is whole by nature: too short to tell"
    if len(short):
        day = sessions["day"].iloc[short.idxmin()]
        words += f", least {short.min():.0%} on {day:%Y-%m-%d}; {minutes:,} minutes in all"
    verdict = "warn" if len(short) else "pass" if of else "none"
    affects = "volume and flow of those days are too small" if len(short) else ""
    return Finding("coverage", symbol.name, verdict, words, len(short), of, affects)


def _outside(symbol: Symbol) -> Finding:
    """Events outside every session; most of them, and a shift of whole hours brings them in."""
    events = symbol.tally["minutes"].to_pandas()
    times, n, sessions = pd.to_datetime(events["minute"]), events["n"], symbol.sessions
    inside = session_of(times, sessions) >= 0
    count, of = int(n[~inside].sum()), int(n.sum())
    words, verdict, affects = f"{share(count, of)} events lie outside every session", "pass", ""
    if count > 0.005 * of:
        verdict, affects = "warn", "they are in no bar"
        hours = _shift(times, n, sessions) if count > 0.05 * of else 0
        if hours:
            verdict, affects = "fail", "every time of day, every join with another source"
            words += f"; {hours:+d} hours bring them in: is the time zone right?"
        elif count > 0.05 * of and (moved := _one_hour(times, n, sessions)):
            verdict, affects = "fail", "every time of day since, every join with another source"
            words += f"; {moved}: were the times written without daylight saving?"
    return Finding("hours", symbol.name, verdict, words, count, of, affects)


def _moved_in(times: pd.Series, hours: int, sessions: pd.DataFrame) -> np.ndarray:
    return session_of(times + pd.Timedelta(hours=hours), sessions) >= 0


def _shift(times: pd.Series, n: pd.Series, sessions: pd.DataFrame) -> int:
    """The smallest shift in whole hours with which nearly all events are inside, 0 if none."""
    for hours in sorted(range(-14, 15), key=abs)[1:]:
        if n[_moved_in(times, hours, sessions)].sum() > 0.99 * n.sum():
            return hours
    return 0


def _one_hour(times: pd.Series, n: pd.Series, sessions: pd.DataFrame) -> str:
    """Which days an hour more or less brings in where the others are right; empty if none."""
    days = times.dt.floor("D")
    every = n.groupby(days).sum()
    inside = (n * _moved_in(times, 0, sessions)).groupby(days).sum() / every
    for hours in (-1, 1):
        after = (n * _moved_in(times, hours, sessions)).groupby(days).sum() / every
        better = after > inside
        best = after.where(better, inside)
        if 0 < better.sum() < len(every) and (best > 0.99).all():
            return f"{hours:+d} hour from {better.idxmax():%Y-%m-%d} on brings them in"
    return ""


def missing_sessions(study: Study) -> Iterator[Finding]:
    """Sessions before which one or more have no event at all."""
    for symbol in study.symbols:
        gaps = symbol.sessions["gap"]
        count, of = int(gaps.sum()), len(gaps)
        if not of:
            continue
        words = f"before {share(count, of)} sessions there is one without any event"
        affects = "what was traded there is unknown: the inventory's level is, after it"
        affects, verdict = (affects, "warn") if count else ("", "pass")
        yield Finding("missing sessions", symbol.name, verdict, words, count, of, affects)


def _with_clock(study: Study) -> Iterator[Symbol]:
    return (s for s in study.having("minutes") if has_clock(s.calendar))


CHECKS = [clock_order, ties, silences, coverage, missing_sessions]
