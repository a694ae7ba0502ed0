"""What blocks drawn with replacement say of a vector autoregression: intervals, bands, lags."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.var_moments import Var, narrowed, solve_var

CLOSE = 0.5  # of its standard error: what longer lags may move the permanent response
LAG_DRAWS = 199
DETERMINED = 1e-10  # of the variance (variables have variance one): no unexpected part
UNSTABLE = 0.05  # share of draws without a permanent response, from which on it is not told


class Draws(NamedTuple):
    """The fit, the same in each draw, and how many blocks were drawn from."""

    fit: Var
    drawn: Var
    blocks: int


def draw(moments: np.ndarray, k: int, draws: int, seed: int) -> Draws:
    """Fits of the blocks' sums [blocks, m, m], once each and drawn with replacement.

    Raises
    ------
    numpy.linalg.LinAlgError
        Where a variable follows from those before it.
    """
    moments = moments[moments[:, 0, 0] > 0]
    count = len(moments)
    fit = solve_var(moments.sum(axis=0)[None], k)
    if np.linalg.eigvalsh(fit.sigma[0])[0] < DETERMINED:
        raise np.linalg.LinAlgError("no unexpected part")
    parts = [solve_var(sums, k) for sums in drawn_sums(moments, draws, seed)]
    return Draws(fit, Var(*(np.concatenate(part) for part in zip(*parts, strict=True))), count)


def drawn_sums(moments: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Sums of blocks [blocks, m, m] drawn with replacement, some draws at a time."""
    count, width, _ = moments.shape
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    flat = moments.reshape(count, -1)
    for some in np.array_split(times.astype("float64"), max(draws * width**2 // 1_000_000, 1)):
        yield (some @ flat).reshape(-1, width, width)


def reach_of(blocks: int, level: float) -> float:
    """How much wider than the draws' quantiles an interval is: t for normal, G - 1 for G."""
    normal = scipy.stats.norm.ppf((1 + level) / 2)
    return (
        scipy.stats.t.ppf((1 + level) / 2, blocks - 1) / normal * math.sqrt(blocks / (blocks - 1))
    )


def interval(
    value: np.ndarray, drawn: np.ndarray, blocks: int, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles of the draws, further from the value where blocks are few; along the first axis."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    reach = reach_of(blocks, level)
    return value + reach * (low - value), value + reach * (high - value)


def share_interval(
    value: float, drawn: np.ndarray, blocks: int, level: float
) -> tuple[float, float]:
    """The same of log odds, so that no end is outside [0, 1]; a value at an end is held."""
    ends = interval(_odds(np.array(value)), _odds(drawn), blocks, level)
    low, high = (float(1 / (1 + np.exp(-end))) for end in ends)
    return min(low, value), max(high, value)


def joint_band(
    value: np.ndarray, drawn: np.ndarray, blocks: int, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """A band that holds the whole path [H + 1] at the level: sup of |draw - value| / error."""
    spread = spread_of(drawn)
    apart = np.abs(drawn - value) / np.where(spread > 0, spread, np.inf)
    reach = reach_of(blocks, level) * np.quantile(apart.max(axis=1), level) * spread
    return value - reach, value + reach


def spread_of(drawn: np.ndarray) -> np.ndarray:
    """Half the middle 68.27 % of the draws: a standard error that a wild draw does not make."""
    low, high = np.quantile(drawn, [0.158655, 0.841345], axis=0)
    return (high - low) / 2


def lag_table(moments: np.ndarray, k: int, shock: np.ndarray, most: int, seed: int) -> pd.DataFrame:
    """Every number of lags up to `most` on the same rows: permanent response, its error, BIC.

    chosen: the fewest lags, not fewer than BIC's, beyond which no longer VAR moves the permanent
    response by more than half of its standard error. A truncated VAR is biased however much data
    there is, and BIC, which asks about one step ahead, does not see what is left at the end.
    """
    moments = moments[moments[:, 0, 0] > 0]
    rows, found = float(moments[:, 0, 0].sum()), []
    for lags in range(1, most + 1):
        made = draw(narrowed(moments, k, lags), k, LAG_DRAWS, seed)
        free = rows / (rows - 1 - k * lags)
        fit = math.log(np.linalg.det(made.fit.sigma[0] / free))
        count = k * (1 + k * lags)
        blocks = made.blocks / (made.blocks - 1)
        error = math.sqrt(blocks) * float(spread_of(made.drawn.permanent(shock)))
        criteria = (fit + count * math.log(rows) / rows, fit + 2 * count / rows)
        found.append((lags, float(made.fit.permanent(shock)[0]), error, *criteria))
    columns = ["lags", "permanent", "std_error", "bic", "aic"]
    table = pd.DataFrame(found, columns=columns).set_index("lags")
    table["chosen"] = table.index == chosen_lags(table)
    return table


def chosen_lags(table: pd.DataFrame) -> int:
    """The rule of `lag_table`."""
    at_least = table["bic"].idxmin()
    for lags, row in table.loc[at_least:].iterrows():
        moved = (table.loc[lags:, "permanent"] - row["permanent"]).abs()
        if (moved <= CLOSE * row["std_error"]).all():
            return int(lags)
    return int(table.index[-1])


def _odds(share: np.ndarray) -> np.ndarray:
    inside = np.clip(share, 1e-15, 1 - 1e-15)
    return np.log(inside) - np.log1p(-inside)
