"""Databento's own sample files: facts counted record by record with its library."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pandas as pd
import pytest

from mmresearch.load.databento import databento
from mmresearch.measure.asof import known_before

library = pytest.importorskip("databento")

SNAPSHOT_TIME = pd.Timestamp("2023-12-24 13:00:05.718200244", tz="UTC")


@pytest.fixture(scope="module")
def folder(realdata) -> Path:
    path = realdata / "databento"
    if not path.is_dir():
        pytest.skip("no real Databento files")
    return path


def records(path: Path) -> list:
    return list(library.DBNStore.from_bytes(path.read_bytes()))


@pytest.fixture(scope="module")
def session(folder) -> Path:
    (path,) = folder.glob("*.mbo.dbn.zst")
    return path


@pytest.fixture(scope="module")
def market(session):
    return databento(session)


def test_the_session_file_is_one_snapshot(market, session):
    # 8,725 orders that rest before the week's opening: nothing trades, nothing is withdrawn
    assert market.receipt.rows_read == market.receipt.rows_kept == 8725
    orders = market.orders
    assert orders["event"].value_counts().to_dict() == {"add": 8725}
    assert orders["snapshot"].all()
    assert orders["side"].value_counts().to_dict() == {1: 5192, -1: 3533}
    assert orders["size"].sum() == 38_304
    assert (orders["time"] == SNAPSHOT_TIME).all()
    assert len(market.trades) == 0
    assert market.symbols["symbol"].tolist() == ["ESH4"]


def test_orders_are_those_of_the_file(market, session):
    read = records(session)
    orders = market.orders
    assert orders["order_id"].tolist() == [str(r.order_id) for r in read]
    assert orders["price"].tolist() == [r.pretty_price for r in read]
    assert orders["size"].tolist() == [r.size for r in read]
    assert orders["exchange_time"].astype("int64").tolist() == [r.ts_event for r in read]


def test_the_rebuilt_book_is_the_sum_of_the_orders(market, session):
    levels: dict[tuple[str, float], int] = defaultdict(int)
    for r in records(session):
        levels[str(r.side), r.pretty_price] += r.size
    (row,) = market.book.to_dict("records")
    for side, letter, best_first in (("bid", "B", True), ("ask", "A", False)):
        wanted = sorted((k[1] for k in levels if k[0] == letter), reverse=best_first)[:10]
        assert [row[f"{side}_{n}"] for n in range(1, 11)] == wanted
        sizes = [levels[letter, price] for price in wanted]
        assert [row[f"{side}_size_{n}"] for n in range(1, 11)] == sizes
    assert (row["bid_1"], row["ask_1"]) == (4799.0, 4799.5)  # not crossed, before the opening too
    assert (row["bid_size_1"], row["ask_size_1"]) == (16, 23)


def test_the_short_files(folder):
    # two records each
    trades = databento(folder / "test_data.trades.dbn")
    assert trades.trades["price"].tolist() == [3720.25, 3720.25]
    assert trades.trades["size"].tolist() == [5, 21]
    assert trades.trades["side"].tolist() == [-1, -1]
    assert trades.symbols["symbol"].tolist() == ["ESH1"]
    quotes = databento(folder / "test_data.mbp-1.dbn").quotes
    assert quotes["ask_size"].tolist() == [11, 12]
    deep = databento(folder / "test_data.mbp-10.dbn")
    assert deep.book["bid_size_2"].tolist() == [31, 30]
    assert len(deep.quotes) == 1


def test_trades_are_on_their_side_of_the_quotes_before_them(folder):
    market = databento(folder / "test_data.tbbo.dbn")
    before = market.quotes.iloc[known_before(market.trades, market.quotes)]
    met = before["ask"].where(market.trades["side"].to_numpy() > 0, before["bid"])
    assert met.tolist() == market.trades["price"].tolist()
    assert any("2 of 2 signed trades" in note for note in market.receipt.notes)
    alone = databento(folder / "test_data.trades.dbn").trades
    same = [c for c in alone if c != "seq"]
    pd.testing.assert_frame_equal(market.trades[same], alone[same])


def test_the_files_of_one_schema_each_together(folder):
    names = ("trades", "mbp-1")
    market = databento(*(folder / f"test_data.{name}.dbn" for name in names))
    assert (len(market.trades), len(market.quotes)) == (2, 2)
    assert market.receipt.rows_read == 4
