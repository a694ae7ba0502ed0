"""Instants without a large trade, set beside each: what the book would have done anyway."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from mmresearch.measure.recovery_paths import Paths

_NEVER = np.iinfo(np.int64).max
_LEAST, _MOST = 2_000, 10_000  # instants that controls are chosen from
_CHOICE = 10  # candidates a control
_KEYS = ("day", "time_of_day", "before")


class Asked(NamedTuple):
    """What is followed: kind, horizons (ns), settle (ns), share that is recovered, controls.

    band: how far controls may be from an event in time of day (ns).
    """

    of: str
    horizons: np.ndarray
    settle: int
    share: float
    controls: int
    band: int

    @property
    def names(self) -> list[str]:
        return [f"{h / 1e9:g}s" for h in self.horizons]

    @property
    def sign(self) -> float:
        """A spread that is wider is what is missing."""
        return -1.0 if self.of == "spread" else 1.0


class Instants(NamedTuple):
    """Candidates of one side: rows before, times (ns), days, seconds of the day, states before."""

    place: np.ndarray
    at: np.ndarray
    day: np.ndarray
    clock: np.ndarray
    state: np.ndarray


def inside(at: np.ndarray, halts: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Whether each instant is in a halt."""
    found = np.zeros(len(at), bool)
    for begin, end in zip(*halts, strict=True):
        found |= (at >= begin) & (at < end)
    return found


def with_controls(
    table: pd.DataFrame,
    paths: Paths,
    events: pd.DataFrame,
    halts: tuple[np.ndarray, np.ndarray],
    asked: Asked,
    seed: int,
) -> pd.DataFrame:
    """Beside each event the mean of the controls that are nearest in state, near in time of day.

    Controls are instants at random, whatever came before them, as trades that nothing foretells
    are: to take calm ones alone would leave out what is on its way back.
    """
    moved = np.full((len(table), len(asked.horizons)), np.nan)
    off = np.full(len(table), np.nan)
    rng = np.random.default_rng(seed)
    at = paths.instants(rng, min(max(10 * len(table), _LEAST), _MOST))
    place = paths.before(at, np.full(len(at), -1))
    session = paths.session_at(at)
    clock, days = (at - paths.opens[session]) / 1e9, paths.days[session]
    good = paths.ordinary(place) & ~inside(at, halts)
    for side in (-1.0, 1.0):
        rows = np.flatnonzero(table["side"].to_numpy() == side)
        state = paths.state(place, side, asked.of)
        fit = np.flatnonzero(good & np.isfinite(state))
        if not len(rows) or not len(fit):
            continue
        candidates = Instants(place[fit], at[fit], days[fit], clock[fit], state[fit])
        starts = np.sort(events.loc[events["side"] == side, "at"].to_numpy())
        changes = _changes(paths, candidates, side, starts, asked, halts)
        chosen = _nearest(candidates, table.iloc[rows], asked, rng)
        known = np.isfinite(changes[chosen])
        total, many = np.where(known, changes[chosen], 0).sum(axis=1), known.sum(axis=1)
        moved[rows] = np.divide(total, many, out=np.full(total.shape, np.nan), where=many > 0)
        before = table["before"].to_numpy()[rows]
        off[rows] = asked.sign * (candidates.state[chosen].mean(axis=1) - before)
    columns = {f"control_{name}": moved[:, k] for k, name in enumerate(asked.names)}
    return table.assign(control_lost=off, **columns)


def _nearest(
    candidates: Instants, events: pd.DataFrame, asked: Asked, rng: np.random.Generator
) -> np.ndarray:
    """Of each event the places of its controls [n, controls].

    From its own day, near in time, or where that has few from any day near in time of day: what
    events have in common through their controls is then of one day or stretch, as errors take it.
    Of several as near in state any may be taken, for the first would stand beside many events.
    """
    found, everywhere = [], np.arange(len(candidates.at))
    count = min(asked.controls, len(everywhere))
    for day, clock, before in zip(*(events[c] for c in _KEYS), strict=True):
        by_clock = np.abs(candidates.clock - clock) <= asked.band / 1e9
        near = np.flatnonzero(by_clock & (candidates.day == np.datetime64(day)))
        if len(near) < _CHOICE * count:
            near = np.flatnonzero(by_clock)
        near = near if len(near) >= count else everywhere
        near = rng.permutation(near)
        away = np.abs(candidates.state[near] - before)
        found.append(near[np.argsort(away, kind="stable")[:count]])
    return np.array(found)


def _changes(
    paths: Paths,
    candidates: Instants,
    side: float,
    starts: np.ndarray,
    asked: Asked,
    halts: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """How much each candidate changed to each horizon, up to the next event of the side."""
    at = candidates.at
    until = np.append(starts, _NEVER)[np.searchsorted(starts, at, side="right")]
    until = np.minimum(until, np.append(halts[0], _NEVER)[np.searchsorted(halts[0], at, "right")])
    then = at[:, None] + asked.horizons
    seen = (then < until[:, None]) & (then <= paths.ends[paths.session_at(at)][:, None])
    row = np.searchsorted(paths.time, then.ravel(), side="right") - 1
    price = paths.price[1 if side > 0 else 0, candidates.place, 0]
    values = paths.values(row, side, asked.of, np.repeat(price, len(asked.horizons)))
    values = values.reshape(then.shape)
    return np.where(seen, asked.sign * (values - candidates.state[:, None]), np.nan)
