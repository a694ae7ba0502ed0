"""How fast pressure fades in prices, by prices alone: to be held beside inventory's half-life."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats

from mmresearch.estimate.autoregression import half_life_bars
from mmresearch.estimate.pressure_filter import whitened
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.sandwich import Rule, small_sample_factor, sum_covariance

# persistences tried: evenly up to 0.9, then ever closer to 1
_GRID = np.r_[np.linspace(0.0, 0.9, 19), 1 - np.geomspace(0.085, 3e-4, 20)]
_NEAR = 1e-3  # of inventory's persistence: there its slope stands for the difference
_HOW = (
    "persistence of what a surprise leaves in prices, each tested against inventory's own (J test, "
    "inverted); noise ratio and inventory's surprises taken as known"
)
_NOT_SEEN = "prices do not show how fast pressure fades: every speed is inside the interval"
_OPEN = "a pressure that never fades is inside the interval, which is information"


class Fading(NamedTuple):
    """The half-life in prices, and t of every persistence tried: phi, half_life, t, accepted."""

    quantity: Quantity
    table: pd.DataFrame


class Rows(NamedTuple):
    """y, other regressors [n, k], inventory's rho, lag less its mean, surprise, the noise ratio."""

    y: np.ndarray
    others: np.ndarray
    rho: float
    lag: np.ndarray
    surprise: np.ndarray
    begins: np.ndarray
    ratio: float
    days: pd.Series
    bars: pd.Series


def price_fading(rows: Rows, rule: Rule, unit: str, length: float, level: float) -> Fading:
    """The persistence phi of pressure where r = alpha dz + kappa Ihat, z = phi z + Ihat.

    In the model phi is inventory's rho, for z is then inventory. Here it is free. phi is accepted
    where dz by inventory's own rho adds nothing to the regression on dz by phi and the surprise
    (Davidson and MacKinnon 1981; at rho itself the slope of dz in phi). Where there is no pressure
    every phi is accepted, so that a weak one makes the interval wide, not wrong.
    """
    critical = float(scipy.stats.t.ppf((1 + level) / 2, rule.df))
    both = np.array([_tested(rows, phi, rule) for phi in _GRID])
    t = both[:, 0]
    held = np.abs(t) < critical
    best = _best(rows, both[:, 1])
    table = pd.DataFrame(
        {"phi": _GRID, "half_life": [_life(p, length) for p in _GRID], "t": t, "accepted": held}
    )
    return Fading(_quantity(best, held, unit, length, level), table)


def _quantity(best: float, held: np.ndarray, unit: str, length: float, level: float) -> Quantity:
    name = "half-life in prices"
    if not held.any():
        reason = "no single speed of fading fits the prices"
        nothing = (math.nan, math.nan)
        return Quantity(name, _life(best, length), *nothing, unit, _HOW, False, reason, level)
    first, last = int(held.argmax()), int(len(held) - 1 - held[::-1].argmax())
    low = _life(_GRID[max(first - 1, 0)], length)
    high = math.inf if last == len(_GRID) - 1 else _life(_GRID[last + 1], length)
    bounded = math.isfinite(high)
    reason = "" if bounded else _NOT_SEEN if first == 0 else _OPEN
    return Quantity(name, _life(best, length), low, high, unit, _HOW, bounded, reason, level)


def _life(phi: float, length: float) -> float:
    return length * half_life_bars(phi)


def _best(rows: Rows, tried: np.ndarray) -> float:
    """The persistence of the least sum of squares, from those at the persistences tried."""

    def cost(phi: float) -> float:
        x, y = _columns(rows, phi)
        return _squares(x[:, :-1], y)

    at = int(tried.argmin())
    ends = _GRID[max(at - 1, 0)], _GRID[min(at + 1, len(_GRID) - 1)]
    found = scipy.optimize.minimize_scalar(
        cost, bounds=ends, method="bounded", options={"xatol": 1e-4}
    )
    return float(found.x) if found.fun < tried[at] else float(_GRID[at])


def _squares(x: np.ndarray, y: np.ndarray) -> float:
    left = y - x @ (np.linalg.pinv(x.T @ x, rcond=1e-12, hermitian=True) @ (x.T @ y))
    return float(left @ left)


def _tested(rows: Rows, phi: float, rule: Rule) -> tuple[float, float]:
    """The t of what inventory's own persistence adds, and the sum of squares without it."""
    x, y = _columns(rows, phi)
    solve = np.linalg.pinv(x.T @ x, rcond=1e-12, hermitian=True)
    direction = x @ solve[-1]
    left = y - x @ (solve @ (x.T @ y))
    covariance = sum_covariance((direction * left)[:, None], rows.days, rule, bars=rows.bars)
    factor = small_sample_factor(rule, len(y), x.shape[1], rows.days.nunique())
    t = float(direction @ y / np.sqrt(covariance[0, 0] * factor))
    return t, _squares(x[:, :-1], y)


def _columns(rows: Rows, phi: float) -> tuple[np.ndarray, np.ndarray]:
    """Whitened (others, dz, what is tested) [n, k + 2] and y; the others hold the surprise.

    Columns have length 1: beside a constant, an inventory told in millions or in pieces falls below
    what a product of columns can tell from none, and the answer would be one of the unit.
    """
    from mmresearch.estimate.pressure_kernels import faded

    change, slope = faded(phi, rows.begins, rows.lag, rows.surprise)
    rho = min(max(rows.rho, 0.0), float(_GRID[-1]))
    if abs(phi - rho) > _NEAR:
        slope = (faded(rho, rows.begins, rows.lag, rows.surprise)[0] - change) / (rho - phi)
    values = np.column_stack([rows.others, change, slope, rows.y])
    white = whitened(values, rows.begins, rows.ratio)
    x = white[:, :-1]
    length = np.linalg.norm(x, axis=0)
    return x / np.where(length > 0, length, 1.0), white[:, -1]
