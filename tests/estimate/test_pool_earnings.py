"""Fees of a pool against its loss to arbitrage: one trade by hand, a formula, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.capture import PARTS
from tests.truth.pool import VALUE, World, pool_market

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
# A pool of 1,000 units and 2,000,000 of currency: the price is 2,000, the product 2e9. Of what
# comes in .05 % is the fee. 250 units exchanged leave 1,250 and 1,600,000: 400,000 went out, at
# 1,600 a unit, and the price is 1,280. 200 units out leave 800 and 2,500,000: 500,000 for them,
# 2,500 a unit, and the price is 3,125.
SOLD_TO_IT = {"side": 1, "size": 250 / 0.9995, "paid": 400_000, "fee": 200.1000500250125, "p": 1280}
BOUGHT_OF_IT = {
    "side": -1,
    "size": 200,
    "paid": 500_000 / 0.9995,
    "fee": 250.1250625312656,
    "p": 3125,
}
BY_HAND = {  # spread_earned, adverse_selection, loss_to_arbitrage
    1: (400 * 250 / 0.9995, 720 * 250 / 0.9995, 320 * 250 / 0.9995),
    -1: (500 * 200, 1125 * 200, 625 * 200),
}


def one_trade(side, size, paid, fee, p, **more):
    time = START + pd.to_timedelta([0, 10, 10], unit="s")
    quotes = pd.DataFrame({"time": time, "seq": [0, 2, 3], "symbol": "W"})
    quotes["bid"], quotes["ask"] = [1999.0, p - 1.0, p - 1.0], [2001.0, p + 1.0, p + 1.0]
    quotes.loc[2, "time"] = START + pd.Timedelta("60s")
    fill = {"time": [START + pd.Timedelta("10s")], "seq": 1, "account": "pool", "symbol": "W"}
    fill |= {"side": side, "size": float(size), "price": paid / size, "fee": 0.0}
    fill |= {"fee_within": fee} | more
    symbols = pd.DataFrame([{"symbol": "W", "currency": "D", "calendar": "24/7"}])
    return mm.Market(
        fills=pd.DataFrame(fill), quotes=quotes.assign(bid_size=1.0, ask_size=1.0), symbols=symbols
    )


@pytest.mark.parametrize("trade", [SOLD_TO_IT, BOUGHT_OF_IT])
def test_one_trade_by_hand(trade):
    market = one_trade(**trade)
    row = mm.spread_capture(market, horizon="5s").iloc[0]
    spread, adverse, loss = BY_HAND[trade["side"]]
    assert row["spread_earned"] == pytest.approx(spread, rel=1e-12)
    assert row["adverse_selection"] == pytest.approx(adverse, rel=1e-12)
    assert row["fees_and_rebates"] == pytest.approx(trade["fee"], rel=1e-12)
    assert row["revaluation"] == pytest.approx(0, abs=1e-6)
    # cash and what is held at the price after it
    made = trade["side"] * (trade["size"] * trade["p"] - trade["paid"])
    assert row["profit"] == pytest.approx(made, rel=1e-12)
    assert made == pytest.approx(trade["fee"] - loss, rel=1e-12)
    day = mm.loss_to_arbitrage(market, horizon="5s").details["days"].iloc[0]
    assert day["fees"] == pytest.approx(trade["fee"], rel=1e-12)
    assert day["loss_to_arbitrage"] == pytest.approx(loss, rel=1e-12)
    assert day["net"] == pytest.approx(trade["fee"] - loss, rel=1e-12)
    assert day["beyond_holding"] == pytest.approx(trade["fee"] - loss, rel=1e-12)


@pytest.mark.parametrize("trade", [SOLD_TO_IT, BOUGHT_OF_IT])
def test_without_the_column_the_fee_is_in_the_spread(trade):
    """The profit is the same; what was a fee is earned against the mid."""
    market = one_trade(**trade)
    apart = mm.spread_capture(market, horizon="5s")
    within = mm.spread_capture(
        market.replace(fills=market.fills.drop(columns="fee_within")), horizon="5s"
    )
    assert within["profit"].iloc[0] == pytest.approx(apart["profit"].iloc[0], rel=1e-12)
    assert within["fees_and_rebates"].iloc[0] == 0
    both = (apart["spread_earned"] + apart["fees_and_rebates"]).iloc[0]
    assert within["spread_earned"].iloc[0] == pytest.approx(both, rel=1e-12)
    assert (apart.attrs["counts"]["fees_within"], within.attrs["counts"]["fees_within"]) == (1, 0)


def test_an_unknown_fee_leaves_the_price_alone():
    market = one_trade(**SOLD_TO_IT)
    unknown = market.replace(fills=market.fills.assign(fee=np.nan))
    row = mm.spread_capture(unknown, horizon="5s").iloc[0]
    assert (row["fees_and_rebates"], row["fees_unknown"]) == (0, 1)
    made = mm.spread_capture(market, horizon="5s").iloc[0]["profit"]
    assert row["profit"] == pytest.approx(made, rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_profit_position_and_identity_do_not_change(seed):
    """Some fills with a fee within, some without one, some whose own fee is not known."""
    rng = np.random.default_rng(seed)
    n = 60
    time = START + pd.to_timedelta(np.sort(rng.integers(0, 500, n)), unit="s")
    fills = pd.DataFrame({"time": time, "seq": np.arange(n), "account": "pool"})
    fills = fills.assign(symbol=rng.choice(["W", "F"], n), side=rng.choice([-1.0, 1.0], n))
    fills = fills.assign(price=rng.uniform(90, 110, n), size=rng.uniform(0.1, 5, n))
    fills["fee"] = rng.choice([0.0, 0.3, np.nan], n)
    share = rng.choice([0.0, 5e-4, 1e-2, np.nan], n)
    factor = fills["symbol"].map({"W": 1.0, "F": 50.0})
    fills["fee_within"] = share * fills["price"] * fills["size"] * factor
    moments = START + pd.to_timedelta(np.arange(0, 600, 7), unit="s")
    quotes = pd.concat(
        [pd.DataFrame({"time": moments, "symbol": name}) for name in ("W", "F")], ignore_index=True
    )
    quotes = quotes.assign(seq=999, bid=rng.uniform(95, 100, len(quotes)), bid_size=1.0)
    quotes = quotes.assign(ask=quotes["bid"] + 1, ask_size=1.0)
    symbols = pd.DataFrame({"symbol": ["W", "F"], "currency": "D", "multiplier": [1.0, 50.0]})
    market = mm.Market(fills=fills, quotes=quotes, symbols=symbols.assign(calendar="24/7"))
    plain = market.replace(fills=fills.drop(columns="fee_within"))
    apart, whole = (mm.spread_capture(m, horizon="5s", freq="100s") for m in (market, plain))
    scale = whole[list(PARTS)].abs().sum(axis=1) + whole["capital"]
    assert ((apart["profit"] - whole["profit"]).abs() <= 1e-9 * scale).all()
    assert apart["position"].tolist() == whole["position"].tolist()
    assert apart["fees_unknown"].tolist() == whole["fees_unknown"].tolist()
    assert apart.attrs["gap"] < 1e-9
    taken = apart["fees_and_rebates"].sum() - whole["fees_and_rebates"].sum()
    known = fills["fee"].notna()
    assert taken == pytest.approx(fills.loc[known, "fee_within"].sum(), rel=1e-9)


def test_the_loss_is_that_of_the_path_and_of_the_formula_in_the_mean():
    """40 days of arbitrage: exact day by day; in the mean V (1 - exp(-sd^2/8)), about V sd^2/8.

    The day's loss has a standard deviation of about sqrt(2/288) of it: the mean of 40 days is
    within 4 of its errors, 5.3 %.
    """
    world = World(40)
    market, lost = pool_market(np.random.default_rng(7), world)
    result = mm.loss_to_arbitrage(market, horizon="1s")
    days = result.details["days"]
    np.testing.assert_allclose(days["loss_to_arbitrage"], lost, rtol=1e-6)
    mean = result.table.set_index("term").loc["loss_to_arbitrage"]
    assert mean["estimate"] == pytest.approx(world.loss(), rel=4 * math.sqrt(2 / 288 / 40))
    assert world.loss() == pytest.approx(VALUE * 0.03**2 / 8, rel=1e-3)
    assert mean["low"] < world.loss() < mean["high"]
    assert result.sample.days == 40
    assert result.quantities["net"].low < world.fees() - world.loss()
    assert (days["net"] == days["fees"] - days["loss_to_arbitrage"]).all()


def test_a_day_alone_has_intervals_of_its_half_hours():
    market, _ = pool_market(np.random.default_rng(3), World(2))
    result = mm.loss_to_arbitrage(market, horizon="1s")
    assert result.sample.used == 96
    days = result.details["days"]
    assert (days["loss_low"] < days["loss_to_arbitrage"]).all()
    assert (days["loss_to_arbitrage"] < days["loss_high"]).all()
    table = result.table.set_index("term")["estimate"]
    assert table["net"] == pytest.approx(days["net"].mean())
    assert result.quantities["loss_share"].value == pytest.approx(
        days["loss_to_arbitrage"].sum() / days["fees"].sum()
    )


def test_too_little_is_refused():
    result = mm.loss_to_arbitrage(one_trade(**SOLD_TO_IT), horizon="5s")
    assert not result.quantities["net"].identified
    assert "too few days and rows" in result.quantities["loss_share"].reason
    assert result.details["days"]["net_low"].isna().all()


@pytest.mark.bad_input("a fee within a price that cannot be")
def test_fees_that_cannot_be_within_the_price():
    for fee in (-1.0, 500_000.0):
        market = one_trade(**SOLD_TO_IT | {"fee": fee})
        with pytest.raises(ValueError, match="1 of 1 fills with fee_within below 0, or not below"):
            mm.spread_capture(market)


@pytest.mark.bad_input("a market that is no pool")
def test_no_pool_and_options_not_known():
    market = one_trade(**SOLD_TO_IT)
    with pytest.raises(ValueError, match="no fill tells the fee within its price"):
        mm.loss_to_arbitrage(market.replace(fills=market.fills.drop(columns="fee_within")))
    with pytest.raises(ValueError, match="errors must be one of") as told:
        mm.loss_to_arbitrage(market, errors="robust", level=95)
    assert "level must be between 0 and 1, not 95" in str(told.value)
