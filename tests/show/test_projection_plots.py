"""Responses by horizon: lines and bands are the table's, refusals have none and say why."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmresearch as mm
from tests.truth.inventory_economy import panel_of_economy
from tests.truth.propagating import remembering, tape_of

mpl.use("Agg")
CHOICE = {"shock": "trade_imbalance", "per": 1.0, "lags": 3, "horizons": (0, 1, 2, 5, 10)}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def panel():
    return panel_of_economy(np.random.default_rng(1), days=3, bars=400)


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_curve_bands_and_what_stays(panel):
    found = mm.local_projection(panel, **CHOICE)
    ax = mm.plot_projection(found)
    table = found.details["response"]
    drawn = lines(ax)
    assert drawn["unexpected flow"].get_ydata() == pytest.approx(table["estimate"].to_numpy())
    assert drawn["flow as it is"].get_ydata() == pytest.approx(table["raw"].to_numpy())
    joint, pointwise = (band.get_paths()[0].vertices[:, 1] for band in ax.collections)
    assert (joint.min(), joint.max()) == (table["joint_low"].min(), table["joint_high"].max())
    assert (pointwise.min(), pointwise.max()) == (table["low"].min(), table["high"].max())
    assert "transitory" in [text.get_text() for text in ax.texts]
    assert "permanent: " in ax.get_title(loc="left")
    assert ax.get_xlabel() == "horizon (bars after the flow's own)"


def test_regimes_are_lines_of_their_own(panel):
    half = np.where(panel["bar"] < 200, "early", "late")
    ax = mm.plot_projection(panel.assign(half=half), by="half", **CHOICE)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [label.split()[0] for label in labels] == ["early", "late"]


def test_refused_has_no_curve_and_says_why(panel):
    ax = mm.plot_projection(panel.assign(trade_imbalance=1.0), **CHOICE)
    assert "unexpected flow" not in lines(ax)
    assert "no variance" in ax.get_title(loc="left").replace("\n", " ")


def test_impact_of_one_trade_beside_the_response_and_memory():
    rng = np.random.default_rng(2)
    found = mm.propagator(tape_of(rng, remembering(rng, 5000), warm=2000), lags=20, bunch=False)
    ax = mm.plot_propagator(found)
    table, drawn = found.details["propagator"], lines(ax)
    assert drawn["G: one trade"].get_ydata() == pytest.approx(table["G"].to_numpy())
    assert drawn["R: after a trade"].get_ydata() == pytest.approx(table["R"].to_numpy())
    right = ax.figure.axes[1]
    assert right.lines[0].get_ydata() == pytest.approx(table["C"].to_numpy()[1:])
    assert ax.get_xscale() == "log"
    assert "share_left: " in ax.get_title(loc="left")


def test_refused_propagator_says_why_once():
    rng = np.random.default_rng(3)
    table = tape_of(rng, np.ones(400), warm=100)
    ax = mm.plot_propagator(table, lags=20, bunch=False)
    assert "G: one trade" not in lines(ax)
    assert "one side" in ax.get_title(loc="left").replace("\n", " ")
