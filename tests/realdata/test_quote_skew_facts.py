"""Real quotes and inventories: what one session, a market's sizes and a pool can tell of skew."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm


def refused(found: mm.Result) -> dict[str, str]:
    return {name: q.reason for name, q in found.quantities.items() if not q.identified}


def test_a_day_of_amazon_tells_no_level_and_no_own_quote(realdata):
    [message], [book] = (realdata.glob(f"lobster/*/*{kind}*") for kind in ("message", "orderbook"))
    panel = mm.panel(mm.load.lobster(message, book), freq="10s")
    found = mm.quote_skew(panel, tick=0.01)
    assert {"lean_of_the_markets_sizes", "inventory_is_market_flow"} <= set(found.flags)
    reasons = refused(found)
    assert set(found.quantities) - set(reasons) == {"response"}
    assert "1 session, where errors by session need 6" in reasons["skew"]
    assert "not the account's own" in reasons["bid_skew"]
    # sells deplete the bid and make the maker long: the weighted mid falls below the mid by itself
    assert found.quantities["response"].low > 0


@pytest.mark.parametrize("kind", ["spot", "usdm"])
def test_six_minutes_of_binance_tell_no_response(realdata, kind):
    panel = mm.panel(
        mm.load.binance(realdata / "binance" / kind / "btcusdt_20240808.gz"), freq="1s"
    )
    found = mm.quote_skew(panel)
    assert set(found.quantities) - set(refused(found)) == {"response"}
    response = found.quantities["response"]
    assert response.low < 0 < response.high


def test_a_pools_slope_is_that_of_its_curve(realdata):
    market = mm.load.uniswap(sorted(realdata.glob("uniswap/*.csv")))
    panel = mm.panel(market, freq="1h", account="pool")
    found = mm.quote_skew(panel, controls=False)
    assert found.flags == ("pool_price_is_mechanical", "few_days")
    rows = panel.dropna(subset=["trade_return_bps"])
    slope = np.polyfit(rows["trade_flow"], rows["trade_return_bps"], 1)[0]
    assert found.quantities["skew"].value == pytest.approx(slope, rel=1e-8)
    assert found.quantities["skew"].high < 0  # what the pool buys it holds at a lower price
