"""Fills, quotes and positions of the maker of Guéant, Lehalle and Fernandez-Tapia (2013)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.simulate.days import Days, trading_days
from mmresearch.simulate.simulation import Simulation
from mmresearch.theory.law import glft_theory

ACCOUNT, SYMBOL = "maker", "SIM"


def glft(
    *,
    seconds: int = 23_400,
    days: int = 1,
    A: float = 0.9,  # noqa: N803
    k: float = 0.3,
    gamma: float = 0.01,
    sigma: float = 0.3,
    Q: int = 30,  # noqa: N803
    quotes: str = "eigenvector",
    size: float = 1.0,
    price: float = 100.0,
    tick: float = 0.01,
    own: bool = False,
    seed: int = 0,
) -> Simulation:
    """Simulate the maker exactly (Gillespie's direct method), its inventory from stationarity.

    Each fill finds a quote of the same instant before it (smaller `seq`) and leaves another after
    it; besides, the quotes follow the mid every second. Prices are `price` plus ticks times `tick`
    and are not rounded to ticks, so that the theory holds exactly. Inventory and mid are carried
    over the night unchanged. At +Q lots there is no bid, at -Q no ask: those are missing.

    Parameters
    ----------
    seconds, days : int
        Length and number of sessions; calendars as `mmresearch.simulate.days` says.
    A, k, gamma, sigma, Q, quotes
        As in `glft_theory`.
    size : float
        Units a lot; inventory in units is `size` times the theory's q.
    price, tick : float
        Mid at the start; currency a tick.
    own : bool
        False: the maker's quotes are the market's best, which lean as it does. True: they are
        `own_quotes`, and others stand half a tick on either side of the mid with a lot each, so
        that the market's mid is the mid of the theory and the skew can be measured against it (the
        maker is then filled outside the market's best, and the market knows its tick).
    seed : int
        The same seed, the same market.

    Returns
    -------
    Simulation
        market: trades, quotes, fills (account "maker", no fee), positions (each session's opening
        and closing), with `own` also own_quotes. truth: `glft_theory` with size, price, tick,
        seconds, days and seed.
    """
    theory = glft_theory(A=A, k=k, gamma=gamma, sigma=sigma, Q=Q, quotes=quotes)
    sessions = trading_days(days, seconds)
    chain_rng, mid_rng = np.random.default_rng(seed).spawn(2)
    start = chain_rng.choice(2 * Q + 1, p=theory["pi"].to_numpy())
    clock, states = _jumps(chain_rng, theory, start, float(days * sessions.seconds))
    levels = np.append(start, states) - Q
    points = _points(sessions, clock, levels, mid_rng, sigma)
    points["mid"] = price + tick * points["ticks"]
    tables = _tables(points, sessions, theory, size, tick)
    symbols = pd.DataFrame({"symbol": [SYMBOL], "currency": ["USD"]})
    if own:
        tables["own_quotes"] = tables["quotes"].assign(account=ACCOUNT)
        tables["quotes"] = _around(points, sessions, size, tick)
        symbols["tick"] = tick
    market = Market(symbols=symbols, calendar=sessions.calendar, name="GLFT maker", **tables)
    given = {"size": size, "price": price, "tick": tick, "seed": seed}
    return Simulation(market, theory | given | {"seconds": seconds, "days": days})


def _jumps(
    rng: np.random.Generator, theory: dict, start: int, horizon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Times (s) at which the chain moves, and the state (row of q) after each move."""
    up, down = theory["rate_b"].to_numpy(), theory["rate_a"].to_numpy()
    total, upward = (up + down).tolist(), (up / (up + down)).tolist()
    times, states = [], []
    clock, state = 0.0, int(start)
    while True:
        waits, draws = rng.exponential(size=8192).tolist(), rng.random(8192).tolist()
        for wait, draw in zip(waits, draws, strict=True):
            clock += wait / total[state]
            if clock >= horizon:
                return np.array(times), np.array(states, dtype=int)
            state += 1 if draw < upward[state] else -1
            times.append(clock)
            states.append(state)


def _points(
    sessions: Days, clock: np.ndarray, levels: np.ndarray, rng: np.random.Generator, sigma: float
) -> pd.DataFrame:
    """Every instant with a quote, in order: day, offset (s), the mid in ticks, q before and after.

    `clock` runs on through the sessions, so nothing happens at night.
    """
    days = len(sessions.opens)
    # where each session begins as the last one ends (24/7), one refresh serves both
    last = sessions.seconds if sessions.calendar != "24/7" else sessions.seconds - 1
    refresh = np.arange(last + 1.0)
    day = np.repeat(np.arange(days), last + 1)
    event_day = (clock // sessions.seconds).astype(int)
    table = pd.DataFrame(
        {
            "day": np.append(day, event_day),
            "offset": np.append(np.tile(refresh, days), clock - event_day * sessions.seconds),
            "fill": np.append(np.zeros(len(day), int), np.diff(levels)),
        }
    ).sort_values(["day", "offset"], kind="stable", ignore_index=True)
    table["after"] = levels[0] + table["fill"].cumsum()
    table["before"] = table["after"] - table["fill"]
    running = table["day"] * float(sessions.seconds) + table["offset"]
    steps = np.sqrt(np.diff(running, prepend=0.0)) * rng.standard_normal(len(table))
    table["ticks"] = sigma * np.cumsum(steps)
    return table


def _tables(
    points: pd.DataFrame, sessions: Days, theory: dict, size: float, tick: float
) -> dict[str, pd.DataFrame]:
    points = _placed(points, sessions)
    events = points[points["fill"] != 0]
    before = _quotes(events, events["before"], theory, size, tick)
    after = _quotes(events.assign(seq=events["seq"] + 2), events["after"], theory, size, tick)
    calm = points[points["fill"] == 0]
    refresh = _quotes(calm, calm["after"], theory, size, tick)
    trades = _trades(events, before, size)
    fills = trades.assign(
        account=ACCOUNT, side=-trades["side"], fee=0.0, maker=True, counterparty="customer"
    )
    return {
        "trades": trades,
        "quotes": pd.concat([refresh, before, after], ignore_index=True),
        "fills": fills,
        "positions": _positions(points, sessions, size),
    }


def _placed(points: pd.DataFrame, sessions: Days) -> pd.DataFrame:
    """The points with their time and `seq`."""
    whole = np.floor(points["offset"].to_numpy() * 1e9).astype("int64")
    points = points.assign(time=sessions.instant(points["day"].to_numpy(), whole))
    points["seq"] = 3 * np.arange(len(points))  # room for the quote before, the fill, the one after
    return points


def _around(points: pd.DataFrame, sessions: Days, size: float, tick: float) -> pd.DataFrame:
    """What others quote: half a tick on either side of the mid, whatever the maker holds."""
    quote = _placed(points, sessions)[["time", "seq", "mid"]].assign(symbol=SYMBOL)
    mid = quote.pop("mid")
    sizes = {"bid_size": size, "ask_size": size}
    return quote.assign(bid=mid - tick / 2, ask=mid + tick / 2, **sizes)


def _quotes(
    points: pd.DataFrame, q: pd.Series, theory: dict, size: float, tick: float
) -> pd.DataFrame:
    quote = points[["time", "seq", "mid"]].assign(symbol=SYMBOL)
    quote["bid"] = quote["mid"] - tick * theory["delta_b"].loc[q].to_numpy()
    quote["ask"] = quote["mid"] + tick * theory["delta_a"].loc[q].to_numpy()
    for side in ("bid", "ask"):
        quote[f"{side}_size"] = np.where(quote[side].notna(), size, np.nan)
    return quote.drop(columns="mid")


def _trades(events: pd.DataFrame, before: pd.DataFrame, size: float) -> pd.DataFrame:
    """The prints: customers sell at the maker's bid and buy at its ask."""
    bought = events["fill"].to_numpy() > 0
    return pd.DataFrame(
        {
            "time": events["time"],
            "seq": events["seq"] + 1,
            "symbol": SYMBOL,
            "price": np.where(bought, before["bid"], before["ask"]),
            "size": size,
            "side": np.where(bought, -1.0, 1.0),
            "trade_id": np.arange(1, len(events) + 1).astype("str"),
        }
    )


def _positions(points: pd.DataFrame, sessions: Days, size: float) -> pd.DataFrame:
    by_day = points.groupby("day")
    held = np.concatenate([by_day["before"].first(), by_day["after"].last()])
    time = pd.DatetimeIndex(np.append(sessions.opens, sessions.closes)).tz_localize("UTC")
    table = pd.DataFrame({"time": time, "account": ACCOUNT, "symbol": SYMBOL})
    table["position"] = size * held.astype(float)
    return table.sort_values("time", kind="stable").drop_duplicates("time")
