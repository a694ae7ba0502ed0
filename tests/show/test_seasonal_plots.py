"""The figure of a shape over the time of day: what is drawn is what was estimated."""

from __future__ import annotations

import numpy as np
import pytest

import mmresearch as mm
from tests.truth.times_of_day import factors, noise, table_of


@pytest.fixture(scope="module")
def table():
    return table_of(factors() * np.exp(noise(np.random.default_rng(1), 20, 78)))


def test_shape(table):
    found = mm.seasonal(table, "y")
    ax = mm.plot_seasonal(found)
    line = ax.lines[-1]
    shape = found.details["shape"]
    assert line.get_ydata() == pytest.approx(shape["factor"].to_numpy())
    assert line.get_xdata() == pytest.approx(shape["bar"].to_numpy() / 12)
    assert "(mean 1)" in ax.get_ylabel()
    assert str(found.quantities["r2"]) in ax.get_title(loc="left")
    again = mm.plot_seasonal(table, "y", harmonics=1)
    assert "harmonics" not in again.get_title(loc="left")
    with pytest.raises(ValueError, match="needs the column"):
        mm.plot_seasonal(table)


def test_a_refusal_is_said(table):
    ax = mm.plot_seasonal(table[table["day"] == "2024-01-01"], "y")
    assert "not identified: of one day" in ax.get_title(loc="left")
    assert not ax.lines
