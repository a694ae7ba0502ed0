"""Figures of regimes of liquidity: which one each bar is in, and how surely."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresearch.estimate.liquidity_regimes import liquidity_regimes
from mmresearch.estimate.result import Result
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_regimes(
    found: pd.DataFrame | Result,
    column: str | None = None,
    *,
    regime: int = 1,
    day: str | None = None,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """The chance of one regime, filtered and smoothed, and the values behind it.

    Takes what `liquidity_regimes` returned, or a table, a column and that function's options.

    Parameters
    ----------
    found : Result or DataFrame
    column : str
        Whose regimes, where a table is given.
    regime : int
        Whose chance is drawn: 1 is that of the lowest mean (or variance).
    day : str, optional
        One session; all after one another if not given, their edges marked.
    ax : Axes, optional
    **options
        Of `liquidity_regimes`.
    """
    if not isinstance(found, Result):
        if column is None:
            raise ValueError("a table needs the column whose regimes are drawn")
        found = liquidity_regimes(found, column, **options)
    ax = _axes(ax, (7.2, 3.6))
    told = [str(q) for name, q in found.quantities.items() if name.endswith((f"_{regime}", "_p"))]
    ax.set_title(
        "\n".join([found.question, *(textwrap.fill(line, 95) for line in told)]),
        fontsize=8.5,
        loc="left",
    )
    seen = found.details.get("probabilities")
    if seen is None or f"filtered_{regime}" not in seen:
        ax.set_yticks([])
        return ax
    seen = seen.sort_values(["day", "bar"])
    if day is not None:
        seen = seen[seen["day"] == day]
    x = np.arange(len(seen))
    ax.fill_between(x, seen[f"smoothed_{regime}"], color=ACCENT, alpha=0.25, lw=0, step="mid")
    ax.plot(x, seen[f"filtered_{regime}"], color=ACCENT, lw=0.9, label="filtered: known then")
    ax.fill_between([], [], color=ACCENT, alpha=0.25, lw=0, label="smoothed: known afterwards")
    ax.set_ylim(0, 1)
    ax.set_ylabel(f"chance of regime {regime}")
    edges = np.flatnonzero(seen["day"].ne(seen["day"].shift()).to_numpy())[1:]
    for edge in edges:
        ax.axvline(edge, color=QUIET, lw=0.4)
    values = ax.twinx()
    values.plot(x, seen["without_shape"], ".", ms=2, color=SECOND, alpha=0.6)
    values.set_ylabel("value without its shape", color=SECOND, fontsize=9)
    values.spines["top"].set_visible(False)
    values.tick_params(labelsize=8)
    ax.set_xlabel("bar, sessions one after the other" if len(edges) else "bar of the session")
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.18), ncols=2)
    ax.title.set_color(INK)
    return ax
