"""A polars frame is checked as a pandas one: the same table, or the same error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from mmresearch import native, schema, store
from tests.at_random import calmly

TIMES = pl.Datetime("ns", "UTC")
ODD = [float("nan"), float("inf"), -1.0, 0.0, None]


@st.composite
def trades(draw: st.DrawFn) -> pl.DataFrame:
    """Trades of which any may be out of order, repeated, missing or against a rule."""
    n = draw(st.integers(0, 6))
    numbers = st.sampled_from([1.0, 2.5, 7.0]) if draw(st.booleans()) else st.sampled_from(ODD)

    def column(values: st.SearchStrategy) -> list:
        return draw(st.lists(values, min_size=n, max_size=n))

    columns = {
        "time": pl.Series(column(st.integers(0, 3)), dtype=pl.Int64).cast(TIMES),
        "seq": pl.Series(column(st.integers(-1 if draw(st.booleans()) else 0, 5)), dtype=pl.Int64),
        "symbol": pl.Series(column(st.sampled_from(["A", "B"])), dtype=pl.String),
        "price": pl.Series(column(numbers), dtype=pl.Float64),
        "size": pl.Series(column(st.integers(1, 3)), dtype=pl.Int64),
    }
    if draw(st.booleans()):
        columns["side"] = pl.Series(column(st.sampled_from([1.0, -1.0, None])), dtype=pl.Float64)
    if draw(st.booleans()):
        ids = st.sampled_from(["x", "y", None] + [""] * draw(st.booleans()))
        columns["trade_id"] = pl.Series(column(ids), dtype=pl.String)
    if draw(st.booleans()):
        columns["beside"] = pl.Series(column(st.sampled_from([1.5, None])), dtype=pl.Float64)
    return pl.DataFrame(columns)


def outcome(table: Callable[[], pd.DataFrame]) -> pd.DataFrame | str:
    try:
        return table()
    except schema.SchemaError as error:
        return str(error)


@calmly(300)
@given(trades())
def test_both_ways_agree(frame):
    wanted = outcome(lambda: schema.check(store.to_pandas(frame), "trades"))
    found = outcome(lambda: mm.Market(trades=frame)["trades"])
    if isinstance(wanted, str):
        assert found == wanted
    else:
        pd.testing.assert_frame_equal(found, wanted)


@calmly(300)
@given(trades(), st.booleans())
def test_a_block_that_is_passed_by_its_extremes_is_right_as_it_stands(frame, ordered):
    frame = frame.with_columns(pl.col("size").cast(pl.Float64))
    frame = frame.sort("time", "seq") if ordered else frame
    for block in (frame, frame.drop("symbol"), frame.select("time", "seq", "price")):
        if native._is_plain(block, "trades"):
            right = native.checked(block, "trades", some=True)
            assert right is not None
            assert right.equals(block.with_columns(pl.selectors.float().fill_nan(None)))


def test_a_block_in_order_is_passed_and_one_with_any_fault_is_not():
    frame = pl.DataFrame(
        {"time": [1, 1, 2], "seq": [0, 1, 0], "bid": [1.0, None, float("nan")]}
        | {"ask": [2.0, 3.0, 4.0], "bid_size": [0.0, None, 1.0], "ask_size": [1.0, 1.0, 1.0]},
    ).with_columns(pl.col("time").cast(TIMES))
    assert native._is_plain(frame, "quotes")
    assert native._is_plain(frame.clear(), "quotes")
    for name, values in {
        "time": pl.Series([1, 2, 1]).cast(TIMES),
        "seq": pl.Series([1, 1, 0]),
        "bid": pl.Series([float("nan"), 1.0, 0.0]),
        "ask": pl.Series([1.0, np.inf, 1.0]),
        "bid_size": pl.Series([-0.5, None, 1.0]),
        "beside": pl.Series([1.0, 1.0, 1.0]),
    }.items():
        assert not native._is_plain(frame.with_columns(values.alias(name)), "quotes"), name


@pytest.mark.parametrize(("event", "right"), [("add", True), ("gone", False), ("", False)])
def test_a_text_with_a_rule_is_asked_by_it(event, right):
    orders = pl.DataFrame(
        {"time": [1], "seq": [0], "symbol": ["A"], "order_id": ["7"], "event": [event]}
        | {"side": [1.0], "price": [1.0], "size": [1.0]}
    ).with_columns(pl.col("time").cast(TIMES))
    assert native._is_plain(orders, "orders") is right
    assert (native.checked(orders, "orders") is not None) is right


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_none_is_found_among_many_by_their_sum(odd):
    many = pl.DataFrame({"time": range(9), "symbol": "A", "value": 8 * [1.0] + [odd]})
    series = many.with_columns(pl.col("time").cast(TIMES), name=pl.lit("close"))
    found = native.checked(series, "series")
    if np.isinf(odd):
        assert found is None  # a value is finite or missing
    else:
        assert found["value"].null_count() == 1
    extra = series.rename({"value": "own"}).with_columns(value=1.0)
    assert native.checked(extra, "series")["own"].null_count() == np.isnan(odd)


def test_what_is_right_stays_polars_and_is_not_walked():
    frame = pl.DataFrame(
        {"time": [1, 1, 2], "seq": [0, 1, 0], "symbol": ["A"] * 3, "price": [1.0] * 3}
        | {"size": [1, 2, 3]},
    ).with_columns(pl.col("time").cast(TIMES))
    right = native.checked(frame, "trades")
    assert right.columns == [c.name for c in schema.TABLES["trades"]]
    assert right.schema["size"] == pl.Float64
    assert right["side"].null_count() == 3


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("seq", pl.Series([0, 0], dtype=pl.Int64)),  # one event twice
        ("seq", pl.Series([0, -1], dtype=pl.Int64)),
        ("price", pl.Series([1.0, np.inf])),
        ("price", pl.Series([1.0, None])),
        ("price", pl.Series(["1.0", "2.0"])),
        ("side", pl.Series([1.0, 2.0])),
        ("symbol", pl.Series(["A", ""])),
        ("time", pl.Series([1, 1]).cast(pl.Datetime("us", "UTC"))),
        ("time", pl.Series([1, 1]).cast(pl.Datetime("ns"))),
    ],
)
def test_what_is_in_doubt_is_left_to_the_other_check(column, values):
    frame = pl.DataFrame(
        {"time": [1, 1], "seq": [0, 1], "symbol": ["A", "A"], "price": [1.0, 2.0]}
        | {"size": [1.0, 1.0], "side": [1.0, -1.0]},
    ).with_columns(pl.col("time").cast(TIMES))
    assert native.checked(frame, "trades") is not None
    assert native.checked(frame.with_columns(values.alias(column)), "trades") is None


def test_book_levels():
    level = {f"{side}{what}_{n}": 1.0 for n in (1, 2) for side in ("bid", "ask") for what in ("",)}
    level |= {f"{side}_size_{n}": 1.0 for n in (1, 2) for side in ("bid", "ask")}
    frame = pl.DataFrame({"time": [1], "seq": [0], "symbol": ["A"]} | level)
    frame = frame.with_columns(pl.col("time").cast(TIMES))
    assert native.checked(frame, "book") is not None
    assert native.checked(frame.drop("bid_2"), "book") is None
    assert native.checked(frame.with_columns(bid_0=1.0), "book") is None


def test_every_kind_of_column_is_as_the_other_check_has_it(tmp_path):
    market = mm.sample()
    for name in market:
        frame = market._stored.read(name)
        wanted = schema.check(store.to_pandas(frame), name)
        pd.testing.assert_frame_equal(native.to_pandas(frame, name), wanted)
        bare = frame.select(c.name for c in schema.TABLES[name] if c.required)
        wanted = schema.check(store.to_pandas(bare), name)
        pd.testing.assert_frame_equal(native.to_pandas(bare, name), wanted)
