"""The Kalman filter of price pressure: likelihood, its maximum, and statsmodels' model of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.optimize
from statsmodels.tsa.statespace.mlemodel import MLEModel

_SHARES = np.r_[0.0, np.linspace(0.01, 0.99, 34), 0.999, 0.9999]
_MOST = 0.9999


class Filtered(NamedTuple):
    """The maximum of the likelihood of returns y = x b + u_t + e_t - e_{t-1}, normal u and e.

    b: [k]. public, noise: the variances of u and e, bps^2. boundary: "" or which is zero there.
    """

    b: np.ndarray
    public: float
    noise: float
    loglike: float
    boundary: str

    @property
    def ratio(self) -> float:
        return self.noise / self.public


def maximum_likelihood(y: np.ndarray, x: np.ndarray, begins: np.ndarray) -> Filtered:
    """The maximum: b and the variance of u are least squares given the noise ratio, searched alone.

    The ratio r enters as its share r / (1 + r), from 0 (a random walk without noise) to 0.9999
    (nothing but noise around a level).
    """
    values = np.column_stack([y, x])

    def cost(share: float) -> float:
        return -_given(values, begins, share / (1 - share)).loglike

    tried = np.array([cost(share) for share in _SHARES])
    at = int(tried.argmin())
    low, high = _SHARES[max(at - 1, 0)], _SHARES[min(at + 1, len(_SHARES) - 1)]
    found = scipy.optimize.minimize_scalar(
        cost, bounds=(low, high), method="bounded", options={"xatol": 1e-9}
    )
    share = float(found.x) if found.fun < tried[at] else float(_SHARES[at])
    fit = _given(values, begins, share / (1 - share))
    edge = "noise" if share < 1e-6 else "random walk" if share >= _MOST - 1e-7 else ""
    return fit._replace(boundary=edge)


def whitened(values: np.ndarray, begins: np.ndarray, ratio: float) -> np.ndarray:
    """Columns [n, k] as the filter sees them: least squares of these is the likelihood's b."""
    from mmresearch.estimate.pressure_kernels import whiten

    return whiten(np.ascontiguousarray(values, dtype="float64"), begins, ratio)[0]


def row_loglike(error: np.ndarray, begins: np.ndarray, public: float, noise: float) -> np.ndarray:
    """Log density of each y - x b given the rows of its stretch before it."""
    from mmresearch.estimate.pressure_kernels import whiten

    new, variance = whiten(error[:, None], begins, noise / public)
    return -(np.log(2 * np.pi * public * variance) + new[:, 0] ** 2 / public) / 2


def _given(values: np.ndarray, begins: np.ndarray, ratio: float) -> Filtered:
    from mmresearch.estimate.pressure_kernels import whiten

    white, variance = whiten(values, begins, ratio)
    b = np.linalg.lstsq(white[:, 1:], white[:, 0], rcond=None)[0]
    left = white[:, 0] - white[:, 1:] @ b
    n, public = len(left), float(left @ left) / len(left)
    loglike = -(n * np.log(2 * np.pi * public) + np.log(variance).sum() + n) / 2
    return Filtered(b, public, ratio * public, float(loglike), "")


class PressureModel(MLEModel):
    """Log prices of every stretch as p_t = m_t + alpha (I_t - I_0) + e_t, less the price before it.

    The efficient price m is the one state: m_t = m_{t-1} + drift + kappa Ihat_t + beta f_t + u_t.
    At a stretch's first row it is diffuse and the price before the stretch observed, which is: it
    starts at minus that price's noise, variance that of e. So every stretch is a series of its own
    with an exact diffuse start, and what moved prices between stretches enters nowhere.

    Parameters: drift, alpha, kappa(, beta), variance of u, variance of e.
    """

    def __init__(
        self,
        y: np.ndarray,
        change: np.ndarray,
        moves: np.ndarray,
        begins: np.ndarray,
        names: list[str],
    ) -> None:
        stretch = np.cumsum(begins) - 1
        prices, held = (pd.Series(v).groupby(stretch).cumsum().to_numpy() for v in (y, change))
        super().__init__(prices, k_states=1, k_posdef=1)
        self._held, self._moves, self._begins, self._names = held, moves, begins, names
        self["design", 0, 0] = 1.0
        self["selection", 0, 0] = 1.0
        n = len(prices)
        stays = np.where(np.r_[begins[1:], True], 0.0, 1.0)
        self.ssm["transition"] = stays[None, None, :]
        self.ssm["obs_intercept"] = np.zeros((1, n))
        self.ssm["state_intercept"] = np.zeros((1, n))
        self.ssm["state_cov"] = np.zeros((1, 1, n))
        self.ssm.initialize_known(np.zeros(1), np.ones((1, 1)))

    @property
    def param_names(self) -> list[str]:
        return self._names

    @property
    def start_params(self) -> np.ndarray:
        return np.r_[np.zeros(len(self._names) - 2), 1.0, 1.0]

    def update(self, params: np.ndarray, **options: object) -> None:
        """Row t's transition leads to row t + 1, so what moves m there stands one row earlier."""
        params = super().update(params, **options)
        alpha, public, noise = params[1], params[-2], params[-1]
        moved = self._moves @ np.r_[params[0], params[2:-2]]
        spread = public + np.where(self._begins, noise, 0.0)
        self["obs_intercept"] = (alpha * self._held)[None, :]
        self["obs_cov", 0, 0] = noise
        self["state_intercept"] = np.r_[moved[1:], 0.0][None, :]
        self["state_cov"] = np.r_[spread[1:], public][None, None, :]
        self.ssm.initialize_known(moved[:1], spread[:1, None])
