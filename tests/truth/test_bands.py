"""A11: a random walk inside +-5, brought back outside; and linear paths, which have no threshold.

The sheet, n = 5000: c 5.05 (sd .27), rho_out - 1 = -.212 (sd .030). A size of 0.05 is known with
400 paths to 0.011 (one standard error), with 2,000 to 0.0049.
"""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from mmresearch.estimate.autoregression import one_chain
from mmresearch.estimate.bands import centred, fit_band, fit_smooth_band
from mmresearch.estimate.threshold_kernels import best_threshold
from tests.truth.bands import band_path
from tests.truth.shifting import daily_panel


def test_threshold_and_speeds_come_back():
    found = []
    for seed in range(60):
        path = band_path(np.random.default_rng(seed), 5000)
        found.append(best_threshold(path[:-1], np.diff(path), 0.15, 0.85, 200, True)[:3])
    c, b_in, b_out = np.mean(found, axis=0)
    spread = np.std(found, axis=0)
    assert abs(c - 5) < 0.15  # three standard errors of the mean of 60
    assert abs(b_in) < 0.003
    assert abs(b_out + 0.2) < 0.02
    assert spread[0] == pytest.approx(0.27, rel=0.35)
    assert spread[2] == pytest.approx(0.030, rel=0.35)


def rejections(rho: float, n: int, paths: int, form: str) -> float:
    count = 0
    for seed in range(paths):
        path = band_path(np.random.default_rng(seed), n, b_in=rho - 1, b_out=rho - 1)
        levels = centred(one_chain(path), None)
        count += fit_band(levels, form=form, quantiles=(0.15, 0.95), draws=99, seed=seed).p <= 0.05
    return count / paths


@pytest.mark.parametrize("form", ["band", "jump"])
def test_linear_paths_are_rejected_at_the_size_quickly(form):
    # 0.05 within three standard errors of 200 paths
    assert rejections(0.9, 150, 200, form) <= 0.05 + 3 * 0.0154


@pytest.mark.slow
@pytest.mark.parametrize(("rho", "n"), [(0.5, 200), (0.9, 200), (0.9, 1000), (0.98, 200)])
@pytest.mark.parametrize("form", ["band", "jump"])
def test_size_of_sup_f(form, rho, n):
    # the design target, and two standard errors of 2,000 paths about it
    assert 0.035 - 0.0098 <= rejections(rho, n, 2000, form) <= 0.065 + 0.0098


def test_chi_square_would_reject_far_too_often():
    """Why the p-value is simulated: sup F of linear paths against chi-square of one degree."""
    naive = 0
    for seed in range(200):
        path = band_path(np.random.default_rng(seed), 500, b_in=-0.1, b_out=-0.1)
        x, change = path[:-1] - path[:-1].mean(), np.diff(path)
        ssr, linear = best_threshold(x, change, 0.15, 0.85, 200, False)[3:]
        naive += 500 * (linear - ssr) / ssr > 3.841
    assert naive / 200 > 0.3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "form"),
    [({"c": 5.0, "b_out": -0.2}, "band"), ({"c": 3.0, "b_out": -0.1, "jump": True}, "jump")],
)
def test_intervals_cover(law, form):
    """Threshold and speeds outside, 300 paths of 1,000: 0.95 is known to 0.0126."""
    covered = []
    for seed in range(300):
        path = band_path(np.random.default_rng(seed), 1000, **law)
        levels = centred(one_chain(path), 0.0)
        found = fit_band(levels, form=form, quantiles=(0.15, 0.95), draws=199, seed=seed)
        if found.p <= 0.05 and not found.at_end:
            low, high = np.quantile(found.drawn[:, 1], [0.025, 0.975])
            covered.append([found.low <= law["c"] <= found.high, low <= law["b_out"] <= high])
    assert len(covered) > 200
    c, b_out = np.mean(covered, axis=0)
    assert 0.90 <= c <= 1
    assert 0.89 <= b_out <= 0.99


def test_critical_value_of_the_cubic_test():
    """Kapetanios, Shin and Snell (2003), table 1: -2.22 without a mean, -2.93 with, at 5 %.

    The quantile of 4,999 walks of 500 steps is known to about 0.04.
    """
    walk = np.random.default_rng(1).standard_normal(501).cumsum()
    for target, critical in ((0.0, -2.22), (None, -2.93)):
        levels = centred(one_chain(walk), target)
        found = fit_smooth_band(levels, draws=4999, seed=2)
        assert found.critical == pytest.approx(critical, abs=0.12)


def test_the_public_answer_holds_the_truth():
    path = band_path(np.random.default_rng(4), 5000, c=4.0, b_out=-0.3)
    found = mm.threshold_reversion(daily_panel(path), draws=199)
    outside = found.quantities["half_life_outside"]
    assert outside.identified
    assert outside.low < np.log(0.5) / np.log(0.7) < outside.high
    assert found.quantities["threshold"].low < 4 < found.quantities["threshold"].high
    assert not found.quantities["half_life_inside"].identified
    assert "random walk" in found.quantities["half_life_inside"].reason
