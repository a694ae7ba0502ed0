"""Positioning by time held: by hand, its sum against A9's from the quotes, what has no age."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from tests.at_random import calmly

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
ABOUT = pd.DataFrame(
    {"symbol": ["X", "F", "I"], "asset": ["X", "F", "BTC"], "currency": "USD"}
    | {"settlement": ["USD", "USD", "BTC"], "multiplier": [1.0, 50.0, 10.0]}
)


def quotes(rows):
    """Rows of (second, seq, symbol, mid, half spread)."""
    table = pd.DataFrame(rows, columns=["s", "seq", "symbol", "mid", "half"])
    made = {"time": START + pd.to_timedelta(table["s"], unit="s"), "seq": table["seq"]}
    made |= {"symbol": table["symbol"], "bid": table["mid"] - table["half"]}
    made |= {"ask": table["mid"] + table["half"], "bid_size": 1.0, "ask_size": 1.0}
    return pd.DataFrame(made)


def fills(rows):
    """Rows of (second, seq, account, symbol, signed size, price)."""
    table = pd.DataFrame(rows, columns=["s", "seq", "account", "symbol", "n", "price"])
    made = {"time": START + pd.to_timedelta(table["s"], unit="s"), "side": np.sign(table["n"])}
    return table.assign(**made, size=table["n"].abs()).drop(columns=["s", "n"])


def market(own, quoted=(), **more):
    tables = {"fills": fills(own)} | ({"quotes": quotes(quoted)} if len(quoted) else {})
    return mm.Market(**tables, symbols=ABOUT, **more)


def simple(*rows, quoted=(), **more):
    own = [(s, 5, "A", "X", n, p) for s, n, p in rows]
    return market(own, [(s, seq, "X", m, 1.0) for s, seq, m in quoted], **more)


# bought 10 at 9 (mid 10); the mid rises to 12; 4 sold after 3 s at 13; 6 after 60 s at 12 (mid 11)
HAND = ((0, 10, 9.0), (3, -4, 13.0), (60, -6, 12.0))
QUOTED = ((-1, 0, 10.0), (2, 0, 12.0), (59, 0, 11.0))


@pytest.mark.parametrize("sign", [1, -1])
def test_by_hand(sign):
    rows = [(s, sign * n, 20 + sign * (p - 20)) for s, n, p in HAND]
    quoted = [(s, seq, 20 + sign * (m - 20)) for s, seq, m in QUOTED]
    table = mm.positioning_by_holding(simple(*rows, quoted=quoted), edges=("5s", "1min"))
    table = table.set_index("bin")
    assert table.index.tolist() == [
        *["under 5 s", "5 s to 1 min", "1 min and over", "age not known", "still open"]
    ]
    assert table["lots"].tolist() == [1, 0, 1, 0, 0]  # a time that equals an edge: the longer bin
    assert table["units"].tolist() == [4, 0, 6, 0, 0]
    assert table["positioning"].tolist() == [4 * 2, 0, 6 * 1, 0, 0]
    assert table["spread"].tolist() == [4 * (1 + 1), 0, 6 * (1 + 1), 0, 0]
    assert table["profit"].tolist() == [4 * 4, 0, 6 * 3, 0, 0]
    assert (table["day"] == pd.Timestamp("2024-01-02")).all()


def test_the_mark_of_a_fill_is_the_mid_before_it_not_the_one_it_moved():
    """The state after an exchange's message has the message's own (time, seq)."""
    quoted = [*QUOTED, (0, 5, 8.0), (3, 5, 14.0), (60, 5, 7.0)]
    table = mm.positioning_by_holding(simple(*HAND, quoted=sorted(quoted)), edges=("5s",))
    # the lot of 60 s was opened at the mid before its fill too: 10, not 8
    assert table["positioning"].tolist()[:2] == [8, 6]
    found = mm.lots(simple(*HAND, quoted=sorted(quoted)))
    assert found["open_mark"].tolist() == [10, 10]
    assert found["close_mark"].tolist() == [12, 11]


def test_open_lots_and_openings_have_bins_of_their_own():
    # 2 held before; 5 bought at 9; 3 sold: 2 of the opening, 1 of the 5; 4 stay open
    study = simple((0, 5, 9.0), (3, -3, 13.0), quoted=QUOTED)
    table = mm.positioning_by_holding(study, edges=("5s",), opening=2).set_index("bin")
    assert table["units"].to_dict() == {
        **{"under 5 s": 1, "5 s and over": 0, "age not known": 2, "still open": 4}
    }
    assert table.loc["still open", "positioning"] == 4 * (12 - 10)
    # openings enter at the ledger's mark of their time, the mid
    assert table.loc["age not known", "positioning"] == 2 * (12 - 10)
    assert table.attrs["opening_known"]
    assert not mm.positioning_by_holding(study).attrs["opening_known"]


def test_without_quotes_all_profit_is_positioning():
    table = mm.positioning_by_holding(simple(*HAND), edges=("5s",))
    assert table["positioning"].tolist() == [16, 18, 0, 0]
    assert (table["spread"] == 0).all()


def test_lots_stand_in_the_session_and_bar_that_closed_them():
    night = 86_400
    study = simple((0, 10, 9.0), (1800, -4, 13.0), (night + 1801, -6, 12.0), quoted=QUOTED)
    table = mm.positioning_by_holding(study, edges=("1h",))
    assert table.groupby("day")["units"].sum().tolist() == [4, 6]
    bars = mm.positioning_by_holding(study, edges=("1h",), freq="30min")
    assert len(bars) == 2 * 48 * 4
    held = bars[bars["units"] > 0]
    # 10:30:00 ends its bar, 10:30:01 is in the next
    assert held["bar"].tolist() == [20, 21]
    assert (held["start"] <= START + pd.to_timedelta([1800, night + 1801], unit="s")).all()
    assert (held["end"] >= START + pd.to_timedelta([1800, night + 1801], unit="s")).all()
    for name in ("units", "positioning", "profit"):
        assert bars[name].sum() == table[name].sum()


def test_what_closes_between_sessions_counts_in_the_next_and_after_the_last_in_the_last():
    hours = ABOUT.assign(calendar="09:30-16:00 UTC")
    own = [(0, 5, "A", "X", 9, 10.0), (86_400, 5, "A", "X", 1, 10.0)]
    moved = pd.DataFrame(
        {"time": START + pd.to_timedelta([12, 36], unit="h"), "seq": 1, "account": "A"}
        | {"asset": "X", "amount": [-2.0, -3.0]}
    )
    study = mm.Market(fills=fills(own), symbols=hours, transfers=moved)
    table = mm.positioning_by_holding(study, edges=("1h",))
    assert table.groupby("day")["units"].sum().tolist() == [0, 2 + 3 + 5]


def total_by_quotes(study, opening=None):
    """A9's sum of the ledger's positions over mids that were there strictly before each fill."""
    book, found, mids = mm.ledger(study, opening=opening), {}, {}
    book = book[book["symbol"].isin(study.symbols["symbol"])]
    if "quotes" in study:
        for symbol, rows in study.quotes.groupby("symbol"):
            keys = list(zip(rows["time"], rows["seq"], strict=True))
            mids[symbol] = keys, ((rows["bid"] + rows["ask"]) / 2).tolist()
    for (account, symbol), own in book.groupby(["account", "symbol"]):
        about = study.symbols.set_index("symbol").loc[symbol]
        keys, values = mids.get(symbol, ([], []))
        marks = []
        for row in own.itertuples():
            place = bisect_left(keys, (row.time, row.seq)) if row.kind == "fill" else 0
            marks.append(values[place - 1] if place else row.mark)
        marks = np.append(marks, own["mark"].iloc[-1])
        marks = -1 / marks if about["settlement"] == about["asset"] else marks
        made = (own["position"].to_numpy() * np.diff(marks)).sum()
        found[account, symbol] = made * about["multiplier"]
    return pd.Series(found)


@pytest.mark.parametrize("freq", ["1D", "30min"])
def test_bins_add_up_on_the_sample(freq):
    study = mm.sample()
    table = mm.positioning_by_holding(study, freq=freq)
    lots = mm.lots(study)
    lots = lots[lots["symbol"].isin(study.symbols["symbol"])]
    by = ["account", "symbol"]
    for name in ("positioning", "profit"):
        found, whole = table.groupby(by)[name].sum(), lots.groupby(by)[name].sum()
        np.testing.assert_allclose(found, whole, atol=1e-9 * whole.abs().max())
    expected, found = total_by_quotes(study), table.groupby(by)["positioning"].sum()
    np.testing.assert_allclose(found, expected[found.index], rtol=1e-9)


TAPES = st.lists(
    st.tuples(
        st.integers(0, 4),  # seconds since the row before
        st.sampled_from("AB"),
        st.sampled_from(["X", "F", "I"]),
        st.integers(-500, 500),  # 0: a quote
        st.integers(900, 1100),
    ),
    min_size=1,
    max_size=50,
).filter(lambda rows: any(n for _, _, _, n, _ in rows))


@calmly(40)
@given(TAPES, st.sampled_from([None, 3.3, -7.0]), st.sampled_from([("2s",), ("1s", "5s", "1min")]))
def test_bins_add_up_on_random_tapes(rows, opening, edges):
    own, quoted, second = [], [], 0
    for seq, (gap, account, symbol, n, price) in enumerate(rows):
        second += gap
        if n:
            own.append((second, seq, account, symbol, n / 10, price / 10))
        else:
            quoted.append((second, seq, symbol, price / 10, 0.5))
    study = market(own, quoted)
    table = mm.positioning_by_holding(study, edges=edges, opening=opening)
    by, scale = ["account", "symbol"], table["units"].sum() * 110 * 50 + 1
    found = table.groupby(by)[["positioning", "profit", "units"]].sum()
    np.testing.assert_allclose(
        found["positioning"], total_by_quotes(study, opening)[found.index], atol=1e-9 * scale
    )
    book = mm.ledger(study, opening=opening).groupby(by)[["realised", "unrealised"]].last()
    np.testing.assert_allclose(found["profit"], book.sum(axis=1), atol=1e-9 * scale)
    lots = mm.lots(study, opening=opening).groupby(by)["size"].sum()
    np.testing.assert_allclose(found["units"], lots, rtol=1e-12)


def test_mirror_and_scale():
    study = simple(*HAND, quoted=QUOTED)
    base = mm.positioning_by_holding(study)["positioning"]
    turned = simple(*[(s, -n, p) for s, n, p in HAND], quoted=QUOTED)
    assert (mm.positioning_by_holding(turned)["positioning"] == -base).all()
    twice = simple(*[(s, 2 * n, p) for s, n, p in HAND], quoted=QUOTED)
    assert (mm.positioning_by_holding(twice)["positioning"] == 2 * base).all()


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.bad_input("bins of time that do not rise")
@pytest.mark.parametrize("edges", [(), ("5min", "10s"), (0.0,), ("soon",), (np.nan,), ("1s", "1s")])
def test_edges_that_are_none(edges):
    with pytest.raises(ValueError, match=r"edges must be times above 0 that rise"):
        mm.positioning_by_holding(simple(*HAND), edges=edges)


@pytest.mark.bad_input("no lot to bin")
def test_nothing_to_bin():
    with pytest.raises(ValueError, match="to book"):
        mm.positioning_by_holding(mm.Market())
    with pytest.raises(ValueError, match=r"no lot of the symbols \['Y'\]"):
        mm.positioning_by_holding(simple(*HAND), symbol="Y")
    with pytest.raises(ValueError, match="freq must be '1D' or a clock step"):
        mm.positioning_by_holding(simple(*HAND), freq="50 trades")


def test_one_open_lot():
    table = mm.positioning_by_holding(simple((0, 1, 10.0))).set_index("bin")
    assert table["lots"].to_dict()["still open"] == 1
    assert table["lots"].sum() == 1


@pytest.mark.bad_input("bins in seconds where sessions have no clock")
def test_no_clock_inside_a_session():
    days = START.floor("D") + pd.to_timedelta([0, 0, 3], unit="D")
    rows = {"time": days, "seq": [1, 2, 3], "account": "A", "symbol": "X", "side": [1.0, -1, -1]}
    own = pd.DataFrame(rows | {"size": [3.0, 1, 2], "price": [10.0, 11, 12]})
    study = mm.Market(fills=own, calendar="dates")
    table = mm.positioning_by_holding(study)
    table = table[table["lots"] > 0]
    assert table["bin"].tolist() == ["under 1 day", "1 day to 7 days"]
    assert table["positioning"].tolist() == [1, 4]
    assert table["day"].tolist() == [days[0].tz_localize(None), days[2].tz_localize(None)]
    with pytest.raises(ValueError, match="no clock inside a session: give edges of a day"):
        mm.positioning_by_holding(study, edges=("5s",))


def test_lots_without_a_mark_are_counted():
    moved = pd.DataFrame({"time": [START], "seq": 1, "account": "A", "asset": "GIFT"})
    study = simple(*HAND, transfers=moved.assign(amount=3.0))
    table = mm.positioning_by_holding(study)
    assert table["symbol"].unique().tolist() == ["X"]
    assert table.attrs["counts"] == {"without a mark": 1}
