"""Intervals of `spell_accuracy`, where the chance that a spell is called is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

import mmresearch as mm
from tests.truth.coverage import Row, row

SLOTS, SLOT = 20, 20  # of a day's 400 bars; one spell or alarm at most in each, so that none touch
LONGEST, ALARM = 8, 3  # bars of a spell: 3 to 8; of a false alarm: 1 to 3


class World(NamedTuple):
    """Days, spells a day, the chance that one is called, whole, and false alarms a day.

    vary: a day's chance is `called` plus or minus this, by coin.
    """

    days: int
    spells: float
    called: float
    alarms: float
    vary: float = 0.0

    def __str__(self) -> str:
        told = f"{self.days} days, {self.spells:g} spells and {self.alarms:g} alarms a day"
        return told + (f", called by day {self.vary:g} more or less" if self.vary else "")

    def truth(self) -> dict[str, float]:
        """Of bars and of spells: what is called is a whole spell, or a false alarm."""
        right, wrong = self.spells * self.called, self.alarms
        bars = right * (3 + LONGEST) / 2, wrong * (1 + ALARM) / 2
        return {
            "bar_precision": bars[0] / sum(bars),
            "bar_recall": self.called,
            "spell_precision": right / (right + wrong),
            "spell_recall": self.called,
        }


WORLDS = (
    World(7, 4.0, 0.8, 1.0),
    World(25, 2.0, 0.8, 0.5),
    World(60, 2.0, 0.9, 1.0),
    World(25, 4.0, 0.7, 1.0, vary=0.25),
)


def called_bars(rng: np.random.Generator, world: World) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of a minute with what is called withdrawn, and the spells."""
    n, first = SLOTS * SLOT, pd.Timestamp("2024-01-01 14:30", tz="UTC")
    withdrawn, spells = np.zeros((world.days, n), bool), []
    for day in range(world.days):
        share = world.called + world.vary * rng.choice([-1.0, 1.0])
        many = min(rng.poisson(world.spells), SLOTS // 2)
        false = min(rng.poisson(world.alarms), SLOTS // 2)
        slots = SLOT * rng.permutation(SLOTS)
        for start in slots[:many]:
            length = rng.integers(3, LONGEST + 1)
            spells.append((day, start, start + length))
            withdrawn[day, start : start + length] = rng.random() < share
        for start in slots[many : many + false]:
            withdrawn[day, start : start + rng.integers(1, ALARM + 1)] = True
    day, bar = np.divmod(np.arange(world.days * n), n)
    start = first + pd.to_timedelta(day, "D") + pd.to_timedelta(bar, "min")
    table = pd.DataFrame({"account": "M", "symbol": "X", "day": day, "bar": bar, "start": start})
    table["end"] = table["start"] + pd.Timedelta("1min")
    table["withdrawn"] = withdrawn.ravel()
    told = np.array(spells, dtype="int64").reshape(-1, 3)
    opened = first + pd.to_timedelta(told[:, 0], "D")
    known = {
        name: opened + pd.to_timedelta(told[:, j], "min") for j, name in ((1, "start"), (2, "end"))
    }
    return table, pd.DataFrame({"account": "M", **known})


def intervals(replications: int, seed: int) -> list[Row]:
    rows = []
    for number, world in enumerate(WORLDS):
        rng = np.random.default_rng([seed, number, 31])
        found = [
            mm.spell_accuracy(*called_bars(rng, world)).quantities for _ in range(replications)
        ]
        for name, truth in world.truth().items():
            rows.append(row("spell_accuracy", f"{name}: {world}", truth, [q[name] for q in found]))
    return rows


COVERAGE = {"spell_accuracy": intervals}
