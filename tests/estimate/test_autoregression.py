"""Estimates of rho by hand, against statsmodels, and against the long way round."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.linalg import solve_discrete_lyapunov
from scipy.signal import lfilter

from mmresearch.estimate.autoregression import (
    Design,
    half_life_bars,
    impulse_response,
    jackknife_rho,
    kendall_rho,
    lagged,
    least_squares,
    one_chain,
    restricted,
    serial_correlation,
    unit_root_critical,
)
from mmresearch.estimate.inversion import invert, simulator


def walk(n: int, seed: int, rho: float = 1.0) -> np.ndarray:
    return np.append(0, lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(n)))


def test_slope_by_hand():
    # levels 0 2 1 3: x = 0 2 1, y = 2 1 3; less means 1 and 2: x = -1 1 0, y = 0 -1 1: -1/2
    assert least_squares(one_chain([0, 2, 1, 3])).rho == pytest.approx(-0.5)
    # mean known to be 0: (0*2 + 2*1 + 1*3) / (0 + 4 + 1) = 1
    assert least_squares(one_chain([0, 2, 1, 3], means=False)).rho == pytest.approx(1.0)


@pytest.mark.parametrize("lags", [1, 3])
def test_slope_of_statsmodels(lags):
    levels = walk(200, 1, 0.9) + 5
    fit = least_squares(one_chain(levels, lags=lags))
    change = np.diff(levels)
    past = [np.concatenate([np.zeros(j), change[:-j]]) for j in range(1, lags)]
    x = sm.add_constant(np.column_stack([levels[:-1], *past]))
    other = sm.OLS(levels[1:], x).fit()
    assert fit.rho == pytest.approx(other.params[1], rel=1e-10)
    assert fit.se == pytest.approx(other.bse[1], rel=1e-10)
    np.testing.assert_allclose(fit.momentum, other.params[2:], rtol=1e-9)
    np.testing.assert_allclose(fit.residual, other.resid, atol=1e-10)


def test_means_of_groups_are_dummies():
    levels = walk(60, 2, 0.8)
    design = one_chain(levels)._replace(bounds=np.array([0, 20, 45, 60]))
    dummies = np.repeat(np.eye(3), [20, 25, 15], axis=0)
    other = sm.OLS(levels[1:], np.column_stack([levels[:-1], dummies])).fit()
    assert least_squares(design).rho == pytest.approx(other.params[0], rel=1e-10)
    assert least_squares(design).se == pytest.approx(other.bse[0], rel=1e-10)


def test_restricted_residuals_at_the_estimate_are_the_residuals():
    design = one_chain(walk(100, 3, 0.9), lags=2)
    fit = least_squares(design)
    momentum, residual = restricted(design, fit.rho)
    np.testing.assert_allclose(momentum, fit.momentum, rtol=1e-9)
    np.testing.assert_allclose(residual, fit.residual, atol=1e-10)


def test_kendall_by_hand():
    # one mean: (100 * 0.9061 + 1) / 97, the table of models A1 has 0.944; mean known: 100/98
    assert kendall_rho(0.9061, 100, 1) == pytest.approx(91.61 / 97)
    assert kendall_rho(0.9, 100, 0) == pytest.approx(90 / 98)
    assert kendall_rho(0.9, 100, 5) == pytest.approx((90 + 5) / 93)
    assert np.isnan(kendall_rho(0.9, 3, 1))


def test_jackknife_by_hand():
    # x = 0 2 1 3 | 1 4 2 3, y = 2 1 3 1 | 4 2 3 5, halves with means of their own:
    # first: x - 1.5 = -1.5 .5 -.5 1.5, y - 1.75 = .25 -.75 1.25 -.75: xy = -2.5, xx = 5: -0.5
    # second: x - 2.5 = -1.5 1.5 -.5 .5, y - 3.5 = .5 -1.5 -.5 1.5: xy = -2, xx = 5: -0.4
    # whole: x - 2 = -2 0 -1 1 -1 2 0 1 times y: -4 - 3 + 1 - 4 + 4 + 5 = -1, xx = 12: -1/12
    levels = [0, 2, 1, 3, 1, 4, 2, 3, 5]
    assert least_squares(one_chain(levels)).rho == pytest.approx(-1 / 12)
    assert jackknife_rho(one_chain(levels)) == pytest.approx(2 * (-1 / 12) - (-0.5 - 0.4) / 2)


def test_jackknife_needs_four_rows_a_group():
    assert np.isnan(jackknife_rho(one_chain([0, 2, 1, 3])))


def test_half_life_by_hand():
    assert half_life_bars(0.5) == 1.0
    assert half_life_bars(0.25) == pytest.approx(0.5)
    assert half_life_bars(0.95) == pytest.approx(13.5134, abs=5e-5)
    assert half_life_bars(1.0) == half_life_bars(1.2) == np.inf
    assert half_life_bars(-0.3) == half_life_bars(0.0) == 0.0
    assert np.isnan(half_life_bars(np.nan))


def test_half_life_with_momentum_by_hand():
    # rho .5, g .5: the change is -.5 level + .5 last change; the shock itself is the first change
    # levels 1, 1 + (-.5 + .5) = 1, 1 + (-.5 + 0) = .5, .5 + (-.25 - .25) = 0
    np.testing.assert_allclose(impulse_response(0.5, np.array([0.5]))[:4], [1, 1, 0.5, 0])
    assert half_life_bars(0.5, np.array([0.5])) == pytest.approx(2.0)
    assert half_life_bars(0.9, np.zeros(2)) == pytest.approx(np.log(0.5) / np.log(0.9))


def test_half_life_counts_the_last_crossing():
    # swings: below one half, then above again; the half-life is where it stays below
    response = impulse_response(0.6, np.array([0.8]))
    last = np.flatnonzero(np.abs(response) > 0.5)[-1]
    assert last <= half_life_bars(0.6, np.array([0.8])) <= last + 1
    assert np.flatnonzero(np.abs(response) <= 0.5)[0] < last


def test_lags_stay_in_their_stretch():
    table = lagged(np.array([1.0, 2, 3, 4, 5]), np.array([0, 3, 5]), 2)
    np.testing.assert_array_equal(table[:, 0], [np.nan, 1, 2, np.nan, 4])
    np.testing.assert_array_equal(table[:, 1], [np.nan, np.nan, 1, np.nan, np.nan])


def test_correlated_residuals_are_seen():
    rng = np.random.default_rng(4)
    news = rng.standard_normal(2001)
    clean = lfilter([1], [1, -0.9], news)
    split = lfilter([1], [1, -0.9], news + 0.5 * np.roll(news, 1))
    assert serial_correlation(one_chain(split), 3) < 1e-6
    assert serial_correlation(one_chain(clean), 3) > 0.01


def _long_way(design: Design, rho: float, shock: np.ndarray) -> list[float]:
    """The simulation of one chain with a known mean, one draw at a time."""
    residual = design.y - rho * design.x
    slopes = []
    for signs in shock.T:
        level, x, y = design.x[0], [], []
        for error, sign, jump in zip(residual, signs, design.jump, strict=True):
            x.append(level + jump)
            y.append(rho * x[-1] + error * sign)
            level = y[-1]
        slopes.append(np.dot(x, y) / np.dot(x, x))
    return slopes


def test_simulated_slopes_the_long_way():
    design = one_chain(walk(30, 5, 0.7) + 2, means=False)
    design.jump[10], design.jump[20] = 1.5, -2.0
    found = simulator(design, interval="bootstrap", draws=7, seed=3)(0.8)
    rng = np.random.default_rng(3)
    rng.standard_normal((1, 7))  # the openings come first
    shock = 2 * rng.integers(0, 2, (30, 7), dtype=np.int8) - 1
    np.testing.assert_allclose(found, _long_way(design, 0.8, shock), rtol=1e-12)


def test_series_share_the_sign_of_a_bar():
    # the second series is the first's mirror: with shared signs it stays so, rho_hat
    # is that of one series in every draw; with signs of its own half the variance
    levels = walk(40, 6, 0.6)
    one = one_chain(levels, means=False)
    two = Design(
        x=np.append(one.x, -one.x),
        y=np.append(one.y, -one.y),
        changes=np.empty((80, 0)),
        bounds=np.array([0, 40, 80]),
        chains=np.array([0, 40, 80]),
        jump=np.zeros(80),
        fresh=np.arange(80) % 40 == 0,
        bar=np.tile(one.bar, 2),
        series=np.repeat([0, 1], 40),
        means=False,
    )
    drawn = simulator(two, interval="bootstrap", draws=50, seed=0)(0.6)
    rng = np.random.default_rng(0)
    rng.standard_normal((2, 50))
    shock = 2 * rng.integers(0, 2, (40, 50), dtype=np.int8) - 1
    np.testing.assert_allclose(drawn, _long_way(one, 0.6, shock), rtol=1e-10)
    # the mean of two independent slopes has half the variance; 1999 draws know it to 2 %
    spread = [
        simulator(design, interval="bootstrap", draws=1999, seed=1)(0.6).std()
        for design in (two, two._replace(bar=np.arange(80)))
    ]
    assert spread[0] / spread[1] == pytest.approx(np.sqrt(2), rel=0.1)


def test_openings_are_stationary_with_momentum_too():
    # Lyapunov for (level, last level): u = (rho + g) u1 - g u2 + e
    from mmresearch.estimate.inversion import _stationary_spread

    rho, g = 0.9, 0.4
    companion = np.array([[rho + g, -g], [1, 0]])
    law = solve_discrete_lyapunov(companion, np.diag([1.0, 0.0]))
    assert _stationary_spread(rho, np.array([g])) == pytest.approx(np.sqrt(law[0, 0]))
    assert _stationary_spread(rho, np.array([])) == pytest.approx(1 / np.sqrt(1 - 0.81))


def test_solutions_solve():
    design = one_chain(walk(100, 7, 0.8))
    found = invert(design, draws=999, seed=1)
    drawn = simulator(design, interval="bootstrap", draws=999, seed=1)
    for rho, rank in ((found.low, 975), (found.median, 500), (found.high, 25)):
        assert np.sort(drawn(rho))[rank - 1] == pytest.approx(found.rho, abs=2e-3)
    assert found.low < found.rho < found.high
    assert found.low < found.median < found.high


def test_monte_carlo_error_is_that_of_other_seeds():
    design = one_chain(walk(100, 8, 0.8))
    found = [invert(design, draws=399, seed=seed) for seed in range(60)]
    spread = np.std([[f.low, f.median, f.high] for f in found], axis=0)
    said = np.mean([f.errors for f in found], axis=0)
    # a standard deviation of 60 draws is known to 9 %; the said one is itself an estimate
    np.testing.assert_allclose(spread, said, rtol=0.4)


def test_same_seed_same_answer():
    design = one_chain(walk(80, 9, 0.9))
    assert invert(design, draws=199, seed=5) == invert(design, draws=199, seed=5)
    assert invert(design, draws=199, seed=5) != invert(design, draws=199, seed=6)


def test_explosive_inventory_has_no_upper_bound():
    found = invert(one_chain(1.2 ** np.arange(40) + walk(39, 10) / 10), draws=199)
    assert found.high == np.inf


def test_half_life_of_an_impulse_that_overshoots():
    # 1, then 0.1 - 0.3 = -0.2: halfway after (1 - 0.5) / (1 + 0.2) of a bar, on a straight line
    response = impulse_response(0.1, np.array([-0.3]))
    np.testing.assert_allclose(response[:2], [1, -0.2])
    assert np.abs(response[1:]).max() <= 0.5
    assert half_life_bars(0.1, np.array([-0.3])) == pytest.approx(0.5 / 1.2)


def test_one_random_walk_in_twenty_is_taken_for_reversion():
    # 20,000 walks of 250 bars, seed 11: a Monte Carlo error of 0.15 %; the critical value is of
    # many series pooled, and one series is promised 4 to 6 %
    levels = np.cumsum(np.random.default_rng(11).standard_normal((20_000, 251)), axis=1)
    x, y = levels[:, :-1], levels[:, 1:]
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    spread = (x * x).sum(axis=1)
    rho = (x * y).sum(axis=1) / spread
    se = np.sqrt(((y - rho[:, None] * x) ** 2).sum(axis=1) / 248 / spread)
    t = (kendall_rho(rho, 250, 1) - 1) / se
    assert 0.04 < (t < unit_root_critical(np.inf)).mean() < 0.06
    assert unit_root_critical(np.inf) == pytest.approx(-1.644854 * np.sqrt(51 / 30), rel=1e-6)
