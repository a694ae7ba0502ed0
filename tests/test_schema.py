"""The tables' contract: every kind of fault is named, in one error; good tables are converted."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema

TIMES = pd.to_datetime(["2024-01-02 10:00", "2024-01-02 10:01", "2024-01-02 10:02"], utc=True)


def fills(**changed: object) -> pd.DataFrame:
    """Three good fills, or with some columns changed."""
    good = {
        "time": TIMES,
        "seq": [0, 1, 2],
        "account": ["A", "A", "B"],
        "symbol": ["X", "X", "X"],
        "side": [1, -1, 1],
        "price": [10.0, 11.0, 12.0],
        "size": [5.0, 6.0, 7.0],
    }
    return pd.DataFrame(good | changed)


def quotes(**changed: object) -> pd.DataFrame:
    good = {
        "time": TIMES,
        "seq": [0, 1, 2],
        "symbol": "X",
        "bid": [9.0, 9.0, 9.0],
        "ask": [10.0, 10.0, 10.0],
        "bid_size": [1.0, 1.0, 1.0],
        "ask_size": [1.0, 1.0, 1.0],
    }
    return pd.DataFrame(good | changed)


def faults_of(table: pd.DataFrame, name: str) -> list[tuple]:
    with pytest.raises(mm.SchemaError) as caught:
        mm.check(table, name)
    faults = caught.value.faults
    assert (faults["table"] == name).all()
    rows = [None if n is pd.NA else int(n) for n in faults["rows"]]
    return list(zip(faults["column"], faults["fault"], rows, faults["examples"], strict=True))


# --- each kind of fault ---------------------------------------------------------------------------


@pytest.mark.bad_input("a table that lacks a column")
def test_missing_column():
    assert faults_of(fills().drop(columns="price"), "fills") == [
        ("price", "column is not there", None, [])
    ]


@pytest.mark.bad_input("times without a zone")
def test_naive_times():
    naive = pd.to_datetime(["2024-01-02"] * 3)
    assert faults_of(fills(time=naive), "fills") == [("time", "type datetime64[us]", None, [])]


@pytest.mark.bad_input("times as text in a table")
def test_times_as_text():
    text = ["2024-01-02T10:00Z"] * 3
    assert faults_of(fills(time=text), "fills") == [("time", "type str", None, [])]


@pytest.mark.bad_input("times as numbers in a table")
def test_times_as_numbers():
    assert faults_of(fills(time=[1, 2, 3]), "fills") == [("time", "type int64", None, [])]


@pytest.mark.bad_input("a time beyond nanoseconds")
def test_time_beyond_nanoseconds():
    old = pd.to_datetime(["2024-01-02", "1500-01-02", "2024-01-02"], utc=True)
    assert faults_of(fills(time=old), "fills") == [("time", "not of its kind", 1, [1])]


@pytest.mark.bad_input("a missing time")
def test_time_missing():
    gone = TIMES.to_series(index=range(3)).where([True, False, True])
    assert faults_of(fills(time=gone), "fills") == [("time", "missing value", 1, [1])]


@pytest.mark.bad_input("a missing value")
@pytest.mark.parametrize("column", ["price", "size", "side", "seq", "account", "symbol"])
def test_value_missing(column):
    table = fills().astype({column: "object"})
    table.loc[1, column] = None
    assert faults_of(table, "fills") == [(column, "missing value", 1, [1])]


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize(
    ("column", "value"),
    [("size", -1.0), ("size", 0.0), ("price", np.inf), ("price", -np.inf), ("fee", np.inf)],
)
def test_number_breaks_its_rule(column, value):
    table = fills(**{column: [1.0, 2.0, value]})
    assert faults_of(table, "fills") == [(column, "breaks its rule", 1, [2])]


@pytest.mark.bad_input("a cell that breaks its column's rule")
def test_negative_seq():
    assert faults_of(fills(seq=[-1, -2, 0]), "fills") == [("seq", "breaks its rule", 2, [0, 1])]


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("seq", [[0, 0.5, 1], [0, np.inf, 1], [0, "x", 1], [0, 2.0**63, 1]])
def test_seq_not_whole(seq):
    assert faults_of(fills(seq=seq), "fills") == [("seq", "not of its kind", 1, [1])]


@pytest.mark.bad_input("a number too large")
def test_seq_above_the_largest_whole_number_does_not_turn_negative():
    seq = np.array([0, 2**63 + 5, 1], dtype="uint64")
    assert faults_of(fills(seq=seq), "fills") == [("seq", "not of its kind", 1, [1])]


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("side", [[1, 0.5, -1], [1, 0, -1], [1, "B", -1], [1, np.inf, -1]])
def test_side_neither_bought_nor_sold(side):
    assert faults_of(fills(side=side), "fills") == [("side", "not of its kind", 1, [1])]


@pytest.mark.bad_input("text in a table's numbers")
@pytest.mark.parametrize("size", [["5", "1,200", "7"], [5, "many", 7]])
def test_text_that_is_no_number(size):
    assert faults_of(fills(size=size), "fills") == [("size", "not of its kind", 1, [1])]


@pytest.mark.bad_input("a column of another type")
@pytest.mark.parametrize(
    ("column", "values", "found"),
    [
        ("price", pd.to_datetime(["2024-01-02"] * 3), "type datetime64[us]"),
        ("price", pd.to_timedelta([1, 2, 3], unit="s"), "type timedelta64[us]"),
        ("price", [1j, 2j, 3j], "type complex128"),
        ("side", [True, True, True], "type bool"),  # "is buy" must not pass as +1
    ],
)
def test_columns_of_another_type_are_not_read_as_numbers(column, values, found):
    assert faults_of(fills(**{column: values}), "fills") == [(column, found, None, [])]


@pytest.mark.bad_input("text in a table's flags")
def test_flag_as_text():
    table = fills(maker=["true", None, "false"])
    assert faults_of(table, "fills") == [("maker", "not of its kind", 2, [0, 2])]


@pytest.mark.bad_input("an empty name")
def test_empty_text():
    assert faults_of(fills(account=["A", "", "B"]), "fills") == [
        ("account", "not of its kind", 1, [1])
    ]


def orders(**changed: object) -> pd.DataFrame:
    good = {"time": TIMES, "seq": [0, 1, 2], "symbol": "X", "order_id": [7, 7, 7], "side": 1}
    return pd.DataFrame(
        good | {"event": ["add", "fill", "delete"], "price": 9.0, "size": 1.0} | changed
    )


@pytest.mark.bad_input("a cell that breaks its column's rule")
def test_unknown_event():
    assert list(mm.check(orders(), "orders")["event"]) == ["add", "fill", "delete"]
    wrong = orders(event=["add", "executed", "delete"])
    assert faults_of(wrong, "orders") == [("event", "breaks its rule", 1, [1])]


@pytest.mark.bad_input("a cell that breaks its column's rule")
def test_option_right():
    good = {"time": TIMES[0], "expiry": TIMES[2], "strike": 100.0, "right": ["call", "put"]}
    rest = {"open_interest": 0, "implied_vol": [0.2, np.nan], "spot": 99.0, "multiplier": 100}
    assert len(mm.check(pd.DataFrame(good | rest), "chain")) == 2
    wrong = pd.DataFrame(good | rest | {"right": ["C", "put"]})
    assert faults_of(wrong, "chain") == [("right", "breaks its rule", 1, [0])]


@pytest.mark.bad_input("one event twice")
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_event_repeated(order):
    again = quotes(time=TIMES[[0, 0, 1]], seq=[3, 3, 3]).iloc[order]
    [(column, fault, rows, _)] = faults_of(again, "quotes")
    assert (column, fault, rows) == ("symbol, time, seq", "repeated", 1)


def test_same_instant_and_seq_of_two_symbols_is_not_repeated():
    table = quotes(time=TIMES[[0, 0, 1]], seq=[3, 3, 3], symbol=["X", "Y", "X"])
    assert len(mm.check(table, "quotes")) == 3


def test_an_account_may_have_several_fills_in_one_event():
    table = fills(time=TIMES[[0, 0, 0]], seq=[3, 3, 3])
    assert len(mm.check(table, "fills")) == 3


@pytest.mark.bad_input("a header that names a column twice")
def test_column_given_twice():
    twice = pd.concat([fills(), fills()[["price"]]], axis=1)
    assert faults_of(twice, "fills") == [("price", "column is there more than once", None, [])]


@pytest.mark.bad_input("several faults at once")
def test_every_fault_in_one_error():
    table = fills(seq=[0, 0.5, 1], side=[1, "B", 0], price=[-1, np.inf, np.nan]).drop(
        columns="size"
    )
    assert faults_of(table, "fills") == [
        ("seq", "not of its kind", 1, [1]),
        ("side", "not of its kind", 2, [1, 2]),
        ("price", "missing value", 1, [2]),
        ("price", "breaks its rule", 2, [0, 1]),
        ("size", "column is not there", None, []),
    ]


def test_repeats_are_named_beside_other_faults():
    table = quotes(time=TIMES[[0, 0, 1]], seq=[3, 3, 3], bid=[9, -9, 9])
    assert [fault[:3] for fault in faults_of(table, "quotes")] == [
        ("bid", "breaks its rule", 1),
        ("symbol, time, seq", "repeated", 1),
    ]


def test_message_counts_and_gives_examples():
    with pytest.raises(mm.SchemaError) as caught:
        mm.check(fills(size=[-1, -2, 1], account=["", "A", "A"]), "fills")
    text = str(caught.value)
    assert text.startswith("2 faults in the tables:")
    assert "fills.size: breaks its rule (2 rows, first at 0, 1); expected a number above 0" in text
    assert "fills.account: not of its kind (1 row, first at 0); expected text" in text


def test_at_most_three_examples():
    many = pd.concat([fills(size=-1.0)] * 4)
    assert faults_of(many, "fills") == [("size", "breaks its rule", 12, [0, 1, 2])]


@pytest.mark.bad_input("no table")
def test_not_a_table():
    with pytest.raises(TypeError, match="fills must be a pandas DataFrame, not dict"):
        mm.check({"time": []}, "fills")


@pytest.mark.bad_input("an unknown table")
def test_unknown_table():
    with pytest.raises(
        KeyError, match="no table 'fils'; the tables are trades, quotes, own_quotes"
    ):
        mm.check(fills(), "fils")


# --- conversions ----------------------------------------------------------------------------------


def test_types_of_a_good_table():
    types = mm.check(fills(), "fills").dtypes.astype(str)
    assert dict(types) == {
        "time": "datetime64[ns, UTC]",
        "seq": "int64",
        "account": "str",
        "symbol": "str",
        "side": "float64",
        "price": "float64",
        "size": "float64",
        "fee": "float64",
        "maker": "boolean",
        "counterparty": "str",
        "trade_id": "str",
    }


def test_optional_columns_come_back_missing():
    clean = mm.check(fills(), "fills")
    assert clean[["fee", "maker", "counterparty", "trade_id"]].isna().all(axis=None)


def test_extra_columns_are_kept_behind_the_schemas_own():
    clean = mm.check(fills(venue=["a", "b", "c"])[["venue", *fills().columns]], "fills")
    assert clean.columns[-1] == "venue"
    assert list(clean["venue"]) == ["a", "b", "c"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_any_unit_keep_their_instant(unit):
    clean = mm.check(fills(time=TIMES.as_unit(unit)), "fills")
    assert clean["time"].dtype == "datetime64[ns, UTC]"
    # 2024-01-02 10:00 UTC is 1,704,189,600 seconds after the epoch
    assert clean["time"].astype("int64").iloc[0] == 1_704_189_600 * 10**9


def test_nanoseconds_are_kept():
    sharp = pd.to_datetime([1_704_189_600_123_456_789 + k for k in range(3)], utc=True)
    assert list(mm.check(fills(time=sharp), "fills")["time"].dt.nanosecond) == [789, 790, 791]


def test_another_zone_becomes_utc():
    clean = mm.check(fills(time=TIMES.tz_convert("America/New_York")), "fills")
    assert str(clean["time"].dt.tz) == "UTC"
    assert clean["time"].iloc[0] == pd.Timestamp("2024-01-02 10:00", tz="UTC")


def test_aware_times_kept_as_objects_are_times():
    clean = mm.check(fills(time=pd.Series(list(TIMES), dtype="object")), "fills")
    assert list(clean["time"]) == list(TIMES)


@pytest.mark.parametrize(
    "price",
    [
        ["1.5", "2", "3e1"],
        pd.Series([1.5, "2", 30], dtype="object"),
        [Decimal("1.5"), Decimal(2), Decimal(30)],
        pd.array([1.5, 2, 30], dtype="Float64"),
        np.array([1.5, 2, 30], dtype="float32"),
        pd.Categorical(["1.5", "2", "30"]),
    ],
    ids=["text", "object", "decimal", "nullable", "float32", "category"],
)
def test_numbers_in_other_clothes(price):
    clean = mm.check(fills(price=price), "fills")["price"]
    assert clean.dtype == "float64"
    assert list(clean) == [1.5, 2.0, 30.0]


@pytest.mark.parametrize("dtype", ["int64", "Int64", "uint64", "object"])
def test_large_seq_keeps_every_digit(dtype):
    seq = [2**60 + 1, 2**60 + 2, 2**60 + 3]  # floats would make them one number
    clean = mm.check(fills(seq=pd.Series(seq, dtype=dtype)), "fills")["seq"]
    assert clean.dtype == "int64"
    assert list(clean) == seq


def test_whole_floats_are_a_seq():
    clean = mm.check(fills(seq=[0.0, 1.0, 2.0]), "fills")["seq"]
    assert (clean.dtype, list(clean)) == ("int64", [0, 1, 2])


@pytest.mark.bad_input("times in a table's flags")
def test_flag_as_time():
    day = pd.Timestamp("2024-03-10")
    table = fills(maker=pd.Series([day, pd.NaT, day]))
    assert faults_of(table, "fills") == [("maker", "not of its kind", 2, [0, 2])]
    nothing = mm.check(fills(maker=pd.Series([pd.NaT] * 3)), "fills")
    assert nothing["maker"].isna().all()


@pytest.mark.parametrize("maker", [[True, None, False], pd.array([1, None, 0], dtype="Int64")])
def test_flags(maker):
    clean = mm.check(fills(maker=maker), "fills")["maker"]
    assert clean.dtype == "boolean"
    assert clean.tolist() == [True, pd.NA, False]


def test_numbers_that_name_become_text():
    clean = mm.check(fills(account=[7, 7, 8], trade_id=[17.0, np.nan, 19.0]), "fills")
    assert list(clean["account"]) == ["7", "7", "8"]
    assert list(clean["trade_id"].dropna()) == ["17", "19"]  # a gap must not make it 17.0


def test_unknown_side_of_a_trade_stays_missing():
    trades = fills(side=[1, np.nan, -1]).drop(columns="account")
    assert mm.check(trades, "trades")["side"].isna().tolist() == [False, True, False]


def test_the_given_table_is_not_changed():
    table = fills(time=TIMES[[2, 1, 0]], price=["1", "2", "3"])
    before = table.copy(deep=True)
    mm.check(table, "fills")
    pd.testing.assert_frame_equal(table, before)


# --- order ----------------------------------------------------------------------------------------


def test_ordered_by_time_then_seq():
    table = fills(time=TIMES[[1, 0, 0]], seq=[0, 9, 2], price=[3.0, 2.0, 1.0])
    clean = mm.check(table, "fills")
    assert list(clean["price"]) == [1.0, 2.0, 3.0]
    assert list(clean.index) == [0, 1, 2]


def test_seq_may_fall_when_time_rises():
    assert list(mm.check(fills(seq=[9, 5, 1]), "fills")["seq"]) == [9, 5, 1]


def test_ties_keep_the_given_order():
    table = fills(time=TIMES[[1, 0, 0]], seq=0, price=[3.0, 2.0, 1.0])
    assert list(mm.check(table, "fills")["price"]) == [2.0, 1.0, 3.0]


def test_positions_are_ordered_by_time():
    table = pd.DataFrame(
        {"time": TIMES[[2, 0]], "account": "A", "symbol": "X", "position": [1, -2], "seq": "n/a"}
    )
    assert list(mm.check(table, "positions")["position"]) == [-2.0, 1.0]


def test_index_is_of_no_account():
    clean = mm.check(fills().set_axis([5, 5, 1]), "fills")
    assert list(clean.index) == [0, 1, 2]
    assert list(clean["price"]) == [10.0, 11.0, 12.0]


# --- shapes ---------------------------------------------------------------------------------------


def book(levels: int) -> pd.DataFrame:
    sides = {}
    for n in range(1, levels + 1):
        sides |= {f"bid_{n}": 20.0 - n, f"bid_size_{n}": 1.0}
        sides |= {f"ask_{n}": 20.0 + n, f"ask_size_{n}": 1.0}
    return pd.DataFrame({"time": TIMES, "seq": [0, 1, 2], "symbol": "X"} | sides)


@pytest.mark.parametrize("levels", [1, 2, 10])
def test_book_of_any_depth(levels):
    clean = mm.check(book(levels), "book")
    assert clean.shape == (3, 3 + 4 * levels)
    assert clean[f"bid_{levels}"].iloc[0] == 20.0 - levels


@pytest.mark.bad_input("a table that lacks a column")
def test_book_lacking_a_level():
    lacking = book(3).drop(columns=["bid_2", "ask_size_3"])
    assert [fault[:2] for fault in faults_of(lacking, "book")] == [
        ("bid_2", "column is not there"),
        ("ask_size_3", "column is not there"),
    ]


@pytest.mark.bad_input("book levels counted from zero")
def test_book_levels_counted_from_zero_are_refused():
    # else level 0 would pass as an extra column and level 1 as the best
    table = book(2).assign(bid_0=10.0, ask_0=10.0)
    assert [fault[:2] for fault in faults_of(table, "book")] == [
        ("bid_0", "level 0"),
        ("ask_0", "level 0"),
    ]


def test_a_side_of_the_book_may_be_empty():
    clean = mm.check(quotes(bid=[9, np.nan, 9], bid_size=[1, 0, 1]), "quotes")
    assert clean["bid"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("name", list(schema.TABLES))
def test_empty_table(name):
    kinds = {"time": "datetime64[ns, UTC]", "text": "str"}
    empty = {c.name: pd.Series(dtype=kinds.get(c.kind, "object")) for c in schema.columns(name)}
    clean = mm.check(pd.DataFrame(empty), name)
    assert len(clean) == 0
    assert list(clean.columns) == [c.name for c in schema.columns(name)]


@pytest.mark.parametrize("name", list(schema.TABLES))
def test_description_says_what_every_column_means(name):
    described = mm.describe(name)
    assert list(described["column"]) == [c.name for c in schema.columns(name)]
    assert (described["meaning"].str.len() > 0).all()
    assert set(described["rule"]) <= {"", *schema._RULES}


@pytest.mark.bad_input("a number too large")
def test_an_id_too_large_for_a_whole_number_stays_text():
    trades = pd.DataFrame(
        {"time": [pd.Timestamp("2024-01-31", tz="UTC")] * 2, "seq": [0, 1], "symbol": ["A", "A"]}
        | {"price": [1.0, 1.0], "size": [1.0, 1.0], "trade_id": [2.0**63, 17.0]}
    )
    assert schema.check(trades, "trades")["trade_id"].tolist() == ["9.223372036854776e+18", "17.0"]
    assert schema.check(trades[1:], "trades")["trade_id"].tolist() == ["17"]
