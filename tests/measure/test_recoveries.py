"""Events of recovery by hand, both sides, and what cuts an event short."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm

OPEN = pd.Timestamp("2024-03-04 00:00", tz="UTC")
CALENDAR = "00:00-00:10 UTC"
HORIZONS = ["1s", "5s", "20s"]


def quotes(rows):
    """Rows of (second, bid, bid size, ask, ask size), the seq after a trade of the second."""
    table = pd.DataFrame(rows, columns=["s", "bid", "bid_size", "ask", "ask_size"])
    time = OPEN + pd.to_timedelta(table.pop("s"), unit="s")
    return table.assign(time=time, seq=np.arange(len(table)) * 2 + 1, symbol="X")


def trades(rows):
    """Rows of (second, seq, price, size, side)."""
    table = pd.DataFrame(rows, columns=["s", "seq", "price", "size", "side"])
    time = OPEN + pd.to_timedelta(table.pop("s"), unit="s")
    return table.assign(time=time, symbol="X")


ASK = [
    (0, 99.9, 50, 100.1, 100),
    (10, 99.9, 50, 100.1, 40),  # a buyer took 60
    (12, 99.9, 50, 100.1, 70),  # 30 are back
    (18, 99.9, 50, 100.1, 94),  # 54 are back: 90 %
    (25, 99.9, 50, 100.1, 100),
]
BUY = [(10, 2, 100.1, 60.0, 1.0)]


def followed(book, tape, calendar=CALENDAR, **options):
    market = mm.Market(quotes=quotes(book), trades=trades(tape), calendar=calendar)
    return mm.recoveries(market, large=0.0, **({"horizons": HORIZONS} | options))


@pytest.mark.parametrize("of", ["depth", "touch"])
def test_an_event_by_hand(of):
    found = followed(ASK, BUY, of=of).iloc[0]
    assert found[["before", "after", "lost"]].tolist() == [100, 40, 60]
    assert found[["back_1s", "back_5s", "back_20s"]].tolist() == [0, 30, 60]
    assert found["seconds"] == pytest.approx(8)
    assert found["ended"] == "recovered"
    assert found["until"] == pytest.approx(20)
    assert (found["side"], found["size"], found["trades"]) == (1, 60, 1)


def test_the_share_that_counts_as_recovered_is_asked_for():
    half = followed(ASK, BUY, share=0.5).iloc[0]
    assert half["seconds"] == pytest.approx(2)
    whole = followed(ASK, BUY, share=1.0).iloc[0]
    assert whole["seconds"] == pytest.approx(15)


def test_a_seller_is_the_mirror():
    book = [(s, 200 - ask, b, 200 - bid, a) for s, bid, a, ask, b in ASK]
    sold = followed(book, [(10, 2, 99.9, 60.0, -1.0)]).iloc[0]
    bought = followed(ASK, BUY).iloc[0]
    same = ["before", "after", "lost", "seconds", "back_1s", "back_5s", "back_20s"]
    assert sold[same].tolist() == bought[same].tolist()
    assert sold["side"] == -1


def test_depth_is_at_the_old_price_or_better_and_touch_wherever_the_best_is():
    moved = [*ASK[:1], (10, 99.9, 50, 100.2, 500), (15, 99.9, 50, 100.0, 30)]
    tape = [(10, 2, 100.1, 100.0, 1.0)]
    depth = followed(moved, tape, of="depth").iloc[0]
    assert (depth["after"], depth["lost"]) == (0, 100)
    assert depth["back_5s"] == 30  # 100.0 is better than 100.1
    touch = followed(moved, tape, of="touch")
    assert len(touch) == 0  # the next level is larger: nothing is missing there
    assert touch.attrs["left_out"]["nothing was missing"] == 1


def test_a_spread_that_narrows_is_a_recovery():
    moved = [*ASK[:1], (10, 99.9, 50, 100.3, 500), (15, 99.9, 50, 100.1, 30)]
    found = followed(moved, [(10, 2, 100.1, 100.0, 1.0)], of="spread").iloc[0]
    before, after = 20.0, 2e4 * 0.4 / 200.2
    assert (found["before"], found["after"]) == pytest.approx((before, after))
    assert found["lost"] == pytest.approx(after - before)
    assert found["back_1s"] == 0
    assert found["back_5s"] == pytest.approx(after - before)
    assert found["seconds"] == pytest.approx(5)


def test_a_burst_is_one_event_and_the_next_one_cuts_short():
    tape = [(10, 2, 100.1, 30.0, 1.0), (10.005, 4, 100.1, 30.0, 1.0), (17, 6, 100.1, 60.0, 1.0)]
    book = [ASK[0], (10.001, 99.9, 50, 100.1, 70), (10.006, 99.9, 50, 100.1, 40)]
    book += [(12, 99.9, 50, 100.1, 70), (17.001, 99.9, 50, 100.1, 10)]
    found = followed(book, tape, settle="10ms")
    assert found["trades"].tolist() == [2, 1]
    assert found["size"].tolist() == [60, 60]
    first = found.iloc[0]
    assert first["ended"] == "next event"
    assert first["until"] == pytest.approx(6.995)
    assert first["back_5s"] == 30
    assert np.isnan(first["back_20s"])
    other = followed(book, [(*t[:4], -t[4]) for t in tape[2:]] + tape[:2], settle="10ms")
    assert other.loc[other["side"] > 0, "until"].iloc[0] == pytest.approx(20)  # its own side alone


def test_events_are_the_largest_or_those_that_eat_the_touch():
    made = mm.simulate.resilient_book(days=1, depth=300, seed=2).market
    tape = made["trades"]
    large = mm.recoveries(made, of="touch", large=0.8, source="quotes")
    assert large["size"].min() >= np.quantile(tape["size"], 0.8)
    assert len(mm.recoveries(made, of="touch", which="touch", source="quotes")) == 0
    eaten = followed(
        [ASK[0], (10, 99.9, 50, 100.2, 9)], [(10, 2, 100.1, 100.0, 1.0)], which="touch"
    )
    assert len(eaten) == 1


@pytest.mark.bad_input("a horizon past the close")
def test_a_horizon_past_the_close_is_missing_and_the_event_censored():
    late = [(590 + s, *rest) for s, *rest in ASK[:3]]
    found = followed([*ASK[:1], *late], [(600 - 0.5, 99, 100.1, 60.0, 1.0)]).iloc[:1]
    assert len(found) == 0  # the book has moved before: nothing is missing after the trade
    late = [(0, *ASK[0][1:]), *[(580 + s, *rest) for s, *rest in ASK[1:3]]]
    found = followed([*late, (599, 99.9, 50, 100.1, 70)], [(590, 2, 100.1, 60.0, 1.0)]).iloc[0]
    assert found["ended"] == "close"
    assert found["until"] <= 10
    assert found["back_5s"] == 30
    assert np.isnan(found["back_20s"])


def test_the_next_session_does_not_count():
    book = [*ASK[:2], (86_400 + 5, 99.9, 50, 100.1, 100)]
    found = followed(book, BUY)
    assert found["ended"].iloc[0] == "horizon"
    near = [(0, *ASK[0][1:]), (595, *ASK[1][1:]), (86_400, *ASK[0][1:])]
    found = followed(near, [(595, 2, 100.1, 60.0, 1.0)]).iloc[0]
    assert found["ended"] == "close"
    assert np.isnan(found["back_20s"])
    assert not found["recovered"]


@pytest.mark.bad_input("a halt after a trade, and a trade in a halt")
def test_a_halt_ends_an_event():
    def event(second, code):
        row = {"time": OPEN + pd.Timedelta(second, "s"), "seq": 900 + second, "symbol": "X"}
        row |= {"order_id": "0", "event": "halt", "side": np.nan, "price": np.nan}
        return row | {"size": np.nan, "halt": code}

    orders = pd.DataFrame([event(14, -1), event(40, 1)])
    tape = [*BUY, (20, 90, 100.1, 60.0, 1.0)]
    market = mm.Market(quotes=quotes(ASK), trades=trades(tape), orders=orders, calendar=CALENDAR)
    found = mm.recoveries(market, large=0.0, horizons=HORIZONS)
    assert found["ended"].tolist() == ["halt"]
    assert found["until"].iloc[0] == pytest.approx(4)
    assert np.isnan(found["back_5s"].iloc[0])
    assert found.attrs["left_out"]["halted"] == 1


@pytest.mark.bad_input("locked, crossed and one-sided quotes around a trade")
def test_states_that_are_not_ordinary():
    crossed = [ASK[0], (10, 100.2, 50, 100.1, 40), (11, 100.2, 50, 100.1, 100), ASK[3], ASK[4]]
    found = followed(crossed, BUY)
    assert len(found) == 0  # what is missing after it is not known
    later = [*ASK[:2], (12, 100.2, 50, 100.1, 100), *ASK[3:]]
    found = followed(later, BUY).iloc[0]
    assert found["seconds"] == pytest.approx(8)  # not by a crossed book
    assert np.isnan(found["back_5s"])
    assert found["back_20s"] == 60
    gone = [ASK[0], (10, 99.9, 50, np.nan, np.nan), (12, 99.9, 50, 100.1, 95)]
    found = followed(gone, [(10, 2, 100.1, 100.0, 1.0)]).iloc[0]
    assert found["after"] == 0
    assert found["back_1s"] == 0
    assert found["back_5s"] == 95
    before = [(0, 100.1, 50, 100.1, 100), *ASK[1:]]
    assert followed(before, BUY).attrs["left_out"]["no ordinary quote before"] == 1


def test_every_burst_is_an_event_or_left_out_with_a_reason():
    made = mm.simulate.resilient_book(days=2, seed=3).market
    found = mm.recoveries(made, large=0.0)
    left = {k: v for k, v in found.attrs["left_out"].items() if k != "without a side"}
    assert len(found) + sum(left.values()) == found.attrs["bursts"]


def test_controls_start_where_the_events_did():
    made = mm.simulate.resilient_book(days=2, seed=4).market
    found = mm.recoveries(made, of="touch")
    assert found["control_lost"].abs().median() < 1
    again = mm.recoveries(made, of="touch")
    pd.testing.assert_frame_equal(found, again)


@pytest.mark.bad_input("options that are not known; no side, no quotes, no clock")
def test_refusals():
    market = mm.Market(quotes=quotes(ASK), trades=trades(BUY), calendar=CALENDAR)
    with pytest.raises(ValueError, match=r"of must be one of .*which must be one of .*rise"):
        mm.recoveries(market, of="width", which="small", horizons=["5s", "1s"])
    with pytest.raises(ValueError, match="clock steps"):
        mm.recoveries(market, horizons=["10 trades"])
    blind = mm.Market(quotes=quotes(ASK), trades=trades(BUY).assign(side=np.nan))
    with pytest.raises(ValueError, match="no trades with a side"):
        mm.recoveries(blind)
    with pytest.raises(ValueError, match="no quotes and no book"):
        mm.recoveries(mm.Market(trades=trades(BUY)))
    with pytest.raises(ValueError, match="no clock"):
        mm.recoveries(mm.Market(quotes=quotes(ASK), trades=trades(BUY), calendar="dates"))
