"""Binance's published files in blocks of any size: the market of the file read whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import convert as conversion
from mmresearch.load import blocks
from mmresearch.load.binance import binance
from tests.load.test_binance import AGG_HEADER, BAR_HEADER, TICKER_HEADER, T, write

ROWS = 60


def rising(rng, step=3):
    return np.cumsum(rng.integers(1, step, ROWS))


def trades(rng):
    """Spot: no header; ids jump, some quantities are 0."""
    ids, times = rising(rng), T + np.sort(rng.integers(0, 10**8, ROWS))
    qty = rng.integers(0, 4, ROWS)
    return None, [f"{i},100.5,{q},1,{t},True,True" for i, q, t in zip(ids, qty, times, strict=True)]


def aggregates(rng):
    first = rising(rng, 9)
    rows = zip(rising(rng), first, first + rng.integers(0, 3, ROWS), strict=True)
    return AGG_HEADER, [f"{i},100,1,{a},{b},{T + n},False" for n, (i, a, b) in enumerate(rows)]


def tickers(rng):
    sizes = rng.integers(0, 3, (ROWS, 2))
    rows = zip(rising(rng), sizes, strict=True)
    said = [f"{i},100,{b},{100 + n % 3},{a},{T + n},{T}" for n, (i, (b, a)) in enumerate(rows)]
    return TICKER_HEADER, said


def bars(rng):
    return BAR_HEADER, [
        f"{T + 60_000 * n},5,9,1,5,7,{T + 60_000 * n + 59_999},7,3,4,4,0" for n in range(ROWS)
    ]


FILES = {"trades": trades, "aggTrades": aggregates, "bookTicker": tickers, "1m": bars}


def file_of(folder, kind):
    head, rows = FILES[kind](np.random.default_rng(1))
    return write(folder / f"BTCUSDT-{kind}-2024-08-01.csv", rows, head)


@pytest.fixture
def large(monkeypatch):
    """Every file is a large one; how many were made one whole is asked of what this gives."""
    made = []
    whole = blocks.market
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "market", lambda found: made.append(1) or whole(found))
    return made


@pytest.mark.parametrize("size", [1, 100, 700, 10**6])
@pytest.mark.parametrize("kind", FILES)
def test_blocks_of_any_size_make_the_market_of_the_file(tmp_path, monkeypatch, large, kind, size):
    path = file_of(tmp_path, kind)
    wanted = binance(path)
    large.clear()
    monkeypatch.setattr(blocks, "SIZE", size)
    market = conversion.convert("binance", [path], tmp_path / "market")
    assert not large
    assert market.data_hash == wanted.data_hash
    assert (market.name, str(market.receipt)) == (wanted.name, str(wanted.receipt))
    pd.testing.assert_frame_equal(
        market.receipt.set_aside, wanted.receipt.set_aside, check_dtype=False
    )
    for table in wanted:
        pd.testing.assert_frame_equal(market[table], wanted[table])


def test_days_in_blocks_are_joined(tmp_path, large):
    days = [file_of(tmp_path / "a", "aggTrades"), file_of(tmp_path / "b", "bookTicker")]
    wanted = binance(days)
    large.clear()
    market = conversion.convert("binance", days, tmp_path / "market")
    assert not large
    assert market.data_hash == wanted.data_hash
    assert str(market.receipt) == str(wanted.receipt)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: [*rows[:40], rows[5], *rows[40:]],  # a row again
        lambda rows: [*rows[:20], *rows[40:], *rows[20:40]],  # a later time first
    ],
)
def test_what_blocks_cannot_tell_is_read_whole(tmp_path, monkeypatch, large, spoil):
    head, rows = trades(np.random.default_rng(1))
    path = write(tmp_path / "BTCUSDT-trades-2024-08-01.csv", spoil(rows), head)
    wanted = binance(path)
    large.clear()
    monkeypatch.setattr(blocks, "SIZE", 300)
    market = conversion.convert("binance", [path], tmp_path / "market")
    assert large == [1]
    assert market.data_hash == wanted.data_hash
    assert str(market.receipt) == str(wanted.receipt)


def test_a_fault_in_a_late_block_is_named_by_its_line(tmp_path, monkeypatch, large):
    head, rows = aggregates(np.random.default_rng(1))
    rows[50] = rows[50].replace(",100,", ",-100,")
    path = write(tmp_path / "BTCUSDT-aggTrades-2024-08-01.csv", rows, head)
    monkeypatch.setattr(blocks, "SIZE", 300)
    with pytest.raises(mm.SourceError, match="line 52: found price -100"):
        conversion.convert("binance", [path], tmp_path / "market")
    assert not (tmp_path / "market").exists()
