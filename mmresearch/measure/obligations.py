"""What an obliged maker owed and what it gave: its time two-sided, near enough and large enough.

Every stretch of a session in which nothing changes is judged once, in whole nanoseconds, so that
the time that complies and the time that does not are the session, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.duties import Duties, duties, stressed
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.steady import observed, standing, stretches
from mmresearch.sessions import has_clock, session_of

_HOUR = 3_600 * 10**9
_SAME = 1 + 1e-9  # of a spread, which is a difference of floats
_WHY = ("no quote yet", "no bid", "no ask", "crossed", "spread too wide")
_WHY += ("bid too small", "ask too small")
_TIMES = ("seconds", "two_sided", "within_spread", "of_size", "compliant")
_STRESS = ("stressed", "stressed_compliant")


class Obligations(NamedTuple):
    """What `quoting_obligations` finds, as three tables."""

    by_day: pd.DataFrame
    by_hour: pd.DataFrame
    breaches: pd.DataFrame


def quoting_obligations(
    quotes: Market | pd.DataFrame,
    rules: Mapping[str, object],
    *,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    calendar: str = "24/7",
) -> Obligations:
    """Whether accounts quoted as they had to, session by session and hour by hour.

    A quote stands until the account's next one or the session's close, and is not carried over the
    night. It complies while both sides stand (a price, and a size that is not 0), the ask is not
    below the bid, the spread is at most the widest allowed and each side has the least size. Only
    time at which all of that holds counts for a share.

    Parameters
    ----------
    quotes : Market or DataFrame
        A market with `own_quotes`, or such a table, ordered by time.
    rules : mapping
        presence          share of each session in which the quote has to comply, above 0, at most 1
        max_spread_bps    1e4*(ask - bid)/mid of the account's own quote, or
        max_spread_ticks  (ask - bid)/tick, for symbols whose tick the market knows
        min_size          units on each side; a size that is missing does not comply
        stress_presence   share of a session's stressed time in which the quote has to comply
        stress            when that is: a table of start, end (and symbol, else all of them), or a
                          number: the minutes of a session in which the market's mid moved so many
                          bps (the root of the sum of its squared log changes) or more

        The two shares overlap and are judged apart: stressed time counts for both, once as part of
        the session and once by itself.
    account, symbol : str or list, optional
        Whose and of what; all that have a quote if not given.
    calendar : str
        The sessions of a table (a market knows its own).

    Returns
    -------
    Obligations
        by_day: account, symbol, day; seconds (of the session), two_sided, within_spread, of_size,
        compliant (seconds; the middle ones of two-sided time), share (compliant/seconds), required,
        met; stressed, stressed_compliant (seconds), stressed_share, stressed_required, stressed_met
        (missing where nothing was owed or no time was stressed).

        by_hour: the same with hour (0 is the first of the session), start and end; there `met` says
        whether the hour alone has the share, which is owed for the session.

        breaches: account, symbol, day, start, end, seconds, stressed (seconds of it), why: the time
        that does not comply. Per account, symbol and day its seconds and the compliant ones are the
        session's, to the nanosecond.

        A session is one that holds an event of the symbol; of "24/7" only the time from its first
        event to its last counts, for the rest was not observed.

    Raises
    ------
    ValueError
        No own quotes, or an account or symbol without any; a table out of order; rules that are not
        known, contradict each other or are no positive numbers; ticks or volatility that are not
        known; sessions without a clock; and, without a limit of the spread, a quote wider than all
        prices of its session, which would count as presence.
    SchemaError
        A table that breaks the contract of `own_quotes`, as by a negative size.
    """
    owed, market = duties(rules), _market(quotes, calendar)
    own = _chosen(_chosen(market["own_quotes"], "symbol", symbol), "account", account)
    pieces = []
    for name, rows in own.groupby("symbol", sort=True):
        clock, limit = _clock(market, name, owed), _limit(market, name, owed)
        if np.isinf(limit):
            _refuse_wide(rows, market, name, clock)
        for who, quoted in rows.groupby("account", sort=True):
            judged = _judged(quoted, clock, owed, limit)
            pieces.append(judged.assign(account=who, symbol=name))
    table = pd.concat(pieces, ignore_index=True)
    table = table.sort_values(["account", "symbol", "from"], kind="stable", ignore_index=True)
    series = ["account", "symbol", "day"]
    by_hour = _summed(table, [*series, "hour", "start", "end"], owed)
    return Obligations(_summed(table, series, owed), by_hour, _breaches(table))


class _Clock(NamedTuple):
    """A symbol's sessions (day, open, close), what of them was observed, and when it was stressed.

    begin, until: nanoseconds, one a session. stress: starts and ends, in order.
    """

    sessions: pd.DataFrame
    begin: np.ndarray
    until: np.ndarray
    stress: tuple[np.ndarray, np.ndarray]


def _market(quotes: Market | pd.DataFrame, calendar: str) -> Market:
    if not isinstance(quotes, Market):
        market = Market(own_quotes=quotes, calendar=calendar)
        if not pd.Series(quotes["time"]).is_monotonic_increasing:
            raise ValueError("the quotes are not in order of time: sort them, or mend their clock")
    else:
        market = quotes
    if "own_quotes" not in market or market["own_quotes"].empty:
        raise ValueError(f"market {market.name!r} has no own_quotes: whose quotes are obliged?")
    return market


def _chosen(own: pd.DataFrame, kind: str, names: str | Sequence[str] | None) -> pd.DataFrame:
    if names is None:
        return own
    names = [names] if isinstance(names, str) else list(names)
    lacking = sorted(set(names) - set(own[kind]))
    if lacking:
        there = ", ".join(sorted(set(own[kind]))[:20])
        raise ValueError(f"no own quotes of {kind} {lacking}; there are those of {there}")
    return own[own[kind].isin(names)]


def _clock(market: Market, symbol: str, owed: Duties) -> _Clock:
    calendar, sessions = market.calendar(symbol), market.sessions(symbol)
    if not has_clock(calendar):
        raise ValueError(f"sessions of calendar {calendar!r} have no clock: no share of their time")
    begin, until = observed(market, symbol, sessions)
    return _Clock(sessions, begin, until, stressed(owed.stress, market, symbol, sessions))


def _limit(market: Market, symbol: str, owed: Duties) -> float:
    """The widest spread, as a price where it is in ticks."""
    if owed.unit == "bps":
        return owed.max_spread
    about = market.symbols.set_index("symbol")["tick"]
    if not about[symbol] > 0:
        raise ValueError(f"max_spread_ticks: the market does not know the tick of {symbol}")
    return owed.max_spread * about[symbol]


def _refuse_wide(own: pd.DataFrame, market: Market, symbol: str, clock: _Clock) -> None:
    """Refuse quotes that no price of the session could reach, where any width would comply."""
    part, prices = market.select(symbol), []
    best = best_quotes(part)
    if best is not None:
        prices += [best[["time", side]].rename(columns={side: "price"}) for side in ("bid", "ask")]
    if "trades" in part:
        prices.append(part["trades"][["time", "price"]])
    if not prices:
        return
    prices = pd.concat(prices)
    by = prices["price"].groupby(session_of(prices["time"], clock.sessions))
    span = (
        (by.max() - by.min())
        .drop(-1, errors="ignore")
        .reindex(session_of(own["time"], clock.sessions))
        .to_numpy()
    )
    wide = (own["ask"] - own["bid"]).to_numpy() > span * _SAME
    wide &= span > 0
    if wide.any():
        first = own.iloc[wide.argmax()]
        raise ValueError(
            f"{wide.sum()} own quotes of {symbol} are wider than all prices of their session, the"
            f" first {first['bid']:g} to {first['ask']:g} at {first['time']}; without"
            " max_spread_bps or max_spread_ticks they would count as presence"
        )


def _judged(quotes: pd.DataFrame, clock: _Clock, owed: Duties, limit: float) -> pd.DataFrame:
    """Every stretch in which nothing changes: when it was (ns), and what the quote was worth."""
    times, given = nanoseconds(quotes["time"]), session_of(quotes["time"], clock.sessions)
    edges = [times, _hours(clock), *clock.stress]
    start, end, session = stretches(edges, clock.begin, clock.until)
    last = standing(times, given, start, session)
    state = _worth(quotes, owed, limit)
    opened = nanoseconds(clock.sessions["open"])[session]
    hour = (start - opened) // _HOUR
    begins, ends = clock.stress
    inside = np.searchsorted(begins, start, side="right") - 1
    edges = {
        "start": np.maximum(opened + hour * _HOUR, clock.begin[session]),
        "end": np.minimum(opened + (hour + 1) * _HOUR, clock.until[session]),
    }
    return pd.DataFrame(
        {name: values[last] for name, values in state.items()}
        | {name: pd.to_datetime(edge, utc=True) for name, edge in edges.items()}
        | {"day": clock.sessions["day"].to_numpy()[session], "hour": hour}
        | {"from": start, "to": end, "stressed": np.append(ends, 0)[inside] > start}
    )


def _hours(clock: _Clock) -> np.ndarray:
    """When an hour of a session begins."""
    opens, closes = (nanoseconds(clock.sessions[edge]) for edge in ("open", "close"))
    count = -(-(closes - opens) // _HOUR)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(opens, count) + number * _HOUR


def _worth(quotes: pd.DataFrame, owed: Duties, limit: float) -> dict[str, np.ndarray]:
    """What each quote is worth, and last what no quote is: what holds of it, and why it fails."""
    names = ("bid", "ask", "bid_size", "ask_size")
    bid, ask, *sizes = (np.append(quotes[name].to_numpy("float64"), np.nan) for name in names)
    stands = [~np.isnan(p) & (s != 0) for p, s in zip((bid, ask), sizes, strict=True)]
    both = stands[0] & stands[1]
    width = ask - bid if owed.unit == "ticks" else 2e4 * (ask - bid) / (ask + bid)
    near = both & (width >= 0) & (width <= limit * _SAME)
    small = [side & ~(size >= owed.min_size) for side, size in zip(stands, sizes, strict=True)]
    if not owed.min_size:
        small = [np.zeros(len(bid), bool)] * 2
    none = np.append(np.zeros(len(quotes), bool), True)
    faults = [none, ~stands[0] & ~none, ~stands[1] & ~none, both & (width < 0)]
    faults += [both & (width >= 0) & ~near, *small]
    why = sum(fault * 2**bit for bit, fault in enumerate(faults))
    sized = both & ~small[0] & ~small[1]
    held = {"two_sided": both, "within_spread": near, "of_size": sized, "compliant": why == 0}
    return held | {"why": why}


def _summed(table: pd.DataFrame, by: list[str], owed: Duties) -> pd.DataFrame:
    """The seconds of each group, the shares they come to, and whether these are what is owed."""
    length = table["to"] - table["from"]
    parts = {"seconds": length}
    parts |= {name: length.where(table[name], 0) for name in (*_TIMES[1:], "stressed")}
    parts["stressed_compliant"] = parts["compliant"].where(table["stressed"], 0)
    sums = pd.DataFrame(parts).groupby([table[name] for name in by], sort=False).sum() / 1e9
    found = sums[list(_TIMES)].assign(**_owed(sums, "compliant", "seconds", owed.presence, ""))
    found = found.join(sums[list(_STRESS)])
    share = _owed(sums, "stressed_compliant", "stressed", owed.stress_presence, "stressed_")
    return found.assign(**share).reset_index()


def _owed(
    sums: pd.DataFrame, part: str, whole: str, required: float, prefix: str
) -> dict[str, pd.Series]:
    share = sums[part] / sums[whole].where(sums[whole] > 0)
    met = (share >= required / _SAME).astype("boolean").where(share.notna() & (required > 0))
    owed = pd.Series(required, index=sums.index)
    return {f"{prefix}share": share, f"{prefix}required": owed, f"{prefix}met": met}


def _breaches(table: pd.DataFrame) -> pd.DataFrame:
    """Time that does not comply, as long as it lasts for the same reasons."""
    rows = table[~table["compliant"]]
    series = ["account", "symbol", "day", "why"]
    same = (rows[series] == rows[series].shift()).all(axis=1) & (rows["from"] == rows["to"].shift())
    length = rows["to"] - rows["from"]
    rows = rows.assign(seconds=length, stressed=length.where(rows["stressed"], 0))
    how = dict.fromkeys([*series, "from"], "first") | {"to": "last"}
    found = rows.groupby((~same).cumsum()).agg(how | {"seconds": "sum", "stressed": "sum"})
    edges = {"start": "from", "end": "to"}
    times = {name: pd.to_datetime(found[edge], utc=True) for name, edge in edges.items()}
    seconds = {name: found[name] / 1e9 for name in ("seconds", "stressed")}
    words = {code: _words(code) for code in found["why"].unique()}
    found = found.assign(**times, **seconds, why=found["why"].map(words).astype("str"))
    order = ["account", "symbol", "day", "start", "end", "seconds", "stressed", "why"]
    return found[order].reset_index(drop=True)


def _words(code: int) -> str:
    return ", ".join(word for bit, word in enumerate(_WHY) if code & 2**bit)
