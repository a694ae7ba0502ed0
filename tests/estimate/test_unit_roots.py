"""Unit-root tests: nulls in words, closed forms, the reading, and what cannot be run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from arch.unitroot import ADF, VarianceRatio
from scipy import stats
from scipy.signal import lfilter

from mmresearch.estimate.autoregression import one_chain
from mmresearch.estimate.pairs import inventory_pairs
from mmresearch.estimate.unit_roots import (
    COLUMNS,
    _joined,
    _pooled_ratio,
    _reading,
    _row,
    _variance_ratio,
    unit_root_tests,
)


def path(rho: float, n: int, seed: int) -> np.ndarray:
    return np.append(0, lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(n)))


def by_test(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("test")


def test_reversion_is_read(panel_of):
    levels = path(0.8, 500, 1)
    table = unit_root_tests(panel_of([levels], known=False))
    assert list(table.columns) == COLUMNS
    found = by_test(table)
    assert found.index.tolist() == [
        "ADF",
        "DF-GLS",
        "Phillips-Perron",
        "KPSS",
        "Zivot-Andrews",
        "variance ratio (2)",
        "variance ratio (5)",
        "variance ratio (20)",
        "together",
    ]
    assert found.loc["ADF", "statistic"] == pytest.approx(ADF(levels, trend="c").stat)
    assert found.loc["ADF", "verdict"] == "rejects a random walk"
    assert found.loc["KPSS", "null"] == found.loc["ADF", "alternative"]
    assert "3 of 3 tests reject a random walk" in found.loc["together", "verdict"]


@pytest.mark.parametrize(
    ("walk", "mean", "start"),
    [
        (0.01, 0.3, "reverts: 1 of 1"),
        (0.01, 0.01, "mixed: 1 of 1"),
        (0.3, 0.3, "cannot tell: 0 of 1"),
        (0.3, 0.01, "no reversion seen, a slow one not excluded: 0 of 1"),
    ],
)
def test_tests_are_read_together(walk, mean, start):
    one, other = "a random walk", "stationarity about a constant"
    rows = [_row("ADF", one, other, 99, p=walk), _row("KPSS", other, one, 99, p=mean)]
    assert _reading(rows)["verdict"].startswith(start)


def test_long_series_skip_the_slow_test(panel_of):
    found = by_test(unit_root_tests(panel_of([path(0.9, 5500, 8)], known=False)))
    assert "more than 5,000" in found.loc["Zivot-Andrews", "verdict"]
    assert found.loc["ADF", "p"] < 0.01


def test_random_walk_is_not_accepted(panel_of):
    found = by_test(unit_root_tests(panel_of([path(1.0, 500, 2)], known=False)))
    assert found.loc["ADF", "verdict"] == "does not reject a random walk"
    reading = found.loc["together", "verdict"]
    assert "0 of 3" in reading
    assert "not excluded" in reading or "cannot tell" in reading
    assert "is a random walk" not in reading


def test_variance_ratio_closed_form():
    # (1 - rho^k) / (k (1 - rho)) for a stationary AR(1)
    levels = path(0.9, 20_000, 3)[1000:]
    for k, truth in ((2, 0.95), (5, 0.8190), (20, 0.4392)):
        assert (1 - 0.9**k) / (k * 0.1) == pytest.approx(truth, abs=5e-5)
        assert _variance_ratio(levels, k)["statistic"] == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize("k", [2, 5, 20])
def test_pooled_variance_ratio_of_one_stretch_is_that_of_arch(k):
    levels = path(0.9, 4000, 4)
    ours = _pooled_ratio(one_chain(levels), k)
    other = VarianceRatio(levels, lags=k, trend="c", robust=True, overlap=True, debiased=False)
    # sums that differ at the ends of the sample only
    assert ours["statistic"] == pytest.approx(other.vr, abs=0.01)
    assert ours["p"] == pytest.approx(other.pvalue, abs=0.02)


def test_pooled_variance_ratio_leaves_nights_out(panel_of):
    days = [path(0.9, 78, seed) for seed in range(100)]
    found = by_test(unit_root_tests(panel_of(days)))
    truth = 1 - 0.1 / 2  # k = 2; from a flat opening the first changes are less correlated
    assert found.loc["variance ratio (2)", "statistic"] == pytest.approx(truth, abs=0.03)
    walk = by_test(unit_root_tests(panel_of([path(1.0, 78, seed) for seed in range(100)])))
    assert walk.loc["variance ratio (20)", "statistic"] == pytest.approx(1, abs=0.15)
    assert walk.loc["variance ratio (20)", "p"] > 0.01


def test_stretches_are_joined_by_fisher(panel_of):
    days = [path(0.9, 78, seed) for seed in range(5)]
    row = by_test(unit_root_tests(panel_of(days))).loc["ADF, 5 stretches joined"]
    # flat openings: no mean is removed
    p = [ADF(day, trend="n", method="bic").pvalue for day in days]
    statistic, other = stats.combine_pvalues(p, method="fisher")
    assert row["statistic"] == pytest.approx(statistic)
    assert row["p"] == pytest.approx(other)
    assert row["n"] == 5 * 79
    assert row["alternative"] == "stationarity about a constant in some stretches"


def test_short_or_single_stretches_are_not_joined(panel_of):
    short = unit_root_tests(panel_of([path(0.9, 20, seed) for seed in range(5)]))
    assert not short["test"].str.contains("joined").any()


def test_joined_walks_are_rejected_at_the_size(panel_of):
    # 60 samples of four days: more than eight rejections at 0.05 have chance 0.004
    count = 0
    for sample in range(60):
        days = [path(1.0, 60, 100 * sample + day) for day in range(4)]
        count += _joined(inventory_pairs(panel_of(days)).design)[0]["p"] <= 0.05
    assert count <= 8


def test_each_series_has_its_own_rows(panel_of):
    panel = pd.concat(
        [panel_of([path(0.8, 300, 5)], account=name, known=False) for name in ("A", "B")]
    )
    table = unit_root_tests(panel)
    assert table.groupby("account", sort=False)["test"].count().to_dict() == {"A": 9, "B": 9}


@pytest.mark.parametrize("levels", [np.full(100, 2.0), path(0.5, 12, 6), np.full(50, np.nan)])
def test_too_little_is_said(panel_of, levels):
    found = by_test(unit_root_tests(panel_of([levels], known=False)))
    assert "30 are needed" in found.loc["any", "verdict"]
    assert found["p"].isna().all()
    assert found.loc["together", "verdict"] == "no test could be run"


def test_missing_columns_are_named(panel_of):
    with pytest.raises(ValueError, match="lacks the columns gap"):
        unit_root_tests(panel_of([path(0.5, 50, 7)]).drop(columns="gap"))
