"""Minute flows of a pool, every value worked out by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.uniswap import uniswap

HEADER = (
    "timestamp,netAmount0,netAmount1,closeTick,openTick,lowestTick,highestTick,"
    "inAmount0,inAmount1,currentLiquidity"
)
NAME = "polygon-0x45DDa9cb7c25131df268515131f647d726f50608-2023-08-13.minute.csv"
ETHER, DOLLAR = 10**18, 10**6
TICK = 201_101  # 1e12 / 1.0001**201101 = 1848.12 dollars an ether
PRICE = 1e12 / 1.0001**TICK


def minute(
    clock: str,
    net: tuple[int, int],
    came: tuple[int, int],
    tick: int = TICK,
    low: int | None = None,
    high: int | None = None,
    day: str = "2023-08-13",
) -> str:
    low, high = tick if low is None else low, tick if high is None else high
    ticks = f"{tick},{low},{low},{high}"
    return f"{day} {clock}:00,{net[0]},{net[1]},{ticks},{came[0]},{came[1]},2000000000000000000"


# the pool buys 2 ether for 3,690 dollars; nothing; it sells 1 ether for 1,850; both, ending even
ROWS = [
    minute("00:00", (-3690 * DOLLAR, 2 * ETHER), (0, 2 * ETHER)),
    minute("00:01", (0, 0), (0, 0)),
    minute("00:02", (1850 * DOLLAR, -ETHER), (1850 * DOLLAR, 0), TICK - 3),
    minute("00:03", (9998, 0), (10 * DOLLAR, 5410916549170988), TICK - 3),
]


def write(folder: Path, rows: list[str] = ROWS, name: str = NAME) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in [HEADER, *rows]), encoding="utf-8")
    return path


@pytest.fixture
def market(tmp_path):
    return uniswap(write(tmp_path))


def test_the_pool_buys_what_comes_in_and_sells_what_goes_out(market):
    fills = market.fills
    assert fills["side"].tolist() == [1, -1, 1, -1]
    assert fills["size"].tolist() == [2.0, 1.0, 0.005410916549170988, 0.005410916549170988]
    by_hand = [3690 / 2, 1850.0, 9.990002 / 0.005410916549170988, 10 / 0.005410916549170988]
    np.testing.assert_allclose(fills["price"], by_hand, rtol=1e-15)
    assert fills["amount0"].tolist() == ["-3690000000", "1850000000", "-9990002", "10000000"]
    assert fills["amount1"].tolist() == [
        "2000000000000000000",
        "-1000000000000000000",
        "5410916549170988",
        "-5410916549170988",
    ]
    assert set(fills["account"]) == {"pool"}
    assert set(fills["symbol"]) == {"WETH/USDC"}
    assert (fills["fee"] == 0).all()
    # ether that came in is worth what was paid for the rest of it: .9995 of 2 for 3,690
    of_ether = 0.0005 / 0.9995
    within = [3690 * of_ether, 1850 * 0.0005, 9.990002 * of_ether, 10 * 0.0005]
    np.testing.assert_allclose(fills["fee_within"], within, rtol=1e-14)
    assert fills["maker"].all()
    assert fills[["trade_id", "counterparty"]].isna().all(axis=None)


def test_trades_are_the_same_from_the_other_side(market):
    columns = ["time", "seq", "symbol", "price", "size"]
    pd.testing.assert_frame_equal(market.trades[columns], market.fills[columns])
    assert market.trades["side"].tolist() == [-1, 1, -1, 1]


def test_price_from_the_tick_with_the_fee_on_both_sides(market):
    quotes = market.quotes
    by_hand = np.array([PRICE, PRICE, 1e12 / 1.0001 ** (TICK - 3), 1e12 / 1.0001 ** (TICK - 3)])
    np.testing.assert_allclose(quotes["bid"], by_hand * 0.9995, rtol=1e-12)
    np.testing.assert_allclose(quotes["ask"], by_hand / 0.9995, rtol=1e-12)
    assert abs(PRICE - 1848.1236) < 1e-3
    assert quotes[["bid_size", "ask_size"]].isna().all(axis=None)
    assert quotes["tick"].tolist() == [TICK, TICK, TICK - 3, TICK - 3]
    assert (quotes["liquidity"] == 2e18).all()


def test_a_minute_is_known_at_its_last_nanosecond(market):
    ends = pd.to_datetime(["2023-08-13 00:00:59.999999999"], utc=True)
    assert market.quotes["time"][0] == market.fills["time"][0] == ends[0]
    # of a minute's two directions and its closing price, the price is the last
    assert market.fills["seq"].tolist() == [1, 2, 1, 2]
    assert (market.quotes["seq"] == 2).all()


def test_flow_and_return_of_a_minute_stand_in_one_bar(market):
    panel = mm.panel(market, freq="1min", account="pool")
    assert panel["trade_flow"].tolist() == [2, 0, -1, 0]
    assert panel["market_volume"].tolist() == [2, 0, 1, 2 * 0.005410916549170988]
    returns = [0, 0, 3e4 * np.log(1.0001), 0]  # the pool sold, and its price rose by 3 ticks
    np.testing.assert_allclose(panel["return_bps"], returns, atol=1e-8)
    np.testing.assert_allclose(panel["spread_bps"][2], 10.0025, rtol=1e-6)


def test_the_last_minute_of_a_day_belongs_to_it(tmp_path):
    rows = [minute("23:59", (-3690 * DOLLAR, 2 * ETHER), (0, 2 * ETHER))]
    rows += [minute("00:00", (1850 * DOLLAR, -ETHER), (1850 * DOLLAR, 0), day="2023-08-14")]
    panel = mm.panel(uniswap(write(tmp_path, rows)), freq="1min")
    assert panel["day"].dt.day.tolist() == [13, 14]
    assert panel["trade_flow"].tolist() == [2, -1]


def test_the_ledger_holds_both_tokens(market):
    last = mm.ledger(market).iloc[-1]
    np.testing.assert_allclose(last["position"], 1.0, rtol=1e-12)
    np.testing.assert_allclose(last["cash"], (-3690 * DOLLAR + 1850 * DOLLAR + 9998) / DOLLAR)
    assert last["fee_known"]


def test_symbols_receipt_and_notes(market):
    symbol = market.symbols.iloc[0]
    assert (symbol["asset"], symbol["currency"], symbol["calendar"]) == ("WETH", "USDC", "24/7")
    assert symbol["multiplier"] == 1
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (4, 4)
    notes = "\n".join(market.receipt.notes)
    assert "USDC (6 decimals) and WETH (18 decimals)" in notes
    assert "the fee of 0.0500%" in notes
    assert "2023-08-13 has 4 of 1,440 minutes" in notes
    assert "positions" not in market


def test_amounts_beyond_64_bits_are_exact(tmp_path):
    big = 165582239879040202408
    dollars = int(big * PRICE) // 10**12
    rows = [minute("00:00", (-dollars, big), (0, big)), minute("00:01", (0, 0), (dollars, big))]
    # the second minute: as much in as out of each
    market = uniswap(write(tmp_path, rows))
    assert list(map(int, market.fills["amount1"])) == [big, big, -big]
    assert list(map(int, market.fills["amount0"])) == [-dollars, -dollars, dollars]
    assert market.fills["size"].tolist() == [165.582239879040202408] * 3


def test_random_minutes_keep_every_unit(tmp_path):
    generator = np.random.default_rng(7)
    rows, net0, net1 = [], 0, 0
    for n in range(300):
        came1, went1 = (int(v) * 10**15 for v in generator.integers(0, 10**6, 2))
        came0, went0 = int(went1 * PRICE * 1.0005) // 10**12, int(came1 * PRICE) // 10**12
        clock = f"{n // 60:02d}:{n % 60:02d}"
        net0, net1 = net0 + came0 - went0, net1 + came1 - went1
        rows.append(minute(clock, (came0 - went0, came1 - went1), (came0, came1)))
    market = uniswap(write(tmp_path, rows))
    assert sum(map(int, market.fills["amount0"])) == net0
    assert sum(map(int, market.fills["amount1"])) == net1
    last = mm.ledger(market).iloc[-1]
    np.testing.assert_allclose(last["position"], net1 / ETHER, rtol=1e-12)
    np.testing.assert_allclose(last["cash"], net0 / DOLLAR, rtol=1e-12)


def test_a_closing_tick_that_cannot_be(tmp_path):
    flow = ((-3690 * DOLLAR, 2 * ETHER), (0, 2 * ETHER))
    rows = [
        minute("00:00", *flow),
        minute("00:01", *flow, TICK, TICK + 2, TICK + 2),  # the only tick of the minute
        minute("00:02", *flow, TICK, TICK + 2, TICK + 5),  # one of several: not known
    ]
    market = uniswap(write(tmp_path, rows))
    assert market.quotes["tick"].tolist()[:2] == [TICK, TICK + 2]
    assert market.quotes["tick"].isna().tolist() == [False, False, True]
    assert market.quotes[["bid", "ask"]].isna().all(axis=1).tolist() == [False, False, True]
    assert market.quotes["close_tick"].tolist() == [TICK] * 3
    assert any("2 closing ticks lie outside" in note for note in market.receipt.notes)


def test_whole_numbers_as_newer_files_write_them(tmp_path, market):
    rows = [
        ",".join(cell + ".0" * (n in (1, 3, 4, 5, 6)) for n, cell in enumerate(row.split(",")))
        for row in ROWS
    ]
    assert rows[0].count(f"{TICK}.0") == 4
    again = uniswap(write(tmp_path, rows))
    pd.testing.assert_frame_equal(again.quotes, market.quotes)
    pd.testing.assert_frame_equal(again.fills, market.fills)


def test_one_token_only_is_a_transfer(tmp_path):
    market = uniswap(write(tmp_path, [*ROWS, minute("00:04", (1, 0), (1, 0))]))
    assert len(market.fills) == 4
    row = market.transfers.iloc[0]
    assert (row["asset"], row["amount"], row["amount_raw"]) == ("USDC", 1e-6, "1")
    assert row["event"] == "swap"
    assert any("1 swaps moved one token only" in note for note in market.receipt.notes)


def test_out_of_order_and_repeated_minutes(tmp_path, market):
    again = uniswap(write(tmp_path, [ROWS[2], ROWS[0], ROWS[1], ROWS[0], ROWS[3]]))
    pd.testing.assert_frame_equal(again.fills, market.fills)
    assert again.receipt.reasons.to_dict() == {"repeated": 1}
    assert again.receipt.set_aside[["line", "text"]].to_numpy().tolist() == [[5, ROWS[0]]]


def test_several_days_and_the_same_minute_in_two_files(tmp_path, market):
    later = [row.replace("08-13", "08-14") for row in ROWS]
    one, two = write(tmp_path, ROWS), write(tmp_path, [*later, ROWS[3]], NAME.replace("13.", "14."))
    both = uniswap(two, one)
    assert len(both.fills) == 8
    assert both.receipt.reasons.to_dict() == {"repeated": 1}
    assert both.quotes["time"].is_monotonic_increasing
    first = both.fills[both.fills["time"].dt.day == 13].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, market.fills)
    folder = uniswap(tmp_path, account="amm", name="mine")
    assert (folder.name, folder.accounts) == ("mine", ["amm"])
    assert len(folder.fills) == 8


def test_packed_and_saved(tmp_path, market):
    packed = tmp_path / (NAME + ".gz")
    packed.write_bytes(gzip.compress((tmp_path / NAME).read_bytes()))
    again = uniswap(packed)
    pd.testing.assert_frame_equal(again.fills, market.fills)
    again.save(tmp_path / "market")
    opened = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(opened.quotes, market.quotes)


def test_another_pool_in_the_users_words(tmp_path):
    # token0 is WETH and token1 USDT: 1,850e6 smallest units of token1 for 1e18 of token0
    tick = round(np.log(1850e6 / 1e18) / np.log(1.0001))
    rows = [
        minute("00:00", (2 * ETHER, -3690 * DOLLAR), (2 * ETHER, 0), tick),
        minute("00:01", (-ETHER, 1851 * DOLLAR), (0, 1851 * DOLLAR), tick + 9),
    ]
    path = write(tmp_path, rows, "ethereum-0x" + "4e" * 20 + "-2023-08-13.minute.csv")
    facts = {"token0": "WETH", "token1": "USDT", "decimals0": 18, "decimals1": 6, "fee": 0.003}
    market = uniswap(path, **facts)
    assert market.symbols["symbol"].tolist() == ["WETH/USDT"]
    assert market.fills["side"].tolist() == [1, -1]
    assert market.fills["size"].tolist() == [2, 1]
    assert market.fills["price"].tolist() == [1845, 1851]
    mids = [1.0001**t * 1e12 for t in (tick, tick + 9)]
    np.testing.assert_allclose(market.quotes["bid"], np.array(mids) * 0.997, rtol=1e-12)
    other = uniswap(path, **facts, base="USDT")
    assert other.symbols["symbol"].tolist() == ["USDT/WETH"]
    assert other.fills["side"].tolist() == [-1, 1]
    np.testing.assert_allclose(other.quotes["ask"], 1 / np.array(mids) / 0.997, rtol=1e-12)
