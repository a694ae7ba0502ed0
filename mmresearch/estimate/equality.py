"""Whether slopes of several groups are one: the F test on the rows' influence on each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

from mmresearch.estimate.sandwich import Rule, sum_covariance


def equal_slopes(
    slopes: np.ndarray, influence: Sequence[np.ndarray], days: pd.Series, rule: Rule
) -> pd.DataFrame:
    """F of "all slopes are the same", its degrees of freedom and p; missing with fewer than two.

    `influence` has an array (n,) a slope: what each row adds to its error. Slopes of one day may
    depend on each other, as the rule says. F of more slopes than there are days has no p.
    """
    many = len(slopes)
    if many < 2:
        return wald(slopes, np.eye(max(many, 1)), rule.df)
    covariance = sum_covariance(np.column_stack(influence), days, rule)
    return wald(slopes, covariance, rule.df)


def wald(slopes: np.ndarray, covariance: np.ndarray, df: float) -> pd.DataFrame:
    """The same of slopes whose joint covariance is known."""
    many = len(slopes)
    line = {"groups": many, "F": np.nan, "df": many - 1, "df_errors": df, "p": np.nan}
    if many >= 2 and df - many + 2 > 0:
        turn = np.eye(many)[1:] - np.eye(many)[:-1]
        away, spread = turn @ slopes, turn @ covariance @ turn.T
        if np.linalg.matrix_rank(spread) == many - 1:
            # Hotelling's: the covariance of as many slopes from few days is itself estimated
            f = away @ np.linalg.solve(spread, away) / (many - 1) * (df - many + 2) / df
            left = df - many + 2
            line |= {"F": f, "df_errors": left, "p": scipy.stats.f.sf(f, many - 1, left)}
    return pd.DataFrame([line])
