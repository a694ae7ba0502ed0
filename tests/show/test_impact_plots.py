"""Figures of impact: what is drawn is what was estimated, and refusals draw nothing."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmresearch as mm
from mmresearch.estimate.revision_gmm import PARTS
from tests.truth.flow_bars import flow_bars
from tests.truth.large_orders import large_orders
from tests.truth.mrr_tape import mrr_tape

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trades():
    made = mrr_tape(np.random.default_rng(1), days=45, trades=60)
    return made.assign(size=np.random.default_rng(2).lognormal(6, 1, len(made)))


def points(ax):
    """Heights of the markers of each line that has some."""
    return [line.get_ydata() for line in ax.lines if line.get_marker() == "o"]


@pytest.mark.parametrize("by", ["side", "hour"])
def test_slopes_of_groups(by):
    panel = flow_bars(np.random.default_rng(1), days=45, bars=30)
    found = mm.price_impact(panel, by=by, value=False)
    ax = mm.plot_impact(found)
    groups = found.details["groups"]
    assert points(ax)[0] == pytest.approx(groups["estimate"].to_numpy())
    labels = [t.get_text() for t in ax.get_xticklabels()]
    assert labels == [name.removeprefix("hour ") for name in groups["group"]]
    assert "slope: " in ax.get_title(loc="left")
    assert any("one for all: p = " in t.get_text() for t in ax.texts)
    assert ax.get_ylabel().startswith("slope (bps per 1,000 units")
    one = mm.plot_impact(panel, value=False)
    assert points(one)[0] == pytest.approx([found.quantities["slope"].value])


def test_spread_by_size_and_hour(trades):
    found = mm.price_impact(trades, model="glosten_harris")
    ax = mm.plot_impact(found)
    sizes = found.details["sizes"]
    assert points(ax)[0] == pytest.approx(sizes["spread"].to_numpy())
    assert points(ax)[1] == pytest.approx((sizes["spread"] * sizes["adverse_share"]).to_numpy())
    assert ax.get_xlabel() == "size of the trade (1,000 units)"
    hours = mm.plot_impact(trades, model="glosten_harris", by="hour")
    assert hours.get_xlabel() == "hour (UTC)"


def test_the_variance_is_bars_that_add_up(trades):
    found = mm.trade_indicator(trades)
    ax = mm.plot_variance(found)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([found.quantities[name].value for name in PARTS])
    assert sum(heights) == pytest.approx(1)
    assert "theta: " in ax.get_title(loc="left")


def test_the_law_and_its_means():
    found = mm.impact_law(large_orders(np.random.default_rng(1)))
    ax = mm.plot_impact_law(found)
    bins = found.details["bins"]
    assert points(ax)[0] == pytest.approx(bins["impact"].to_numpy())
    law = next(line for line in ax.lines if line.get_label().startswith("law"))
    assert law.get_ydata()[[0, -1]] == pytest.approx(bins["fitted"].iloc[[0, -1]].to_numpy())
    assert ax.get_xscale() == "log"
    assert ax.get_yscale() == "linear"


def test_what_is_refused_has_a_title_and_no_more(trades):
    panel = flow_bars(np.random.default_rng(1), days=1, bars=10)
    for ax in (
        mm.plot_impact(panel, by="side"),
        mm.plot_impact(trades.head(20), model="glosten_harris"),
        mm.plot_variance(trades.head(20)),
        mm.plot_impact_law(large_orders(np.random.default_rng(1), count=50)),
    ):
        assert "not identified" in ax.get_title(loc="left")
        assert points(ax) == []
        assert list(ax.patches) == []
