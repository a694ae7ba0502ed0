"""Figures of markouts: the curve after a fill with its bands, and groups of fills side by side."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmresearch.estimate.markout_averages import average_markouts
from mmresearch.estimate.result import Result
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mmresearch.market import Market


def plot_markouts(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """What fills have earned after each horizon, falling from what they captured at once.

    Takes what `average_markouts` returned, or its fills and arguments. The dark shade holds each
    point, the light one the whole curve; dashed is the capture, from which adverse selection takes.
    Horizons in trades stand one after another.
    """
    result = found if isinstance(found, Result) else average_markouts(found, **options)
    ax = _axes(ax, (6.4, 3.8))
    curve = result.details["curve"]
    own = curve[curve["measure"] == "markout"]
    clock = own["seconds"].notna().all()
    x = own["seconds"].to_numpy() if clock else np.arange(len(own))
    capture = result.table.set_index("term")["estimate"].get("capture", np.nan)
    ax.axhline(0, color=INK, lw=0.7)
    ax.axhline(capture, color=SECOND, lw=1.1, ls="--", label="capture, at once")
    band = {"color": ACCENT, "lw": 0}
    ax.fill_between(x, own["joint_low"], own["joint_high"], alpha=0.15, **band, label="whole curve")
    ax.fill_between(x, own["low"], own["high"], alpha=0.3, **band, label="each point")
    ax.plot(x, own["estimate"], "o-", ms=4, lw=1.3, color=ACCENT, label="markout")
    if clock:
        ax.set_xscale("log")
    ax.set_xticks(x, own["horizon"], fontsize=8)
    ax.minorticks_off()
    ax.set_xlabel("after the fill")
    ax.set_ylabel("half spread (bps)" if "basis" in result.unit else "half spread (currency)")
    said = [str(result.quantities[n]) for n in ("adverse_share",) if n in result.quantities]
    said += [] if np.isfinite(own["low"]).any() else ["no intervals: " + result.errors]
    ax.set_title("\n".join(textwrap.fill(text, 90) for text in said), fontsize=8.5, loc="left")
    ax.legend(frameon=False, fontsize=8, ncols=2)
    return ax


def plot_markout_groups(
    found: Result | pd.DataFrame | Market,
    *,
    most: int = 24,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """The markout of each group at the longest horizon, with intervals, the largest groups.

    Takes what `average_markouts` returned with `by=`, or its fills and arguments. Open marks are
    what a group captured at once, the shade is the markout of all fills. A group that is refused
    stands in grey with the reason.
    """
    result = found if isinstance(found, Result) else average_markouts(found, **options)
    if "groups" not in result.details:
        raise ValueError("there are no groups: average_markouts(..., by='size')")
    groups = result.details["groups"]
    last = groups.loc[groups["measure"] == "markout", "horizon"].iloc[-1]
    own = groups[(groups["measure"] == "markout") & (groups["horizon"] == last)]
    own = own[own["fills"].rank(ascending=False, method="first") <= most].set_index("group")
    capture = groups[groups["measure"] == "capture"].set_index("group")["estimate"]
    ax = _axes(ax, (6.4, 1.1 + 0.34 * max(len(own), 3)))
    _whole(ax, result, last)
    ax.axvline(0, color=INK, lw=0.7)
    left = ax.get_yaxis_transform()  # x in parts of the axes
    for place, (name, row) in enumerate(own.iterrows()):
        if row["refused"]:
            grey = {"fontsize": 8, "color": QUIET, "va": "center"}
            ax.text(0.02, place, f"refused: {row['refused']}", transform=left, **grey)
            continue
        reach = [[row["estimate"] - row["low"]], [row["high"] - row["estimate"]]]
        ax.errorbar(row["estimate"], place, xerr=reach, fmt="o", ms=5, lw=1.4, color=ACCENT)
        ax.plot(capture.get(name, np.nan), place, "o", ms=5, mfc="white", mec=SECOND)
    names = [f"{name} ({n:,})" for name, n in own["fills"].items()]
    ax.set_yticks(range(len(own)), names, fontsize=8)
    for label, refused in zip(ax.get_yticklabels(), own["refused"], strict=True):
        label.set_color(QUIET if refused else INK)
    ax.set_ylim(len(own) - 0.4, -0.6)
    unit = "bps" if "basis" in result.unit else "currency"
    ax.set_xlabel(f"half spread ({unit}): markout after {last} (filled), capture (open)")
    said = [textwrap.fill(str(result.quantities["equal_groups"]), 90)]
    left = groups["group"].nunique() - len(own)
    said += [f"the {most} largest groups of {left + len(own)}"] if left else []
    ax.set_title("\n".join(said), fontsize=8.5, loc="left")
    return ax


def _whole(ax: Axes, result: Result, horizon: str) -> None:
    """The markout of all fills as a shade behind."""
    whole = result.table.set_index("term").loc[f"markout {horizon}"]
    if np.isfinite([whole["low"], whole["high"]]).all():
        ax.axvspan(whole["low"], whole["high"], color=QUIET, alpha=0.25, lw=0)
    ax.axvline(whole["estimate"], color=INK, lw=0.8, ls=":")
