"""The table of coverage is there, and its picture tells the rows that miss their level."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

import mmresearch as mm
from mmresearch.show.plots import ACCENT, SECOND


def test_the_table_has_every_study():
    table = mm.coverage()
    assert {"reversion", "trader_prices", "inventory_by_horizon"} <= set(table["study"])
    many = table["replications"]
    expected = np.sqrt(table["covered"] * (1 - table["covered"]) / many)
    # refused replications may leave fewer intervals than replications, so errors only grow
    assert (table["mc_error"] >= expected - 1e-5).all()


def test_a_row_that_misses_its_level_is_drawn_in_another_colour():
    # of intervals one covers 94 %, one 80 %; a test of 5 % rejects 6 %
    table = pd.DataFrame(
        {"estimator": ["a(x=1)", "b", "c"], "case": ["one", "two", "size"]}
        | {"truth": [0.5, 1.0, 1.0], "nominal": [0.95, 0.95, 0.05]}
        | {"covered": [0.94, 0.80, 0.06], "mc_error": 0.01}
    )
    ax = mm.plot_coverage(table)
    right, wrong = ax.lines[:2]
    np.testing.assert_allclose(np.asarray(right.get_xdata(), float), [-1, 1])
    np.testing.assert_allclose(np.asarray(wrong.get_xdata(), float), [-15])
    assert (to_hex(right.get_color()), to_hex(wrong.get_color())) == (ACCENT, SECOND)
    assert ax.get_yticklabels()[0].get_text() == "a(x=1): one, truth 0.5"
    assert len(mm.plot_coverage(table, by="case").get_yticklabels()) == 3
    shared = mm.plot_coverage(table.assign(case=["x", "x", "y"]), by="case")
    assert [label.get_text() for label in shared.get_yticklabels()] == ["x", "y"]
    heights = np.asarray(shared.lines[0].get_ydata(), float)
    assert 0.5 < heights[0] < 1.5  # the first of x, on the upper line
    assert heights[1] == 0  # y, alone on its own


def test_what_is_far_off_is_an_arrow_and_leaves_room_to_the_others():
    table = mm.coverage().head(3).assign(nominal=0.95, covered=[0.95, 0.94, 0.1], mc_error=0.01)
    left, right = mm.plot_coverage(table).get_xlim()
    assert -25 < left < -20
    assert right < 20


def test_where_nothing_is_stated_nothing_is_missed():
    """The power of a test is no error of its size: such rows are left out."""
    table = mm.coverage().head(3).assign(nominal=[0.95, np.nan, 0.05], covered=0.94, mc_error=0.01)
    labels = [label.get_text() for label in mm.plot_coverage(table).get_yticklabels()]
    assert len(labels) == 2
    none = mm.plot_coverage(table.assign(nominal=np.nan))
    assert "nothing is stated" in none.texts[0].get_text()
