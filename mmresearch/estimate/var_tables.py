"""What stands beside a VAR of trades: coefficients, traps, statsmodels' result."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.tsa.vector_ar.var_model import VAR, VARResults

from mmresearch.estimate.result import TIDY
from mmresearch.estimate.var_draws import Draws, interval, spread_of
from mmresearch.estimate.var_rows import Question, Rows

MOST_FITTED = 200_000  # rows that statsmodels' result holds with their lags


def coefficients(rows: Rows, asked: Question, found: Draws) -> pd.DataFrame:
    """Both equations, in the data's own units; errors of the draws."""
    k, names = len(rows.scale), [*asked.x, "r"]
    if k == 2:
        names = ["x", "r"]
    terms, values, drawn = [], [], []
    fits = (found.fit, found.drawn)
    slopes = [fit.equations() for fit in fits]
    for row in (k - 1, *range(k - 1)):
        for c in range(k):
            if row == k - 1 and c < k - 1:
                terms.append(f"r: {names[c]} 0")
                factor = rows.scale[-1] / rows.scale[c]
                values.append(factor * found.fit.b0[0, c])
                drawn.append(factor * found.drawn.b0[:, c])
            for lag in range(asked.lags):
                terms.append(f"{names[row]}: {names[c]} {lag + 1}")
                factor = rows.scale[row] / rows.scale[c]
                values.append(factor * slopes[0][0, row, lag, c])
                drawn.append(factor * slopes[1][:, row, lag, c])
    value, many = np.array(values), np.array(drawn).T
    error = spread_of(many) * math.sqrt(found.blocks / (found.blocks - 1))
    t = value / error
    p = 2 * scipy.stats.t.sf(np.abs(t), found.blocks - 1)
    low, high = interval(value, many, found.blocks, asked.level)
    return pd.DataFrame(dict(zip(TIDY, (terms, value, error, t, p, low, high), strict=True)))


def traps(rows: Rows, asked: Question, moments: np.ndarray, permanent: float) -> pd.DataFrame:
    """What regressions of r on trades alone, without what trades and quotes do next, give."""
    k, found = len(rows.scale), {}
    for lags in dict.fromkeys((0, min(3, asked.lags), asked.lags)):
        columns = [0, *(1 + k * lag + c for lag in range(lags + 1) for c in range(k - 1))]
        slopes = np.linalg.solve(moments[np.ix_(columns, columns)], moments[columns, k])[1:]
        total = slopes.reshape(lags + 1, k - 1).sum(axis=0) @ rows.shock * rows.scale[-1]
        beside = f" and {lags} lags of x" if lags > 1 else " and 1 lag of x" if lags else " alone"
        found[f"r on x{beside}"] = float(total)
    found[f"VAR, {asked.lags} lags"] = permanent
    return pd.Series(found, name="permanent").rename_axis("regression").to_frame()


def statsmodels_result(rows: Rows, asked: Question, found: Draws) -> VARResults | None:
    """The very same fit as statsmodels' result; its residuals and criteria are of the used rows."""
    keep = np.flatnonzero(rows.usable(asked.lags))
    if len(keep) > MOST_FITTED:
        return None
    y = rows.y * rows.scale
    past = [y[keep - lag] for lag in range(1, asked.lags + 1)]
    lagged = np.column_stack([np.ones(len(keep)), *past])
    fit, scale = found.fit, rows.scale
    slopes = fit.lag_matrices[0] * scale[None, :, None] / scale[None, None, :]
    params = np.vstack([fit.const[0] * scale, slopes.transpose(0, 2, 1).reshape(-1, len(scale))])
    # the rows before the first used one stand for a presample
    endog = np.vstack([y[keep[0] - asked.lags : keep[0]], y[keep]])
    sigma = fit.sigma[0] * scale[:, None] * scale
    names = [*(asked.x if len(scale) > 2 else ["x"]), "r"]
    model = VAR(pd.DataFrame(endog, columns=names))
    return VARResults(endog, lagged, params, sigma, asked.lags, model, trend="c", names=names)
