"""Market: its tables, symbols, sessions and hash."""

from __future__ import annotations

import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import schema
from mmresearch.symbols import SYMBOL_COLUMNS

TWO = pd.DataFrame({"symbol": ["X", "Y"]})


# --- tables ---------------------------------------------------------------------------------------


def test_tables_are_attributes_and_items(tables):
    market = mm.Market(**tables)
    assert list(market) == list(schema.TABLES)
    for name in schema.TABLES:
        assert market[name] is getattr(market, name)
        pd.testing.assert_frame_equal(market[name], mm.check(tables[name], name))


def test_table_that_is_not_there(tables):
    market = mm.Market(trades=tables["trades"], name="mine")
    assert "fills" not in market
    with pytest.raises(KeyError, match="market 'mine' has no fills; it has trades"):
        market["fills"]
    with pytest.raises(AttributeError, match="market 'mine' has no fills; it has trades"):
        market.fills  # noqa: B018
    assert not hasattr(market, "ledger")


def test_unknown_table(tables):
    with pytest.raises(TypeError, match=r"no tables \['trade'\]; the tables are trades, quotes"):
        mm.Market(trade=tables["trades"])


def test_faults_of_every_table_in_one_error(tables):
    wrong = {
        "trades": tables["trades"].assign(size=-1.0),
        "quotes": tables["quotes"].drop(columns="bid"),
        "fills": tables["fills"],
    }
    with pytest.raises(mm.SchemaError) as caught:
        mm.Market(**wrong)
    faults = caught.value.faults
    assert list(zip(faults["table"], faults["column"], strict=True)) == [
        ("trades", "size"),
        ("quotes", "bid"),
    ]
    assert "trades.size" in str(caught.value)
    assert "quotes.bid" in str(caught.value)


def test_market_without_tables():
    market = mm.Market()
    assert list(market) == []
    assert len(market.summary()) == 0


def test_summary_counts(tables):
    summary = mm.Market(**tables).summary()
    assert list(summary.index) == list(schema.TABLES)
    assert (summary["rows"] == 3).all()
    assert summary.loc["trades", "symbols"] == 2
    assert summary.loc["trades", "first"] == pd.Timestamp("2024-03-08 15:00", tz="UTC")
    assert summary.loc["trades", "last"] == pd.Timestamp("2024-03-11 14:00", tz="UTC")


def test_printed(tables):
    market = mm.Market(**tables, name="mine")
    assert repr(market).startswith("Market 'mine': 2 symbols")
    assert "<table" in market._repr_html_()


# --- replace --------------------------------------------------------------------------------------


def test_replace_gives_another_market(tables):
    receipt = mm.Receipt("lobster", notes=("one",))
    market = mm.Market(trades=tables["trades"], name="mine", calendar="XNYS", receipt=receipt)
    twice = tables["trades"].assign(size=2.0)
    other = market.replace(trades=twice, quotes=tables["quotes"])
    assert list(other) == ["trades", "quotes"]
    assert (other.trades["size"] == 2.0).all()
    assert (market.trades["size"] == 1.0).all()
    assert "quotes" not in market
    assert (other.name, other.receipt) == ("mine", receipt)
    assert other.calendar("X") == "XNYS"


def test_replace_checks(tables):
    with pytest.raises(mm.SchemaError, match=r"trades\.price"):
        mm.Market(**tables).replace(trades=tables["trades"].drop(columns="price"))


# --- symbols --------------------------------------------------------------------------------------


def test_symbols_that_are_not_given(tables):
    symbols = mm.Market(calendar="XNYS", **tables).symbols
    assert list(symbols.columns) == SYMBOL_COLUMNS
    assert list(symbols["symbol"]) == ["X", "Y"]
    assert list(symbols["asset"]) == ["X", "Y"]
    assert list(symbols["multiplier"]) == [1.0, 1.0]
    assert list(symbols["calendar"]) == ["XNYS", "XNYS"]
    assert symbols[["tick", "currency"]].isna().all(axis=None)


def test_what_settles_in_nothing_else_settles_in_its_currency(tables):
    given = TWO.assign(currency="USD", asset="BTC", settlement=["BTC", None])
    assert list(mm.Market(symbols=given, **tables).symbols["settlement"]) == ["BTC", "USD"]


def test_symbols_given_in_part(tables):
    given = TWO.assign(tick=["0.01", None], asset=["BTC", None], calendar=[None, "XNYS"])
    symbols = mm.Market(symbols=given, **tables).symbols
    assert symbols["tick"].tolist()[0] == 0.01
    assert list(symbols["asset"]) == ["BTC", "Y"]
    assert list(symbols["calendar"]) == ["24/7", "XNYS"]
    assert symbols["settlement"].isna().all()  # as the currency is not given
    assert symbols.dtypes.astype(str).to_dict() == {
        "symbol": "str",
        "asset": "str",
        "currency": "str",
        "settlement": "str",
        "tick": "float64",
        "multiplier": "float64",
        "calendar": "str",
    }


def test_symbols_named_by_numbers(tables):
    trades = tables["trades"].assign(symbol=[5, 5, 6])
    market = mm.Market(trades=trades, symbols=pd.DataFrame({"symbol": [5, 6], "tick": 0.1}))
    assert list(market.symbols["symbol"]) == ["5", "6"]


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ("X", "a DataFrame with a column `symbol`"),
        (pd.DataFrame({"tick": [1.0]}), "a DataFrame with a column `symbol`"),
        (pd.DataFrame({"symbol": ["X", "X", "Y"]}), "hold each symbol once"),
        (pd.DataFrame({"symbol": ["X", "Y", None]}), "none that is missing"),
        (pd.DataFrame({"symbol": ["X"]}), r"symbols lacks \['Y'\], which the tables hold"),
        (TWO.assign(tick=0.0), "must be above 0"),
        (TWO.assign(multiplier=-1.0), "must be above 0"),
        (TWO.assign(tick="small"), "could not convert string to float"),
    ],
)
def test_faulty_symbols(tables, symbols, message):
    with pytest.raises(ValueError, match=message):
        mm.Market(symbols=symbols, **tables)


# --- calendar and sessions ------------------------------------------------------------------------


def test_sessions_of_a_symbol(tables):
    market = mm.Market(symbols=TWO.assign(calendar=["24/7", "XNYS"]), **tables)
    assert market.calendar("Y") == "XNYS"
    assert list(market.sessions("X")["day"].dt.strftime("%m-%d")) == ["03-08"]
    sessions = market.sessions("Y")
    assert list(sessions["open"].dt.strftime("%m-%d %H:%M")) == ["03-11 13:30"]


def test_sessions_span_every_table_of_the_symbol(tables):
    # X trades on Friday, its position is reported on Monday: two days of four were observed
    positions = tables["positions"].assign(symbol="X")
    market = mm.Market(trades=tables["trades"], positions=positions)
    assert market.sessions("X")["gap"].tolist() == [False, True]
    assert market.span("X") == (tables["trades"]["time"].min(), positions["time"].max())


def test_symbol_without_events_has_no_session(tables):
    market = mm.Market(symbols=TWO)
    assert len(market.sessions("X")) == 0
    trades = tables["trades"].query("symbol == 'X'")
    assert len(mm.Market(symbols=TWO, trades=trades).sessions("Y")) == 0


def test_unknown_symbol(tables):
    market = mm.Market(**tables, name="mine")
    with pytest.raises(KeyError, match="market 'mine' has no symbol 'Z'; it has X, Y"):
        market.sessions("Z")


@pytest.mark.parametrize(("calendar", "freq"), [("24/7", "1s"), ("dates", "1D")])
def test_step_of_the_panel(tables, calendar, freq):  # X is seen for a minute, Y once
    assert mm.Market(calendar=calendar, **tables).default_freq == freq


@pytest.mark.parametrize(
    ("length", "freq"), [("100min", "1min"), ("99min", "10s"), ("999s", "1s"), ("0s", "1min")]
)
def test_step_of_a_short_record(length, freq):
    start = pd.Timestamp("2024-03-08 15:00", tz="UTC")
    times = [start, start + pd.Timedelta(length)]
    prints = {"time": times, "seq": [0, 1], "symbol": "X", "price": 1.0, "size": 1.0}
    assert mm.Market(trades=pd.DataFrame(prints)).default_freq == freq


# --- hash -----------------------------------------------------------------------------------------


def hash_of(tables: dict[str, pd.DataFrame], **options: object) -> str:
    return mm.Market(**tables, **options).data_hash


def test_hash_is_of_the_data_alone(tables):
    same = mm.Market(**tables, name="other", receipt=mm.Receipt("elsewhere"))
    assert same.data_hash == hash_of(tables)


@pytest.mark.parametrize("name", list(schema.TABLES))
def test_hash_does_not_know_the_order_of_rows(tables, name):
    turned = tables | {name: tables[name].iloc[::-1]}
    assert hash_of(turned) == hash_of(tables)


def test_hash_does_not_know_the_order_of_ties(tables):
    tied = tables["trades"].assign(time=tables["trades"]["time"].iloc[0], seq=0)
    tied = tied.assign(symbol=["X", "Y", "Z"])
    assert hash_of({"trades": tied}) == hash_of({"trades": tied.iloc[[2, 0, 1]]})


def test_hash_does_not_know_the_order_of_symbols(tables):
    given, turned = TWO.assign(tick=[1.0, 2.0]), TWO.assign(tick=[1.0, 2.0]).iloc[::-1]
    assert hash_of(tables, symbols=given) == hash_of(tables, symbols=turned)


@pytest.mark.parametrize("name", list(schema.TABLES))
def test_hash_changes_with_every_column(tables, name):
    plain = hash_of({name: tables[name]}, symbols=TWO)
    for column in tables[name].columns:
        changed = tables[name].copy()
        changed[column] = changed[column].to_numpy()[[0, 0, 0]]  # the first row's value
        if changed[column].equals(tables[name][column]) or column == "seq":
            continue
        if column == "time":
            changed[column] = tables[name][column] + pd.Timedelta(1, "ns")
        assert hash_of({name: changed}, symbols=TWO) != plain, column


def test_hash_changes_when_values_change_places(tables):
    swapped = tables["fills"].assign(size=[2.5, 5.0, 1.0])
    assert hash_of({"fills": swapped}) != hash_of({"fills": tables["fills"]})


def test_hash_changes_with_symbols_and_tables(tables):
    found = {
        hash_of(tables),
        hash_of(tables, calendar="XNYS"),
        hash_of({k: t for k, t in tables.items() if k != "chain"}),
        hash_of(tables | {"trades": tables["trades"].iloc[:2]}),
    }
    assert len(found) == 4
