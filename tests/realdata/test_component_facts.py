"""Components of real spreads: where orders are split, the model is refused."""

from __future__ import annotations

import pytest

import mmresearch as mm
from mmresearch.load import binance, lobster


@pytest.mark.parametrize("source", ["amzn", "usdm", "spot"])
def test_orders_continue_where_they_are_split(source, realdata):
    if source == "amzn":
        files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
        market = lobster(*files)
    else:
        market = binance(realdata / "binance" / source / "btcusdt_20240808.gz")
    trades = mm.quoted_trades(market)
    for within in ("1s", None):
        found = mm.spread_components(trades, within=within)
        # even with every run at one price and quote joined, orders go on in one direction
        assert found.quantities["reversal"].high < 0.35
        for name in ("adverse_selection", "inventory", "order_processing"):
            assert not found.quantities[name].identified
            assert "orders continue" in found.quantities[name].reason
        assert found.quantities["two_way"].identified
    told = found.details["bunching"]["reversal"]
    assert told.iloc[0] < told.iloc[-1] < 0.35


def test_orders_inside_the_spread_make_quotes_and_prices_disagree(realdata):
    """AMZN's hidden orders trade there: alpha + beta by prices is larger by .16 to .22."""
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    found = mm.spread_components(mm.quoted_trades(lobster(*files)))
    assert "quotes_and_prices_disagree" in found.flags
    told = found.details["agreement"].set_index("difference")
    assert told.loc["alpha + beta", "low"] > 0.1
