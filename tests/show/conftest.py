"""A small market folder and notebooks made of a few cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from mmresearch.market import Market
from mmresearch.receipt import Receipt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved market of four fills whose receipt sets one row aside."""
    fills = pd.DataFrame(
        {
            "time": pd.date_range("2024-03-04 14:30", periods=4, freq="min", tz="UTC").as_unit(
                "ns"
            ),
            "seq": np.arange(4),
            "account": "MM1",
            "symbol": "XYZ",
            "side": [1, -1, 1, 1],
            "price": [10.0, 10.1, 10.0, 9.9],
            "size": [1.0, 2.0, 3.0, 4.0],
        }
    )
    files = pd.DataFrame([{"file": "fills.csv", "bytes": 90, "sha256": "ab" * 32, "rows": 5}])
    aside = pd.DataFrame(
        [{"file": "fills.csv", "line": 3, "reason": "negative size", "text": "-1"}]
    )
    receipt = Receipt("table", files=files, set_aside=aside, notes=("times were UTC",))
    return Market(fills=fills, name="four fills", receipt=receipt).save(tmp_path / "four")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a notebook: texts that start with # are prose, the others code."""

    def written(name: str, *texts: str) -> Path:
        cells = [_cell(text) for text in texts]
        path = tmp_path / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return written


def _cell(text: str) -> nbformat.NotebookNode:
    if text.startswith("# "):
        return nbformat.v4.new_markdown_cell(text)
    tags = {"tags": ["parameters"]} if text.startswith("DATA = ") else {}
    return nbformat.v4.new_code_cell(text, metadata=tags)
