"""Events of a pool, every value worked out by hand, in each vendor's layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch.load.uniswap import uniswap

POOL = "0x45DDa9cb7c25131df268515131f647d726f50608"
ETHER, DOLLAR = 10**18, 10**6
ME, YOU = "0x" + "aa" * 20, "0x" + "bb" * 20
NOON = 1_691_928_000


def root(price: float) -> int:
    """sqrtPriceX96 of a price in dollars an ether: token1 a token0 is 1e12 / price."""
    return int((1e12 / price) ** 0.5 * 2**96)


def tick(price: float) -> int:
    return int(np.floor(np.log(1e12 / price) / np.log(1.0001)))


# the pool buys 2 ether, then sells 1; token1 came in, so the price of ether falls, then rises
BOUGHT = (-3690 * DOLLAR, 2 * ETHER, 1840.0)
SOLD = (1845 * DOLLAR, -ETHER, 1842.5)
SWAPS = "contract_address,evt_tx_hash,evt_index,evt_block_time,evt_block_number,amount0,amount1"
SWAPS += ",liquidity,recipient,sender,sqrtPriceX96,tick"
MOVES = "contract_address,evt_tx_hash,evt_index,evt_block_time,evt_block_number,amount,amount0"
MOVES += ",amount1,owner,sender,tickLower,tickUpper"


def swap(n: int, moved: tuple, block: int = 9, tx: str | None = None) -> str:
    amount0, amount1, price = moved
    start = f"{POOL},{tx or f'0xs{n}'},{n},{when(block)},{block},{amount0},{amount1}"
    return f"{start},7000,{ME},{YOU},{root(price)},{tick(price)}"


def move(n: int, amounts: tuple[int, int], block: int = 9, owner: str = ME) -> str:
    start = f"{POOL},0xm{n},{n},{when(block)},{block},555,{amounts[0]},{amounts[1]}"
    return f"{start},{owner},{YOU},199000,203000"


def when(block: int) -> str:
    """Two seconds a block, the ninth at noon."""
    return f"{pd.Timestamp(NOON + 2 * (block - 9), unit='s')}.000 UTC"


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in [header, *rows]), encoding="utf-8")
    return path


def without(header: str, rows: list[str], column: str) -> tuple[str, list[str]]:
    place = header.split(",").index(column)
    cut = [line.split(",") for line in [header, *rows]]
    kept = [",".join(cells[:place] + cells[place + 1 :]) for cells in cut]
    return kept[0], kept[1:]


@pytest.fixture
def swaps(tmp_path):
    return write(tmp_path / "swaps.csv", SWAPS, [swap(3, BOUGHT), swap(8, SOLD)])


def test_a_swap_is_a_fill_of_the_pool_and_a_trade_of_the_trader(swaps):
    market = uniswap(swaps)
    fills = market.fills
    assert fills["side"].tolist() == [1, -1]
    assert fills["price"].tolist() == [1845, 1845]
    assert fills["size"].tolist() == [2, 1]
    assert fills["counterparty"].tolist() == [ME, ME]
    assert fills["sender"].tolist() == [YOU, YOU]
    assert fills["trade_id"].tolist() == ["0xs3:3", "0xs8:8"]
    assert fills["seq"].tolist() == [3, 8]
    assert fills["amount1"].tolist() == ["2000000000000000000", "-1000000000000000000"]
    assert (fills["time"] == pd.Timestamp(NOON, unit="s", tz="UTC")).all()
    assert market.trades["side"].tolist() == [-1, 1]
    assert market.trades["trade_id"].tolist() == fills["trade_id"].tolist()


def test_price_from_the_square_root_and_else_from_the_tick(tmp_path, swaps):
    quotes = uniswap(swaps).quotes
    np.testing.assert_allclose(quotes["bid"], np.array([1840, 1842.5]) * 0.9995, rtol=1e-12)
    np.testing.assert_allclose(quotes["ask"], np.array([1840, 1842.5]) / 0.9995, rtol=1e-12)
    assert quotes["seq"].tolist() == [3, 8]
    assert quotes["liquidity"].tolist() == [7000, 7000]
    cut = without(SWAPS, swaps.read_text().splitlines()[1:], "sqrtPriceX96")
    quotes = uniswap(write(tmp_path / "ticks.csv", *cut)).quotes
    by_hand = [1e12 / 1.0001 ** tick(price) * 0.9995 for price in (1840, 1842.5)]
    np.testing.assert_allclose(quotes["bid"], by_hand, rtol=1e-12)


def test_the_ledger_marks_a_swap_at_the_price_after_it(swaps):
    middle = np.array([1840, 1842.5]) * (0.9995 + 1 / 0.9995) / 2
    np.testing.assert_allclose(mm.ledger(uniswap(swaps))["mid"], middle, rtol=1e-12)


def test_mints_come_in_and_collects_go_out(tmp_path, swaps):
    mints = write(tmp_path / "m.csv", MOVES, [move(1, (4000 * DOLLAR, 2 * ETHER), 8)])
    burns = write(tmp_path / "burn.csv", *without(MOVES, [move(9, (100, 50), 10)], "sender"))
    header = MOVES.replace("sender", "recipient").replace("amount,", "x,", 1)
    collects = write(tmp_path / "c.csv", header, [move(2, (1000 * DOLLAR, 0), 11, YOU)])
    market = uniswap(swaps, mints, burns, collects)
    moves = market.transfers
    assert moves[["asset", "amount", "event", "amount_raw"]].to_numpy().tolist() == [
        ["USDC", 4000.0, "mint", "4000000000"],
        ["WETH", 2.0, "mint", "2000000000000000000"],
        ["USDC", -1000.0, "collect", "-1000000000"],
    ]
    assert moves["counterparty"].tolist() == [ME, ME, YOU]
    assert moves["tx"].tolist() == ["0xm1", "0xm1", "0xm2"]
    assert moves["tick_lower"].tolist() == [199000] * 3
    assert market.receipt.reasons.index.tolist() == [
        "burn: what it frees leaves the pool when it is collected"
    ]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (5, 4)


def test_without_collects_a_burn_goes_out(tmp_path, swaps):
    rows = [move(9, (100 * DOLLAR, ETHER // 2), 10), move(10, (0, 0), 10)]
    burns = write(tmp_path / "burn.csv", *without(MOVES, rows, "sender"))
    market = uniswap(swaps, burns)
    assert market.transfers["amount"].tolist() == [-100, -0.5]
    assert market.receipt.reasons.to_dict() == {"moves nothing": 1}
    assert any("no collects among the files" in note for note in market.receipt.notes)


def test_the_ledger_holds_what_all_events_sum_to(tmp_path):
    generator = np.random.default_rng(11)
    rows, moves, held, price = [], [], [0, 0], 1850.0
    for n in range(200):
        amount1 = int(generator.integers(-(10**18), 10**18)) * 7
        amount0 = -int(amount1 * price * (1 - 0.0005 * np.sign(amount1))) // 10**12
        price *= 1 - amount1 / 1e22
        rows.append(swap(2 * n, (amount0, amount1, price), 9))
        paid = [int(generator.integers(0, 10**10)), int(generator.integers(0, 10**18))]
        moves.append(move(2 * n + 1, (paid[0], paid[1]), 9))
        held = [held[0] + amount0 + paid[0], held[1] + amount1 + paid[1]]
    market = uniswap(
        write(tmp_path / "s.csv", SWAPS, rows), write(tmp_path / "m.csv", MOVES, moves)
    )
    book = mm.ledger(market)
    ether = book[book["symbol"] == "WETH/USDC"].iloc[-1]
    dollars = ether["cash"] + book.loc[book["symbol"] == "USDC", "cash"].iloc[-1]
    np.testing.assert_allclose(ether["position"], held[1] / ETHER, rtol=1e-12)
    np.testing.assert_allclose(dollars, held[0] / DOLLAR, rtol=1e-12)
    paid_in = market.transfers.loc[market.transfers["asset"] == "WETH", "amount_raw"]
    assert sum(map(int, [*market.fills["amount1"], *paid_in])) == held[1]


def test_a_mint_before_a_swap_of_its_block_stays_before_it(tmp_path, swaps):
    mints = write(tmp_path / "m.csv", MOVES, [move(5, (4000 * DOLLAR, 2 * ETHER))])
    book = mm.ledger(uniswap(swaps, mints))
    ether = book[book["symbol"] == "WETH/USDC"]
    assert ether["kind"].tolist() == ["fill", "transfer", "fill"]
    assert ether["position"].tolist() == [2, 4, 3]


def test_repeated_events_and_files_that_overlap(tmp_path, swaps):
    more = write(tmp_path / "more.csv", SWAPS, [swap(8, SOLD), swap(1, BOUGHT, 10), swap(8, SOLD)])
    market = uniswap(swaps, more)
    assert market.fills["trade_id"].tolist() == ["0xs3:3", "0xs8:8", "0xs1:1"]
    assert market.receipt.reasons.to_dict() == {"repeated": 2}


def test_blocks_of_one_second_that_are_not_named(tmp_path):
    header, rows = without(
        SWAPS, [swap(3, BOUGHT, tx="0xa"), swap(3, SOLD, tx="0xb")], "evt_block_number"
    )
    market = uniswap(
        write(tmp_path / "a.csv", header, [*rows, swap(7, BOUGHT, 10).replace(",10,", ",", 1)])
    )
    assert market.trades["seq"].tolist() == market.quotes["seq"].tolist() == [1, 2, 7]
    assert market.fills["trade_id"].tolist() == ["0xa:3", "0xb:3", "0xs7:7"]


def test_a_pool_that_its_rows_name_and_not_the_file(tmp_path, swaps):
    other = swaps.rename(tmp_path / f"{ME}.csv")
    assert len(uniswap(other).fills) == 2


def test_a_swap_of_dust_is_a_transfer(tmp_path):
    rows = [swap(3, BOUGHT), swap(4, (1, 0, 1840.0)), swap(5, (0, 0, 1840.0))]
    market = uniswap(write(tmp_path / "a.csv", SWAPS, rows))
    assert len(market.fills) == 1
    assert market.transfers[["asset", "amount", "event"]].to_numpy().tolist() == [
        ["USDC", 1e-6, "swap"]
    ]
    assert market.receipt.reasons.to_dict() == {"moves nothing": 1}
    assert len(market.quotes) == 2


# --- layouts --------------------------------------------------------------------------------------


def same(one: mm.Market, other: mm.Market, *, but: tuple[str, ...] = ()) -> None:
    for kind in ("fills", "quotes"):
        drop = [c for c in but if c in one[kind].columns]
        pd.testing.assert_frame_equal(one[kind].drop(columns=drop), other[kind].drop(columns=drop))


def test_bigquery_and_parquet(tmp_path, swaps):
    market = uniswap(swaps)
    new = "contract_address,transaction_hash,log_index,block_timestamp,block_number,amount0,amount1"
    lines = swaps.read_text().splitlines()[1:]
    header = new + ",liquidity,recipient,sender,sqrtPriceX96,tick"
    same(uniswap(write(tmp_path / "b.csv", header, lines)), market)
    frame = pl.read_csv(tmp_path / "b.csv", infer_schema=False)
    whole = ("log_index", "block_number", "tick")
    times = pl.col("block_timestamp").str.replace(" UTC", "").str.to_datetime()
    frame = frame.with_columns(*(pl.col(c).cast(pl.Int64) for c in whole), times)
    frame.write_parquet(tmp_path / "b.parquet")
    same(uniswap(tmp_path / "b.parquet"), market)


def test_ticks_of_demeter_fetch(tmp_path, swaps):
    header = (
        "block_number,block_timestamp,tx_type,transaction_hash,pool_tx_index,pool_log_index,"
        "sender,receipt,amount0,amount1,total_liquidity,sqrtPriceX96,current_tick,tick_lower,"
        "tick_upper,liquidity"
    )
    stamp = "9,2023-08-13 12:00:00"
    rows = [
        f"{stamp},SWAP,0xs{n},0,{n},{YOU},{ME},{m[0]},{m[1]},7000,{root(m[2])},{tick(m[2])}.0,,,"
        for n, m in ((3, BOUGHT), (8, SOLD))
    ]
    old = f"7000,{root(1840)},200000.0,199000.0,203000.0"
    rows += [
        f"{stamp},MINT,0xm5,0,5,{ME},,4000000000,2000000000000000000,{old},555",
        f"{stamp},BURN,0xm6,0,6,{ME},,100,100,{old},555",
        f"{stamp},COLLECT,0xm7,0,7,{ME},{YOU},5000000,0,{old},",
    ]
    name = f"polygon-{POOL.lower()}-2023-08-13.tick.csv"
    market = uniswap(write(tmp_path / name, header, rows))
    same(market, uniswap(swaps))
    assert market.transfers["amount"].tolist() == [4000, 2, -5]
    assert len(market.receipt.set_aside) == 1


def record(n: int, moved: tuple, **more) -> dict:
    units = {"amount0": f"{moved[0] / DOLLAR:f}", "amount1": f"{moved[1] / ETHER:.18f}"}
    block = {"id": f"0xs{n}", "blockNumber": "9"}
    return (
        {"id": f"0xs{n}#{n}", "timestamp": str(NOON), "logIndex": str(n)}
        | units
        | {
            "transaction": block,
            "pool": {"id": POOL.lower()},
            "sender": YOU,
            **more,
        }
    )


def answered(moved: tuple) -> dict:
    price = moved[2]
    return {"recipient": ME, "tick": str(tick(price)), "sqrtPriceX96": str(root(price))}


def test_the_subgraph_answers_in_units(tmp_path, swaps):
    swapped = [record(n, m, **answered(m)) for n, m in ((3, BOUGHT), (8, SOLD))]
    mint = record(5, (4000 * DOLLAR, 2 * ETHER), owner=ME, tickLower="199000", amount="555")
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"data": {"swaps": swapped, "mints": [mint]}}, indent=1))
    market = uniswap(path)
    same(market, uniswap(swaps), but=("liquidity",))
    assert market.transfers["amount_raw"].tolist() == ["4000000000", "2000000000000000000"]
    lines = [{"data": {"swaps": [one]}} for one in swapped] + [{"mints": [mint]}]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    same(uniswap(path), market)
    flat = pd.json_normalize(swapped)
    flat.to_csv(tmp_path / "swapped.csv", index=False)
    same(uniswap(tmp_path / "swapped.csv"), market)


def test_the_event_is_told_by_the_name_or_by_the_user(tmp_path, swaps):
    cut = without(MOVES, [move(9, (100 * DOLLAR, ETHER))], "sender")
    named = uniswap(swaps, write(tmp_path / "Pair_evt_Burn.csv", *cut))
    assert named.transfers["amount"].tolist() == [-100, -1]
    path = write(tmp_path / "query_1.csv", *cut)
    told = uniswap(swaps, path, event="burn")
    pd.testing.assert_frame_equal(told.transfers, named.transfers)
    assert uniswap(path, event="mint").transfers["amount"].tolist() == [100, 1]
