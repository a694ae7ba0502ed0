"""Real prices after flow: what rises, what stays, and where overlap alone seems to foretell."""

from __future__ import annotations

import pytest

import mmresearch as mm
from mmresearch.load import binance, lobster


@pytest.fixture(scope="module")
def amzn(realdata):
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    return lobster(*files)


@pytest.fixture(scope="module")
def seconds(amzn):
    return mm.panel(amzn, freq="1s")


@pytest.mark.parametrize("shock", ["order_flow_imbalance", "trade_imbalance"])
def test_flow_moves_amzn_for_a_minute_and_little_fades(shock, seconds):
    """Impact at 1, 10 and 60 seconds: the first second's is most of it, none of it is gone."""
    found = mm.local_projection(seconds, shock=shock, horizons=(0, 1, 10, 60))
    impact = {h: found.quantities[f"impact_{h}"] for h in (0, 1, 10, 60)}
    assert all(q.low > 0.1 for q in impact.values())
    assert impact[0].value > 0.5 * impact[60].value
    assert found.quantities["transitory_share"].high < 0.4
    # few lags or many tell the same: flow of seconds is hardly expected
    more = mm.local_projection(seconds, shock=shock, horizons=(0, 60), lags=40)
    assert more.quantities["impact_60"].value == pytest.approx(impact[60].value, rel=0.1)


def test_one_trade_in_amzn_fades_and_the_mean_move_after_one_does_not(amzn):
    found = mm.propagator(amzn)
    table = found.details["propagator"].set_index("lag")
    assert table.loc[100, "R"] > 2.5 * table.loc[0, "R"]
    assert 0.4 < found.quantities["share_left"].value < 1
    assert found.quantities["share_left"].low > 0.3
    assert found.quantities["decay"].low > 0
    # one kernel for every trade does explain the mean move
    assert "response_is_not_what_g_implies" not in found.flags
    # one day does not tell how long sides remember
    assert not found.quantities["memory"].identified


@pytest.mark.parametrize("source", ["usdm", "spot"])
def test_in_bitcoin_a_trade_moves_little_and_its_followers_much(source, realdata):
    market = binance(realdata / "binance" / source / "btcusdt_20240808.gz")
    found = mm.propagator(market)
    table = found.details["propagator"].set_index("lag")
    assert table.loc[50, "R"] > 5 * table.loc[50, "G"]
    # sides go on for longer than the six minutes could tell
    assert table.loc[100, "C"] > 0.1


def test_overlap_alone_seems_to_foretell_amzn(seconds):
    found = mm.return_predictability(seconds, horizons=(60,))
    told = found.details["errors"].set_index("errors")
    assert told.loc["least squares", "p"] < 0.001
    assert told.loc["hodrick", "p"] > 0.2
    assert told.loc["apart", "p"] > 0.2


@pytest.mark.slow
def test_days_of_nepse_are_too_few_between_gaps(realdata):
    """25 sessions with five gaps: windows of five days and their lags are hardly anywhere whole."""
    panel = mm.panel(mm.load.floorsheet(realdata / "nepse"), freq="1D", account="D01")
    found = mm.local_projection(panel, shock="flow", lags=1, horizons=(0, 1, 2, 5))
    assert "bars apart in time, where 30" in found.quantities["impact_0"].reason
    told = mm.return_predictability(panel, horizons=(1,)).quantities["slope_1"]
    assert "bars apart in time" in told.reason
