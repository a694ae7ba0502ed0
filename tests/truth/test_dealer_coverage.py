"""The dealers' estimators keep their promise: intervals cover, true nulls are rejected at 5 %.

Few replications, so that the tolerance is three Monte Carlo errors at the nominal share and 1.5
points for what the approximation itself costs; `coverage_dealers` takes more where asked.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SPEC = importlib.util.spec_from_file_location(
    "coverage_dealers", Path(__file__).with_name("coverage_dealers.py")
)
DEALERS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(DEALERS)
REPLICATIONS = 150


@pytest.mark.slow
@pytest.mark.parametrize("name", DEALERS.COVERAGE)
def test_shares_are_nominal(name):
    for row in DEALERS.COVERAGE[name](REPLICATIONS, 7):
        given = REPLICATIONS * (1 - row.refused)
        error = np.sqrt(row.nominal * (1 - row.nominal) / max(given, 1))
        assert abs(row.covered - row.nominal) < 3 * error + 0.015, row
