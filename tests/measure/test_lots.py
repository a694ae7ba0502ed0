"""FIFO lots: by hand in both signs, against a slow deque, and beside average cost."""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from tests.at_random import calmly

START = pd.Timestamp("2024-01-02 10:00", tz="UTC")
ABOUT = pd.DataFrame(
    {
        "symbol": ["X", "F", "I"],
        "asset": ["X", "F", "BTC"],
        "currency": "USD",
        "settlement": ["USD", "USD", "BTC"],
        "multiplier": [1.0, 50.0, 1.0],
    }
)


def market(rows, **more):
    """Rows of (second, account, symbol, signed size, price)."""
    table = pd.DataFrame(rows, columns=["s", "account", "symbol", "n", "price"])
    time = START + pd.to_timedelta(table["s"], unit="s")
    fills = table.assign(time=time, seq=range(len(table)), side=np.sign(table["n"]))
    fills = fills.assign(size=table["n"].abs()).drop(columns=["s", "n"])
    return mm.Market(fills=fills, symbols=ABOUT, **more)


def simple(*rows, **more):
    return market([(s, "A", "X", n, p) for s, n, p in rows], **more)


@pytest.mark.parametrize("sign", [1, -1])
def test_by_hand(sign):
    # 10 at 5 and 10 at 6 in; 15 out at 8: 10 of the first, 5 of the second; then 8 out, 3 short
    study = simple((0, 10 * sign, 5), (1, 10 * sign, 6), (4, -15 * sign, 8), (9, -8 * sign, 7))
    table = mm.lots(study)
    assert table["side"].tolist() == [sign, sign, sign, -sign]
    assert table["size"].tolist() == [10, 5, 5, 3]
    assert table["open_price"].tolist() == [5, 6, 6, 7]
    assert table["close_price"].tolist() == [8, 8, 7, 7]
    assert table["profit"].tolist() == [30 * sign, 10 * sign, 5 * sign, 0]
    assert table["held"].tolist() == [4, 3, 8, 0]
    assert table["open"].tolist() == [False, False, False, True]
    assert table["closed_by"].tolist() == ["fill", "fill", "fill", ""]
    beside = mm.fifo_profit(study)
    assert beside["realised_fifo"].tolist() == [0, 0, 40 * sign, 45 * sign]
    assert beside["unrealised_fifo"].tolist() == [0, 10 * sign, 10 * sign, 0]
    # at average cost 5.5: 15 * 2.5 after the third
    assert mm.ledger(study)["realised"].tolist()[2] == 37.5 * sign


def test_openings_and_transfers_are_lots_at_the_mark():
    moved = {"time": [START + pd.Timedelta("5s")], "seq": [9], "account": "A", "asset": "X"}
    moves = pd.DataFrame(moved | {"amount": [-3.0]})
    table = mm.lots(simple((1, 4, 10), (3, -5, 12), transfers=moves), opening=2)
    assert table["opened_by"].tolist() == ["opening", "fill", "fill", "transfer"]
    assert table["closed_by"].tolist() == ["fill", "fill", "transfer", ""]
    assert table["size"].tolist() == [2, 3, 1, 2]
    later = mm.lots(simple((1, 4, 10), transfers=moves))
    assert later["size"].tolist() == [3, 1]


def test_inverse_by_hand():
    # 1,000 dollars at 10,000 closed at 12,500: .1 - .08
    table = mm.lots(market([(0, "A", "I", 1000, 10_000), (1, "A", "I", -1000, 12_500)]))
    assert table["profit"].tolist() == pytest.approx([0.02])


def slow(rows):
    """Lots of one series by a deque of [units, price]: closed pieces, what is left, realised."""
    queue, pieces, realised = deque(), [], 0.0
    for units, price in rows:
        rest = units
        while rest and queue and queue[0][0] * rest < 0:
            part = np.sign(queue[0][0]) * min(abs(queue[0][0]), abs(rest))
            pieces.append((part, queue[0][1], price))
            realised += part * (price - queue[0][1])
            queue[0][0] -= part
            rest += part
            if queue[0][0] == 0:
                queue.popleft()
        if rest:
            queue.append([rest, price])
    return pieces, [tuple(lot) for lot in queue], realised


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_a_slow_deque(seed):
    rng = np.random.default_rng(seed)
    n = 3000
    size = rng.integers(1, 300, n) * rng.choice([-1.0, 1.0], n)  # whole: no rounding
    price = np.round(100 + rng.normal(size=n).cumsum(), 2)
    account = rng.choice(["A", "B", "C"], n)
    rows = [(t, a, "X", u, p) for t, (a, u, p) in enumerate(zip(account, size, price, strict=True))]
    study = market(rows)
    table, book = mm.lots(study), mm.ledger(study)
    realised = mm.fifo_profit(study)["realised_fifo"].groupby(book["account"]).last()
    for name, own in table.groupby("account"):
        pieces, left, gain = slow(
            [(u, p) for a, u, p in zip(account, size, price, strict=True) if a == name]
        )
        closed = own[~own["open"]]
        found = np.column_stack(
            [closed["side"] * closed["size"], closed["open_price"], closed["close_price"]]
        )
        np.testing.assert_allclose(found, pieces, rtol=1e-12)
        rest = own[own["open"]]
        np.testing.assert_allclose(
            np.column_stack([rest["side"] * rest["size"], rest["open_price"]]), left, rtol=1e-12
        )
        assert realised[name] == pytest.approx(gain, rel=1e-12)


TAPES = st.lists(
    st.tuples(
        st.sampled_from("AB"),
        st.sampled_from(["X", "F", "I"]),
        st.integers(-500, 500).filter(bool),
        st.integers(900, 1100),
    ),
    min_size=1,
    max_size=60,
)


@calmly(80)
@given(TAPES, st.sampled_from([None, 3.3, -7.0]))
def test_profit_is_the_same_under_both_and_sizes_are_flows(rows, opening):
    study = market([(t, a, s, n / 10, p / 10) for t, (a, s, n, p) in enumerate(rows)])
    table, book = mm.lots(study, opening=opening), mm.ledger(study, opening=opening)
    beside = mm.fifo_profit(study, opening=opening)
    both = beside.sum(axis=1) - book["realised"] - book["unrealised"]
    scale = (book["position"] * book["mark"]).abs().max() + book["cash"].abs().max() + 1
    assert both.abs().max() <= 1e-9 * scale
    signed = table["side"] * table["size"]
    by = [table["account"], table["symbol"]]
    last = book.groupby(["account", "symbol"]).last()
    held = signed.where(table["open"], 0.0).groupby(by).sum()
    np.testing.assert_allclose(held, last["position"], atol=1e-9)
    profit = table["profit"].groupby(by).sum()
    expected = last["realised"] + last["unrealised"]
    np.testing.assert_allclose(profit, expected, atol=1e-9 * scale)
    # every unit that came or went opened a piece or closed one
    moved = book["flow"].abs().groupby([book["account"], book["symbol"]]).sum()
    touched = table["size"].where(table["opened_by"] == "fill", 0.0)
    touched += table["size"].where(table["closed_by"] == "fill", 0.0)
    np.testing.assert_allclose(touched.groupby(by).sum(), moved, atol=1e-9)


def test_time_held_by_hand():
    # 4 units held 1 s, 4 held 3 s, 2 open after 10 s, 1 after 0 s
    # still held after 1 s: 6 of 10; after 3 s: .6 * 2 / 6 = .2
    study = simple((0, 4, 10), (1, -4, 10), (2, 4, 10), (5, -4, 10), (6, 2, 10), (16, 1, 10))
    row = mm.time_held(mm.lots(study)).iloc[0]
    assert row[["quarter_closed", "half_closed", "three_quarters_closed"]].tolist() == [1, 3, 3]
    assert (row["lots"], row["units"]) == (4, 11)
    assert row["open_share"] == pytest.approx(3 / 11)
    assert row["unknown_share"] == 0


def test_open_lots_are_censored_not_short():
    """Exponential lives of 10 s, half of them seen for 10 s at most: the median is 6.9 s.

    4,000 lots: its standard error is 10 / sqrt(2000) = .22.
    """
    rng = np.random.default_rng(3)
    life, seen = rng.exponential(10, 4000), rng.choice([10.0, 1000.0], 4000)
    known = pd.DataFrame(
        {"account": "A", "symbol": "X", "size": 1.0, "opened_by": "fill"}, range(4000)
    )
    table = known.assign(held=np.minimum(life, seen), open=life > seen)
    right = mm.time_held(table)["half_closed"].iloc[0]
    assert right == pytest.approx(10 * np.log(2), abs=0.7)
    assert table.loc[~table["open"], "held"].median() < 10 * np.log(2) - 0.7


def test_nothing_closed_is_no_number():
    row = mm.time_held(mm.lots(simple((0, 4, 10), (1, 4, 10)))).iloc[0]
    assert row[["quarter_closed", "half_closed"]].isna().all()
    assert row["open_share"] == 1
    with pytest.raises(ValueError, match="to book"):
        mm.lots(mm.Market())
