"""NEPSE's 25 floorsheets: facts counted from the files line by line, found again in the tables."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from mmresearch.load import floorsheet

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT.parent / "shared" / "realdata" / "nepse"
FILES = sorted(FOLDER.glob("*.csv.gz"))

pytestmark = pytest.mark.skipif(len(FILES) != 25, reason=f"no real NEPSE files at {FOLDER}")


@pytest.fixture(scope="module")
def market():
    return floorsheet(FOLDER)


@pytest.fixture(scope="module")
def counted():
    """Each file line by line: rows, their repetitions, trades inside a broker, net of brokers."""
    facts = []
    for path in FILES:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = [tuple(row) for row in csv.reader(file)][1:]
        once, net = dict.fromkeys(rows), Counter()
        for _, _, buyer, seller, quantity, _, _ in once:
            net[buyer] += int(quantity.replace(",", ""))
            net[seller] -= int(quantity.replace(",", ""))
        inside = sum(row[2] == row[3] for row in once)
        facts.append((path.name, len(rows), len(once), inside, net))
    return facts


def test_25_sessions(market):
    assert market.trades["time"].nunique() == 25
    assert market.receipt.files["file"].tolist() == [path.name for path in FILES]
    assert set(market.symbols["calendar"]) == {"dates"}


def test_every_row_is_kept_but_the_repeated(market, counted):
    assert market.receipt.rows_read == sum(rows for _, rows, _, _, _ in counted)
    assert market.receipt.rows_kept == sum(once for _, _, once, _, _ in counted)
    assert len(market.trades) == market.receipt.rows_kept
    # amount is quantity x rate on every row, so that nothing else is set aside
    assert set(market.receipt.reasons.index) == {"duplicate"}
    aside = market.receipt.set_aside["file"].value_counts()
    assert aside.to_dict() == {n: rows - once for n, rows, once, _, _ in counted if rows > once}
    assert aside.max() <= 4


def test_trades_inside_one_broker(market, counted):
    found = market.trades.groupby("time")["inside"].sum()
    assert found.tolist() == [inside for _, _, _, inside, _ in counted]
    assert 0.025 < market.trades["inside"].mean() < 0.029
    assert len(market.fills) == 2 * (~market.trades["inside"]).sum()


def test_net_quantities_of_brokers(market, counted):
    fills = market.fills
    net = (fills["side"] * fills["size"]).groupby([fills["time"], fills["account"]]).sum()
    assert (net.groupby("time").sum() == 0).all()
    for (time, day), (_, _, _, _, by_hand) in zip(net.groupby("time"), counted, strict=True):
        held = day.droplevel("time").to_dict()
        assert {k: v for k, v in held.items() if v} == {k: v for k, v in by_hand.items() if v}, time


def test_order_is_by_contract_number(market):
    assert market.trades["trade_id"].is_monotonic_increasing
    assert market.trades["trade_id"].is_unique
    dates = pd.to_datetime(market.trades["trade_id"].str[:8]).dt.tz_localize("UTC")
    assert (dates == market.trades["time"]).all()


def test_a_symbol_has_one_board_a_session(market):
    # so that inside a symbol and session the contract number is an order of events
    board = market.trades["seq"] // 10**6
    boards = board.groupby([market.trades["symbol"], market.trades["time"]]).nunique()
    assert (boards == 1).all()


def test_the_dealer_trades_in_37_symbols(market):
    dealer = market.fills[market.fills["account"] == "D01"]
    assert dealer["symbol"].nunique() == 37
    assert dealer["time"].nunique() == 25
