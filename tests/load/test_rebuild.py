"""Books from increments: by hand, and against a rebuild that is a dict and nothing else."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load import rebuild

NAN = math.nan
# message, side, price, size, begins a snapshot
HAND = [
    (1, 1, 99.0, 5.0, True),
    (1, 1, 98.0, 7.0, False),
    (1, -1, 101.0, 4.0, False),
    (2, 1, 98.0, 8.0, False),  # second level alone
    (3, -1, 100.5, 2.0, False),
    (3, -1, 100.5, 0.0, False),  # come and gone inside one message
    (4, 1, 97.0, 1.0, False),  # third level: not among the best two
    (5, 1, 99.0, 0.0, False),
    (6, -1, 97.5, 3.0, False),  # below the best bid
    (7, 1, 90.0, 0.0, False),  # not there
    (8, 1, 96.0, 2.0, True),  # a snapshot of one bid
]


def arrays(rows: list[tuple]) -> list[np.ndarray]:
    types = (np.int64, np.int8, np.float64, np.float64, np.bool_)
    return [np.array(c, t) for c, t in zip(zip(*rows, strict=True), types, strict=True)]


def by_dict(rows: list[tuple], levels: int) -> tuple[list, int, int]:
    """(index, bids, asks) of every message that changes the best levels, unknown, crossed."""
    sides: dict[int, dict[float, float]] = {1: {}, -1: {}}
    seen, unknown, crossed, last = [], 0, 0, ([], [])
    done = 0
    for _, message in itertools.groupby(rows, key=lambda row: row[0]):
        for _, side, price, size, reset in message:
            done += 1
            if reset:
                sides[1].clear()
                sides[-1].clear()
            if size:
                sides[side][price] = size
            elif sides[side].pop(price, None) is None and not reset:
                unknown += 1
        bids = sorted(sides[1].items(), reverse=True)[:levels]
        asks = sorted(sides[-1].items())[:levels]
        if (bids, asks) != last:
            last = (bids, asks)
            seen.append((done - 1, bids, asks))
            crossed += bool(bids and asks and bids[0][0] >= asks[0][0])
    return seen, unknown, crossed


def same(rows: list[tuple], levels: int) -> rebuild.Books:
    """What the kernel gives, which is what the dict gives."""
    found = rebuild.books(*arrays(rows), levels=levels)
    seen, unknown, crossed = by_dict(rows, levels)
    assert found.rows.tolist() == [i for i, _, _ in seen]
    for prices, sizes, place in ((found.bid, found.bid_size, 1), (found.ask, found.ask_size, 2)):
        wanted = np.full((len(seen), levels, 2), [NAN, 0.0])
        for row, state in enumerate(seen):
            for level, pair in enumerate(state[place]):
                wanted[row, level] = pair
        np.testing.assert_array_equal(prices, wanted[:, :, 0])
        np.testing.assert_array_equal(sizes, wanted[:, :, 1])
    assert (found.unknown, found.crossed) == (unknown, crossed)
    return found


def test_by_hand():
    found = rebuild.books(*arrays(HAND), levels=2)
    assert found.rows.tolist() == [2, 3, 7, 8, 10]
    np.testing.assert_array_equal(found.bid, [[99, 98], [99, 98], [98, 97], [98, 97], [96, NAN]])
    np.testing.assert_array_equal(found.bid_size, [[5, 7], [5, 8], [8, 1], [8, 1], [2, 0]])
    np.testing.assert_array_equal(
        found.ask, [[101, NAN], [101, NAN], [101, NAN], [97.5, 101], [NAN, NAN]]
    )
    np.testing.assert_array_equal(found.ask_size, [[4, 0], [4, 0], [4, 0], [3, 4], [0, 0]])
    assert (found.unknown, found.crossed) == (1, 1)


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_by_hand_as_the_dict(levels):
    same(HAND, levels)


def drawn(seed: int, *, count: int = 3_000, prices: int = 60, messages: float = 0.5) -> list[tuple]:
    """Increments anywhere in one range of prices: both sides cross, many deletes meet nothing."""
    rng = np.random.default_rng(seed)
    return list(
        zip(
            np.cumsum(rng.random(count) < messages).tolist(),
            rng.choice([1, -1], size=count).tolist(),
            (100 + rng.integers(0, prices, size=count) / 10).tolist(),
            (rng.integers(0, 4, size=count) * 0.5).tolist(),
            (rng.random(count) < 0.003).tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("levels", [1, 4, 25])
def test_random_streams(seed, levels):
    found = same(drawn(seed), levels)
    assert found.unknown > 100
    assert found.crossed > 50


@pytest.mark.parametrize("seed", [11, 12])
def test_books_of_many_levels(seed):
    # 9,000 prices a side: more than the blocks that a book starts with
    rows = drawn(seed, count=30_000, prices=9_000, messages=0.02)
    rows = [(g, s, p, z or 0.5 * (i % 3 > 0), False) for i, (g, s, p, z, _) in enumerate(rows)]
    same(rows, 3)


@pytest.mark.parametrize("order", ["best first", "best last", "no order"])
def test_snapshots_in_any_order(order):
    count = 10_000  # so that room is made twice, in the middle of a message
    ticks = np.arange(count)
    ticks = {"best last": ticks[::-1], "no order": np.random.default_rng(1).permutation(ticks)}.get(
        order, ticks
    )
    rows = [(0, 1, 500.0 - t / 64, 1.0 + t, not n) for n, t in enumerate(ticks.tolist())]
    rows += [(0, -1, 501.0 + t / 64, 2.0 + t, False) for t in ticks.tolist()]
    found = same([*rows, (1, 1, 500.0, 0.0, False), (2, -1, 501.0, 9.0, False)], 5)
    np.testing.assert_array_equal(found.bid_size[:2, 0], [1, 2])
    np.testing.assert_array_equal(found.ask_size[:, 0], [2, 2, 9])


def test_a_change_that_room_is_made_after_is_not_forgotten():
    # one message: a new best bid first, then so many asks that room must be made
    rows = [(0, 1, 10.0, 1.0, True), (0, -1, 20.0, 1.0, False), (1, 1, 11.0, 1.0, False)]
    rows += [(1, -1, 30.0 + n, 1.0, False) for n in range(10_000)]
    found = same(rows, 1)
    np.testing.assert_array_equal(found.bid[:, 0], [10, 11])


def test_a_book_taken_apart_level_by_level():
    rows = [(0, s, 100.0 + s * n, 1.0, False) for s in (-1, 1) for n in range(1, 500)]
    rows = [(g, -s, p, z, r) for g, s, p, z, r in rows]
    gone = [(1 + i, s, p, 0.0, False) for i, (_, s, p, _, _) in enumerate(rows[::-1])]
    found = same([*rows, *gone], 2)
    assert np.isnan(found.bid[-1]).all()
    assert np.isnan(found.ask[-1]).all()


def test_locked_counts_as_crossed():
    rows = [(0, 1, 10.0, 1.0, True), (1, -1, 11.0, 1.0, False), (2, -1, 10.0, 1.0, False)]
    rows += [(3, -1, 9.0, 1.0, False), (4, 1, 10.0, 0.0, False)]
    assert same(rows, 1).crossed == 2


def test_a_snapshot_of_nothing_empties():
    rows = [(0, 1, 10.0, 1.0, True), (1, 1, NAN, 0.0, True)]
    found = rebuild.books(*arrays(rows), levels=1)
    np.testing.assert_array_equal(found.bid, [[10], [NAN]])
    assert found.bid_size.tolist() == [[1], [0]]
    assert found.unknown == 0  # with size 0 a reset only empties


def test_an_empty_book_at_first_is_no_row():
    rows = [(0, 1, 10.0, 0.0, True), (1, 1, 9.0, 0.0, False), (2, -1, 11.0, 2.0, False)]
    found = rebuild.books(*arrays(rows), levels=2)
    assert found.rows.tolist() == [2]
    assert found.unknown == 1


def test_no_increment():
    found = rebuild.books(*(values[:0] for values in arrays(HAND)), levels=3)
    assert found.rows.shape == (0,)
    assert found.ask_size.shape == (0, 3)


def test_other_types_and_read_only_arrays():
    group, side, price, size, reset = arrays(HAND)
    for values in (group, side, price, size, reset):
        values.flags.writeable = False
    found = rebuild.books(group.astype("uint32"), side.astype("int64"), price, size, reset)
    again = rebuild.books(group, side, price[::-1].copy()[::-1], size, reset)
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_arguments_that_cannot_be():
    with pytest.raises(ValueError, match="levels must be 1 or more"):
        rebuild.books(*arrays(HAND), levels=0)
    group, *others = arrays(HAND)
    with pytest.raises(ValueError, match="of one length"):
        rebuild.books(group[1:], *others)


# --- tables ---------------------------------------------------------------------------------------


def test_tables_by_hand():
    time = np.array([1_600_000_000_000_000_000 + row[0] for row in HAND], "datetime64[ns]")
    seq = np.arange(100, 100 + len(HAND))
    made = rebuild.tables(rebuild.books(*arrays(HAND), levels=2), time, seq, "X")
    quotes, book = made["quotes"], made["book"]
    assert book["seq"].tolist() == [102, 103, 107, 108, 110]
    assert quotes["seq"].tolist() == [102, 107, 108, 110]  # at 103 the best level stood
    assert quotes["time"].tolist() == pd.to_datetime(time[[2, 7, 8, 10]], utc=True).tolist()
    np.testing.assert_array_equal(quotes["bid"], [99, 98, 98, 96])
    np.testing.assert_array_equal(quotes["bid_size"], [5, 8, 8, 2])
    np.testing.assert_array_equal(quotes["ask"], [101, 101, 97.5, NAN])
    np.testing.assert_array_equal(quotes["ask_size"], [4, 4, 3, 0])
    np.testing.assert_array_equal(book["bid_2"], [98, 98, 97, 97, NAN])
    np.testing.assert_array_equal(book["ask_size_2"], [0, 0, 0, 4, 0])
    market = mm.Market(**made)
    assert market.symbols["symbol"].tolist() == ["X"]
    pd.testing.assert_frame_equal(market.quotes, quotes, check_dtype=False)


def test_tables_take_times_with_a_zone_and_one_level_is_no_book():
    rows = HAND[:4]
    time = pd.Series(pd.to_datetime([row[0] for row in rows], unit="s", utc=True))
    made = rebuild.tables(rebuild.books(*arrays(rows), levels=1), time, np.arange(4), "X")
    assert list(made) == ["quotes"]
    assert made["quotes"]["time"].tolist() == [pd.Timestamp(1, unit="s", tz="UTC")]


def test_a_best_level_that_went_is_a_quote_but_none_at_first_is_not():
    # an empty book, a bid below which nothing is, nothing again
    rows = [(0, 1, 9.0, 0.0, True), (1, 1, 9.0, 2.0, False), (2, 1, 9.0, 0.0, False)]
    time, seq = np.zeros(3, "datetime64[ns]"), np.arange(3)
    quotes = rebuild.tables(rebuild.books(*arrays(rows), levels=2), time, seq, "X")["quotes"]
    np.testing.assert_array_equal(quotes["bid"], [9, NAN])
    np.testing.assert_array_equal(quotes["bid_size"], [2, 0])
    assert quotes["ask"].isna().all()
