"""Tardis.dev files in blocks of any size: the tables and the receipt of the file read whole."""

from __future__ import annotations

import io
import sys

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import convert as conversion
from mmresearch.load import blocks
from mmresearch.load.tardis import in_blocks, tardis
from tests.load.test_tardis import OPTIONS, PRINTS, QUOTES, SNAPSHOT, TICKER, rows, write

ROWS = 60
DEFAULTS = {"kind": None, "clock": "exchange", "levels": 10}


def drawn(seed, cells, symbols=("A", "B")):
    """Lines whose exchange clock runs back now and then, of two symbols in turns at random."""
    rng = np.random.default_rng(seed)
    local = np.sort(rng.integers(0, 10**6, ROWS))
    time = local - rng.integers(0, 200_000, ROWS)
    return [
        rows([(time[n], local[n], *cells(rng, n))], symbol=symbols[rng.integers(len(symbols))])[0]
        for n in range(ROWS)
    ]


def some(rng, share=0.2):
    """A number, at times 0, at times none."""
    return rng.choice(["", "0", str(rng.integers(1, 9) / 2)], p=[share / 2, share / 2, 1 - share])


FILES = {
    "trades": (
        PRINTS,
        lambda rng, n: (
            n,
            rng.choice(["buy", "sell", "unknown"]),
            some(rng, 0),
            rng.integers(0, 3),
        ),
    ),
    "trades without ids": (PRINTS, lambda rng, n: ("", "buy", 1, rng.integers(0, 3))),
    "quotes": (QUOTES, lambda rng, n: [some(rng) for _ in range(4)]),
    "book": (SNAPSHOT, lambda rng, n: [some(rng, 0.1) if k < 4 else "" for k in range(20)]),
    "ticker": (TICKER, lambda rng, n: ("", *(some(rng, 0.5) for _ in range(6)))),
    "options": (
        OPTIONS,
        lambda rng, n: (
            "call",
            100,
            1_703_000_000_000_000,
            1,
            *[some(rng) for _ in range(9)],
            "i",
            100,
            *[some(rng) for _ in range(5)],
        ),
    ),
}


@pytest.mark.parametrize("clock", ["exchange", "local"])
@pytest.mark.parametrize("size", [200, 1_000, 2_500, 10**6])
@pytest.mark.parametrize("what", FILES)
def test_blocks_of_any_size_make_the_market_of_the_file(tmp_path, what, size, clock):
    head, cells = FILES[what]
    path = write(tmp_path / "a.csv", head, drawn(1, cells))
    wanted = tardis(path, clock=clock)
    found = list(in_blocks(path, size=size, **DEFAULTS | {"clock": clock}))
    assert (len(found) > 2) == (size < 10**6)
    blocks.save(iter(found), tmp_path / "market")
    for market in (blocks.market(iter(found)), mm.open(tmp_path / "market")):
        assert market.data_hash == wanted.data_hash
        assert market.receipt.notes == wanted.receipt.notes
        pd.testing.assert_frame_equal(market.receipt.files, wanted.receipt.files)
        pd.testing.assert_frame_equal(
            market.receipt.set_aside, wanted.receipt.set_aside, check_dtype=False
        )
        assert market.name == wanted.name
        for table in wanted:
            pd.testing.assert_frame_equal(market[table], wanted[table])


def test_what_lies_between_blocks_is_seen(tmp_path):
    """The clock runs back, and a price repeats, exactly where a block begins."""
    bids = [(10, 10, 1, 101, 100, 1), (5, 20, 1, 101, 100, 1), (30, 19, 1, 102, 100, 1)]
    path = write(tmp_path / "a.csv", QUOTES, rows(bids))
    *tables, about = in_blocks(path, size=1, **DEFAULTS)
    assert len(tables) == 3  # a header is no block of its own
    times = [time for block in tables for time in block["quotes"]["time"].dt.timestamp("us")]
    assert np.diff(times).tolist() == [0, 20]  # the second row's time is raised
    assert "on 1 rows the clock runs back" in " ".join(about.receipt.notes)
    assert "runs back on 1 rows" in " ".join(about.receipt.notes)  # 19 after 20


@pytest.mark.parametrize("ids", ["abab", "1221", "1213"])
def test_ids_that_do_not_rise_need_the_whole_file(tmp_path, monkeypatch, ids):
    lines = rows([(n, n, i, "buy", 1, 1) for n, i in enumerate(ids)])
    path = write(tmp_path / "a.csv", PRINTS, lines)
    with pytest.raises(blocks.WholeNeededError):
        list(in_blocks(path, size=1, **DEFAULTS))
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "SIZE", 1)
    found = conversion.convert("tardis", [path], tmp_path / "market")
    assert found.data_hash == tardis(path).data_hash


@pytest.mark.parametrize("files", [1, 3])
def test_large_files_are_converted_in_blocks(tmp_path, monkeypatch, files):
    head, cells = FILES["quotes"]
    paths = [
        write(tmp_path / f"{n}.csv", head, drawn(n, cells, symbols=(f"S{n}",)))
        for n in range(files)
    ]
    wanted = tardis(paths)
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(
        sys.modules[tardis.__module__], "_market", None
    )  # whatever reads a file whole
    found = conversion.convert("tardis", paths, tmp_path / "market")
    assert found.data_hash == wanted.data_hash
    assert str(found.receipt) == str(wanted.receipt)
    assert not list(tmp_path.glob(".*"))


def test_a_large_file_alone_is_written_to_its_place_and_named(tmp_path, monkeypatch):
    """Nothing is kept beside the folder, from which it would be copied."""
    head, cells = FILES["quotes"]
    path = write(tmp_path / "a.csv", head, drawn(1, cells))
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(conversion.kept, "save", None)
    said = io.StringIO()
    options = {"name": "mine"}
    market = conversion.convert("tardis", [path], tmp_path / "m", options=options, progress=said)
    assert market.name == mm.open(tmp_path / "m").name == "mine"
    assert market.data_hash == tardis(path).data_hash
    assert said.getvalue().startswith("reading a.csv, 0.0 MB, in blocks")


def test_a_fault_in_a_late_block_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    head, cells = FILES["quotes"]
    lines = drawn(1, cells)
    good = write(tmp_path / "good.csv", head, lines)
    conversion.convert("tardis", [good], tmp_path / "market")
    bad = write(tmp_path / "bad.csv", head, [*lines[:50], lines[50] + ",1", *lines[51:]])
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "SIZE", 500)
    with pytest.raises(mm.SourceError, match=r"bad\.csv, line 52: found 9 columns"):
        conversion.convert("tardis", [bad], tmp_path / "market")
    assert mm.open(tmp_path / "market").data_hash == tardis(good).data_hash
