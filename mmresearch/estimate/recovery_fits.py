"""The mean path of recovery with its covariance, and times to recovery with censoring.

The share of what was missing that is back at h is 1 less a ratio of sums over the events that are
followed so long.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.duration.survfunc import SurvfuncRight

from mmresearch.estimate.cosines import FEW_COSINES, FEWEST_COSINES, cosine_covariance
from mmresearch.estimate.mean_curves import sup_t
from mmresearch.estimate.sandwich import Rule

FEWEST_EVENTS = 20  # followed to a horizon, for a mean there
DAYS = 10  # from so many on errors are by day


class MeanPath(NamedTuple):
    """Recovered share at each horizon told: seconds, share, events; its covariance and rule."""

    seconds: np.ndarray
    share: np.ndarray
    events: np.ndarray
    covariance: np.ndarray
    rule: Rule

    @property
    def spread(self) -> np.ndarray:
        return np.sqrt(np.clip(np.diag(self.covariance), 0, None))


def block_rule(days: np.ndarray, what: str) -> Rule:
    """By day from ten days on, else cosines over what comes in order."""
    count, rows = len(np.unique(days)), len(days)
    if count >= DAYS:
        words = f"clustered by day ({count} days), t with {count - 1} degrees of freedom"
        return Rule("cluster", 0, count - 1, words, ())
    cosines = int(min(0.41 * rows ** (2 / 3), rows / 2))
    words = f"{cosines} equal-weighted cosines over {rows:,} {what} in order of time"
    words += f" ({count} day{'s' * (count > 1)}), t with {cosines} degrees of freedom"
    flags = ("few_days",) if count < 6 else ()
    flags += ("few_stretches",) if cosines < FEW_COSINES else ()
    return Rule("hac", cosines, float(max(cosines, 1)), words, flags)


def block_covariance(influence: np.ndarray, days: np.ndarray, rule: Rule) -> np.ndarray:
    """Covariance of sums of influence [n, m] under the rule; rows are in order of time."""
    if rule.kind == "cluster":
        total = pd.DataFrame(influence).groupby(days).sum().to_numpy()
        return total.T @ total * len(total) / (len(total) - 1)
    if rule.lags < FEWEST_COSINES:
        return np.full((influence.shape[1],) * 2, np.nan)
    return cosine_covariance(influence, rule.lags)


def mean_path(events: pd.DataFrame, names: list[str], seconds: np.ndarray) -> MeanPath:
    """The recovered share over horizons, events in order of time; its influence by event."""
    missing = (events["lost"] + events["control_lost"]).to_numpy("float64")
    back = events[[f"back_{n}" for n in names]].to_numpy("float64")
    back = back - events[[f"control_{n}" for n in names]].to_numpy("float64")
    known = np.isfinite(back) & np.isfinite(missing)[:, None]
    told = known.sum(axis=0) >= FEWEST_EVENTS
    back, known = np.where(known, back, 0.0)[:, told], known[:, told]
    part = np.where(known, missing[:, None], 0.0)
    total = part.sum(axis=0)
    share = back.sum(axis=0) / total
    rule = block_rule(events["day"].to_numpy(), "events")
    influence = (back - part * share) / total
    covariance = block_covariance(influence, events["day"].to_numpy(), rule)
    return MeanPath(seconds[told], share, known.sum(axis=0), covariance, rule)


def path_table(path: MeanPath, level: float, seed: int) -> pd.DataFrame:
    """seconds, events, estimate, std_error, low, high, joint_low, joint_high."""
    reach = float(scipy.stats.t.ppf((1 + level) / 2, path.rule.df)) * path.spread
    joint = sup_t(path.covariance, path.rule.df, level, seed) * path.spread
    share = path.share
    columns = {"seconds": path.seconds, "events": path.events, "estimate": share}
    columns |= {"std_error": path.spread, "low": share - reach, "high": share + reach}
    return pd.DataFrame(columns | {"joint_low": share - joint, "joint_high": share + joint})


def survival(events: pd.DataFrame, level: float) -> tuple[pd.DataFrame, SurvfuncRight]:
    """Kaplan-Meier of the time to recovery: seconds, at_risk, share recovered, low, high."""
    seconds = events["seconds"].to_numpy("float64")
    fit = SurvfuncRight(np.maximum(seconds, 1e-9), events["recovered"].to_numpy("int64"))
    held, error = np.asarray(fit.surv_prob), np.asarray(fit.surv_prob_se)
    low, high = np.array(
        [_log_log(s, e, level) for s, e in zip(held, error, strict=True)]
    ).T.reshape(2, -1)
    columns = {"seconds": fit.surv_times, "at_risk": fit.n_risk, "recovered": 1 - held}
    return pd.DataFrame(columns | {"low": low, "high": high}), fit


def _log_log(held: float, error: float, level: float) -> tuple[float, float]:
    """Interval of the share recovered, on the log(-log) scale of the share that is not."""
    if not 0 < held < 1 or not error > 0:
        return math.nan, math.nan
    reach = scipy.stats.norm.ppf((1 + level) / 2) * error / (held * abs(math.log(held)))
    return 1 - held ** math.exp(-reach), 1 - held ** math.exp(reach)


def recovered_by(table: pd.DataFrame, seconds: float) -> tuple[float, float, float]:
    """Share recovered so soon, with its interval, from the table of `survival`."""
    place = int(np.searchsorted(table["seconds"], seconds, side="right")) - 1
    if place < 0:
        return 0.0, math.nan, math.nan
    return tuple(float(v) for v in table.loc[place, ["recovered", "low", "high"]])
