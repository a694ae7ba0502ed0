"""HT10: what Roll and Glosten-Harris make of a tape whose trades tell and whose sides go on."""

from __future__ import annotations

import math

import numpy as np
import pytest

import mmresearch as mm
from tests.truth.mrr_tape import mrr_tape

THETA, PHI, RHO, ROUNDING = 0.04, 0.05, 0.4, 0.02


@pytest.fixture(scope="module")
def trades():
    return mrr_tape(np.random.default_rng(10), days=300, trades=500)


def test_roll_sees_half_of_the_spread(trades):
    """A = phi + theta, B = phi + rho theta: -cov = A B (1 + rho²) - (A² + B²) rho + rounding²."""
    a, b = PHI + THETA, PHI + RHO * THETA
    covariance = -a * b * (1 + RHO**2) + (a**2 + b**2) * RHO - ROUNDING**2
    half = math.sqrt(-covariance)
    assert half == pytest.approx(0.048, abs=0.0005)
    found = mm.roll(trades).quantities["spread"]
    assert found.value / 2 == pytest.approx(half, rel=0.02)
    assert found.high / 2 < 0.6 * a


def test_glosten_and_harris_take_expected_trades_for_news(trades):
    found = mm.price_impact(trades, model="glosten_harris", per=1.0).quantities
    assert found["z1"].value == pytest.approx(THETA * (1 - RHO), rel=0.03)  # .024
    assert found["c0"].value == pytest.approx(PHI + RHO * THETA, rel=0.02)  # .066
    assert found["z1"].high < 0.7 * THETA


def test_the_indicator_model_is_right(trades):
    found = mm.trade_indicator(trades).quantities
    assert found["theta"].value == pytest.approx(0.040, rel=0.02)
    assert found["spread"].value / 2 == pytest.approx(0.090, rel=0.02)
