"""Depth that is gone when an aggressor arrives: by hand, planted, absent, and what is left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.shown_depth import shown_depth

OPEN = pd.Timestamp("2024-01-02 10:00", tz="UTC")
SECOND = 10**9


def times(at: list[float]) -> pd.Series:
    return OPEN + pd.to_timedelta(at, unit="s")


def made(quotes: list[tuple], trades: list[tuple], **more: list) -> mm.Market:
    """Quotes of seconds, bid, ask, bid_size, ask_size; trades of seconds, price, size, side."""
    q = pd.DataFrame(quotes, columns=["time", "bid", "ask", "bid_size", "ask_size"])
    t = pd.DataFrame(trades, columns=["time", "price", "size", "side"])
    q, t = (x.assign(time=times(x["time"]), symbol="X") for x in (q, t))
    q["seq"], t["seq"] = np.arange(len(q)) * 10 + 5, np.arange(len(t)) * 10
    return mm.Market(calendar="10:00-10:10 UTC", quotes=q, trades=t.assign(**more))


def arrivals(market: mm.Market, lag: float = 1.0) -> pd.DataFrame:
    rows, _ = shown_depth(
        market, "X", lag=int(lag * SECOND), window=60 * SECOND, controls=1, seed=0
    )
    return rows[rows["arrival"]].sort_values("time", ignore_index=True)


QUOTES = [
    (0, 99, 101, 50, 80),
    (9.5, 99, 101, 50, 60),  # a quarter of the ask is pulled half a second before a buyer
    (19.5, 99, 102, 50, 10),  # all of it is pulled: the best is worse
    (29.5, 99, 100, 50, 5),  # a better ask comes: what was shown is not gone
    (39.5, 99, 100, 20, 5),  # the bid was executed in part
    (600, 99, 101, 50, 80),
]


def test_by_hand():
    trades = [
        (10, 101, 5, 1),
        (20, 102, 5, 1),
        (30, 100, 5, 1),
        (39.4, 99, 25, -1),
        (40, 99, 5, -1),
    ]
    found = arrivals(made(QUOTES, trades))
    assert found["shown"].tolist() == [80, 60, 10, 50, 50]
    assert found["met"].tolist() == [60, 0, 10, 50, 20]
    assert found["taken"].tolist() == [0, 0, 0, 0, 25]
    # of the bid's 50, 20 were met and 25 executed: 5 were pulled
    assert found["gone"].tolist() == [20, 60, 0, 0, 5]


def test_mirror():
    trades = [(10, 101, 5, 1), (20, 102, 5, 1), (39.4, 99, 25, -1), (40, 99, 5, -1)]
    turned = [(t, 200 - a, 200 - b, m, n) for t, b, a, n, m in QUOTES]
    other = arrivals(made(turned, [(t, 200 - p, n, -s) for t, p, n, s in trades]))
    one = arrivals(made(QUOTES, trades))
    assert (one["side"] == -other["side"]).all()
    pd.testing.assert_frame_equal(one.drop(columns="side"), other.drop(columns="side"))


def test_a_quote_that_moves_because_of_the_print_is_not_what_it_met():
    # quote and print of one instant: the print has the smaller seq
    quotes = [(0, 99, 101, 50, 80), (10, 99, 102, 50, 10), (600, 99, 101, 1, 1)]
    found = arrivals(made(quotes, [(10, 101, 80, 1)]))
    assert found["met"].tolist() == [80]


def test_the_lag_matters():
    trades = [(10, 101, 5, 1)]
    assert arrivals(made(QUOTES, trades), lag=0.4)["gone"].tolist() == [0]
    assert arrivals(made(QUOTES, trades), lag=0.6)["gone"].tolist() == [20]


def test_what_is_left_out_is_counted():
    quotes = [
        (5, 99, 101, 50, 80),
        (50, 102, 101, 5, 5),
        (60, 99, np.nan, 5, 0),
        (600, 99, 101, 1, 1),
    ]
    trades = [
        (-5, 101, 1, 1),  # outside
        (5.5, 101, 1, 1),  # no quote a second before
        (10, 101, 1, 1),
        (10, 101, 2, 1),  # the same aggressor
        (51.5, 101, 1, 1),  # crossed
        (70, 101, 1, 1),  # no ask
        (80, 99, 1, np.nan),
        (90, 99, 1, 1),
        (95, 99, 1, np.nan),
    ]
    events = ["fill"] * 7 + ["hidden_fill", "cross"]
    rows, dropped = shown_depth(
        made(quotes, trades, event=events), "X", lag=SECOND, window=60 * SECOND, controls=1, seed=0
    )
    assert rows.loc[rows["arrival"], "time"].tolist() == [OPEN + pd.Timedelta("10s")]
    assert dropped["outside every session"] == 1
    assert dropped["arrivals without a valid quote a lag before"] == 3
    assert dropped["prints of hidden orders and crosses"] == 2
    assert dropped["prints of unknown side"] == 1


def test_other_moments_keep_clear_of_arrivals_and_inside_the_session():
    sim = mm.simulate.order_flow(session_seconds=600, aggressors=0.5, seed=1)
    lag = SECOND // 10
    rows, _ = shown_depth(sim.market, "SIM", lag=lag, window=300 * SECOND, controls=5, seed=0)
    for _, own in rows.groupby("side"):
        at = own.loc[own["arrival"], "time"].astype("int64").to_numpy()
        for moment in own.loc[~own["arrival"], "time"].astype("int64"):
            assert not ((at - lag < moment) & (moment - lag < at)).any()
    (session,) = sim.market.sessions("SIM").itertuples()
    assert rows["time"].between(session.open, session.close).all()


def test_planted_depth_is_found_and_its_absence_too():
    # the interval of one seed: 95 %; over seeds see coverage.csv
    about = {"session_seconds": 2_000, "aggressors": 0.5, "fill_life": np.inf, "seed": 7}
    none = mm.illusory_depth(mm.simulate.order_flow(**about).market)
    some = mm.simulate.order_flow(illusory=0.4, **about)
    found = mm.illusory_depth(some.market)
    q, planted = found.quantities["illusory_share"], some.truth["illusory_share"]
    assert q.low > 0.1
    assert q.value == pytest.approx(planted, abs=2 * (q.high - q.low))
    absent = none.quantities["illusory_share"]
    assert absent.low < 0 < absent.high
    # without the control, orders that are cancelled anyway are called illusory
    assert none.tidy().set_index("term").loc["gone at arrivals", "low"] > 0.01


def test_few_arrivals_are_refused_and_options_at_once():
    market = made(QUOTES, [(10, 101, 5, 1)])
    found = mm.illusory_depth(market)
    assert not found.quantities["illusory_share"].identified
    assert "1 arrivals" in str(found)
    with pytest.raises(ValueError, match=r"lag must be .*; controls must be"):
        mm.illusory_depth(market, lag="soon", controls=0)
    with pytest.raises(ValueError, match="shorter than window"):
        mm.illusory_depth(market, lag="10min")
    with pytest.raises(ValueError, match="has no trades"):
        mm.illusory_depth(mm.Market(quotes=market["quotes"]))
    with pytest.raises(ValueError, match="no trades of Y"):
        mm.illusory_depth(market, symbol="Y")


def test_quotes_in_thousands_are_not_compared_with_prints_in_units():
    """The same tape, its quotes in thousands: what was taken is in another unit than shown."""
    simulated = mm.simulate.order_flow(session_seconds=600, aggressors=0.5, seed=3).market
    assert mm.illusory_depth(simulated).quantities["illusory_share"].identified
    quotes = simulated["quotes"]
    lots = quotes.assign(**{c: quotes[c] / 1000 for c in ("bid_size", "ask_size")})
    share = mm.illusory_depth(simulated.replace(quotes=lots)).quantities["illusory_share"]
    assert not share.identified
    assert "different units of size" in share.reason
