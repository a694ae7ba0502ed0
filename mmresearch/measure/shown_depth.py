"""What was shown at the touch some time before aggressors came, and what of it they met.

The same at other moments of the same time of day, so that what goes in any such wait is known.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.asof import known_before
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.quotes import best_quotes
from mmresearch.sessions import session_of

_VISIBLE = ("hidden_fill", "cross")  # prints of other events met what was shown
_KEEP = ["symbol", "day", "time", "seq", "side", "arrival", "shown", "met", "taken", "gone"]


class Side(NamedTuple):
    """One symbol's best price and size on one side, and what was executed there.

    time, seq, session, price (negative for bids: the lower the better), size, of each quote.
    traded, volume: time of each print against the side, and the volume up to it.
    """

    quotes: pd.DataFrame
    time: np.ndarray
    session: np.ndarray
    price: np.ndarray
    size: np.ndarray
    valid: np.ndarray
    traded: np.ndarray
    volume: np.ndarray


def shown_depth(
    market: Market, symbol: str, *, lag: int, window: int, controls: int, seed: int
) -> tuple[pd.DataFrame, dict[str, int]]:
    """A row an arrival of an aggressor and a row a moment compared with it.

    Parameters
    ----------
    market : Market
        With quotes (or a book) and trades of known side.
    lag : int
        Nanoseconds between the decision and the arrival.
    window : int
        Nanoseconds around an arrival in which its `controls` other moments lie.

    Returns
    -------
    DataFrame
        symbol, day, time, seq, side (of the aggressor), arrival (whether it is one), shown (units
        at the best price on the side hit, a lag before), met (units at that price or better just
        before the moment; all that was shown where the best became better), taken (executed there
        between), gone = max(0, shown - met - taken). And why others are left out.
    """
    quotes, sessions = best_quotes(market), market.sessions(symbol)
    own = quotes[quotes["symbol"] == symbol].reset_index(drop=True)
    prints, dropped = _prints(market, symbol)
    arrivals = _arrivals(prints)
    session = session_of(arrivals["time"], sessions)
    dropped["outside every session"] = int((session < 0).sum())
    arrivals = arrivals[session >= 0].reset_index(drop=True)
    rng, pieces = np.random.default_rng(seed), []
    for side in (1.0, -1.0):
        depth = _side(own, prints, side, sessions)
        at = arrivals[arrivals["side"] == side].reset_index(drop=True)
        others = _others(rng, at, sessions, window, controls)
        clear = _clear(others, nanoseconds(at["time"]), lag)
        dropped["other moments beside an arrival"] += int((~clear).sum())
        rows = pd.concat(
            [at.assign(arrival=True), others[clear].assign(arrival=False)], ignore_index=True
        )
        pieces.append(_measured(rows, depth, sessions, lag))
    table = pd.concat(pieces, ignore_index=True).assign(symbol=symbol)
    valid = table["gone"].notna()
    lost = table.loc[~valid, "arrival"]
    dropped["arrivals without a valid quote a lag before"] = int(lost.sum())
    dropped["other moments without a valid quote"] = int((~lost).sum())
    return table.loc[valid, _KEEP].reset_index(drop=True), dict(dropped)


def _prints(market: Market, symbol: str) -> tuple[pd.DataFrame, Counter]:
    """The symbol's prints that met what was shown, and how many others there are."""
    trades = market["trades"]
    rows = trades[trades["symbol"] == symbol]
    hidden = rows["event"].isin(_VISIBLE) if "event" in rows else pd.Series(False, rows.index)
    unsigned = rows["side"].isna() & ~hidden
    dropped = Counter()
    dropped["prints of hidden orders and crosses"] = int(hidden.sum())
    dropped["prints of unknown side"] = int(unsigned.sum())
    return rows[~hidden & ~unsigned].reset_index(drop=True), dropped


def _arrivals(prints: pd.DataFrame) -> pd.DataFrame:
    """An aggressor's prints of one instant are one arrival, by its first."""
    first = prints.groupby(["time", "side"], sort=False, as_index=False)["seq"].min()
    return first.sort_values(["time", "seq"], kind="stable", ignore_index=True)


def _side(own: pd.DataFrame, prints: pd.DataFrame, side: float, sessions: pd.DataFrame) -> Side:
    """What aggressors of that side hit: buyers the ask."""
    name = "ask" if side > 0 else "bid"
    hit = prints[prints["side"] == side]
    locked = (own["bid"] >= own["ask"]).to_numpy()
    price, size = own[name].to_numpy("float64"), own[f"{name}_size"].to_numpy("float64")
    return Side(
        own[["time", "seq"]],
        nanoseconds(own["time"]),
        session_of(own["time"], sessions),
        side * price,
        np.where(np.isnan(price), 0.0, size),
        ~locked & ~np.isnan(size * price),
        nanoseconds(hit["time"]),
        np.append(0.0, np.cumsum(hit["size"].to_numpy("float64"))),
    )


def _others(
    rng: np.random.Generator,
    arrivals: pd.DataFrame,
    sessions: pd.DataFrame,
    window: int,
    controls: int,
) -> pd.DataFrame:
    """Moments drawn evenly around each arrival, within its session."""
    at = np.repeat(nanoseconds(arrivals["time"]), controls)
    row = np.repeat(session_of(arrivals["time"], sessions), controls)
    opens, closes = (nanoseconds(sessions[c])[row] for c in ("open", "close"))
    low, high = np.maximum(at - window, opens), np.minimum(at + window, closes)
    moment = low + (rng.random(len(at)) * (high - low)).astype("int64")
    moment = np.sort(moment)
    table = pd.DataFrame({"time": pd.to_datetime(moment, utc=True)})
    side = arrivals["side"].iloc[0] if len(arrivals) else np.nan
    return table.assign(side=side, seq=np.iinfo(np.int64).max)


def _clear(others: pd.DataFrame, arrivals: np.ndarray, lag: int) -> np.ndarray:
    """Whether the wait before each moment shares no instant with that before an arrival."""
    moment = nanoseconds(others["time"])
    near = np.searchsorted(arrivals, moment - lag, side="right")
    following = np.append(arrivals, np.iinfo(np.int64).max)[near]
    return following - lag >= moment


def _measured(rows: pd.DataFrame, depth: Side, sessions: pd.DataFrame, lag: int) -> pd.DataFrame:
    moment = nanoseconds(rows["time"])
    then = np.searchsorted(depth.time, moment - lag, side="right") - 1
    # an arrival meets the quotes strictly before its first print, another moment all up to it
    order = np.lexsort((rows["seq"], moment))
    now = np.empty(len(rows), "int64")
    now[order] = known_before(rows.iloc[order], depth.quotes)
    session = session_of(rows["time"], sessions)
    known = (then >= 0) & (now >= 0)
    a, b = np.maximum(then, 0), np.maximum(now, 0)
    if not len(depth.time):
        return rows.assign(shown=np.nan, met=np.nan, taken=np.nan, gone=np.nan, day=pd.NaT)
    known &= (depth.session[a] == session) & (depth.session[b] == session) & depth.valid[a]
    shown = np.where(known, depth.size[a], np.nan)
    same, better = depth.price[b] == depth.price[a], depth.price[b] < depth.price[a]
    met = np.where(same, depth.size[b], np.where(better, shown, 0.0))
    before = np.searchsorted(depth.traded, moment, side="left")
    after = np.searchsorted(depth.traded, moment - lag, side="right")
    taken = depth.volume[np.maximum(before, after)] - depth.volume[after]
    gone = np.maximum(shown - met - taken, 0.0)
    day = sessions["day"].to_numpy()[np.maximum(session, 0)]
    return rows.assign(shown=shown, met=met, taken=taken, gone=gone, day=day)
