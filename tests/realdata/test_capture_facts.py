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
    """Uniswap v3, 5 days: profit = spread and fees - arbitrage + what was held; adds up by day.

    The loss to arbitrage is that of Milionis, Moallemi, Roughgarden and Zhang (2022), each fill
    against the price at its horizon instead of its own: adverse selection less the spread earned.
    What the pool made beyond holding its inventory of each morning is profit less carried.
    """
    table = mm.spread_capture(pool, horizon="60s", opening=0.0)
    scale = table[list(PARTS)].abs().sum(axis=1)
    assert len(table) == 5
    assert ((added_up(table) - table["profit"]).abs() <= 1e-9 * scale).all()
    fills = mm.markouts(pool, horizons=["60s"], unit="abs")
    fills = fills[fills["markout_abs_60s"].notna()]
    against = (fills["markout_abs_60s"] * fills["size"]).groupby(fills["day"]).sum().to_numpy()
    past = (table["fills_past_horizon"] == 0).to_numpy()
    told = (table["spread_earned"] - table["adverse_selection"]).to_numpy()
    np.testing.assert_allclose(told[past], against[past], rtol=1e-9)
    # a pool's price moves with every fill, and its fee is in the prices of these files, not beside
    assert (table["fees_and_rebates"] == 0).all()
    assert (table["adverse_selection"] > 0).all()
