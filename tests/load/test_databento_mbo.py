"""Databento order by order records of a few events: the orders, and the book they make, by hand."""

from __future__ import annotations

import struct
from collections import defaultdict
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.databento import databento
from mmresearch.measure.asof import known_before

dbn = pytest.importorskip("databento_dbn")

NONE = 2**63 - 1
START = pd.Timestamp("2024-03-01 14:30", tz="UTC").as_unit("ns").value
LAST, TOP, SNAPSHOT = 128, 64, 40  # a snapshot's records have an inaccurate ts_recv too (32 + 8)


def record(action, side, order, at, size, flags=LAST, *, n=0, instrument=7, event=None) -> bytes:
    """A record received n nanoseconds after the start, and stamped 300 before by the venue."""
    price = NONE if at is None else round(at * 10**9)
    stamp = START + n - 300 if event is None else event
    parts = struct.pack("<BBHIQQqIBB", 14, 160, 1, instrument, stamp, order, price, size, flags, 0)
    return parts + f"{action}{side}".encode() + struct.pack("<QiI", START + n, 0, n)


def write(folder: Path, rows: list[tuple], name: str = "day") -> Path:
    spans = {
        symbol: SimpleNamespace(
            start_date=date(2024, 3, 1), end_date=date(2024, 3, 2), symbol=number
        )
        for symbol, number in (("ESH4", "7"), ("NQH4", "8"))
    }
    mappings = [SimpleNamespace(raw_symbol=k, intervals=[v]) for k, v in spans.items()]
    stypes = {"stype_in": dbn.SType.RAW_SYMBOL, "stype_out": dbn.SType.INSTRUMENT_ID}
    head = dbn.Metadata("GLBX.MDP3", START, schema=dbn.Schema.MBO, mappings=mappings, **stypes)
    path = folder / f"{name}.mbo.dbn"
    records = [
        row if isinstance(row, bytes) else record(*row, n=n) for n, row in enumerate(rows, start=1)
    ]
    path.write_bytes(bytes(head) + b"".join(records))
    return path


LEVELS = (1, 2, 3)
BIG = 2**53 + 1  # an id that a floating-point number does not hold
DAY = [  # action, side, order, price, size, flags: the book after each event
    ("R", "N", 0, None, 0, SNAPSHOT),
    ("A", "B", BIG, 100.0, 10, SNAPSHOT),
    ("A", "B", 2, 99.75, 5, SNAPSHOT),
    ("A", "A", 3, 100.5, 4, SNAPSHOT),
    ("A", "A", 4, 100.5, 6, SNAPSHOT + LAST),  # 100.00 x 10, 99.75 x 5; 100.50 x 10
    ("A", "B", 5, 100.25, 3),  # 100.25 x 3 first
    ("C", "B", 5, 100.25, 1),  # 100.25 x 2: a cancel of a part
    ("M", "B", 2, 99.75, 2),  # fewer at the same price: 99.75 x 2
    ("M", "B", BIG, 100.25, 10),  # another price: 100.25 x 12, nothing at 100.00
    ("T", "B", 0, 100.5, 5, 0),  # a buyer takes 5: all of order 3, one of order 4
    ("F", "A", 3, 100.5, 4, 0),
    ("F", "A", 4, 100.5, 1, 0),
    ("C", "A", 3, 100.5, 4, 0),
    ("C", "A", 4, 100.5, 1),  # 100.50 x 5
    ("T", "A", 0, 100.25, 2, 0),  # a seller takes the 2 of order 5
    ("F", "B", 5, 100.25, 2, 0),
    ("C", "B", 5, 100.25, 2),  # 100.25 x 10
    ("M", "A", 4, 100.5, 7),  # more: it goes to the end, 100.50 x 7
    ("C", "A", 99, 101.0, 3),  # an order that was never seen
    ("C", "B", BIG, 100.25, 10),  # 99.75 x 2
    ("R", "N", 0, None, 0),  # the book is cleared
]


@pytest.fixture
def market(tmp_path):
    return databento(write(tmp_path, DAY), levels=2)


def test_orders_are_what_the_records_did(market):
    table = market.orders
    wanted = [  # seq, order, event, side, price, size
        (2, BIG, "add", 1, 100.0, 10),
        (3, 2, "add", 1, 99.75, 5),
        (4, 3, "add", -1, 100.5, 4),
        (5, 4, "add", -1, 100.5, 6),
        (6, 5, "add", 1, 100.25, 3),
        (7, 5, "reduce", 1, 100.25, 1),
        (8, 2, "reduce", 1, 99.75, 3),
        (9, BIG, "delete", 1, 100.0, 10),  # a modify is two events
        (10, BIG, "add", 1, 100.25, 10),
        (12, 3, "fill", -1, 100.5, 4),  # 11 is the trade
        (13, 4, "fill", -1, 100.5, 1),  # 14 and 15 take out what was filled
        (17, 5, "fill", 1, 100.25, 2),
        (19, 4, "delete", -1, 100.5, 5),
        (20, 4, "add", -1, 100.5, 7),
        (21, 99, "delete", -1, 101.0, 3),
        (22, BIG, "delete", 1, 100.25, 10),
        (23, 2, "delete", 1, 99.75, 2),  # by the clear
        (24, 4, "delete", -1, 100.5, 7),
    ]
    columns = ["seq", "order_id", "event", "side", "price", "size"]
    found = table[columns].itertuples(index=False, name=None)
    assert list(found) == [(seq, str(order), *rest) for seq, order, *rest in wanted]
    assert table["snapshot"].tolist() == [True] * 4 + [False] * 12 + [True] * 2
    assert table["time"].iloc[0] == pd.Timestamp(START + 2, tz="UTC")
    assert table["exchange_time"].iloc[0] == pd.Timestamp(START - 298, tz="UTC")


def test_trades_are_signed_by_the_aggressor(market):
    trades = market.trades
    assert trades["side"].tolist() == [1, -1]
    assert trades["price"].tolist() == [100.5, 100.25]
    assert trades["size"].tolist() == [5, 2]
    assert trades["seq"].tolist() == [11, 16]
    notes = market.receipt.notes
    assert "day.mbo.dbn: ESH4: 3 of 3 fills rest on the side opposite to their trade's" in notes


def test_fills_rest_against_their_trade(tmp_path):
    rows = [("T", "B", 0, 100.5, 4, 0), ("F", "B", 3, 100.5, 4)]
    notes = databento(write(tmp_path, rows)).receipt.notes
    assert "day.mbo.dbn: ESH4: 0 of 1 fills rest on the side opposite to their trade's" in notes


def test_quotes_are_rebuilt_from_the_orders(market):
    quotes = market.quotes
    np.testing.assert_array_equal(
        quotes["bid"], [100, 100.25, 100.25, 100.25, 100.25, 100.25, 100.25, 99.75, np.nan]
    )
    assert quotes["bid_size"].tolist() == [10, 3, 2, 12, 12, 10, 10, 2, 0]
    np.testing.assert_array_equal(quotes["ask"], [100.5] * 8 + [np.nan])
    assert quotes["ask_size"].tolist() == [10, 10, 10, 10, 5, 5, 7, 7, 0]
    # numbered as the last event of their message; record 4 of the snapshot is not looked at
    assert quotes["seq"].tolist() == [5, 6, 7, 10, 15, 18, 20, 22, 25]
    assert quotes["exchange_time"].iloc[0] == pd.Timestamp(START - 295, tz="UTC")
    before = quotes.iloc[known_before(market.trades, quotes)]
    assert before["ask_size"].tolist() == [10, 5]
    assert before["bid_size"].tolist() == [12, 12]


def test_the_book_has_the_levels_behind_the_best(tmp_path, market):
    book = market.book
    np.testing.assert_array_equal(
        book["bid_2"], [99.75, 100, 100, 99.75, 99.75, 99.75, 99.75, np.nan, np.nan]
    )
    assert book["bid_size_2"].tolist() == [5, 10, 10, 2, 2, 2, 2, 0, 0]
    assert book["ask_2"].isna().all()
    assert "bid_3" not in book
    deeper = databento(write(tmp_path, DAY), levels=3).book
    assert len(deeper) == 10  # a row more: the reduce at 99.75, third at that time
    np.testing.assert_array_equal(deeper["bid_size_3"], [0, 5, 5, 2, 0, 0, 0, 0, 0, 0])


def test_the_receipt_counts_and_says(market):
    receipt = market.receipt
    assert receipt.rows_read == receipt.rows_kept == 21
    said = "\n".join(receipt.notes)
    assert "1 cancels of orders that were not seen to rest" in said
    assert "6 order events of snapshots and clears" in said  # 4 adds, 2 deletes
    assert "0 of 9 states of its book locked or crossed" in said
    assert "begins without" not in said


def _signed(orders: pd.DataFrame) -> pd.Series:
    return orders["size"].where(orders["event"] == "add", -orders["size"])


def test_what_is_added_less_what_is_taken_is_what_rests(market):
    known = market.orders[market.orders["order_id"] != "99"]
    rests = _signed(known).groupby(known["order_id"]).sum()
    assert (rests == 0).all()  # the clear took everything
    early = known[known["seq"] <= 15]
    levels = _signed(early).groupby([early["side"], early["price"]]).sum()
    assert levels[levels > 0].to_dict() == {(-1, 100.5): 5, (1, 99.75): 2, (1, 100.25): 12}


def test_after_a_clear_the_book_begins_anew(tmp_path):
    # the clear, then the same price again in one event: 3, not 5 + 3; order 1 rests anew
    rows = [
        ("A", "B", 1, 100.0, 5),
        ("R", "N", 0, None, 0, 0),
        ("A", "B", 1, 100.0, 3),
        ("C", "B", 1, 100.0, 1),
    ]
    market = databento(write(tmp_path, rows))
    assert market.quotes["bid_size"].tolist() == [5, 3, 2]
    assert market.orders["event"].tolist() == ["add", "delete", "add", "reduce"]
    assert market.orders["size"].tolist() == [5, 5, 3, 1]


def test_a_fill_of_a_part_then_a_cancel_of_the_rest(tmp_path):
    # 3 of 10 are filled; the cancel of 10 takes out the 3 and withdraws 7
    rows = [("A", "B", 1, 100.0, 10), ("F", "B", 1, 100.0, 3, 0), ("C", "B", 1, 100.0, 10)]
    orders = databento(write(tmp_path, rows)).orders
    assert orders["event"].tolist() == ["add", "fill", "delete"]
    assert orders["size"].tolist() == [10, 3, 7]


def test_a_fill_without_its_cancel_is_not_taken_from_a_later_one(tmp_path):
    # the order shows 5 and 12 are filled (an iceberg): the cancel of 5 settles it, and what comes
    # after is an order of its own under the same id
    rows = [
        ("A", "B", 1, 100.0, 5),
        ("F", "B", 1, 100.0, 12, 0),
        ("C", "B", 1, 100.0, 5, 0),
        ("A", "B", 1, 100.0, 5),
        ("C", "B", 1, 100.0, 5),
    ]
    market = databento(write(tmp_path, rows))
    assert market.orders["event"].tolist() == ["add", "fill", "add", "delete"]
    # taken out and shown again within one event: the book did not move in between
    assert market.quotes["bid_size"].tolist() == [5, 0]


def test_modifies(tmp_path):
    rows = [
        ("A", "B", 1, 100.0, 5),
        ("M", "B", 1, 100.0, 5),  # nothing that shows
        ("M", "A", 2, 101.0, 4),  # never seen: an add
        ("A", "B", 1, 99.0, 2),  # rests already: the old one is deleted
        ("C", "B", 1, 99.0, 3),  # more than rests
        ("A", "N", 8, 100.0, 1),  # no side: in no book
    ]
    market = databento(write(tmp_path, rows))
    assert market.orders["event"].tolist() == ["add", "add", "delete", "add", "delete"]
    assert market.orders["size"].tolist() == [5, 4, 5, 2, 2]
    said = "\n".join(market.receipt.notes)
    for words in (
        "1 modifies that change neither price nor size",
        "1 modifies of orders that were not seen to rest",
        "1 adds of orders that rest already",
        "1 cancels of more than rests",
        "1 adds or modifies without a price or side",
        "ESH4 begins without a clear or snapshot",
    ):
        assert words in said


def test_records_of_best_prices_replace_their_side(tmp_path):
    # a venue that tells its best quotes only: each add is the side's whole book (flag 64)
    rows = [
        ("A", "B", 0, 100.0, 5, TOP + LAST),
        ("A", "A", 0, 101.0, 3, TOP + LAST),
        ("A", "B", 0, 99.0, 4, TOP + LAST),
        ("A", "A", 0, None, 0, TOP + LAST),  # no ask
    ]
    quotes = databento(write(tmp_path, rows)).quotes
    assert quotes["bid"].tolist() == [100, 100, 99, 99]
    np.testing.assert_array_equal(quotes["ask"], [np.nan, 101, 101, np.nan])
    assert quotes["ask_size"].tolist() == [0, 3, 3, 0]


def test_instruments_have_books_of_their_own(tmp_path):
    rows = [
        record("A", "B", 1, 100.0, 5, n=1),
        record("A", "A", 1, 18_000.0, 2, n=2, instrument=8),
        record("A", "A", 2, 101.0, 7, n=3),
        record("T", "B", 0, 18_000.0, 2, 0, n=4, instrument=8),
        record("C", "A", 1, 18_000.0, 1, n=5, instrument=8),
    ]
    market = databento(write(tmp_path, rows))
    assert market.orders["symbol"].tolist() == ["ESH4", "NQH4", "ESH4", "NQH4"]
    assert market.orders["seq"].tolist() == [1, 2, 3, 5]  # the file's order, over all
    es, nq = (market.quotes[market.quotes["symbol"] == s] for s in ("ESH4", "NQH4"))
    assert es["bid_size"].tolist() == [5, 5]
    assert es["ask_size"].tolist() == [0, 7]
    assert nq["ask_size"].tolist() == [2, 1]
    assert nq["bid"].isna().all()
    assert market.trades["symbol"].tolist() == ["NQH4"]


def test_orders_of_a_snapshot_keep_its_time(tmp_path):
    # the exchange stamped the order the day before; on its clock the snapshot is when it was taken
    yesterday = START - 86_400 * 10**9
    rows = [
        record("A", "B", 1, 100.0, 5, SNAPSHOT + LAST, n=1000, event=yesterday),
        record("A", "A", 2, 101.0, 5, n=2000),
    ]
    market = databento(write(tmp_path, rows), clock="exchange")
    times = [pd.Timestamp(START + n, tz="UTC") for n in (1000, 1700)]
    assert market.orders["time"].tolist() == times
    assert market.quotes["time"].tolist() == times
    assert market.quotes["local_time"].iloc[1] == pd.Timestamp(START + 2000, tz="UTC")


def test_one_symbol_s_orders_come_from_one_file(tmp_path):
    write(tmp_path, DAY, "a")
    write(tmp_path, DAY[:-1], "b")
    with pytest.raises(mm.SourceError, match=r"quotes of ESH4 .* a.mbo.dbn holds too") as caught:
        databento(tmp_path)
    assert [f.file for f in caught.value.faults] == ["b.mbo.dbn", "b.mbo.dbn"]


def test_a_random_day_against_a_plain_book(tmp_path):
    # every way of changing an order, against dicts; prices overlap nowhere, sizes are whole
    rng = np.random.default_rng(7)
    rows, resting, expected = [], {}, []
    for number in range(3000):
        kind = rng.choice(["A", "C", "M", "F"]) if resting else "A"
        if kind == "A":
            side = rng.choice(["B", "A"])
            at = 100 - rng.integers(1, 30) if side == "B" else 100 + rng.integers(1, 30)
            resting[number] = (side, float(at), int(rng.integers(1, 20)))
            rows.append(("A", side, number, *resting[number][1:]))
        else:
            order = int(rng.choice(list(resting)))
            side, at, size = resting.pop(order)
            part = int(rng.integers(1, size + 1))
            if kind == "M":
                moved = (side, at + rng.choice([0.0, 0.5]), int(rng.integers(1, 20)))
                resting[order] = moved
                rows.append(("M", side, order, *moved[1:]))
            else:
                if kind == "F":
                    rows.append(("F", side, order, at, part, 0))
                    expected.append(None)
                rows.append(("C", side, order, at, part))
                if part < size:
                    resting[order] = (side, at, size - part)
        levels = defaultdict(int)
        for side, at, size in resting.values():
            levels[side, at] += size
        bids = sorted(((p, n) for (s, p), n in levels.items() if s == "B"), reverse=True)[:3]
        asks = sorted((p, n) for (s, p), n in levels.items() if s == "A")[:3]
        expected.append((bids, asks))
    market = databento(write(tmp_path, rows), levels=len(LEVELS))
    book = market.book.set_index("exchange_time")
    found = {"bid": [], "ask": []}
    states = [state for state in expected if state is not None]
    stamps = [START + n - 300 for n, s in enumerate(expected, start=1) if s is not None]
    seen = book.reindex(pd.to_datetime(stamps, utc=True), method="ffill")
    for row in seen.itertuples():
        for side, levels in found.items():
            pairs = (
                (getattr(row, f"{side}_{k}"), getattr(row, f"{side}_size_{k}")) for k in (1, 2, 3)
            )
            levels.append([(p, s) for p, s in pairs if s > 0])
    assert found["bid"] == [bids for bids, _ in states]
    assert found["ask"] == [asks for _, asks in states]
    orders = market.orders
    rests = _signed(orders).groupby(orders["order_id"]).sum()
    assert rests[rests > 0].to_dict() == {str(k): v[2] for k, v in resting.items()}
