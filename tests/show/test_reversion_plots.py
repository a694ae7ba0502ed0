"""Figures of targets and bands show the numbers they were given."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmresearch as mm
from tests.truth.bands import band_path
from tests.truth.shifting import daily_panel, shifting_path


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def shifted():
    rng, levels = np.random.default_rng(1), [0.0]
    for aim in np.repeat([0.0, 20.0], 60):
        levels.append(aim + 0.5 * (levels[-1] - aim) + rng.standard_normal())
    panel = daily_panel(np.array(levels))
    return panel, mm.shifting_target(panel, draws=39)


@pytest.fixture(scope="module")
def banded():
    panel = daily_panel(band_path(np.random.default_rng(2), 1500, c=3.0, b_out=-0.5))
    return panel, mm.threshold_reversion(panel, target=0.0, draws=99)


def test_targets_are_drawn_where_they_act(shifted):
    panel, found = shifted
    ax = mm.plot_targets(panel, found)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), panel["inventory_end"])
    first, second = ax.lines[1:]
    assert list(first.get_xdata()) == [0, 60]
    assert list(second.get_xdata()) == [60, 120]
    target = found.details["targets"]["target"]
    assert [line.get_ydata()[0] for line in (first, second)] == target.tolist()
    assert first.get_linestyle() == "-"
    assert "half-life, shifting target" in ax.get_title(loc="left")


def test_a_random_walk_has_no_target():
    panel = daily_panel(np.random.default_rng(3).standard_normal(100).cumsum())
    found = mm.shifting_target(panel, draws=39)
    assert not found.quantities["half_life"].identified
    ax = mm.plot_targets(panel, found)
    assert len(ax.lines) == 1
    assert "not identified" in ax.get_title(loc="left")


def test_without_a_shift_the_one_target_is_dashed():
    panel = daily_panel(shifting_path(np.random.default_rng(4), 300, rho=0.5)[0])
    found = mm.shifting_target(panel, draws=39)
    assert not found.quantities["shifts"].identified
    ax = mm.plot_targets(panel, found)
    assert list(ax.lines[1].get_xdata()) == [0, 300]
    assert ax.lines[1].get_linestyle() == "--"


def test_refused_results_still_draw_the_data():
    panel = daily_panel(np.arange(12.0))
    assert len(mm.plot_targets(panel, mm.shifting_target(panel)).lines) == 1
    assert "not identified" in mm.plot_threshold(panel, mm.threshold_reversion(panel)).get_title(
        loc="left"
    )


def test_the_fitted_speeds_and_the_interval_are_drawn(banded):
    panel, found = banded
    ax = mm.plot_threshold(panel, found, bins=10)
    curve = found.details["curve"]
    [fitted] = [line for line in ax.lines if line.get_label() == "fitted"]
    np.testing.assert_array_equal(fitted.get_ydata(), curve["change"])
    threshold = found.quantities["threshold"]
    assert threshold.identified
    dotted = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    assert sorted(dotted) == pytest.approx([-threshold.value, threshold.value])
    shades = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]
    expected = [(-threshold.high, -threshold.low), (threshold.low, threshold.high)]
    np.testing.assert_allclose(sorted(shades), expected)


def test_points_are_means_of_the_change(banded):
    panel, found = banded
    ax = mm.plot_threshold(panel, found, bins=5)
    points = ax.lines[0].get_ydata(orig=False)
    order = np.argsort(panel["inventory_start"].to_numpy(), kind="stable")
    change = (panel["inventory_end"] - panel["inventory_start"]).to_numpy()[order]
    np.testing.assert_allclose(points, [part.mean() for part in np.array_split(change, 5)])
