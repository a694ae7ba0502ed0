"""A day of AMZN: of one day no shape is told, nor regimes where a trend is all there is."""

from __future__ import annotations

import pytest

import mmresearch as mm
from mmresearch.load import lobster


@pytest.fixture(scope="module")
def bars(realdata):
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    return mm.panel(lobster(*files), freq="1min")


def test_one_day_tells_no_shape(bars):
    found = mm.seasonal(bars, "spread_bps")
    assert "own slow moves" in found.quantities["open_to_middle"].reason


def test_the_spread_falls_once_and_that_is_no_regime(bars):
    found = mm.liquidity_regimes(bars, "spread_bps", starts=4, draws=0)
    assert "hardly visited" in found.quantities["duration_1"].reason
    assert {"time_of_day_left_in", "values_persist_within_regimes"} <= set(found.flags)
