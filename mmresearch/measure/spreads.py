"""What each trade paid: quoted, effective and realized spread, and its impact, full spreads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Step
from mmresearch.measure.quotes import QUOTE, quote_blocks
from mmresearch.measure.references import (
    APART,
    HORIZONS,
    REFERENCES,
    Beside,
    Tape,
    apart_text,
    edges,
    references,
    refuse_clock,
    steps_of,
    tape,
    times,
)
from mmresearch.measure.sign_rules import RULES, by_rule

UNITS = ("bps", "abs")
RELATIVE = ("now", "later")
_TRADE = ["time", "seq", "price", "size", "side"]
_TEXT = (pl.String, pl.Categorical, pl.Enum)
_COUNTED = tuple(reason for reason in APART if reason and reason != "larger than any print")


class Asked(NamedTuple):
    """What was asked for: horizons by name, reference price, unit and of which price, sides."""

    horizons: dict[str, Step]
    reference: str
    unit: str
    relative_to: str
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
    relative_to: str = "now",
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
        Real time ("100ms", "5s", "1min"): the last valid reference price of the session at or
        before t + h (both sides, ask above bid). Or a count ("10 trades"): the last valid one known
        just before the trade so many later.
    symbol : str or list, optional
        Which; all if not given.
    sides : str
        "reported", a rule of `sign_trades`, or "auto": as reported if any trade has a side, else
        "lee_ready". A rule errs most near the mid, so that inferred sides make the effective spread
        too large: a wrong one turns what the trade got into what it paid.
    reference : str
        "mid"; "weighted_mid": (ask bid_size + bid ask_size)/(bid_size + ask_size), Hagstromer's
        weighted midpoint; or "microprice": the mid and what `mm.microprice` adds to it (needs the
        tick; estimated from all the symbol's quotes, so that it knows the future). Where trades
        come when these are near their side, the plain mid overstates what they pay (Hagstromer).
    unit : str
        "bps": 1e4 times the spread over M_t (now's, in all four). "abs": quote currency a unit.
    relative_to : str
        "now", or "later": realized and impact in basis points of M_(t+h), as some define them.
        Then realized + impact is the effective spread times M_t/M_(t+h).

    Returns
    -------
    DataFrame
        A row a trade of a session, ordered by symbol, time, seq: symbol, day, time, seq, side,
        price, size, bid, ask and reference (known just before the trade), apart, quoted_full_bps,
        effective_full_bps (known at the trade), realized_full_bps_5s and impact_full_bps_5s of each
        horizon (known at t + h); or with _abs. apart: why the trade has no reference, so that all
        its spreads are missing, else "": "no quote before" (in its session), "one side only",
        "locked", "crossed" (bid and ask are given), "no sizes", "auction" (a "cross" in the trades'
        column `event`, which has no aggressor). Missing too: of a trade without a side all but
        quoted; where t + h is past the session's close or the record's end, or so many trades do
        not follow, that horizon. attrs: unit, reference, relative_to, sides, horizons, and
        "counts" of all these: each reason, "outside every session" (no row), "without a side" (and
        not apart), "past the end, 5s".

    References
    ----------
    Huang and Stoll (1996), Dealer versus auction markets, Journal of Financial Economics 41.
    Hagstromer (2021), Bias in the effective bid-ask spread, Journal of Financial Economics 142.
    """
    asked = _asked(horizons, reference, unit, relative_to, sides)
    market = trades if isinstance(trades, Market) else _market(trades, quotes)
    if "quotes" not in market and "book" not in market:
        raise ValueError("spreads need quotes or a book, and the market has none")
    tapes = _tapes(market, symbol, asked)
    if asked.sides == "auto":
        told = any((~np.isnan(tape.rows["side"])).any() for tape in tapes.values())
        asked = asked._replace(sides="reported" if told else "lee_ready")
    pieces, counts = [], {}
    for name in list(tapes):
        piece, missed = _of_symbol(market, name, tapes.pop(name), asked)
        pieces.append(piece)
        counts |= {reason: counts.get(reason, 0) + n for reason, n in missed.items()}
    table = pieces[0] if len(pieces) == 1 else pd.concat(pieces, ignore_index=True)
    about = {name: getattr(asked, name) for name in ("unit", "reference", "relative_to", "sides")}
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
        opens, closes = edges(sessions, "open"), edges(sessions, "close")
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


def _asked(
    horizons: Sequence[str], reference: str, unit: str, relative_to: str, sides: str
) -> Asked:
    for name, value, known in (
        ("reference", reference, REFERENCES),
        ("unit", unit, UNITS),
        ("relative_to", relative_to, RELATIVE),
        ("sides", sides, ("auto", "reported", *RULES)),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return Asked(steps_of(horizons), reference, unit, relative_to, sides)


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
    for name in _chosen(market, symbol) if "trades" in market else []:
        refuse_clock(market.calendar(name), asked.horizons)
        rows = _trades(market, name, asked.sides in ("auto", "reported"))
        if rows and len(rows["time"]):
            found[name] = tape(rows, market.calendar(name))
    if not found:
        raise ValueError("there is no trade" + (f" of {symbol}" if symbol else ""))
    return found


def _trades(market: Market, symbol: str, with_side: bool) -> blocks.Block:
    """The columns of one symbol's trades, and of `event` whether it is an auction's print."""
    parts, columns = [], _TRADE if with_side else _TRADE[:4]
    for frame in market.blocks("trades", [*columns, "event"], symbol=symbol):
        told = frame.schema.get("event") in _TEXT
        cross = (pl.col("event") == "cross").fill_null(False) if told else pl.lit(False)
        lacking = [pl.lit(np.nan).alias(c) for c in columns if c not in frame.columns]
        chosen = frame.with_columns(*lacking, cross=cross).select(*columns, "cross")
        parts += blocks.of_frame(chosen)
    return {c: np.concatenate([part[c] for part in parts]) for c in [*columns, "cross"] if parts}


def _of_symbol(
    market: Market, name: str, tape: Tape, asked: Asked
) -> tuple[pd.DataFrame, dict[str, int]]:
    from mmresearch.measure.spread_kernels import full_spreads  # numba: loaded only here

    steps, outside = asked.horizons, int((tape.session < 0).sum())
    end, tape = int(tape.rows["time"][-1]), tape.inside()  # trades outside are recorded too
    rows, side = tape.rows, tape.rows.get("side")
    found = np.empty((2 + 2 * len(steps), len(rows["time"])))
    later = found[2 : 2 + len(steps)]
    how = {"reference": asked.reference, "end": end}
    beside = references(market, name, tape, steps, later=later, **how)
    beside.apart[rows["cross"]] = APART.index("auction")
    beside.reference[rows["cross"]] = np.nan
    if asked.sides != "reported":
        side, _ = by_rule(asked.sides, rows["price"], beside.bid, beside.ask, tape.session)
    known = (beside.bid, beside.ask, beside.reference)
    scale, of_later = 1e4 if asked.unit == "bps" else 0.0, asked.relative_to == "later"
    lost = full_spreads(rows["price"], side, known, beside.apart, found, scale, of_later)
    missed = {why: int((beside.apart == n).sum()) for n, why in enumerate(APART) if why in _COUNTED}
    missed["outside every session"] = outside
    names = ["without a side", *(f"past the end, {horizon}" for horizon in steps)]
    missed |= dict(zip(names, lost.tolist(), strict=True))
    return _table(name, tape, side, beside, found, asked), missed


def _table(
    name: str,
    tape: Tape,
    side: np.ndarray,
    beside: Beside,
    found: np.ndarray,
    asked: Asked,
) -> pd.DataFrame:
    rows, unit = tape.rows, asked.unit
    columns = {
        "symbol": pd.array(pa.repeat(pa.scalar(name, pa.large_string()), len(side)), dtype="str"),
        "day": tape.day,
        "time": times(rows["time"]),
        "seq": rows["seq"],
        "side": side,
        "price": rows["price"],
        "size": rows["size"],
        "bid": beside.bid,
        "ask": beside.ask,
        "reference": beside.reference,
        "apart": apart_text(beside.apart),
    }
    kinds = [f"quoted_full_{unit}", f"effective_full_{unit}"]
    for kind in ("realized", "impact"):
        kinds += [f"{kind}_full_{unit}_{horizon.replace(' ', '_')}" for horizon in asked.horizons]
    # without a copy: a day's columns are half a gigabyte
    return pd.DataFrame(columns | dict(zip(kinds, found, strict=True)), copy=False)
