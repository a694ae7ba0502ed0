"""Depth, slippage and recovery in real files: identities, orderings, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm

STATES = ["quoted", "locked", "crossed", "one_sided", "unquoted"]


@pytest.fixture(scope="module")
def amzn(realdata):
    folder = realdata / "lobster" / "AMZN_2012-06-21_level1"
    if not folder.is_dir():
        pytest.skip("needs the real files in ../shared/realdata")
    return mm.load.lobster(*sorted(folder.glob("*.csv")))


@pytest.fixture(scope="module", params=["usdm", "spot"])
def bitcoin(request, realdata):
    path = realdata / "binance" / request.param / "btcusdt_20240808.gz"
    if not path.is_file():
        pytest.skip("needs the real files in ../shared/realdata")
    return mm.load.binance(path)


def test_a_level_one_book_is_never_crossed_and_tells_no_depth_within_five(amzn):
    bars = mm.depth(amzn)
    assert len(bars) == 390
    assert bars[["locked_share", "crossed_share", "halted_share"]].to_numpy().max() == 0
    assert bars[[f"{s}_share" for s in STATES]].sum(axis=1).to_numpy() == pytest.approx(1)
    assert bars["depth_5bps"].isna().all()  # the half spread is 2 bps, and one level is shown
    assert bars["slope"].isna().all()
    panel = mm.panel(amzn)
    inner = bars["quoted_share"] == 1
    np.testing.assert_allclose(bars.loc[inner, "depth"], panel.loc[inner, "depth"])


def test_amzns_spread_comes_back_in_seconds_and_not_at_one_speed(amzn):
    found = mm.resiliency(amzn, of="spread", which="touch")
    q = found.quantities
    assert found.sample.used > 2_000
    assert 1 < q["half_back"].low < q["half_back"].high <= 40
    assert not q["half_life"].identified
    assert q["recovered_within"].low > 0.85
    # taken as failed, events that the next one cuts short would halve it
    ended = found.details["ended"]["events"]
    assert ended["recovered"] / ended.sum() < q["recovered_within"].low - 0.15


def test_amzns_large_trades_tell_no_speed_of_depth_at_the_old_price(amzn):
    found = mm.resiliency(amzn, of="depth", which="large")
    q = found.quantities
    assert not q["half_life"].identified
    assert q["half_life"].high == np.inf
    assert q["recovered_within"].high < 0.6  # at least two in five are not made good in a minute


def test_twenty_levels_of_bitcoin_end_within_some_bps_of_the_mid(bitcoin):
    bars = mm.depth(bitcoin, freq="10s", within_bps=(0.1, 100), source="book")
    assert (bars["levels"].dropna() > 10).all()
    assert bars["depth_100bps"].isna().all()
    near = bars.dropna(subset=["depth_0.1bps"])
    assert (near["depth_0.1bps"] >= near["depth"] * (near["spread_bps"] < 0.2) * 0.5).all()


def test_what_bitcoins_book_costs_rises_with_size(bitcoin):
    costs = mm.slippage(bitcoin, freq="10s", sizes=[0.01, 0.1, 1.0], source="book")
    by = costs.pivot_table("round_trip_bps", "bar", "size").dropna()
    assert len(by) > 5
    assert (np.diff(by.to_numpy(), axis=1) >= -1e-9).all()
    spread = mm.depth(bitcoin, freq="10s", source="book").set_index("bar")["spread_bps"]
    assert (by[0.01] >= 0.9 * spread.loc[by.index]).all()
