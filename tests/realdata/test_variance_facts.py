"""Variance of real prices: what jumps and bounce are in it, and where bounce is no coin's."""

from __future__ import annotations

import pytest

import mmresearch as mm


@pytest.fixture(scope="module")
def amzn(realdata):
    files = sorted((realdata / "lobster" / "AMZN_2012-06-21_level1").glob("*.csv"))
    if not files:
        pytest.skip("needs the real files in ../shared/realdata/lobster")
    return mm.load.lobster(*files)


def test_the_measures_agree_on_a_stock_of_a_day(amzn):
    """Fast trade prices have more than slow ones; trades and mids agree on five minutes."""
    trade, mid = (mm.realized_variance(amzn, price=p).iloc[0] for p in ("trade", "mid"))
    assert trade["rv"] > 1.1 * trade["tsrv"]
    assert trade["rv_step"] == pytest.approx(mid["rv_step"], rel=0.1)
    for found in (trade, mid):
        assert 0.7 < found["bipower"] / found["rv_step"] <= 1
        assert found["jump"] == pytest.approx(found["rv_step"] - found["bipower"])
        assert found["quarticity"] > found["rv_step"] ** 2  # volatility is not even over the day


def test_split_orders_do_not_bounce_as_coins_do(amzn):
    """An order is many prints at one price: the difference is a small part of 2 n c²."""
    found = mm.bounce_test(amzn)
    assert found.quantities["ratio"].high < 0.5
    assert found.table["p"].iloc[0] < 0.01
    assert "few_days" in found.flags
