"""The simulated economy on one-second steps: who trades, what the makers hold, what prices do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.simulate import plan
from mmresearch.simulate.days import Days

TRADE, BURST, TRANSFER = 0, 1, 2
_EVENT = ["step", "ms", "account", "kind", "units", "informed", "draw", "forced", "burst"]


class Makers(NamedTuple):
    """One entry a maker: reversion a second, trades a second at mean activity."""

    accounts: list[str]
    reversion: np.ndarray
    rate: np.ndarray


class Prices(NamedTuple):
    """Price dynamics in basis points: a unit of inventory, a root second, a night."""

    start: float
    alpha: float
    kappa: float
    informed_share: float
    sigma: float
    overnight: float


class Flow(NamedTuple):
    """Who traded: holdings at the start (units), events in order with `change` (units, a maker's).

    held: (seconds, makers) at each second's start. drift: (seconds,) the change of both makers'
    holdings to be expected in that second. clipped: trades whose probability had to be clipped.
    """

    start: np.ndarray
    events: pd.DataFrame
    held: np.ndarray
    drift: np.ndarray
    clipped: int


def draw_flow(
    rng: dict[str, np.random.Generator],
    sessions: Days,
    makers: Makers,
    planned: plan.Plan,
    *,
    informed_share: float,
    bursts: int,
) -> Flow:
    """Draw the customers, and let the makers' inventories follow."""
    parts = [
        draw_trades(rng["flow"], planned.rates, informed_share),
        draw_bursts(rng["bursts"], sessions, bursts, len(makers.accounts), informed_share),
        transfer_events(rng["flow"], planned.transfers, sessions),
    ]
    drawn = [part for part in parts if len(part)]
    events = pd.concat(drawn, ignore_index=True).reindex(columns=_EVENT)
    events = events.sort_values(["step", "ms"], kind="stable", ignore_index=True)
    # room for each event's trade and for the quote after it, behind the second's own quote
    events["seq"] = 2 * events.groupby("step").cumcount() + 1
    start = draw_start(rng["start"], makers)
    events, held, clipped = settle(events, makers, planned, start)
    drift = -(makers.reversion * (held - planned.goal)).sum(axis=1)
    return Flow(start, events, held, drift, clipped)


def draw_start(rng: np.random.Generator, makers: Makers) -> np.ndarray:
    """Holdings at the start in whole lots, with about the spread that they settle into."""
    second_moment = plan.LOT_UNITS**2 @ plan.LOT_SHARES
    spread = np.sqrt(makers.rate * second_moment / (2 * makers.reversion))
    return 100.0 * np.round(spread * rng.standard_normal(len(spread)) / 100)


def draw_trades(rng: np.random.Generator, rates: np.ndarray, informed_share: float) -> pd.DataFrame:
    """Customers' trades: step (second of all sessions), ms, account, units, informed, draw.

    A maker's trades in a second are Poisson with mean `rates` (seconds, makers). Which way each
    one goes is decided by `draw`, once the inventory is known.
    """
    counts = rng.poisson(rates)
    step, account = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    return pd.DataFrame(
        {
            "step": step,
            "ms": rng.integers(1, 1000, size=step.size),
            "account": account,
            "kind": TRADE,
            "units": rng.choice(plan.LOT_UNITS, p=plan.LOT_SHARES, size=step.size).astype(float),
            "informed": rng.random(step.size) < informed_share,
            "draw": rng.random(step.size),
            "forced": 0,
        }
    )


def draw_bursts(
    rng: np.random.Generator, sessions: Days, bursts: int, makers: int, informed_share: float
) -> pd.DataFrame:
    """One-sided bursts of customers; `forced` is the makers' side, `burst` the burst's number."""
    number = np.repeat(np.arange(bursts), plan.BURST_TRADES)
    day = rng.integers(0, len(sessions.opens), size=bursts)
    latest = max(sessions.seconds - plan.BURST_SECONDS, 1)
    second = (latest * (0.1 + 0.8 * rng.random(bursts))).astype(int)
    side = rng.choice([-1, 1], size=bursts)
    inside = min(plan.BURST_SECONDS, sessions.seconds)
    step = (day * sessions.seconds + second)[number] + rng.integers(0, inside, size=number.size)
    last = (day * sessions.seconds)[number] + sessions.seconds - 1
    return pd.DataFrame(
        {
            "step": np.minimum(step, last),
            "ms": rng.integers(1, 1000, size=number.size),
            "account": rng.integers(0, makers, size=number.size),
            "kind": BURST,
            "units": rng.choice(plan.LOT_UNITS, p=plan.LOT_SHARES, size=number.size).astype(float),
            "informed": rng.random(number.size) < informed_share,
            "draw": 0.0,
            "forced": side[number],
            "burst": number,
        }
    )


def transfer_events(
    rng: np.random.Generator, transfers: pd.DataFrame, sessions: Days
) -> pd.DataFrame:
    """The transfers as events: they move inventory at their millisecond, and nobody trades."""
    return pd.DataFrame(
        {
            "step": transfers["day"] * sessions.seconds + transfers["second"],
            "ms": rng.integers(1, 1000, size=len(transfers)),
            "account": transfers["account"],
            "kind": TRANSFER,
            "units": transfers["amount"].abs(),
            "informed": False,
            "draw": 0.0,
            "forced": np.sign(transfers["amount"]).astype(int),
        }
    )


def settle(
    events: pd.DataFrame, makers: Makers, planned: plan.Plan, start: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray, int]:
    """Decide each trade's side; returns events with `change` (units), holdings, clipped trades.

    A maker with inventory I at the second's start buys with probability 1/2 - (I - target)/(2 room)
    where room = rate * mean units / reversion, so the expected change in a second is exactly
    -reversion * (I - target). Beyond |I - target| = room the probability is clipped; such trades
    are counted. Holdings are those at each second's start, (seconds, makers).
    """
    step, account = events["step"].to_numpy(), events["account"].to_numpy()
    mean_units = plan.LOT_UNITS @ plan.LOT_SHARES
    room = planned.rates[step, account] * mean_units / makers.reversion[account]
    sides, clipped = _sides(events, room.tolist(), planned.goal[step, account].tolist(), start)
    change = events["units"].to_numpy() * np.array(sides, dtype=float)
    moved = np.zeros((len(planned.season), len(start)))
    np.add.at(moved, (step, account), change)
    return events.assign(change=change), start + np.cumsum(moved, axis=0) - moved, clipped


def _sides(
    events: pd.DataFrame, room: list[float], goal: list[float], start: np.ndarray
) -> tuple[list[int], int]:
    held, at_start, now, clipped, sides = start.tolist(), start.tolist(), -1, 0, []
    columns = (events[name].tolist() for name in ("step", "account", "units", "draw", "forced"))
    for i, (second, maker, units, draw, side) in enumerate(zip(*columns, strict=True)):
        if second != now:
            now, at_start = second, held.copy()
        if side == 0:
            excess = (at_start[maker] - goal[i]) / room[i]
            clipped += abs(excess) > 1
            side = 1 if draw < 0.5 - 0.5 * excess else -1
        held[maker] += side * units
        sides.append(side)
    return sides, clipped


def draw_prices(
    rng: np.random.Generator, sessions: Days, planned: plan.Plan, flow: Flow, prices: Prices
) -> pd.DataFrame:
    """Efficient price and mid at each whole second and after each event, in order.

    Columns: day, ms (since the opening), step, event (row of `flow.events`, -1 at whole seconds),
    seq, efficient and mid (currency, not rounded).

    A trade with an informed customer moves the efficient log price by kappa/informed_share a unit
    of the makers' change (kappa < 0: makers buy before it falls). At each second's end comes the
    opposite of what was to be expected of that, kappa * drift, and a normal move. What one unit of
    surprise moves on average is therefore kappa, exactly.
    """
    volatility = prices.sigma * np.sqrt(planned.season)
    volatility = np.where(planned.rough, plan.VOLATILITY_MULTIPLE, 1.0) * volatility
    diffusion = volatility * rng.standard_normal(len(volatility)) - prices.kappa * flow.drift
    gaps = prices.overnight * rng.standard_normal(len(sessions.opens))
    gaps[0] = 0.0
    moves = np.column_stack([gaps, diffusion.reshape(-1, sessions.seconds)])
    points = pd.concat([_seconds(moves), _happenings(flow, sessions, prices)], ignore_index=True)
    points = points.sort_values(["day", "ms"], kind="stable", ignore_index=True)
    second = np.minimum(points["ms"] // 1000, sessions.seconds - 1)
    points["step"] = points["day"] * sessions.seconds + second
    log_price = points["move"].cumsum()
    pressure = prices.alpha * (flow.start.sum() + points["change"].cumsum())
    points["efficient"] = prices.start * np.exp(log_price / 1e4)
    points["mid"] = prices.start * np.exp((log_price + pressure) / 1e4)
    return points.drop(columns=["move", "change"])


def _seconds(moves: np.ndarray) -> pd.DataFrame:
    day, second = (axis.ravel() for axis in np.indices(moves.shape))
    still = {"change": 0.0, "event": -1, "seq": 0}
    return pd.DataFrame({"day": day, "ms": 1000 * second, "move": moves.ravel(), **still})


def _happenings(flow: Flow, sessions: Days, prices: Prices) -> pd.DataFrame:
    events = flow.events
    per_unit = prices.kappa / prices.informed_share
    return pd.DataFrame(
        {
            "day": events["step"] // sessions.seconds,
            "ms": events["step"] % sessions.seconds * 1000 + events["ms"],
            "move": per_unit * events["change"] * events["informed"],
            "change": events["change"],
            "event": np.arange(len(events)),
            "seq": events["seq"],
        }
    )
