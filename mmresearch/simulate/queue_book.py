"""A book of which every level holds the same: order flow moves its price by a known law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.simulate.days import Days, trading_days
from mmresearch.simulate.simulation import Simulation

SYMBOL = "SIM"
_QUOTE = ["bid", "ask", "bid_size", "ask_size"]
_ROW = ["event", "seq"]


def queue_book(
    *,
    depth: float | Sequence[float] = 50.0,
    days: int = 1,
    session_seconds: int = 23_400,
    rate: float = 10.0,
    largest: int = 10,
    trade_share: float = 0.4,
    spread: int = 5,
    levels: int = 1,
    price: float = 100.0,
    tick: float = 0.01,
    seed: int = 0,
) -> Simulation:
    """Simulate the stylised book of Cont, Kukanov and Stoikov (2014).

    Orders come to and leave the best bid and the best ask. Every level behind them holds `depth`
    units, so that a bid that is used up moves a tick down to `depth` units, and what is sent to a
    full one opens the next price. Each of an event's parts at another price is a row of its own,
    so that the sum of e_n over any stretch is exactly depth * (ticks moved by bid and ask) plus
    the change of what the best levels hold: the mid moves by 1/(2 depth) ticks a unit, and what is
    left is within a tick. The spread is drawn to `spread` ticks by whether orders come or leave,
    and is never below one.

    Parameters
    ----------
    depth : float or sequence of float
        Units at each level; of several, the days take turns.
    days, session_seconds : int
        Sessions and their length; calendars as `mmresearch.simulate.days` says.
    rate : float
        Events a second, at any instant alike (Poisson).
    largest : int
        Sizes are 1 to this, equally likely.
    trade_share : float
        Of the removals, which are trades; the others are cancelled orders.
    spread, levels : int
        Ticks; with levels above 1 there is a book of so many.
    price, tick : float
        Bid at the first opening; price step.
    seed : int
        The same arguments and seed, the same market.

    Returns
    -------
    Simulation
        market: quotes, trades, with levels above 1 the book. truth: depth and slope (ticks a unit)
        of the first day, and `days`: day, depth, slope of each.
    """
    depths = np.resize(np.atleast_1d(np.asarray(depth, "float64")), days)
    if not ((depths > 0).all() and rate > 0 and largest >= 1 and spread >= 1 and levels >= 1):
        raise ValueError("depth and rate must be above 0, largest, spread and levels 1 or more")
    sessions = trading_days(days, session_seconds)
    first = round(price / tick)
    best, parts = np.array([first, first + spread, 0.0, 0.0]), []
    for day, rng in enumerate(np.random.default_rng(seed).spawn(days)):
        best[2:] = np.ceil(depths[day] / 2)
        world = (depths[day], trade_share, spread)
        parts.append(_day(rng, best, sessions, day, (rate, largest), world))
    quotes, trades = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    tables = {"quotes": _priced(quotes[["time", "seq", "symbol", *_QUOTE]], tick)}
    tables["trades"] = _priced(trades, tick)
    if levels > 1:
        tables["book"] = _priced(_book(quotes, levels), tick)
    symbols = pd.DataFrame({"symbol": [SYMBOL], "currency": ["USD"], "tick": [tick]})
    market = Market(symbols=symbols, calendar=sessions.calendar, name="queue book", **tables)
    told = pd.DataFrame({"day": _dates(sessions), "depth": depths, "slope": 0.5 / depths})
    given = {"depth": depths[0], "slope": 0.5 / depths[0], "days": told, "tick": tick, "seed": seed}
    return Simulation(market, given)


def _day(
    rng: np.random.Generator,
    best: np.ndarray,
    sessions: Days,
    day: int,
    events: tuple[float, int],
    world: tuple[float, float, int],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Quotes (prices in ticks) and trades of one day; `best` goes on from it."""
    from mmresearch.simulate.queue_kernels import run_queues  # numba: loaded only here

    depth, trade_share, usual = world
    count = rng.poisson(events[0] * sessions.seconds)
    since = np.sort(rng.integers(1, sessions.seconds * 1_000_000_000, count))
    sizes = rng.integers(1, events[1] + 1, count).astype("float64")
    most = int((2 + sizes // depth).sum())
    quotes, prints = np.empty((most + 1, 6)), np.empty((most, 5))
    quotes[0] = (-1, 0, *best)
    draws = (rng.random(count), rng.random(count), sizes)
    rows, trades = run_queues(draws, trade_share, usual, best, depth, quotes[1:], prints)
    clock = np.append(since, 0)  # the opening quote's event is -1: the last

    def table(values: np.ndarray, columns: list[str]) -> pd.DataFrame:
        frame = pd.DataFrame(values, columns=[*_ROW, *columns])
        event = frame.pop("event").to_numpy("int64")
        time = sessions.instant(np.full(len(frame), day), clock[event])
        frame["seq"] = frame["seq"].astype("int64")
        frame.insert(0, "time", time)
        frame.insert(2, "symbol", SYMBOL)
        return frame.assign(depth=depth)

    made = table(prints[:trades], ["price", "size", "side"]).drop(columns="depth")
    return table(quotes[: rows + 1], _QUOTE), made


def _book(quotes: pd.DataFrame, levels: int) -> pd.DataFrame:
    """The book behind the best quotes: `depth` at each price."""
    columns = {name: quotes[name] for name in ("time", "seq", "symbol")}
    for level in range(1, levels + 1):
        columns[f"bid_{level}"] = quotes["bid"] - (level - 1)
        columns[f"ask_{level}"] = quotes["ask"] + (level - 1)
        for side in ("bid_size", "ask_size"):
            columns[f"{side}_{level}"] = quotes[side] if level == 1 else quotes["depth"]
    return pd.DataFrame(columns)


def _priced(table: pd.DataFrame, tick: float) -> pd.DataFrame:
    """Prices in currency instead of ticks."""
    prices = [
        c for c in table if c.partition("_")[0] in ("bid", "ask", "price") and "size" not in c
    ]
    return table.assign(**{c: np.round(table[c] * tick, 10) for c in prices})


def _dates(sessions: Days) -> np.ndarray:
    opens = pd.DatetimeIndex(sessions.opens)  # New York opens on the same UTC date
    return opens.normalize().to_numpy("datetime64[ns]")
