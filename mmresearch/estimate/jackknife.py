"""Least squares with whole days left out in turn: bias and errors where days are few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.result import TIDY


def jackknife_by_day(
    y: pd.Series, x: pd.DataFrame, days: pd.Series, *, level: float = 0.95
) -> pd.DataFrame:
    """The regression's table, corrected for bias and with errors by the jackknife over days.

    Where a regressor holds past values of y (inventory holds past sides) least squares is biased by
    an amount of order one over the number of days, whatever the dependence inside a day, and errors
    clustered by day are too small. With b_d the estimate without day d and G days the estimate is
    G b - (G - 1) mean(b_d), its variance (G - 1)/G sum (b_d - mean)², t with G - 1 degrees.
    """
    values, target = x.to_numpy("float64"), y.to_numpy("float64")
    groups = pd.factorize(days.to_numpy())[0]
    count = int(groups.max()) + 1
    cross = np.zeros((count, values.shape[1], values.shape[1]))
    moment = np.zeros((count, values.shape[1]))
    np.add.at(cross, groups, values[:, :, None] * values[:, None, :])
    np.add.at(moment, groups, values * target[:, None])
    whole = np.linalg.solve(cross.sum(0), moment.sum(0))
    left = np.linalg.solve(cross.sum(0) - cross, (moment.sum(0) - moment)[:, :, None])[:, :, 0]
    estimate = count * whole - (count - 1) * left.mean(0)
    error = np.sqrt((count - 1) / count * ((left - left.mean(0)) ** 2).sum(0))
    t = np.divide(estimate, error, out=np.full(len(error), np.nan), where=error > 0)
    reach = scipy.stats.t.ppf((1 + level) / 2, count - 1) * error
    p = 2 * scipy.stats.t.sf(np.abs(t), count - 1)
    columns = [list(x.columns), estimate, error, t, p, estimate - reach, estimate + reach]
    return pd.DataFrame(dict(zip(TIDY, columns, strict=True)))
