"""TAQ files in blocks of any size: the table and the receipt of the file read whole."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch import convert as conversion
from mmresearch.load import blocks, taq
from mmresearch.load.taq import in_blocks

ROWS = 60
DEFAULTS = {"clean": (), "exchange": None, "lot": None, "date": None}
DEFAULTS |= {"time_zone": "America/New_York", "epoch": "UTC"}


def drawn(seed=1, symbols=("IBM", "BRK")):
    """Of each symbol in turn: a number, seconds after 9:29:50 that never fall, and the symbol."""
    rng = np.random.default_rng(seed)
    some = ROWS // len(symbols)
    return [
        (n, int(second), symbol, rng)
        for symbol in symbols
        for n, second in enumerate(np.sort(rng.integers(0, 30, some)))
    ]


def clock(second):
    return f"9:{29 + (50 + second) // 60}:{(50 + second) % 60:02d}"


def daily_trades(n, second, symbol, rng):
    """Some without a size; sale conditions that TAQ does not know; some corrected."""
    cond = rng.choice(["@", "F", "?!", ""])
    return f"20180702,{clock(second)},N,{symbol},,{cond},{rng.integers(0, 3)},100,{n % 2:02d},{n}"


def daily_quotes(n, second, symbol, rng):
    """Some below 0, some without a side, some crossed or locked."""
    bid, ask = (rng.choice(["", "0", "-1", "99", "100"], p=[0.1] * 3 + [0.35] * 2) for _ in "ba")
    row = f"20180702,{clock(second)}.5,{rng.choice(['N', 'P'])},{bid},{rng.integers(0, 5)},{ask},1"
    return f"{row},{n},{symbol}"


def r_quotes(n, second, symbol, rng):
    return f"{1530538190 + second}.25,P,99.5,1,{rng.integers(98, 102)},2,{symbol}"


def national(n, second, symbol, rng):
    return f"20180702,{34_190 + second}.5,{symbol},99,200,100,300"


FILES = {
    "trades": ("DATE,TIME_M,EX,SYM_ROOT,SYM_SUFFIX,TR_SCOND,SIZE,PRICE,TR_CORR,TR_SEQNUM"),
    "quotes": ("DATE,TIME_M,EX,BID,BIDSIZ,ASK,ASKSIZ,QU_SEQNUM,SYM_ROOT"),
    "R's": ("DT,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL"),
    "national": ("DATE,TIME_M,SYM_ROOT,BEST_BID,BEST_BIDSIZESHARES,BEST_ASK,BEST_ASKSIZESHARES,X"),
}
ROW = {"trades": daily_trades, "quotes": daily_quotes, "R's": r_quotes}
ROW |= {"national": lambda *what: f"{national(*what)},left out"}


def lines_of(what, **how):
    return [ROW[what](*cells) for cells in drawn(**how)]


def write(path, what, lines):
    path.write_text("\n".join([FILES[what], *lines]) + "\n")
    return path


def same(market, wanted):
    assert market.data_hash == wanted.data_hash
    assert (market.name, market.receipt.notes) == (wanted.name, wanted.receipt.notes)
    pd.testing.assert_frame_equal(market.receipt.files, wanted.receipt.files)
    aside = market.receipt.set_aside, wanted.receipt.set_aside
    pd.testing.assert_frame_equal(*aside, check_dtype=False)
    pd.testing.assert_frame_equal(market.symbols, wanted.symbols)
    for table in wanted:
        pd.testing.assert_frame_equal(market[table], wanted[table])


@pytest.mark.parametrize("symbols", [("IBM",), ("IBM", "BRK")], ids=["one", "two"])
@pytest.mark.parametrize("size", [1, 300, 1_000, 10**6])
@pytest.mark.parametrize("what", FILES)
def test_blocks_of_any_size_make_the_market_of_the_file(tmp_path, what, size, symbols):
    path = write(tmp_path / "taq.csv", what, lines_of(what, symbols=symbols))
    lot = 100.0 if what == "quotes" else None
    wanted = taq(path, lot=lot)
    assert len(wanted.receipt.set_aside) > 5 or what in ("R's", "national")
    found = list(in_blocks(path, size=size, **DEFAULTS | {"lot": lot}))
    assert (len(found) > 2) == (size < 10**6)
    same(blocks.market(iter(found)), wanted)
    blocks.save(iter(found), tmp_path / "market")
    same(mm.open(tmp_path / "market"), wanted)


def again(lines):
    """The last row of an instant once more, behind another of that instant."""
    row = lines[40]
    return [*lines[:41], row.replace(",40", ",41"), row, *lines[41:]]


SPOILT = {
    "the same row again": ("quotes", again),
    "a time that falls": ("R's", lambda lines: [*lines[:40], lines[10], *lines[40:]]),
    "clocks in another form": (
        "national",
        lambda lines: [*lines[:-1], lines[-1].replace("342", "9:30:0").replace(".5", "")],
    ),
    "a row that is cut": ("trades", lambda lines: [*lines[:55], lines[55][:20], *lines[56:]]),
    "no row to keep": ("R's", lambda lines: [s.replace(",99.5,", ",-1,") for s in lines]),
}


@pytest.mark.bad_input("a fault in a late block")
@pytest.mark.parametrize("case", SPOILT)
def test_what_blocks_cannot_tell_is_read_whole(tmp_path, monkeypatch, case):
    what, spoil = SPOILT[case]
    path = write(tmp_path / "taq.csv", what, spoil(lines_of(what, symbols=("IBM",))))
    with pytest.raises(blocks.WholeNeededError):
        list(in_blocks(path, size=1, **DEFAULTS))
    monkeypatch.setattr(conversion, "LARGE", 1)
    monkeypatch.setattr(blocks, "SIZE", 1)
    found = faults_or(conversion.convert, "taq", [path], tmp_path / "market")
    wanted = faults_or(taq, path)
    assert isinstance(wanted, list) == (case not in ("the same row again", "a time that falls"))
    if isinstance(wanted, list):
        assert found == wanted
    else:
        same(found, wanted)


def faults_or(work, *what):
    """What it gives, or the faults that it names."""
    try:
        return work(*what)
    except mm.SourceError as error:
        return list(error.faults)


def test_large_files_are_converted_in_blocks_and_cleaned_ones_are_not(tmp_path, monkeypatch):
    path = write(tmp_path / "taq.csv", "quotes", lines_of("quotes"))
    wanted, cleaned = taq(path), taq(path, clean=["Q2"])
    monkeypatch.setattr(conversion, "LARGE", 1)
    found = conversion.convert("taq", [path], tmp_path / "c", options={"clean": ["Q2"]})
    assert found.data_hash == cleaned.data_hash != wanted.data_hash
    monkeypatch.setattr(sys.modules[taq.__module__], "read_file", None)  # whatever reads it whole
    found = conversion.convert("taq", [path], tmp_path / "market")
    assert found.data_hash == wanted.data_hash
    with pytest.raises(ValueError, match="exchange= is for step P3"):
        conversion.convert("taq", [path], tmp_path / "x", options={"exchange": "N"})
