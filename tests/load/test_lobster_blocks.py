"""LOBSTER's two files in blocks of any size: the tables and the receipt of the files read whole."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import convert as conversion
from mmresearch.load import blocks, lobster
from mmresearch.load.lobster import in_blocks

ROWS = 60
STEM = "ABC_2012-06-21_34200000_57600000"
HEADS = "Time,Type,Order ID,Size,Price,Direction", "ASKp1,ASKs1,BIDp1,BIDs1"
OPTIONS = {"symbol": None, "date": None}


def drawn(levels: int = 1, seed: int = 1) -> tuple[list[str], list[str]]:
    """Messages of all types, and a book whose levels often stay as they are, or are not there."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice([1, 2, 3, 4, 5, 6, 7], ROWS, p=[0.3, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1])
    times = 34_200 + np.cumsum(rng.integers(0, 3, ROWS))
    messages = [
        f"{time}.{n:09d},7,0,0,{rng.integers(-1, 2)},-1"
        if kind == 7
        else f"{time}.{n:09d},{kind},{n},{rng.integers(0 if kind == 6 else 1, 3)},1000100,1"
        for n, (time, kind) in enumerate(zip(times, kinds, strict=True))
    ]
    return messages, [",".join(_level(rng, k) for k in range(levels)) for _ in range(ROWS)]


def _level(rng: np.random.Generator, below: int) -> str:
    ask, bid = 1_000_200 + 100 * below, 1_000_000 - 100 * below
    asks = "9999999999,0" if rng.random() < 0.1 else f"{ask},{rng.integers(1, 3)}"
    bids = "-9999999999,0" if rng.random() < 0.1 else f"{bid + 300 * rng.integers(2)},5"
    return f"{asks},{bids}"


def write(folder: Path, messages: list[str], book: list[str], *, heads=None) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    levels = (book[0].count(",") + 1) // 4
    paths = [folder / f"{STEM}_{kind}_{levels}.csv" for kind in ("message", "orderbook")]
    for number, (path, lines) in enumerate(zip(paths, (messages, book), strict=True)):
        lines = [heads[number], *lines] if heads else lines
        path.write_text("\n".join(lines) + "\n" * (not heads))
    return tuple(paths)


def same(market: mm.Market, wanted: mm.Market) -> None:
    assert market.data_hash == wanted.data_hash
    assert (market.name, market.receipt.notes) == (wanted.name, wanted.receipt.notes)
    pd.testing.assert_frame_equal(market.receipt.files, wanted.receipt.files)
    aside = market.receipt.set_aside, wanted.receipt.set_aside
    pd.testing.assert_frame_equal(*aside, check_dtype=False)
    for table in wanted:
        pd.testing.assert_frame_equal(market[table], wanted[table])


@pytest.mark.parametrize("heads", [None, HEADS], ids=["bare", "header, open end"])
@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("size", [1, 200, 700, 10**6])
def test_blocks_of_any_size_make_the_market_of_the_files(tmp_path, size, levels, heads):
    heads = heads and (HEADS[0], ",".join(HEADS[1].replace("1", str(n + 1)) for n in range(levels)))
    files = write(tmp_path, *drawn(levels), heads=heads)
    wanted = lobster(*files)
    assert ("book" in wanted) == (levels > 1)
    assert len(wanted.receipt.set_aside) > 4
    found = list(in_blocks(*files, size=size, **OPTIONS))
    assert len(found) > 2 if size < 10**6 else len(found) <= 3  # an open last line is its own
    same(blocks.market(iter(found)), wanted)
    blocks.save(iter(found), tmp_path / "market")
    same(mm.open(tmp_path / "market"), wanted)


def test_a_state_that_stays_is_none_anew_where_a_block_begins(tmp_path):
    """The last row repeats the book of the first two; between them stands the row of a halt."""
    messages = ["34200,1,1,1,1000000,1"] * 2 + ["34200,7,0,0,-1,-1", "34201,1,2,1,1000000,1"]
    state = "1000200,4,1000000,3"
    files = write(tmp_path, messages, [state, state, "0,0,0,0", state])
    *tables, _ = in_blocks(*files, size=1, **OPTIONS)
    assert [len(block["quotes"]) for block in tables] == [1, 0, 0]


SPOILT = {
    "a time that falls between blocks": (0, 30, "34199.5,1,1,1,1000100,1"),
    "a price below 0": (0, 50, "39000,1,1,1,-5,1"),
    "a level without size": (1, 50, "1000200,0,1000000,5"),
    "a cut line": (1, 59, "1000200,4"),
    "a book row less": (1, 59, None),
    "a message less": (0, 59, None),
}


@pytest.mark.bad_input("a fault in a late block")
@pytest.mark.parametrize("size", [1, 500])
@pytest.mark.parametrize("case", SPOILT)
def test_faults_are_those_of_the_whole_files(tmp_path, monkeypatch, case, size):
    files, (which, row, line) = drawn(), SPOILT[case]
    files[which][row : row + 1] = [] if line is None else [line]
    paths = write(tmp_path, *files)
    with pytest.raises(mm.SourceError) as wanted:
        lobster(*paths)
    with pytest.raises(blocks.WholeNeededError):
        list(in_blocks(*paths, size=size, **OPTIONS))
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "SIZE", size)
    with pytest.raises(mm.SourceError) as found:
        conversion.convert("lobster", paths, tmp_path / "market")
    assert found.value.faults == wanted.value.faults
    assert not (tmp_path / "market").exists()


@pytest.mark.parametrize("days", [1, 2])
def test_large_files_are_converted_in_blocks(tmp_path, monkeypatch, days):
    paths = []
    for day in range(days):
        for path in write(tmp_path / str(day), *drawn(2, seed=day)):
            paths.append(path.rename(path.with_name(path.name.replace("-21_", f"-2{day}_"))))
    wanted = lobster(*paths)
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "SIZE", 300)
    monkeypatch.setattr(sys.modules[lobster.__module__], "read_day", None)  # the whole files
    found = conversion.convert("lobster", paths, tmp_path / "market")
    assert found.data_hash == wanted.data_hash
    assert str(found.receipt) == str(wanted.receipt)
    assert found.name == wanted.name
