"""How often fills come at each distance from the fair price: counts and the time that was watched.

Two ways, which answer for different orders. `fills_by_distance`: the account's own quotes, how long
each stood how far from the mid, and how often it was filled there: the queue that its orders stood
in is in the answer. `trades_by_depth`: how often public orders reached so far from the mid: what a
quote there could have met at best, ahead of every other in its queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.asof import known_before
from mmresearch.measure.quotes import best_quotes, mid, weighted_mid
from mmresearch.sessions import session_of

FAIR = {"mid": mid, "weighted_mid": weighted_mid}
COLUMNS = ["day", "block", "side", "distance", "count", "exposure"]
_CELL = ["day", "block", "side", "bin"]
_GRID, _STEPS = 10, 40  # depths asked about where none are given; as many steps are few


class _Spells(NamedTuple):
    """Stretches in which nothing changes, in order: when each begins, its session, how long.

    events has "step", the unit of distance: the tick, else a basis point of the fair price.
    """

    events: pd.DataFrame
    sessions: pd.DataFrame
    unit: str


def fills_by_distance(
    market: Market,
    *,
    account: str | None = None,
    symbol: str | None = None,
    fair: str = "mid",
    width: float = 0.1,
    block: str = "30min",
) -> pd.DataFrame:
    """Time an account's quotes stood at each distance from the fair price, and fills they had.

    Parameters
    ----------
    market : Market
        With `own_quotes` and `fills` of the account, and the market's quotes or book.
    account, symbol : str, optional
        Which, where there are several.
    fair : {"mid", "weighted_mid"}
        What distances are counted from: of the market's best quotes. Where the account is at the
        best itself, they are partly its own, and distances too short.
    width : float
        Distances nearer together than this (in the table's unit) are one row, at their mean over
        time.
    block : str
        Length of the stretches of a session that are kept apart, as pandas reads it.

    Returns
    -------
    DataFrame
        day, block (number of the stretch), side (+1 the account's bid, -1 its ask), distance (in
        ticks where the symbol's tick is known, else in basis points of the fair price, as skew and
        volatility are; below 0 beyond the fair price), count (fills; several of one instant and
        side are one), exposure (seconds). attrs: way, unit, nested (False), set_aside (fills left
        out, by reason).

    Notes
    -----
    A fill belongs to the quote that stood strictly before it in (time, seq). Quotes are carried to
    the end of their session and not into the next.
    """
    own, fills, symbol = _own(market, account, symbol)
    found = _spells(market, symbol, fair, block, own)
    events = found.events
    rows = []
    fills, row, outside = _before(fills, found)
    aside = {"outside sessions": outside, "without a standing quote": 0}
    for side in (1, -1):
        away = _away(events, "bid" if side > 0 else "ask", side)
        quoted = pd.DataFrame({"distance": away, "exposure": events["lasts"], "count": 0.0})
        met = row[(fills["side"] == side).to_numpy()]
        filled = quoted.iloc[met].assign(exposure=0.0, count=1.0)
        aside["without a standing quote"] += int(filled["distance"].isna().sum())
        both = pd.concat([quoted, filled])
        rows.append(both.join(events[["day", "block"]]).assign(side=side))
    table = pd.concat(rows).dropna(subset="distance")
    table = _cells(table, width)
    never = table["exposure"] <= 0
    aside["at a distance that stood for no time"] = int(table.loc[never, "count"].sum())
    table = table.loc[~never, COLUMNS].reset_index(drop=True)
    table.attrs = {"way": "own quotes", "unit": found.unit, "nested": False, "set_aside": aside}
    return table


def trades_by_depth(
    market: Market,
    *,
    symbol: str | None = None,
    fair: str = "mid",
    depths: Sequence[float] | None = None,
    block: str = "30min",
) -> pd.DataFrame:
    """How often public orders reached each depth away from the fair price.

    Parameters
    ----------
    market : Market
        With trades whose `side` is known (`mm.sign_trades`), and quotes or a book.
    symbol : str, optional
        Which, where there are several.
    fair : {"mid", "weighted_mid"}
        What depth is counted from: the last that was known strictly before the order.
    depths : sequence of float, optional
        The depths asked about, in the table's unit. If not given, from the tenth percentile of the
        orders' depths above 0 to the 99th (nearer than the best quote nothing can be told): those
        that occur where prices have few steps, else ten.
    block : str
        Length of the stretches of a session that are kept apart, as pandas reads it.

    Returns
    -------
    DataFrame
        As `fills_by_distance`: side +1 is a bid at that distance (sellers reach it); count, the
        orders whose worst price was at least so far away; exposure, the seconds with a fair price.
        An order is all prints of one instant and side. attrs["nested"] is True: an order that
        reaches far is counted at every nearer depth too, which the errors have to know.
        attrs["behind"] is the share of orders that ended on the other side of the fair price: where
        it is large, trades and quotes are not of one clock.

    Notes
    -----
    An order stops where it is filled. So this answers for a small quote among others as they stand,
    not for a maker whose own quotes are what orders meet: there depth is that maker's spread, and
    tells how the spread varies and nothing of how fills fall with it. `fills_by_distance` does.
    """
    symbol = _one(market["trades"]["symbol"], symbol, "trades")
    found = _spells(market, symbol, fair, block)
    orders, aside = _orders(market["trades"], symbol)
    orders, row, outside = _before(orders, found)
    standing = found.events.iloc[row].reset_index(drop=True)
    away = orders["side"] * (orders["price"] - standing["fair"])
    depth = (away / standing["step"]).to_numpy()
    aside |= {"outside sessions": outside, "without a fair price": int(np.isnan(depth).sum())}
    reached = standing[["day", "block"]].assign(side=-orders["side"].astype(int), depth=depth)
    reached = reached.dropna()
    depths = _grid(reached["depth"]) if depths is None else np.unique(np.asarray(depths, float))
    known = found.events[found.events["fair"].notna()]
    watched = known.groupby(["day", "block"], as_index=False)["lasts"].sum()
    cells = watched.merge(pd.DataFrame({"side": [1, -1]}), how="cross")
    cells = cells.merge(pd.DataFrame({"distance": depths}), how="cross")
    far = (reached[reached["depth"] >= depth - 1e-9] for depth in depths)
    counts = [part.groupby(["day", "block", "side"]).size() for part in far]
    by_depth = pd.concat(dict(zip(depths, counts, strict=True)), names=["distance"])
    table = cells.merge(by_depth.rename("count").reset_index(), how="left")
    table = table.rename(columns={"lasts": "exposure"})
    table["count"] = table["count"].fillna(0.0)
    table = table.loc[table["exposure"] > 0, COLUMNS].reset_index(drop=True)
    table.attrs = {"way": "public trades", "unit": found.unit, "nested": True, "set_aside": aside}
    table.attrs["behind"] = float((reached["depth"] < 0).mean())
    return table


def _one(names: pd.Series, chosen: str | None, what: str) -> str:
    held = names.unique().tolist()
    if chosen is None and len(held) == 1:
        return held[0]
    if chosen not in held:
        more = f" and {len(held) - 5} more" if len(held) > 5 else ""
        raise ValueError(
            f"{what} hold {', '.join(map(str, held[:5])) or 'nothing'}{more}"
            + (": name one" if chosen is None else f", not {chosen!r}")
        )
    return chosen


def _own(
    market: Market, account: str | None, symbol: str | None
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """The account's quotes and the fills of its resting orders, of one symbol."""
    for name in ("own_quotes", "fills"):
        if name not in market:
            raise ValueError(
                f"the market has no {name}; `mm.trades_by_depth` needs public trades only"
            )
    own = market["own_quotes"]
    account = _one(own["account"], account, "own_quotes")
    own = own[own["account"] == account]
    symbol = _one(own["symbol"], symbol, f"own_quotes of {account}")
    fills = market["fills"]
    fills = fills[(fills["account"] == account) & (fills["symbol"] == symbol)]
    resting = fills["maker"].fillna(True).astype(bool)
    once = fills[resting].drop_duplicates(["time", "side"])
    return own[own["symbol"] == symbol], once, symbol


def _spells(
    market: Market, symbol: str, fair: str, block: str, own: pd.DataFrame | None = None
) -> _Spells:
    """Every moment at which the fair price or the account's quotes change, and what stands then."""
    if fair not in FAIR:
        raise ValueError(f"fair must be one of {', '.join(FAIR)}, not {fair!r}")
    quotes = best_quotes(market)
    if quotes is None:
        raise ValueError("the market has neither quotes nor a book, so no fair price")
    if not pd.Timedelta(block) > pd.Timedelta(0):
        raise ValueError(f"block must be a length of time, not {block!r}")
    quotes = quotes[quotes["symbol"] == symbol].reset_index(drop=True)
    sessions = market.sessions(symbol)
    parts = [_edges(sessions, pd.Timedelta(block))]
    parts.append(quotes[["time", "seq"]].assign(fair=FAIR[fair](quotes), source="market"))
    if own is not None:
        parts.append(own[["time", "seq", "bid", "ask"]].assign(source="own"))
    events = pd.concat(parts, ignore_index=True)
    events = events.sort_values(["time", "seq"], kind="stable", ignore_index=True)
    events["session"] = session_of(events["time"], sessions)
    events = events[events["session"] >= 0].reset_index(drop=True)
    _carry(events, ["fair"], events["source"].to_numpy() == "market")
    if own is not None:
        _carry(events, ["bid", "ask"], events["source"].to_numpy() == "own")
    place = events["session"].to_numpy()
    hours = sessions[["open", "close"]].iloc[place].reset_index(drop=True)
    ends = events["time"].shift(-1).where(events["session"].shift(-1) == place, hours["close"])
    ends = ends.clip(upper=market.span(symbol)[1])
    events["lasts"] = (ends - events["time"]).dt.total_seconds()
    events["day"] = sessions["day"].iloc[place].to_numpy()
    events["block"] = (events["time"] - hours["open"]) // pd.Timedelta(block)
    step = market.symbols.set_index("symbol")["tick"].get(symbol)
    known = step is not None and step > 0
    events["step"] = step if known else events["fair"] / 1e4
    return _Spells(events, sessions, "ticks" if known else "bps")


def _edges(sessions: pd.DataFrame, block: pd.Timedelta) -> pd.DataFrame:
    """Where a stretch begins, before any other event of that instant; nothing changes there."""
    starts = [
        pd.date_range(day.open, day.close, freq=block, inclusive="left")
        for day in sessions.itertuples()
    ]
    time = pd.concat([pd.Series(start) for start in starts], ignore_index=True)
    return pd.DataFrame({"time": time.astype("datetime64[ns, UTC]"), "seq": -1, "source": "edge"})


def _carry(events: pd.DataFrame, names: list[str], own: np.ndarray) -> None:
    """Fill in what stood, within the session; a side that went missing stays missing."""
    last = np.maximum.accumulate(np.where(own, np.arange(len(events)), -1))
    session = events["session"].to_numpy()
    stands = (last >= 0) & (session[np.maximum(last, 0)] == session)
    for name in names:
        values = events[name].to_numpy()
        events[name] = np.where(stands, values[np.maximum(last, 0)], np.nan)


def _before(table: pd.DataFrame, found: _Spells) -> tuple[pd.DataFrame, np.ndarray, int]:
    """The rows inside sessions, what stood strictly before each, and how many lie outside."""
    row = known_before(table, found.events)
    session = session_of(table["time"], found.sessions)
    held = found.events["session"].to_numpy()
    inside = (row >= 0) & (session >= 0) & (held[np.maximum(row, 0)] == session)
    return table[inside].reset_index(drop=True), row[inside], int((~inside).sum())


def _away(events: pd.DataFrame, name: str, side: int) -> pd.Series:
    return side * (events["fair"] - events[name]) / events["step"]


def _cells(table: pd.DataFrame, width: float) -> pd.DataFrame:
    """Rows of one day, block, side and distance (to the width) as one."""
    if not width > 0:
        raise ValueError(f"width must be above 0, not {width}")
    weighted = table["distance"] * table["exposure"]
    table = table.assign(bin=np.round(table["distance"] / width).astype(int), weighted=weighted)
    cells = table.groupby(_CELL, as_index=False)[["count", "exposure", "weighted"]].sum()
    weight = cells["exposure"].where(cells["exposure"] > 0)
    return cells.assign(distance=cells["weighted"] / weight)


def _orders(trades: pd.DataFrame, symbol: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """One row an order (prints of one instant and side) with its worst price."""
    trades = trades[trades["symbol"] == symbol]
    unknown = trades["side"].isna()
    trades = trades[~unknown].assign(worst=lambda t: t["side"] * t["price"])
    orders = trades.groupby(["time", "side"], as_index=False).agg(
        seq=("seq", "min"), worst=("worst", "max")
    )
    orders["price"] = orders["side"] * orders["worst"]
    orders = orders.sort_values(["time", "seq"], kind="stable", ignore_index=True)
    return orders, {"prints whose side is not known": int(unknown.sum())}


def _grid(depth: pd.Series) -> np.ndarray:
    depth = depth[depth > 0].round(6)
    if depth.empty:
        raise ValueError("no order has a side and a fair price that it passed: sign the trades")
    low, high = depth.quantile([0.1, 0.99])
    steps = np.unique(depth[depth.between(low, high)])
    # a grid that is finer than prices would count the same orders at depths that cannot occur
    return steps if len(steps) <= _STEPS else np.linspace(low, high, _GRID)
