"""The other forms of Hyperliquid's files: the node's, the CSV export, funding and the ledger."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import mmresearch as mm
from mmresearch.load.hyperliquid import hyperliquid

ME, OTHER, THIRD = ("0x" + pair * 20 for pair in ("a1", "b2", "c3"))
T0 = 1_700_000_000_000
NOTHING = "0x" + "0" * 64


def fill(number, side, size, start, *, time=0, **more):
    record = {"coin": "BTC", "px": "100.0", "sz": str(size), "side": side, "time": T0 + time}
    record |= {"startPosition": str(start), "dir": "Open Long", "closedPnl": "0.0"}
    record |= {"hash": f"0x{number:064x}", "oid": number, "crossed": side == "B", "fee": "0.1"}
    return record | {"tid": number, "feeToken": "USDC", "twapId": None} | more


def lines(path: Path, *records) -> Path:
    path.write_text("".join(f"{json.dumps(r, separators=(',', ':'))}\n" for r in records))
    return path


def notes(market: mm.Market) -> str:
    return "\n".join(market.receipt.notes)


# --- the node's files -----------------------------------------------------------------------------


def block(number, *events):
    times = {"local_time": "2023-11-14T22:13:20.1", "block_time": "2023-11-14T22:13:20.0"}
    return {**times, "block_number": number, "events": [list(event) for event in events]}


BLOCKS = [
    block(1, (ME, fill(1, "B", 2, 0)), (OTHER, fill(1, "A", 2, 5, fee="-0.1"))),
    block(2),
    block(3, (OTHER, fill(2, "B", 1, 3, time=9)), (THIRD, fill(2, "A", 1, 0, time=9))),
    block(4, (THIRD, fill(3, "B", 1, -1, time=12)), (ME, fill(3, "A", 1, 2, time=12))),
]


def test_blocks_hold_both_sides(tmp_path):
    market = hyperliquid(lines(tmp_path / "9", *BLOCKS))
    fills = market.fills
    assert fills["account"].tolist() == [ME, OTHER, OTHER, THIRD, THIRD, ME]
    assert fills["counterparty"].tolist() == [OTHER, ME, THIRD, OTHER, ME, THIRD]
    assert fills["side"].tolist() == [1, -1, 1, -1, 1, -1]
    assert fills["maker"].tolist() == [False, True] * 3
    held = (fills["side"] * fills["size"]).groupby(fills["account"]).sum()
    assert held.to_dict() == {ME: 1, OTHER: -1, THIRD: 0}
    assert mm.reconcile(mm.ledger(market)).empty
    assert "pass account=" not in notes(market)


@pytest.mark.parametrize("packing", ["lz4", "gzip"])
def test_the_fills_of_one_account(tmp_path, packing):
    data = lines(tmp_path / "plain", *BLOCKS).read_bytes()
    path = tmp_path / "9.packed"
    if packing == "lz4":
        with pa.output_stream(path, compression="lz4") as stream:
            stream.write(data)
    else:
        path.write_bytes(gzip.compress(data))
    market = hyperliquid(path, account=ME.upper().replace("0X", "0x"))
    assert market.fills["trade_id"].tolist() == ["1", "3"]
    assert market.fills["counterparty"].tolist() == [OTHER, THIRD]
    assert set(market.fills["account"]) == {ME.upper().replace("0X", "0x")}
    assert market.receipt.rows_read == 2
    whole = hyperliquid(tmp_path / "plain").fills
    mine = whole[whole["account"] == ME].reset_index(drop=True)
    columns = ["time", "side", "size", "counterparty", "trade_id", "start_position"]
    pd.testing.assert_frame_equal(market.fills[columns], mine[columns])


def test_the_older_files_with_a_fill_a_line(tmp_path):
    pairs = [event for one in BLOCKS for event in one["events"]]
    old = hyperliquid(lines(tmp_path / "old", *pairs))
    pd.testing.assert_frame_equal(old.fills, hyperliquid(lines(tmp_path / "new", *BLOCKS)).fills)


def trade(side, buyer, seller, *, time="2023-11-14T22:13:20.123456789", **more):
    """The node's trade: its side is the taker's; the buyer comes first."""
    pair = [
        {"user": user, "start_pos": start, "oid": oid, "twap_id": None, "cloid": None}
        for user, start, oid in (buyer, seller)
    ]
    record = {"coin": "BTC", "side": side, "time": time, "px": "100.5", "sz": "2.0", "hash": "0x7"}
    return record | {"trade_dir_override": "Na", "side_info": pair} | more


def test_the_node_s_trades(tmp_path):
    taken = trade("B", (ME, "1.0", 5), (OTHER, "-3.0", 6))
    given = trade("A", (ME, "3.0", 7), (OTHER, "-5.0", 8), time="2023-11-14T22:13:21")
    market = hyperliquid(lines(tmp_path / "trades", taken, given))
    fills = market.fills
    assert fills["account"].tolist() == [ME, OTHER, ME, OTHER]
    assert fills["counterparty"].tolist() == [OTHER, ME, OTHER, ME]
    assert fills["side"].tolist() == [1, -1, 1, -1]
    assert fills["maker"].tolist() == [False, True, True, False]
    assert fills["time"].iloc[0].value == T0 * 10**6 + 123456789
    assert fills[["fee", "trade_id"]].isna().all(axis=None)
    assert mm.reconcile(mm.ledger(market)).empty


def test_trades_that_are_written_for_either_side(tmp_path):
    """As the node of 2024 did: one trade, and who took is not known."""
    sides = [trade(side, (ME, "1.0", 5), (OTHER, "-3.0", 6)) for side in "BA"]
    market = hyperliquid(lines(tmp_path / "trades", *sides))
    assert market.fills["side"].tolist() == [1, -1]
    assert market.fills["maker"].isna().all()
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (4, 2)
    assert set(market.receipt.set_aside["line"]) == {2}


# --- other answers of the API ---------------------------------------------------------------------


def test_slices_and_streams(tmp_path):
    slices = [{"fill": fill(1, "B", 2, 0), "twapId": 3156}]
    market = hyperliquid(lines(tmp_path / "a.json", slices))
    assert market.fills["twap_id"].tolist() == ["3156"]
    stream = {"channel": "userFills", "data": {"user": ME, "fills": [fill(2, "A", 1, 2, time=5)]}}
    both = hyperliquid(tmp_path / "a.json", lines(tmp_path / "b.json", stream))
    assert set(both.fills["account"]) == {ME}  # the only one that is named
    assert mm.reconcile(mm.ledger(both)).empty


def move(kind, *, time=0, tx=NOTHING, **delta):
    return {"time": T0 + time, "hash": tx, "delta": {"type": kind, **delta}}


def test_funding(tmp_path):
    paid = {"coin": "BTC", "usdc": "-3.5", "szi": "2.0", "fundingRate": "0.0001", "nSamples": None}
    got = paid | {"usdc": "1.25", "fundingRate": "-0.0001"}
    path = lines(tmp_path / "f.json", [move("funding", **paid), move("funding", time=9, **got)])
    market = hyperliquid(path, account=ME)
    moved = market.transfers
    assert moved["amount"].tolist() == [-3.5, 1.25]
    assert set(moved["asset"]) == {"USDC"}
    assert moved["kind"].tolist() == ["funding", "funding"]
    assert moved["coin"].tolist() == ["BTC", "BTC"]
    assert moved["funding_rate"].tolist() == [0.0001, -0.0001]
    assert moved["tx"].isna().all()
    assert "fills" not in market


FROM_ME = {"user": ME, "destination": OTHER}
TO_ME = {"user": OTHER, "destination": ME.upper().replace("0X", "0x")}  # case says nothing
KINDS = {
    # kind, its fields -> asset, amount, counterparty of every row
    "deposit": ({"usdc": "10"}, [("USDC", 10, "deposit")]),
    "withdraw": (
        {"usdc": "9", "nonce": 1, "fee": "1.0"},  # 9 arrive, 10 are gone
        [("USDC", -9, "withdraw"), ("USDC", -1, "fee")],
    ),
    "internalTransfer, out": (
        {"usdc": "9", "fee": "1.0", **FROM_ME},
        [("USDC", -9, OTHER), ("USDC", -1, "fee")],
    ),
    "internalTransfer, in": ({"usdc": "9", "fee": "1.0", **TO_ME}, [("USDC", 9, OTHER)]),
    "subAccountTransfer, out": ({"usdc": "9", **FROM_ME}, [("USDC", -9, OTHER)]),
    "subAccountTransfer, in": ({"usdc": "9", **TO_ME}, [("USDC", 9, OTHER)]),
    "spotTransfer, out": (
        {"token": "PURR", "amount": "5", "fee": "1.0", "nativeTokenFee": "0.5"}
        | {"feeToken": "USDC", **FROM_ME},
        [("PURR", -5, OTHER), ("USDC", -1, "fee"), ("HYPE", -0.5, "fee")],
    ),
    "spotTransfer, in": (
        {"token": "PURR", "amount": "5", "fee": "1.0", "nativeTokenFee": "0.5", **TO_ME},
        [("PURR", 5, OTHER)],
    ),
    "send, to oneself": (
        {"token": "USDC", "amount": "5", "fee": "0.0", "sourceDex": "", "destinationDex": "spot"}
        | {"user": ME, "destination": ME},
        [("USDC", -5, ME), ("USDC", 5, ME)],
    ),
    "accountClassTransfer": (
        {"usdc": "5", "toPerp": True},
        [("USDC", -5, "own perp"), ("USDC", 5, "own spot")],
    ),
    "vaultDeposit": ({"vault": OTHER, "usdc": "5"}, [("USDC", -5, OTHER)]),
    "vaultDeposit, to oneself": ({"vault": ME, "usdc": "5"}, [("USDC", 5, "follower")]),
    "vaultCreate": (
        {"vault": OTHER, "usdc": "100", "fee": "10"},
        [("USDC", -100, OTHER), ("USDC", -10, "fee")],
    ),
    "vaultDistribution": ({"vault": OTHER, "usdc": "5"}, [("USDC", 5, OTHER)]),
    "vaultDistribution, by oneself": ({"vault": ME, "usdc": "5"}, [("USDC", -5, ME)]),
    "vaultWithdraw": (
        {"vault": OTHER, "user": ME, "requestedUsd": "6", "netWithdrawnUsd": "5"},
        [("USDC", 5, OTHER)],
    ),
    "vaultLeaderCommission": ({"user": ME, "usdc": "5"}, [("USDC", 5, "vault commission")]),
    "rewardsClaim": ({"amount": "5", "token": "HYPE"}, [("HYPE", 5, "rewards")]),
    "spotGenesis": ({"token": "PURR", "amount": "-5"}, [("PURR", -5, "genesis")]),
    "cStakingTransfer, in": (
        {"token": "HYPE", "amount": "5", "isDeposit": True},
        [("HYPE", -5, "staking")],
    ),
    "cStakingTransfer, out": (
        {"token": "HYPE", "amount": "5", "isDeposit": False},
        [("HYPE", 5, "staking")],
    ),
    "accountActivationGas": ({"amount": "1", "token": "USDC"}, [("USDC", -1, "activation gas")]),
    "gossipPriorityGasAuction": ({"amount": "1", "token": "HYPE"}, [("HYPE", -1, "gas auction")]),
}


@pytest.mark.parametrize("case", KINDS)
def test_an_update_of_the_ledger(tmp_path, case):
    delta, expected = KINDS[case]
    kind = case.partition(",")[0]
    path = lines(tmp_path / "m.json", [move(kind, tx="0x5", **delta)])
    moved = hyperliquid(path, account=ME).transfers
    assert list(moved[["asset", "amount", "counterparty"]].itertuples(index=False, name=None)) == (
        expected
    )
    assert set(moved["kind"]) == {kind}
    assert set(moved["tx"]) == {"0x5"}
    assert set(moved["account"]) == {ME}


def test_updates_that_move_nothing_or_are_not_known(tmp_path):
    updates = [
        move("deposit", usdc="1"),
        move("liquidation", accountValue="1", leverageType="Cross", liquidatedPositions=[]),
        move("somethingNew", amount="5"),
        move("subAccountTransfer", usdc="9", user=OTHER, destination=THIRD),
        move("vaultWithdraw", vault=ME, user=OTHER, netWithdrawnUsd="5"),
        move("deposit", usdc="1"),  # hashes are no numbers of updates: the whole is the same
        move("deposit", usdc="2"),
    ]
    market = hyperliquid(lines(tmp_path / "m.jsonl", *updates), account=ME)
    assert market.transfers["amount"].tolist() == [1, 2]
    aside = market.receipt.set_aside
    assert aside["line"].tolist() == [2, 3, 4, 5, 6]
    assert aside["reason"].tolist() == [
        "liquidation: its trades are among the fills, nothing else moves",
        "somethingNew: a kind of update that is not known",
        "subAccountTransfer: of other accounts",
        "vaultWithdraw: in the vault's own ledger: what left it is not said",
        "duplicate",
    ]
    assert json.loads(aside["text"].iloc[1])["delta"]["amount"] == "5"
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (7, 2)
    assert "transfers by kind: 2 deposit" in notes(market)


# --- the CSV export -------------------------------------------------------------------------------

HEADER = "Account,Coin,Execution Price,Size Tokens,Size USD,Side,Timestamp IST,Start Position,"
HEADER += "Direction,Closed PnL,Transaction Hash,Order ID,Crossed,Fee,Trade ID,Timestamp"
# a token bought three times within a minute, in no order, its fees taken off; a perpetual sold
EXPORT = [
    f"{ME},@107,8,4,32,BUY,02-12-2024 22:50,5.994,Buy,0,0x1,5201,TRUE,0.004,8.95E+14,1.73E+12",
    f"{ME},@107,8,1,8,BUY,02-12-2024 22:50,4.995,Buy,0,0x2,5201,TRUE,0.001,4.43E+14,1.73E+12",
    f"{ME},@107,8,5,40,BUY,02-12-2024 22:50,0,Buy,0,0x3,5201,FALSE,0.005,6.6E+14,1.73E+12",
    f"{ME},BTC,90000,0.5,45000,SELL,03-12-2024 00:10,0.5,Close Long,12.5,0x4,77,FALSE,-0.9,"
    "1.1E+14,1.73E+12",
]


def export(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("".join(f"{row}\n" for row in (header, *rows)), encoding="utf-8")
    return path


def test_the_export(tmp_path):
    market = hyperliquid(export(tmp_path / "historical_data.csv", *EXPORT))
    fills = market.fills
    # 22:50 in India is 17:20 in Greenwich
    assert fills["time"].tolist() == [
        *[pd.Timestamp("2024-12-02 17:20", tz="UTC")] * 3,
        pd.Timestamp("2024-12-02 18:40", tz="UTC"),
    ]
    assert fills["start_position"].tolist() == [0, 4.995, 5.994, 0.5]
    assert fills["side"].tolist() == [1, 1, 1, -1]
    assert fills["maker"].tolist() == [True, False, False, True]
    assert fills["fee"].tolist() == [0, 0, 0, -0.9]
    assert fills["closed_pnl"].tolist() == [0, 0, 0, 12.5]
    assert fills["trade_id"].isna().all()
    assert market.transfers["amount"].tolist() == [-0.005, -0.001, -0.004]
    assert set(market.transfers["asset"]) == {"@107"}
    assert mm.reconcile(mm.ledger(market)).empty
    assert "Indian clocks to the minute" in notes(market)
    assert "4 rounded trade numbers are left out" in notes(market)
    assert set(fills["account"]) == {ME}


def test_milliseconds_where_the_export_kept_them(tmp_path):
    exact = pd.Timestamp("2024-12-02 17:20:31.123", tz="UTC").value // 10**6
    row = EXPORT[2].replace("1.73E+12", str(exact)).replace("6.6E+14", "660000000000123")
    market = hyperliquid(export(tmp_path / "a.csv", row))
    assert market.fills["time"].iloc[0].value == exact * 10**6
    assert market.fills["trade_id"].tolist() == ["660000000000123"]
    assert "Indian clocks" not in notes(market)


def test_one_account_of_the_export(tmp_path):
    path = export(tmp_path / "a.csv", EXPORT[3], EXPORT[3].replace(ME, OTHER))
    market = hyperliquid(path, account=OTHER)
    assert set(market.fills["account"]) == {OTHER}
    assert market.receipt.rows_read == 1
    assert len(hyperliquid(path).fills) == 2


def test_repeated_rows_of_the_export(tmp_path):
    market = hyperliquid(export(tmp_path / "a.csv", *EXPORT, EXPORT[1]))
    assert len(market.fills) == 4
    assert market.receipt.set_aside["line"].tolist() == [6]
