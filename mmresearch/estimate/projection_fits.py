"""Responses at many horizons from one set of rows: estimates, joint covariance, bands, shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.pressure_parts import fieller
from mmresearch.estimate.projection_rows import Windows
from mmresearch.estimate.sandwich import MANY_DAYS, newey_west_lags, within_day_hac

ERRORS = ("auto", "cluster", "lag_augmented", "hac")
_SMALL = 250  # rows below which residuals are divided by 1 - leverage (HC3)
_DRAWS = 4000
_SELECTION = 0.1  # share of the level's miss spent on which horizon is the peak


class Projection(NamedTuple):
    """One regression of many horizons: b (H,), covariance (H, H), what the errors are.

    surprise: (n,), the shock less what x foretells. influence: (n, H), whose column sums are the
    errors of b. df: degrees of freedom of t.
    """

    b: np.ndarray
    covariance: np.ndarray
    surprise: np.ndarray
    influence: np.ndarray
    df: float
    words: str
    flags: tuple[str, ...]

    @property
    def spread(self) -> np.ndarray:
        return np.sqrt(np.diag(self.covariance))


class Blocks(NamedTuple):
    """What rows are independent of what.

    group: a session (all rows, where a bar is a session); bar: within the group; days: how many;
    daily: a bar is a session.
    """

    group: np.ndarray
    bar: np.ndarray
    days: int
    daily: bool


def blocks_of(frame: pd.DataFrame) -> Blocks:
    day = pd.factorize(frame["day"].to_numpy(), sort=True)[0]
    bar = frame["bar"].to_numpy()
    daily = bool((bar == 0).all())
    days = int(day.max()) + 1 if len(day) else 0
    return Blocks(np.zeros_like(day) if daily else day, day if daily else bar, days, daily)


def project(
    made: Windows, blocks: Blocks, horizons: np.ndarray, *, errors: str, lags: int
) -> Projection:
    """Least squares of every horizon on the shock beside x (Frisch and Waugh: of the surprise).

    Parameters
    ----------
    made : Windows
    blocks : Blocks
        Of the rows of `made`.
    horizons : array (H,)
    errors : str
        "lag_augmented", "hac" or "cluster".
    lags : int
        For the words.
    """
    surprise, left, leverage = _partialled(made)
    square = surprise @ surprise
    b = surprise @ left / square
    residual = left - np.outer(surprise, b)
    n, params = len(surprise), made.x.shape[1] + 1
    if errors == "lag_augmented" and n < _SMALL:
        residual = residual / np.clip(1 - leverage, 0.1, None)[:, None]
    influence = surprise[:, None] * residual / square
    middle, factor, df, words, flags = _middle(influence, blocks, horizons, errors, lags, params)
    if errors == "lag_augmented" and n < _SMALL:
        factor, words = 1.0, words.replace("HC1", "HC3")
    return Projection(b, middle * factor, surprise, influence, df, words, flags)


def error_kind(errors: str, blocks: Blocks) -> str:
    """The kind that "auto" means: by day from 40 sessions of several bars, else lag-augmented."""
    if errors not in ERRORS:
        raise ValueError(f"errors must be one of {', '.join(ERRORS)}, not {errors!r}")
    if errors == "cluster" and (blocks.daily or blocks.days < 2):
        raise ValueError(
            "errors='cluster' needs two sessions or more of several bars each; use 'lag_augmented'"
        )
    if errors != "auto":
        return errors
    return "cluster" if blocks.days >= MANY_DAYS and not blocks.daily else "lag_augmented"


def _partialled(made: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shock and y less what x explains, and the leverage of each row in the whole regression."""
    q, r = np.linalg.qr(made.x)
    size = np.abs(np.diag(r))
    if (size <= 1e-10 * np.linalg.norm(made.x, axis=0)).any():
        raise ValueError("the lags and controls are collinear: one can be written by the others")
    surprise = made.shock - q @ (q.T @ made.shock)
    left = made.y - q @ (q.T @ made.y)
    square = surprise @ surprise
    leverage = np.einsum("ij,ij->i", q, q) + surprise**2 / (square if square else 1.0)
    return surprise, left, leverage


def _middle(
    influence: np.ndarray,
    blocks: Blocks,
    horizons: np.ndarray,
    errors: str,
    lags: int,
    params: int,
) -> tuple[np.ndarray, float, float, str, tuple[str, ...]]:
    n = len(influence)
    if errors == "cluster":
        total = pd.DataFrame(influence).groupby(blocks.group).sum().to_numpy()
        factor = blocks.days / (blocks.days - 1) * (n - 1) / (n - params)
        words = f"clustered by day ({blocks.days} days), t with {blocks.days - 1} degrees"
        few = ("few_clusters",) if blocks.days < MANY_DAYS else ()
        return total.T @ total, factor, blocks.days - 1, words, few
    total = pd.DataFrame(influence).groupby([blocks.group, blocks.bar]).sum()
    rows, group = total.to_numpy(), total.index.get_level_values(0).to_numpy()
    factor, df = n / (n - params), float(n - params)
    if errors == "lag_augmented":
        words = (
            f"lag-augmented: {lags} lags and one more, HC1 "
            "(Montiel Olea and Plagborg-Moller 2021), nothing across a session"
        )
        return rows.T @ rows, factor, df, words, ()
    far = int(horizons.max()) + 1
    reach = min(newey_west_lags(len(rows), max(far, 2)), int(np.bincount(group).max()) - 1)
    words = f"Newey-West within sessions, {reach} lags, {lags} lags of the controls"
    return within_day_hac(rows, group, None, reach), factor, df, words, ()


def joint_critical(found: Projection, *, level: float, seed: int) -> float:
    """How many standard errors a band must reach to hold the whole curve (sup-t).

    The quantile of the largest |t| over horizons under the estimates' own correlation (Montiel Olea
    and Plagborg-Moller 2019), by 4,000 draws of a multivariate t.
    """
    drawn = np.abs(_drawn(found, seed) / found.spread).max(axis=1)
    return float(np.quantile(drawn, level))


def _drawn(found: Projection, seed: int) -> np.ndarray:
    """Errors of b (4,000, H): normal with its covariance, over the root of chi-square / df."""
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(found.covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    made = rng.standard_normal((_DRAWS, len(found.b))) @ root.T
    wide = rng.chisquare(found.df, _DRAWS) / found.df if found.df < 1e4 else np.ones(_DRAWS)
    return made / np.sqrt(wide)[:, None]


def transitory_share(
    found: Projection, *, level: float, seed: int
) -> tuple[float, float, float, str]:
    """1 - permanent / peak, its interval, and why it cannot be told ("" if it can).

    The peak's horizon is chosen by the data, so the interval is the union of Fieller's over every
    horizon that may be the peak: those not below the largest by more than the simultaneous error of
    the differences (a tenth of the miss; Fieller's take the rest). It covers at least `level`.
    """
    miss = 1 - level
    t = found.b / found.spread
    top = int(np.argmax(np.abs(found.b)))
    turn = np.sign(found.b[top])
    share = 1 - found.b[-1] / found.b[top]
    if np.abs(t).max() < joint_critical(found, level=level, seed=seed):
        return share, 0.0, np.inf, "no horizon's response is told from zero"
    drawn = turn * _drawn(found, seed)
    critical = float(scipy.stats.t.ppf(1 - (1 - _SELECTION) * miss / 2, found.df))
    low, high = np.inf, -np.inf
    for h in range(len(found.b)):
        if not _may_be_peak(turn * found.b, found.covariance, drawn, h, 1 - _SELECTION * miss):
            continue
        if h == len(found.b) - 1:
            bounds = (1.0, 1.0)
        else:
            pair = found.covariance[np.ix_([-1, h], [-1, h])]
            bounds = fieller(found.b[-1], found.b[h], pair, critical)
        low, high = min(low, 1 - min(bounds[1], 1.0)), max(high, 1 - bounds[0])
    if not np.isfinite(high):
        return share, low, high, "the peak is not told from zero at some horizon that may be it"
    return share, min(low, share), max(high, share), ""


def _may_be_peak(
    b: np.ndarray, covariance: np.ndarray, drawn: np.ndarray, h: int, level: float
) -> bool:
    """Whether no other horizon is above this one by more than chance allows."""
    own = np.diag(covariance)
    spread = np.sqrt(np.clip(own + own[h] - 2 * covariance[h], 0, None))
    others = spread > 1e-9 * np.sqrt(own.max())
    if not others.any():
        return True
    away = (drawn[:, others] - drawn[:, [h]]) / spread[others]
    critical = np.quantile(away.max(axis=1), level)
    return bool(((b[others] - b[h]) / spread[others]).max() <= critical)


def hodrick_influence(
    ret: np.ndarray, at: np.ndarray, surprise: np.ndarray, horizons: np.ndarray
) -> np.ndarray:
    """Influence (N, H) of each single return on the long-horizon slopes, none being foretold.

    A slope is the sum over rows t of e_t (r_t+1 + ... + r_t+h), e the predictor less its controls:
    the same sum is over returns s of r_s (e_s-1 + ... + e_s-h), whose terms are uncorrelated where
    returns cannot be foretold (Hodrick 1992, equation 1B). `at` are the positions of the rows in
    `ret`; every window lies inside its chain.
    """
    placed = np.zeros(len(ret) + 1)
    placed[at + 1] = surprise
    total = np.append(0.0, np.cumsum(placed))
    place = np.arange(len(ret))
    inside = np.zeros(len(ret) + 1)
    far = int(horizons.max())
    np.add.at(inside, at + 1, 1.0)
    np.add.at(inside, np.minimum(at + far + 1, len(ret)), -1.0)
    used = np.cumsum(inside)[:-1] > 0
    news = np.where(used, ret - ret[used].mean(), 0.0)
    weights = [total[place + 1] - total[np.maximum(place + 1 - h, 0)] for h in horizons]
    return news[:, None] * np.column_stack(weights) / (surprise @ surprise)
