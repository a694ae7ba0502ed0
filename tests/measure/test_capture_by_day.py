"""A market saved by symbol and day gives the same markouts and the same split of the profit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from tests.measure.test_panel_by_day import HOURS, PAST_MIDNIGHT, _market

CLOCKS = [(calendar, "10min") for calendar in ("24/7", HOURS, PAST_MIDNIGHT)]
CASES = [*CLOCKS, ("24/7", "5 trades"), (PAST_MIDNIGHT, "5 trades")]


@pytest.fixture(params=CASES, ids=" ".join)
def both(request, tmp_path):
    """The market in memory, from a folder by symbol and day, and a horizon."""
    calendar, horizon = request.param
    market = _market(3, calendar)
    market.save(tmp_path / "m", by="day")
    daily = mm.open(tmp_path / "m")
    assert daily.by_day
    return market, daily, horizon


@pytest.mark.parametrize("freq", ["1D", "1h", "7 trades"])
def test_the_split_of_the_profit_is_that_of_the_whole(both, freq):
    market, daily, horizon = both
    whole, found = (mm.spread_capture(m, horizon=horizon, freq=freq) for m in (market, daily))
    pd.testing.assert_frame_equal(found, whole, rtol=0, atol=1e-9)
    assert found.attrs["counts"] == whole.attrs["counts"]
    assert found.attrs["gap"] < 1e-9
    # two accounts hold something in two symbols over nights, which without a close make nothing
    nights = whole.groupby(["account", "symbol", "day"])["position"].last()
    assert (nights != 0).groupby(["account", "symbol"]).sum().tolist() > [2] * 4
    assert (whole["overnight"] != 0).any()


@pytest.mark.parametrize("reference", ["mid", "weighted_mid"])
def test_the_markouts_are_those_of_the_whole(both, reference):
    market, daily, horizon = both
    how = {"horizons": [horizon, "20 trades"], "reference": reference}
    whole, found = (mm.markouts(m, **how) for m in (market, daily))
    pd.testing.assert_frame_equal(found, whole, rtol=0, atol=1e-9)
    assert found.attrs == whole.attrs
    assert (found["apart"] == "").sum() > 100
    assert np.isfinite(found.filter(like="markout")).any().all()


def test_of_one_symbol_and_account_with_an_opening(both):
    market, daily, horizon = both
    asked = {"horizon": horizon, "account": "two", "symbol": "B", "opening": 17.0}
    whole, found = (mm.spread_capture(m, **asked) for m in (market, daily))
    pd.testing.assert_frame_equal(found, whole, rtol=0, atol=1e-9)
