"""HT10: what bounce does to variance, and sides that go on to Roll's spread and to news."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
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


# --- variance -------------------------------------------------------------------------------------

VARIANCE, HALF, SECONDS, DAYS = 1e-4, 5e-4, 23_399, 30


@pytest.fixture(scope="module")
def bouncing():
    """Means over 30 days of trade prices by the second whose sides are coins, over the variance."""
    rng = np.random.default_rng(11)
    steps = rng.standard_normal((DAYS, SECONDS)) * math.sqrt(VARIANCE / SECONDS)
    level = np.hstack([np.zeros((DAYS, 1)), np.cumsum(steps, axis=1)])
    level += HALF * np.where(rng.random(level.shape) < 0.5, 1, -1)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.repeat(np.arange(DAYS), SECONDS + 1), "D")
    second = pd.to_timedelta(np.tile(np.arange(SECONDS + 1), DAYS), unit="s")
    rows = pd.DataFrame({"symbol": "X", "day": day, "time": day.tz_localize("UTC") + second})
    found = mm.realized_variance(rows.assign(price=np.exp(level.ravel())))
    return found.drop(columns=["symbol", "day", "returns"]).mean() / (1e8 * VARIANCE)


def test_every_price_counts_the_bounce(bouncing):
    """E[RV] = IV + 2 n c²: 118 times the variance by the second, 1.385 times by five minutes."""
    theory = 1 + 2 * SECONDS * HALF**2 / VARIANCE
    assert theory == pytest.approx(118.0, abs=0.01)
    assert bouncing["rv"] == pytest.approx(theory, rel=0.02)
    assert bouncing["rv_step"] == pytest.approx(1 + 2 * 77 * HALF**2 / VARIANCE, rel=0.06)


def test_two_scales_do_not(bouncing):
    assert bouncing["tsrv"] == pytest.approx(1.0, abs=0.03)
    assert bouncing["noise"] * VARIANCE == pytest.approx(HALF**2, rel=0.02)
