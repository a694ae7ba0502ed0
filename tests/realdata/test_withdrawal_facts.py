"""Provision, index and events on real files: what is told, and why the rest is not."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm


@pytest.fixture(scope="module")
def amzn(realdata):
    return mm.load.lobster(*sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv")))


@pytest.fixture(scope="module")
def amzn_bars(amzn):
    return mm.provision(amzn)


def test_amzn_displays_without_a_break_and_the_spread_is_the_panels(amzn, amzn_bars):
    panel = mm.panel(amzn)
    assert len(amzn_bars) == len(panel) == 390
    for name in ("spread_bps", "depth"):
        np.testing.assert_allclose(amzn_bars[name], panel[name], rtol=1e-9)
    assert (amzn_bars["touch_known"] > 0.999).all()
    assert amzn_bars[["market_crossed", "market_locked", "market_halted"]].eq(0).all(axis=None)
    assert amzn_bars["spread_bps"].iloc[:30].mean() > 1.5 * amzn_bars["spread_bps"].mean()


def test_amzn_depth_is_pulled_more_than_it_is_taken(amzn_bars):
    assert amzn_bars["pulled_share"].median() > 0.5
    assert amzn_bars["fleeting_share"].between(0, 1).all()


def test_amzn_has_nobodys_quotes_and_no_day_before(amzn_bars):
    assert "own_quotes" in amzn_bars.attrs["unknown"]["two_sided"]
    index = mm.withdrawal_index(amzn_bars)
    assert index.attrs["components"] == {"spread_bps": 1, "depth": -1}
    assert index["index"].isna().all()
    assert index.attrs["left_out"]["of days with fewer than 5 days before them"] == 390
    found = mm.withdrawal_events(index)
    assert not found.quantities["effect"].identified


def test_binance_capture_is_too_short_to_expect_anything(realdata):
    market = mm.load.binance(realdata / "binance" / "usdm" / "btcusdt_20240808.gz")
    table = mm.provision(market, freq="10s")
    assert (table["seconds"] <= 10).all()
    assert table["seconds"].iloc[0] < 10  # the record begins inside a bar
    assert table["touch_known"].mean() > 0.99
    assert 0.01 < table["spread_bps"].median() < 0.1  # a tick of 0.1 at 60,000
    assert mm.withdrawal_index(table)["index"].isna().all()


def test_nepse_tells_participation_by_session_and_no_more(realdata):
    market = mm.load.floorsheet(realdata / "nepse")
    table = mm.provision(market, freq="1D", account="D01")
    assert table["participation"].between(0, 1).all()
    assert table[["two_sided", "spread_bps", "touch_known"]].isna().all(axis=None)
    assert "no clock" in table.attrs["unknown"]["two_sided"]
    with pytest.raises(ValueError, match="no clock"):
        mm.withdrawal_index(table)
    found = mm.withdrawal_events(table, outcome="participation")
    assert "whole sessions" in found.quantities["effect"].reason


def test_uniswap_pool_is_always_there_and_its_depth_is_not_in_the_file(realdata):
    market = mm.load.uniswap(*sorted((realdata / "uniswap").glob("*.csv")))
    table = mm.provision(market, freq="5min")
    assert table["participation"].dropna().between(0, 1 + 1e-9).all()
    why = table.attrs["unknown"]
    assert "own_quotes" in why["two_sided"]
    if table["spread_bps"].isna().all():
        with pytest.raises(ValueError, match="nothing is known"):
            mm.withdrawal_index(table)


def test_taq_quotes_of_one_exchange(realdata):
    files = sorted((realdata / "highfrequency").glob("*.csv.gz"))
    market = mm.load.taq(files, clean="bnhls", exchange="N")
    table = mm.provision(market, freq="5min")
    panel = mm.panel(market, freq="5min")
    known = table["touch_known"] > 0
    assert known.mean() > 0.95
    clean = known & (table["market_crossed"] == 0)
    np.testing.assert_allclose(table["spread_bps"][clean], panel["spread_bps"][clean], rtol=1e-9)
    index = mm.withdrawal_index(table, min_days=1)
    assert index["index"].notna().sum() > 50  # of the second day
