"""Roll's spread: by hand, coins, sides that continue, days without a spread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.truth.mrr_tape import mrr_tape


def bounce(seed: int, rho: float, **options: float) -> pd.DataFrame:
    """Trades that tell nothing, .05 from the value."""
    options = {"days": 60, "trades": 300, "theta": 0.0, "rounding": 0.0, "news": 0.02} | options
    return mrr_tape(np.random.default_rng(seed), rho=rho, **options)


def test_by_hand():
    """Of one day: pairs of changes around the means of both."""
    made = bounce(1, 0.0, days=2).assign(side=np.nan)
    found = mm.roll(made, bunch=False)
    day = made[made["day"] == made["day"].iloc[0]]["price"].diff().dropna().to_numpy()
    now, before = day[1:], day[:-1]
    covariance = np.mean((now - now.mean()) * (before - before.mean()))
    days = found.details["days"]
    assert days["covariance"].iloc[0] == pytest.approx(covariance, rel=1e-10)
    assert days["spread"].iloc[0] == pytest.approx(2 * np.sqrt(-covariance), rel=1e-10)
    assert found.quantities["mean_of_days"].value == pytest.approx(days["spread"].mean())


@pytest.mark.parametrize("rho", [0.0, 0.4, -0.3])
def test_coins_tell_the_spread_and_expected_sides_one_minus_r_of_it(rho):
    found = mm.roll(bounce(2, rho)).quantities
    for name in ("spread", "mean_of_days"):
        truth = 0.1 * (1 - rho)
        assert found[name].low < truth < found[name].high
        assert found[name].value == pytest.approx(truth, rel=0.03)
    assert found["undefined_share"].value == 0


def test_days_without_a_bounce_are_counted_and_never_zero():
    made = bounce(3, 0.0, phi=0.004, news=0.05)
    found = mm.roll(made)
    days = found.details["days"]
    undefined = days["covariance"] >= 0
    assert 0.2 < undefined.mean() < 0.8
    assert days.loc[undefined, "spread"].isna().all()
    assert (days.loc[~undefined, "spread"] > 0).all()
    share = found.quantities["undefined_share"]
    assert share.value == pytest.approx(undefined.mean())
    assert share.low < share.value < share.high
    assert "days_without_a_spread" in found.flags
    # the mean of what is left is far above the truth; that of all pairs is not
    assert found.quantities["mean_of_days"].low > 2 * 0.008
    assert found.quantities["spread"].low <= 0.008 <= found.quantities["spread"].high


def test_a_trend_has_no_spread():
    """Changes that are means of nine shocks follow the ones before, on every day."""
    made = bounce(4, 0.0, days=10).assign(side=np.nan)
    shocks = pd.Series(np.random.default_rng(4).standard_normal(len(made)), index=made.index)
    found = mm.roll(made.assign(price=500 + shocks.rolling(9, min_periods=1).mean().cumsum()))
    assert not found.quantities["spread"].identified
    assert "no bounce is seen" in found.quantities["spread"].reason
    assert found.quantities["undefined_share"].value == 1
    assert not found.quantities["mean_of_days"].identified


def test_units_nights_and_symbols():
    made = bounce(5, 0.0)
    spread = mm.roll(made).quantities["spread"].value
    jump = made.assign(price=made["price"] + made["day"].dt.day)
    assert mm.roll(jump).quantities["spread"].value == pytest.approx(spread, rel=1e-9)
    twice = made.assign(price=2 * made["price"])
    assert mm.roll(twice).quantities["spread"].value == pytest.approx(2 * spread)
    bps = mm.roll(made, unit="bps").quantities["spread"]
    assert bps.value == pytest.approx(1e4 * spread / 50, rel=0.05)
    assert bps.unit == "bps"
    both = pd.concat([made, twice.assign(symbol="Y")])
    assert mm.roll(both, unit="bps").sample.series == 2
    with pytest.raises(ValueError, match="2 symbols"):
        mm.roll(both)
    with pytest.raises(ValueError, match="unit must be one of"):
        mm.roll(made, unit="ticks")
