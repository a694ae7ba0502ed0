"""The simulated stream of orders: its quotes are its orders added up, its depth is pulled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm


@pytest.fixture(scope="module")
def made():
    return mm.simulate.order_flow(
        days=2, session_seconds=1_200, behind=0.2, aggressors=0.5, illusory=0.4, seed=3
    )


def test_quotes_are_the_orders_added_up(made):
    """The book rebuilt from the events, order by order, has the quotes' prices and sizes."""
    quotes = made.market["quotes"].set_index("seq")
    rest: dict = {}
    day = None
    for row in made.market["orders"].itertuples():
        if row.time.date() != day:
            rest, day = {}, row.time.date()
        if row.event == "add":
            rest[row.order_id] = [row.side, row.price, row.size]
        else:
            rest[row.order_id][2] -= row.size
            assert rest[row.order_id][2] >= 0
        if row.seq % 50 or row.seq not in quotes.index:
            continue
        book = pd.DataFrame(rest.values(), columns=["side", "price", "size"])
        levels = book[book["size"] > 0].groupby(["side", "price"])["size"].sum()
        quote = quotes.loc[row.seq]
        bids, asks = levels.loc[1.0], levels.loc[-1.0]
        assert (quote["bid"], quote["bid_size"]) == (bids.index.max(), bids.iloc[-1])
        assert (quote["ask"], quote["ask_size"]) == (asks.index.min(), asks.iloc[0])


def test_trades_are_fills_at_the_best_price(made):
    trades = made.market["trades"]
    fills = made.market["orders"]
    fills = fills[fills["event"] == "fill"]
    assert len(trades) == len(fills)
    assert (trades["side"].to_numpy() == -fills["side"].to_numpy()).all()
    lives = mm.order_lives(made.market)
    assert (lives["fault"] == "").all()
    assert lives.attrs["faults"] == {}
    assert lives["size_filled"].sum() == trades["size"].sum()


def test_the_same_seed_is_the_same_market():
    one, other = (mm.simulate.order_flow(session_seconds=300, seed=s).market for s in (1, 1))
    pd.testing.assert_frame_equal(one["orders"], other["orders"])
    assert one.data_hash != mm.simulate.order_flow(session_seconds=300, seed=2).market.data_hash


def test_pulled_depth_is_that_of_the_truth():
    """Nothing is pulled without aggressors; the planted share grows with the probability."""
    shares = [
        mm.simulate.order_flow(aggressors=0.5, illusory=p, fill_life=np.inf, seed=1).truth
        for p in (0.0, 0.3, 0.9)
    ]
    found = [truth["illusory_share"] for truth in shares]
    assert found[0] == 0.0
    assert 0 < found[1] < found[2] < 0.9


def test_everything_else_runs_on_it(made):
    panel = mm.panel(made.market)
    assert (panel["spread_bps"] > 0).all()
    assert len(mm.spreads(made.market)) == len(made.market["trades"])


def test_options_are_refused():
    with pytest.raises(
        ValueError, match="fleeting must be from 0 to 1, not 2; cancel_life must be"
    ):
        mm.simulate.order_flow(fleeting=2, cancel_life=0)
