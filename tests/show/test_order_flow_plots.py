"""Figures of order flow: what is drawn is what was estimated."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm


@pytest.fixture(scope="module")
def table():
    made = mm.simulate.queue_book(
        depth=(40, 80), days=2, session_seconds=3600, rate=20, largest=20, seed=1
    )
    return mm.order_flow_imbalance(made.market)


@pytest.fixture(scope="module")
def found(table):
    return mm.ofi_impact(table, block="10min")


def marks(ax, mark="o"):
    return [line for line in ax.lines if line.get_marker() == mark]


def test_curve(found):
    ax = mm.plot_ofi(found)
    bins = found.details["bins"]
    assert marks(ax)[0].get_ydata() == pytest.approx(bins["move"].to_numpy())
    assert bins["bars"].sum() == found.sample.used
    assert len(bins) == 20
    line = ax.lines[-1]
    slope = np.diff(line.get_ydata()) / np.diff(line.get_xdata())
    assert slope == pytest.approx(found.quantities["slope"].value)
    assert "slope: " in ax.get_title(loc="left")
    assert ax.get_ylabel() == "move of the mid (ticks)"


def test_r2_by_time(found):
    ax = mm.plot_ofi(found, what="r2")
    table = found.details["by_time"]
    assert marks(ax)[0].get_ydata() == pytest.approx(table["r2"].to_numpy())
    assert marks(ax, "^")[0].get_ydata() == pytest.approx(table["r2_trades"].to_numpy())
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["both", "order flow", "trades"]
    assert ax.get_xticklabels()[0].get_text() == "00:00"


def test_slope_by_depth(found):
    ax = mm.plot_ofi(found, what="depth")
    drawn = {line.get_label(): line for line in ax.lines}
    x, y = drawn["1/(2 depth)"].get_data()
    assert y == pytest.approx(0.5 / x)
    x, y = drawn["fitted"].get_data()
    lam = found.quantities["depth_exponent"].value
    assert -np.diff(np.log(y)) / np.diff(np.log(x)) == pytest.approx([lam])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_a_table_is_estimated_first(table):
    ax = mm.plot_ofi(table.drop(columns="trade_imbalance"), what="r2", block="10min")
    assert not marks(ax, "^")
    assert "not identified" in ax.get_title(loc="left")


@pytest.mark.parametrize("what", ["curve", "r2", "depth"])
def test_nothing_to_draw_is_said(table, what):
    ax = mm.plot_ofi(table.head(20), what=what)
    assert "not identified" in ax.get_title(loc="left")
    assert not marks(ax)


@pytest.mark.bad_input("a figure that there is not")
def test_unknown_figure(found):
    with pytest.raises(ValueError, match="what must be one of"):
        mm.plot_ofi(found, what="pie")
