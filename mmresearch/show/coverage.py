"""What the intervals of this package cover on simulated markets: the table and its picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmresearch.show.plots import ACCENT, QUIET, SECOND, _axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HERE = Path(__file__).parent
_BAR = 1.96


def coverage() -> pd.DataFrame:
    """Size and coverage of every interval on simulated markets whose truth is known.

    Made by `make coverage-table` and kept with the package.

    Returns
    -------
    DataFrame
        study, estimator, case (the simulated world), truth (what the interval should hold), nominal
        (what it states), covered (share that hold the truth), refused (share not identified),
        replications, mc_error (standard error of `covered`).
    """
    beside = _HERE.parents[1] / "tests" / "truth" / "coverage.csv"
    return pd.read_csv(beside if beside.is_file() else _HERE.parent / "coverage.csv")


def plot_coverage(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Share of intervals that hold the truth less what they state, with 95 % Monte Carlo bars.

    Of a test, the share of true nulls that it rejects less its size. Rows whose bar does not reach
    0 are drawn in the second colour.
    """
    ax = _axes(ax, (8.4, 0.9 + 0.19 * len(table)))
    place = np.arange(len(table))[::-1]
    gap, reach = 100 * (table["covered"] - table["nominal"]), 100 * _BAR * table["mc_error"]
    off = gap.abs() > reach.clip(lower=100 * _BAR * 1e-3)
    for which, colour in ((~off, ACCENT), (off, SECOND)):
        bars = {"xerr": reach[which], "fmt": "o", "ms": 3.5, "lw": 1, "color": colour}
        ax.errorbar(gap[which], place[which], **bars)
    ax.axvline(0, color=QUIET, lw=0.8)
    said = table["estimator"] + ": " + table["case"]
    ax.set_yticks(place, said + ", truth " + table["truth"].map("{:.3g}".format), fontsize=6)
    ax.set_ylim(-0.8, len(table) - 0.2)
    ax.set_xlabel("covered (of tests: rejected) less stated, % points")
    return ax
