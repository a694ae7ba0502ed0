"""Databento's CSV in blocks of any size: the tables and the receipt of the file read whole."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from mmresearch import convert as conversion
from mmresearch.load import blocks
from mmresearch.load.databento import databento, in_blocks
from tests.at_random import calmly

DEFAULTS = {"levels": 10, "clock": "local", "calendar": "XNAS", "symbols": None}
NONE = 2**63 - 1  # the price that is not defined
START = 1_722_500_000_000_000_000
HEAD = "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,flags,sequence"
CELLS = ("bid_px", "ask_px", "bid_sz", "ask_sz", "bid_ct", "ask_ct")
TYPES = {"trades": 0, "mbp-1": 1, "mbp-10": 10}


def depth(schema):
    return int(schema.removeprefix("mbp-")) if schema.startswith("mbp") else 0


def header(schema, symbols=True):
    book = [f"{cell}_{n:02d}" for n in range(depth(schema)) for cell in CELLS]
    return ",".join([HEAD, *book, *["symbol"] * symbols])


def drawn(schema, rows=60, seed=1, instruments=(38, 41), symbols=True, billionths=True):
    """Messages of one to three records, the last one marked; some trades without price or side."""
    rng, lines, message = np.random.default_rng(seed), [], 0
    while len(lines) < rows:
        message += 1
        which, many = rng.choice(instruments), rng.integers(1, 4)
        for n in range(many):
            action = "T" if schema == "trades" else rng.choice(list("ACTM"))
            price = NONE if rng.random() < 0.1 else rng.integers(99, 102) * 10**9
            if not billionths:
                price = "" if price == NONE else f"{price / 10**9:.9f}"
            flags = 128 * (n == many - 1) + 8 * (rng.random() < 0.1)
            time = START + 1000 * (message // 2)
            cells = [time, time - 150, TYPES[schema], 2, which, action, rng.choice(list("ABN"))]
            cells += [price, rng.integers(0, 3), flags, message]
            for level in range(depth(schema)):
                bid, ask = ((100 + s * (level + 1)) * 10**9 for s in (-1, 1))
                sides = [bid, ask] if billionths else [f"{p / 10**9:.9f}" for p in (bid, ask)]
                cells += [*sides, *rng.integers(1, 3, 4)]
            lines.append(",".join(map(str, [*cells, *[f"S{which}"] * symbols])))
    return lines


def write(path, schema, lines, symbols=True):
    path.write_text("\n".join([header(schema, symbols), *lines]) + "\n")
    return path


def same(market, wanted):
    assert market.data_hash == wanted.data_hash
    assert (market.name, market.receipt.notes) == (wanted.name, wanted.receipt.notes)
    pd.testing.assert_frame_equal(market.receipt.files, wanted.receipt.files)
    aside = market.receipt.set_aside, wanted.receipt.set_aside
    pd.testing.assert_frame_equal(*aside, check_dtype=False)
    pd.testing.assert_frame_equal(market.symbols, wanted.symbols)
    assert list(market) == list(wanted)
    for table in wanted:
        pd.testing.assert_frame_equal(market[table], wanted[table])


@pytest.mark.parametrize("rows", [20, 50, 10**4])
@pytest.mark.parametrize("billionths", [True, False], ids=["billionths", "decimals"])
@pytest.mark.parametrize("schema", TYPES)
def test_blocks_of_any_size_make_the_market_of_the_file(tmp_path, schema, billionths, rows):
    path = write(tmp_path / "day.csv", schema, drawn(schema, 200, billionths=billionths))
    size = rows * path.stat().st_size // 200
    wanted = databento(path, calendar="XNAS")
    assert len(wanted.receipt.set_aside) > 3
    found = list(in_blocks(path, size=size, **DEFAULTS))
    assert (len(found) > 2) == (rows < 200)
    same(blocks.market(iter(found)), wanted)
    blocks.save(iter(found), tmp_path / "market")
    same(mm.open(tmp_path / "market"), wanted)


@pytest.mark.parametrize("symbology", [True, False], ids=["named", "by number"])
def test_names_that_stand_beside(tmp_path, symbology):
    if symbology:
        span = {"d0": "2024-08-01", "d1": "2024-08-02"}
        names = {"result": {"AAPL": [span | {"s": "38"}]}}
        (tmp_path / "symbology.json").write_text(json.dumps(names))
    path = write(tmp_path / "day.csv", "mbp-1", drawn("mbp-1", symbols=False), symbols=False)
    wanted = databento(path, calendar="XNAS")
    same(blocks.market(in_blocks(path, size=2_000, **DEFAULTS)), wanted)


def test_the_other_clock_and_symbols_that_are_given(tmp_path):
    path = write(tmp_path / "day.csv", "mbp-10", drawn("mbp-10"))
    symbols = pd.DataFrame({"symbol": ["S38"], "multiplier": [50.0], "calendar": ["CMES"]})
    how = {"levels": 3, "clock": "exchange", "calendar": "24/7", "symbols": symbols}
    same(blocks.market(in_blocks(path, size=5_000, **how)), databento(path, **how))


def spoilt(line, place, cell):
    cells = line.split(",")
    cells[place] = str(cell)
    return ",".join(cells)


SPOILT = {  # what is not to be judged block by block
    "a time that runs back": lambda lines: [*lines[:70], *lines[40:60], *lines[70:]],
    "a spread, priced below 0": lambda lines: [*lines[:70], spoilt(lines[70], 7, -(10**9))],
    "prices in another form": lambda lines: [spoilt(line, 7, "100.5") for line in lines],
    "a message again": lambda lines: [*lines[:99], spoilt(spoilt(lines[99], 5, "T"), 10, 1)],
    "a symbol of two publishers": lambda lines: [*lines[:99], spoilt(lines[99], 3, 4)],
    "events marked here alone": lambda lines: (
        [spoilt(line, 9, 0) for line in lines[:40]] + lines[40:]
    ),
    "an action that cannot be": lambda lines: [*lines[:99], spoilt(lines[99], 5, "Q")],
    "a row that is cut": lambda lines: [*lines[:99], lines[99][:20]],
}


@pytest.mark.bad_input("a fault in a late block")
@pytest.mark.parametrize("what", SPOILT)
def test_what_needs_the_whole_file_gets_it(tmp_path, monkeypatch, what):
    lines = drawn("mbp-1", 100)
    lines[:30] = [spoilt(line, 7, 100 * 10**9) for line in lines[:30]]
    spoiled = SPOILT[what](lines)
    if what == "prices in another form":
        spoiled = lines[:70] + spoiled[70:]
    path = write(tmp_path / "day.csv", "mbp-1", spoiled)
    with pytest.raises(blocks.WholeNeededError):
        blocks.market(in_blocks(path, size=1_500, **DEFAULTS))
    wanted = outcome(databento, path)
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "SIZE", 1_500)
    assert outcome(conversion.convert, "databento", [path], tmp_path / "market") == wanted


def outcome(reading, *what):
    """The hash of the tables, or the faults."""
    try:
        return reading(*what).data_hash
    except mm.SourceError as error:
        return error.faults


@calmly(60)
@given(
    schema=st.sampled_from(["trades", "mbp-1"]),
    seed=st.integers(0, 10**6),
    size=st.integers(800, 6_000),
    instruments=st.sampled_from([(38,), (38, 41), (7, 38, 41)]),
)
def test_random_records_in_random_blocks(tmp_path_factory, schema, seed, size, instruments):
    lines = drawn(schema, 80, seed, instruments)
    path = write(tmp_path_factory.mktemp("a") / "day.csv", schema, lines)
    wanted = databento(path, calendar="XNAS")
    try:
        found = blocks.market(in_blocks(path, size=size, **DEFAULTS))
    except blocks.WholeNeededError as error:
        if "marked from here on" in str(error):  # none in the blocks above
            return
        raise
    same(found, wanted)
