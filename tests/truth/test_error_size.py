"""Size and coverage of the errors where days share shocks: naive rejects far too often, ours 5 %.

Regressor and error have a part common to the day, each of half their variance. By simulation with
fixed seeds; under a true size of 5 % the share of rejections in R replications has the standard
error sqrt(.05 * .95 / R).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from mmresearch.estimate.errors import regress
from mmresearch.estimate.wild import cluster_weights, p_value, wild_test

SLOPE = 0.5


def economy(days: int, bars: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    day = np.repeat(np.arange(days), bars)
    x = rng.normal(size=days)[day] + rng.normal(size=days * bars)
    noise = rng.normal(size=days)[day] + rng.normal(size=days * bars)
    return SLOPE * x + noise, np.column_stack([np.ones(len(x)), x])


@pytest.mark.parametrize(("days", "seed"), [(8, 1), (15, 2), (25, 3)])
def test_size_of_the_wild_bootstrap(days, seed):
    # R = 1,000: .05 +- .02 is 2.9 standard errors
    rng, bars, replications = np.random.default_rng(seed), 12, 1000
    groups = np.repeat(np.arange(days), bars)
    naive = wild = 0
    for i in range(replications):
        y, x = economy(days, bars, rng)
        weights = cluster_weights(days, draws=199, seed=i)
        test = wild_test(y, x[:, 1], x, 1, groups, weights)
        wild += p_value(test, SLOPE) <= 0.05
        bread = np.linalg.inv(x.T @ x)
        slope, u = (bread @ x.T @ y), y - x @ (bread @ x.T @ y)
        error = np.sqrt((u @ u) / (len(y) - 2) * bread[1, 1])
        naive += abs(slope[1] - SLOPE) > 1.96 * error
    assert naive / replications > 0.15
    assert 0.03 <= wild / replications <= 0.07


def test_coverage_of_the_interval_that_auto_gives():
    # R = 300 through the public function: .95 +- .038 is 3 standard errors
    rng, replications, covered, naive = np.random.default_rng(4), 300, 0, 0
    days = pd.Series(np.repeat(np.arange(15), 12))
    for i in range(replications):
        y, x = economy(15, 12, rng)
        frame = pd.DataFrame(x, columns=["const", "x"])
        low, high = regress(pd.Series(y), frame, days, draws=199, seed=i).table.loc[
            1, ["low", "high"]
        ]
        covered += low <= SLOPE <= high
        low, high = sm.OLS(y, x).fit().conf_int()[1]
        naive += low <= SLOPE <= high
    assert naive / replications < 0.85
    assert 0.912 <= covered / replications <= 0.988


def test_size_of_clusters_from_forty_days():
    # R = 600 at 45 days, by the rule "auto": .05 +- .027 is 3 standard errors
    rng, replications, wrong = np.random.default_rng(5), 600, 0
    days = pd.Series(np.repeat(np.arange(45), 6))
    for _ in range(replications):
        y, x = economy(45, 6, rng)
        table = regress(pd.Series(y), pd.DataFrame(x, columns=["const", "x"]), days).table
        wrong += not table.loc[1, "low"] <= SLOPE <= table.loc[1, "high"]
    assert 0.023 <= wrong / replications <= 0.077
