"""Figures of where inventory reverts to: targets that shift, and a band around one."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes, _binned, _date_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mmresearch.estimate.result import Result


def plot_targets(panel: pd.DataFrame, result: Result, *, ax: Axes | None = None) -> Axes:
    """Inventory bar by bar with the targets that `shifting_target` found, and twice their errors.

    Targets are dashed where the shifts are not told from what the search makes of paths without
    any, and left out where a random walk is not excluded: it has none.
    """
    ax = _axes(ax, (8, 3.4))
    rows = panel.sort_values(["start", "day", "bar"])
    ax.step(np.arange(len(rows)), rows["inventory_end"], where="post", lw=0.8, color=QUIET)
    shifts = result.quantities.get("shifts")
    if shifts is not None and result.details["targets"]["target"].notna().all():
        style = "-" if shifts.identified else "--"
        _draw_targets(ax, rows, result.details["targets"], style)
    life = textwrap.fill(str(result.quantities["half_life"]), 100)
    ax.set_title(life, fontsize=8.5, loc="left")
    _date_ticks(ax, pd.DatetimeIndex(rows["start"]))
    ax.set_ylabel("inventory (units)")
    return ax


def _draw_targets(ax: Axes, rows: pd.DataFrame, targets: pd.DataFrame, style: str) -> None:
    """A level a regime, from its first bar to the next one's, with a band of two errors."""
    first = np.searchsorted(rows["start"].to_numpy(), targets["start"].to_numpy())
    ends = [*first[1:], len(rows)]
    for left, right, row in zip(first, ends, targets.itertuples(), strict=True):
        low, high = row.target - 2 * row.std_error, row.target + 2 * row.std_error
        ax.fill_between([left, right], low, high, color=SECOND, alpha=0.2, lw=0)
        ax.plot([left, right], [row.target] * 2, style, color=SECOND, lw=1.6)
    named = ax.lines[-1]
    named.set_label("target, with twice its error")
    ax.legend(handles=[ax.lines[0], named], labels=["inventory", named.get_label()], frameon=False)


def plot_threshold(
    panel: pd.DataFrame, result: Result, *, bins: int = 20, ax: Axes | None = None
) -> Axes:
    """Mean change over a bar by the level at its start, with the speeds `threshold_reversion` fits.

    Error bars (95 %) take bars as independent and are a guide to the eye. The shade is the interval
    of the threshold, on both sides of the target; nothing is shaded where it is not identified.
    """
    ax = _axes(ax, (5.8, 3.8))
    start = panel["inventory_start"]
    change = panel["inventory_end"] - start
    known = np.isfinite(start) & np.isfinite(change)
    means = _binned(start[known], change[known], bins)
    ax.errorbar(means["x"], means["y"], 1.96 * means["se"], fmt="o", ms=4, lw=1, color=ACCENT)
    ax.axhline(0, color=QUIET, lw=0.7)
    if "curve" in result.details:
        _draw_curve(ax, result)
        ax.legend(frameon=False, fontsize=8)
    found = [str(result.quantities[f"half_life_{side}"]) for side in ("inside", "outside")]
    ax.set_title("\n".join(textwrap.fill(text, 78) for text in found), fontsize=8, loc="left")
    ax.set_xlabel("inventory at the bar's start (units)")
    ax.set_ylabel("change over the bar (units)")
    return ax


def _draw_curve(ax: Axes, result: Result) -> None:
    curve, threshold = result.details["curve"], result.quantities["threshold"]
    style = "-" if result.quantities["half_life_outside"].identified else "--"
    ax.plot(curve["inventory"], curve["change"], style, color=SECOND, lw=1.4, label="fitted")
    centre = result.details["target"]["target"].iloc[0]
    if not threshold.identified:
        return
    for side in (-1, 1):
        ends = [centre + side * threshold.low, centre + side * threshold.high]
        ax.axvspan(*sorted(ends), color=INK, alpha=0.08, lw=0)
        label = threshold.name if side > 0 else None
        ax.axvline(centre + side * threshold.value, color=INK, lw=0.8, ls=":", label=label)
