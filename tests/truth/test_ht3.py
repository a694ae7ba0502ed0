"""HT3: an inventory that opens flat every day, joined over nights and taken by the day.

60 days of 78 bars, Gaussian steps, 40 markets a case, seed 1. Half-lives of the naive ways are
those of models G within 10 %, several times their standard error over 40 markets.
"""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.signal import lfilter

from mmresearch.estimate.autoregression import Design, least_squares
from mmresearch.estimate.inversion import simulator
from mmresearch.estimate.reversion import inventory_reversion
from mmresearch.estimate.unit_roots import unit_root_tests

DAYS, BARS, MARKETS = 60, 78, 40


def market(rho: float, seed: int) -> np.ndarray:
    """Levels [days, bars + 1], each day from 0."""
    news = np.random.default_rng(seed).standard_normal((DAYS, BARS))
    return np.column_stack([np.zeros(DAYS), lfilter([1], [1, -rho], news)])


def joined(levels: np.ndarray) -> tuple[float, float]:
    """OLS with a constant on the closing levels of all bars in a row: rho and t of rho = 1."""
    row = levels[:, 1:].ravel()
    fit = sm.OLS(row[1:], sm.add_constant(row[:-1])).fit()
    return fit.params[1], (fit.params[1] - 1) / fit.bse[1]


def within_days(levels: np.ndarray) -> float:
    x, y = levels[:, :-1], levels[:, 1:]
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    return float((x * y).sum() / (x**2).sum())


def no_mean(levels: np.ndarray) -> float:
    x, y = levels[:, :-1], levels[:, 1:]
    return float((x * y).sum() / (x**2).sum())


def life(rho: np.ndarray) -> float:
    return float(np.log(0.5) / np.log(np.mean(rho)))


def design(levels: np.ndarray) -> Design:
    rows = np.arange(DAYS * BARS)
    edges = np.arange(0, DAYS * BARS + 1, BARS)
    return Design(
        x=levels[:, :-1].ravel(),
        y=levels[:, 1:].ravel(),
        changes=np.empty((len(rows), 0)),
        bounds=np.array([0, len(rows)]),
        chains=edges,
        jump=np.zeros(len(rows)),
        fresh=rows % BARS == 0,
        bar=rows,
        series=0 * rows,
        means=False,
    )


def test_naive_ways_find_a_half_life_in_a_random_walk():
    markets = [market(1.0, seed) for seed in range(MARKETS)]
    found = [joined(levels) for levels in markets]
    assert life([rho for rho, _ in found]) == pytest.approx(26.8, rel=0.1)
    # below the 5 % point of Dickey and Fuller in every market
    assert max(t for _, t in found) < -2.86
    assert life([within_days(levels) for levels in markets]) == pytest.approx(17.5, rel=0.1)


def test_pairs_inside_days_are_right_about_a_random_walk(panel_of):
    right = [least_squares(design(market(1.0, seed))).rho for seed in range(MARKETS)]
    assert abs(np.mean(right) - 1) < 0.002
    np.testing.assert_allclose(right, [no_mean(market(1.0, seed)) for seed in range(MARKETS)])
    found = inventory_reversion(panel_of(list(market(1.0, 0))))
    assert found.tidy()["estimate"].item() == pytest.approx(right[0])
    assert "mean 0" in found.errors
    assert not found.quantities["half_life"].identified


def test_our_test_of_a_random_walk_keeps_its_size():
    # one-sided 5 % over 400 markets: standard error 1.1 %
    levels = market(1.0, 0)
    critical = np.quantile(
        simulator(design(levels), interval="bootstrap", draws=1999, seed=1)(1.0), 0.05
    )
    rejects = np.mean([no_mean(market(1.0, seed)) < critical for seed in range(1000, 1400)])
    assert 0.02 <= rejects <= 0.085


def test_a_slow_reversion_is_found_where_naive_ways_halve_it(panel_of):
    markets = [market(0.98, seed) for seed in range(MARKETS)]
    assert life([joined(levels)[0] for levels in markets]) == pytest.approx(18.1, rel=0.1)
    assert life([within_days(levels) for levels in markets]) == pytest.approx(11.3, rel=0.1)
    assert life([no_mean(levels) for levels in markets]) == pytest.approx(34.0, rel=0.06)
    lives = [
        inventory_reversion(panel_of(list(levels)), draws=399).quantities["half_life"]
        for levels in markets[:10]
    ]
    true = 60 * np.log(0.5) / np.log(0.98)
    assert np.median([q.value for q in lives]) == pytest.approx(true, rel=0.1)
    assert sum(q.low <= true <= q.high for q in lives) >= 8


def test_a_mean_a_day_is_corrected(panel_of):
    found = inventory_reversion(panel_of(list(market(0.98, 3))), intercept="segment")
    table = found.details["estimators"].set_index("estimator")["rho"]
    assert table["OLS"] == pytest.approx(0.94, abs=0.015)
    assert table["median-unbiased"] == pytest.approx(0.98, abs=0.012)
    assert "own_mean_a_segment" in found.flags


def test_unit_root_tests_do_not_join_days(panel_of):
    walk, slow = (unit_root_tests(panel_of(list(market(rho, 2)))) for rho in (1.0, 0.9))
    assert walk["test"].iloc[0] == "Dickey-Fuller, stretches pooled"
    assert walk["p"].iloc[0] > 0.05
    assert slow["p"].iloc[0] < 0.05
