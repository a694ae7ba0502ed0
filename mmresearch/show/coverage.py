"""What the intervals of this package cover on simulated markets: the table and its picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

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
    """Share of intervals that hold the truth, with 95 % Monte Carlo bars, beside what they state.

    Rows whose bar does not reach what is stated are drawn in the second colour.
    """
    ax = _axes(ax, (8.4, 0.9 + 0.24 * len(table)))
    place = np.arange(len(table))[::-1]
    off = (table["covered"] - table["nominal"]).abs() > _BAR * table["mc_error"].clip(lower=1e-3)
    for which, colour in ((~off, ACCENT), (off, SECOND)):
        rows = table[which]
        bars = {"xerr": _BAR * rows["mc_error"], "fmt": "o", "ms": 4, "lw": 1, "color": colour}
        ax.errorbar(rows["covered"], place[which], **bars)
    for level in table["nominal"].unique():
        ax.axvline(level, color=QUIET, lw=0.8)
    said = table["estimator"].str.partition("(")[0] + ": " + table["case"]
    ax.set_yticks(place, said + ", truth " + table["truth"].map("{:.3g}".format), fontsize=7)
    ax.set_xlabel("share of intervals that hold the truth", color=INK)
    return ax
