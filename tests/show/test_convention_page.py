"""CONVENTIONS.md is what the code says now, and its example can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import mmresearch as mm
from mmresearch.__main__ import main
from mmresearch.show.convention_page import convention_page, worked

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_that_stands_is_the_page_that_is_made(capsys):
    assert main(["conventions"]) == 0
    assert capsys.readouterr().out == convention_page()
    stands = (ROOT / "CONVENTIONS.md").read_text(encoding="utf-8")
    assert stands == convention_page(), "run `make conventions`"


def test_the_example_by_hand():
    """D = 1, P = 100.02, M_t = 100, M_h = 100.015, and its mirror image."""
    by_hand = {
        "quoted_full_abs": 0.06,  # 100.03 - 99.97
        "effective_full_abs": 0.04,  # 2 (100.02 - 100)
        "realized_full_abs_10s": 0.01,  # 2 (100.02 - 100.015)
        "impact_full_abs_10s": 0.03,  # 2 (100.015 - 100)
        "quoted_full_bps": 6.0,
        "effective_full_bps": 4.0,
        "realized_full_bps_10s": 1.0,
        "impact_full_bps_10s": 3.0,
        "capture_abs": 0.02,  # -(100 - 100.02)
        "markout_abs_10s": 0.005,  # -(100.015 - 100.02)
        "adverse_abs_10s": 0.015,  # 100.015 - 100
        "capture_bps": 2.0,
        "markout_bps_10s": 0.5,
        "adverse_bps_10s": 1.5,
        "spread_earned": 2.0,  # 100 units
        "adverse_selection": 1.5,
    }
    table = worked().set_index("column")
    for name, value in by_hand.items():
        assert table.loc[f"`{name}`"].tolist() == pytest.approx([value, value], abs=1e-6), name


def test_every_column_is_on_the_page():
    page = convention_page()
    for row in mm.conventions().itertuples():
        section = page.partition(f"### {row.table} (")[2].partition("###")[0]
        assert f"| `{row.column}` |" in section


def test_lines_are_readable():
    lines = convention_page().splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith("|")] == []
