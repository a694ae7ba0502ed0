"""Two speeds of reversion, inside a band and outside: the fit, its tests and intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmresearch.estimate.autoregression import Design, kendall_rho
from mmresearch.estimate.threshold_kernels import (
    best_threshold,
    cubic_paths,
    cubic_tests,
    fit_smooth,
    smooth_paths,
    threshold_fits,
    threshold_grid,
    threshold_paths,
)

POINTS = 200
JUMP_CRITICAL = -2 * np.log(1 - np.sqrt(0.95))  # 7.35, Hansen (2000)
FORMS = ("band", "jump")
SPEEDS = np.geomspace(0.02, 50, 32)  # of the smooth form, in units of 1 / mean square


class Levels(NamedTuple):
    """Distances from the centre and what moves them: x and its change, each [n].

    estimated: whether the centre is the sample mean (subtracted in simulated paths too).
    """

    x: np.ndarray
    change: np.ndarray
    centre: float
    estimated: bool
    design: Design


class Band(NamedTuple):
    """The threshold fit: c, slopes of the change inside and outside, and its sup F.

    low, high: interval of c (0 or infinite where it reaches the end of the search): where the
    likelihood ratio is below `ratio`. at_end: whether c itself is at an end. critical, p: of sup F
    in linear paths. drawn: [draws, 2], slopes in paths with the fitted band. profile: [points, 2],
    thresholds and their likelihood ratio.
    """

    c: float
    b_in: float
    b_out: float
    low: float
    high: float
    ratio: float
    at_end: bool
    sup_f: float
    p: float
    critical: float
    drawn: np.ndarray
    profile: np.ndarray


class Smooth(NamedTuple):
    """The smooth fit: g and theta, their paths [draws, 2], and both tests of x^3."""

    g: float
    theta: float
    drawn: np.ndarray
    t_walk: float
    p_walk: float
    critical: float
    t_linear: float
    p_linear: float


def centred(design: Design, target: float | None) -> Levels:
    """The design as distances from a target, or from its own mean."""
    centre = float(design.x.mean()) if target is None else target
    return Levels(design.x - centre, design.y - design.x, centre, target is None, design)


def fit_band(
    levels: Levels, *, form: str, quantiles: tuple[float, float], draws: int, seed: int
) -> Band:
    """The threshold model by conditional least squares, with linearity tested by simulation."""
    x, change, continuous = levels.x, levels.change, form == "band"
    search = (*quantiles, POINTS)
    grid = threshold_grid(x, *search)
    profile, linear = threshold_fits(x, change, grid, continuous)
    c, b_in, b_out, ssr, _ = best_threshold(x, change, *search, continuous)
    sup_f = len(x) * (linear - ssr) / ssr
    ratio = len(x) * (profile[:, 2] - ssr) / ssr
    paths = _simulator(levels, draws, seed)

    def drawn(law: tuple[float, float, float]) -> np.ndarray:
        error = change - band_move(x, *law, form)
        return threshold_paths(np.array(law), continuous, *paths(error), *search)

    slope = linear_slope(levels)
    under_line = drawn((np.inf, slope, slope))[:, 0]
    fitted = drawn((c, b_in, b_out)) if b_out < 0 else np.full((draws, 5), np.nan)
    critical = JUMP_CRITICAL
    if continuous and b_out < 0:  # a regular parameter, but far from normal in samples like ours
        critical = float(np.quantile(fitted[:, 4], 0.95))
    low, high = _accepted(grid, ratio, critical)
    return Band(
        c,
        b_in,
        b_out,
        low,
        high,
        critical,
        bool(c <= grid[1] or c >= grid[-2]),
        sup_f,
        _p(under_line >= sup_f),
        float(np.quantile(under_line, 0.95)),
        fitted[:, 2:4],
        np.column_stack([grid, ratio]),
    )


def fit_smooth_band(levels: Levels, *, draws: int, seed: int) -> Smooth:
    """The smooth model by least squares over g, with a random walk and linearity tested."""
    x, change = levels.x, levels.change
    g, theta, _ = fit_smooth(x, change, SPEEDS)
    t_walk, t_linear = cubic_tests(x, change)
    paths = _simulator(levels, draws, seed)
    walk = cubic_paths(0.0, *paths(change))[:, 0]
    slope = linear_slope(levels)
    line = np.abs(cubic_paths(slope, *paths(change - slope * x))[:, 1])
    drawn = smooth_paths(g, theta, SPEEDS, *paths(change - smooth_move(x, g, theta)))
    return Smooth(
        g,
        theta,
        drawn if theta < 0 else np.full((draws, 2), np.nan),
        t_walk,
        _p(walk <= t_walk),
        float(np.quantile(walk, 0.05)),
        t_linear,
        _p(line >= abs(t_linear)),
    )


def band_move(x: np.ndarray, c: float, b_in: float, b_out: float, form: str) -> np.ndarray:
    """The expected change at each distance from the centre."""
    if form == "jump":
        return np.where(np.abs(x) <= c, b_in, b_out) * x
    inside = np.clip(x, -c, c)
    return b_in * inside + b_out * (x - inside)


def smooth_move(x: np.ndarray, g: float, theta: float) -> np.ndarray:
    """The expected change theta x (1 - exp(-g x^2)) at each distance from the centre."""
    return theta * x * -np.expm1(-g * x**2)


def linear_slope(levels: Levels) -> float:
    """The slope of the change under linearity, corrected for its bias, at most that of a walk."""
    x = levels.x
    rho = 1 + x @ levels.change / (x @ x)
    return min(kendall_rho(float(rho), len(x), int(levels.estimated)), 1.0) - 1


def _simulator(levels: Levels, draws: int, seed: int) -> Callable[[np.ndarray], tuple]:
    """Residuals -> what a simulated path is made of: them with a random sign a bar, openings."""
    design, n = levels.design, len(levels.x)
    signs = 2 * np.random.default_rng(seed).integers(0, 2, (n, draws)) - 1
    opening = levels.x[design.chains[:-1]]
    made = (signs.astype(np.int8), design.jump, design.chains, opening, levels.estimated)
    return lambda error: (error - error.mean() if levels.estimated else error, *made)


def _accepted(grid: np.ndarray, ratio: np.ndarray, critical: float) -> tuple[float, float]:
    """Thresholds whose likelihood ratio is below the critical value (Hansen 2000).

    One grid point wider on both sides; without a bound where that is the end of the search.
    """
    inside = np.flatnonzero(ratio <= critical)
    low, high = inside[0] - 1, inside[-1] + 1
    return (
        float(grid[low]) if low > 0 else 0.0,
        float(grid[high]) if high < len(grid) - 1 else np.inf,
    )


def _p(reached: np.ndarray) -> float:
    return float((1 + reached.sum()) / (1 + len(reached)))
