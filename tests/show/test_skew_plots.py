"""Quotes around inventory: points are the bins, lines the slopes, refusals have no line."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmresearch as mm
from tests.truth.leaning import leaning

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def points(ax):
    return {line.get_label(): line for line in ax.lines if line.get_marker() == "o"}


def slopes(ax):
    """Of the lines without markers but the one at zero, bid last."""
    found = [line for line in ax.lines if line.get_marker() != "o" and len(line.get_xdata()) == 2]
    ends = [(np.diff(x.get_xdata()), np.diff(x.get_ydata())) for x in found if x.get_lw() > 1]
    return [float((y / x)[0]) for x, y in ends]


def test_bins_and_slopes_of_bid_mid_and_ask():
    panel = leaning(np.random.default_rng(1), days=45, bars=30, skew=-0.1, noise=0.1)
    found = mm.quote_skew(panel, controls=False)
    ax = mm.plot_skew(found)
    drawn, bins = points(ax), found.details["bins"]
    assert list(drawn) == ["ask", "mid", "bid"]
    assert drawn["bid"].get_ydata() == pytest.approx(-bins["bid"].to_numpy())
    assert drawn["ask"].get_xdata() == pytest.approx(bins["inventory"].to_numpy())
    q = found.quantities
    expected = [q["ask_skew"].value, q["skew"].value, -q["bid_skew"].value]
    assert slopes(ax) == pytest.approx(expected)
    assert "skew: " in ax.get_title(loc="left")
    assert ax.get_ylabel() == "quote less fair price (ticks)"
    # every bar is in a bin, and the bins' means are the sample's
    assert bins["rows"].sum() == found.sample.used
    weight = bins["rows"] / bins["rows"].sum()
    assert (weight * bins["inventory"]).sum() == pytest.approx(panel["inventory_end"].mean())


def test_a_panel_is_estimated_first_and_few_sessions_have_points_and_no_line():
    panel = leaning(np.random.default_rng(2), days=3, bars=60)
    ax = mm.plot_skew(panel, controls=False)
    assert len(points(ax)) == 3
    assert slopes(ax) == []
    assert "not identified" in ax.get_title(loc="left")
    assert "response: " in ax.get_title(loc="left")


def test_nothing_to_draw_is_said():
    panel = leaning(np.random.default_rng(3), days=2, bars=9).drop(columns=["own_bid", "own_ask"])
    ax = mm.plot_skew(panel)
    assert points(ax) == {}
    assert "no quotes" in ax.get_title(loc="left").replace("\n", " ")


def test_markets_and_pools_are_named_on_the_axes():
    panel = leaning(np.random.default_rng(4), days=8, bars=30)
    market = panel.drop(columns=["own_bid", "own_ask"]).assign(microprice=panel["mid"] + 0.01)
    market["microprice"] += 0.001 * market["inventory_end"]
    assert mm.plot_skew(market).get_ylabel().startswith("mid less weighted mid")
    flow = panel["inventory_end"] - panel["inventory_start"]
    pool = panel.assign(flow=flow, return_bps=-flow + np.arange(len(panel)) % 3)
    ax = mm.plot_skew(pool, quotes="pool")
    assert ax.get_xlabel().startswith("flow into the pool")
    assert ax.get_ylabel() == "change of the pool's price (bps)"
