"""Files that are no token transfers: one error each, naming file, line, finding and expectation."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmresearch as mm
from mmresearch.load.erc20 import erc20

ANN, BOB, X = "0x" + "a1" * 20, "0x" + "b0" * 20, "0x" + "11" * 20
USDC, WETH = "0x" + "c0" * 20, "0x" + "e7" * 20
LABELS = {ANN: "ann", BOB: "bob"}
NOON = 1_691_928_000
HEADER = (
    "token_address,from_address,to_address,value,transaction_hash,log_index,block_number,"
    "block_timestamp"
)
SCAN = "Txhash,Blockno,UnixTimestamp,From,To,TokenValue,ContractAddress,TokenName,TokenSymbol"


def row(token=USDC, sender=X, receiver=BOB, value="5", tx="0x1", log="1", block="1", time=NOON):
    return f"{token},{sender},{receiver},{value},{tx},{log},{block},{time}"


GOOD = [row(log=n) for n in range(4)]


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("".join(f"{line}\n" for line in [header, *rows]), encoding="utf-8")
    return path


def faults(*files: Path, **options) -> list:
    options = {"labels": LABELS, "decimals": {USDC: 6}} | options
    with pytest.raises(mm.SourceError) as caught:
        erc20(*files, **options)
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


def test_the_file_of_these_tests_is_good(tmp_path):
    market = erc20(write(tmp_path / "a.csv", GOOD), labels=LABELS, decimals={USDC: 6})
    assert len(market.transfers) == 4


ROWS = {
    "text in value": (row(value="five"), "value 'five'", "a whole number"),
    "a fraction of the smallest unit": (row(value="1.5"), "value '1.5'", "a whole number"),
    "a rounded value": (row(value="1.5e18"), "value '1.5e18'", "a whole number"),
    "a negative value": (row(value="-5"), "value '-5'", "a whole number"),
    "not a number": (row(value="nan"), "value 'nan'", "a whole number"),
    "an endless value": (row(value="9" * 400), "value '999", "a whole number"),
    "an endless block": (row(block="9" * 40), "block_number '999", "a whole number"),
    "nothing in value": (row(value=""), "value nothing", "a whole number"),
    "an address too short": (row(sender="0x12"), "from_address '0x12'", "40 hexadecimal digits"),
    "a name for an address": (row(receiver="bob.eth"), "to_address 'bob.eth'", "40 hexadecimal"),
    "no token": (row(token=""), "token_address nothing", "an address"),
    "no transaction": (row(tx=""), "transaction_hash nothing", "hash"),
    "a log index below 0": (row(log="-1"), "log_index '-1'", "a whole number"),
    "text in log index": (row(log="first"), "log_index 'first'", "a whole number"),
    "milliseconds": (row(time=NOON * 1000), "time 1691928000000", "counted in unit 's'"),
    "microseconds": (row(time=NOON * 10**6), "time 1691928000000000", "counted in unit 's'"),
    "a block for a time": (row(time=17_000_000), "time 17000000", "seconds since 1970"),
    "text in the time": (row(time="noon"), "time noon", "as in the other rows"),
    "a date among seconds": (row(time="2023-08-13"), "time 2023-08-13", "as in the other rows"),
    "too few columns": (f"{USDC},{X}", "2 columns", "8 columns"),
    "too many columns": (row() + ",9", "9 columns", "8 columns"),
    "an empty line": ("", "an empty line", "8 columns"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", ROWS)
def test_a_bad_row(tmp_path, case):
    bad, found, expected = ROWS[case]
    first = faults(write(tmp_path / "a.csv", [GOOD[0], bad, *GOOD[1:]]))[0]
    assert (first.file, first.line) == ("a.csv", 3)
    assert found in first.found
    assert expected in first.expected


SCANNED = {
    "text": ("five", "TokenValue 'five'"),
    "a decimal comma": ('"1,5"', "TokenValue '1,5'"),
    "nothing": ("", "TokenValue nothing"),
    "inf": ("inf", "TokenValue 'inf'"),
    "an endless power": ("1e400", "TokenValue '1e400'"),
    "a point alone": (".", "TokenValue '.'"),
    "more digits than the token has": ("0.1234567", "amount 0.1234567"),
}


@pytest.mark.bad_input("a cell that breaks its column's rule")
@pytest.mark.parametrize("case", SCANNED)
def test_a_bad_amount_in_units(tmp_path, case):
    value, found = SCANNED[case]
    rows = [f"0x{n},1,{NOON},{X},{BOB},{v},{USDC},N,S" for n, v in enumerate(["1", value, "2"])]
    (fault,) = faults(write(tmp_path / "a.csv", rows, SCAN))
    assert fault.line == 3
    assert fault.found == found


@pytest.mark.bad_input("token decimals that do not fit")
def test_decimals_that_do_not_fit_the_units(tmp_path):
    header = "block_time,tx_hash,evt_index,from,to,contract_address,symbol,amount_raw,amount"
    rows = [f"2023-08-13 12:00:00,0x1,1,{X},{BOB},{USDC},USDC,2500000,2.5"]
    (fault,) = faults(write(tmp_path / "a.csv", rows, header), decimals={USDC: 18})
    assert (fault.line, fault.found) == (2, "amount 2.5")
    assert "what 18 decimals" in fault.expected


@pytest.mark.bad_input("unknown token decimals")
def test_unknown_decimals_name_every_token_and_count(tmp_path):
    other = "0x" + "0d" * 20
    rows = [*GOOD, row(WETH, log=5), row(WETH, log=6), row(other, log=7)]
    rows += [row("0x" + "ff" * 20, receiver=ANN[:-1] + "0", log=8)]  # nobody's: not asked for
    found = faults(write(tmp_path / "a.csv", rows))
    assert [f.found for f in found] == [
        f"token {WETH} of unknown decimals (2 rows)",
        f"token {other} of unknown decimals (1 rows)",
    ]
    assert [f.line for f in found] == [6, 8]
    assert "decimals={address: decimals}" in found[0].expected
    assert len(faults(tmp_path / "a.csv", decimals=None)) == 3


HEADERS = {
    "another source": "time,type,order_id,size,price,direction",
    "Etherscan's coin transfers": "Txhash,Blockno,UnixTimestamp,From,To,Value_IN(ETH)",
    "Etherscan's NFTs": "Txhash,UnixTimestamp,From,To,ContractAddress,TokenId,TokenName",
    "no value": HEADER.replace("value", "worth"),
    "no header": row(),
}


@pytest.mark.bad_input("a header of no known layout")
@pytest.mark.parametrize("case", HEADERS)
def test_a_header_of_no_layout(tmp_path, case):
    header = HEADERS[case]
    bad = ",".join("1" for _ in header.split(","))
    (fault,) = faults(write(tmp_path / "a.csv", [bad], header))
    assert fault.line == 1
    assert "a header without" in fault.found
    for words in ("Etherscan", "TokenValue", "token_transfers", "evt_tx_hash"):
        assert words in fault.expected


@pytest.mark.bad_input("a header that names a column twice")
def test_two_columns_of_one_name(tmp_path):
    (fault,) = faults(write(tmp_path / "a.csv", [row() + ",1"], HEADER + ",Value"))
    assert fault.found == "two columns Value"


@pytest.mark.bad_input("one number with two contents")
def test_one_log_with_two_contents(tmp_path):
    (fault,) = faults(write(tmp_path / "a.csv", [*GOOD, row(value="6", log=2)]))
    assert (fault.line, fault.expected) == (6, "one content an event")
    assert "log 2 of 0x1 again" in fault.found


@pytest.mark.bad_input("two records of the same time")
def test_files_with_and_without_log_indices(tmp_path):
    one = write(tmp_path / "a.csv", GOOD)
    two = write(tmp_path / "b.csv", [f"0x9,1,{NOON},{X},{BOB},1,{USDC},N,S"], SCAN)
    (fault,) = faults(one, two)
    assert fault.file == "b.csv"
    assert "without log indices" in fault.found


@pytest.mark.bad_input("events without time and block")
def test_no_times_and_no_blocks(tmp_path):
    rows = [line.rpartition(",")[0] for line in GOOD]
    path = write(tmp_path / "a.csv", rows, HEADER.rpartition(",")[0])
    (fault,) = faults(path)
    assert fault.found == "no times of blocks"
    assert "blocks=" in fault.expected
    (fault,) = faults(path, blocks={2: NOON})
    assert fault.found == "block 1, of no known time (4 rows, first at lines 2, 3, 4)"
    (fault,) = faults(path, blocks=pd.DataFrame({"number": [1, 1], "timestamp": [NOON, NOON + 2]}))
    assert fault.expected == "one time a block"
    (fault,) = faults(path, blocks={1: NOON * 1000})
    assert fault.file == "blocks"
    (fault,) = faults(path, blocks=tmp_path / "blocks.csv")
    assert fault.found == "no such file"


BAD_LABELS = {
    "none": (None, "nothing given"),
    "an address that is none": ({"0x12": "ann"}, "address '0x12'"),
    "no account": ({ANN: ""}, "account nothing"),
    "no rows": ({}, "no row"),
    "no such column": (pd.DataFrame({"address": [ANN], "owner": ["ann"]}), "a header without acc"),
    "two accounts": (
        pd.DataFrame({"address": [ANN, ANN.upper().replace("X", "x")], "account": ["ann", "bob"]}),
        f"address {ANN}: ann, bob",
    ),
}


@pytest.mark.bad_input("labels of addresses that are none")
@pytest.mark.parametrize("case", BAD_LABELS)
def test_bad_labels(tmp_path, case):
    labels, found = BAD_LABELS[case]
    (fault,) = faults(write(tmp_path / "a.csv", GOOD), labels=labels)
    assert fault.file == "labels"
    assert found in fault.found


@pytest.mark.bad_input("labels of addresses that are none")
def test_a_bad_file_of_labels(tmp_path):
    good = write(tmp_path / "a.csv", GOOD)
    path = write(tmp_path / "labels.csv", [f"{ANN},ann", f"{ANN},bob"], "address,account")
    (fault,) = faults(good, labels=path)
    assert (fault.file, fault.line) == ("labels.csv", 3)
    write(path, [f"{ANN},ann", "0x5,bob"], "address,account")
    (fault,) = faults(good, labels=path)
    assert (fault.file, fault.line, fault.found) == ("labels.csv", 3, "address '0x5'")


@pytest.mark.bad_input("unknown token decimals")
@pytest.mark.parametrize(
    ("decimals", "found"),
    [
        ({USDC: 256}, "256 decimals"),
        ({USDC: -1}, "-1 decimals"),
        ({USDC: "six"}, "decimals 'six'"),
        (pd.DataFrame({"address": [USDC, USDC], "decimals": [6, 18]}), f"address {USDC}: 6, 18"),
    ],
)
def test_bad_decimals(tmp_path, decimals, found):
    (fault,) = faults(write(tmp_path / "a.csv", GOOD), decimals=decimals)
    assert fault.file == "decimals"
    assert found in fault.found


@pytest.mark.bad_input("faults in several files")
def test_every_file_with_a_fault_is_named(tmp_path):
    good, empty = write(tmp_path / "a.csv", GOOD), tmp_path / "b.csv"
    empty.write_text("")
    bad = write(tmp_path / "d.csv", [row(value="x"), row(value="y"), row(sender="z")])
    found = faults(good, empty, tmp_path / "c.csv", bad)
    assert [(Path(f.file).name, f.found) for f in found] == [
        ("b.csv", "an empty file"),
        ("c.csv", "no such file"),
        ("d.csv", "from_address 'z'"),
        ("d.csv", "value 'x' (2 rows, first at lines 2, 3)"),
    ]


@pytest.mark.bad_input("the same file twice")
def test_the_same_file_twice(tmp_path):
    one, two = (write(tmp_path / f"{n}.csv", GOOD) for n in "ab")
    (fault,) = faults(one, two)
    assert (fault.file, fault.found) == ("b.csv", "the same content as a.csv")


@pytest.mark.bad_input("a truncated gzip")
def test_truncated_files(tmp_path):
    path = write(tmp_path / "a.csv", GOOD)
    data = path.read_bytes()
    path.write_bytes(data[:-30])
    (fault,) = faults(path)
    assert fault.line == 5
    assert "cut off" in fault.found
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(data)[:-9])
    (fault,) = faults(packed)
    assert "truncated gzip" in fault.found
    path.write_bytes(data.rstrip(b"\n"))
    market = erc20(path, labels=LABELS, decimals={USDC: 6})
    assert any("is it whole?" in note for note in market.receipt.notes)


def parquet(path: Path, **columns) -> Path:
    cells = {name: [cell] for name, cell in zip(HEADER.split(","), row().split(","), strict=True)}
    pq.write_table(pa.table(cells | columns), path)
    return path


@pytest.mark.bad_input("a damaged Parquet")
def test_parquet_that_cannot_be_read(tmp_path):
    path = parquet(tmp_path / "a.parquet")
    assert len(erc20(path, labels=LABELS, decimals={USDC: 6}).transfers) == 1
    path.write_bytes(path.read_bytes()[:-40])
    (fault,) = faults(path)
    assert "a damaged file" in fault.found
    (fault,) = faults(parquet(path, value=[1.5e18]))
    assert (fault.line, fault.found) == (1, "value '1.5e+18'")
    (fault,) = faults(parquet(path, value=pa.array([None], pa.string())))
    assert fault.found == "value nothing"
    pq.write_table(pa.table({"a": [1]}), path)
    (fault,) = faults(path)
    assert "a header without" in fault.found


@pytest.mark.bad_input("no row to keep")
def test_no_row_of_a_labelled_address(tmp_path):
    market = erc20(write(tmp_path / "a.csv", GOOD), labels={ANN: "ann"}, decimals={USDC: 6})
    assert market.transfers.empty
    assert market.receipt.reasons.to_dict() == {"no labelled address": 4}
    assert market.receipt.rows_kept == 0
