"""A stream of orders that are filled or cancelled at known rates, and of depth that is pulled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.simulate.days import trading_days
from mmresearch.simulate.order_tables import Stream, tables_of
from mmresearch.simulate.simulation import Simulation

SYMBOL = "SIM"
LOT = 100.0
_MAKER_LOTS = 10
_PULL = (0.01, 0.05)  # seconds before an aggressor's print at which orders are pulled
_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)


class World(NamedTuple):
    """What a day is drawn from: rates a second, shares, and the orders of a burst."""

    rate: float
    cancel: float
    fill: float
    fleeting: float
    fleeting_cancel: float
    behind: float
    burst: int
    aggressors: float
    illusory: float
    lag: float


def order_flow(
    *,
    days: int = 1,
    session_seconds: int = 3_600,
    rate: float = 4.0,
    cancel_life: float = 2.0,
    fill_life: float = 5.0,
    fleeting: float = 0.0,
    fleeting_life: float = 0.2,
    behind: float = 0.0,
    burst: int = 1,
    aggressors: float = 0.0,
    illusory: float = 0.0,
    lag: float = 0.1,
    price: float = 100.0,
    tick: float = 0.01,
    seed: int = 0,
) -> Simulation:
    """Simulate orders with two latent lives, of which the shorter one ends them.

    Orders come at any instant alike, to either side, of one to three lots of 100 units, a tenth of
    those of several lots reduced by one lot at some time of their life. Each has a latent life
    until it is cancelled and one until it is filled, both exponential, so that both hazards are
    constant and the mean life of those that completed is below either. An order is filled
    whenever its life says, whatever came before it at its price. Beside them a maker keeps one
    order of ten lots at each best price, named "M...", so that there are quotes always; the best
    prices stand for a session and move between sessions.

    Independent aggressors take a lot of the maker's order each, which is renewed when it is used
    up. Before an aggressor comes, orders of the side that it hits are pulled.

    Parameters
    ----------
    days, session_seconds : int
        Sessions and their length; calendars as `mmresearch.simulate.days` says.
    rate : float
        Orders a second.
    cancel_life, fill_life : float
        Mean seconds of the latent lives; infinite: never.
    fleeting, fleeting_life : float
        Share of the orders whose latent life until cancelled has another mean, and that mean.
    behind : float
        Share of the orders one to three ticks behind the best price, which are never filled.
    burst : int
        Orders come so many at a time, within half a second; those of a burst are of one side, and
        all fleeting or none.
    aggressors : float
        Independent aggressors a second.
    illusory : float
        Probability that an order at the best price is pulled, 10 to 50 ms before an aggressor.
    lag : float
        Seconds before an aggressor at which it decides, of the truth `illusory_share`.
    price, tick : float
        Bid at the first opening; price step.
    seed : int
        The same arguments and seed, the same market.

    Returns
    -------
    Simulation
        market: orders, quotes (seq of the event that they come after), trades. truth: hazards a
        second (`cancel_hazard` of an order that is not fleeting, with what is pulled, and
        `fill_hazard`), `naive_life` (mean seconds of orders that completed, without a close),
        `median_life`, `incidence` (seconds, cancelled, filled: shares of orders by then),
        `fleeting_share` (cancelled within 2 s), `illusory_share` (of the depth shown `lag` before
        independent aggressors what was gone by pulls alone), `aggressors` (how many), seed, tick.
    """
    shares = {"fleeting": fleeting, "behind": behind, "illusory": illusory}
    lives = {"cancel_life": cancel_life, "fill_life": fill_life, "fleeting_life": fleeting_life}
    wrong = [f"{n} must be from 0 to 1, not {v}" for n, v in shares.items() if not 0 <= v <= 1]
    wrong += [f"{n} must be above 0, not {v}" for n, v in lives.items() if not v > 0]
    wrong += (
        []
        if rate > 0 and burst >= 1 and aggressors >= 0 and lag > 0
        else ["rate and lag must be above 0, burst 1 or more, aggressors 0 or more"]
    )
    if wrong:
        raise ValueError("; ".join(wrong))
    sessions = trading_days(days, session_seconds)
    pulls = illusory * aggressors / 2
    world = World(
        rate, 1 / cancel_life, 1 / fill_life, fleeting, 1 / fleeting_life, behind, burst,
        aggressors, illusory, lag,
    )  # fmt: skip
    streams = np.random.default_rng(seed).spawn(days)
    drawn = [_day(rng, sessions.seconds, world) for rng in streams]
    bids = round(price / tick) + np.cumsum([0, *(rng.integers(-5, 6) for rng in streams[1:])])
    tables = tables_of([stream for stream, _ in drawn], sessions, bids, tick, SYMBOL)
    symbols = pd.DataFrame({"symbol": [SYMBOL], "currency": ["USD"], "tick": [tick]})
    market = Market(symbols=symbols, calendar=sessions.calendar, name="order flow", **tables)
    shown, lost, count = np.sum([pulled for _, pulled in drawn], axis=0)
    truth = _theory(world, pulls) | {
        "illusory_share": lost / shown if shown else math.nan,
        "aggressors": int(count),
        "seed": seed,
        "tick": tick,
    }
    return Simulation(market, truth)


def _theory(world: World, pulls: float) -> dict:
    """Incidence of both ends: a mixture of kinds, each with constant hazards."""
    seconds = np.array(_SECONDS)
    kinds = [
        (kind_share * place_share, kind + (pulls if place else 0.0), world.fill * place)
        for kind_share, kind in (
            (1 - world.fleeting, world.cancel),
            (world.fleeting, world.fleeting_cancel),
        )
        for place_share, place in ((1 - world.behind, 1), (world.behind, 0))
        if kind_share * place_share > 0
    ]

    def survival(t: np.ndarray | float) -> np.ndarray | float:
        return sum(share * np.exp(-(c + f) * t) for share, c, f in kinds)

    cancelled, filled, naive = np.zeros(len(seconds)), np.zeros(len(seconds)), 0.0
    for share, c, f in kinds:
        over = share * -np.expm1(-(c + f) * seconds) / (c + f)
        cancelled, filled, naive = cancelled + c * over, filled + f * over, naive + share / (c + f)
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if survival(middle) > 0.5 else (low, middle)
    incidence = {"seconds": seconds, "cancelled": cancelled, "filled": filled}
    return {
        "cancel_hazard": world.cancel + pulls,
        "fill_hazard": world.fill,
        "naive_life": naive,
        "median_life": high,
        "incidence": pd.DataFrame(incidence),
        "fleeting_share": float(cancelled[_SECONDS.index(2.0)]),
    }


def _day(
    rng: np.random.Generator, seconds: int, world: World
) -> tuple[Stream, tuple[float, float, float]]:
    """One day's orders, and over its aggressors the depth shown, lost by pulls, their number."""
    count = rng.poisson(world.rate / world.burst * seconds)
    start = np.repeat(rng.random(count) * seconds, world.burst)
    added = start + (rng.random(len(start)) / 2 if world.burst > 1 else 0.0)
    side = np.repeat(rng.choice([-1.0, 1.0], count), world.burst)
    quick = np.repeat(rng.random(count) < world.fleeting, world.burst)
    level = np.where(rng.random(len(added)) < world.behind, rng.integers(1, 4, len(added)), 0)
    size = LOT * rng.integers(1, 4, len(added))
    cancel = rng.exponential(1.0, len(added)) / np.where(quick, world.fleeting_cancel, world.cancel)
    fill = np.full(len(added), np.inf)
    if world.fill > 0:
        fill = np.where(level == 0, rng.exponential(1.0, len(added)) / world.fill, np.inf)
    arrivals = np.sort(rng.random(rng.poisson(world.aggressors * seconds)) * seconds)
    hits = rng.choice([-1.0, 1.0], len(arrivals))  # the side of the orders that it hits
    before = rng.uniform(*_PULL, len(arrivals))
    natural = added + np.minimum(cancel, fill)
    pulled = _pulls(rng, added, side, level, (arrivals, hits, before), world.illusory)
    filled = (fill < cancel) & (natural < pulled)
    ended = np.minimum(natural, pulled)
    reduced = np.where(
        (rng.random(len(added)) < 0.1) & (size > LOT), rng.random(len(added)), np.nan
    )
    stream = Stream(
        added=added,
        ended=ended,
        filled=filled,
        side=side,
        level=level,
        size=size,
        reduced=added + reduced * (ended - added),
        arrivals=arrivals,
        hits=hits,
        seconds=float(seconds),
        lot=LOT,
        lots=_MAKER_LOTS,
    )
    return stream, _planted(stream, natural, world.lag)


def _pulls(
    rng: np.random.Generator,
    added: np.ndarray,
    side: np.ndarray,
    level: np.ndarray,
    aggressors: tuple[np.ndarray, np.ndarray, np.ndarray],
    illusory: float,
) -> np.ndarray:
    """When each order is pulled before an aggressor; infinite: never."""
    pulled = np.full(len(added), np.inf)
    arrivals, hits, before = aggressors
    if not illusory:
        return pulled
    tries = rng.geometric(illusory, len(added))
    for sign in (-1.0, 1.0):
        at = np.sort(arrivals[hits == sign] - before[hits == sign])
        own = np.flatnonzero((side == sign) & (level == 0))
        place = np.searchsorted(at, added[own], side="right") + tries[own] - 1
        met = place < len(at)
        pulled[own[met]] = at[place[met]]
    return pulled


def _planted(stream: Stream, natural: np.ndarray, lag: float) -> tuple[float, float, float]:
    """Depth shown `lag` before each aggressor, what only pulls made go, how many there were."""
    shown, gone, extra = 0.0, 0.0, 0.0
    units = np.where(stream.reduced < stream.ended, stream.size - stream.lot, stream.size)
    for sign in (-1.0, 1.0):
        at = stream.arrivals[stream.hits == sign]
        times, levels = stream.touch(sign)
        depth = np.append(0.0, levels)
        then = depth[np.searchsorted(times, at - lag, side="right")]
        now = depth[np.searchsorted(times, at, side="left")]
        # what aggressors before the decision left of the maker's order; later ones are no loss
        took = np.searchsorted(at, at - lag, side="right") % stream.lots
        displayed = then + stream.lot * (stream.lots - took)
        own = (stream.side == sign) & (stream.ended < natural)
        lost = _lost(stream, natural, own, units, at, lag)
        short = then - now
        shown += displayed.sum()
        gone += np.maximum(short, 0).sum()
        extra += np.maximum(short - lost, 0).sum()
    return shown, gone - extra, float(len(stream.arrivals))


def _lost(
    stream: Stream,
    natural: np.ndarray,
    own: np.ndarray,
    units: np.ndarray,
    at: np.ndarray,
    lag: float,
) -> np.ndarray:
    """Units shown a lag before each aggressor that would stand, had no order been pulled."""
    lost = np.zeros(len(at))
    order, arrivals = np.flatnonzero(own), np.append(at, np.inf)
    place = np.searchsorted(at, stream.ended[order], side="right")
    while len(order):  # one aggressor after another in whose wait an order's pull was
        then = arrivals[place]
        within = then - lag < stream.ended[order]
        order, place, then = order[within], place[within], then[within]
        counts = (stream.added[order] <= then - lag) & (natural[order] >= then)
        np.add.at(lost, place[counts], units[order[counts]])
        place = place + 1
    return lost
