"""Makers whose own quotes lean against inventory by a known law."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from tests.panels import panel_of

TICK = 0.01


def persistent(rng: np.random.Generator, sessions: int, bars: int, rho: float) -> np.ndarray:
    """AR(1) paths [sessions, bars] with unit steps, from their stationary law."""
    steps = rng.standard_normal((sessions, bars))
    steps[:, 0] /= np.sqrt(1 - rho**2)
    return lfilter([1.0], [1.0, -rho], steps, axis=1)


def walks(rng: np.random.Generator, sessions: int, bars: int, *, carried: bool) -> np.ndarray:
    """Random walks [sessions, bars + 1] of whole units from 0, or one that goes on over nights."""
    steps = rng.integers(-3, 4, (sessions, bars)).astype(float)
    paths = np.cumsum(np.column_stack([np.zeros(sessions), steps]), axis=1)
    if carried:
        paths += np.append(0.0, np.cumsum(paths[:-1, -1]))[:, None]
    return paths


def leaning(
    rng: np.random.Generator,
    *,
    days: int,
    bars: int = 100,
    skew: float = 0.0,
    extreme: float = 0.0,
    widen: float = 0.0,
    carried: bool = False,
    rho: float = 0.99,
    noise: float = 0.5,
    tilt: float = 0.0,
    sizes: float | None = None,
) -> pd.DataFrame:
    """A panel of a maker whose mid is `skew` ticks a unit held from the market's mid, plus noise.

    The noise is an AR(1) of `rho` inside a session, its steps `noise` ticks; the spread is 6 ticks
    and `widen` for each unit of |inventory|; `extreme` is added to the slope where |inventory| is
    in its top decile. `tilt` is added to the spread for each unit of inventory (of both distances'
    sum); with `sizes` (ask - bid)/(ask + bid) of the sizes is that much a unit, plus noise as slow.
    """
    levels = walks(rng, days, bars, carried=carried)
    held = levels[:, 1:]
    top = np.quantile(np.abs(held), 0.9)
    beyond = np.sign(held) * np.clip(np.abs(held) - top, 0, None)
    lean = skew * held + extreme * beyond + noise * persistent(rng, days, bars, rho)
    half = 3 + (widen * np.abs(held) + tilt * held) / 2 + 0.2 * persistent(rng, days, bars, 0.9)
    mid = 100 + np.cumsum(0.02 * rng.standard_normal((days, bars)), axis=1)
    lot = 10 * np.exp(0.3 * rng.standard_normal((2, days, bars)))
    if sizes is not None:
        share = np.clip(sizes * held + 0.02 * persistent(rng, days, bars, rho), -0.95, 0.95)
        lot = 10 * np.stack([1 - share, 1 + share])
    panel = panel_of(list(levels))
    panel.attrs["ticks"] = {"X": TICK}
    return panel.assign(
        mid=mid.ravel(),
        mid_start=np.column_stack([np.full(days, 100.0), mid[:, :-1]]).ravel(),
        own_bid=(mid + TICK * (lean - half)).ravel(),
        own_ask=(mid + TICK * (lean + half)).ravel(),
        own_bid_size=lot[0].ravel(),
        own_ask_size=lot[1].ravel(),
        time_of_day=np.tile(np.arange(bars) * 60.0, days),
        realized_variance=np.exp(0.5 * rng.standard_normal(days * bars)),
        spread_bps=2.0,
    )
