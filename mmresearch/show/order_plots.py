"""Figures of orders: how long they live, what is cancelled over the day, depth that is illusory."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmresearch.estimate.illusory_depth import illusory_depth
from mmresearch.estimate.order_lifetimes import order_lifetimes
from mmresearch.estimate.result import Result
from mmresearch.market import Market
from mmresearch.measure.cancellations import cancellations
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

_LIVES = {
    "survival": (INK, "still standing"),
    "cancelled": (ACCENT, "cancelled"),
    "filled": (SECOND, "filled"),
}


def plot_lifetimes(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """Share of orders that still stand, were cancelled, were filled, by their age.

    Takes what `order_lifetimes` returned, or its lives and arguments. The dark shade holds each
    point, the light one a whole curve. The dotted line is the median life.
    """
    result = found if isinstance(found, Result) else order_lifetimes(found, **options)
    ax = _axes(ax, (6.4, 3.8))
    if "curve" not in result.details:
        return _refused(ax, result)
    curve = result.details["curve"]
    for measure, (colour, label) in _LIVES.items():
        own = curve[curve["measure"] == measure]
        x = own["seconds"]
        shade = {"color": colour, "lw": 0}
        ax.fill_between(x, own["joint_low"], own["joint_high"], alpha=0.13, **shade)
        ax.fill_between(x, own["low"], own["high"], alpha=0.3, **shade)
        ax.plot(x, own["estimate"], lw=1.4, color=colour, label=label)
    median = result.quantities["median_life"]
    if median.identified:
        ax.axvline(median.value, color=QUIET, lw=1, ls=":")
    ax.set_xscale("log")
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("seconds since the order was added")
    ax.set_ylabel(result.unit)
    ax.legend(frameon=False, fontsize=8)
    said = [str(result.quantities[name]) for name in ("median_life", "fleeting_share")]
    return _titled(ax, said)


def plot_cancellations(
    found: pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """Depth pulled a second over the day, all and at the touch, and the share of it in what goes.

    Takes the table of `cancellations`, or a market and its arguments. Bars of several days and
    symbols are averaged by the time of day. Right: pulled over pulled and filled.
    """
    bars = cancellations(found, **options) if isinstance(found, Market) else found
    if bars["time_of_day"].isna().all():
        raise ValueError("the bars have no time of day: their calendar has no clock")
    ax = _axes(ax, (8, 3.4))
    seconds = (bars["end"] - bars["start"]).dt.total_seconds()
    units = bars.assign(gone=bars["pulled"] + bars["filled"] + bars["unseen_filled"], long=seconds)
    columns = ["pulled", "pulled_at_touch", "gone", "long"]
    total = units.groupby("time_of_day")[columns].sum(min_count=1)
    hours = total.index.to_numpy() / 3600
    share = total["pulled"] / total["gone"].where(total["gone"] > 0)
    ax.plot(hours, total["pulled"] / total["long"], lw=1.1, color=ACCENT, label="pulled")
    touch = total["pulled_at_touch"] / total["long"]
    if touch.notna().any() and not np.allclose(touch, total["pulled"] / total["long"]):
        ax.plot(hours, touch, lw=1.1, color=INK, label="pulled at the touch")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("hours since the open")
    ax.set_ylabel("units a second")
    right = ax.twinx()
    right.plot(hours, share, ".", ms=2.5, color=SECOND, label="share pulled (right)")
    right.set_ylim(0, 1)
    right.set_ylabel("pulled of all that left")
    lines = [*ax.lines, *right.lines]
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 3}
    names = [line.get_label() for line in lines]
    ax.legend(lines, names, frameon=False, fontsize=8, markerscale=3, **below)
    rate = bars["cancelled"].sum() / bars["added"].sum() if bars["added"].sum() else np.nan
    days = bars["day"].nunique()
    said = f"{100 * rate:.1f} % of the units added were cancelled; {days} day{'s' * (days > 1)}"
    return _titled(ax, [said])


def plot_illusory(
    found: Result | Market | Mapping[str, Result], *, ax: Axes | None = None, **options: Any
) -> Axes:
    """Of the depth shown what is gone when an aggressor arrives, and in any wait as long.

    Takes what `illusory_depth` returned, results by name (say, by lag) to stand side by side, or a
    market and its arguments.
    """
    if isinstance(found, Market):
        found = illusory_depth(found, **options)
    results = {"": found} if isinstance(found, Result) else dict(found)
    ax = _axes(ax, (6.4, 1.4 + 0.75 * len(results)))
    kinds = (("gone at arrivals", ACCENT, -0.17), ("gone at other moments", QUIET, 0.17))
    said = []
    for place, (name, result) in enumerate(results.items()):
        said.append(f"{name}: ".removeprefix(": ") + str(result.quantities["illusory_share"]))
        table = result.table.set_index("term")
        for term, colour, away in kinds if len(table) else ():
            row = table.loc[term]
            reach = [[row["estimate"] - row["low"]], [row["high"] - row["estimate"]]]
            about = {"height": 0.3, "color": colour, "ecolor": INK, "error_kw": {"lw": 1.1}}
            label = term if not place else None
            ax.barh(place + away, row["estimate"], xerr=reach, label=label, **about)
    ax.set_yticks(range(len(results)), list(results))
    ax.set_ylim(len(results) - 0.4, -0.6)
    ax.set_xlim(left=0)
    ax.set_xlabel("share of the depth shown that is gone")
    if ax.patches:
        ax.legend(frameon=False, fontsize=8)
    return _titled(ax, said)


def _refused(ax: Axes, result: Result) -> Axes:
    ax.set_axis_off()
    why = textwrap.fill(result.errors.removeprefix("none: "), 70)
    ax.text(0.5, 0.5, f"not told: {why}", ha="center", va="center", transform=ax.transAxes)
    return ax


def _titled(ax: Axes, said: list[str]) -> Axes:
    ax.set_title("\n".join(textwrap.fill(text, 95) for text in said), fontsize=8.5, loc="left")
    return ax
