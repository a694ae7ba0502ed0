"""Figures of where prices come from: what a trade tells, and which venue is first."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from mmresearch.estimate.information_share import information_share
from mmresearch.estimate.result import Result
from mmresearch.estimate.trade_quote_var import trade_quote_var
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from mmresearch.market import Market

_BAR = {"lw": 7, "color": ACCENT, "alpha": 0.45, "solid_capstyle": "butt"}


def plot_trade_response(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """How far the mid has moved by the trades since an unexpected purchase, and where it ends.

    Takes what `trade_quote_var` returned, or that function's trades and arguments. The dark shade
    is each point's interval, the light one holds the whole path; on the right stands the permanent
    response. One that is not identified is not drawn, and the title says why.
    """
    result = found if isinstance(found, Result) else trade_quote_var(found, **options)
    ax = _axes(ax, (6.4, 3.8))
    permanent = result.quantities["permanent"]
    if "response" in result.details:
        path = result.details["response"]
        ax.fill_between(path.index, path["band_low"], path["band_high"], color=ACCENT, alpha=0.12)
        ax.fill_between(path.index, path["low"], path["high"], color=ACCENT, alpha=0.25, lw=0)
        ax.plot(path.index, path["cumulative"], color=ACCENT, lw=1.4, label="response so far")
        if permanent.identified:
            _level(ax, result, end=1.08 * path.index[-1])
        ax.legend(frameon=False, fontsize=8)
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.set_xlabel("trades after it")
    ax.set_ylabel(result.unit.partition(";")[0])
    said = [permanent, result.quantities["trade_share"]]
    ax.set_title(
        "\n".join(textwrap.fill(str(quantity), 90) for quantity in said), fontsize=8.5, loc="left"
    )
    return ax


def _level(ax: Axes, result: Result, *, end: float) -> None:
    """The permanent response as a line, its interval at the right."""
    permanent = result.quantities["permanent"]
    below, above = permanent.value - permanent.low, permanent.high - permanent.value
    ax.axhline(permanent.value, color=SECOND, lw=1, ls="--", label="permanent")
    ax.errorbar(end, permanent.value, [[below], [above]], fmt="o", ms=4, lw=1.2, color=SECOND)
    immediate = result.quantities["immediate"]
    ax.plot(0, immediate.value, "o", ms=4, color=INK, label="before the next trade")


def plot_information_share(
    found: Result | pd.DataFrame | Market | Mapping[str, Market],
    *,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """The share of each venue: a thick bar from bound to bound, thin lines to their intervals.

    Takes what `information_share` returned, or that function's prices and arguments. The point is
    the midpoint, the diamond the component share with its interval.
    """
    result = found if isinstance(found, Result) else information_share(found, **options)
    bounds = result.details.get("bounds")
    ax = _axes(ax, (6.4, 1.6 + 0.5 * (0 if bounds is None else len(bounds))))
    if bounds is None:
        ax.set_title(textwrap.fill(result.errors, 90), fontsize=8.5, loc="left")
        ax.set_yticks([])
        return ax
    for place, (_, row) in enumerate(bounds.iloc[::-1].iterrows()):
        ax.plot([row["lowest_low"], row["highest_high"]], [place] * 2, lw=1.2, color=ACCENT)
        ax.plot([row["lowest"], row["highest"]], [place] * 2, **_BAR)
        ax.plot(row["midpoint"], place, "o", ms=5, color=INK, label="midpoint of the bounds")
        ends = [
            [row["component"] - row["component_low"]],
            [row["component_high"] - row["component"]],
        ]
        own = {"fmt": "D", "ms": 4, "lw": 0.9, "color": SECOND, "label": "component share"}
        ax.errorbar(row["component"], place - 0.25, xerr=ends, **own)
    ax.set_yticks(range(len(bounds)), bounds.index[::-1])
    ax.set_ylim(-0.6, len(bounds) - 0.5)
    for edge in (0, 1):
        ax.axvline(edge, color=QUIET, lw=0.7)
    ax.set_xlabel("share of the common price's news (bar: bounds by ordering, line: interval)")
    handles, names = ax.get_legend_handles_labels()
    first = dict(zip(names, handles, strict=True))
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2}
    ax.legend(first.values(), first.keys(), frameon=False, fontsize=8, **place)
    return ax
