"""What a fill is measured against: the reference just before it and some time after it.

With quotes these are those of `markouts`. Without, the last print stands in for them, which is at
one side of the spread or the other: it bounces, and so does what is measured against it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.asof import known_before
from mmresearch.measure.bars import Step, nanoseconds, parse_freq
from mmresearch.measure.markouts import REFERENCES, markouts
from mmresearch.sessions import has_clock, session_of

PRINT, NONE = "print", "none"
_FILL = ["account", "symbol", "time", "seq", "price"]
_ORDER = ["time", "seq"]
_BOUNCE = (
    "no quotes: the reference is the last print before the fill, which bounces between bid and ask"
)
_NOTHING = "no quotes and no trades: nothing to measure a fill against, so all are kept apart"


class References(NamedTuple):
    """Of n fills the reference before, that at the horizon (missing: past the session), reasons.

    reference: missing where the fill is kept apart; apart: why, "" where it is not. note: what
    there is to know about the source.
    """

    reference: np.ndarray
    later: np.ndarray
    apart: pd.Series
    note: str


def which_reference(market: Market, reference: str) -> str:
    """The reference asked for; of "auto" the mid, without quotes the last print."""
    quoted = "quotes" in market or "book" in market
    if reference == "auto":
        return "mid" if quoted else PRINT if "trades" in market else NONE
    if reference not in (*REFERENCES, PRINT):
        known = ", ".join(("auto", *REFERENCES, PRINT))
        raise ValueError(f"reference must be one of {known}, not {reference!r}")
    lacking = "trades" not in market if reference == PRINT else not quoted
    if lacking:
        raise ValueError(
            f"reference {reference!r} needs {'trades' if reference == PRINT else 'quotes or a book'}"
            f", and the market has none; 'auto' takes what there is"
        )
    return reference


def fill_references(
    market: Market, fills: pd.DataFrame, *, horizon: str, reference: str
) -> References:
    """The references of these fills, which are all that `ledger` books of some accounts.

    fills: account, symbol, time, seq, price, ordered by account, symbol, time, seq and, where all
    are equal, as they came.
    """
    if reference == NONE:
        missing = np.full(len(fills), np.nan)
        reasons = pd.Series(pd.array(["no reference"], dtype="str").take(np.zeros(len(fills), int)))
        return References(missing, missing, reasons, _NOTHING)
    if reference == PRINT:
        return _by_prints(market, fills, horizon)
    return _by_quotes(market, fills, horizon, reference)


def _by_quotes(market: Market, fills: pd.DataFrame, horizon: str, reference: str) -> References:
    names = {c: fills[c].unique().tolist() for c in ("account", "symbol")}
    table = markouts(market, horizons=[horizon], reference=reference, unit="abs", **names)
    note = table.attrs["note"]
    table = table.iloc[_as_booked(table, fills)]
    kept = (table["apart"] == "").to_numpy()
    known = np.where(kept, table["reference"], np.nan)
    lost = table[f"adverse_abs_{horizon.strip().replace(' ', '_')}"]
    later = known - (table["side"] * lost).to_numpy()
    return References(known, later, table["apart"].reset_index(drop=True), note)


def _as_booked(table: pd.DataFrame, fills: pd.DataFrame) -> np.ndarray:
    """The rows of a table of fills in the order of the ledger's; those of one instant as they are."""
    keys = [pd.Categorical(table[c], fills[c].cat.categories).codes for c in ("account", "symbol")]
    order = np.lexsort((table["seq"], nanoseconds(table["time"]), *keys[::-1]))
    ordered = table[_FILL].iloc[order]
    same = all((ordered[c].to_numpy() == fills[c].to_numpy()).all() for c in ("time", "seq", "price"))
    if len(table) != len(fills) or not same:
        raise AssertionError("the fills of markouts are not those of the ledger")
    return order


def _by_prints(market: Market, fills: pd.DataFrame, horizon: str) -> References:
    step = parse_freq(horizon)
    known, later = np.full((2, len(fills)), np.nan)
    reasons = np.full(len(fills), "", dtype=object)
    for symbol, places in blocks.rows_by_symbol(fills).items():
        calendar = market.calendar(symbol)
        if step.kind == "session" or (step.kind == "clock" and not has_clock(calendar)):
            raise ValueError(f"horizon {horizon!r}: there is no clock in calendar {calendar!r}")
        rows = fills.iloc[places]
        known[places], later[places], reasons[places] = _beside(market, symbol, rows, step)
    return References(known, later, pd.Series(reasons, dtype="str"), _BOUNCE)


def _beside(
    market: Market, symbol: str, fills: pd.DataFrame, step: Step
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one symbol's fills: the print before, the one at the horizon, why there is none."""
    sessions = market.sessions(symbol)
    tape = _tape(market, symbol)
    order = np.argsort(nanoseconds(fills["time"]), kind="stable")
    rows = fills.iloc[order]
    of_print, of_fill = (session_of(table["time"], sessions) for table in (tape, rows))
    before = known_before(rows[_ORDER], tape)
    price = np.append(tape["price"].to_numpy(float), np.nan)
    there = (before >= 0) & (of_fill >= 0)
    there &= np.append(of_print, -1)[before] == of_fill
    then = _then(rows, tape, step, sessions, of_fill, of_print)
    reasons = np.where(of_fill < 0, "outside every session", np.where(there, "", "no print before"))
    found = np.empty((2, len(rows)))
    found[:, order] = np.where(there, price[before], np.nan), np.where(there, price[then], np.nan)
    told = np.empty(len(rows), dtype=object)
    told[order] = reasons
    return *found, told


def _then(
    fills: pd.DataFrame,
    tape: pd.DataFrame,
    step: Step,
    sessions: pd.DataFrame,
    of_fill: np.ndarray,
    of_print: np.ndarray,
) -> np.ndarray:
    """The row of the print known at the horizon; -1 where that is past the session."""
    at, when = nanoseconds(fills["time"]), nanoseconds(tape["time"])
    if step.kind == "clock":
        row = np.searchsorted(when, at + step.size, side="right") - 1
        closes = np.append(nanoseconds(sessions["close"]), 0)[of_fill]
        end = max([*at[-1:], *when[-1:]], default=0)
        return np.where(at + step.size <= np.minimum(closes, end), row, -1)
    # a print with the fill's own (time, seq) is the fill
    after = known_before(fills[_ORDER].assign(seq=fills["seq"] + 1), tape) + 1
    to = after + step.size - 1
    there = to < len(tape)
    there[there] = of_print[to[there]] == of_fill[there]
    return np.where(there, to - 1, -1)


def _tape(market: Market, symbol: str) -> pd.DataFrame:
    names = [*_ORDER, "price"]
    parts = list(blocks.of_symbol(market, "trades", names, symbol))
    rows = {c: np.concatenate([part[c] for part in parts]) if parts else [] for c in names}
    return pd.DataFrame(rows).assign(time=pd.to_datetime(rows["time"], utc=True))
