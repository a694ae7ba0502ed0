"""Markouts of an account's fills: what each earned at once, what it lost later, what was left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Step
from mmresearch.measure.fill_prints import crosses_of, in_auction, larger_than_any, tape_of
from mmresearch.measure.fills import account_fills
from mmresearch.measure.references import (
    APART,
    HORIZONS,
    REFERENCES,
    Tape,
    apart_text,
    edges,
    references,
    refuse_clock,
    steps_of,
    tape,
)

UNITS = ("bps", "abs")
_ROW = ["time", "seq", "price", "size", "side"]
_FIRST = ["account", "symbol", "day", "time", "seq", "side", "price", "size"]
INFERRED = "the aggregate maker's fills, inferred from the public trades"


class Asked(NamedTuple):
    """What was asked for: steps of the horizons by name, how prices are told, the index's betas."""

    horizons: dict[str, Step]
    reference: str
    unit: str
    relative_to: str
    index: str | None
    beta: float | Mapping[str, float]

    def label(self, kind: str, horizon: str = "") -> str:
        """The name of a column."""
        return f"{kind}_{self.unit}" + (f"_{horizon.replace(' ', '_')}" if horizon else "")


def markouts(
    market: Market,
    *,
    horizons: Sequence[str] = HORIZONS,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    reference: str = "mid",
    unit: str = "bps",
    relative_to: str = "now",
    index: str | None = None,
    beta: float | Mapping[str, float] = 1.0,
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
        h (both sides, ask above bid). Or a count ("10 trades"): the last valid one known just
        before the symbol's public print so many later.
    account, symbol : str or list, optional
        Which; all if not given.
    reference : str
        As in `spreads`.
    unit : str
        "bps": 1e4 times the difference over a reference price. "abs": quote currency a unit.
    relative_to : str
        What bps are of: "now", M_t in all; or "later", M_(t+h), so that each horizon has a capture
        of its own too (capture_bps_5s).
    index : str, optional
        A symbol of the market: M_(t+h) - M_t is then what it moved beyond beta * M_t times the
        index's return over the same horizon, in adverse and markout; capture is as it was. A fill
        of the index itself has then, with beta 1, no adverse selection by construction.
    beta : float or dict
        With `index`: one number, or by symbol.

    Returns
    -------
    DataFrame
        A row a fill, ordered by symbol, time, seq: account, symbol, day, time, seq, side, price,
        size and the other columns of fills (maker, counterparty, fee, venue, ...); bid and ask (of
        the last quote of the session with an earlier (time, seq)), reference, capture_bps (known at
        the fill), markout_bps_5s and adverse_bps_5s of each horizon (known at t + h), or _abs;
        apart. All are differences of prices: a contract's multiplier is not in them, nor, for an
        inverse contract, what the difference comes to in its asset.

        `apart` is "", or why the fill is kept apart, and then reference, capture and all horizons
        are missing: "outside every session"; "auction" (its `event`, or its print's, is a cross);
        "larger than any print" (of its symbol and session, where the market has fills and public
        trades; known at the close); "no quote before" (in its session), "one side only", "locked",
        "crossed", "no sizes" (of the quote before it). The first that holds is named. A horizon is
        missing too where t + h is past the session's close or the end of the record of quotes and
        trades, or so many prints do not follow, or the index has no reference.
        attrs: unit, reference, relative_to, horizons, index, beta, note, and "counts" of all this:
        each reason, "past the end, 5s", "without the index, 5s"; of fills with "fee not known"; and
        of "prints without a side", which gave the aggregate maker no fill.

    Raises
    ------
    ValueError
        No quotes; no fill of what was asked for; an option that is not known; a horizon in real
        time where the calendar has no clock, or in trades where there are none; a beta that is
        missing.

    References
    ----------
    Huang and Stoll (1996), Dealer versus auction markets, Journal of Financial Economics 41.
    Menkveld (2013), High frequency trading and the new market makers, Journal of Financial Markets
    16.
    """
    asked = _asked(horizons, reference, unit, relative_to, index, beta)
    if "quotes" not in market and "book" not in market:
        raise ValueError("markouts need quotes or a book, and the market has none")
    fills, unsigned = _fills(market, account, symbol)
    own = unsigned is None
    _refuse(asked, market, fills)
    counts = dict.fromkeys(filter(None, APART), 0)
    counts |= {f"past the end, {name}": 0 for name in asked.horizons}
    counts |= {f"without the index, {name}": 0 for name in asked.horizons if index is not None}
    counts["fee not known"] = int(fills["fee"].isna().sum())
    counts |= {} if own else {"prints without a side": unsigned}
    pieces = []
    for name, rows in sorted(blocks.rows_by_symbol(fills).items()):
        piece, missed = _of_symbol(market, name, fills.iloc[rows], asked, own)
        pieces.append(piece)
        counts |= {reason: counts[reason] + n for reason, n in missed.items()}
    table = pieces[0] if len(pieces) == 1 else pd.concat(pieces, ignore_index=True)
    about = {"unit": unit, "reference": reference, "relative_to": relative_to}
    about |= {"horizons": list(asked.horizons), "index": index}
    about |= {"beta": None if index is None else beta, "note": "" if own else INFERRED}
    table.attrs = about | {"counts": counts}
    return table


def _asked(
    horizons: Sequence[str],
    reference: str,
    unit: str,
    relative_to: str,
    index: str | None,
    beta: float | Mapping[str, float],
) -> Asked:
    known = {"reference": REFERENCES, "unit": UNITS, "relative_to": ("now", "later")}
    given = {"reference": reference, "unit": unit, "relative_to": relative_to}
    for name, value in given.items():
        if value not in known[name]:
            raise ValueError(f"{name} must be one of {', '.join(known[name])}, not {value!r}")
    return Asked(steps_of(horizons), reference, unit, relative_to, index, beta)


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
    printed = market["trades"]["symbol"]
    return chosen, int(len(printed) if names is None else printed.isin(names).sum()) - len(chosen)


def _refuse(asked: Asked, market: Market, fills: pd.DataFrame) -> None:
    """An error for horizons that cannot be reached, an index or a beta that is not there."""
    symbols = fills["symbol"].unique()
    for name in symbols:
        refuse_clock(market.calendar(name), asked.horizons)
    counted = any(step.kind == "count" for step in asked.horizons.values())
    if counted and not ("trades" in market and len(market["trades"])):
        raise ValueError("a horizon in trades needs public trades, and the market has none")
    if asked.index is None:
        return
    refuse_clock(market.calendar(asked.index), asked.horizons)
    betas = asked.beta if isinstance(asked.beta, Mapping) else dict.fromkeys(symbols, asked.beta)
    lacking = sorted(set(symbols) - set(betas))
    if lacking:
        raise ValueError(f"beta lacks {', '.join(lacking)}: give a number a symbol")
    wrong = [name for name in symbols if not np.isfinite(betas[name])]
    if wrong:
        raise ValueError(f"beta of {', '.join(wrong)} must be a finite number")


def _of_symbol(
    market: Market, name: str, fills: pd.DataFrame, asked: Asked, own: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of one symbol, and how many are apart or have no later price, by reason."""
    printed, ours = tape_of(market, name), tape(blocks.of_table(fills, _ROW), market.calendar(name))
    prints = {"time": printed.time, "seq": printed.seq}
    how = {"reference": asked.reference, "counted": tape(prints, market.calendar(name))}
    end = int(max(printed.time[-1:], default=0))
    beside = references(market, name, ours, asked.horizons, end=end, **how)
    apart, inside = beside.apart, ours.session >= 0
    if own:
        ends = (edges(ours.sessions, "open"), edges(ours.sessions, "close"))
        large = larger_than_any(ours.rows["size"], ours.session, printed, ends)
        apart[inside & large] = APART.index("larger than any print")
    apart[inside & in_auction(fills, crosses_of(market, name))] = APART.index("auction")
    now, later = beside.reference, beside.later
    now[apart > 0], later[:, apart > 0] = np.nan, np.nan
    missed = {why: int((apart == n).sum()) for n, why in enumerate(APART) if why}
    for horizon, then in zip(asked.horizons, later, strict=True):
        missed[f"past the end, {horizon}"] = int(((apart == 0) & np.isnan(then)).sum())
    market_moved = np.zeros((1, 1))
    if asked.index is not None:
        moved = _index_moves(market, fills, prints, asked)
        for horizon, then, by in zip(asked.horizons, later, moved, strict=True):
            missed[f"without the index, {horizon}"] = int((~np.isnan(then) & np.isnan(by)).sum())
        beta = asked.beta[name] if isinstance(asked.beta, Mapping) else asked.beta
        market_moved = beta * now * moved
    columns = {c: fills[c].array for c in fills.columns} | {"day": ours.day}
    columns = {c: columns[c] for c in [*_FIRST, *(c for c in fills.columns if c not in _FIRST)]}
    columns |= {"bid": beside.bid, "ask": beside.ask, "reference": now}
    columns |= _differences(ours, now, later, market_moved, asked)
    return pd.DataFrame(columns | {"apart": apart_text(apart)}, copy=False), missed


def _index_moves(
    market: Market, fills: pd.DataFrame, prints: blocks.Block, asked: Asked
) -> np.ndarray:
    """The index's return over each horizon of each fill [k, n], by its own sessions and record."""
    calendar = market.calendar(asked.index)
    ours, counted = (tape(rows, calendar) for rows in (blocks.of_table(fills, _ROW), prints))
    how = {"reference": asked.reference, "counted": counted}
    beside = references(market, asked.index, ours, asked.horizons, end=0, **how)
    return beside.later / beside.reference - 1


def _differences(
    fills: Tape, now: np.ndarray, later: np.ndarray, expected: np.ndarray, asked: Asked
) -> blocks.Block:
    """Capture, and of each horizon markout and adverse, in the unit asked for.

    expected: by how much the reference moves with the index [k, n], or 0 in a shape that fits.
    """
    side, price = fills.rows["side"], fills.rows["price"]
    gained, lost = side * (now - price), side * (now - later + expected)
    of = dict.fromkeys(asked.horizons, now / 1e4 if asked.unit == "bps" else 1.0)
    found = {asked.label("capture"): gained / of[next(iter(of))]}
    if asked.unit == "bps" and asked.relative_to == "later":
        of = {horizon: then / 1e4 for horizon, then in zip(of, later, strict=True)}
        found |= {asked.label("capture", horizon): gained / of[horizon] for horizon in of}
    for horizon, part in zip(of, lost, strict=True):
        found[asked.label("markout", horizon)] = (gained - part) / of[horizon]
    for horizon, part in zip(of, lost, strict=True):
        found[asked.label("adverse", horizon)] = part / of[horizon]
    return found
