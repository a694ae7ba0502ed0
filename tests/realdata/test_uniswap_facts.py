"""Five days of Polygon's USDC/WETH pool: facts counted from the files, found in the tables."""

from __future__ import annotations

import csv
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.uniswap import uniswap

DAYS = ["2023-08-13", "2023-08-14", "2023-08-15", "2023-08-16", "2023-08-17"]


@pytest.fixture(scope="module")
def folder(realdata) -> Path:
    return realdata / "uniswap"


@pytest.fixture(scope="module")
def rows(folder) -> list[dict]:
    """Every row as its file has it, amounts and ticks as whole numbers."""
    found = []
    for path in sorted(folder.glob("*.minute.csv")):
        with path.open(encoding="utf-8") as file:
            found += [
                {k: v if k == "timestamp" else int(v) for k, v in r.items()}
                for r in csv.DictReader(file)
            ]
    return found


@pytest.fixture(scope="module")
def market(folder) -> mm.Market:
    return uniswap(folder)


@pytest.fixture(scope="module")
def panel(market) -> pd.DataFrame:
    return mm.panel(market, freq="1min", account="pool")


def test_1440_minutes_a_day_but_one(market, rows):
    days = market.quotes["time"].dt.strftime("%Y-%m-%d").value_counts().sort_index()
    assert days.to_dict() == dict(zip(DAYS, [1440, 1439, 1440, 1440, 1440], strict=True))
    assert market.receipt.rows_read == market.receipt.rows_kept == len(rows) == 7199
    first = market.quotes["time"][market.quotes["time"].dt.day == 14].iloc[0]
    assert str(first)[:16] == "2023-08-14 00:01"
    assert any("2023-08-14 has 1,439 of 1,440" in note for note in market.receipt.notes)


def test_the_pool_is_known_by_its_address(market):
    assert market.symbols["symbol"].tolist() == ["WETH/USDC"]
    assert any("0x45dda9cb7c25131df268515131f647d726f50608" in n for n in market.receipt.notes)


def test_every_unit_that_moved_is_in_the_fills(market, rows):
    assert "transfers" not in market  # no minute in which one token alone moved
    for n in (0, 1):
        amounts = list(map(int, market.fills[f"amount{n}"]))
        assert sum(amounts) == sum(row[f"netAmount{n}"] for row in rows)
        assert sum(a for a in amounts if a > 0) == sum(row[f"inAmount{n}"] for row in rows)
    assert max(map(int, market.fills["amount1"])) > 2**63


def test_the_ledger_holds_both_tokens(market, rows):
    last = mm.ledger(market).iloc[-1]
    ether = math.fsum(row["netAmount1"] / 1e18 for row in rows)
    dollars = math.fsum(row["netAmount0"] / 1e6 for row in rows)
    assert last["position"] == pytest.approx(ether, rel=1e-12)
    assert last["cash"] == pytest.approx(dollars, rel=1e-12)


def test_a_minute_of_no_net_ether_was_a_round_trip(market, rows):
    """Net +0.009998 dollars and no ether: 10 dollars in, 9.990002 out, twice the fee."""
    (even,) = [r for r in rows if r["netAmount1"] == 0 and r["netAmount0"] != 0]
    assert (even["timestamp"], even["netAmount0"]) == ("2023-08-13 07:30:00", 9998)
    time = pd.Timestamp("2023-08-13 07:30:59.999999999", tz="UTC")
    fills = market.fills[market.fills["time"] == time]
    assert fills["side"].tolist() == [1, -1]
    assert fills["size"].tolist() == [5410916549170988 / 1e18] * 2
    # without the fee both ways were at one price: 9.990002 / .9995 = 10 * .9995, to a millionth
    without = fills["price"] + fills["side"] * fills["fee_within"] / fills["size"]
    assert without.iloc[0] == pytest.approx(without.iloc[1], rel=1e-6)


def test_the_pool_sells_dearer_than_it_buys_by_twice_the_fee(market):
    fills = market.fills.pivot_table(index="time", columns="side", values="price")
    spread = 1e4 * np.log(fills[-1.0] / fills[1.0]).dropna()
    assert len(spread) == 1987
    assert spread.median() == pytest.approx(10.0, abs=0.05)


def test_prices_are_the_closing_ticks_where_these_can_be(market, rows):
    by_hand, known = [], []
    for row in rows:
        low, high, close = row["lowestTick"], row["highestTick"], row["closeTick"]
        close = low if low == high else close
        known.append(low <= close <= high)
        by_hand.append(1e12 / 1.0001**close)
    middle = np.sqrt(market.quotes["bid"] * market.quotes["ask"])
    assert middle.notna().tolist() == known
    assert known.count(False) == 43
    np.testing.assert_allclose(middle[known], np.array(by_hand)[known], rtol=1e-12)
    assert market.quotes["close_tick"].tolist() == [row["closeTick"] for row in rows]


def test_closing_ticks_outside_their_minute_are_those_of_the_minute_before(rows):
    outside = [
        (row, before)
        for before, row in pairwise(rows)
        if not row["lowestTick"] <= row["closeTick"] <= row["highestTick"]
    ]
    assert len(outside) == 89
    assert all(row["closeTick"] == before["closeTick"] for row, before in outside)


def test_the_price_falls_where_ether_comes_in(panel, rows):
    inside = panel[panel["bar"] > 0]
    found = inside["return_bps"].corr(inside["trade_flow"])
    assert found == pytest.approx(-0.78, abs=0.01)
    # the long way round, from the closing ticks as they stand
    returns, flows = [], []
    for before, row in pairwise(rows):
        if before["timestamp"][:10] == row["timestamp"][:10]:
            returns.append(before["closeTick"] - row["closeTick"])
            flows.append(row["netAmount1"] / 1e18)
    by_hand = np.corrcoef(returns, flows)[0, 1]
    assert by_hand == pytest.approx(-0.776, abs=0.001)
    assert abs(found - by_hand) < 0.01


def test_the_panel_has_the_flow_of_each_minute_in_its_bar(panel, rows):
    start = panel["start"].dt.strftime("%Y-%m-%d %H:%M:%S")
    flow = dict(zip(start, panel["trade_flow"], strict=True))
    assert len(panel) == 7200  # the missing minute too, without flow and without a price
    assert flow["2023-08-14 00:00:00"] == 0
    for row in rows:
        assert flow[row["timestamp"]] == pytest.approx(row["netAmount1"] / 1e18, abs=1e-10)


def test_each_day_alone_and_all_together(folder, market):
    days = [uniswap(path) for path in sorted(folder.glob("*.minute.csv"))]
    for kind in ("fills", "trades", "quotes"):
        parts = pd.concat([day[kind] for day in days], ignore_index=True)
        pd.testing.assert_frame_equal(parts, market[kind])
