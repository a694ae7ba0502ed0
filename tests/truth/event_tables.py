"""Bars of an outcome with a shape over the day, memory and a step at known events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.signal

_APART = 30  # bars


class World(NamedTuple):
    """What is simulated: `step` from each event's bar on, for `length` bars; `events` a day drawn.

    Of events within 30 bars of each other only the first is there.

    memory: of the noise, whose standard deviation is 1; of_days: that of whole days' levels.
    """

    days: int = 30
    bars: int = 100
    step: float = 0.0
    length: int = 20
    events: float = 1.0
    memory: float = 0.7
    of_days: float = 0.3
    accounts: int = 1

    def __str__(self) -> str:
        what = f"{self.days} days of {self.bars} bars, {self.events:g} events a day, memory"
        return f"{what} {self.memory:g}, {self.accounts} accounts, step {self.step:g}"


def event_table(rng: np.random.Generator, world: World) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of bars with `outcome`, and the events (time, one a bar in which it begins)."""
    many = rng.poisson(world.events, world.days)
    bars = [_apart(rng.choice(world.bars, min(n, world.bars), replace=False)) for n in many]
    shape = 2 * np.cos(2 * np.pi * np.arange(world.bars) / world.bars)
    levels = world.of_days * rng.standard_normal((world.days, 1))  # of all accounts
    tables = []
    for number in range(world.accounts):
        noise = rng.standard_normal((world.days, world.bars + 50))
        keep = np.sqrt(1 - world.memory**2)
        noise = scipy.signal.lfilter([keep], [1, -world.memory], noise, axis=1)[:, 50:]
        value = shape + levels + noise
        for day, own in enumerate(bars):
            for bar in own:
                value[day, bar : bar + world.length] += world.step
        tables.append(_bars(world, value).assign(account=f"M{number}"))
    table = pd.concat(tables, ignore_index=True)
    day = np.repeat(np.arange(world.days), [len(own) for own in bars])
    start = table["start"].to_numpy().reshape(world.accounts, world.days, world.bars)[0]
    inside = start[day, np.concatenate(bars).astype(int)] if len(day) else start[:0, 0]
    time = pd.Series(pd.to_datetime(inside, utc=True)) + pd.Timedelta("30s")
    return table, pd.DataFrame({"time": time.sort_values(ignore_index=True)})


def _apart(bars: np.ndarray) -> np.ndarray:
    """Without those near an earlier one: what the second of two adds would be the first's too."""
    kept: list[int] = []
    for bar in np.sort(bars):
        if not kept or bar >= kept[-1] + _APART:
            kept.append(int(bar))
    return np.array(kept, dtype="int64")


def _bars(world: World, value: np.ndarray) -> pd.DataFrame:
    day = np.repeat(pd.date_range("2024-01-01", periods=world.days), world.bars)
    bar = np.tile(np.arange(world.bars), world.days)
    start = pd.Series(day + pd.to_timedelta(10 * 3600 + 60 * bar, unit="s")).dt.tz_localize("UTC")
    table = pd.DataFrame({"symbol": "X", "day": day, "bar": bar, "start": start})
    return table.assign(end=start + pd.Timedelta("1min"), outcome=value.ravel())
