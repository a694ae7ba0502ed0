"""Figures of what the maker holds: every number of the result is drawn, refusals look refused."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import mmresearch as mm
from mmresearch.estimate.result import Quantity, Result, Sample

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def horizons(**quantities):
    nothing = pd.DataFrame()
    return Result("?", "", "", nothing, Sample(1, {}, 1), "none", quantities=quantities)


def test_horizons_are_drawn_with_their_intervals_and_refusals():
    short = Quantity("under 10 s", 2.0, 1.0, 3.0, "", "")
    long = Quantity("total", -5.0, np.nan, np.nan, "", "", identified=False, reason="1 day")
    ax = mm.plot_horizons(horizons(short=short, long=long))
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in points] == [2.0, -5.0]
    assert [line.get_markerfacecolor() for line in points] == ["#1f5fa8", "white"]
    assert [1.0, 3.0] in [list(line.get_xdata()) for line in ax.lines]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["under 10 s", "total\n(not identified)"]
    assert "quote currency" in ax.get_xlabel()


def test_horizons_without_any_number_are_drawn_empty():
    none = Quantity("total", np.nan, np.nan, np.nan, "", "", identified=False, reason="no mid")
    ax = mm.plot_horizons(horizons(total=none))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["total\n(not identified)"]
