"""Impact in real markets: sides that go on, slopes that fall with size, a pool's own price."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from mmresearch.load import binance, lobster, uniswap


@pytest.fixture(scope="module")
def amzn(realdata):
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    return lobster(*files)


def test_where_sides_go_on_bounce_and_sizes_tell_too_little(amzn):
    """AMZN: each side is expected from the last, so Roll sees less than half of the spread."""
    found = mm.trade_indicator(amzn, unit="bps")
    told = found.quantities
    assert told["rho"].low > 0.4
    # nearly all of what trades do to the price stays: phi is nothing
    assert told["theta"].low > 1
    assert told["phi"].low < 0 < told["phi"].high
    assert told["adverse_share"].low > 0.9
    assert mm.roll(amzn, unit="bps").quantities["spread"].high < 0.6 * told["spread"].low
    naive = mm.price_impact(amzn, model="glosten_harris", unit="bps")
    assert "sides_are_expected" in naive.flags
    assert naive.quantities["adverse_share"].high < 0.2
    split = found.details["variance"]
    assert split["share"].iloc[:-1].sum() == pytest.approx(1)
    assert {"few_days", "phi_below_0"} <= set(found.flags)


def test_the_slope_falls_with_size_and_over_the_day(amzn):
    panel = mm.panel(amzn, freq="10s")
    size = mm.price_impact(panel, by="size")
    groups = size.details["groups"].set_index("group")
    assert groups.loc["small", "low"] > groups.loc["large", "high"]
    assert size.details["equality"]["p"].iloc[0] < 1e-6
    hours = mm.price_impact(panel, by="hour").details
    slopes = hours["groups"].set_index("group")["estimate"]
    assert slopes["hour 0"] > 2 * slopes["hour 6"]
    assert hours["equality"]["p"].iloc[0] < 0.01
    assert size.quantities["slope"].low > 5
    assert 0.2 < size.details["fit"]["r_squared"][0] < 0.5


def test_flow_follows_returns_within_seconds(amzn):
    flags = {f: mm.price_impact(mm.panel(amzn, freq=f)).flags for f in ("1s", "1min")}
    assert "flow_follows_returns" in flags["1s"]
    assert "flow_follows_returns" not in flags["1min"]


def test_runs_of_the_public_tape_are_a_proxy(amzn):
    """Logs of single runs are flatter than means that keep what is below 0."""
    found = mm.impact_law(mm.metaorders(amzn, gap="1min"))
    assert "public_tape_proxy" in found.flags
    assert "volatility_of_own_session" in found.flags
    assert 0.4 < found.quantities["delta"].low < found.quantities["delta"].high < 0.8
    assert found.details["traps"]["delta"].iloc[1] < found.quantities["delta"].low


def test_six_minutes_of_a_coin_tell_no_law(realdata):
    market = binance(realdata / "binance" / "usdm" / "btcusdt_20240808.gz")
    found = mm.impact_law(mm.metaorders(market, gap="1min"))
    assert not found.quantities["delta"].identified
    assert mm.price_impact(mm.panel(market, freq="1s")).quantities["slope"].low > 0.3
    assert mm.amihud(market).quantities["undefined_share"].value == 1


def test_a_pool_is_met_and_its_price_is_what_it_holds(realdata):
    """Its customers' flow moves the price by the curve: the slope is no information."""
    market = uniswap(realdata / "uniswap")
    panel = mm.panel(market, freq="5min", account="pool")
    found = mm.price_impact(panel, flow="inventory")
    assert found.quantities["slope"].low > 200
    assert "flow_is_of_the_account" in found.flags
    law = mm.impact_law(mm.metaorders(market))
    assert "prices move against these orders" in law.quantities["delta"].reason


def test_floorsheets_have_no_sides_but_their_dealer_has(realdata):
    trades = mm.load.floorsheet(*sorted((realdata / "nepse").glob("*.csv.gz"))[:2])
    assert np.isnan(mm.quoted_trades(trades, symbol="NABIL")["side"]).all()
    for found in (
        mm.trade_indicator(trades, symbol="NABIL"),
        mm.price_impact(trades, model="glosten_harris", symbol="NABIL"),
    ):
        assert all("0 trades with side" in q.reason for q in found.quantities.values())
    spread = mm.roll(trades, symbol="NABIL").quantities["spread"]
    assert 0 <= spread.low < spread.value < 5
    market = mm.load.floorsheet(realdata / "nepse")
    # what customers buy of D01, the licensed dealer, comes with prices that rise
    found = mm.price_impact(mm.panel(market, freq="1D", account="D01"), flow="inventory", draws=399)
    assert found.quantities["slope"].low > 0
    assert set(found.flags) == {"flow_is_of_the_account", "trade_returns"}
