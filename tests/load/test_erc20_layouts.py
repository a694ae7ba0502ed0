"""The vendors' tables of token transfers: a few rows in each layout, worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmresearch as mm
from mmresearch.load.erc20 import erc20

A1, A2 = "0x" + "a1" * 20, "0x" + "A2" * 20  # both of Ann, one as a checksum would write it
B, X, Y = "0x" + "b0" * 20, "0x" + "11" * 20, "0x" + "22" * 20
USDC, WETH = "0x" + "c0" * 20, "0x" + "e7" * 20
LABELS = {A1: "ann", A2: "ann", B: "bob"}
DECIMALS = {USDC: 6, WETH: 18}
NOON = 1_691_928_000  # 2023-08-13 12:00:00 UTC

ETL = "token_address,from_address,to_address,value,transaction_hash,log_index,block_number"
ETL_ROWS = [
    f"{USDC},{X},{A1},1500000,0xt1,7,100,{NOON}",  # in
    f"{USDC},{A1},{B},500000,0xt2,3,101,{NOON + 12}",  # between accounts
    f"{WETH},{A1},{X},123456789012345678901,0xt3,9,102,{NOON + 24}",  # out
    f"{USDC},{A1},{A2.lower()},900000,0xt4,1,103,{NOON + 36}",  # inside ann
    f"{USDC},{X},{Y},77,0xt5,1,104,{NOON + 48}",  # nobody's
]


ETHERSCAN = (
    '"Transaction Hash","Blockno","UnixTimestamp","DateTime (UTC)","From","To","TokenValue",'
    '"USDValueDayOfTx","ContractAddress","TokenName","TokenSymbol"'
)


def scanned(tx: str, sender: str, receiver: str, value: str, token: str, symbol: str) -> str:
    when = f'"100","{NOON}","2023-08-13 12:00:00"'
    return f'"{tx}",{when},"{sender}","{receiver}","{value}","$1.0","{token}","Name","{symbol}"'


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in [header, *rows]), encoding="utf-8")
    return path


def etl(path: Path, rows: list[str] = ETL_ROWS) -> Path:
    return write(path, ETL + ",block_timestamp", rows)


def shown(market: mm.Market, *columns: str) -> list[tuple]:
    return list(market.transfers[list(columns)].itertuples(index=False, name=None))


@pytest.fixture
def market(tmp_path):
    return erc20(etl(tmp_path / "token_transfers.csv"), labels=LABELS, decimals=DECIMALS)


def test_etherscan_is_in_units_already(tmp_path):
    rows = [
        scanned("0xT1", X, A2, "1,234,567.891", USDC, "USDC"),
        scanned("0xt2", B, X, "0.000000000000000001", WETH, "WETH"),
        scanned("0xt2", B, X, "12345678901234567.123456789012345678", WETH, "WETH"),
    ]
    market = erc20(write(tmp_path / "export.csv", ETHERSCAN, rows), labels=LABELS)
    assert shown(market, "account", "asset", "amount", "tx", "seq") == [
        ("ann", "USDC", 1234567.891, "0xt1", 1),
        ("bob", "WETH", -1e-18, "0xt2", 2),
        ("bob", "WETH", -12345678901234567.0, "0xt2", 3),
    ]
    assert market.transfers["amount_exact"].tolist() == [
        "1234567.891",
        "-0.000000000000000001",
        "-12345678901234567.123456789012345678",
    ]
    assert market.transfers["amount_raw"].isna().all()
    assert any("no log index: seq is their row" in note for note in market.receipt.notes)


def test_etherscan_with_decimals_gives_whole_numbers_too(tmp_path):
    rows = [
        scanned("0x1", X, B, value, WETH, "") for value in ("1,000.5", "0", "1E-18", ".5", "2.")
    ]
    path = write(tmp_path / "export.csv", ETHERSCAN.replace("Transaction Hash", "Txhash"), rows)
    market = erc20(path, labels=LABELS, decimals=DECIMALS)
    assert market.transfers["amount_raw"].tolist() == [
        "1000500000000000000000",
        "0",
        "1",
        "500000000000000000",
        "2000000000000000000",
    ]
    assert market.transfers["amount"].tolist() == [1000.5, 0, 1e-18, 0.5, 2]


def test_etherscan_from_newest_to_oldest(tmp_path):
    rows = [scanned(f"0x{n}", X, B, f"{n}", USDC, "USDC") for n in (1, 2, 3)]
    rows[0] = rows[0].replace(str(NOON), str(NOON + 60))
    market = erc20(write(tmp_path / "export.csv", ETHERSCAN, rows), labels=LABELS)
    assert market.transfers["amount"].tolist() == [3, 2, 1]


DUNE = "contract_address,evt_tx_hash,evt_index,evt_block_time,evt_block_number,from,to,value"


def test_dune_events_with_bytes_and_padding(tmp_path):
    def byte(address: str) -> str:
        return "\\x" + address[2:]

    padded = "0x" + "0" * 24 + B[2:]
    rows = [
        f"{byte(USDC)},\\xAB,5,2023-08-13 12:00:00.000 UTC,9,{byte(X)},{byte(A1)},2000000",
        f"{USDC},0xcd,6,2023-08-13 12:00:00.000 UTC,9,{padded},{X},1000000",
    ]
    market = erc20(write(tmp_path / "dune.csv", DUNE, rows), labels=LABELS, decimals=DECIMALS)
    assert shown(market, "account", "amount", "counterparty", "tx", "token", "seq") == [
        ("ann", 2.0, X, "0xab", USDC, 5),
        ("bob", -1.0, X, "0xcd", USDC, 6),
    ]
    assert market.transfers["time"].tolist() == [pd.Timestamp(NOON, unit="s", tz="UTC")] * 2


TOKENS = (
    "blockchain,block_time,block_number,tx_hash,evt_index,token_standard,from,to,"
    "contract_address,symbol,amount_raw,amount"
)


def test_dune_transfers_with_units_beside(tmp_path):
    start = "ethereum,2023-08-13 12:00:00,9,0x1"
    rows = [
        f"{start},5,erc20,{X},{B},{USDC},USDC,2500000,2.5",
        f"{start},,native,{B},{X},,ETH,1000000000000000000,1.0",  # no contract, no log
    ]
    market = erc20(write(tmp_path / "dune.csv", TOKENS, rows), labels=LABELS)
    # the chain's coin has no log index: its row is its place
    assert sorted(shown(market, "asset", "amount", "amount_raw", "token")) == [
        ("ETH", -1.0, "-1000000000000000000", "native"),
        ("USDC", 2.5, "2500000", USDC),
    ]


def test_dune_with_units_only(tmp_path):
    header = "block_time,tx_hash,from,to,contract_address,symbol,amount"
    rows = [f"2023-08-13T12:00:00Z,0x1,{X},{B},{USDC},USDC,2.5"]
    market = erc20(write(tmp_path / "dune.csv", header, rows), labels=LABELS)
    assert shown(market, "asset", "amount", "amount_exact") == [("USDC", 2.5, "2.5")]


def test_tokens_of_several_chains_are_several_tokens(tmp_path):
    rest = f"2023-08-13 12:00:00,9,{{}},1,erc20,{X},{B},{USDC},USDC,2500000,2.5"
    rows = [f"{chain},{rest.format(n)}" for n, chain in enumerate(["ethereum", "polygon"])]
    market = erc20(write(tmp_path / "dune.csv", TOKENS, rows), labels=LABELS)
    assert market.transfers["asset"].tolist() == [f"ethereum:{USDC}", f"polygon:{USDC}"]


def test_ethereum_etl_needs_the_times_of_blocks(tmp_path):
    rows = [row.rpartition(",")[0] for row in ETL_ROWS]
    path = write(tmp_path / "token_transfers.csv", ETL, rows)
    times = [f"{100 + n},0xhash,{NOON + 12 * n}" for n in range(9)]
    blocks = write(tmp_path / "blocks.csv", "number,hash,timestamp", times)
    known = erc20(etl(tmp_path / "a.csv"), labels=LABELS, decimals=DECIMALS).transfers
    for given in (blocks, str(blocks), {100 + n: NOON + 12 * n for n in range(9)}):
        market = erc20(path, labels=LABELS, decimals=DECIMALS, blocks=given)
        pd.testing.assert_frame_equal(market.transfers, known)


@pytest.mark.parametrize("kind", ["text", "decimal", "decimal256", "integer", "bytes"])
def test_parquet(tmp_path, market, kind):
    cells = pl.read_csv(etl(tmp_path / "a.csv"), infer_schema=False).to_arrow()
    values = [int(v) for v in cells["value"].to_pylist()]
    if kind == "integer":
        values[2] = 10**18
    types = {
        "text": pa.array([str(v) for v in values]),
        "decimal": pa.array([Decimal(v) for v in values], pa.decimal128(38, 0)),
        "decimal256": pa.array([Decimal(v) for v in values], pa.decimal256(76, 2)),
        "integer": pa.array(values, pa.int64()) if kind == "integer" else None,
        "bytes": pa.array([str(v) for v in values]),
    }
    place = cells.column_names.index("value")
    cells = cells.set_column(place, "value", types[kind])
    seconds = pa.array([int(v) for v in cells["block_timestamp"].to_pylist()], pa.int64())
    stamps = seconds.cast(pa.timestamp("s", tz="UTC")) if kind == "decimal" else seconds
    cells = cells.set_column(7, "block_timestamp", stamps)
    if kind == "bytes":
        raw = [bytes.fromhex(v[2:]) for v in cells["from_address"].to_pylist()]
        cells = cells.set_column(1, "from_address", pa.array(raw, pa.binary()))
    pq.write_table(cells, tmp_path / "a.parquet")
    again = erc20(tmp_path / "a.parquet", labels=LABELS, decimals=DECIMALS)
    if kind == "integer":
        assert again.transfers["amount"].tolist() == [1.5, -0.5, 0.5, -1.0]
    else:
        pd.testing.assert_frame_equal(again.transfers, market.transfers)
    assert again.receipt.set_aside["line"].tolist() == [4, 5]
    assert again.receipt.set_aside["text"][1].startswith(f"{USDC},{X},{Y},77")
