"""What prices of real dealers say of information, inventory and spread, and where they refuse."""

from __future__ import annotations

import pytest

import mmresearch as mm
from mmresearch.load import floorsheet, uniswap


@pytest.fixture(scope="module")
def pool(realdata):
    market = uniswap(realdata / "uniswap")
    return mm.trader_fills(market, account="pool")


def test_the_pools_half_spread_is_its_fee(pool):
    """A swap in the 0.05 % pool pays 5 bps, whichever way it goes."""
    found = mm.dealer_pricing(pool)
    fee = found.quantities["half_spread"]
    assert fee.low < 5 < fee.high
    assert fee.high - fee.low < 1


def test_the_pools_price_is_what_it_holds(pool):
    """Of a curve the price after a swap is the next one's before it: b2 = -b3, b1 + b2 = 0."""
    found = mm.dealer_pricing(pool)
    assert found.quantities["shading"].high < 0
    trap = found.details["traps"]["estimate"].iloc[0]
    error = found.table["std_error"].iloc[0]
    assert abs(trap) < 2 * error
    weight = found.quantities["prior_weight"]
    assert weight.low < 1 < weight.high


@pytest.mark.slow
def test_the_licensed_dealer_of_nepse(realdata):
    """62 symbols, few trades a day of each: a spread is found, shading is not told from none."""
    market = floorsheet(realdata / "nepse")
    found = mm.dealer_pricing(mm.trader_fills(market, account="D01"), draws=199)
    assert found.quantities["half_spread"].low > 0
    assert not found.quantities["prior_weight"].identified
    assert found.details["timing"]["share"].iloc[0] == 1
    # no clock: what goes on at one price and side is one order
    assert found.sample.dropped["of one order with the fill before"] > found.sample.used
