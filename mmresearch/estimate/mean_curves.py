"""Means over the same rows at every horizon: ratios of sums, joint errors, bands of whole curves.

What `average_spreads` and `average_markouts` share. Rows have symbol, day, time, seq, side, price,
size; a term is a column of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.cosines import cosine_covariance, cosine_rule, event_clock
from mmresearch.estimate.errors import regress
from mmresearch.estimate.result import TIDY, Quantity
from mmresearch.estimate.sandwich import MANY_DAYS, SOME_DAYS, Rule, error_rule
from mmresearch.measure.bars import parse_freq

ERRORS = ("auto", "cluster", "wild", "hac", "bootstrap")
FEWEST_ROWS = 30
_DRAWS = 4_000


class Asked(NamedTuple):
    """How means are weighted ("size", "value", else each the same) and told."""

    weight: str
    errors: str
    level: float
    seed: int


class Pieces(NamedTuple):
    """Sums of weighted values [pieces, m] and of weights [pieces], with the day of each piece."""

    sums: np.ndarray
    weights: np.ndarray
    days: np.ndarray


class Means(NamedTuple):
    """Means and their joint covariance, of pieces: days, or events with "hac" errors.

    table: as a Result's, a row a term. drawn: t [draws, m] in samples of whole days, the same days
    for all terms, or None.
    """

    table: pd.DataFrame
    covariance: np.ndarray
    pieces: Pieces
    rule: Rule
    asked: Asked
    drawn: np.ndarray | None = None

    def joint(self) -> pd.DataFrame:
        """The covariance of all the means, by term."""
        return pd.DataFrame(self.covariance, self.table["term"], self.table["term"])


def means_of(
    rows: pd.DataFrame, terms: Mapping[str, str], horizons: Sequence[str], asked: Asked
) -> Means:
    """Means of the columns of `rows` that `terms` names, column -> term; none may be missing."""
    columns, days = list(terms), pd.factorize(rows["day"], sort=True)[0]
    units = units_of(rows, asked.weight)
    rule = day_rule(days, asked.errors)
    if rule is None:
        clock = event_clock(rows, list(horizons))
        pieces = _pieces(rows, columns, units, clock.event, clock.days)
        at_once = _moving(rows[columns], horizons)
        rule = cosine_rule(clock, _influence(pieces)[:, at_once])
    else:
        pieces = _pieces(rows, columns, units, days, np.arange(days.max() + 1))
    covariance = covariance_of(_influence(pieces), rule)
    table = _table(list(terms.values()), pieces, covariance, rule, asked)
    drawn = None
    if rule.kind == "bootstrap":
        drawn = _drawn_t(pieces, asked.seed)
        _by_draws(table, drawn, asked.level)
    elif rule.kind == "wild":
        _by_signs(table, pieces, asked)
    return Means(table, covariance, pieces, rule, asked, drawn)


def day_rule(days: np.ndarray, errors: str) -> Rule | None:
    """The rule by day, or None for events: asked for, or fewer than six days."""
    count = int(days.max()) + 1
    if errors == "auto":
        errors = "cluster" if count >= MANY_DAYS else "wild" if count >= SOME_DAYS else "hac"
    return None if errors == "hac" else error_rule(pd.Series(days), errors=errors)


def units_of(rows: pd.DataFrame, weight: str) -> np.ndarray:
    """The weight of each row, of mean one."""
    units = np.ones(len(rows))
    if weight in ("size", "value"):
        units = rows["size"].to_numpy("float64")
    if weight == "value":
        units = units * rows["price"].to_numpy("float64")
    return units / units.mean()


def covariance_of(influence: np.ndarray, rule: Rule) -> np.ndarray:
    """Covariance of sums over pieces: cosines, or squares by day times G/(G - 1)."""
    if rule.kind == "hac":
        return cosine_covariance(influence, rule.lags)
    return influence.T @ influence * len(influence) / (len(influence) - 1)


def sup_t(covariance: np.ndarray, df: float, level: float, seed: int) -> float:
    """What the largest |t| of several means stays below at the level, by draws.

    Their errors are estimated together, from df normal pieces: the covariance is drawn too.
    """
    spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
    moves = spread > 0
    if not np.isfinite(spread).all():
        return math.nan
    if not moves.any():
        return 0.0
    scaled = covariance[np.ix_(moves, moves)] / np.outer(spread[moves], spread[moves])
    values, vectors = np.linalg.eigh(scaled)
    held = values > 1e-12 * values[-1]
    root = vectors[:, held] * np.sqrt(values[held])
    rng, many = np.random.default_rng(seed), int(held.sum())
    top = rng.standard_normal((_DRAWS, many)) @ root.T
    # a Wishart matrix as the square of a triangle (Bartlett), narrow where df is few
    triangle = np.tril(rng.standard_normal((_DRAWS, many, min(many, int(df)))), -1)
    for k in range(triangle.shape[2]):
        triangle[:, k, k] = np.sqrt(rng.chisquare(df - k, _DRAWS))
    below = np.sqrt(np.square(root @ triangle).sum(axis=2) / df)
    return float(np.quantile((np.abs(top) / below).max(axis=1), level))


def curve_of(means: Means, places: Sequence[int], horizons: Sequence[str]) -> pd.DataFrame:
    """The means at `places`, one a horizon, with the band that holds all of them.

    horizon, seconds, estimate, low, high, joint_low, joint_high.
    """
    own = means.table.loc[list(places), ["estimate", "low", "high"]].reset_index(drop=True)
    spread = means.table.loc[list(places), "std_error"].to_numpy()
    critical = _joint_critical(means, list(places))
    own["joint_low"] = own["estimate"] - critical * spread
    own["joint_high"] = own["estimate"] + critical * spread
    seconds = [seconds_of(h) for h in horizons]
    own.insert(0, "horizon", list(horizons))
    own.insert(1, "seconds", seconds)
    return own


def seconds_of(horizon: str) -> float:
    """The length of a horizon in seconds, missing of a count."""
    step = parse_freq(horizon)
    return step.size / 1e9 if step.kind == "clock" else math.nan


def share_of(means: Means, part: int, whole: int, name: str, of: str) -> Quantity:
    """One mean over another, by the delta method; refused where the other is not told from 0."""
    estimate = means.table["estimate"].to_numpy()
    share = estimate[part] / estimate[whole] if estimate[whole] else math.nan
    slope = np.zeros(len(estimate))
    if estimate[whole]:
        slope[part], slope[whole] = 1 / estimate[whole], -share / estimate[whole]
    error = math.sqrt(max(slope @ means.covariance @ slope, 0.0))
    reach = float(scipy.stats.t.ppf((1 + means.asked.level) / 2, means.rule.df)) * error
    told = bool(means.table.loc[whole, "low"] > 0)
    reason = "" if told else f"the {of} is not told from 0"
    if not math.isfinite(error):
        reason = "too few stretches as long as the longest horizon for any error"
    term = means.table["term"]
    words = f"{term[part]} over {term[whole]}, delta method, {means.rule.words}"
    bounds = (float(share), float(share - reach), float(share + reach))
    return Quantity(name, *bounds, f"of the {of}", words, told, reason, means.asked.level)


def _joint_critical(means: Means, places: list[int]) -> float:
    if means.drawn is None:
        within, df = means.covariance[np.ix_(places, places)], means.rule.df
        if means.rule.kind != "hac":
            # unequal days tell as much of the errors as fewer equal ones
            shares = means.pieces.weights / means.pieces.weights.sum()
            df = max(1 / np.square(shares).sum() - 1, 1.0)
        return sup_t(within, df, means.asked.level, means.asked.seed)
    return float(np.quantile(_largest(means.drawn[:, places]), means.asked.level))


def _moving(values: pd.DataFrame, horizons: Sequence[str]) -> list[int]:
    """Columns that span no horizon and vary by over a hundredth of their mean.

    A spread of always one tick moves as 1/price in basis points: it persists, but adds no error.
    """
    endings = tuple("_" + horizon.replace(" ", "_") for horizon in horizons)
    moves = (values.std() > 0.01 * values.mean().abs()).to_numpy()
    return [k for k, c in enumerate(values) if moves[k] and not c.endswith(endings)]


def _pieces(
    rows: pd.DataFrame, columns: list[str], units: np.ndarray, piece: np.ndarray, days: np.ndarray
) -> Pieces:
    sums = np.zeros((len(days), len(columns)))
    np.add.at(sums, piece, rows[columns].to_numpy("float64") * units[:, None])
    return Pieces(sums, np.bincount(piece, units, len(days)), days)


def _influence(pieces: Pieces) -> np.ndarray:
    """What each piece adds to the error of each mean [pieces, m]."""
    total = pieces.weights.sum()
    means = pieces.sums.sum(axis=0) / total
    return (pieces.sums - pieces.weights[:, None] * means) / total


def _table(
    terms: list[str], pieces: Pieces, covariance: np.ndarray, rule: Rule, asked: Asked
) -> pd.DataFrame:
    means = pieces.sums.sum(axis=0) / pieces.weights.sum()
    spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = means / spread
    reach = scipy.stats.t.ppf((1 + asked.level) / 2, rule.df) * spread
    p = 2 * scipy.stats.t.sf(np.abs(t), rule.df)
    columns = (terms, means, spread, t, p, means - reach, means + reach)
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))


def _varies(table: pd.DataFrame) -> np.ndarray:
    return np.flatnonzero(table["std_error"] > 1e-12 * table["estimate"].abs())


def _by_signs(table: pd.DataFrame, pieces: Pieces, asked: Asked) -> None:
    """Intervals by the wild cluster bootstrap, into the table."""
    # least squares of sum/root(weight) on root(weight) gives the same mean and the same scores
    root, days = np.sqrt(pieces.weights), pd.Series(pieces.days)
    about = {"errors": "wild", "level": asked.level, "seed": asked.seed}
    for place in _varies(table):
        y = pd.Series(pieces.sums[:, place] / root)
        found = regress(y, pd.DataFrame({"mean": root}), days, **about).table
        table.loc[place, TIDY[2:]] = found.loc[0, TIDY[2:]].to_numpy("float64")


def _by_draws(table: pd.DataFrame, drawn: np.ndarray, level: float) -> None:
    """Intervals from t in samples of whole days, into the table."""
    for place in _varies(table):
        own = table.loc[place]
        sizes = _largest(drawn[:, [place]])
        reach = float(np.quantile(sizes, level)) * own["std_error"]
        table.loc[place, ["low", "high"]] = own["estimate"] - reach, own["estimate"] + reach
        table.loc[place, "p"] = (1 + (sizes >= abs(own["t"])).sum()) / (1 + len(sizes))


def _drawn_t(pieces: Pieces, seed: int) -> np.ndarray:
    """Each mean's t around the sample's in samples of whole days [draws, m]."""
    days, total = len(pieces.days), pieces.weights.sum()
    means = pieces.sums.sum(axis=0) / total
    rng = np.random.default_rng(seed)
    times = rng.multinomial(days, np.full(days, 1 / days), size=_DRAWS).astype("float64")
    weights = (times @ pieces.weights)[:, None]
    found = times @ pieces.sums / weights
    # squares of sums - weights * mean, added up over the days drawn
    square = times @ pieces.sums**2 - 2 * found * (times @ (pieces.sums * pieces.weights[:, None]))
    square += found**2 * (times @ pieces.weights**2)[:, None]
    spread = np.sqrt(np.clip(square * days / (days - 1), 0, None)) / weights
    away = found - means
    away[np.abs(away) <= 1e-12 * np.abs(means)] = 0.0  # of what never varies
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(away == 0, 0.0, away / spread)


def _largest(drawn: np.ndarray) -> np.ndarray:
    """The largest |t| of each sample; of samples of one day alone, which has none, nothing."""
    sizes = np.abs(drawn).max(axis=1)
    return sizes[np.isfinite(sizes)]
