"""From a simulated maker's fills to its half-life: the exact theory lies inside the interval.

Fifteen sessions of 23,400 s, seed 3, inventory at the second; the whole is 4,800 relaxation times.
"""

from __future__ import annotations

import pytest

import mmresearch as mm


@pytest.fixture(scope="module")
def simulated():
    return mm.simulate.glft(days=15, seed=3)


def test_half_life_of_the_theory_is_inside(simulated):
    panel = mm.panel(simulated.market, freq="10s")
    result = mm.inventory_reversion(panel)
    life = result.quantities["half_life"]
    assert simulated.truth["half_life"] == pytest.approx(50.7, abs=0.05)
    assert life.identified
    assert life.unit == "seconds"
    assert life.low < simulated.truth["half_life"] < life.high
    assert life.value == pytest.approx(50.7, rel=0.1)


def test_stationary_variance_of_the_theory(simulated):
    # standard error about 24.5 * sqrt(2 / (351,000 s * 0.01367 / s)) = 0.5
    panel = mm.panel(simulated.market, freq="10s")
    assert panel["inventory_end"].var() == pytest.approx(24.5, abs=2.0)
