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
    table = pd.DataFrame(
        {"estimator": ["a(x=1)", "b"], "case": ["one", "two"], "truth": [0.5, 1.0]}
        | {"nominal": 0.95, "covered": [0.94, 0.80], "mc_error": 0.01}
    )
    ax = mm.plot_coverage(table)
    drawn = [(line.get_xdata().tolist(), to_hex(line.get_color())) for line in ax.lines[:2]]
    assert drawn == [([0.94], ACCENT), ([0.80], SECOND)]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "a: one, truth 0.5",
        "b: two, truth 1",
    ]
