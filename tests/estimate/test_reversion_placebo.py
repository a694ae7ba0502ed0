"""Coin flips make a walk of the same sizes, and only what reverts stands out among them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from mmresearch.estimate.autoregression import least_squares
from mmresearch.estimate.pairs import inventory_pairs
from mmresearch.estimate.reversion_placebo import flipped, reversion_placebo, walk
from tests.panels import panel_of


def test_a_walk_by_hand():
    # day 1 opens at 2, day 2 where day 1 closed and 1 more (overnight flow)
    days = [np.array([2.0, 5, 4]), np.array([5.0, 5, 9, 8])]
    design = inventory_pairs(panel_of(days), intercept="pooled").design
    made = walk(design, np.array([-1.0, 1, 1, -1, -1]))
    # changes -3, -1 | 0, -4, +1
    assert made.x.tolist() == [2, -1, -1, -1, -5]
    assert made.y.tolist() == [-1, -2, -1, -5, -4]


def test_days_that_open_flat_open_flat():
    days = [np.array([0.0, 5, 4]), np.array([0.0, 5, 9, 8])]
    design = inventory_pairs(panel_of(days)).design
    made = walk(design, np.array([-1.0, 1, -1, 1, 1]))
    assert made.x.tolist() == [0, -5, 0, -5, -1]
    assert made.y.tolist() == [-5, -6, -5, -1, -2]


def test_kept_signs_change_nothing():
    rng = np.random.default_rng(3)
    levels = rng.normal(size=(4, 21)).cumsum(axis=1)
    levels[1:, 0] = levels[:-1, -1]
    design = inventory_pairs(panel_of(list(levels)), intercept="pooled", lags=3).design
    same = walk(design, np.ones(len(design.x)))
    for ours, theirs in zip(same[:3], design[:3], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_series_flip_together():
    rng = np.random.default_rng(4)
    level = rng.normal(size=41).cumsum()
    both = pd.concat([panel_of([level], account="A"), panel_of([level], account="B")])
    placebo = reversion_placebo(both, flips=19, draws=39).details["placebo"]
    alone = reversion_placebo(panel_of([level]), flips=19, draws=39).details["placebo"]
    np.testing.assert_allclose(placebo["rho"], alone["rho"], atol=1e-10)


def test_what_reverts_stands_out():
    # half-life of 6.6 bars over 500: no walk comes near
    level = lfilter([1], [1, -0.9], np.random.default_rng(5).normal(size=501))
    found = reversion_placebo(panel_of([level], known=False))
    assert found.quantities["placebo_p"].value == 1 / 40
    assert found.quantities["printed"].value > 0.8  # what plain least squares makes of the walks
    # 39 walks, each identified with probability .025: four or more with probability .02
    assert found.quantities["identified"].value <= 3 / 39


@pytest.mark.slow
def test_a_walk_does_not_stand_out():
    # p is uniform under the null: at 5 % over 400 walks the standard error is 1.1 %
    rng, p, printed = np.random.default_rng(6), [], []
    for _ in range(400):
        panel = panel_of([np.append(0, rng.normal(size=100).cumsum())], known=False)
        design = inventory_pairs(panel).design
        real = least_squares(design).rho
        rho = np.array([least_squares(flipped(design, rng)).rho for _ in range(19)])
        p.append((1 + (rho <= real).sum()) / 20)
        printed.append(np.mean((rho > 0) & (rho < 1)))
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.033)
    # least squares prints a half-life for 96 % of walks of 100 steps
    assert np.mean(printed) == pytest.approx(0.96, abs=0.01)


@pytest.mark.bad_input("a constant inventory")
def test_a_constant_inventory_is_refused():
    panel = panel_of([np.full(50, 3.0)])
    p = reversion_placebo(panel).quantities["placebo_p"]
    assert not p.identified
    assert "in no bar did a known inventory move" in p.reason


@pytest.mark.bad_input("too few shuffles")
def test_too_few_flips():
    with pytest.raises(ValueError, match="19 or more"):
        reversion_placebo(panel_of([np.arange(50.0)]), flips=5)
