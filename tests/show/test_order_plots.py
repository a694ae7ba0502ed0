"""Figures of orders draw the curves, bars and shares that were measured."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmresearch as mm

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def market():
    return mm.simulate.order_flow(
        session_seconds=400, aggressors=0.5, illusory=0.3, behind=0.3, seed=2
    ).market


def labelled(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_lifetimes(market):
    found = mm.order_lifetimes(market)
    ax = mm.plot_lifetimes(found)
    curve = found.details["curve"]
    for measure, label in (("survival", "still standing"), ("filled", "filled")):
        own = curve[curve["measure"] == measure]
        assert labelled(ax, label).get_ydata().tolist() == own["estimate"].tolist()
    assert len(ax.collections) == 6  # a band of each point and one of each whole curve
    assert ax.get_xscale() == "log"
    assert "fleeting_share" in ax.get_title(loc="left")


def test_lifetimes_that_are_refused_say_why(market):
    lives = mm.order_lives(market).iloc[:10]
    ax = mm.plot_lifetimes(lives)
    assert "10 orders" in ax.texts[0].get_text()


def test_cancellations(market):
    bars = mm.cancellations(market)
    ax = mm.plot_cancellations(bars)
    assert np.allclose(labelled(ax, "pulled").get_ydata(), bars["pulled_per_second"])
    touch = labelled(ax, "pulled at the touch").get_ydata()
    assert np.allclose(touch, bars["touch_pulled_per_second"])
    with pytest.raises(ValueError, match="no time of day"):
        mm.plot_cancellations(bars.assign(time_of_day=np.nan))


def test_illusory(market):
    found = {lag: mm.illusory_depth(market, lag=lag, window="1min") for lag in ("50ms", "100ms")}
    ax = mm.plot_illusory(found)
    heights = sorted(bar.get_width() for bar in ax.patches)
    wanted = sorted(v for r in found.values() for v in r.table["estimate"].iloc[:2])
    assert heights == pytest.approx(wanted)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["50ms", "100ms"]
