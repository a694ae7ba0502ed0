"""Moments of Madhavan, Richardson and Roomans: solved, by statsmodels' GMM, and the variance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from statsmodels.sandbox.regression.gmm import GMM, GMMResults

from mmresearch.estimate.sandwich import Rule, small_sample_factor, sum_covariance

TERMS = ["theta", "phi", "rho", "drift"]
CROSSED = "lam"
PARTS = ["public_news", "rounding", "trade_information", "trading_costs", "both"]
_STEP = 1e-5  # of the moments, for the derivative: relative


class Revisions(GMM):
    """The just-identified moments; their covariance sums days, or lags within days, by a rule.

    With v = y - (phi + theta) x + (phi + rho theta) x_1 - a: E[(x - rho x_1) x_1] = E[v] = E[v x]
    = E[v x_1] = 0, and where trades are crossed E[|x| - (1 - lam)] = 0.
    """

    def __init__(self, frame: pd.DataFrame, rule: Rule) -> None:
        x = frame[["x", "x_1"]].to_numpy("float64")
        self.crossed = bool((x[:, 0] == 0).any())
        names = [*TERMS, CROSSED] if self.crossed else TERMS
        y = frame["y"].to_numpy("float64")
        super().__init__(y, x, None, k_moms=len(names), k_params=len(names))
        self.days, self.rule = frame["day"], rule
        self.data.xnames = names

    def momcond(self, params: np.ndarray) -> np.ndarray:
        """Rows of the moments (n, 4), (n, 5) with crossed trades."""
        theta, phi, rho, drift = params[:4]
        now, one = self.exog.T
        left = self.endog - (phi + theta) * now + (phi + rho * theta) * one - drift
        rows = [(now - rho * one) * one, left, left * now, left * one]
        if self.crossed:
            rows.append(np.abs(now) - (1 - params[4]))
        return np.column_stack(rows)

    def calc_weightmatrix(
        self, moms: np.ndarray, weights_method: str = "", wargs: object = (), params: object = None
    ) -> np.ndarray:
        """Covariance of the moments a row, nothing across nights, small-sample factor in it."""
        count, days = len(moms), int(self.days.nunique())
        factor = small_sample_factor(self.rule, count, self.k_params, days)
        return sum_covariance(moms, self.days, self.rule) / count * factor


def moments_solved(frame: pd.DataFrame) -> np.ndarray:
    """The parameters at which the sample moments are zero, from least squares."""
    now, one = (frame[c].to_numpy("float64") for c in ("x", "x_1"))
    rho = float(now @ one / (one @ one))
    x = np.column_stack([np.ones(len(now)), now, one])
    drift, first, second = np.linalg.lstsq(x, frame["y"].to_numpy("float64"))[0]
    theta = (first + second) / (1 - rho)
    solved = [theta, first - theta, rho, drift]
    return np.array([*solved, np.mean(now == 0)] if (now == 0).any() else solved)


def gmm(frame: pd.DataFrame, rule: Rule, *, start: np.ndarray | None = None) -> GMMResults:
    """Statsmodels' GMM results, from the method of moments if no other start is given."""
    # the solution is where the search would end: it only costs time on long tapes
    steps = 0 if start is None else 2000
    start = moments_solved(frame) if start is None else start
    options = {"disp": 0, "gtol": 1e-14, "maxiter": steps}
    model = Revisions(frame, rule)
    fit = model.fit(start, maxiter=2, weights_method="by rule", optim_args=options)
    fit.df_resid = rule.df
    return fit


def influence(frame: pd.DataFrame, fit: GMMResults) -> np.ndarray:
    """What each row adds to each parameter's error (n, k): sums to the estimate less the truth."""
    rows = fit.model.momcond(fit.params)
    slope = fit.model.gradient_momcond(fit.params)
    return -np.linalg.solve(slope, rows.T).T / len(frame)


def variance_split(frame: pd.DataFrame) -> np.ndarray:
    """Parts of the price change's variance, in the order of PARTS: they add up to it exactly."""
    return _parts(_products(frame).mean(axis=0))


def share_errors(frame: pd.DataFrame, rule: Rule) -> np.ndarray:
    """Standard errors of the parts' shares, by the delta method on the sample's moments."""
    rows = _products(frame)
    middle = rows.mean(axis=0)
    slopes = np.empty((len(middle), len(PARTS)))
    for place, value in enumerate(middle):
        step = _STEP * max(abs(value), rows[:, place].std() / np.sqrt(len(rows)), 1e-300)
        ends = []
        for turn in (1, -1):
            moved = middle.copy()
            moved[place] += turn * step
            parts = _parts(moved)
            ends.append(parts / parts.sum())
        slopes[place] = (ends[0] - ends[1]) / (2 * step)
    told = (rows - middle) @ slopes
    factor = small_sample_factor(rule, len(rows), 5, int(frame["day"].nunique()))
    return np.sqrt(np.diag(sum_covariance(told, frame["day"], rule)) * factor) / len(rows)


def _products(frame: pd.DataFrame) -> np.ndarray:
    """Products of (1, y, x, x_1) with themselves (first 16) and with the row before's."""
    now = np.column_stack([np.ones(len(frame)), frame[["y", "x", "x_1"]].to_numpy("float64")])
    then = np.where(frame["follows"].to_numpy()[:, None], np.roll(now, 1, axis=0), 0.0)
    squares = (now[:, :, None] * now[:, None, :]).reshape(len(now), 16)
    lagged = (now[:, :, None] * then[:, None, :]).reshape(len(now), 16)
    return np.hstack([squares, lagged])


def _parts(moments: np.ndarray) -> np.ndarray:
    """The fitted part is phi (x - x_1) + theta (x - rho x_1), what is left has -cov of rounding."""
    square, lagged = moments[:16].reshape(4, 4), moments[16:].reshape(4, 4)
    square = (square + square.T) / 2  # a step of one of two equal products moves both
    x = [0, 2, 3]
    drift, first, second = np.linalg.solve(square[np.ix_(x, x)], square[x, 1])
    rho = square[2, 3] / square[3, 3]
    theta = (first + second) / (1 - rho)
    phi = first - theta
    mean = square[0] / square[0, 0]
    spread = square / square[0, 0] - np.outer(mean, mean)
    cost, news = np.array([0, 0, 1, -1.0]), np.array([0, 0, 1, -rho])
    left = np.array([-drift, 1, -first, -second])
    rounding = -(left @ lagged @ left) / lagged[0, 0]
    return np.array(
        [
            left @ spread @ left - 2 * rounding,
            2 * rounding,
            theta**2 * (news @ spread @ news),
            phi**2 * (cost @ spread @ cost),
            2 * theta * phi * (news @ spread @ cost),
        ]
    )
