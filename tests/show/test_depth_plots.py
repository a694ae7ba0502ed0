"""Figures of depth draw what was measured, and say what is not known."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmresearch as mm
from tests.truth.recovering import Book

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def queue():
    return mm.simulate.queue_book(levels=6, session_seconds=600, seed=3).market


@pytest.fixture(scope="module")
def found():
    return mm.resiliency(Book(days=2).events(31))


def drawn(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_depth_of_the_day(queue):
    bars = mm.depth(queue, within_bps=(4, 50))
    ax = mm.plot_depth(bars)
    assert drawn(ax, "at the best price").get_ydata().tolist() == bars["depth"].tolist()
    assert drawn(ax, "within 4 bps").get_ydata().tolist() == bars["depth_4bps"].tolist()
    assert "not known within 50 bps" in ax.get_title(loc="left")


def test_slippage_curve(queue):
    bars = mm.slippage(queue, sizes=[10, 100, 5000])
    ax = mm.plot_slippage(bars)
    mean = bars.groupby("size")["buy_bps"].mean()
    assert drawn(ax, "buy").get_ydata().tolist() == pytest.approx(mean.loc[[10, 100]].tolist())
    assert [t.get_text() for t in ax.texts] == ["0%"]  # of 5,000 nothing is priced
    none = mm.plot_slippage(mm.slippage(queue, sizes=[5000]))
    assert any("no size is filled" in t.get_text() for t in none.texts)


def test_a_single_cost_stands_whole_in_the_figure(queue):
    bars = mm.slippage(queue, sizes=[1])
    ax = mm.plot_slippage(bars)
    assert ax.get_ylim() == (0, pytest.approx(1.1 * bars["buy_bps"].quantile(0.75), rel=0.2))
    assert ax.get_ylim()[1] > 1.05 * bars["buy_bps"].mean()


def test_recovery_and_its_bands(found):
    ax = mm.plot_recovery(found)
    path = found.details["path"]
    assert drawn(ax, "recovered, mean").get_ydata().tolist() == path["estimate"].tolist()
    joint, each = (shade.get_paths()[0].get_extents().intervaly for shade in ax.collections)
    assert joint == pytest.approx([path["joint_low"].min(), path["joint_high"].max()])
    assert each == pytest.approx([path["low"].min(), path["high"].max()])
    assert "half_life" in ax.get_title(loc="left")


def test_times_of_recovery(found):
    ax = mm.plot_recovery_times(found)
    lives = found.details["survival"]
    assert drawn(ax, "recovered").get_ydata().tolist() == lives["recovered"].tolist()
    ended = found.details["ended"]["events"]
    assert drawn(ax, "seen to recover").get_ydata()[0] == pytest.approx(
        ended["recovered"] / ended.sum()
    )


@pytest.mark.parametrize("plot", [mm.plot_recovery, mm.plot_recovery_times])
def test_a_refusal_is_said_in_the_figure(plot):
    refused = mm.resiliency(mm.Market(trades=Book(days=1).market(1)["trades"]))
    ax = plot(refused)
    assert "no quotes and no book" in ax.texts[0].get_text().replace("\n", " ")
    assert np.isfinite(ax.get_ylim()).all()
