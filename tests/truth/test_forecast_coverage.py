"""The quick quantities of the coverage study are the public ones."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from tests.truth.coverage_forecast import quick
from tests.truth.har_days import har_days


@pytest.mark.parametrize("asked", [{}, {"scheme": "rolling", "horizons": [5]}])
def test_the_quick_quantities_are_the_public_ones(asked):
    table = har_days(np.random.default_rng(3), days=400, gain=0.1)
    asked = {"models": ["har"], "predictors": ["withdrawal"], "draws": 0} | asked
    public = mm.open_holdout(mm.volatility_forecast(table, **asked), table).quantities
    mine, models = quick(table, **asked)
    assert set(mine) <= set(public)
    for name, quantity in mine.items():
        assert quantity == public[name]
    assert len(models) == 3
