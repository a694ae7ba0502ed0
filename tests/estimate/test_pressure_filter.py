"""The filter of price pressure against statsmodels' own models, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.statespace.structural import UnobservedComponents

from mmresearch.estimate.pressure_filter import (
    PressureModel,
    maximum_likelihood,
    row_loglike,
    whitened,
)

NAMES = ["drift", "alpha", "kappa", "sd_public", "sd_noise"]


def series(n: int, seed: int = 0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Returns and (1, change, surprise) of one stretch; and its price, inventory, news."""
    rng = np.random.default_rng(seed)
    surprise = rng.normal(size=n)
    held = np.zeros(n + 1)
    for t in range(n):
        held[t + 1] = 0.7 * held[t] + surprise[t]
    e = noise * rng.normal(size=n + 1)
    u = rng.normal(size=n)
    y = 0.1 - 0.5 * np.diff(held) - 0.3 * surprise + u + np.diff(e)
    return y, np.column_stack([np.ones(n), np.diff(held), surprise])


def local_level(y: np.ndarray, x: np.ndarray, b: np.ndarray, variances: list[float]) -> float:
    """The same law in prices: a local level beside which alpha I, kappa and drift are summed.

    The first price, all diffuse, enters with -log(2 pi) / 2 for a variance of 1, a constant.
    """
    prices = np.r_[0.0, np.cumsum(y)]
    explained = np.vstack([np.zeros(x.shape[1]), np.cumsum(x, axis=0)]) @ b
    model = UnobservedComponents(prices - explained, "local level", use_exact_diffuse=True)
    return model.loglike(variances) + np.log(2 * np.pi) / 2


def test_likelihood_is_that_of_the_local_level_with_exact_diffuse_start():
    y, x = series(60)
    b = np.array([0.2, -0.4, -0.1])
    theirs = local_level(y, x, b, [1.3, 0.8])  # irregular (noise), level (public)
    begins = np.arange(60) == 0
    ours = row_loglike(y - x @ b, begins, 0.8, 1.3).sum()
    assert ours == pytest.approx(theirs, rel=1e-10)
    model = PressureModel(y, x[:, 1], x[:, [0, 2]], begins, NAMES)
    assert model.loglike([0.2, -0.4, -0.1, 0.8, 1.3]) == pytest.approx(theirs, rel=1e-10)


def test_stretches_are_series_of_their_own():
    parts = [series(n, seed=n) for n in (40, 7, 1, 25)]
    y, x = np.concatenate([p[0] for p in parts]), np.vstack([p[1] for p in parts])
    begins = np.isin(np.arange(73), [0, 40, 47, 48])
    b = np.array([0.0, -0.5, -0.3])
    theirs = sum(local_level(*part, b, [0.6, 1.1]) for part in parts)
    assert row_loglike(y - x @ b, begins, 1.1, 0.6).sum() == pytest.approx(theirs, rel=1e-10)
    model = PressureModel(y, x[:, 1], x[:, [0, 2]], begins, NAMES)
    assert model.loglike([0.0, -0.5, -0.3, 1.1, 0.6]) == pytest.approx(theirs, rel=1e-10)


def test_maximum_is_that_of_statsmodels_search():
    y, x = series(400, seed=3)
    begins = np.arange(400) == 0
    found = maximum_likelihood(y, x, begins)
    model = PressureModel(y, x[:, 1], x[:, [0, 2]], begins, NAMES)
    start = np.r_[found.b * 0.9, found.public * 1.2, found.noise * 0.8]
    theirs = model.fit(start, disp=0, maxiter=500, cov_type="none")
    assert theirs.llf <= found.loglike + 1e-8
    assert theirs.llf == pytest.approx(found.loglike, abs=1e-4)
    ours = np.r_[found.b, found.public, found.noise]
    np.testing.assert_allclose(theirs.params, ours, atol=5e-3)
    # as the model sees the maximum it is one
    assert model.loglike(ours) == pytest.approx(found.loglike, rel=1e-10)


def test_without_noise_it_is_least_squares():
    y, x = series(300, noise=0.0)
    white = whitened(np.column_stack([y, x]), np.arange(300) == 0, 0.0)
    np.testing.assert_array_equal(white, np.column_stack([y, x]))


def test_two_rows_by_hand():
    # u + e1 - e0 has variance 1 + 2q = 3; given it, e1 is expected at 1/3 of it, variance 1 - 1/3
    white = whitened(np.array([[3.0], [2.0]]), np.array([True, False]), 1.0)
    assert white[0, 0] == pytest.approx(3 / np.sqrt(3))
    assert white[1, 0] == pytest.approx((2 + 1) / np.sqrt(2 / 3 + 2))


def test_no_noise_and_nothing_but_noise_are_said():
    rng = np.random.default_rng(1)
    one = np.ones((500, 1))
    begins = np.arange(500) == 0
    drawn = rng.normal(size=501)
    trending = drawn[1:] + 0.5 * drawn[:-1]  # continues: noise would make it reverse
    assert maximum_likelihood(trending, one, begins).boundary == "noise"
    over = np.diff(rng.normal(size=501))
    assert maximum_likelihood(over, one, begins).boundary == "random walk"
    assert maximum_likelihood(series(500)[0], one, begins).boundary == ""
