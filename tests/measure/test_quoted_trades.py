"""Trades beside the quotes they met, by hand; prints of one order as one trade."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.quoted_trades import bunch_trades

DAY = 24 * 60


def at(*minutes: float) -> pd.DatetimeIndex:
    return pd.Timestamp("2024-03-04 15:00", tz="UTC") + pd.to_timedelta(minutes, unit="min")


def quotes(rows: list[tuple]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["time", "seq", "bid", "ask"])
    return table.assign(symbol="X", bid_size=1.0, ask_size=1.0)


@pytest.fixture
def study():
    t = at(0, 1, 2, DAY, DAY + 1)
    trades = pd.DataFrame({"time": t, "seq": [5, 5, 5, 5, 5], "symbol": "X", "size": 1.0})
    trades["price"], trades["side"] = [10.1, 10.2, 9.9, 10.1, 10.0], [1, 1, -1, np.nan, -1]
    told = [
        (t[0], 4, 9.9, 10.1),  # just before the first trade
        (t[1], 6, 10.1, 10.3),  # which the second trade moved: not known to it
        (t[2], 1, 9.9, 10.0),
        (t[4], 2, np.nan, 10.2),  # no bid
    ]
    return mm.Market(calendar="14:00-21:00 UTC", trades=trades, quotes=quotes(told))


def test_the_quote_before_each_trade_of_its_session(study):
    table = mm.quoted_trades(study)
    assert table["bid"].tolist()[:3] == [9.9, 9.9, 9.9]
    assert table["ask"].tolist()[:3] == [10.1, 10.1, 10.0]
    # a night has passed; then there is an ask alone
    assert table["bid"].iloc[3:].isna().all()
    assert np.isnan(table["ask"].iloc[3])
    assert table["ask"].iloc[4] == 10.2
    assert table["day"].nunique() == 2
    assert table.attrs == {"outside": 0}


def test_without_quotes_bid_and_ask_are_missing(study):
    table = mm.quoted_trades(mm.Market(trades=study["trades"]))
    assert table[["bid", "ask"]].isna().all(axis=None)
    assert table["price"].tolist() == study["trades"]["price"].tolist()


def test_trades_outside_sessions_are_counted(study):
    office = mm.Market(calendar="15:00-15:01 UTC", trades=study["trades"], quotes=study["quotes"])
    table = mm.quoted_trades(office)
    assert len(table) == 4
    assert table.attrs == {"outside": 1}


def test_symbols_are_chosen_and_unknown_ones_named(study):
    with pytest.raises(ValueError, match="no trade of the symbols Z"):
        mm.quoted_trades(study, symbol=["X", "Z"])
    assert len(mm.quoted_trades(study, symbol="X")) == 5


def test_bunches_by_hand():
    t = pd.DataFrame({"side": [1, 1, 1, 1, -1, -1, np.nan, np.nan, 1], "size": 2.0})
    t["price"] = [10.1, 10.1, 10.2, 10.2, 9.9, 9.9, 9.9, 9.9, 10.2]
    t["bid"], t["ask"] = [9.9] * 3 + [10.0] * 6, [10.1] * 3 + [10.2] * 6
    t = t.assign(symbol="X", day=pd.Timestamp("2024-03-04"), time=at(*range(9)), seq=range(9))
    found = bunch_trades(t)
    # 1-2 are one; 3 has another price, 4 another quote; 5-6 are one; without a side each stays
    assert found["seq"].tolist() == [0, 2, 3, 4, 6, 7, 8]
    assert found["size"].tolist() == [4, 2, 2, 4, 2, 2, 2]


def test_prints_that_are_too_far_apart_stay():
    t = pd.DataFrame({"side": 1, "price": 10.0, "size": [1.0, 2.0, 4.0], "bid": 9.9, "ask": 10.1})
    t = t.assign(symbol="X", day=pd.Timestamp("2024-03-04"), time=at(0, 1, 3), seq=range(3))
    assert bunch_trades(t)["size"].tolist() == [7]
    assert bunch_trades(t, within="60s")["size"].tolist() == [3, 4]


def test_bunches_do_not_cross_days_or_symbols_and_need_no_quotes():
    t = pd.DataFrame({"symbol": ["X", "X", "X", "Y"], "side": 1, "price": 10.0, "size": 1.0})
    day = pd.to_datetime(["2024-03-04", "2024-03-04", "2024-03-05", "2024-03-05"])
    found = bunch_trades(t.assign(day=day, bid=np.nan, ask=np.nan))
    assert found["size"].tolist() == [2, 1, 1]
