"""What each trade paid: quoted, effective and realized spread, and its impact, full spreads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Step, parse_freq
from mmresearch.measure.quotes import QUOTE, quote_blocks
from mmresearch.measure.sign_rules import RULES, by_rule
from mmresearch.sessions import has_clock, session_table

HORIZONS = ("1s", "5s", "15s", "60s", "300s")
REFERENCES = ("mid", "microprice")
UNITS = ("bps", "abs")
_TRADE = ["time", "seq", "price", "size", "side"]
_AT_ONCE = 2**17  # quotes, whose columns stay in the processor's cache
_MINUTE = 60 * 10**9
_LONGEST = 2**60  # nanoseconds, 36 years: later instants would not be numbers of 64 bits


class Tape(NamedTuple):
    """One symbol's trades of sessions as arrays [n] in order, the row of `sessions` of each."""

    rows: blocks.Block
    session: np.ndarray
    sessions: pd.DataFrame
    outside: int


class Asked(NamedTuple):
    """What was asked for: names and steps of the horizons, reference price, unit, sides."""

    horizons: dict[str, Step]
    reference: str
    unit: str
    sides: str


def spreads(
    trades: pd.DataFrame | Market,
    quotes: pd.DataFrame | None = None,
    *,
    horizons: Sequence[str] = HORIZONS,
    symbol: str | Sequence[str] | None = None,
    sides: str = "auto",
    reference: str = "mid",
    unit: str = "bps",
) -> pd.DataFrame:
    """The spread that each trade met, what its aggressor paid, and what was left of it later.

    With the aggressor's side D (+1 bought), price P, the reference price M_t known just before the
    trade and M_(t+h) that at h after it, as full spreads:

        quoted    ask - bid                 effective  2 D (P - M_t)
        realized  2 D (P - M_(t+h))         impact     2 D (M_(t+h) - M_t)

    so effective = realized + impact in every trade. Realized is what the maker keeps if it lays the
    position off at M_(t+h), before fees: positive is a gain of the maker's, impact a loss.

    Parameters
    ----------
    trades : DataFrame or Market
        A market with trades, and quotes or a book; or a trades table (sessions are UTC dates).
    quotes : DataFrame, optional
        A quotes table, with a trades table.
    horizons : list of str
        Real time ("100ms", "5s", "1min"): the last reference price of the session at or before t +
        h. Or a count ("10 trades"): the one known just before the trade so many later.
    symbol : str or list, optional
        Which; all if not given.
    sides : str
        "reported", a rule of `sign_trades`, or "auto": as reported if any trade has a side, else
        "lee_ready". A rule errs most near the mid, so that inferred sides make the effective spread
        too large: a wrong one turns what the trade got into what it paid.
    reference : str
        "mid", or "microprice": (ask bid_size + bid ask_size)/(bid_size + ask_size), Hagstromer's
        weighted midpoint. Trades come when the weighted one is near their side, so that the plain
        mid overstates what they pay.
    unit : str
        "bps": 1e4 times the spread over M_t (now's, in all four). "abs": quote currency a unit.

    Returns
    -------
    DataFrame
        A row a trade of a session, ordered by symbol, time, seq: symbol, day, time, seq, side,
        price, size, bid, ask and reference (known just before the trade), quoted_full_bps,
        effective_full_bps (known at the trade), realized_full_bps_5s and impact_full_bps_5s of each
        horizon (known at t + h); or with _abs. Missing: of a trade without a side all but quoted;
        where the last quote before it in its session is none or has one side, all; where t + h is
        past the session's close or the record's end, or so many trades do not follow, that horizon.
        attrs: unit, reference, sides, horizons, and "counts" of all these: outside, without a side,
        without a quote, locked or crossed (kept: bid >= ask), and "past the end, 5s".

    References
    ----------
    Huang and Stoll (1996), Dealer versus auction markets, Journal of Financial Economics 41.
    Hagstromer (2021), Bias in the effective bid-ask spread, Journal of Financial Economics 142.
    """
    asked = _asked(horizons, reference, unit, sides)
    market = trades if isinstance(trades, Market) else _market(trades, quotes)
    if "quotes" not in market and "book" not in market:
        raise ValueError("spreads need quotes or a book, and the market has none")
    tapes = _tapes(market, symbol, asked)
    if asked.sides == "auto":
        told = any((~np.isnan(tape.rows["side"])).any() for tape in tapes.values())
        asked = asked._replace(sides="reported" if told else "lee_ready")
    pieces, counts = [], {"outside": sum(tape.outside for tape in tapes.values())}
    for name in list(tapes):
        piece, missed = _of_symbol(market, name, tapes.pop(name), asked)
        pieces.append(piece)
        counts |= {reason: counts.get(reason, 0) + n for reason, n in missed.items()}
    table = pieces[0] if len(pieces) == 1 else pd.concat(pieces, ignore_index=True)
    about = {"unit": unit, "reference": reference, "sides": asked.sides}
    table.attrs = about | {"horizons": list(asked.horizons), "counts": counts}
    return table


def quoted_spread(market: Market, *, symbol: str | Sequence[str] | None = None) -> pd.DataFrame:
    """The quoted spread of each session, weighted by how long it stood.

    Returns
    -------
    DataFrame
        A row a symbol and session with quotes: symbol, day, quoted_full_abs (quote currency a
        unit), quoted_full_bps (of the mid then), seconds with both sides, share (of the session
        from its first quote, up to its close or the record's end), locked_or_crossed (share of
        those seconds with bid >= ask, which count with their spread of 0 or below). Known at the
        close.
    """
    from mmresearch.measure.spread_kernels import standing_spreads  # numba: loaded only here

    pieces = []
    for name in _chosen(market, symbol):
        parts = quote_blocks(market, name)
        if parts is None:
            raise ValueError("the quoted spread needs quotes or a book, and the market has none")
        sessions = market.sessions(name)
        opens, closes = _edges(sessions, "open"), _edges(sessions, "close")
        closes = np.minimum(closes, market.span(name)[1].value)
        table, first = np.zeros((len(sessions), 4)), np.full(len(sessions), -1)
        place, last = 0, (np.nan, np.nan, 0)
        for block in [*parts, blocks.after_all(QUOTE)]:
            pair = (block["bid"], block["ask"])
            _first(first, block["time"], opens, closes)
            place, last = standing_spreads(block["time"], pair, opens, closes, place, last, table)
        held = first >= 0
        spread, part, seconds, crossed = table[held].T
        with np.errstate(invalid="ignore"):
            columns = {
                "symbol": pd.Series(name, index=range(held.sum()), dtype="str"),
                "day": sessions["day"].to_numpy("datetime64[ns]")[held],
                "quoted_full_abs": spread / seconds,
                "quoted_full_bps": 1e4 * part / seconds,
                "seconds": seconds,
                "share": seconds / ((closes - first)[held] / 1e9),
                "locked_or_crossed": crossed / seconds,
            }
        pieces.append(pd.DataFrame(columns))
    return pd.concat(pieces, ignore_index=True)


def _first(first: np.ndarray, when: np.ndarray, opens: np.ndarray, closes: np.ndarray) -> None:
    """Note the time of each session's first quote."""
    row = np.searchsorted(when, opens)
    inside = row < len(when)
    inside[inside] = when[row[inside]] <= closes[inside]
    new = inside & (first < 0)
    first[new] = when[row[new]]


def _asked(horizons: Sequence[str], reference: str, unit: str, sides: str) -> Asked:
    known = {"reference": REFERENCES, "unit": UNITS, "sides": ("auto", "reported", *RULES)}
    for name, value in (("reference", reference), ("unit", unit), ("sides", sides)):
        if value not in known[name]:
            raise ValueError(f"{name} must be one of {', '.join(known[name])}, not {value!r}")
    horizons = [horizons] if isinstance(horizons, str) else list(horizons)
    steps = {str(horizon).strip(): parse_freq(horizon) for horizon in horizons}
    if not steps or len(steps) < len(horizons):
        raise ValueError("horizons must be one or more, each once")
    for name, step in steps.items():
        if step.kind == "session" or step.size > _LONGEST:
            raise ValueError(f"horizon {name!r} must end within a session: give '5s', '10 trades'")
    return Asked(steps, reference, unit, sides)


def _market(trades: pd.DataFrame, quotes: pd.DataFrame | None) -> Market:
    if not isinstance(trades, pd.DataFrame):
        raise TypeError(f"trades is a Market or a DataFrame, not {type(trades).__name__}")
    return Market(trades=trades, **({} if quotes is None else {"quotes": quotes}))


def _chosen(market: Market, symbol: str | Sequence[str] | None) -> list[str]:
    names = [symbol] if isinstance(symbol, str) else symbol
    for name in names or ():
        market.calendar(name)
    return sorted(market.symbols["symbol"]) if names is None else list(names)


def _tapes(market: Market, symbol: str | Sequence[str] | None, asked: Asked) -> dict[str, Tape]:
    """The trades of each symbol that has any."""
    found = {}
    clock = any(step.kind == "clock" for step in asked.horizons.values())
    for name in _chosen(market, symbol) if "trades" in market else []:
        if clock and not has_clock(market.calendar(name)):
            calendar = market.calendar(name)
            raise ValueError(f"there is no clock in calendar {calendar!r}: give '10 trades'")
        parts = list(blocks.of_symbol(market, "trades", _TRADE, name))
        rows = {c: np.concatenate([part[c] for part in parts]) for c in _TRADE if parts}
        if parts and len(rows["time"]):
            found[name] = _in_sessions(rows, market.calendar(name))
    if not found:
        raise ValueError("there is no trade" + (f" of {symbol}" if symbol else ""))
    return found


def _in_sessions(rows: blocks.Block, calendar: str) -> Tape:
    at = rows["time"]
    # calendars count whole minutes, so that each minute's first trade is of all its sessions
    minute = at // _MINUTE
    firsts = at[np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))]
    sessions = session_table(calendar, pd.Series(_times(firsts)))
    begins = np.searchsorted(at, _edges(sessions, "open"))
    ends = np.searchsorted(at, _edges(sessions, "close"), side="right")
    session = np.full(len(at), -1)
    for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        session[begin:end] = row  # an instant that two share is the later one's
    inside = session >= 0
    if not inside.all():
        rows, session = {name: values[inside] for name, values in rows.items()}, session[inside]
    return Tape(rows, session, sessions, int((~inside).sum()))


def _times(since: np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(since.view("datetime64[ns]"), tz="UTC")


def _of_symbol(
    market: Market, name: str, tape: Tape, asked: Asked
) -> tuple[pd.DataFrame, dict[str, int]]:
    from mmresearch.measure.spread_kernels import full_spreads  # numba: loaded only here

    rows, steps = tape.rows, asked.horizons
    found = np.full((2 + 2 * len(steps), len(tape.session)), np.nan)
    known = _beside(market, name, tape, asked, found[2 : 2 + len(steps)])
    side = rows["side"]
    if asked.sides != "reported":
        side, _ = by_rule(asked.sides, rows["price"], known[0], known[1], tape.session)
    usable = ~np.isnan(side) & ~np.isnan(known[2])
    missed = {
        "without a side": int(np.isnan(side).sum()),
        "without a quote": int(np.isnan(known[2]).sum()),
        "locked or crossed": int((known[0] >= known[1]).sum()),
    }
    for k, horizon in enumerate(steps, start=2):
        missed[f"past the end, {horizon}"] = int((usable & np.isnan(found[k])).sum())
    full_spreads(rows["price"], side, known, found, 1e4 if asked.unit == "bps" else 0.0)
    return _table(name, tape, side, known, found, asked), missed


def _beside(market: Market, name: str, tape: Tape, asked: Asked, later: np.ndarray) -> np.ndarray:
    """Bid, ask, reference before each trade [3, n]; `later` is filled with later references."""
    from mmresearch.measure.spread_kernels import quotes_at  # numba: loaded only here

    at, seq = blocks.constant(tape.rows["time"]), blocks.constant(tape.rows["seq"])
    clock = [k for k, step in enumerate(asked.horizons.values()) if step.kind == "clock"]
    steps = np.array([step.size for step in asked.horizons.values()], np.int64)
    known, met = np.full((3, len(at)), np.nan), np.full(len(at), -1)
    timed = later if len(clock) == len(steps) else np.empty((len(clock), len(at)))
    place, state, stood = np.zeros(1 + len(clock), np.int64), np.full(4, np.nan), np.zeros(1, int)
    weighted, end = asked.reference == "microprice", at[-1]

    def write(block: blocks.Block) -> None:
        when, order, *sides = block.values()
        carried = (place, state, stood, known, met, timed)
        # the plain middle asks for no sizes
        quotes_at(when, order, (*sides, *sides)[:4], weighted, (at, seq), steps[clock], *carried)

    columns = QUOTE if weighted else QUOTE[:4]
    for block in quote_blocks(market, name, columns) or ():
        for first in range(0, len(block["time"]), _AT_ONCE):
            write({c: values[first : first + _AT_ONCE] for c, values in block.items()})
        end = max(end, stood[0])
    write(blocks.after_all(columns))
    known[:, met < _edges(tape.sessions, "open")[tape.session]] = np.nan
    last = np.minimum(_edges(tape.sessions, "close"), end)[tape.session]
    for row, k in enumerate(clock):
        timed[row, at + steps[k] > last] = np.nan
        later[k] = timed[row]
    for k, step in enumerate(asked.horizons.values()):
        if step.kind == "count":
            later[k] = _after(known[2], tape.session, step.size)
    return known


def _after(reference: np.ndarray, session: np.ndarray, count: int) -> np.ndarray:
    """The reference known before the trade so many later in the session."""
    found = np.full(len(reference), np.nan)
    if count < len(reference):
        same = session[count:] == session[:-count]
        found[:-count] = np.where(same, reference[count:], np.nan)
    return found


def _edges(sessions: pd.DataFrame, name: str) -> np.ndarray:
    return sessions[name].to_numpy("datetime64[ns]").view("int64")


def _table(
    name: str,
    tape: Tape,
    side: np.ndarray,
    known: np.ndarray,
    found: np.ndarray,
    asked: Asked,
) -> pd.DataFrame:
    rows, unit = tape.rows, asked.unit
    columns = {
        "symbol": pd.Series(pd.array([name], dtype="str").take(np.zeros(len(side), int))),
        "day": tape.sessions["day"].to_numpy("datetime64[ns]")[tape.session],
        "time": _times(rows["time"]),
        "seq": rows["seq"],
        "side": side,
        "price": rows["price"],
        "size": rows["size"],
    }
    columns |= dict(zip(("bid", "ask", "reference"), known, strict=True))
    kinds = [f"quoted_full_{unit}", f"effective_full_{unit}"]
    for kind in ("realized", "impact"):
        kinds += [f"{kind}_full_{unit}_{horizon.replace(' ', '_')}" for horizon in asked.horizons]
    # without a copy: a day's columns are half a gigabyte
    return pd.DataFrame(columns | dict(zip(kinds, found, strict=True)), copy=False)
