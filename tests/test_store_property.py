"""A market folder gives back what was written: any table, in any blocks, laid out in any way."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmresearch as mm
from mmresearch import store
from mmresearch.store import drafts, writer
from tests.at_random import calmly

EXAMPLES = 0
START = pd.Timestamp("2024-01-02 23:59:50", tz="UTC")
SYMBOLS = ["A", "B/C", "../D", "E=1 %"]  # names that are no plain names of folders


@st.composite
def tables(draw) -> pd.DataFrame:
    """Trades around two midnights, some at one time, ordered as the schema has it."""
    seconds = draw(
        st.lists(st.integers(0, 10) | st.integers(86_400, 86_410), min_size=1, max_size=40)
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = pd.DataFrame({"time": START + pd.to_timedelta(sorted(seconds), unit="s")})
    rows["seq"] = np.arange(len(rows))
    rows["symbol"] = rng.choice(SYMBOLS[: draw(st.integers(1, 4))], len(rows))
    rows["price"], rows["size"] = rng.integers(1, 9, len(rows)) / 4, 1.0
    rows["side"] = rng.choice([1.0, -1.0, np.nan], len(rows))
    return rows.assign(trade_id=[f"t{n}" if n % 3 else None for n in range(len(rows))])


def blocks_of(rows: pd.DataFrame, numbers: list[int]) -> list[pd.DataFrame]:
    """The rows dealt to blocks by those numbers; each block stays in order."""
    of = np.resize(numbers, len(rows))
    return [rows[of == number] for number in sorted(set(of))]


def same(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found.reset_index(drop=True), wanted.reset_index(drop=True))


@st.composite
def cases(draw) -> dict:
    return {
        "rows": draw(tables()),
        "numbers": draw(st.lists(st.integers(0, 4), min_size=1, max_size=40)),
        "by": draw(st.sampled_from(["auto", "table", "day"])),
        "again": draw(st.sampled_from(["auto", "table", "day"])),
        "whole": draw(st.sampled_from([1, 100, writer.WHOLE])),
        "small": draw(st.sampled_from([0, 5, drafts._SMALL])),
        "symbols": draw(st.lists(st.sampled_from(SYMBOLS), max_size=3, unique=True)),
        "span": sorted(draw(st.tuples(*[st.integers(-1, 86_412)] * 2))),
    }


def examine(case: dict) -> None:
    global EXAMPLES
    EXAMPLES += 1
    rows, place = case["rows"], Path(tempfile.mkdtemp(prefix="mmresearch-store-"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(writer, "WHOLE", case["whole"])
        patched.setattr(writer, "WORTH", 1)
        patched.setattr(drafts, "_SMALL", case["small"])
        try:
            written(case, rows, place)
        finally:
            shutil.rmtree(place)


def written(case: dict, rows: pd.DataFrame, place: Path) -> None:
    plain = mm.Market(trades=rows)
    rows = plain.trades
    with store.Writer(place / "a", by=case["by"]) as folder:
        for block in blocks_of(rows, case["numbers"]):
            folder.add("trades", block)
        plain.commit(folder)
    market = mm.open(place / "a")
    laid_out(market, rows, case)
    copied = mm.open(mm.open(place / "a").save(place / "b", by=case["again"]))
    laid_out(copied, rows, case)
    assert market.data_hash == copied.data_hash == plain.data_hash
    chosen = [symbol for symbol in case["symbols"] if symbol in set(rows["symbol"])]
    part = market.select(chosen or None, *(START + pd.Timedelta(s, "s") for s in case["span"]))
    kept = rows["symbol"].isin(chosen or SYMBOLS)
    after = (rows["time"] - START).dt.total_seconds()
    kept &= (after >= case["span"][0]) & (after < case["span"][1])
    same(part.trades, plain.trades[kept.to_numpy()])
    same(mm.open(part.save(place / "c", by=case["again"])).trades, plain.trades[kept.to_numpy()])


def laid_out(market: mm.Market, rows: pd.DataFrame, case: dict) -> None:
    same(market.trades, mm.Market(trades=rows).trades)
    for symbol, some in rows.groupby("symbol"):
        assert market.days(symbol) == sorted({str(day) for day in some["time"].dt.date})
    listed = {part["file"] for part in market._stored.entries["trades"]["parts"]}
    there = {
        p.relative_to(market._stored.folder).as_posix()
        for p in market._stored.folder.rglob("trades*/**/*.parquet")
    }
    there |= {p.name for p in market._stored.folder.glob("trades-*.parquet")}
    assert listed == there  # nothing lies there that does not count


def _suite(examples: int):
    return calmly(examples)(given(cases())(examine))


def test_any_blocks_in_any_layout(examined):
    before = EXAMPLES
    _suite(30)()
    examined("folders of blocks", EXAMPLES - before)


@pytest.mark.slow
def test_any_blocks_in_any_layout_at_length(examined):
    before = EXAMPLES
    _suite(300)()
    examined("folders of blocks", EXAMPLES - before)
