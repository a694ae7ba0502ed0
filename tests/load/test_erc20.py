"""Token transfers of a few rows, every value worked out by hand, in each vendor's layout."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.load.erc20 import erc20

A1, A2 = "0x" + "a1" * 20, "0x" + "A2" * 20  # both of Ann, one as a checksum would write it
B, X, Y = "0x" + "b0" * 20, "0x" + "11" * 20, "0x" + "22" * 20
ZERO = "0x" + "0" * 40
USDC, WETH, FAKE = "0x" + "c0" * 20, "0x" + "e7" * 20, "0x" + "fa" * 20
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


def test_each_labelled_side_has_its_row_and_sign(market):
    assert shown(market, "account", "asset", "amount", "counterparty", "tx") == [
        ("ann", USDC, 1.5, X, "0xt1"),
        ("ann", USDC, -0.5, "bob", "0xt2"),
        ("bob", USDC, 0.5, "ann", "0xt2"),
        ("ann", WETH, -123.456789012345678901, X, "0xt3"),
    ]
    assert shown(market, "amount_raw", "amount_exact") == [
        ("1500000", "1.5"),
        ("-500000", "-0.5"),
        ("500000", "0.5"),
        ("-123456789012345678901", "-123.456789012345678901"),
    ]


def test_time_order_and_extra_columns(market):
    transfers = market.transfers
    seconds = [0, 12, 12, 24]
    assert (transfers["time"] - pd.Timestamp("2023-08-13 12:00", tz="UTC")).tolist() == [
        pd.Timedelta(s, "s") for s in seconds
    ]
    assert transfers["seq"].tolist() == transfers["log_index"].tolist() == [7, 3, 3, 9]
    assert transfers["block"].tolist() == [100, 101, 101, 102]
    assert transfers["token"].tolist() == [USDC, USDC, USDC, WETH]


def test_receipt_counts_every_row(market):
    receipt = market.receipt
    assert (receipt.rows_read, receipt.rows_kept) == (5, 3)
    assert receipt.reasons.to_dict() == {
        "between addresses of one account": 1,
        "no labelled address": 1,
    }
    assert receipt.set_aside["line"].tolist() == [5, 6]
    assert receipt.set_aside["text"].tolist() == ETL_ROWS[3:]
    assert any(
        "3 transfers touch a labelled address, 1 of them at both" in n for n in receipt.notes
    )
    assert any("3 addresses of 2 accounts" in note for note in receipt.notes)


def test_the_ledger_holds_what_came_in_less_what_went_out(market):
    book = mm.ledger(market)
    last = book.groupby(["account", "symbol"])["position"].last()
    assert last.to_dict() == {
        ("ann", USDC): 1.0,
        ("ann", WETH): -123.456789012345678901,
        ("bob", USDC): 0.5,
    }
    opened = mm.ledger(market, opening={USDC: 100.0})
    assert opened.groupby(["account", "symbol"])["position"].last()["bob", USDC] == 100.5


EXACT = {
    "one wei": ("1", 18, "0.000000000000000001", 1e-18),
    "nothing": ("0", 18, "0", 0.0),
    "21 digits": (
        "123456789012345678901",
        18,
        "123.456789012345678901",
        float(Decimal("123.456789012345678901")),
    ),
    "the largest": (str(2**256 - 1), 0, str(2**256 - 1), float(2**256 - 1)),
    "the largest of 18 decimals": (
        str(2**256 - 1),
        18,
        "115792089237316195423570985008687907853269984665640564039457.584007913129639935",
        1.157920892373162e59,
    ),
    "beyond 64 bits": (str(2**64), 6, "18446744073709.551616", 18446744073709.551616),
    "zeros before": ("007000000", 6, "7", 7.0),
    "no decimals": ("42", 0, "42", 42.0),
    "77 decimals": ("5", 77, "0." + "0" * 76 + "5", 5e-77),
}


@pytest.mark.parametrize("case", EXACT)
def test_amounts_to_the_last_digit(tmp_path, case):
    raw, decimals, exact, amount = EXACT[case]
    rows = [f"{WETH},{X},{B},{raw},0xin,1,1,{NOON}", f"{WETH},{B},{X},{raw},0xout,2,1,{NOON}"]
    market = erc20(etl(tmp_path / "a.csv", rows), labels=LABELS, decimals={WETH: decimals})
    minus = "" if raw == "0" else "-"
    assert shown(market, "amount", "amount_exact") == [(amount, exact), (-amount, minus + exact)]
    assert market.transfers["amount_raw"].tolist() == [str(int(raw)), minus + str(int(raw))]
    assert not np.signbit(market.transfers["amount"][0])


def test_random_amounts_are_the_nearest_floats_and_sum_exactly(tmp_path):
    generator = np.random.default_rng(5)
    bits = generator.choice([1, 20, 53, 64, 128, 255], 600)
    values = [int.from_bytes(generator.bytes(32), "big") >> (256 - int(b)) for b in bits]
    people = [A1, A2, B, X, Y, ZERO]
    ends = generator.integers(0, len(people), (600, 2))
    rows = [
        f"{WETH},{people[s]},{people[r]},{v},0x{n},{n},{n // 9},{NOON + n // 9}"
        for n, (v, (s, r)) in enumerate(zip(values, ends, strict=True))
    ]
    market = erc20(etl(tmp_path / "a.csv", rows), labels=LABELS, decimals=DECIMALS)
    transfers = market.transfers
    for amount, raw in zip(transfers["amount"], transfers["amount_raw"], strict=True):
        assert amount == float(Decimal(raw).scaleb(-18))
    by_hand = Counter()
    owner = {address.lower(): account for address, account in LABELS.items()}
    for value, (s, r) in zip(values, ends, strict=True):
        by_hand[owner.get(people[s].lower(), "outside")] -= value
        by_hand[owner.get(people[r].lower(), "outside")] += value
    assert sum(by_hand.values()) == 0
    held = {a: sum(map(int, rows)) for a, rows in transfers.groupby("account")["amount_raw"]}
    assert held == {"ann": by_hand["ann"], "bob": by_hand["bob"]}
    assert sum(held.values()) + by_hand["outside"] == 0


def test_mints_and_burns_keep_the_zero_address(tmp_path):
    rows = [f"{USDC},{ZERO},{B},5,0x1,1,1,{NOON}", f"{USDC},{B},{ZERO},3,0x2,1,2,{NOON + 2}"]
    market = erc20(etl(tmp_path / "a.csv", rows), labels=LABELS, decimals=DECIMALS)
    assert market.transfers["counterparty"].tolist() == [ZERO, ZERO]
    assert any("1 are mints (from the zero address), 1 burns" in n for n in market.receipt.notes)


def test_a_burned_address_that_is_labelled(tmp_path):
    rows = [f"{USDC},{ZERO},{B},5,0x1,1,1,{NOON}"]
    labels = LABELS | {ZERO: "issuer"}
    market = erc20(etl(tmp_path / "a.csv", rows), labels=labels, decimals=DECIMALS)
    assert shown(market, "account", "amount", "counterparty") == [
        ("issuer", -5e-6, "bob"),
        ("bob", 5e-6, "issuer"),
    ]


# --- labels, decimals, names ---------------------------------------------------------------------


def test_labels_and_decimals_as_files_and_tables(tmp_path, market):
    labels = write(
        tmp_path / "labels.csv",
        "address,account,source",
        [f"{A1},ann,own", f"{A2},ann,own", f"{B},bob,etherscan", f"{B},bob,etherscan"],
    )
    decimals = write(
        tmp_path / "tokens.csv",
        "address,symbol,name,decimals,total_supply",  # as ethereum-etl's tokens.csv
        [f"{USDC},,USD Coin,6,1", f"{WETH.upper().replace('X', 'x')},,Ether,18,1", f"{FAKE},,,,"],
    )
    frame = pd.DataFrame({"address": list(LABELS), "account": list(LABELS.values())})
    counts = pd.DataFrame({"address": [USDC, WETH], "decimals": [6, 18]})
    for given, known in ((labels, decimals), (frame, counts), (str(labels), DECIMALS)):
        again = erc20(tmp_path / "token_transfers.csv", labels=given, decimals=known)
        pd.testing.assert_frame_equal(again.transfers, market.transfers)
    notes = "\n".join(
        erc20(tmp_path / "token_transfers.csv", labels=labels, decimals=decimals).receipt.notes
    )
    assert "labels: labels.csv, sha256" in notes
    assert "sources: own 2, etherscan 1" in notes


def test_a_symbol_that_the_user_gives(tmp_path):
    table = pd.DataFrame({"address": [USDC, WETH], "decimals": [6, 18], "symbol": ["USDC", "WETH"]})
    market = erc20(etl(tmp_path / "a.csv"), labels=LABELS, decimals=table)
    assert market.transfers["asset"].tolist() == ["USDC", "USDC", "USDC", "WETH"]
    assert market.symbols["symbol"].tolist() == ["USDC", "WETH"]


def test_tokens_that_share_a_symbol_are_not_one(tmp_path):
    rows = [
        scanned("0x1", X, B, "5", USDC, "USDC"),
        scanned("0x2", X, B, "999", FAKE, "usdc"),
        scanned("0x3", X, B, "1", WETH, "WETH"),
    ]
    path = write(tmp_path / "export.csv", ETHERSCAN, rows)
    market = erc20(path, labels=LABELS)
    assert market.transfers["asset"].tolist() == [USDC, FAKE, "WETH"]
    assert any("other tokens call themselves USDC too" in n for n in market.receipt.notes)
    table = pd.DataFrame({"address": [USDC], "decimals": [6], "symbol": ["USDC"]})
    market = erc20(path, labels=LABELS, decimals=table)
    assert market.transfers["asset"].tolist() == ["USDC", FAKE, "WETH"]


def test_a_fake_in_another_file_is_seen(tmp_path):
    one = write(tmp_path / "a.csv", ETHERSCAN, [scanned("0x1", X, B, "5", USDC, "USDC")])
    two = write(tmp_path / "b.csv", ETHERSCAN, [scanned("0x2", X, A1, "9", FAKE, "USDC")])
    market = erc20(one, two, labels=LABELS)
    assert market.transfers["asset"].tolist() == [USDC, FAKE]


# --- repetitions and many files ------------------------------------------------------------------


def test_a_repeated_log_is_set_aside(tmp_path):
    rows = [*ETL_ROWS, ETL_ROWS[0], ETL_ROWS[1].upper().replace("0X", "0x")]
    market = erc20(etl(tmp_path / "a.csv", rows), labels=LABELS, decimals=DECIMALS)
    assert len(market.transfers) == 4
    assert market.receipt.reasons["repeated"] == 2
    aside = market.receipt.set_aside
    assert aside.loc[aside["reason"] == "repeated", "line"].tolist() == [7, 8]


def test_without_log_index_repetitions_are_kept_and_counted(tmp_path):
    row = scanned("0x1", X, B, "5", USDC, "USDC")
    market = erc20(write(tmp_path / "a.csv", ETHERSCAN, [row, row]), labels=LABELS)
    assert market.transfers["amount"].tolist() == [5, 5]
    assert any("1 of them equal another of their transaction" in n for n in market.receipt.notes)


def test_one_transfer_in_the_exports_of_both_addresses_counts_once(tmp_path):
    between = scanned("0x1", A1, B, "5", USDC, "USDC")
    mine = write(tmp_path / "a.csv", ETHERSCAN, [between, between])
    his = [scanned("0x0", X, B, "1", USDC, "USDC"), between, between]
    other = write(tmp_path / "b.csv", ETHERSCAN, his)
    market = erc20(mine, other, labels=LABELS)
    assert sorted(shown(market, "account", "amount")) == [
        ("ann", -5.0),
        ("ann", -5.0),
        ("bob", 1.0),
        ("bob", 5.0),
        ("bob", 5.0),
    ]
    assert (market.receipt.rows_read, market.receipt.rows_kept) == (5, 3)


def test_files_in_any_number_give_the_same(tmp_path, market):
    parts = [etl(tmp_path / f"{n}.csv", [row]) for n, row in enumerate(ETL_ROWS)]
    again = erc20(*reversed(parts), labels=LABELS, decimals=DECIMALS, name="mine")
    pd.testing.assert_frame_equal(again.transfers, market.transfers)
    assert again.name == "mine"
    assert again.receipt.rows_kept == market.receipt.rows_kept


def test_logs_of_one_block_and_blocks_of_one_second(tmp_path):
    rows = [
        f"{USDC},{X},{B},3,0x3,1,101,{NOON}",
        f"{USDC},{X},{B},2,0x2,9,100,{NOON}",
        f"{USDC},{X},{B},1,0x1,8,100,{NOON}",
    ]
    market = erc20(etl(tmp_path / "a.csv", rows), labels=LABELS, decimals={USDC: 0})
    assert market.transfers["amount"].tolist() == [1, 2, 3]
    assert market.transfers["seq"].tolist() == [8, 9, 1_000_001]


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_packed_files_and_folders(tmp_path, market, packing):
    data = etl(tmp_path / "a.csv").read_bytes()
    folder = tmp_path / "packed"
    folder.mkdir()
    if packing == "gzip":
        (folder / "a.csv.gz").write_bytes(gzip.compress(data))
    else:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.csv", data)
        (folder / "a.csv.zip").write_bytes(packed.getvalue())
    again = erc20(folder, labels=LABELS, decimals=DECIMALS)
    pd.testing.assert_frame_equal(again.transfers, market.transfers)


def test_saved_and_opened_again(tmp_path, market):
    market.save(tmp_path / "market")
    again = mm.open(tmp_path / "market")
    pd.testing.assert_frame_equal(again.transfers, market.transfers)
    assert again.receipt.rows_kept == 3
