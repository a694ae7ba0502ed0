"""What is kept comes back as it was, and only what can is kept."""

from __future__ import annotations

import math
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import polars as pl
import pytest

import mmresearch as mm
from mmresearch.load import kept, text


class Row(NamedTuple):
    line: int
    user: str | None
    record: dict[str, Any]


class Everything(NamedTuple):
    path: Path
    text: text.Text
    none: text.Text | None
    frame: pl.DataFrame
    no_frame: pl.DataFrame | None
    events: dict[str, pl.DataFrame]
    rows: list[Row]
    names: dict[str, str | None]
    aside: dict[str, list[int]]
    market: mm.Market
    share: float


class Lone(NamedTuple):
    frame: pl.DataFrame


class Unkept(NamedTuple):
    value: set[int]


FRAME = pl.DataFrame(
    {
        "whole": [2**62, None],
        "side": pl.Series([1, -1], dtype=pl.Int8),
        "number": [0.1 + 0.2, math.nan],
        "text": ['ä,\n"', None],
        "flag": [True, None],
        "day": [date(2024, 1, 2), None],
        "time": pl.Series([datetime(2024, 1, 2, tzinfo=UTC), None], dtype=pl.Datetime("ns", "UTC")),
        "exact": pl.Series([Decimal("0.123456789"), None], dtype=pl.Decimal(20, 9)),
        "nothing": [None, None],
    }
)


@pytest.fixture
def everything(tmp_path: Path) -> Everything:
    read = text.Text(tmp_path / "a.csv", b"1,2\r\n\xc3\xa4" * 3, True)
    trades = {"time": [pd.Timestamp("2024-01-02", tz="UTC")], "symbol": "X", "price": 1.0}
    market = mm.Market(
        name="mine", trades=pd.DataFrame(trades | {"size": 1.0, "side": 1.0, "seq": 1})
    )
    rows = [Row(1, None, {"b": [0.1 + 0.2, 10**30], "a": {"c": None}}), Row(2, "me", {})]
    return Everything(
        *(tmp_path / "a.csv", read, None, FRAME, None, {"x/y": FRAME, "empty": FRAME[:0]}),
        *(rows, {"a": "b", "c": None}, {"why": [1, 2]}, market, 0.1),
    )


def test_everything_comes_back_as_it_was(everything, tmp_path):
    kept.save(everything, tmp_path / "kept")
    back = kept.opened(tmp_path / "kept", (Row, Everything), tmp_path / "a.csv")
    assert isinstance(back, Everything)
    for name in ("path", "text", "none", "no_frame", "rows", "names", "aside", "share"):
        assert getattr(back, name) == getattr(everything, name), name
    assert isinstance(back.text, text.Text)
    assert list(back.rows[0].record) == ["b", "a"]
    for one, other in ((back.frame, FRAME), (back.events["x/y"], FRAME)):
        assert one.equals(other)
        assert one.schema == other.schema
    assert list(back.events) == ["x/y", "empty"]
    assert back.events["empty"].schema == FRAME.schema
    assert back.market.data_hash == everything.market.data_hash
    assert back.market.name == "mine"


def test_paths_are_those_of_the_file_now(everything, tmp_path):
    kept.save(everything, tmp_path / "kept")
    back = kept.opened(tmp_path / "kept", (Everything,), tmp_path / "moved" / "a.csv")
    assert back.path == back.text.path == tmp_path / "moved" / "a.csv"
    assert str(tmp_path) not in (tmp_path / "kept" / kept.VALUES).read_text()


def test_text_of_many_pieces(everything, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_PIECE", 4)
    kept.save(everything, tmp_path / "kept")
    assert pl.read_parquet(tmp_path / "kept" / "held.text.data.parquet").height == 6
    back = kept.opened(tmp_path / "kept", (Everything,), tmp_path / "a.csv")
    assert back.text.data == everything.text.data


def test_nothing_is_kept(tmp_path):
    assert kept.opened(tmp_path / "kept", (Everything,), tmp_path / "a.csv") is None


def test_what_breaks_off_leaves_nothing_that_counts(everything, tmp_path, monkeypatch):
    def full(*args: Any, **options: Any) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            kept.save(everything, tmp_path / "kept")
    assert kept.opened(tmp_path / "kept", (Everything,), tmp_path / "a.csv") is None
    kept.save(everything, tmp_path / "kept")  # what was left is no hindrance
    assert kept.opened(tmp_path / "kept", (Everything,), tmp_path / "a.csv") is not None


def test_what_json_would_change_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"no way to keep set\[int\]"):
        kept.save(Unkept({1}), tmp_path / "kept")


def test_killed_before_its_last_step_it_keeps_nothing(tmp_path, monkeypatch):
    """All is written elsewhere and gets its name at once: no half of it is taken for whole."""
    place, held = tmp_path / "kept", Lone(FRAME)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            kept.save(held, place)
    assert not place.exists()
    assert kept.opened(place, (Lone,), Path("file")) is None
    kept.save(held, place)
    assert kept.opened(place, (Lone,), Path("file")).frame.equals(FRAME, null_equal=True)
