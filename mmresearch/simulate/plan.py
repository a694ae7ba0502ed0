"""What is planted in a simulated market before the first trade: spells, targets, transfers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.simulate.days import Days

SPELLS_A_DAY = 2  # per maker, one in each half of the session
SPELL_SECONDS = (240, 480)
VOLATILE_FROM, VOLATILE_TO = 60, 900  # seconds after a spell's start
VOLATILITY_MULTIPLE = 2.5
SPELL_ACTIVITY = 0.6  # share of its usual trades that a withdrawn maker still does
ACTIVITY = (0.75, 0.75)  # a + b (2x - 1)^2 over the session, x from 0 to 1: its mean is 1
TARGET_SHIFTS_A_DAY = 0.2
TARGET_SD = 800.0  # units
TRANSFERS_A_DAY = 2  # per maker
TRANSFER_SD = 400.0  # units
BURST_TRADES, BURST_SECONDS = 12, 30
LOT_UNITS = np.array([100, 200, 300])
LOT_SHARES = np.array([0.7, 0.2, 0.1])


class Plan(NamedTuple):
    """What is planted; the arrays have a row a second of all sessions, a column a maker.

    spells, targets, transfers: the tables that `draw_spells`, ... return.
    season: (seconds,) factor on activity and variance. rough: (seconds,) whether volatility is
    high. away: whether the maker withdraws. goal: its target. rates: its trades a second.
    """

    spells: pd.DataFrame
    targets: pd.DataFrame
    transfers: pd.DataFrame
    season: np.ndarray
    rough: np.ndarray
    away: np.ndarray
    goal: np.ndarray
    rates: np.ndarray


def draw_plan(rng: np.random.Generator, sessions: Days, rate: np.ndarray) -> Plan:
    """Draw everything that is planted; `rate` is each maker's mean number of trades a second."""
    makers = len(rate)
    spells = draw_spells(rng, sessions, makers)
    targets = draw_targets(rng, sessions, makers)
    own = [spells[spells["account"] == account] for account in range(makers)]
    away = np.column_stack([spell_mask(s, sessions, "first", "last") for s in own])
    season = np.tile(activity(sessions), len(sessions.opens))
    return Plan(
        spells=spells,
        targets=targets,
        transfers=draw_transfers(rng, sessions, makers),
        season=season,
        rough=spell_mask(spells, sessions, "volatile_first", "volatile_last"),
        away=away,
        goal=target_path(targets, sessions, makers),
        rates=rate * season[:, None] * np.where(away, SPELL_ACTIVITY, 1.0),
    )


def activity(sessions: Days) -> np.ndarray:
    """Factor on the rate of trades in each second of a session: a U with mean 1."""
    x = (np.arange(sessions.seconds) + 0.5) / sessions.seconds
    return ACTIVITY[0] + ACTIVITY[1] * (2 * x - 1) ** 2


def draw_spells(rng: np.random.Generator, sessions: Days, makers: int) -> pd.DataFrame:
    """Withdrawal spells: day, account, first and last+1 second, and the seconds of high volatility.

    All are cut at the session's close.
    """
    days, slot = len(sessions.opens), sessions.seconds / SPELLS_A_DAY
    shape = (days, makers, SPELLS_A_DAY)
    day, account, number = (axis.ravel() for axis in np.indices(shape))
    room = max(slot - VOLATILE_TO, 0.0)
    first = (number * slot + room * rng.random(day.size)).astype(int)
    length = rng.integers(*SPELL_SECONDS, size=day.size, endpoint=True)
    ends = {"last": length, "volatile_first": VOLATILE_FROM, "volatile_last": VOLATILE_TO}
    table = pd.DataFrame({"day": day, "account": account, "first": first})
    for name, after in ends.items():
        table[name] = np.minimum(first + after, sessions.seconds)
    return table


def spell_mask(spells: pd.DataFrame, sessions: Days, first: str, last: str) -> np.ndarray:
    """Whether each second (of all sessions, one after another) lies in any of the spells."""
    seconds = sessions.seconds
    edges = np.zeros(len(sessions.opens) * seconds + 1, dtype=int)
    np.add.at(edges, (spells["day"] * seconds + spells[first]).to_numpy(), 1)
    np.add.at(edges, (spells["day"] * seconds + spells[last]).to_numpy(), -1)
    return np.cumsum(edges)[:-1] > 0


def draw_targets(rng: np.random.Generator, sessions: Days, makers: int) -> pd.DataFrame:
    """Targets in units: day, second, account, target, valid from that second on.

    The first account's stays 0; each other's shifts on a fifth of the days, at a random second.
    """
    rows = [(0, 0, account, 0.0) for account in range(makers)]
    for account in range(1, makers):
        shifts = rng.random(len(sessions.opens)) < TARGET_SHIFTS_A_DAY
        for day in np.flatnonzero(shifts):
            second = int(rng.integers(0, sessions.seconds))
            target = 100.0 * np.round(TARGET_SD * rng.standard_normal() / 100)
            rows.append((int(day), second, account, target))
    return pd.DataFrame(rows, columns=["day", "second", "account", "target"])


def target_path(targets: pd.DataFrame, sessions: Days, makers: int) -> np.ndarray:
    """Target of each account in each second of all sessions, (seconds, accounts)."""
    path = np.zeros((len(sessions.opens) * sessions.seconds, makers))
    for row in targets.itertuples():
        path[row.day * sessions.seconds + row.second :, row.account] = row.target
    return path


def draw_transfers(rng: np.random.Generator, sessions: Days, makers: int) -> pd.DataFrame:
    """Hedging transfers of the asset: day, second, account, amount (units, + into the account)."""
    shape = (len(sessions.opens), makers, TRANSFERS_A_DAY)
    day, account, _ = (axis.ravel() for axis in np.indices(shape))
    lots = np.round(TRANSFER_SD * rng.standard_normal(day.size) / 100)
    amount = 100.0 * np.where(lots == 0, 1.0, lots)
    second = rng.integers(0, sessions.seconds, size=day.size)
    return pd.DataFrame({"day": day, "second": second, "account": account, "amount": amount})
