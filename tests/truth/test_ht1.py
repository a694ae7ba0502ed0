"""HT1: the half-life of a short persistent inventory, naive and right.

AR(1), T = 100 pairs, Gaussian, stationary start, mean estimated; 20,000 paths a rho, seed 1. A
quantile of 20,000 draws is known to about 0.002 where the density is 5 or more; a share to 0.004.
Values are those of models A1.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from mmresearch.estimate.autoregression import (
    jackknife_rho,
    kendall_rho,
    least_squares,
    one_chain,
)
from mmresearch.estimate.inversion import simulator

PATHS, T = 20_000, 100
TRUE = np.log(0.5) / np.log(0.95)


def paths(rho: float, n: int, count: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    start = rng.standard_normal(count) / np.sqrt(1 - rho**2)
    news = rng.standard_normal((count, n))
    return np.column_stack([start, lfilter([1], [1, -rho], news, zi=rho * start[:, None])[0]])


def slopes(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """OLS rho and its textbook standard error, a path a row."""
    x, y = levels[:, :-1], levels[:, 1:]
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    rho = (x * y).sum(1) / (x**2).sum(1)
    residual = y - rho[:, None] * x
    return rho, np.sqrt((residual**2).sum(1) / (x.shape[1] - 2) / (x**2).sum(1))


@pytest.fixture(scope="module")
def ours():
    """2.5, 50 and 97.5 % quantiles of our simulated rho_hat on a grid of rho."""
    grid = np.concatenate([np.linspace(0.5, 0.9, 41)[:-1], np.linspace(0.9, 1.05, 76)])
    simulate = simulator(one_chain(paths(0.95, T, 1)[0]), interval="gaussian", draws=9999, seed=2)
    return grid, np.array([np.quantile(simulate(rho), [0.025, 0.5, 0.975]) for rho in grid]).T


@pytest.fixture(scope="module")
def sample():
    return slopes(paths(0.95, T, PATHS))


def test_the_shortcut_of_this_file_is_the_estimator():
    levels = paths(0.95, T, 3)
    rho, se = slopes(levels)
    fits = [least_squares(one_chain(row)) for row in levels]
    np.testing.assert_allclose(rho, [fit.rho for fit in fits], rtol=1e-10)
    np.testing.assert_allclose(se, [fit.se for fit in fits], rtol=1e-10)


def test_naive_half_life_is_wrong(sample):
    rho, se = sample
    life = np.log(0.5) / np.log(np.clip(rho, 1e-9, 1 - 1e-9))
    assert np.median(life) == pytest.approx(7.85, rel=0.03)
    assert np.median(life) < 0.65 * TRUE
    with np.errstate(over="ignore"):
        reach = 1.96 * np.log(2) * se / (rho * np.log(rho) ** 2)
    covered = (np.abs(life - TRUE) <= reach) & (rho > 0) & (rho < 1)
    assert covered.mean() == pytest.approx(0.58, abs=0.02)
    assert covered.mean() < 0.75


def test_median_unbiased_half_life_is_right(sample, ours):
    grid, (_, median, _) = ours
    unbiased = np.interp(sample[0], median, grid)
    assert np.median(unbiased) == pytest.approx(0.95, abs=0.002)
    life = np.log(0.5) / np.log(np.clip(unbiased, 1e-9, 1 - 1e-12))
    assert np.median(life) == pytest.approx(TRUE, rel=0.1)
    assert np.mean(life < TRUE) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("rho", [0.90, 0.95, 0.98, 0.99])
def test_inverted_interval_covers(ours, rho):
    grid, (low, _, high) = ours
    observed = slopes(paths(rho, T, PATHS))[0]
    covered = (np.interp(rho, grid, low) <= observed) & (observed <= np.interp(rho, grid, high))
    assert 0.935 <= covered.mean() <= 0.965


@pytest.mark.parametrize(
    ("rho", "expected"),
    [
        (0.80, (0.611, 0.772, 0.874)),
        (0.90, (0.725, 0.869, 0.944)),
        (0.95, (0.788, 0.916, 0.976)),
        (0.99, (0.828, 0.950, 1.000)),
        (1.00, (0.840, 0.957, 1.004)),
    ],
)
def test_quantiles_of_the_table(ours, rho, expected):
    grid, quantiles = ours
    found = [np.interp(rho, grid, row) for row in quantiles]
    # 9,999 draws and the table's 20,000: the lower tail's density is near 1, its error 0.003
    assert (np.abs(np.array(found) - expected) <= [0.009, 0.003, 0.003]).all()


@pytest.mark.parametrize(
    ("n", "rho", "ols", "kendall", "jackknife"),
    [
        (50, 0.90, 0.8195, 0.893, 0.900),
        (100, 0.80, 0.7644, 0.798, 0.800),
        (100, 0.95, 0.9061, 0.944, 0.952),
        (100, 0.99, 0.9405, 0.980, 0.989),
        (250, 0.98, 0.9621, 0.978, 0.982),
        (1000, 0.99, 0.9857, 0.990, 0.991),
    ],
)
def test_means_of_the_table(n, rho, ols, kendall, jackknife):
    count = 20_000 if n <= 100 else 8_000
    levels = paths(rho, n, count)
    found = slopes(levels)[0]
    halves = slopes(levels[:, : n // 2 + 1])[0] + slopes(levels[:, n // 2 :])[0]
    corrected = kendall_rho(found, n, 1)
    # four standard errors of our mean and the table's, and the table's rounding
    reach = 6 * found.std() / np.sqrt(count) + 0.0005
    assert found.mean() == pytest.approx(ols, abs=reach)
    assert corrected.mean() == pytest.approx(kendall, abs=reach)
    assert (2 * found - halves / 2).mean() == pytest.approx(jackknife, abs=1.6 * reach)
    assert jackknife_rho(one_chain(levels[0])) == pytest.approx(2 * found[0] - halves[0] / 2)
