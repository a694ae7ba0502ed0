"""What the intervals of this package cover on simulated markets: the table and its picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmresearch.show.plots import ACCENT, QUIET, SECOND, _axes, _words_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HERE = Path(__file__).parent
_BAR = 1.96
_FAR = 20  # percentage points: farther ones would press all others into a line


def coverage() -> pd.DataFrame:
    """Size and coverage of every interval on simulated markets whose truth is known.

    Made by `make coverage-table` and kept with the package.

    Returns
    -------
    DataFrame
        study, estimator, case (the simulated world), truth (what the interval should hold), nominal
        (what it states; missing where nothing is stated: how often a test finds what is there, or
        what a worse way would do), covered (share that hold the truth; of tests that reject),
        refused (share not identified), replications, mc_error (standard error of `covered`).
    """
    beside = _HERE.parents[1] / "tests" / "truth" / "coverage.csv"
    return pd.read_csv(beside if beside.is_file() else _HERE.parent / "coverage.csv")


def plot_coverage(table: pd.DataFrame, *, by: str | None = None, ax: Axes | None = None) -> Axes:
    """Share of intervals that hold the truth less what they state, with 95 % Monte Carlo bars.

    Of a test, the share of true nulls that it rejects less its size. Rows whose bar does not reach
    0 are drawn in the second colour, those over 20 points away as an arrow at the edge. A line a
    row, or a line a value of the column `by`. Rows of which nothing is stated are left out.
    """
    table = table[table["nominal"].notna()].reset_index(drop=True)
    if table.empty:
        return _words_only(_axes(ax, (6.4, 1.2)), "nothing is stated of these: there is no level")
    truth = ", truth " + table["truth"].map("{:.3g}".format)
    said = table["estimator"] + ": " + table["case"] + truth if by is None else table[by]
    line = np.arange(len(table)) if by is None else pd.factorize(said)[0]
    lines = said.drop_duplicates() if by else said
    together = pd.Series(line).groupby(line)
    step = (together.cumcount() + 0.5) / together.transform("size") - 0.5  # apart on one line
    place = line.max() - line - 0.7 * step.to_numpy()
    ax = _axes(ax, (8.4, 0.9 + (0.19 if by is None else 0.36) * len(lines)))
    gap, reach = 100 * (table["covered"] - table["nominal"]), 100 * _BAR * table["mc_error"]
    off = (gap.abs() > reach.clip(lower=100 * _BAR * 1e-3)).to_numpy()
    far = (gap.abs() > _FAR).to_numpy()
    for which, colour in ((~off, ACCENT), (off & ~far, SECOND)):
        bars = {"xerr": reach[which], "fmt": "o", "ms": 3, "lw": 0.8, "color": colour}
        ax.errorbar(gap[which], place[which], **bars)
    for side, marker in ((-1, "<"), (1, ">")):
        over = far & (np.sign(gap) == side).to_numpy()
        ax.plot(np.full(over.sum(), side * _FAR), place[over], marker, ms=4, color=SECOND)
    ax.axvline(0, color=QUIET, lw=0.8)
    ax.set_yticks(np.arange(len(lines))[::-1], lines, fontsize=6 if by is None else 8)
    ax.set_ylim(-0.8, len(lines) - 0.2)
    ax.set_xlabel("covered (of tests: rejected) less stated, % points")
    return ax
