"""The makers' own quotes in a simulated market, which lean against what each one holds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.simulate import tape
from mmresearch.simulate.days import Days
from mmresearch.simulate.economy import TRANSFER, Flow
from mmresearch.simulate.plan import Plan

REQUOTE_SECONDS = 5
HALF_SPREAD_TICKS = 2.0  # each side, before rounding outward; a withdrawal adds the tape's
_SIDES = ["bid", "ask", "bid_size", "ask_size"]


def own_quotes(
    rng: np.random.Generator,
    sessions: Days,
    flow: Flow,
    points: pd.DataFrame,
    planned: Plan,
    fills: pd.DataFrame,
    accounts: list[str],
    *,
    tick: float,
    skew: tuple[float, ...],
) -> pd.DataFrame:
    """The table of own quotes; `skew` is ticks a unit of inventory above target, of each maker.

    `fills` are all of them: a lost one was a fill too.
    """
    tables = []
    for number, account in enumerate(accounts):
        quote = _planned(rng, sessions, flow, points, planned, number, tick=tick, skew=skew[number])
        own = fills[fills["account"] == account]
        both = pd.concat([quote, _joins(quote, own, points, flow, number, tick)])
        both = both.sort_values(["point", "after"], kind="stable")
        time = sessions.instant(both["day"].to_numpy(), both["ms"].to_numpy() * 1_000_000)
        table = pd.DataFrame({"time": time, "seq": both["seq"].to_numpy(), "account": account})
        table = table.assign(symbol=tape.SYMBOL, **{side: both[side].to_numpy() for side in _SIDES})
        # where events share an instant, the quote after one gives way to that before the next
        tables.append(table.drop_duplicates(["time", "seq"], keep="last"))
    every = pd.concat(tables).sort_values(["time", "seq"], kind="stable", ignore_index=True)
    return every.assign(**{side: np.round(every[side] * tick, 10) for side in _SIDES[:2]})


def _planned(
    rng: np.random.Generator,
    sessions: Days,
    flow: Flow,
    points: pd.DataFrame,
    planned: Plan,
    account: int,
    *,
    tick: float,
    skew: float,
) -> pd.DataFrame:
    """A maker's quotes as planned, in ticks; a row where they change, and after its own events."""
    event = points["event"].to_numpy()
    moved = np.zeros(len(points))
    own = np.zeros(len(points), bool)
    own[event >= 0] = flow.events["account"].to_numpy()[event[event >= 0]] == account
    moved[own] = flow.events["change"].to_numpy()[event[own]]
    step, ms = points["step"].to_numpy(), points["ms"].to_numpy()
    excess = flow.start[account] + np.cumsum(moved) - planned.goal[step, account]
    away = planned.away[step, account]
    fair = points["mid"].to_numpy() / tick - skew * excess
    half = HALF_SPREAD_TICKS + tape.SPELL_TICKS * away
    depth = tape.DEPTH * np.where(away, tape.SPELL_DEPTH, 1.0)
    quote = points[["day", "ms"]].assign(
        point=np.arange(len(points)),
        after=1,
        seq=np.where(event >= 0, points["seq"] + 1, 0),
        bid=np.floor(fair - half),
        ask=np.ceil(fair + half),
        away=away,
        own=own,
    )
    for side in ("bid_size", "ask_size"):
        drawn = depth * np.exp(tape.DEPTH_NOISE * rng.standard_normal(len(points)))
        quote[side] = np.maximum(100 * np.round(drawn / 100), 100.0)
    quote = quote[own | ((ms % (1000 * REQUOTE_SECONDS) == 0) & (ms < 1000 * sessions.seconds))]
    changed = (quote[["day", "bid", "ask", "away"]].astype(float).diff() != 0).any(axis=1)
    return quote[changed | quote["own"]]


def _joins(
    quote: pd.DataFrame,
    fills: pd.DataFrame,
    points: pd.DataFrame,
    flow: Flow,
    account: int,
    tick: float,
) -> pd.DataFrame:
    """The quote just before each own fill, where the one that stood was at another price.

    The maker joins the market's best for that instant, with the other side where it stood, or a
    tick behind where that would cross.
    """
    kind, whose = flow.events["kind"].to_numpy(), flow.events["account"].to_numpy()
    filled = np.flatnonzero(points["event"] >= 0)
    event = points["event"].to_numpy()[filled]
    filled = filled[(kind[event] != TRANSFER) & (whose[event] == account)]
    stood = np.searchsorted(quote["point"].to_numpy(), filled) - 1
    price = np.round(fills["price"].to_numpy() / tick)
    bought = fills["side"].to_numpy() > 0
    bid, ask = (quote[side].to_numpy()[stood] for side in ("bid", "ask"))
    elsewhere = np.where(bought, bid, ask) != price
    row = points.iloc[filled]
    found = pd.DataFrame(
        {"day": row["day"], "ms": row["ms"], "point": filled, "after": 0, "seq": row["seq"] - 1}
        | {"bid": np.where(bought, price, np.minimum(bid, price - 1))}
        | {"ask": np.where(bought, np.maximum(ask, price + 1), price)}
    )
    for side, here in (("bid_size", bought), ("ask_size", ~bought)):
        least = np.where(here, fills["size"].to_numpy(), 0.0)
        found[side] = np.maximum(quote[side].to_numpy()[stood], least)
    return found[elsewhere]
