"""Profit by where it came from in real files: a broker without quotes, and a pool."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from mmresearch.measure.capture import PARTS


@pytest.fixture(scope="module")
def dealer(realdata):
    return mm.load.floorsheet(realdata / "nepse")


@pytest.fixture(scope="module")
def pool(realdata):
    return mm.load.uniswap(sorted(realdata.glob("uniswap/*.csv")))


def added_up(table):
    return sum(sign * table[name] for name, sign in PARTS.items())


def test_the_dealers_profit_is_the_ledgers_in_every_symbol(dealer):
    """NEPSE's D01 over 25 sessions: cash and what is held at the end, by an independent sum."""
    table = mm.spread_capture(dealer, account="D01", horizon="10 trades")
    assert table["day"].nunique() == 25
    scale = table[list(PARTS)].abs().sum(axis=1)
    assert ((added_up(table) - table["profit"]).abs() <= 1e-9 * scale).all()
    fills = dealer.fills[dealer.fills["account"] == "D01"]
    assert set(table["symbol"]) == set(fills["symbol"])
    units, paid = fills["side"] * fills["size"], -fills["side"] * fills["size"] * fills["price"]
    last = dealer.trades.groupby("symbol")["price"].last()
    held = units.groupby(fills["symbol"]).sum()
    made = paid.groupby(fills["symbol"]).sum() + held * last.reindex(held.index)
    found = table.groupby("symbol")["profit"].sum()
    turnover = paid.abs().groupby(fills["symbol"]).sum()
    assert ((found - made).abs() <= 1e-9 * turnover).all()
    assert table.attrs["reference"] == "print"


def test_the_pool_earns_fees_loses_to_arbitrage_and_is_set_beside_holding(pool):
    """Uniswap v3, 5 days: profit = fees + spread - arbitrage + what was held; adds up by day.

    The loss to arbitrage is that of Milionis, Moallemi, Roughgarden and Zhang (2022), each fill
    without its fee against the price at its horizon: adverse selection less the spread earned.
    What the pool made beyond holding its inventory of each morning is profit less carried.
    """
    table = mm.spread_capture(pool, horizon="60s", opening=0.0)
    scale = table[list(PARTS)].abs().sum(axis=1)
    assert len(table) == 5
    assert ((added_up(table) - table["profit"]).abs() <= 1e-9 * scale).all()
    # the fees are .05 % of what came in, counted from the rows of the fills
    fills = pool.fills
    paid, bought = fills["size"] * fills["price"], fills["side"] > 0
    of_it = paid * np.where(bought, 0.0005 / 0.9995, 0.0005)
    earned = of_it.groupby(fills["time"].dt.date).sum().to_numpy()
    np.testing.assert_allclose(table["fees_and_rebates"], earned, rtol=1e-9)
    assert table.attrs["counts"]["fees_within"] == len(fills)
    # the loss by the fills' markouts, which have the fee in the price
    marked = mm.markouts(pool, horizons=["60s"], unit="abs")
    later = (marked["markout_abs_60s"] * marked["size"]).groupby(marked["day"]).sum().to_numpy()
    apart = of_it[(marked["apart"] != "").to_numpy()].groupby(marked["day"]).sum()
    kept = earned - apart.reindex(marked["day"].unique(), fill_value=0.0).to_numpy()
    days = mm.loss_to_arbitrage(pool).details["days"]
    past = (table["fills_past_horizon"] == 0).to_numpy()
    assert past.sum() == 5
    np.testing.assert_allclose(kept - days["loss_to_arbitrage"], later, rtol=1e-6)
    # profit is the ledger's: cash and ether at the price at the day's end
    whole = mm.spread_capture(pool.replace(fills=fills.drop(columns="fee_within")), horizon="60s")
    np.testing.assert_allclose(table["profit"], whole["profit"], rtol=1e-9)
    held = table["profit"] - table["carried"]
    np.testing.assert_allclose(days["beyond_holding"], held, rtol=1e-9)
    assert (days["loss_to_arbitrage"] > 0).all()


def test_what_the_pool_keeps_of_its_fees(pool):
    """At once fees are more than the loss; a minute later the answer cannot be told from even."""
    at_once, later = (mm.loss_to_arbitrage(pool, horizon=h) for h in ("1s", "60s"))
    assert at_once.quantities["loss_share"].value < 1 < later.quantities["loss_share"].value
    for found in (at_once, later):
        share, net = (found.quantities[name] for name in ("loss_share", "net"))
        assert 0 < share.low < 1 < share.high
        assert net.low < 0 < net.high
        assert found.sample.days == 5
        assert "few_days" in found.flags
