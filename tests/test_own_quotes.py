"""An account's own quotes are a table of their own, also where they came among the market's."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch import convert as conversion
from mmresearch import schema, store
from mmresearch.load import table

TIMES = pd.to_datetime(["2024-01-02 10:00", "2024-01-02 10:01", "2024-01-03 10:02"], utc=True)
LEVEL = {"bid": [9.0, 9.1, 8.9], "ask": [10.0, None, 10.2], "bid_size": 1.0, "ask_size": 2.0}
OWN = pd.DataFrame({"time": TIMES, "seq": [0, 1, 2], "account": ["A", "B", "A"], "symbol": "X"})
OWN = OWN.assign(**LEVEL)
PUBLIC = OWN.drop(columns="account").assign(bid=9.2, ask=9.8)
MIXED = pd.concat([PUBLIC, OWN], ignore_index=True)  # the market's rows name no account


def same(found: pd.DataFrame, wanted: pd.DataFrame, name: str) -> None:
    pd.testing.assert_frame_equal(found, mm.check(wanted, name))


def faults(call) -> list[tuple]:
    with pytest.raises(mm.SchemaError) as caught:
        call()
    found = caught.value.faults
    return list(zip(found["table"], found["column"], found["fault"], strict=True))


# --- the table ------------------------------------------------------------------------------------


def test_two_accounts_may_quote_in_one_event():
    both = pd.concat([OWN, OWN.assign(account=["B", "A", "B"])], ignore_index=True)
    market = mm.Market(own_quotes=both)
    assert len(market.own_quotes) == 6
    assert market.own_quotes["seq"].is_monotonic_increasing
    assert list(market.symbols["symbol"]) == ["X"]
    assert market.days("X") == ["2024-01-02", "2024-01-03"]


@pytest.mark.bad_input("an account's quote twice in one event")
def test_an_account_quotes_once_in_an_event():
    twice = pd.concat([OWN, OWN.tail(1)])
    again = [("own_quotes", "account, symbol, time, seq", "repeated")]
    assert faults(lambda: mm.Market(own_quotes=twice)) == again
    assert faults(lambda: mm.Market(own_quotes=pl.from_pandas(twice))) == again


@pytest.mark.bad_input("own quotes that name no account")
def test_own_quotes_name_their_account():
    nobody = OWN.assign(account=["A", None, "A"])
    assert faults(lambda: mm.Market(own_quotes=nobody)) == [
        ("own_quotes", "account", "missing value")
    ]
    assert faults(lambda: mm.Market(own_quotes=PUBLIC)) == [
        ("own_quotes", "account", "column is not there")
    ]


# --- quotes that name accounts --------------------------------------------------------------------


@pytest.mark.parametrize("form", [lambda t: t, pl.from_pandas], ids=["pandas", "polars"])
def test_rows_that_name_an_account_are_its_own(form):
    market = mm.Market(quotes=form(MIXED))
    same(market.own_quotes, OWN, "own_quotes")
    same(market.quotes, PUBLIC, "quotes")


@pytest.mark.parametrize("nobody", ["", "  ", None, float("nan")])
def test_an_empty_name_is_no_account(nobody):
    market = mm.Market(quotes=MIXED.assign(account=MIXED["account"].fillna(nobody or "")))
    same(market.own_quotes, OWN, "own_quotes")
    same(market.quotes, PUBLIC, "quotes")


def test_accounts_that_are_numbers():
    market = mm.Market(quotes=MIXED.assign(account=[None, None, None, 17.0, 18.0, 17.0]))
    assert market.own_quotes["account"].tolist() == ["17", "18", "17"]


def test_quotes_of_accounts_alone_leave_the_market_none():
    market = mm.Market(quotes=OWN)
    assert list(market) == ["own_quotes"]
    same(market.own_quotes, OWN, "own_quotes")


def test_a_column_that_names_no_account_stays_beside():
    market = mm.Market(quotes=PUBLIC.assign(account=None))
    assert list(market) == ["quotes"]
    assert market.quotes["account"].isna().all()


def test_replaced_quotes_bring_their_own():
    market = mm.Market(quotes=PUBLIC, own_quotes=OWN)
    other = market.replace(quotes=MIXED.assign(bid_size=5.0))
    assert (other.own_quotes["bid_size"] == 5).all()
    assert (other.quotes["bid_size"] == 5).all()
    assert (market.replace(quotes=PUBLIC).own_quotes["bid_size"] == 1).all()


@pytest.mark.bad_input("own quotes given twice, among the market's and beside")
def test_own_quotes_given_twice():
    both = {"quotes": MIXED, "own_quotes": OWN}
    said = [("quotes", "account", "names accounts, and own_quotes is given too")]
    assert faults(lambda: mm.Market(**both)) == said
    assert faults(lambda: mm.Market(trades=PUBLIC, **both))[-1:] == said  # with every other fault
    assert faults(lambda: mm.Market(quotes=PUBLIC).replace(**both)) == said


@pytest.mark.bad_input("an account's quote twice in one event")
def test_an_account_written_in_two_ways_is_one():
    twice = pd.concat([OWN, OWN]).assign(account=[1, 2, 1, "1", "2", "1"])
    again = [("quotes", "account, symbol, time, seq", "repeated")]
    assert faults(lambda: mm.Market(quotes=twice)) == again


# --- files ----------------------------------------------------------------------------------------


def csv(path: Path, rows: pd.DataFrame) -> Path:
    rows.to_csv(path, index=False)
    return path


def test_a_file_that_names_accounts_is_split(tmp_path):
    path = csv(tmp_path / "q.csv", MIXED)
    market = table(path, "quotes")
    same(market.own_quotes, OWN, "own_quotes")
    same(market.quotes, PUBLIC, "quotes")
    assert market.receipt.rows_kept == 6


def test_accounts_under_another_name(tmp_path):
    rows = MIXED.rename(columns={"account": "mpid"})
    path = csv(tmp_path / "q.csv", rows)
    assert "own_quotes" not in table(rows.assign(seq=range(6)), "quotes")
    same(table(path, "quotes", columns={"account": "mpid"}).own_quotes, OWN, "own_quotes")


def test_several_files_that_name_accounts(tmp_path):
    days = [MIXED[MIXED["time"] < TIMES[2]], MIXED[MIXED["time"] == TIMES[2]]]
    files = [csv(tmp_path / f"{n}.csv", rows) for n, rows in enumerate(days)]
    market = table(files, "quotes")
    same(market.own_quotes, OWN, "own_quotes")
    same(market.quotes, PUBLIC, "quotes")


def test_own_quotes_without_numbers_come_after_trades(tmp_path):
    path = csv(tmp_path / "q.csv", OWN.drop(columns="seq"))
    market = table(path, "own_quotes")
    assert market.own_quotes["seq"].tolist() == [schema.UNORDERED + n for n in range(3)]
    one = table(csv(tmp_path / "p.csv", PUBLIC), "own_quotes", account="M").own_quotes
    assert (one["account"] == "M").all()


@pytest.mark.bad_input("own quotes in two files")
@pytest.mark.parametrize("many", [False, True])
def test_own_quotes_in_two_files(tmp_path, many):
    later = csv(tmp_path / "r.csv", MIXED.assign(seq=MIXED["seq"] + 3))
    quotes = [csv(tmp_path / "q.csv", MIXED), later] if many else csv(tmp_path / "q.csv", MIXED)
    sources = {"quotes": quotes, "own_quotes": csv(tmp_path / "o.csv", OWN)}
    with pytest.raises(mm.SourceError) as caught:
        table(sources)
    (fault,) = caught.value.faults
    assert "account" in fault.found
    assert "own_quotes" in fault.found


@pytest.mark.parametrize("kind", ["quotes", "own_quotes"])
def test_converted_in_blocks_as_read(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(conversion, "LARGE", 1)
    rows = MIXED if kind == "quotes" else OWN
    path = csv(tmp_path / "q.csv", rows)
    conversion.convert("table", [path], tmp_path / "market", options={"kind": kind})
    market = mm.open(tmp_path / "market")
    same(market.own_quotes, OWN, "own_quotes")


# --- folders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["table", "day"])
def test_saved_and_opened(tmp_path, by):
    both = pd.concat([OWN, OWN.assign(account=["B", "A", "B"])], ignore_index=True)
    market = mm.Market(quotes=PUBLIC, own_quotes=both)
    again = mm.open(market.save(tmp_path / "m", by=by))
    assert again.data_hash == market.data_hash
    pd.testing.assert_frame_equal(again.own_quotes, market.own_quotes)
    parts = list(again.blocks("own_quotes", ["time", "seq", "account", "bid"], symbol="X"))
    assert sum(len(part) for part in parts) == 6
    day = again.select("X", "2024-01-03")
    assert len(day.own_quotes) == 2


def test_written_in_blocks(tmp_path):
    with store.Writer(tmp_path / "m", by="day") as writer:
        for row in range(3):
            writer.add("own_quotes", mm.check(OWN, "own_quotes").iloc[[row]])
        writer.commit({"name": "mine"})
    same(mm.open(tmp_path / "m").own_quotes, OWN, "own_quotes")


@pytest.mark.bad_input("an account's quote twice in one event")
@pytest.mark.parametrize("account", ["A", "B"])
def test_written_in_blocks_that_overlap(tmp_path, account):
    own = mm.check(OWN, "own_quotes")
    other = own.assign(account=account)
    with store.Writer(tmp_path / "m", by="table") as writer:
        writer.add("own_quotes", own.iloc[[0, 2]])
        writer.add("own_quotes", other.iloc[[0, 1]])
        if account == "A":
            with pytest.raises(ValueError, match="2 rows are of events"):
                writer.commit({"name": "mine"})
            return
        writer.commit({"name": "mine"})
    assert mm.open(tmp_path / "m").own_quotes["account"].tolist() == ["A", "B", "B", "A"]
