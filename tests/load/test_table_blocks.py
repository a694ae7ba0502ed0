"""A table's file in blocks of any size: the tables and the receipt of the file read whole."""

from __future__ import annotations

import gzip
import importlib
import inspect

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from mmresearch import convert as conversion
from mmresearch.load import blocks
from mmresearch.load.steps import _every as every
from mmresearch.load.table import in_blocks, table
from tests.at_random import calmly

SECOND = 1_709_546_400  # 2024-03-04 10:00 UTC
QUOTES = "time,symbol,bid,ask,bid_size,ask_size"
TRADES = "time,symbol,price,size,side,trade_id,venue"


def written(folder, lines, *, end="\n", ended=True):
    path = folder / "file.csv"
    path.write_bytes((end.join(lines) + end * ended).encode())
    return path


def read_in_blocks(path, size, **how):
    return blocks.market(in_blocks(path, size=size, **every(table, how)))


def assert_same(found, wanted):
    assert found.data_hash == wanted.data_hash
    assert found.name == wanted.name
    assert found.receipt.notes == wanted.receipt.notes
    pd.testing.assert_frame_equal(found.receipt.files, wanted.receipt.files)
    gone = (found.receipt.set_aside, wanted.receipt.set_aside)
    pd.testing.assert_frame_equal(*gone, check_dtype=False)
    pd.testing.assert_frame_equal(found.symbols, wanted.symbols)
    for name in wanted:
        pd.testing.assert_frame_equal(found[name], wanted[name])


def iso(second, how="T%H:%M:%S.%fZ"):
    return pd.Timestamp(second, unit="s").strftime(f"%Y-%m-%d{how}")


def quotes(rows, time=iso):
    return [QUOTES, *(f"{time(SECOND + n // 2)},{'AB'[n % 2]},10,11,{n},2.5" for n in range(rows))]


def trades(rows, ids=str, venue=lambda n: "x"):
    return [
        TRADES,
        *(
            f"{iso(SECOND + n // 2)},A,10,{n + 1},{('buy', 'sell', '')[n % 3]},{ids(n)},{venue(n)}"
            for n in range(rows)
        ),
    ]


FILES = {
    "ISO": (quotes(40), {"kind": "quotes"}),
    "ISO, no fraction": (quotes(40, lambda s: iso(s, " %H:%M:%S")), {"time_zone": "UTC"}),
    "clocks": (quotes(40, lambda s: iso(s, " %H:%M:%S")), {"time_zone": "America/New_York"}),
    "milliseconds": (quotes(40, lambda s: s * 1_000), {"unit": "ms"}),
    "fractions of seconds": (quotes(40, lambda s: f"{s}.123456789"), {"unit": "s"}),
    "trades": (trades(40), {"kind": "trades"}),
    "ids of letters": (trades(40, ids=lambda n: f"i{n}"), {"kind": "trades"}),
    "no ids": (trades(40, ids=lambda n: ""), {"kind": "trades"}),
    "a venue of gaps": (trades(40, venue=lambda n: "x" * (n > 20)), {"kind": "trades"}),
    "numbers with gaps": (trades(40, venue=lambda n: "" if n % 5 else n), {"kind": "trades"}),
    "whole, then not": (trades(40, venue=lambda n: n if n < 20 else n / 2), {"kind": "trades"}),
    "no venue": (trades(40, venue=lambda n: ""), {"kind": "trades"}),
    "sides of no meaning": (
        [line.replace("buy", "none").replace("sell", "none") for line in trades(40)],
        {"kind": "trades"},
    ),
    "an own account": (
        [line.replace("symbol", "ticker").replace(",,", ",buy,") for line in trades(40)],
        {"kind": "fills", "account": "me", "columns": {"symbol": "ticker"}},
    ),
    "words for missing": (
        [line.replace(",20,2.5", ",NaN,2.5") for line in quotes(40)],
        {"kind": "quotes"},
    ),
    "disorder": ([*quotes(40), f"{iso(SECOND + 3)},A,1,2,3,4"], {"kind": "quotes"}),
}


@pytest.mark.parametrize("size", [150, 700, 10**6])
@pytest.mark.parametrize("what", FILES)
def test_blocks_of_any_size_make_the_market_of_the_file(tmp_path, what, size):
    lines, how = FILES[what]
    how = {"kind": "quotes"} | how
    path = written(tmp_path, lines)
    wanted = table(path, **how)
    found = list(in_blocks(path, size=size, **every(table, how)))
    assert (len(found) > 2) == (size < 10**6)
    assert_same(blocks.market(iter(found)), wanted)
    blocks.save(iter(found), tmp_path / "market")
    assert_same(mm.open(tmp_path / "market"), wanted)


def test_packed_semicolons_and_old_line_ends(tmp_path):
    lines = [line.replace(",", ";") for line in quotes(40)]
    path = written(tmp_path, lines, end="\r\n", ended=False)
    packed = tmp_path / "file.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, packed):
        assert_same(read_in_blocks(file, 150, kind="quotes"), table(file, "quotes"))


def test_what_a_folder_says(tmp_path):
    (tmp_path / "symbol=ABC").mkdir()
    lines = ["time,price,size", *(f"{SECOND + n},1,1" for n in range(20))]
    path = written(tmp_path / "symbol=ABC", lines)
    how = {"kind": "trades", "unit": "s"}
    assert_same(read_in_blocks(path, 100, **how), table(path, **how))


TOGETHER = {  # what is not to be judged block by block
    "newest first": ([QUOTES, *quotes(40)[:0:-1]], {"kind": "quotes"}),
    "a row again": ([*trades(40), trades(40)[-1]], {"kind": "trades"}),
    "ids without order in time": (
        [*trades(40), f"{iso(SECOND)},A,1,1,buy,new,x"],
        {"kind": "trades"},
    ),
    "words behind numbers": (
        trades(40, venue=lambda n: n if n < 30 else "x"),
        {"kind": "trades"},
    ),
    "cells of two lines": ([*trades(40)[:-1], f'{iso(SECOND + 20)},A,1,1,buy,9x,"a\nb"'], {}),
    "times long ago": ([QUOTES, f"{iso(0)},A,1,2,3,4", *quotes(40)[1:]], {"kind": "quotes"}),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_what_needs_the_whole_file_gets_it(tmp_path, monkeypatch, what):
    lines, how = TOGETHER[what]
    how = {"kind": "trades"} | how
    path = written(tmp_path, lines)
    with pytest.raises(blocks.WholeNeededError):
        read_in_blocks(path, 200, **how)
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "SIZE", 200)
    found = conversion.convert("table", [path], tmp_path / "market", options=how)
    assert found.data_hash == table(path, **how).data_hash


def test_times_with_an_offset_here_and_none_there(tmp_path):
    lines = [*quotes(20), *(line.replace("Z,", ",") for line in quotes(40)[21:])]
    path = written(tmp_path, lines)
    for zone in (None, "UTC"):  # with a zone each block is right by itself
        with pytest.raises(blocks.WholeNeededError):
            read_in_blocks(path, 90, kind="quotes", time_zone=zone)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("2024-03-04T10:01:00Z,A,ten,11,1,1", "bid 'ten'"),
        ("2024-03-04T10:01:00Z,A,-1,11,1,1", "bid '?-1"),
        ("2024-03-04T10:01:00Z,A,1,11,1", "5 columns"),
        ("2024-03-04T10:01:00Z,,1,11,1,1", "symbol"),
    ],
)
def test_a_fault_in_a_late_block_is_said_as_of_the_whole_file(tmp_path, monkeypatch, bad, said):
    path = written(tmp_path, [*quotes(30), bad, *quotes(40)[31:]])
    with pytest.raises(mm.SourceError, match=said) as whole:
        table(path, "quotes")
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "SIZE", 300)
    with pytest.raises(mm.SourceError, match=said) as found:
        conversion.convert("table", [path], tmp_path / "market", options={"kind": "quotes"})
    assert found.value.faults == whole.value.faults
    assert found.value.faults[0].line == 32


def test_large_files_are_converted_in_blocks(tmp_path, monkeypatch):
    lines, how = FILES["trades"]
    paths = []
    for day in range(2):
        (tmp_path / str(day)).mkdir()
        moved = [line.replace("2024-03-04", f"2024-03-1{day}") for line in lines]
        paths.append(written(tmp_path / str(day), moved))
    for some in (paths[:1], paths):
        folder = tmp_path / f"market{len(some)}"
        wanted = conversion.convert("table", some, f"{folder} whole", options=how)
        with monkeypatch.context() as patched:
            patched.setattr(conversion, "LARGE", 1)
            patched.setattr(blocks, "SIZE", 200)
            patched.setattr(
                importlib.import_module("mmresearch.load.table.parts"), "read", None
            )  # whole files
            found = conversion.convert("table", some, folder, options=how)
        assert_same(found, wanted)


numbers = st.one_of(
    st.integers(-(10**3), 10**6).map(str),
    st.floats(0, 10**6).map(repr),
    st.sampled_from(["", " 7", "+3", "1e3", "nan", "x", '"5"', "9007199254740993", "1" * 20]),
)
cell_times = st.one_of(
    st.integers(0, 5).map(lambda n: iso(SECOND + n)),
    st.integers(0, 5).map(lambda n: iso(SECOND + n, " %H:%M:%S")),
    st.sampled_from(["", "2024-03-04", "2024-03-04T10:00:00.5+01:00", "2024-02-30T00:00:00Z"]),
)


def mostly(usual, odd):
    """The usual cells, now and then an odd one."""
    return st.integers(0, 60).flatmap(lambda n: odd if n == 0 else usual)


usual = st.integers(1, 9).map(str) | st.floats(0.5, 9).map(repr)
rows = st.lists(
    st.tuples(
        mostly(st.integers(0, 30).map(lambda n: iso(SECOND + n)), cell_times),
        mostly(st.sampled_from("AB"), st.just("")),
        mostly(usual, numbers),
        mostly(usual, numbers),
        mostly(st.sampled_from(["buy", "sell", ""]), st.sampled_from(["none", "up", "1"])),
        mostly(st.integers(1, 10**6).map(str), st.sampled_from(["", "1", "2"])),
        st.sampled_from(["", "1", "2.5"]) | st.just("x"),
    ),
    min_size=1,
    max_size=25,
)


@calmly(150)
@given(
    rows=rows,
    size=st.integers(1, 300),
    ordered=st.sampled_from([True, True, False]),
    ids=st.booleans(),
    ended=st.booleans(),
)
def test_random_files_in_random_blocks(tmp_path_factory, rows, size, ordered, ids, ended):
    rows = sorted(rows, key=lambda row: row[0]) if ordered else rows
    keep = [c for c in range(7) if ids or c != 5]
    lines = [",".join(TRADES.split(",")[c] for c in keep)]
    lines += [",".join(row[c] for c in keep) for row in rows]
    path = written(tmp_path_factory.mktemp("a"), lines, ended=ended)
    how = {"kind": "trades", "time_zone": "UTC"}
    try:
        folder = blocks.save(in_blocks(path, size=size, **every(table, how)), path.parent / "m")
    except blocks.WholeNeededError:
        return
    found = mm.open(folder)
    assert_same(found, table(path, "trades", time_zone="UTC"))


def test_every_option_of_the_loader_is_taken():
    assert set(every(table, {"kind": "trades"})) == (
        set(inspect.signature(in_blocks).parameters) - {"path", "size"}
    )
