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
from mmresearch.measure.bars import Step, nanoseconds, parse_freq
from mmresearch.measure.fill_prints import crosses_of, in_auction, larger_than_any, tape_of
from mmresearch.measure.fills import account_fills
from mmresearch.measure.markouts import INFERRED, REFERENCES, markouts
from mmresearch.sessions import has_clock, session_of

PRINT, NONE = "print", "none"
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
    needs = "trades" if reference == PRINT else "quotes or a book"
    if not ("trades" in market if reference == PRINT else quoted):
        raise ValueError(
            f"reference {reference!r} needs {needs}, and the market has none: 'auto' takes what is"
        )
    return reference


def fill_references(
    market: Market, fills: pd.DataFrame, *, horizon: str, reference: str
) -> References:
    """The references of these fills, which are all that `ledger` books of some accounts.

    fills: account, symbol, time, seq, price, ordered by account, symbol, time, seq and, where all
    are equal, as they came.
    """
    if reference == NONE or fills.empty:  # an account may have nothing but transfers
        missing = np.full(len(fills), np.nan)
        reasons = pd.Series(pd.array(["no reference"], dtype="str").take(np.zeros(len(fills), int)))
        return References(missing, missing, reasons, _NOTHING if reference == NONE else "")
    if reference == PRINT:
        return _by_prints(market, fills, horizon)
    return _by_quotes(market, fills, horizon, reference)


def _by_quotes(market: Market, fills: pd.DataFrame, horizon: str, reference: str) -> References:
    table = markouts(market, horizons=[horizon], reference=reference, unit="abs", **_names(fills))
    note = table.attrs["note"]
    table = _as_booked(table, fills)
    known = table["reference"].where(table["apart"] == "").to_numpy()
    lost = table[f"adverse_abs_{horizon.strip().replace(' ', '_')}"]
    later = known - (table["side"] * lost).to_numpy()
    return References(known, later, table["apart"], note)


def _names(fills: pd.DataFrame) -> dict[str, list[str]]:
    return {name: fills[name].unique().tolist() for name in ("account", "symbol")}


def _as_booked(table: pd.DataFrame, fills: pd.DataFrame) -> pd.DataFrame:
    """A table of fills in the order of the ledger's; those of one instant stay as they are."""
    keys = [pd.Categorical(table[c], fills[c].cat.categories).codes for c in ("symbol", "account")]
    order = np.lexsort((table["seq"], nanoseconds(table["time"]), *keys))
    ordered = table.iloc[order].reset_index(drop=True)
    same = [(ordered[c].to_numpy(), fills[c].to_numpy()) for c in ("seq", "price")]
    same.append((nanoseconds(ordered["time"]), nanoseconds(fills["time"])))
    if len(table) != len(fills) or not all(np.array_equal(*pair) for pair in same):
        raise AssertionError("the fills that are measured are not those of the ledger")
    return ordered


def _by_prints(market: Market, fills: pd.DataFrame, horizon: str) -> References:
    step = parse_freq(horizon)
    names = _names(fills)
    table = account_fills(market, account=names["account"])
    table = _as_booked(table[table["symbol"].isin(names["symbol"])], fills)
    known, later = np.full((2, len(table)), np.nan)
    reasons = np.full(len(table), "", dtype=object)
    for symbol, places in blocks.rows_by_symbol(table).items():
        calendar = market.calendar(symbol)
        if step.kind == "session":
            raise ValueError(f"horizon {horizon!r} must end within a session: give '10 trades'")
        if step.kind == "clock" and not has_clock(calendar):
            raise ValueError(f"there is no clock in calendar {calendar!r}: give '10 trades'")
        rows = table.iloc[places]
        known[places], later[places], reasons[places] = _beside(market, symbol, rows, step)
    inferred = "fills" not in market or market["fills"].empty
    note = f"{INFERRED}; {_BOUNCE}" if inferred else _BOUNCE
    return References(known, later, pd.Series(reasons, dtype="str"), note)


def _beside(
    market: Market, symbol: str, fills: pd.DataFrame, step: Step
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one symbol's fills: the print before, the one at the horizon, why there is none."""
    from mmresearch.measure.kernels import last_before  # numba: loaded only here

    sessions, tape = market.sessions(symbol), tape_of(market, symbol)
    order = np.argsort(nanoseconds(fills["time"]), kind="stable")
    rows = fills.iloc[order].reset_index(drop=True)
    at, seq = blocks.of_table(rows, ["time", "seq"]).values()
    edges = tuple(nanoseconds(sessions[name]) for name in ("open", "close"))
    session = session_of(rows["time"], sessions)
    opens, closes = (np.append(edge, 0)[session] for edge in edges)
    when, price = np.append(tape.time, -1), np.append(tape.price, np.nan)
    states = blocks.constant(tape.time), blocks.constant(tape.seq)
    before = last_before(at, seq, *states)  # what has the fill's own (time, seq) is the fill
    if step.kind == "clock":
        then = np.searchsorted(tape.time, at + step.size, side="right") - 1
        past = at + step.size > np.minimum(closes, max([*tape.time[-1:], *at[-1:]]))
    else:
        after = last_before(at, blocks.constant(seq + 1), *states) + 1
        to = np.minimum(after + step.size - 1, len(tape.time))
        then, past = to - 1, (when[to] < 0) | (when[to] > closes)
    reasons = {
        "outside every session": session < 0,
        "auction": in_auction(rows, crosses_of(market, symbol)),
        "larger than any print": larger_than_any(rows["size"].to_numpy(), session, tape, edges),
        "no print before": (before < 0) | (when[before] < opens),
    }
    told = np.select(list(reasons.values()), list(reasons), "")
    found = [np.where(told == "", price[before], np.nan), np.where(past, np.nan, price[then]), told]
    back = np.argsort(order)
    return found[0][back], found[1][back], found[2][back]
