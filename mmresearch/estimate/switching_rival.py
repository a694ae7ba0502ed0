"""One regime whose values persist: what may look like regimes that switch."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.optimize

_MOST = 0.9999


class Rival(NamedTuple):
    """Mean, deviation and rho of a normal autoregression inside sessions, and log-likelihood."""

    mean: float
    sd: float
    rho: float
    likelihood: float

    parameters = 3


def persisting(y: np.ndarray, begins: np.ndarray) -> Rival:
    """The likeliest y_t - mu = rho (y_{t-1} - mu) + e_t, each session from its long-run law.

    Over g - 1 bars of unknown value the persistence is rho^g. y [n], begins [n].
    """
    known = np.flatnonzero(np.isfinite(y))
    session = np.cumsum(begins)[known]
    first = np.append(True, session[1:] != session[:-1])
    values = y[known]
    before = np.where(first, 0.0, np.append(0.0, values[:-1]))
    gap = np.append(0, np.diff(known))

    def fit(rho: float) -> Rival:
        kept = np.where(first, 0.0, rho ** np.maximum(gap, 1))
        share = 1 - kept**2  # of the long-run variance that is new
        new, per_mean = values - kept * before, 1 - kept
        mean = float((per_mean * new / share).sum() / (per_mean**2 / share).sum())
        variance = float(((new - mean * per_mean) ** 2 / share).mean())
        size = len(values) * (math.log(2 * math.pi * variance) + 1) + np.log(share).sum()
        return Rival(mean, math.sqrt(variance), rho, -0.5 * float(size))

    found = scipy.optimize.minimize_scalar(
        lambda rho: -fit(float(rho)).likelihood, bounds=(-_MOST, _MOST), method="bounded"
    )
    return fit(float(found.x))
