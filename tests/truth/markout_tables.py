"""Tables as `mm.markouts` makes them of fills whose truth is known: what a side earns and loses.

A fill earns `HALF` at once. The part of its side that the side before did not foretell moves the
mid against it by impact * HALF, for good; else the mid is a random walk in time without drift. So
at every horizon a fill has lost impact * HALF * (1 - persistence^2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

HALF = 2.0  # bps of the mid
HORIZONS = ("1s", "30s", "60s")
SECONDS = np.array([1.0, 30.0, 60.0])


class World(NamedTuple):
    """What is simulated.

    persistence: of sides, a chain of two states. bursts: fills come at random, at a rate that
    itself changes (else one a second). sizes: standard deviation of their logarithm. vary: of a
    day's half spread, as a share of it. uneven: of the logarithm of fills a day.
    """

    days: int = 1
    fills: int = 5000
    persistence: float = 0.0
    impact: float = 0.0
    bursts: bool = False
    sizes: float = 0.0
    vary: float = 0.0
    uneven: float = 0.0

    def adverse(self) -> float:
        return self.impact * HALF * (1 - self.persistence**2)

    def __str__(self) -> str:
        days = "1 day" if self.days == 1 else f"{self.days} days"
        told = f"{days} of {self.fills:,} fills, sides persist {self.persistence:g}"
        told += f", impact {self.impact:g}" if self.impact else ""
        told += ", in bursts" if self.bursts else ""
        told += f", sizes vary {self.sizes:g}" if self.sizes else ""
        told += f", days vary {self.vary:g}" if self.vary else ""
        return told + (f" and their fills {self.uneven:g}" if self.uneven else "")


def markout_table(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """A market of these fills, day by day."""
    days = [_day(rng, world, number) for number in range(world.days)]
    found = pd.concat(days, ignore_index=True)
    found.attrs = {"unit": "bps", "reference": "mid", "relative_to": "now", "note": ""}
    found.attrs |= {"horizons": list(HORIZONS), "counts": {}}
    return found


def _day(rng: np.random.Generator, world: World, number: int) -> pd.DataFrame:
    fills = int(world.fills * np.exp(world.uneven * rng.standard_normal())) + 1
    after = 60 if not world.bursts else 600  # so that every fill has its horizons
    at = np.arange(fills + after, dtype=float)
    if world.bursts:
        busy = np.repeat(rng.choice([-1.5, 0.0, 1.0], at.size // 40 + 1), 40)[: at.size]
        at = np.cumsum(rng.exponential(np.exp(-busy)))
    turn = np.where(rng.random(at.size) < (1 + world.persistence) / 2, 1.0, -1.0)
    turn[0] = rng.choice([-1.0, 1.0])
    side = np.cumprod(turn)
    half = HALF * (1 + world.vary * rng.standard_normal())
    jump = -world.impact * half * (side - world.persistence * np.append(0.0, side[:-1]))
    own, start = at[:fills], pd.Timestamp("2024-01-01") + pd.Timedelta(days=number)
    now, *later = _mids(rng, at, jump, [own, *(own + h for h in SECONDS)])
    side = side[:fills]
    made = {"account": "M", "symbol": "X", "day": start}
    made["time"] = start.tz_localize("UTC") + pd.to_timedelta((own * 1e9).astype("int64"), "ns")
    made |= {"seq": np.arange(fills), "side": side, "price": 100.0}
    made |= {"size": np.exp(world.sizes * rng.standard_normal(fills)), "capture_bps": half}
    for kind in ("markout", "adverse"):
        for name, mid in zip(HORIZONS, later, strict=True):
            adverse = -side * (mid - now)
            made[f"{kind}_bps_{name}"] = half - adverse if kind == "markout" else adverse
    return pd.DataFrame(made | {"apart": ""})


def _mids(
    rng: np.random.Generator, at: np.ndarray, jump: np.ndarray, asked: list[np.ndarray]
) -> list[np.ndarray]:
    """The mid just before each time asked: a walk in time, and the jumps of fills before."""
    times = np.unique(np.concatenate(asked))
    walk = np.cumsum(np.sqrt(np.diff(times, prepend=times[0])) * rng.standard_normal(times.size))
    jumps = np.append(0.0, np.cumsum(jump))
    return [walk[np.searchsorted(times, t)] + jumps[np.searchsorted(at, t)] for t in asked]
