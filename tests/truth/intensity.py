"""Fills at known intensities, in tables as `fills_by_distance` and `trades_by_depth` make them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.simulate.glft import _jumps
from mmresearch.theory.law import glft_theory

A, K = 0.9, 0.3  # models.md B3: a second, a tick
BLOCKS = 4  # a day


def quoted(rng: np.random.Generator, *, days: int, seconds: float) -> pd.DataFrame:
    """The GLFT maker's own quotes: seconds at each distance and fills there, exactly."""
    theory = glft_theory(A=A, k=K)
    limit, length = theory["Q"], seconds / BLOCKS
    start = int(rng.choice(2 * limit + 1, p=theory["pi"].to_numpy()))
    times, after = _jumps(rng, theory, start, days * seconds)
    edges = np.arange(days * BLOCKS) * length
    place = np.searchsorted(times, edges, side="right")
    held = np.append(start, after)
    clock = np.append(times, edges)
    moments = pd.DataFrame({"time": clock, "q": np.append(after, held[place])})
    moments["before"] = np.append(held[:-1], held[place])
    moments = moments.sort_values("time", kind="stable", ignore_index=True)
    moments["lasts"] = np.diff(moments["time"], append=days * seconds)
    moments["stretch"] = (moments["time"] // length).clip(upper=days * BLOCKS - 1).astype(int)
    watched = moments.groupby(["stretch", "q"])["lasts"].sum()
    moved = moments[moments["q"] != moments["before"]]
    tables = []
    for side, name in ((1, "delta_b"), (-1, "delta_a")):
        own = moved[np.sign(moved["q"] - moved["before"]) == side]
        count = own.groupby(["stretch", "before"]).size().rename_axis(["stretch", "q"])
        table = pd.DataFrame({"exposure": watched, "count": count}).fillna(0.0).reset_index()
        table["distance"] = theory[name].to_numpy()[table["q"]]
        tables.append(table.dropna().assign(side=side))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(day=table["stretch"] // BLOCKS, block=table["stretch"] % BLOCKS)


def reached(
    rng: np.random.Generator, *, days: int, seconds: float, busy: float = 0.0, depths: int = 8
) -> pd.DataFrame:
    """Orders that reach exponential depths, counted at every depth that they reached.

    `busy` is the variance of the activity of a stretch, which multiplies A and is 1 in the mean.
    """
    stretch = np.repeat(np.arange(days * BLOCKS), 2)
    level = rng.gamma(1 / busy, busy, days * BLOCKS)[stretch] if busy else np.ones(len(stretch))
    grid = np.arange(1, depths + 1.0)
    length = seconds / BLOCKS
    deep = rng.poisson(level * A * length * np.exp(-K * grid[0]))
    depth = grid[0] + rng.exponential(1 / K, deep.sum())
    cell = np.repeat(np.arange(len(stretch)), deep)
    counts = [np.bincount(cell[depth >= d], minlength=len(stretch)) for d in grid]
    table = pd.DataFrame(
        {"day": np.repeat(stretch // BLOCKS, depths), "block": np.repeat(stretch % BLOCKS, depths)}
        | {"side": np.repeat(np.tile([1, -1], days * BLOCKS), depths)}
        | {"distance": np.tile(grid, len(stretch)), "count": np.stack(counts, axis=1).ravel()}
        | {"exposure": length}
    )
    table.attrs = {"way": "public trades", "unit": "ticks", "nested": True}
    return table


def typical_skew(gamma: float) -> float:
    """Least squares of the exact quotes' middle on inventory, by hand in the stationary law."""
    theory = glft_theory(A=A, k=K, gamma=gamma)
    q = np.arange(1 - theory["Q"], theory["Q"])
    middle = ((theory["delta_a"] - theory["delta_b"]) / 2).loc[q]
    weight = theory["pi"].loc[q] / theory["pi"].loc[q].sum()
    away = q - (weight * q).sum()
    return float((weight * away * middle).sum() / (weight * away**2).sum())
