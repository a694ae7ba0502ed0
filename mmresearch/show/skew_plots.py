"""Figures of quotes around inventory."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresearch.estimate.quote_skew import quote_skew
from mmresearch.estimate.result import Result
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mmresearch.estimate.result import Quantity

# outcome -> quantity, turn of the sign (a bid stands below the fair price), colour, label
_LINES = {
    "ask": ("ask_skew", 1, SECOND, "ask"),
    "lean": ("skew", 1, INK, "mid"),
    "bid": ("bid_skew", -1, ACCENT, "bid"),
}


def plot_skew(found: pd.DataFrame | Result, *, ax: Axes | None = None, **options: Any) -> Axes:
    """Quotes less the fair price by inventory: means of ten bins and the fitted lines.

    Takes what `quote_skew` returned, or a panel and that function's arguments. Points are means of
    equally many bars; lines go through the common mean with the slopes of bid, mid and ask and are
    shaded to the slopes' intervals. A slope that is not identified has no line, and the title says
    why. Points hold the controls, lines are beside them: with strong controls they may differ.
    """
    result = found if isinstance(found, Result) else quote_skew(found, **options)
    ax = _axes(ax, (6.4, 4.0))
    bins = result.details["bins"]
    unit = result.quantities["skew"].unit
    for name, (term, turn, colour, label) in _LINES.items():
        if len(bins) and bins[name].notna().all():
            ax.plot(bins["inventory"], turn * bins[name], "o", ms=4, color=colour, label=label)
            _line(ax, bins, name, result.quantities[term], turn, colour)
    ax.axhline(0, color=QUIET, lw=0.7)
    if len(bins):
        ax.legend(frameon=False, fontsize=8)
    ax.set_title(_title(result), fontsize=8.5, loc="left")
    _labels(ax, result, *unit.split(" a ", 1))
    return ax


def _title(result: Result) -> str:
    """The skew; where that is refused what came in the bar may still be answered."""
    said = [result.quantities["skew"]]
    response = result.quantities["response"]
    said += [response] if response.identified and not said[0].identified else []
    return "\n".join(textwrap.fill(str(quantity), 90) for quantity in said)


def _line(ax: Axes, bins: pd.DataFrame, name: str, slope: Quantity, turn: int, colour: str) -> None:
    """The fitted line through the mean of all bars, and its interval as a shade."""
    if not slope.identified:
        return
    weight = bins["rows"] / bins["rows"].sum()
    middle, height = (weight * bins["inventory"]).sum(), turn * (weight * bins[name]).sum()
    reach = np.array([bins["inventory"].min(), bins["inventory"].max()])
    away = turn * (reach - middle)
    ax.plot(reach, height + slope.value * away, color=colour, lw=1.2)
    ax.fill_between(
        np.linspace(*reach, 41),
        height + slope.low * np.linspace(*away, 41),
        height + slope.high * np.linspace(*away, 41),
        color=colour,
        alpha=0.15,
        lw=0,
    )


def _labels(ax: Axes, result: Result, unit: str, measure: str) -> None:
    held = {"unit": "units", "unit of currency": "currency", "sd": "its sd"}[measure]
    if "pool_price_is_mechanical" in result.flags:
        ax.set_xlabel(f"flow into the pool in the bar ({held})")
        ax.set_ylabel(f"change of the pool's price ({unit})")
        return
    ax.set_xlabel(f"inventory ({held}, + long)")
    market = "lean_of_the_markets_sizes" in result.flags
    ax.set_ylabel(
        f"mid less weighted mid ({unit})" if market else f"quote less fair price ({unit})"
    )
