"""Figures of forecasts: what is drawn is what the result says, and a refusal says why."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from mmresearch.estimate.loss_paths import band, largest_of_path, loss_path
from tests.truth.har_days import har_days


@pytest.fixture(scope="module")
def days():
    return har_days(np.random.default_rng(1), days=500, gain=0.12)


@pytest.fixture(scope="module")
def found(days):
    return mm.volatility_forecast(days, predictors=["withdrawal"], draws=49)


def test_the_path_by_hand(found):
    """The last point is the sum of the losses' difference, n times their means' difference."""
    table = found.details["forecasts"]
    names = ("har", "har + withdrawal")
    path = loss_path(table, *names, horizon=1, loss="qlike", level=0.95)
    line = found.details["models"].set_index("model")["qlike"]
    assert path["sum"].iloc[-1] == pytest.approx(len(path) * (line[names[0]] - line[names[1]]))
    assert path["gain"].mean() == pytest.approx(found.quantities["qlike_gain"].value)


def test_the_band_is_that_of_a_brownian_path():
    """2.2414 at 95 %, by tables; of independent gains times sqrt(n) and their deviation."""
    assert largest_of_path(0.95) == pytest.approx(2.2414, abs=1e-4)
    assert largest_of_path(0.90) == pytest.approx(1.9600, abs=1e-4)
    gain = np.random.default_rng(2).standard_normal(20_000)
    assert band(gain, 1, 0.95) == pytest.approx(2.2414 * np.sqrt(20_000), rel=0.05)


def test_what_is_drawn(found):
    ax = mm.plot_forecast(found)
    assert [line.get_label() for line in ax.get_lines()] == ["realized", "har", "har + withdrawal"]
    assert ax.get_yscale() == "log"
    table = found.details["forecasts"]
    last = table[table["model"] == "har"]["forecast"].iloc[-1]
    assert ax.get_lines()[1].get_ydata()[-1] == last
    ax = mm.plot_loss_difference(found)
    path = loss_path(table, "har", "har + withdrawal", horizon=1, loss="qlike", level=0.95)
    np.testing.assert_allclose(ax.get_lines()[-1].get_ydata(), path["sum"])
    ax = mm.plot_confidence_set(found)
    assert len(ax.get_yticks()) == len(found.details["models"])


def test_a_refusal_says_why(found, days):
    ax = mm.plot_forecast(found, holdout=True)
    assert "sealed" in ax.texts[0].get_text()
    opened = mm.open_holdout(found, days)
    assert len(mm.plot_forecast(opened, holdout=True).get_lines()) == 3
    few = mm.volatility_forecast(days.iloc[:25], predictors=["withdrawal"])
    for plot in (mm.plot_forecast, mm.plot_loss_difference, mm.plot_confidence_set):
        assert "coefficients" in plot(few).texts[0].get_text().replace("\n", " ")
    with pytest.raises(ValueError, match="loss must be one of"):
        mm.plot_loss_difference(found, loss="mae")
