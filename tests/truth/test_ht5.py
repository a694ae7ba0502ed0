"""HT5, first half: uneven gaps taken for equal ones, naive and right (second: test_event_clock).

kappa 0.5, exponential gaps of mean 1, 100 paths of 1,000 gaps, seed 1. The naive limit has the
closed form ln(1 + kappa m) / m = 0.4055 (models A2), a half-life of 1.71 in place of 1.386.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.estimate.autoregression import least_squares, one_chain
from mmresearch.estimate.exact_gaps import maximum_likelihood

KAPPA, PATHS, GAPS = 0.5, 100, 1000


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray]:
    """Levels [paths, gaps + 1] and gaps [paths, gaps]."""
    rng = np.random.default_rng(1)
    gaps = rng.exponential(1, (PATHS, GAPS))
    levels = np.empty((PATHS, GAPS + 1))
    levels[:, 0] = rng.standard_normal(PATHS)
    for i in range(GAPS):
        stays = np.exp(-KAPPA * gaps[:, i])
        news = np.sqrt(1 - stays**2) * rng.standard_normal(PATHS)  # sigma^2 / (2 kappa) = 1
        levels[:, i + 1] = stays * levels[:, i] + news
    return levels, gaps


def test_naive_speed_has_its_closed_form_and_is_wrong(sample):
    naive = np.array([-np.log(least_squares(one_chain(path)).rho) for path in sample[0]])
    error = naive.std() / np.sqrt(PATHS)
    assert naive.mean() == pytest.approx(np.log(1 + KAPPA), abs=4 * error + 0.004)
    assert np.log(2) / naive.mean() == pytest.approx(1.71, rel=0.03)
    assert abs(naive.mean() - KAPPA) > 10 * error


def test_likelihood_of_the_gaps_is_right(sample):
    fits = [maximum_likelihood(one_chain(x), d) for x, d in zip(*sample, strict=True)]
    kappa = np.array([fit.kappa for fit in fits])
    # the bias with an unknown mean is about 4 over the span (models A1)
    error = kappa.std() / np.sqrt(PATHS)
    assert kappa.mean() == pytest.approx(KAPPA + 4 / GAPS, abs=4 * error)
    assert np.mean([fit.sigma for fit in fits]) == pytest.approx(1, abs=0.01)


def test_interval_of_the_public_function_holds_the_truth(sample):
    held = []
    for levels, gaps in zip(*(part[:20] for part in sample), strict=True):
        time = pd.Timestamp("2024-01-01", tz="UTC")
        time = time + pd.to_timedelta(np.append(0, np.cumsum(gaps)), unit="s")
        table = pd.DataFrame({"time": time, "account": "A", "symbol": "X", "position": levels})
        life = mm.ornstein_uhlenbeck(table, draws=199).quantities["half_life"]
        held.append(life.low <= np.log(2) / KAPPA <= life.high)
    # at 95 % fewer than 16 of 20 has probability .003
    assert sum(held) >= 16
