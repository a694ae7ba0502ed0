"""Numbers of an autoregression over many short stretches of inventory, on arrays.

`x` is the level at a bar's start, `y` the level at its end:

    y - mu = rho (x - mu) + sum_j g_j (change j bars before) + e.

rho is the sum of the autoregressive coefficients. A mean mu is shared by the rows of one group; no
mean is removed where it is known to be zero. A change before the segment's first bar counts as 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats
from scipy import stats


class Design(NamedTuple):
    """The pairs of one estimation, series after series, each in time order.

    x, y: level at the bar's start and end, float [n].
    changes: changes of the level 1, 2, .. bars before, within the segment, float [n, lags - 1].
    bounds: first row of each mean group, then n, int [groups + 1].
    chains: first row of each chain, then n, int [chains + 1]. A chain is a stretch in which a bar
    opens where the one before it ended, apart from `jump` (flow between the two bars), float [n].
    fresh: whether a row is the first of its segment, bool [n].
    bar: number of the time bar, shared by series, int [n].
    series: number of the series, int [n].
    means: whether each group has a mean of its own to estimate (else the mean is known to be 0).
    """

    x: np.ndarray
    y: np.ndarray
    changes: np.ndarray
    bounds: np.ndarray
    chains: np.ndarray
    jump: np.ndarray
    fresh: np.ndarray
    bar: np.ndarray
    series: np.ndarray
    means: bool

    @property
    def groups(self) -> int:
        """Means estimated."""
        return len(self.bounds) - 1 if self.means else 0


class Fit(NamedTuple):
    """Least squares within groups: rho, the g_j, the residuals [n] and rho's textbook error."""

    rho: float
    momentum: np.ndarray
    residual: np.ndarray
    se: float


def one_chain(levels: np.ndarray, *, means: bool = True, lags: int = 1) -> Design:
    """The design of one unbroken series of levels, float [n + 1]."""
    levels = np.asarray(levels, float)
    n = len(levels) - 1
    ends, rows, none = np.array([0, n]), np.arange(n), np.zeros(n)
    changes = past_changes(levels[1:] - levels[:-1], ends, lags)
    return Design(
        levels[:-1], levels[1:], changes, ends, ends, none, rows == 0, rows, none.astype(int), means
    )


def past_changes(change: np.ndarray, starts: np.ndarray, lags: int) -> np.ndarray:
    """Changes 1 .. lags - 1 rows before within stretches, 0 before a stretch begins."""
    return np.nan_to_num(lagged(change, starts, lags - 1))


def lagged(values: np.ndarray, starts: np.ndarray, order: int) -> np.ndarray:
    """Values 1 .. order rows before, [n, order], missing before the stretch begins.

    `starts` holds the first row of each stretch, then n.
    """
    place = np.arange(len(values)) - np.repeat(starts[:-1], np.diff(starts))
    table = np.full((len(values), order), np.nan)
    for lag in range(1, order + 1):
        rows = np.flatnonzero(place >= lag)
        table[rows, lag - 1] = values[rows - lag]
    return table


def group_means(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Mean of each group's rows, [groups, ...]."""
    sizes = np.diff(bounds).reshape(-1, *[1] * (values.ndim - 1))
    return np.add.reduceat(values, bounds[:-1], axis=0) / sizes


def within(values: np.ndarray, bounds: np.ndarray, *, means: bool) -> np.ndarray:
    """Values less their group's mean, where a mean is estimated."""
    if not means:
        return values
    return values - np.repeat(group_means(values, bounds), np.diff(bounds), axis=0)


def least_squares(design: Design, rows: np.ndarray | None = None) -> Fit:
    """Least squares estimate of rho and momentum within groups, on a choice of rows if given."""
    if rows is not None:
        design = _some_rows(design, rows)
    z = within(np.column_stack([design.x, design.changes]), design.bounds, means=design.means)
    y = within(design.y, design.bounds, means=design.means)
    bread = np.linalg.pinv(z.T @ z)
    slope = bread @ (z.T @ y)
    residual = y - z @ slope
    freedom = max(len(y) - z.shape[1] - design.groups, 1)
    se = np.sqrt(residual @ residual / freedom * bread[0, 0])
    return Fit(float(slope[0]), slope[1:], residual, float(se))


def cannot_tell(design: Design, lags: int) -> str:
    """Why no rho can be estimated, empty if it can."""
    rows, fewest = len(design.x), 10 * lags
    if not rows:
        return "in no bar did a known inventory move"
    if rows - design.groups < fewest:
        means = f" less {design.groups} means" if design.groups else ""
        return f"{rows} pairs{means} leave fewer than {fewest}"
    z = within(np.column_stack([design.x, design.changes]), design.bounds, means=design.means)
    if np.abs(z[:, 0]).max() <= 1e-9 * np.abs(design.y).max():
        return "every bar opens at the same inventory; use shorter bars"
    size = np.sqrt((z**2).sum(axis=0))
    if np.linalg.matrix_rank(z / np.where(size > 0, size, 1)) < z.shape[1]:
        return "the level and its past changes cannot be told apart: use fewer lags"
    if least_squares(design).se <= 1e-12:
        return "inventory follows from its last value without error"
    return ""


def restricted(design: Design, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """Momentum and residuals within groups when rho is given."""
    y = within(design.y - rho * design.x, design.bounds, means=design.means)
    if not design.changes.shape[1]:
        return np.empty(0), y
    z = within(design.changes, design.bounds, means=design.means)
    momentum = np.linalg.pinv(z.T @ z) @ (z.T @ y)
    return momentum, y - z @ momentum


def kendall_rho(rho: float, n: int, groups: int) -> float:
    """AR(1) slope corrected for its first-order bias (Kendall 1954; Nickell 1981 for many means).

    Solves E[rho_hat] = rho - (groups (1 + rho) + 2 rho) / n. With one mean this is the familiar
    (n rho_hat + 1) / (n - 3), with a known mean n rho_hat / (n - 2).
    """
    return (n * rho + groups) / (n - groups - 2) if n > groups + 2 else float("nan")


def unit_root_critical(df: float) -> float:
    """What the t of a bias-corrected rho - 1 must be below for a random walk to be rejected at 5 %.

    With a unit root the plain t is far from normal, the more so the more short series are pooled.
    What holds for any number of them is the t of the corrected rho: its spread is sqrt(10.2 / 6)
    (Levin, Lin and Chu 2002: 51/5 against the usual 6), and for one series too it is below -1.645
    times that in 4 to 6 % of random walks. `df`: degrees of freedom of the errors.
    """
    return float(scipy.stats.t.ppf(0.05, df) * np.sqrt(10.2 / 6))


def jackknife_rho(design: Design) -> float:
    """Half-sample jackknife 2 rho - (rho_1 + rho_2) / 2 (Phillips and Yu 2005 with two halves).

    Each group is cut in half in time order, each half with a mean of its own (Dhaene and Jochmans
    2015 for many groups). Groups of fewer than four rows cannot be cut and are left out of halves.
    """
    sizes = np.diff(design.bounds)
    place = np.arange(len(design.x)) - np.repeat(design.bounds[:-1], sizes)
    size = np.repeat(sizes, sizes)
    early = place < size // 2
    halves = [np.flatnonzero(half & (size >= 4)) for half in (early, ~early)]
    if min(len(half) for half in halves) == 0:
        return float("nan")
    return 2 * least_squares(design).rho - sum(least_squares(design, h).rho for h in halves) / 2


def _some_rows(design: Design, rows: np.ndarray) -> Design:
    """The design of a choice of rows: what least squares reads of it."""
    group = np.repeat(np.arange(len(design.bounds) - 1), np.diff(design.bounds))[rows]
    ends = np.append(np.flatnonzero(np.diff(group, prepend=-1)), len(rows))
    return design._replace(
        x=design.x[rows], y=design.y[rows], changes=design.changes[rows], bounds=ends
    )


def half_life_bars(rho: float, momentum: np.ndarray | None = None) -> float:
    """Bars until half of a shock to the level is gone for good.

    ln(1/2) / ln(rho) without momentum; else the last crossing of 1/2 by the impulse response,
    between bars on a logarithmic scale. 0 for rho <= 0 (gone within a bar), infinite for rho >= 1.
    """
    if np.isnan(rho):
        return float("nan")
    if rho >= 1:
        return float("inf")
    if momentum is not None and len(momentum):
        return _last_crossing(impulse_response(rho, momentum))
    return float(np.log(0.5) / np.log(rho)) if rho > 0 else 0.0


def impulse_response(rho: float, momentum: np.ndarray) -> np.ndarray:
    """Response of the level to a unit shock, at 0, 1, .. bars, until it must have died."""
    horizon = int(min(200 + 50 / (1 - rho), 200_000))
    change = np.zeros(len(momentum))
    response = np.empty(horizon)
    level, change[:1] = 1.0, 1.0
    for h in range(horizon):
        response[h] = level
        step = (rho - 1) * level + momentum @ change
        change = np.concatenate([[step], change[:-1]])
        level += step
        if abs(level) > 1e6:
            return np.append(response[: h + 1], np.inf)
    return response


def _last_crossing(response: np.ndarray) -> float:
    last = int(np.flatnonzero(np.abs(response) > 0.5)[-1])
    if last == len(response) - 1:
        return float("inf")
    here, there = response[last], response[last + 1]
    if here * there <= 0:
        return last + float((here - np.sign(here) / 2) / (here - there))
    return last + float(np.log(0.5 / abs(here)) / np.log(there / here))


def serial_correlation(design: Design, order: int) -> float:
    """p-value that the residuals are free of correlation up to `order` bars within segments.

    Breusch (1978) and Godfrey (1978): residuals on the regressors and their own lags, with a Wald
    statistic robust to heteroskedasticity (White 1980), chi-square with `order` degrees.
    """
    residual = least_squares(design).residual
    starts = np.append(np.flatnonzero(design.fresh), len(residual))
    past = lagged(residual, starts, order)
    known = ~np.isnan(past).any(axis=1)
    if known.sum() < 5 * order + 10:
        return float("nan")
    regressors = np.column_stack([design.x, design.changes])
    z = within(regressors, design.bounds, means=design.means)[known]
    z = np.column_stack([z, past[known]])
    bread = np.linalg.pinv(z.T @ z)
    slope = bread @ (z.T @ residual[known])
    score = z * (residual[known] - z @ slope)[:, None]
    covariance = (bread @ (score.T @ score) @ bread)[-order:, -order:]
    wald = slope[-order:] @ np.linalg.pinv(covariance) @ slope[-order:]
    return float(stats.chi2.sf(wald, order))
