"""Figures of signs and spreads: accuracy by location, spread kept by horizon."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from mmresearch.estimate.sign_errors import PLACES
from mmresearch.show.plots import _COLOURS, ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mmresearch.estimate.result import Result


def plot_sign_accuracy(found: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Share of signs that are right by location in the spread, a mark a rule, with intervals.

    Takes `sign_accuracy`'s table. The dashed line is what a coin gets. Under each location how many
    trades were there; a rule that signs none of them has no mark.
    """
    ax = _axes(ax, (7.2, 3.6))
    places = [name for name in PLACES if name in set(found["location"])]
    rules = list(dict.fromkeys(found["rule"]))
    step = 0.7 / max(len(rules), 1)
    colours = [*_COLOURS, INK]
    for number, rule in enumerate(rules):
        own = found[found["rule"] == rule].set_index("location").reindex(places)
        x = np.arange(len(places)) + step * (number - (len(rules) - 1) / 2)
        reach = np.abs(own[["low", "high"]].to_numpy().T - own["accuracy"].to_numpy())
        colour = colours[number % len(colours)]
        ax.errorbar(x, own["accuracy"], reach, fmt="o", ms=4, lw=1.2, color=colour, label=rule)
    count = found.groupby("location")["trades"].max()
    ax.set_xticks(range(len(places)), [f"{p}\n{count[p]:,}" for p in places], fontsize=8)
    ax.axhline(0.5, color=QUIET, lw=0.7, ls="--")
    ax.set_ylabel("share of signs that are right")
    ax.set_xlabel("where the price was, and trades there")
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1)}
    ax.legend(frameon=False, fontsize=8, ncols=len(rules), **above)
    return ax


def plot_spreads(result: Result, *, ax: Axes | None = None) -> Axes:
    """Realized spread and impact by horizon from `average_spreads`: intervals and joint bands.

    Bars are intervals of each mean, shades hold the whole curve; the line across is the effective
    spread, of which the two are the parts. Horizons in trades are drawn one after another.
    """
    if "curve" not in result.details:
        raise ValueError("several symbols in currency have no curve together: one, or unit='bps'")
    ax = _axes(ax, (6.4, 3.6))
    curve = result.details["curve"]
    clock = curve["seconds"].notna().all()
    for measure, colour in (("realized", ACCENT), ("impact", SECOND)):
        own = curve[curve["measure"] == measure]
        x = own["seconds"].to_numpy() if clock else np.arange(len(own))
        reach = np.abs(own[["low", "high"]].to_numpy().T - own["estimate"].to_numpy())
        ax.errorbar(x, own["estimate"], reach, fmt="o-", ms=4, lw=1.2, color=colour, label=measure)
        ax.fill_between(x, own["joint_low"], own["joint_high"], color=colour, alpha=0.15, lw=0)
    paid = result.table.loc[result.table["term"] == "effective"].iloc[0]
    ax.axhspan(paid["low"], paid["high"], color=INK, alpha=0.1, lw=0)
    ax.axhline(paid["estimate"], color=INK, lw=1, label="effective")
    ax.axhline(0, color=QUIET, lw=0.7)
    if clock:
        ax.set_xscale("log")
    ax.set_xticks(x, own["horizon"], fontsize=8)
    ax.minorticks_off()
    ax.set_xlabel("after the trade")
    ax.set_ylabel("full spread (bps)" if "basis" in result.unit else "full spread (currency)")
    ax.set_title(
        textwrap.fill(str(result.quantities["impact_share"]), 90), fontsize=8.5, loc="left"
    )
    ax.legend(frameon=False, fontsize=8)
    return ax
