"""The quick quantities of the coverage study are the public ones."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from tests.truth.coverage_forecast import quick
from tests.truth.har_days import CONST, DAY, MONTH, WEEK, ahead, har_days


@pytest.mark.parametrize("asked", [{}, {"scheme": "rolling", "horizons": [5]}])
def test_the_quick_quantities_are_the_public_ones(asked):
    table = har_days(np.random.default_rng(3), days=400, gain=0.1)
    asked = {"models": ["har"], "predictors": ["withdrawal"], "draws": 0} | asked
    public = mm.open_holdout(mm.volatility_forecast(table, **asked), table).quantities
    mine, parts = quick(table, **asked)
    assert set(mine) <= set(public)
    for name, quantity in mine.items():
        assert quantity == public[name]
    assert [len(part.models) for part in parts] == [3, 3]


def test_what_a_place_expected_by_hand():
    """Without news the next row is what was expected; with them, mu and mu² exp(noise²)."""
    table = har_days(np.random.default_rng(4), days=60, gain=0.1, noise=0.0)
    places, rng = np.arange(30, 50), np.random.default_rng(5)
    mean, square = ahead(table, places, 1, rng, gain=0.1, noise=0.0)
    np.testing.assert_allclose(mean, table["rv"].iloc[31:51])
    np.testing.assert_allclose(square, mean**2)
    table = har_days(np.random.default_rng(4), days=60, gain=0.1, noise=0.3)
    mean, square = ahead(table, places, 1, rng, gain=0.1, noise=0.3, draws=100_000)
    rv = table["rv"]
    past = DAY * rv + WEEK * rv.rolling(5).mean() + MONTH * rv.rolling(22).mean()
    mu = (CONST + past + 0.1 * table["withdrawal"]).iloc[places]
    np.testing.assert_allclose(mean, mu, rtol=0.005)  # the error of 100,000 draws is 0.1 %
    np.testing.assert_allclose(square, mu**2 * np.exp(0.09), rtol=0.01)


def test_two_rows_ahead_are_their_mean_by_hand():
    """No gain: mu is linear, so that the second row's is that of the first row's mean."""
    table = har_days(np.random.default_rng(6), days=60)
    places = np.array([40])
    mean, _ = ahead(table, places, 2, np.random.default_rng(7), draws=100_000)
    rv = table["rv"].to_numpy()[:41]
    first = CONST + DAY * rv[-1] + WEEK * rv[-5:].mean() + MONTH * rv[-22:].mean()
    rv = np.append(rv, first)
    second = CONST + DAY * rv[-1] + WEEK * rv[-5:].mean() + MONTH * rv[-22:].mean()
    assert mean[0] == pytest.approx((first + second) / 2, rel=0.005)
