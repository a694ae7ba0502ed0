"""A book of which what was eaten comes back at a known speed, or in part never."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.simulate.days import Days, trading_days
from mmresearch.simulate.simulation import Simulation

SYMBOL = "SIM"


def resilient_book(
    *,
    kappa: float = 0.1,
    returns: float = 1.0,
    rate: float = 0.05,
    mean_size: float = 8.0,
    depth: float = 400.0,
    levels: int = 3,
    days: int = 5,
    session_seconds: int = 3_600,
    moves: float = 0.02,
    flicker: float = 0.5,
    price: float = 100.0,
    tick: float = 0.01,
    seed: int = 0,
) -> Simulation:
    """Simulate a book whose depth is replenished after trades.

    Aggressors come to each side at random (Poisson). Each unit that a trade takes from the best
    level comes back by itself, after an exponential time of mean 1/kappa, with probability
    `returns`; for those that do not, others come at random times that no trade foretells, so that
    the book is as deep in the mean. Hence what a trade of q takes is missing at h after it in the
    mean by q (1 - returns (1 - exp(-kappa h))): the recovered share returns (1 - exp(-kappa h)).
    The whole book moves by a tick now and then, whatever is traded.

    Parameters
    ----------
    kappa : float
        Speed of return, 1/s: half-life ln 2 / kappa.
    returns : float
        Probability that a unit comes back, 0 to 1.
    rate, mean_size : float
        Trades a second on each side; their mean size (geometric, 1 or more).
    depth, levels : float, int
        Units at a level at the opening, whole; levels shown, each behind the first as large.
    days, session_seconds : int
        As `mmresearch.simulate.days` says.
    moves : float
        Moves of all prices by a tick, a second.
    flicker : float
        Orders of one unit a second on each side that come and, after two seconds in the mean, go.
    price, tick : float
        Mid at the first opening; price step.
    seed : int
        The same arguments and seed, the same market.

    Returns
    -------
    Simulation
        market: book (and quotes, its first level), trades. truth: kappa, half_life (s), returns,
        rate, mean_size.

    Raises
    ------
    ValueError
        Arguments out of range, or a book that trades would eat up: take it deeper.
    """
    if not (kappa > 0 and rate > 0 and mean_size >= 1 and levels >= 1 and 0 <= returns <= 1):
        raise ValueError("kappa and rate must be above 0, mean_size and levels 1 or more,")
    if depth < 1 or moves < 0 or flicker < 0:
        raise ValueError("depth must be 1 or more, moves and flicker 0 or more")
    sessions = trading_days(days, session_seconds)
    parts, first = [], round(price / tick)
    how = (kappa, returns, rate, mean_size, flicker)
    for day, rng in enumerate(np.random.default_rng(seed).spawn(days)):
        sides = [_side(rng, session_seconds, depth, how) for _ in range(2)]
        shifts = np.sort(rng.uniform(0, session_seconds, rng.poisson(moves * session_seconds)))
        steps = rng.choice([-1, 1], len(shifts))
        parts.append(_tables(sessions, day, sides, (shifts, steps), first, levels, depth))
        first += int(steps.sum())
    book, trades = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    prices = [c for c in book if c.startswith(("bid_", "ask_")) and "size" not in c]
    book = book.assign(**{c: np.round(book[c] * tick, 10) for c in prices})
    trades["price"] = np.round(trades["price"] * tick, 10)
    names = {f"{side}_1": side for side in ("bid", "ask", "bid_size", "ask_size")}
    quotes = book[["time", "seq", "symbol", *names]].rename(columns=names)
    symbols = pd.DataFrame({"symbol": [SYMBOL], "currency": ["USD"], "tick": [tick]})
    tables = {"trades": trades, "quotes": quotes} | ({"book": book} if levels > 1 else {})
    market = Market(symbols=symbols, calendar=sessions.calendar, name="resilient book", **tables)
    truth = {"kappa": kappa, "half_life": np.log(2) / kappa, "returns": returns}
    return Simulation(market, truth | {"rate": rate, "mean_size": mean_size, "seed": seed})


def _side(
    rng: np.random.Generator, seconds: int, depth: float, how: tuple[float, ...]
) -> pd.DataFrame:
    """Changes of one side's best size in order: at (s), change, trade (whether it is one)."""
    kappa, returns, rate, mean_size, flicker = how
    warm = min(seconds, 10 / kappa)  # so that the opening finds units on their way back
    span = seconds + warm
    at = np.sort(rng.uniform(-warm, seconds, rng.poisson(rate * span)))
    size = rng.geometric(1 / mean_size, len(at))
    taken = np.repeat(at, size)
    comes = rng.random(len(taken)) < returns
    back = taken[comes] + rng.exponential(1 / kappa, int(comes.sum()))
    lost = rate * mean_size * (1 - returns)
    others = rng.uniform(-warm, seconds, rng.poisson(lost * span))
    posted = rng.uniform(-warm, seconds, rng.poisson(flicker * span))
    gone = posted + rng.exponential(2.0, len(posted))
    times = np.concatenate([at, back, others, posted, gone])
    came = len(back) + len(others) + len(posted)
    signs = np.concatenate([-size, np.ones(came, "int64"), -np.ones(len(gone), "int64")])
    trade = np.arange(len(times)) < len(at)
    order = np.argsort(times, kind="stable")
    side = pd.DataFrame({"at": times, "change": signs, "trade": trade}).iloc[order]
    side = side[side["at"] < seconds]
    left = depth + side["change"].cumsum()
    if (left < 1).any():
        raise ValueError(f"trades would eat up the best level of {depth:g}: take depth larger")
    side = side.assign(left=left)
    early = side["at"] < 0
    opening = side.loc[early, "left"].iloc[-1] if early.any() else depth
    begin = pd.DataFrame({"at": [0.0], "change": [0], "trade": [False], "left": [opening]})
    return pd.concat([begin, side[~early]], ignore_index=True)


def _tables(
    sessions: Days,
    day: int,
    sides: list[pd.DataFrame],
    moves: tuple[np.ndarray, np.ndarray],
    first: int,
    levels: int,
    depth: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The book's rows and the trades of one day, prices in ticks; bids first of the two sides."""
    shifts, steps = moves
    rows = pd.concat(
        [
            side[["at", "trade", "change"]].assign(side=s)
            for side, s in zip(sides, (-1, 1), strict=True)
        ]
        + [pd.DataFrame({"at": shifts, "trade": False, "change": 0, "side": 0})]
    )
    rows = rows.sort_values("at", kind="stable", ignore_index=True)
    at = rows["at"].to_numpy()
    mid = first + np.append(0, np.cumsum(steps))[np.searchsorted(shifts, at, side="right")]
    left = [
        side["left"].to_numpy()[np.searchsorted(side["at"].to_numpy(), at, side="right") - 1]
        for side in sides
    ]
    number = np.arange(len(rows))
    time = sessions.instant(np.full(len(rows), day), np.round(at * 1e9).astype("int64"))
    book = {"time": time, "seq": 2 * number + 1, "symbol": SYMBOL}
    for m in range(1, levels + 1):
        for name, sign, best in zip(("bid", "ask"), (-1, 1), left, strict=True):
            book |= {f"{name}_{m}": mid + sign * m, f"{name}_size_{m}": best if m == 1 else depth}
    trade = rows["trade"].to_numpy(bool)
    side = rows["side"].to_numpy("float64")
    trades = {"time": time, "seq": 2 * number, "symbol": SYMBOL, "price": mid + side}
    trades |= {"size": -rows["change"].to_numpy("float64"), "side": side}
    return pd.DataFrame(book), pd.DataFrame(trades)[trade].reset_index(drop=True)
