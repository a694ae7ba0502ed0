"""Order flow of a day of AMZN beside what Cont, Kukanov and Stoikov (2014) published."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from mmresearch.load import lobster


@pytest.fixture(scope="module")
def bars(realdata):
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    market = lobster(*files)
    return market, mm.order_flow_imbalance(market)


def test_the_panel_has_the_same_flow(bars):
    market, table = bars
    panel = mm.panel(market, freq="10s").set_index("start")
    found = table.set_index("start").loc[panel.index]
    np.testing.assert_allclose(found["ofi"], panel["order_flow_imbalance"], atol=1e-9)
    np.testing.assert_allclose(found["trade_imbalance"], panel["trade_imbalance"], atol=1e-9)
    assert len(table) == 2340
    assert table["aside"].sum() == 0  # ask > bid always


def test_the_published_pattern(bars):
    """Their 50 stocks: R2 65 % (44 to 79), by trades alone 32 %, both 67 %, 97 % of blocks."""
    q = mm.ofi_impact(bars[1]).quantities
    assert 0.44 < q["r2"].value < 0.79
    assert q["r2_trades"].high < q["r2"].low
    assert q["r2"].value < q["r2_both"].value < q["r2"].value + 0.1
    assert q["significant"].value == 1
    # one day of 13 half hours does not tell whether the slope is inverse to depth
    lam = q["depth_exponent"]
    assert lam.low < 1 < lam.high
    assert lam.high - lam.low > 1
