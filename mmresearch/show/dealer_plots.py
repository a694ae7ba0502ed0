"""Figures of what the maker holds: profit by horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from mmresearch.show.plots import ACCENT, INK, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mmresearch.estimate.result import Result


def plot_horizons(result: Result, *, ax: Axes | None = None) -> Axes:
    """Mean profit a session by band of periods, with intervals, from `inventory_by_horizon`.

    Filled points are answers; hollow ones are sums of this sample, refused as more than that.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 0.9 + 0.42 * max(len(result.quantities), 2)))
    for place, found in enumerate(result.quantities.values()):
        filled = ACCENT if found.identified else "white"
        if np.isfinite([found.low, found.high]).all():
            colour = ACCENT if found.identified else QUIET
            ax.plot([found.low, found.high], [place, place], color=colour, lw=1.6)
        ax.plot(found.value, place, "o", ms=5, mfc=filled, mec=ACCENT)
    ax.axvline(0, color=INK, lw=0.7)
    found = result.quantities.values()
    names = [q.name if q.identified else f"{q.name}\n(not identified)" for q in found]
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("profit of holding the inventory (quote currency a session)")
    return ax
