"""The flexible Fourier form: its regressors, sums by day, order, fits without a day or of the past.

Every day's level is taken out, so that the shape is told from inside days alone. What a day adds to
the least squares is kept apart, which makes leaving a day out, or all from some day on, a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.sandwich import MANY_DAYS
from mmresearch.estimate.seasonal_rows import MARK, SeasonalRows

_DRAWS = 4_000
_DISTINCT = 1e-5  # of a regressor of length 1 that those before it do not explain


class Order(NamedTuple):
    """The number of harmonics that is given, or how it is chosen: the least BIC and `extra` more.

    The least BIC leaves out what the data cannot yet tell, of which the bands would know nothing.
    """

    given: int | None = None
    most: int = 8
    extra: int = 2

    def largest(self, bars: int) -> int:
        return min(self.most, (bars - 4) // 4) if self.given is None else self.given

    def chosen(self, orders: pd.DataFrame) -> int:
        if self.given is not None:
            return self.given
        least = int(orders.loc[orders["bic"].idxmin(), "harmonics"])
        return min(least + self.extra, int(orders["harmonics"].max()))


class Sums(NamedTuple):
    """Products of deviations from the day's means: [days, k, k], [days, k], [days]; rows [days]."""

    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    rows: np.ndarray


class Fit(NamedTuple):
    """The shape of all days.

    beta [k]. left [days, k]: without each day. grid [N, k]: regressors of each bar of a session.
    x [rows, k]: of each row. use [rows]: whether it was fitted. names: of the regressors.
    orders: bic by number of harmonics.
    """

    beta: np.ndarray
    left: np.ndarray
    grid: np.ndarray
    x: np.ndarray
    use: np.ndarray
    harmonics: int
    names: tuple[str, ...]
    orders: pd.DataFrame
    sums: Sums


def fitted(rows: SeasonalRows, order: Order, dummies: Sequence[str] = ()) -> Fit:
    """The shape fitted on all days, its order given or chosen."""
    whole = order.largest(rows.bars)
    x, names = regressors(rows, whole, dummies)
    use = np.isfinite(x).all(axis=1) & rows.frame["z"].notna().to_numpy()
    sums = sums_by_day(x[use], rows.frame["z"].to_numpy()[use], rows.frame["day"].to_numpy()[use])
    total = _total(sums)
    orders = _orders(total, len(dummies), whole)
    harmonics = order.chosen(orders)
    k = _columns(harmonics, len(dummies))
    grid = _of_grid(rows, whole, dummies)
    kept = Sums(sums.xx[:, :k, :k], sums.xy[:, :k], sums.yy, sums.rows)
    total = _total(kept)
    left = np.array(
        [_solve(total.xx - a, total.xy - b) for a, b in zip(kept.xx, kept.xy, strict=True)]
    ).reshape(-1, k)
    beta = _solve(total.xx, total.xy)
    return Fit(beta, left, grid[:, :k], x[:, :k], use, harmonics, names[:k], orders, kept)


def past_betas(
    rows: SeasonalRows, order: Order, dummies: Sequence[str], first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients [days, k] told by the days before each, the order too; missing at first.

    Then the regressors of rows [rows, k] and of a session's bars [N, k].
    """
    top = order.largest(rows.bars)
    x, _ = regressors(rows, top, dummies)
    z, day = rows.frame["z"].to_numpy(), rows.frame["day"].to_numpy()
    use = np.isfinite(x).all(axis=1) & np.isfinite(z)
    sums = sums_by_day(x[use], z[use], day[use], int(day.max(initial=-1)) + 1)
    betas = np.full((len(sums.rows), x.shape[1]), np.nan)
    told = np.cumsum(sums.rows > 1)
    upto = Sums(*(part.cumsum(axis=0) for part in sums))
    for d in np.flatnonzero(told[:-1] >= first) + 1:
        before = Sums(*(part[d - 1] for part in upto))
        chosen = order.given
        if chosen is None:
            chosen = order.chosen(_orders(before, len(dummies), top))
        k = _columns(chosen, len(dummies))
        betas[d] = 0.0
        betas[d, :k] = _solve(before.xx[:k, :k], before.xy[:k])
    return betas, x, _of_grid(rows, top, dummies)


def regressors(
    rows: SeasonalRows, harmonics: int, dummies: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """n/N1, n^2/N2, the dummies, cosines and sines of each row."""
    n = rows.frame["n"].to_numpy()
    marks = [_mark(name, rows.frame, n, rows) for name in dummies]
    return _form(n, rows.bars, harmonics, marks), _names(harmonics, dummies)


def shape_of(grid: np.ndarray, beta: np.ndarray, kind: str) -> np.ndarray:
    """Factors of mean 1, or shifts of mean 0, for coefficients [k] or [..., k]: [..., N]."""
    level = beta @ grid.T
    if kind == "shift":
        return level - level.mean(axis=-1, keepdims=True)
    size = np.exp(level - level.mean(axis=-1, keepdims=True))
    return size / size.mean(axis=-1, keepdims=True)


def expected(x: np.ndarray, grid: np.ndarray, beta: np.ndarray, kind: str) -> np.ndarray:
    """The factor or shift of each row, with beta [k] for all or [rows, k]."""
    own = np.atleast_2d(beta)
    unlike, which = np.unique(own, axis=0, return_inverse=True)
    level = unlike @ grid.T
    middle = level.mean(axis=1)
    if kind != "shift":
        top = level.max(axis=1, initial=0)
        middle = top + np.log(np.exp(level - top[:, None]).mean(axis=1))
    away = (x * own).sum(axis=1) - np.broadcast_to(middle[which.ravel()], len(x))
    return away if kind == "shift" else np.exp(away)


def jackknifed(value: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Deviations [days, m], by leaving days out, whose squares sum to the variance of value [m]."""
    days = len(left)
    return (left - value) * np.sqrt((days - 1) / days)


def joint_reach(
    deviations: np.ndarray, columns: int, level: float, seed: int = 0
) -> tuple[float, Callable[[float], float]]:
    """How many errors wide a band is that holds a whole shape, and the p of a largest |t|.

    The larger of two: by draws with the deviations, which know no more directions than days, and
    Bonferroni's over the coefficients; with few days, where errors differ from bar to bar by
    chance, over the bars.
    """
    days, bars = deviations.shape
    columns = columns if days >= MANY_DAYS else bars
    rng = np.random.default_rng(seed)
    error = np.sqrt((deviations**2).sum(axis=0))
    told = error > 0
    drawn = rng.standard_normal((_DRAWS, days)) @ deviations[:, told] / error[told]
    scale = np.sqrt(rng.chisquare(days - 1, _DRAWS) / (days - 1))
    largest = np.abs(drawn).max(axis=1, initial=0) / scale
    many = scipy.stats.t.ppf(1 - (1 - level) / (2 * columns), days - 1)

    def p_of(t: float) -> float:
        by_draws = (1 + np.count_nonzero(largest >= t)) / (1 + _DRAWS)
        return float(min(max(by_draws, 2 * columns * scipy.stats.t.sf(t, days - 1)), 1.0))

    return max(float(np.quantile(largest, level)), float(many)), p_of


def sums_by_day(x: np.ndarray, z: np.ndarray, day: np.ndarray, days: int | None = None) -> Sums:
    """The products of each day's deviations from its own means; days without rows add nothing."""
    count = days if days is not None else (int(day.max()) + 1 if len(day) else 0)
    k = x.shape[1]
    xx, xy, yy = np.zeros((count, k, k)), np.zeros((count, k)), np.zeros(count)
    number = np.bincount(day, minlength=count).astype("float64")
    edges = np.searchsorted(day, np.arange(count + 1))
    for d in range(count):
        a, b = x[edges[d] : edges[d + 1]], z[edges[d] : edges[d + 1]]
        if len(b) > 1:
            a, b = a - a.mean(axis=0), b - b.mean()
            xx[d], xy[d], yy[d] = a.T @ a, a.T @ b, b @ b
    if days is None:
        kept = number > 1
        return Sums(xx[kept], xy[kept], yy[kept], number[kept])
    return Sums(xx, xy, yy, number)


def _form(n: np.ndarray, bars: int, harmonics: int, marks: list[np.ndarray]) -> np.ndarray:
    parts = [n / ((bars + 1) / 2), n**2 / ((bars + 1) * (2 * bars + 1) / 6), *marks]
    for p in range(1, harmonics + 1):
        angle = 2 * np.pi * p * n / bars
        parts += [np.cos(angle), np.sin(angle)]
    return np.column_stack(parts)


def _of_grid(rows: SeasonalRows, harmonics: int, dummies: Sequence[str]) -> np.ndarray:
    """The regressors of each bar of a whole session, without what comes on some days only."""
    n = np.arange(1.0, rows.bars + 1)
    zero = pd.DataFrame({name: np.zeros(rows.bars) for name in rows.frame.columns})
    return _form(n, rows.bars, harmonics, [_mark(name, zero, n, rows) for name in dummies])


def _mark(name: str, frame: pd.DataFrame, n: np.ndarray, rows: SeasonalRows) -> np.ndarray:
    """1 in the session's first or last bar, in the bar that holds a time, or a column's values."""
    if name == "open":
        return (n == 1).astype("float64")
    if name == "close":
        return (n == rows.bars).astype("float64")
    if MARK + name in frame.columns:
        return frame[MARK + name].to_numpy("float64")
    after = pd.Timedelta(name).total_seconds()
    # a bar holds what comes after its start up to and including its end
    return (n == np.maximum(np.ceil(after / rows.seconds - 1e-9), 1)).astype("float64")


def _names(harmonics: int, dummies: Sequence[str]) -> tuple[str, ...]:
    waves = [f"{wave}_{p}" for p in range(1, harmonics + 1) for wave in ("cos", "sin")]
    return ("n", "n_squared", *dummies, *waves)


def _columns(harmonics: int, dummies: int) -> int:
    return 2 + dummies + 2 * harmonics


def _total(sums: Sums) -> Sums:
    return Sums(*(part.sum(axis=0) for part in sums))


def _orders(total: Sums, dummies: int, most: int) -> pd.DataFrame:
    """BIC of each number of harmonics, of rows as if each were by itself."""
    n = float(total.rows)
    lines = []
    for harmonics in range(most + 1):
        k = _columns(harmonics, dummies)
        beta = _solve(total.xx[:k, :k], total.xy[:k])
        rest = max(float(total.yy - beta @ total.xy[:k]), 1e-300)
        lines.append((harmonics, rest, n * np.log(rest / max(n, 1)) + np.log(max(n, 2)) * k))
    return pd.DataFrame(lines, columns=["harmonics", "ssr", "bic"])


def _solve(xx: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Least squares from products; a regressor that never moves has no coefficient (0)."""
    scale = np.sqrt(np.diag(xx))
    scale = np.where(scale > 0, scale, 1.0)
    apart = xx / np.outer(scale, scale)
    try:
        if np.diag(np.linalg.cholesky(apart)).min(initial=1.0) > _DISTINCT:
            return np.linalg.solve(apart, xy / scale) / scale
    except np.linalg.LinAlgError:
        pass
    return np.linalg.pinv(apart, rcond=1e-12, hermitian=True) @ (xy / scale) / scale
