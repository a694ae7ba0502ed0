"""Lives of orders by hand, faults by name, conservation over events made at random."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.measure.order_kernels import first_beyond
from tests.measure.order_tapes import OPEN, market, orders, quotes


def ends(lives: pd.DataFrame) -> dict:
    return lives.set_index("order_id")["end"].to_dict()


def test_a_buy_that_is_filled_and_a_sell_that_is_cancelled():
    lives = mm.order_lives(
        market(
            (1, "a", "add", 1, 98.5, 10),
            (2, "b", "add", -1, 100.5, 4),
            (3.5, "a", "fill", 1, 98.5, 4),
            (4, "b", "reduce", -1, 100.5, 1),
            (5, "a", "fill", 1, 98.5, 6),
            (6, "b", "delete", -1, 100.5, 3),
        )
    ).set_index("order_id")
    a, b = lives.loc["a"], lives.loc["b"]
    assert (a["end"], a["seconds"], a["size_filled"], a["first_fill"]) == ("fill", 4.0, 10.0, 2.5)
    assert (b["end"], b["seconds"], b["size_cancelled"]) == ("cancel", 4.0, 4.0)
    assert np.isnan(b["first_fill"])
    assert b["added"] == OPEN + pd.Timedelta("2s")
    assert b["ended"] == OPEN + pd.Timedelta("6s")
    # half a unit behind the bid of 99, half a unit better than the ask of 101, of the mid of 100
    assert (a["distance"], a["distance_ticks"], a["distance_bps"]) == (0.5, 1.0, 50.0)
    assert (b["distance"], b["distance_ticks"], b["distance_bps"]) == (-0.5, -1.0, -50.0)
    assert not lives["marketable"].any()
    assert (lives["fault"] == "").all()


def test_partly_filled_then_cancelled_is_a_cancellation():
    lives = mm.order_lives(
        market((1, "a", "add", 1, 99, 10), (2, "a", "fill", 1, 99, 4), (3, "a", "delete", 1, 99, 6))
    )
    (row,) = lives.itertuples()
    assert (row.end, row.size_filled, row.size_cancelled, row.size_standing) == ("cancel", 4, 6, 0)
    assert (row.seconds, row.first_fill) == (2.0, 1.0)


def test_reduced_to_nothing_is_a_cancellation():
    lives = mm.order_lives(market((1, "a", "add", 1, 99, 10), (2, "a", "reduce", 1, 99, 10)))
    assert lives["end"].tolist() == ["cancel"]


def test_an_order_that_stands_at_the_close_is_watched_until_then():
    lives = mm.order_lives(market((100, "a", "add", 1, 99, 10)))
    assert (lives["end"].item(), lives["seconds"].item()) == ("standing", 500.0)


def test_the_watch_ends_with_the_record():
    quoted = quotes((0, 0, 99.0, 101.0), (130, 0, 99.0, 101.0))
    lives = mm.order_lives(market((100, "a", "add", 1, 99, 10), quoted=quoted))
    assert (lives["end"].item(), lives["seconds"].item()) == ("standing", 30.0)


def test_nothing_crosses_a_session():
    first = orders((590, "a", "add", 1, 99, 10))
    later = orders((5, "a", "delete", 1, 99, 10), open_=OPEN + pd.Timedelta(days=1))
    lives = mm.order_lives(market(orders=pd.concat([first, later]), quoted=quotes((600, 0, 9, 10))))
    assert (lives["end"].item(), lives["seconds"].item()) == ("standing", 10.0)
    assert lives.attrs["apart"] == {"cancellations of orders not seen to be added": 1}


def test_a_marketable_order():
    lives = mm.order_lives(market((1, "a", "add", 1, 101, 1), (1, "b", "add", -1, 98, 1)))
    assert lives["marketable"].tolist() == [True, True]


def test_an_order_modified_under_its_own_id_is_two_lives():
    lives = mm.order_lives(
        market(
            (1, "a", "add", 1, 99, 10),
            (2, "a", "delete", 1, 99, 10),
            (2, "a", "add", 1, 98, 10),
            (4, "a", "delete", 1, 98, 10),
            (5, "a", "add", 1, 98, 10),
        )
    )
    assert lives["number"].tolist() == [1, 2, 3]
    assert lives["modified"].tolist() == [True, False, False]
    assert lives["end"].tolist() == ["cancel", "cancel", "standing"]
    assert (lives["fault"] == "").all()


def test_a_modification_of_an_order_that_rested_before_is_no_fault():
    lives = mm.order_lives(market((2, "a", "delete", 1, 99, 10), (2, "a", "add", 1, 98, 10)))
    assert lives["fault"].tolist() == [""]
    assert lives.attrs["faults"] == {}


# --- what cannot be, by name ----------------------------------------------------------------------


def fault_of(*rows: tuple) -> tuple[str, dict]:
    lives = mm.order_lives(market(*rows))
    conserved = lives["size_filled"] + lives["size_cancelled"] + lives["size_standing"]
    assert (conserved == lives["size"]).all()
    assert (lives["size_standing"] >= 0).all()
    return lives["fault"].iloc[-1], lives.attrs["faults"]


def test_deleted_before_it_was_added():
    fault, counts = fault_of((1, "a", "delete", 1, 99, 10), (2, "a", "add", 1, 99, 10))
    assert fault == "deleted or filled before it was added"
    assert counts == {fault: 1}


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        ("fill", "a fill larger than the order"),
        ("reduce", "a cancellation larger than the order"),
        ("delete", "a cancellation larger than the order"),
    ],
)
def test_more_than_rests(event, fault):
    rows = ((1, "a", "add", 1, 99, 10), (2, "a", event, 1, 99, 11))
    assert fault_of(*rows) == (fault, {fault: 1})
    lives = mm.order_lives(market(*rows))
    assert lives["size_filled"].item() + lives["size_cancelled"].item() == 10  # what rested


def test_added_twice():
    fault, counts = fault_of((1, "a", "add", 1, 99, 10), (2, "a", "add", 1, 99, 5))
    assert (fault, counts) == ("added twice", {"added twice": 1})


def test_deleted_for_less_than_rested():
    rows = ((1, "a", "add", 1, 99, 10), (2, "a", "delete", 1, 99, 5))
    assert fault_of(*rows)[0] == "deleted for less than rested"
    (row,) = mm.order_lives(market(*rows)).itertuples()
    assert (row.end, row.size_cancelled) == ("cancel", 10.0)  # all of it went


def test_an_event_after_the_end():
    rows = ((1, "a", "add", 1, 99, 10), (2, "a", "fill", 1, 99, 10), (3, "a", "delete", 1, 99, 10))
    assert fault_of(*rows)[0] == "an event after it had ended"


def test_without_an_id_or_a_size():
    lives = mm.order_lives(
        market(
            (1, None, "add", 1, 99, 10), (2, "0", "add", 1, 99, 10), (3, "a", "add", 1, 99, None)
        )
    )
    assert lives.empty
    assert lives.attrs["faults"] == {"without an order id": 2, "without a size": 1}


def test_orders_that_rested_before_the_record_are_counted():
    lives = mm.order_lives(
        market(
            (1, "a", "fill", 1, 99, 10),
            (2, "b", "delete", 1, 99, 10),
            (3, "c", "reduce", 1, 99, 10),
        )
    )
    assert lives.empty
    assert lives.attrs["apart"] == {
        "cancellations of orders not seen to be added": 2,
        "fills of orders not seen to be added": 1,
    }


def test_a_snapshot_is_of_orders_that_rested_before():
    rows = orders(
        (1, "a", "add", 1, 99, 10), (2, "b", "add", 1, 99, 1), (3, "a", "delete", 1, 99, 10)
    )
    lives = mm.order_lives(market(orders=rows.assign(snapshot=[True, False, False])))
    assert lives["order_id"].tolist() == ["b"]
    assert lives.attrs["apart"]["orders resting before the record began"] == 1


def test_a_clear_of_the_book_is_no_cancellation():
    rows = orders((1, "a", "add", 1, 99, 10), (3, "a", "delete", 1, 99, 10))
    lives = mm.order_lives(market(orders=rows.assign(snapshot=[False, True])))
    assert (lives["end"].item(), lives["size_cancelled"].item()) == ("cleared", 0.0)


def test_hidden_fills_crosses_and_halts_are_apart():
    lives = mm.order_lives(
        market(
            (1, "a", "add", 1, 99, 10),
            (2, "0", "hidden_fill", 1, 99.5, 7),
            (3, None, "cross", None, 99.5, 100),
            (5, None, "halt", None, None, None),
            (9, None, "halt", None, None, None),
            (10, "b", "add", 1, 99, 10),
            (20, "a", "delete", 1, 99, 10),
        )
    )
    assert lives.attrs["apart"] == {
        "fills of hidden orders": 1,
        "auction crosses": 1,
        "halts and resumptions": 2,
    }
    # while trading is halted no order can be filled: the watch ends, what became of it is kept
    a = lives.set_index("order_id").loc["a"]
    assert (a["end"], a["seconds"], a["size_cancelled"]) == ("halt", 4.0, 10.0)
    assert ends(lives)["b"] == "standing"


def test_events_outside_every_session():
    rows = ((-5, "a", "add", 1, 99, 10), (5, "a", "delete", 1, 99, 10), (601, "b", "add", 1, 99, 1))
    lives = mm.order_lives(market(*rows))
    assert lives.empty
    assert lives.attrs["apart"] == {
        "cancellations of orders not seen to be added": 1,
        "events outside every session": 2,
    }


def test_locked_crossed_and_one_sided_quotes():
    quoted = quotes(
        (1, 0, 100.0, 100.0), (2, 0, 101.0, 100.0), (3, 0, 99.0, np.nan), (4, 0, np.nan, np.nan)
    )
    adds = [(0.5 + k, f"n{k}", "add", 1, 99, 1) for k in range(5)]
    lives = mm.order_lives(market(*adds, quoted=quoted))
    assert lives.attrs["quotes"] == {
        "added before any quote": 1,
        "added under locked or crossed quotes": 2,
        "added with a side of the quotes missing": 2,
    }
    assert lives["distance"].notna().tolist() == [False, False, False, True, False]
    assert lives["marketable"].notna().sum() == 0


def test_without_quotes_there_are_lives_and_no_distances():
    tables = {"orders": orders((1, "a", "add", 1, 99, 10), (2, "a", "delete", 1, 99, 10))}
    lives = mm.order_lives(mm.Market(**tables))
    assert (lives["end"].item(), lives["seconds"].item()) == ("cancel", 1.0)
    assert lives[["distance", "marketable"]].isna().all(axis=None)


def test_a_market_without_orders_is_refused():
    with pytest.raises(ValueError, match="has no orders"):
        mm.order_lives(mm.Market(quotes=quotes((0, 0, 99.0, 101.0))))
    with pytest.raises(ValueError, match="no orders of Y; there are of X"):
        mm.order_lives(market((1, "a", "add", 1, 99, 10)), symbol="Y")


# --- out of sight ---------------------------------------------------------------------------------


def test_an_order_behind_the_last_level_shown_is_watched_no_longer():
    quoted = quotes(
        (0, 0, 99.0, 101.0), (5, 2, 99.5, 101.0), (6, 3, 99.0, 101.0), (7, 4, 99.0, 100)
    )
    rows = (
        (1, "a", "add", 1, 99, 10),
        (5, "b", "add", 1, 99.5, 1),
        (6, "b", "delete", 1, 99.5, 1),
        (7, "c", "add", -1, 100, 1),
        (20, "a", "delete", 1, 99, 10),
    )
    made = market(*rows, quoted=quoted)
    seen = mm.order_lives(made, levels=1).set_index("order_id")
    assert seen["end"].to_dict() == {"a": "out of sight", "b": "cancel", "c": "standing"}
    assert seen.loc["a", "seconds"] == 4.0
    assert seen.loc["a", "size_cancelled"] == 10.0  # the event is there all the same
    assert mm.order_lives(made).set_index("order_id").loc["a", "seconds"] == 19.0
    with pytest.raises(ValueError, match="1 to 1 here"):
        mm.order_lives(made, levels=2)


def test_sells_go_out_of_sight_when_a_lower_ask_comes():
    quoted = quotes((0, 0, 99.0, 101.0), (4, 0, 99.0, 100.5), (600, 0, 99.0, 101.0))
    lives = mm.order_lives(market((1, "a", "add", -1, 101, 10), quoted=quoted), levels=1)
    assert (lives["end"].item(), lives["seconds"].item()) == ("out of sight", 3.0)


def test_a_better_price_before_the_add_hides_nothing():
    quoted = quotes((0, 0, 99.5, 101.0), (2, 0, 99.0, 101.0), (600, 0, 99.0, 101.0))
    lives = mm.order_lives(market((3, "a", "add", 1, 99, 10), quoted=quoted), levels=1)
    assert (lives["end"].item(), lives["seconds"].item()) == ("standing", 597.0)


def test_first_beyond_is_the_plain_search():
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 64, 100):
        values = np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 20, n).astype(float))
        begin, limit = rng.integers(0, n + 1, 200), rng.integers(-1, 21, 200).astype(float)
        plain = []
        for b, x in zip(begin, limit, strict=True):
            later = np.flatnonzero(values[b:] > x)
            plain.append(b + later[0] if len(later) else -1)
        assert first_beyond(values, begin, limit).tolist() == plain


# --- at random ------------------------------------------------------------------------------------


def plain_lives(rows: pd.DataFrame) -> dict:
    """What became of each order, by a dictionary of what rests."""
    rest, found = {}, {}
    for row in rows.itertuples():
        if row.event == "add":
            rest[row.order_id] = row.size
            found[row.order_id] = [row.size, 0.0, 0.0]
        elif row.order_id in rest:
            rest[row.order_id] -= row.size
            found[row.order_id][1 if row.event == "fill" else 2] += row.size
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("words", [False, True])
def test_random_streams_are_the_plain_replay(seed, words):
    rng = np.random.default_rng(seed)
    rows, rest = [], {}
    for k in range(400):
        ids = [i for i, left in rest.items() if left > 0]
        if not ids or rng.random() < 0.4:
            rest[k] = float(rng.integers(2, 9))
            rows.append((k, k, "add", rng.choice([-1, 1]), 99, rest[k]))
            continue
        own = int(rng.choice(ids))
        event = rng.choice(["fill", "reduce", "delete"])
        size = rest[own] if event == "delete" else float(rng.integers(1, rest[own] + 1))
        rest[own] -= size
        rows.append((k, own, event, 1, 99, size))
    name = "n{}" if words else "{}"
    made = orders(*((k, name.format(i + 1), *more) for k, i, *more in rows))
    lives = mm.order_lives(mm.Market(orders=made)).set_index("order_id")
    assert (lives["fault"] == "").all()
    for order, (size, filled, cancelled) in plain_lives(made).items():
        own = lives.loc[order]
        assert (own["size"], own["size_filled"], own["size_cancelled"]) == (size, filled, cancelled)
        assert (own["size_standing"] == 0) == (own["end"] in ("fill", "cancel"))
