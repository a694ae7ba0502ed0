"""Pressure and causality on real markets: what a day, a pool and a floorsheet can tell."""

from __future__ import annotations

import pytest

import mmresearch as mm


def identified(found: mm.Result) -> set[str]:
    return {name for name, q in found.quantities.items() if q.identified}


def test_a_day_of_amazon_tells_the_total_alone(realdata):
    [message], [book] = (realdata.glob(f"lobster/*/*{kind}*") for kind in ("message", "orderbook"))
    panel = mm.panel(mm.load.lobster(message, book), freq="10s")
    found = mm.price_pressure(panel, method="state_space", draws=99)
    assert {"inventory_is_market_flow", "pressure_not_identified"} <= set(found.flags)
    assert identified(found) == {"total", "noise_sd"}
    assert found.quantities["total"].high < 0  # prices rise where the maker is sold out
    cause = mm.inventory_causality(panel, draws=99)
    assert {"orderings_differ", "few_days"} <= set(cause.flags)
    assert "there are no transfers" in cause.quantities["by_transfers"].reason
    # flow and price move together in the bar, and which came first 10 seconds do not tell
    assert cause.quantities["same_bar_correlation"].high < 0
    assert cause.quantities["response_flow_first"].high < 0


def test_a_pools_pressure_is_mechanical(realdata):
    panel = mm.panel(mm.load.uniswap(sorted(realdata.glob("uniswap/*.csv"))), freq="1min")
    pool = panel[panel["account"] == "pool"].reset_index(drop=True)
    for method in ("regression", "state_space"):
        found = mm.price_pressure(pool, method=method, draws=99)
        assert "price_is_a_function_of_inventory" in found.flags
        assert not {"pressure", "information", "pressure_sd"} & identified(found)
        assert "by the curve" in found.quantities["pressure"].reason
        # what the pool buys it holds at a lower price
        assert found.quantities["total"].high < 0


@pytest.mark.slow
def test_a_dealer_of_nepse_trends_and_its_pressure_is_not_identified(realdata):
    panel = mm.panel(mm.load.floorsheet(realdata / "nepse"), freq="1D", account="D01")
    found = mm.price_pressure(panel, method="state_space", draws=99)
    assert {"trade_returns", "pressure_not_identified"} <= set(found.flags)
    assert not {"pressure", "information", "half_life", "variance_ratio"} & identified(found)
    # closing trades bounce: the regression's errors are negatively correlated, the filter's less so
    first = found.details["autocorrelation"].set_index("errors")["first autocorrelation"]
    assert first["joint regression"] < -0.1
    assert abs(first["state space, one step ahead"]) < abs(first["joint regression"])
