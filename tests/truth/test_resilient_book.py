"""The simulated book comes back after trades as it is said to: by its law, not by an estimate."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm


def gone_after(made, h):
    """Share of what all trades took that is back after h seconds, of trades with so much day."""
    quotes, trades = made.market["quotes"], made.market["trades"]
    clock = quotes["time"].to_numpy("datetime64[ns]").astype("int64")
    back, taken = 0.0, 0.0
    for side, size in ((1, "ask_size"), (-1, "bid_size")):
        rows = trades[(trades["side"] == side)]
        at = rows["time"].to_numpy("datetime64[ns]").astype("int64")
        later = at + int(h * 1e9)
        same = at // 86_400_000_000_000 == later // 86_400_000_000_000
        held = quotes[size].to_numpy()
        now, then = (np.searchsorted(clock, t, side="right") - 1 for t in (at, later))
        whole = same & (then < len(clock) - 1)
        back += (held[then] - held[now])[whole].sum()
        taken += rows["size"].to_numpy()[whole].sum()
    return back / taken


@pytest.mark.parametrize("returns", [1.0, 0.5, 0.0])
def test_what_is_taken_comes_back_at_the_speed_planted(returns):
    # 20 days of 1 h, about 7,200 trades of mean 8: the sd of what others do in 10 s on one side
    # is about 15 units a trade, 15 / (8 sqrt(7200)) = 0.022; three of them
    made = mm.simulate.resilient_book(returns=returns, days=20, depth=900, flicker=0.1, seed=4)
    for h in (2, 10, 30):
        assert gone_after(made, h) == pytest.approx(returns * (1 - np.exp(-0.1 * h)), abs=0.066)


def test_it_is_as_deep_at_the_end_as_at_the_beginning():
    made = mm.simulate.resilient_book(returns=0.5, days=30, session_seconds=1800, seed=5)
    quotes = made.market["quotes"]
    day = quotes["time"].dt.date
    ends = quotes.groupby(day)[["bid_size", "ask_size"]]
    moved = (ends.last() - ends.first()).to_numpy()
    # each side a walk with steps of the lost half of sizes: sd sqrt(30 min * .05 * ~80) or so
    assert abs(moved.mean()) < 3 * moved.std() / np.sqrt(moved.size)


def test_trades_meet_the_touch_and_eat_what_they_print():
    made = mm.simulate.resilient_book(days=1, seed=6).market
    trades, book = made["trades"], made["book"]
    after = book.set_index(["time", "seq"])
    rows = after.loc[list(zip(trades["time"], trades["seq"] + 1, strict=True))]
    touch = np.where(trades["side"] > 0, rows["ask_1"], rows["bid_1"])
    np.testing.assert_allclose(trades["price"], touch)
    place = np.searchsorted(book["seq"], trades["seq"] + 1)
    for side, name in ((1, "ask_size_1"), (-1, "bid_size_1")):
        own = (trades["side"] == side).to_numpy()
        eaten = book[name].to_numpy()[place - 1] - book[name].to_numpy()[place]
        np.testing.assert_allclose(eaten[own], trades["size"].to_numpy()[own])


def test_same_seed_same_market_and_refusals():
    one, two = (mm.simulate.resilient_book(days=1, session_seconds=300, seed=7) for _ in range(2))
    assert one.market.data_hash == two.market.data_hash
    assert one.truth["half_life"] == pytest.approx(np.log(2) / 0.1)
    with pytest.raises(ValueError, match="take depth larger"):
        mm.simulate.resilient_book(days=1, depth=5)
    with pytest.raises(ValueError, match="kappa"):
        mm.simulate.resilient_book(kappa=0)
