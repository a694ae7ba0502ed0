"""Markouts of an account's fills: what each earned at once, what it lost later, what was left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Step, parse_freq
from mmresearch.measure.fill_prints import Tape, crosses_of, in_auction, larger_than_any, tape_of
from mmresearch.measure.fills import account_fills
from mmresearch.measure.quotes import QUOTE, quote_blocks
from mmresearch.sessions import has_clock, session_of, session_table

HORIZONS = ("1s", "5s", "15s", "60s", "300s")
REFERENCES = ("mid", "weighted_mid", "microprice")
UNITS = ("bps", "abs")
APART = (
    "outside every session",
    "auction",
    "larger than any print",
    "no quote before",
    "one-sided",
    "crossed",
    "locked",
    "no reference",
)
_FIRST = ["account", "symbol", "day", "time", "seq", "side", "price", "size"]
INFERRED = "the aggregate maker's fills, inferred from the public trades"
_LONGEST = 2**60  # nanoseconds, 36 years: later instants would not be numbers of 64 bits


class Asked(NamedTuple):
    """What was asked for: steps of the horizons by name, and how prices are told."""

    horizons: dict[str, Step]
    reference: str
    unit: str
    relative_to: str


def markouts(
    market: Market,
    *,
    horizons: Sequence[str] = HORIZONS,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    reference: str = "mid",
    unit: str = "bps",
    relative_to: str = "now",
) -> pd.DataFrame:
    """What each fill earned against the reference price at once and after each horizon.

    With the account's side s (+1 it bought), price P, the reference M_t known just before the fill
    and M_(t+h) that at h after it, a unit of the asset:

        capture  s (M_t - P)    adverse  -s (M_(t+h) - M_t)    markout  s (M_(t+h) - P)

    so markout = capture - adverse in every fill. Capture and markout are a gain where positive,
    adverse a loss. They are half-spread numbers: capture at the ask is half the quoted spread, and
    twice the aggregate maker's are the full spreads of `spreads`. Fees are not in them.

    Parameters
    ----------
    market : Market
        With fills, else with trades, from which the aggregate maker's are inferred
        (`infer_fills`); and with quotes or a book.
    horizons : list of str
        Real time ("100ms", "5s", "1min"): the last valid reference of the session at or before t +
        h, where a quote is valid with both sides and bid < ask. Or a count ("10 trades"): the one
        known just before the symbol's public print so many later.
    account, symbol : str or list, optional
        Which; all if not given.
    reference : str
        "mid", "weighted_mid" or "microprice", as in `spreads`.
    unit : str
        "bps": 1e4 times the difference over a reference price. "abs": quote currency a unit.
    relative_to : str
        What bps are of: "now", M_t in all; or "later", M_(t+h), so that each horizon has a capture
        of its own (capture_bps_5s).

    Returns
    -------
    DataFrame
        A row a fill, ordered by symbol, time, seq: account, symbol, day, time, seq, side, price,
        size and the other columns of fills (maker, counterparty, fee, venue, ...); bid, ask and
        reference (of the last quote of the session with an earlier (time, seq)); capture_bps (known
        at the fill), markout_bps_5s and adverse_bps_5s of each horizon (known at t + h), or _abs;
        apart. All are differences of prices: a contract's multiplier is not in them, nor, for an
        inverse contract, what the difference comes to in its asset.

        `apart` is "", or why the fill is kept apart, and then capture and all horizons are missing:
        "outside every session"; "auction" (its `event` or its print's is a cross); "larger than any
        print" (of its symbol and session, where the market has fills and public trades); "no quote
        before" (in the session); "one-sided", "crossed" or "locked" (the quote before it); "no
        reference" (that quote's sizes do not tell it). The first that holds is named. A horizon is
        missing too where t + h is past the session's close or the record's end, or so many prints
        do not follow. attrs: unit, reference, relative_to, horizons, note, and
        "counts" of all these ("past the end, 5s"), of fills with "fee not known" and of "prints
        without a side", which gave no fill.

    Raises
    ------
    ValueError
        No quotes, no fill of what was asked for, an option that is not known, a clock horizon where
        the calendar has no clock, a count where there are no public trades.
    """
    asked = _asked(horizons, reference, unit, relative_to)
    if "quotes" not in market and "book" not in market:
        raise ValueError("markouts need quotes or a book, and the market has none")
    fills, unsigned = _fills(market, account, symbol)
    own = unsigned is None
    counts = dict.fromkeys(APART, 0)
    counts |= {f"past the end, {name}": 0 for name in asked.horizons}
    counts["fee not known"] = int(fills["fee"].isna().sum())
    counts |= {} if own else {"prints without a side": unsigned}
    pieces = []
    for name, rows in fills.groupby("symbol", sort=True):
        piece, missed = _of_symbol(market, name, rows.reset_index(drop=True), asked, own)
        pieces.append(piece)
        counts |= {reason: counts[reason] + n for reason, n in missed.items()}
    table = pieces[0] if len(pieces) == 1 else pd.concat(pieces, ignore_index=True)
    about = {"unit": unit, "reference": reference, "relative_to": relative_to}
    about |= {"horizons": list(asked.horizons), "counts": counts}
    table.attrs = about | {"note": "" if own else INFERRED}
    return table


def _asked(
    horizons: Sequence[str],
    reference: str,
    unit: str,
    relative_to: str,
) -> Asked:
    known = {"reference": REFERENCES, "unit": UNITS, "relative_to": ("now", "later")}
    given = {"reference": reference, "unit": unit, "relative_to": relative_to}
    for name, value in given.items():
        if value not in known[name]:
            raise ValueError(f"{name} must be one of {', '.join(known[name])}, not {value!r}")
    horizons = [horizons] if isinstance(horizons, str) else list(horizons)
    steps = {str(horizon).strip(): parse_freq(horizon) for horizon in horizons}
    if not steps or len(steps) < len(horizons):
        raise ValueError("horizons must be one or more, each once")
    for name, step in steps.items():
        if step.kind == "session" or step.size > _LONGEST:
            raise ValueError(f"horizon {name!r} must end within a session: give '5s', '10 trades'")
    return Asked(steps, reference, unit, relative_to)


def _fills(
    market: Market, account: str | Sequence[str] | None, symbol: str | Sequence[str] | None
) -> tuple[pd.DataFrame, int | None]:
    """The fills asked for, and, where they are inferred, how many prints gave none."""
    names = [symbol] if isinstance(symbol, str) else symbol
    for name in names or ():
        market.calendar(name)
    inferred = "fills" not in market or not len(market["fills"])
    fills = account_fills(market, account=account)
    chosen = fills if names is None else fills[fills["symbol"].isin(names)]
    if chosen.empty:
        asked = [f" of {value}" for value in (account, symbol) if value is not None]
        raise ValueError(f"there is no fill{''.join(asked)}")
    if not inferred:
        return chosen, None
    tape = market["trades"]
    prints = len(tape) if names is None else int(tape["symbol"].isin(names).sum())
    return chosen, prints - len(chosen)


def _of_symbol(
    market: Market, name: str, fills: pd.DataFrame, asked: Asked, own: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of one symbol, and how many are apart or past the end, by reason."""
    tape = tape_of(market, name)
    at, seq, price, side, size = blocks.of_table(
        fills, ["time", "seq", "price", "side", "size"]
    ).values()
    _refuse_steps(asked.horizons, market.calendar(name), name, len(tape.time))
    sessions = session_table(market.calendar(name), fills["time"])
    session = session_of(fills["time"], sessions)
    edges = tuple(sessions[c].to_numpy("datetime64[ns]").view("int64") for c in ("open", "close"))
    known, later = _beside(market, name, (at, seq), session, edges, tape, asked)
    bid, ask, now = known
    reasons = {
        "outside every session": session < 0,
        "auction": in_auction(fills, crosses_of(market, name)),
        "larger than any print": own & larger_than_any(size, session, tape, edges),
        "no quote before": np.isnan(bid) & np.isnan(ask),
        "one-sided": np.isnan(bid) | np.isnan(ask),
        "crossed": bid > ask,
        "locked": bid == ask,
        "no reference": np.isnan(now),
    }
    apart = np.select(list(reasons.values()), range(len(reasons)), len(reasons))
    kept = apart == len(reasons)
    now = np.where(kept, now, np.nan)
    then = dict(zip(asked.horizons, later, strict=True))
    missed = {f"past the end, {h}": int((kept & np.isnan(p)).sum()) for h, p in then.items()}
    found = _prices(side, price, now, then, asked)
    missed |= {reason: int((apart == k).sum()) for k, reason in enumerate(APART)}
    day = np.full(len(fills), np.datetime64("NaT", "ns"))
    day[session >= 0] = sessions["day"].to_numpy("datetime64[ns]")[session[session >= 0]]
    columns = {c: fills[c] for c in fills.columns} | {"day": day}
    columns = {c: columns[c] for c in [*_FIRST, *(c for c in fills.columns if c not in _FIRST)]}
    columns |= {"bid": bid, "ask": ask, "reference": known[2]} | found
    columns["apart"] = pd.Series(np.array([*APART, ""], dtype=object)[apart], dtype="str")
    return pd.DataFrame(columns), missed


def _prices(
    side: np.ndarray,
    price: np.ndarray,
    now: np.ndarray,
    then: Mapping[str, np.ndarray],
    asked: Asked,
) -> dict[str, np.ndarray]:
    """Capture, and of each horizon markout and adverse, in the unit asked for."""
    unit = asked.unit
    label = {horizon: f"{unit}_{horizon.replace(' ', '_')}" for horizon in then}
    scale = 1e4 / now if unit == "bps" else np.ones(len(now))
    found = {f"capture_{unit}": side * (now - price) * scale}
    scales = dict.fromkeys(then, scale)
    if unit == "bps" and asked.relative_to == "later":
        scales = {horizon: 1e4 / later for horizon, later in then.items()}
        found |= {f"capture_{label[h]}": side * (now - price) * scales[h] for h in then}
    moved = {h: side * (later - now) * scales[h] for h, later in then.items()}
    found |= {f"markout_{label[h]}": side * (now - price) * scales[h] + moved[h] for h in then}
    return found | {f"adverse_{label[h]}": -moved[h] for h in then}


def _refuse_steps(steps: Mapping[str, Step], calendar: str, name: str, prints: int) -> None:
    kinds = {step.kind for step in steps.values()}
    if "clock" in kinds and not has_clock(calendar):
        raise ValueError(f"there is no clock in calendar {calendar!r}: give '10 trades'")
    if "count" in kinds and not prints:
        raise ValueError(f"horizons in trades need public trades, and {name} has none")


def _beside(
    market: Market,
    name: str,
    order: tuple[np.ndarray, np.ndarray],
    session: np.ndarray,
    edges: tuple[np.ndarray, np.ndarray],
    tape: Tape,
    asked: Asked,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Bid, ask and reference before each fill [3, n], and the reference at each horizon [n]."""
    at, seq = order
    quotes = {c: np.empty(0, np.int64 if c in ("time", "seq") else float) for c in QUOTE}
    for block in quote_blocks(market, name):
        quotes = {c: np.concatenate([quotes[c], block[c]]) for c in QUOTE}
    when, _, bid, ask, bid_size, ask_size = quotes.values()
    mid = (bid + ask) / 2
    if asked.reference != "mid":
        with np.errstate(invalid="ignore"):
            mid = (ask * bid_size + bid * ask_size) / (bid_size + ask_size)
    valid = (bid < ask) & ~np.isnan(mid)
    mid[~valid] = np.nan
    last = np.maximum.accumulate(np.where(valid, np.arange(len(mid)), -1))
    row = Tape(when, quotes["seq"], bid, ask).after(at, seq - 1) - 1
    opens, closes = (np.append(edge, 0) for edge in edges)
    here = (row >= 0) & (session >= 0)
    here[here] = when[row[here]] >= opens[session[here]]
    known = np.where(here, np.stack([bid, ask, mid])[:, row], np.nan)
    end = max([*when[-1:], *tape.time[-1:]])
    after, later = tape.after(at, seq), []
    for step in asked.horizons.values():
        if step.kind == "clock":
            then = at + step.size
            found = np.searchsorted(when, then, side="right") - 1
            past = then > np.minimum(closes[session], end)
        else:
            to = after + step.size - 1
            past = to >= len(tape.time)
            to[past] = 0
            past |= tape.time[to] > closes[session]
            found = Tape(when, quotes["seq"], bid, ask).after(tape.time[to], tape.seq[to] - 1) - 1
        good = ~past & (session >= 0) & (found >= 0)
        good[good] = last[found[good]] >= 0
        good[good] = when[last[found[good]]] >= opens[session[good]]
        later.append(np.where(good, mid[last[found]], np.nan))
    return known, later
