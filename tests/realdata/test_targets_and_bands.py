"""Real inventories that cannot tell a target, a shift or a band: refused, each with its reason."""

from __future__ import annotations

import pytest

import mmresearch as mm


@pytest.fixture(scope="module")
def amzn(realdata):
    [message], [book] = (realdata.glob(f"lobster/*/*{kind}*") for kind in ("message", "orderbook"))
    return mm.panel(mm.load.lobster(message, book), freq="1min")


@pytest.fixture(scope="module")
def pool(realdata):
    return mm.panel(mm.load.uniswap(sorted(realdata.glob("uniswap/*.csv"))), freq="1h")


def test_a_day_of_amazons_aggregate_maker(amzn):
    """One day of 390 minutes, far from home all day: neither a target nor a limit is seen."""
    found = mm.shifting_target(amzn, draws=39)
    assert "random walk" in found.quantities["half_life"].reason
    assert found.details["targets"]["target"].isna().all()
    band = mm.threshold_reversion(amzn, draws=99)
    assert "one speed" in band.quantities["half_life_outside"].reason


def test_five_days_of_a_pool_that_buys_into_a_fall(pool):
    found = mm.shifting_target(pool, draws=39)
    assert not found.quantities["half_life"].identified
    assert not mm.threshold_reversion(pool, draws=99).quantities["threshold"].identified
    smooth = mm.threshold_reversion(pool, kind="estar", draws=99)
    assert "random walk" in smooth.quantities["half_life_outside"].reason


def test_25_sessions_of_a_dealer_are_too_few(realdata):
    panel = mm.panel(mm.load.floorsheet(realdata / "nepse"), freq="1D", account="D01")
    with pytest.raises(ValueError, match="one symbol is needed"):
        mm.shifting_target(panel)
    for estimate in (mm.shifting_target, mm.threshold_reversion):
        for quantity in estimate(panel, symbol="GBIME").quantities.values():
            assert not quantity.identified
            assert "leave fewer than" in quantity.reason
