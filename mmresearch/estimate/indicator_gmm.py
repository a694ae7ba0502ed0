"""Huang and Stoll's moments: their method-of-moments solution, and statsmodels' GMM of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from statsmodels.sandbox.regression.gmm import GMM, GMMResults

from mmresearch.estimate.sandwich import Rule, small_sample_factor, sum_covariance

TERMS = ["adverse_selection", "inventory", "reversal"]
TRADED = [*TERMS, "spread"]


class Indicator(GMM):
    """The just-identified moments; their covariance sums days, or lags within days, by a rule.

    With e = y - (a + b) x1 + a (1 - 2 pi) x2: E[(Q_1 - (1 - 2 pi) Q_2) Q_2] = E[e x1] = E[e x2] = 0
    for x = S/2 Q. Where the spread is estimated x is S/2 times the side, x0 too is in e, and E[e
    Q] = 0 is added.
    """

    def __init__(self, frame: pd.DataFrame, rule: Rule, *, traded: bool) -> None:
        columns = ["side", "side_1", "side_2"] if traded else ["x1", "x2", "side_1", "side_2"]
        names = TRADED if traded else TERMS
        values = frame[columns].to_numpy("float64")
        y = frame["y"].to_numpy("float64")
        super().__init__(y, values, None, k_moms=len(names), k_params=len(names))
        self.days, self.rule, self.traded = frame["day"], rule, traded
        self.data.xnames = names

    def momcond(self, params: np.ndarray) -> np.ndarray:
        """Rows of the moments (n, 3), (n, 4) with the spread."""
        adverse, inventory, reversal = params[:3]
        one, two = self.exog[:, -2], self.exog[:, -1]
        turned = 1 - 2 * reversal
        if self.traded:
            half = params[3] / 2
            now = self.exog[:, 0]
            left = self.endog - half * (
                now + (adverse + inventory - 1) * one - adverse * turned * two
            )
            with_error = [left * one, left * two, left * now]
        else:
            x1, x2 = self.exog[:, 0], self.exog[:, 1]
            left = self.endog - (adverse + inventory) * x1 + adverse * turned * x2
            with_error = [left * x1, left * x2]
        return np.column_stack([(one - turned * two) * two, *with_error])

    def calc_weightmatrix(
        self, moms: np.ndarray, weights_method: str = "", wargs: object = (), params: object = None
    ) -> np.ndarray:
        """Covariance of the moments a row, nothing across nights, small-sample factor in it."""
        count, days = len(moms), int(self.days.nunique())
        factor = small_sample_factor(self.rule, count, self.k_params, days)
        return sum_covariance(moms, self.days, self.rule) / count * factor


def moments_solved(frame: pd.DataFrame, *, traded: bool) -> np.ndarray:
    """The parameters at which the sample moments are zero, from two least squares."""
    one, two = frame["side_1"].to_numpy(), frame["side_2"].to_numpy()
    turned = float(one @ two / (two @ two))
    y = frame["y"].to_numpy()
    if traded:
        x = frame[["side", "side_1", "side_2"]].to_numpy("float64")
        now, first, second = np.linalg.lstsq(x, y)[0]
        adverse = -second / (turned * now)
        return np.array([adverse, 1 + first / now - adverse, (1 - turned) / 2, 2 * now])
    first, second = np.linalg.lstsq(frame[["x1", "x2"]].to_numpy("float64"), y)[0]
    adverse = -second / turned
    return np.array([adverse, first - adverse, (1 - turned) / 2])


def gmm(
    frame: pd.DataFrame, rule: Rule, *, traded: bool, start: np.ndarray | None = None
) -> GMMResults:
    """Statsmodels' GMM results, from the method of moments if no other start is given."""
    start = moments_solved(frame, traded=traded) if start is None else start
    model = Indicator(frame, rule, traded=traded)
    options = {"disp": 0, "gtol": 1e-14, "maxiter": 2000}
    fit = model.fit(start, maxiter=2, weights_method="by rule", optim_args=options)
    fit.df_resid = rule.df
    return fit
