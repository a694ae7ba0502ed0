"""LOBSTER's AMZN day: facts counted by others from the files, found again in the tables."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmresearch.load import lobster
from mmresearch.measure.asof import known_before

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT.parent / "shared" / "realdata" / "lobster" / "AMZN_2012-06-21_level1"
FILES = sorted(FOLDER.glob("*.csv"))

pytestmark = pytest.mark.skipif(len(FILES) != 2, reason=f"no real LOBSTER files at {FOLDER}")


@pytest.fixture(scope="module")
def market():
    return lobster(*FILES)


@pytest.fixture(scope="module")
def lines():
    with FILES[0].open(encoding="ascii") as file:
        return list(csv.reader(file))


def test_every_row_is_there(market):
    assert market.receipt.files["rows"].tolist() == [57_515, 57_515]
    assert market.receipt.set_aside.empty
    assert market.orders["event"].value_counts().to_dict() == {
        "add": 27_845,
        "reduce": 16,
        "delete": 18_235,
        "fill": 8_974,
        "hidden_fill": 2_445,
    }


def test_the_file_order_is_the_order(market):
    orders = market.orders
    assert orders["seq"].tolist() == list(range(1, 57_516))
    assert int(orders["time"].duplicated().sum()) == 4_232


def test_times_are_those_of_the_file(market, lines):
    # the long way round: exact decimals of the texts against New York's midnight, 4:00 UTC
    midnight = pd.Timestamp("2012-06-21 04:00", tz="UTC").as_unit("ns").value
    exact = [midnight + int(Decimal(row[0]) * 10**9) for row in lines]
    assert market.orders["time"].astype("int64").tolist() == exact


def test_prices_and_sizes_are_those_of_the_file(market, lines):
    assert market.orders["size"].tolist() == [float(row[3]) for row in lines]
    assert market.orders["price"].tolist() == [int(row[4]) / 10_000 for row in lines]


def test_ask_is_above_bid_always(market):
    assert (market.quotes["ask"] > market.quotes["bid"]).all()
    assert any("21: 0 book rows are locked" in note for note in market.receipt.notes)


def test_visible_executions_are_at_the_best_before_them(market):
    trades = market.trades[market.trades["event"] == "fill"]
    known = known_before(trades, market.quotes)
    trades, known = trades[known >= 0], known[known >= 0]
    assert len(trades) == 8_974
    before = market.quotes.iloc[known]
    met = np.where(trades["side"] > 0, before["ask"], before["bid"])
    assert (trades["price"].to_numpy() == met).all()


def test_volumes(market):
    trades = market.trades
    signed = trades["side"] * trades["size"]
    assert signed[trades["event"] == "fill"].sum() == -19_300
    assert trades["size"].sum() == 810_755


def test_the_session_holds_every_event(market):
    (session,) = market.sessions("AMZN").itertuples()
    assert market.orders["time"].between(session.open, session.close).all()
