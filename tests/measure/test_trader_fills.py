"""A trader's fills: what it held before, the mid it met and not the one it moved, others' mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm


def at(*minutes: float) -> pd.DatetimeIndex:
    return pd.Timestamp("2024-03-04 15:00", tz="UTC") + pd.to_timedelta(minutes, unit="min")


def fills(rows: list[tuple], **extra: object) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["time", "seq", "account", "side", "price", "size"])
    return table.assign(symbol="X", **extra)


def calendar(name: str) -> pd.DataFrame:
    return pd.DataFrame({"symbol": ["X"], "calendar": [name]})


@pytest.fixture
def study():
    """Two days; A buys 5, buys 1, sells 4; next day buys 2. A's second fill moves the bid up."""
    day = 24 * 60
    t = at(0, 1, 2, day)
    own = fills(
        [
            (t[0], 10, "A", 1, 10.0, 5.0),
            (t[1], 20, "A", 1, 10.1, 1.0),
            (t[2], 30, "A", -1, 10.2, 4.0),
            (t[3], 40, "A", 1, 10.0, 2.0),
        ]
    )
    quotes = pd.DataFrame(
        {
            "time": [t[0], t[1], t[1], t[2]],
            "seq": [1, 2, 21, 22],
            "symbol": "X",
            "bid": [9.9, 10.0, 10.2, np.nan],
            "ask": [10.1, 10.2, 10.4, 10.6],
            "bid_size": 1.0,
            "ask_size": 1.0,
        }
    )
    symbols = calendar("24/7")
    return mm.Market(symbols=symbols, fills=own, quotes=quotes)


def test_inventory_before_each_fill_and_the_mid_it_met(study):
    table = mm.trader_fills(study)
    assert table["held"].tolist() == [0, 5, 6, 2]
    assert table["held_session"].tolist() == [0, 5, 6, 0]
    assert table["side"].tolist() == [1, 1, -1, 1]
    assert table["size"].tolist() == [5, 1, 4, 2]
    # the quote of seq 21 came after the second fill; the last quote has no bid; a night has passed
    assert table["fair"].iloc[:2].to_numpy() == pytest.approx([10.0, 10.1])
    assert table["fair"].iloc[2:].isna().all()
    assert table.attrs == {"fair": "mid", "outside": 0}


def test_a_known_opening_moves_what_is_held_and_not_the_session(study):
    table = mm.trader_fills(study, opening=100.0)
    assert table["held"].tolist() == [100, 105, 106, 102]
    assert table["held_session"].tolist() == [0, 5, 6, 0]


def test_mean_of_others_by_hand():
    """Prints at 10 (A buys 1 of B), 11 (A buys 1 of C), 12 (C buys 2 of B); stretches of two."""
    t = at(0, 1, 2)
    rows = [
        (t[0], 1, "A", 1, 10.0, 1.0),
        (t[0], 1, "B", -1, 10.0, 1.0),
        (t[1], 2, "A", 1, 11.0, 1.0),
        (t[1], 2, "C", -1, 11.0, 1.0),
        (t[2], 3, "C", 1, 12.0, 2.0),
        (t[2], 3, "B", -1, 12.0, 2.0),
    ]
    symbols = calendar("24/7")
    study = mm.Market(symbols=symbols, fills=fills(rows))
    table = mm.trader_fills(study, prints=2).set_index(["account", "seq"])["fair"]
    # of the first two prints A was in both: the others are B at 10 and C at 11
    assert table["A", 1] == table["A", 2] == pytest.approx(10.5)
    assert table["B", 1] == pytest.approx((10 + 11 + 11) / 3)
    assert table["C", 2] == pytest.approx((10 + 10 + 11) / 3)
    assert table["C", 3] == pytest.approx(12)  # B's side of the print
    alone = mm.trader_fills(study, account="A", prints=2)
    assert alone["fair"].tolist() == pytest.approx([10.5, 10.5])


def test_own_prints_alone_have_no_others():
    rows = [(at(0)[0], 1, "A", 1, 10.0, 1.0), (at(1)[0], 2, "A", 1, 0.3, 0.1)]
    study = mm.Market(
        symbols=pd.DataFrame({"symbol": ["X"], "calendar": ["24/7"]}), fills=fills(rows)
    )
    assert mm.trader_fills(study)["fair"].isna().all()


def test_fills_outside_sessions_are_counted():
    rows = [(at(0)[0], 1, "A", 1, 10.0, 1.0), (at(10 * 60)[0], 2, "A", 1, 10.0, 1.0)]
    study = mm.Market(
        symbols=pd.DataFrame({"symbol": ["X"], "calendar": ["XNYS"]}), fills=fills(rows)
    )
    table = mm.trader_fills(study)
    assert len(table) == 1
    assert table.attrs["outside"] == 1


def test_faults_are_named(study):
    with pytest.raises(ValueError, match="fair must be one of auto, mid, mean, not 'last'"):
        mm.trader_fills(study, fair="last")
    with pytest.raises(ValueError, match="no fill of the symbols Z"):
        mm.trader_fills(study, symbol="Z")
    with pytest.raises(ValueError, match="prints must be 2 or more"):
        mm.trader_fills(study, prints=1)
    with pytest.raises(ValueError, match="needs quotes or a book"):
        mm.trader_fills(mm.Market(symbols=study.symbols, fills=study.fills), fair="mid")
