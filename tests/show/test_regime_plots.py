"""The figure of regimes: what is drawn is what was estimated."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from tests.truth.switching import switching


def test_chances():
    table = switching(np.random.default_rng(1), 4, 60)
    found = mm.liquidity_regimes(table, "depth", draws=0, deseasonalise=False)
    ax = mm.plot_regimes(found)
    seen = found.details["probabilities"]
    assert ax.lines[0].get_ydata() == pytest.approx(seen["filtered_1"].to_numpy())
    assert len(ax.lines) == 1 + 3  # edges between four sessions
    assert str(found.quantities["duration_1"]) in ax.get_title(loc="left").replace("\n", " ")
    one = mm.plot_regimes(found, day="2024-01-02", regime=2)
    assert len(one.lines[0].get_ydata()) == 60
    with pytest.raises(ValueError, match="needs the column"):
        mm.plot_regimes(table)


def test_a_refusal_is_said():
    table = switching(np.random.default_rng(1), 1, 40)
    ax = mm.plot_regimes(table, "depth")
    assert not ax.lines
    assert "40 bars have a value" in ax.get_title(loc="left").replace("\n", " ")
