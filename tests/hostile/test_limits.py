"""How much a packed file may hold: the limits hold, say what sets them, and bound memory."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmresearch as mm
from mmresearch.load import text, unpack
from mmresearch.receipt import Fault, SourceError

MB = 2**20
TOKENS = {
    "labels": pd.DataFrame({"address": ["0x" + "1" * 40], "account": "A"}),
    "decimals": pd.DataFrame({"address": ["0x" + "2" * 40], "decimals": 6}),
}
ROWS = b"1722470400,64000.1,0.5\n"


def peak(work: Callable[[], object]) -> tuple[object, int]:
    """What it gives, and the most bytes that Python held meanwhile."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 MB of one row, in less than a thousandth of it."""
    path = tmp_path_factory.mktemp("bomb") / "a.csv.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(200):
            file.write(ROWS * (MB // len(ROWS)))
    return path


@pytest.mark.bad_input("a file that unpacks to 1,000 times its size")
def test_a_bomb_costs_no_more_than_the_small_limit(bomb):
    found, held = peak(lambda: unpack.read_bytes(bomb))
    assert isinstance(found, Fault)
    packed = bomb.stat().st_size
    most = max(64 * MB, 300 * packed)
    assert found.found == f"{packed:,} bytes that unpack to more than {most:,}"
    assert held < 1.25 * most  # the room that grows with what it holds
    for said in ("at most 8 GB (MMRESEARCH_MAX_UNPACKED_GB)", "300 times the packed size"):
        assert said in found.expected


def test_the_limits_can_be_set(bomb, monkeypatch):
    monkeypatch.setenv("MMRESEARCH_MAX_UNPACKED_TIMES", "2000")
    assert len(unpack.read_bytes(bomb)) == 200 * (MB // len(ROWS)) * len(ROWS)
    monkeypatch.setenv("MMRESEARCH_MAX_UNPACKED_GB", "0.002")
    found, held = peak(lambda: unpack.read_bytes(bomb))
    assert "unpack to more than 2,000,000" in found.found
    assert held < 10 * MB


@pytest.mark.bad_input("a limit that is no number")
@pytest.mark.parametrize("said", ["many", "0", "-1", "nan"])
def test_a_limit_that_is_no_number_is_refused(bomb, monkeypatch, said):
    monkeypatch.setenv("MMRESEARCH_MAX_UNPACKED_GB", said)
    with pytest.raises(ValueError, match=f"MMRESEARCH_MAX_UNPACKED_GB is '{said}'; give a number"):
        unpack.read_bytes(bomb)


def test_small_files_may_hold_whatever_their_ratio(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(ROWS * 1_000_000))  # 23 MB from 66 kB
    assert unpack.read_bytes(path) == ROWS * 1_000_000


def test_many_members_are_one_file(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(b"".join(gzip.compress(ROWS) for _ in range(500)) + b"\0" * 512)
    assert unpack.read_bytes(path) == ROWS * 500


def test_a_plain_file_has_no_limit_of_unpacking(tmp_path, monkeypatch):
    monkeypatch.setenv("MMRESEARCH_MAX_UNPACKED_GB", "0.000001")
    path = tmp_path / "a.csv"
    path.write_bytes(ROWS * 1000)
    assert unpack.read_bytes(path) == ROWS * 1000


@pytest.mark.bad_input("a line too long")
@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_long_line_is_named_by_its_number(monkeypatch, end):
    monkeypatch.setenv("MMRESEARCH_MAX_LINE_MB", "1")
    row = ROWS.replace(b"\n", end)
    data = row * 100_000 + b"8" * 1_000_001 + end + row
    found = text.decoded(Path("a.csv"), data)
    assert str(found) == (
        "a.csv, line 100001: found a line of more than 1,000,000 bytes; "
        "expected lines of at most 1,000,000 bytes (MMRESEARCH_MAX_LINE_MB)"
    )
    whole = text.decoded(Path("a.csv"), data.replace(b"8" * 1_000_001, b"8" * 1_000_000))
    assert isinstance(whole, text.Text)


@pytest.mark.bad_input("a line too long")
def test_a_long_line_is_held_once(tmp_path, monkeypatch):
    monkeypatch.setenv("MMRESEARCH_MAX_LINE_MB", "5")
    path = tmp_path / "trades.csv"
    with path.open("wb") as file:
        file.truncate(60 * MB)  # zeros that take no room on disk

    def refused() -> str:
        with pytest.raises(SourceError, match="a line of more than 5,000,000 bytes") as caught:
            mm.load.table(path, "trades")
        return str(caught.value)

    said, held = peak(refused)
    assert "line 1: found" in said
    assert held < 70 * MB


@pytest.mark.slow
@pytest.mark.bad_input("a line of 2 GB")
def test_a_line_of_two_gigabytes_is_refused_by_the_usual_limit(tmp_path):
    path = tmp_path / "BTCUSDT-trades-2024-08-01.csv"
    with path.open("wb") as file:
        file.truncate(2 * 10**9)
    with pytest.raises(SourceError, match="a line of more than 256,000,000 bytes"):
        mm.load.binance(path)


@pytest.mark.bad_input("a Parquet bomb")
@pytest.mark.parametrize("source", ["table", "series", "databento", "erc20", "uniswap"])
def test_a_parquet_file_is_judged_before_it_is_read(source, tmp_path, monkeypatch):
    monkeypatch.setenv("MMRESEARCH_MAX_UNPACKED_GB", "0.05")
    path = tmp_path / "a.parquet"
    zeros = pa.chunked_array([pa.nulls(1_000_000, pa.int8()).fill_null(0)] * 10)
    pq.write_table(pa.table({"value": zeros}), path)
    assert path.stat().st_size < 50_000
    given = {"table": {"kind": "trades"}, "series": {"symbol": "X"}}.get(source, {})
    if source == "erc20":
        given = TOKENS
    found, held = peak(lambda: _refusal(source, path, given))
    assert "a table of 10,000,000 rows, 0.08 GB; expected at most 0.05 GB" in found
    assert "MMRESEARCH_MAX_UNPACKED_GB" in found
    assert held < 20 * MB


def _refusal(source: str, path: Path, given: dict) -> str:
    with pytest.raises(SourceError) as caught:
        getattr(mm.load, source)(path, **given)
    return str(caught.value)
