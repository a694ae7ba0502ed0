"""Figures of what the flow of orders does to the price."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresearch.estimate.ofi_impact import ofi_impact
from mmresearch.estimate.result import Quantity, Result
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from mmresearch.market import Market

_R2 = {
    "r2_both": ("both", QUIET, "s"),
    "r2": ("order flow", ACCENT, "o"),
    "r2_trades": ("trades", SECOND, "^"),
}


def plot_ofi(
    found: pd.DataFrame | Market | Result,
    *,
    what: str = "curve",
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """Moves of the mid by order flow, R2 by time of day, or slope by depth.

    Takes what `ofi_impact` returned, or a market or table and that function's arguments.

    Parameters
    ----------
    found : Result, Market or DataFrame
    what : str
        "curve": means of twenty bins of equally many bars, and the line of all bars with its
        interval. "r2": of each block by order flow, by trades and by both, by its time; of several
        days the mean. "depth": each block's slope with its 95 % interval by its depth, with the
        line fitted and, in ticks, 1/(2 depth).
    ax : Axes, optional
    **options
        Of `ofi_impact`.
    """
    drawn = {"curve": _curve, "r2": _r2, "depth": _depth}
    if what not in drawn:
        raise ValueError(f"what must be one of {', '.join(drawn)}, not {what!r}")
    result = found if isinstance(found, Result) else ofi_impact(found, **options)
    ax = _axes(ax, (6.4, 4.0))
    told = drawn[what](ax, result)
    said = [textwrap.fill(str(result.quantities[name]), 90) for name in told]
    ax.set_title("\n".join(said), fontsize=8.5, loc="left")
    return ax


def _curve(ax: Axes, result: Result) -> Sequence[str]:
    unit = result.unit.split()[0]
    ax.set_xlabel("order flow imbalance of a bar (units, + pressure to buy)")
    ax.set_ylabel(f"move of the mid ({unit})")
    ax.axhline(0, color=QUIET, lw=0.7)
    slope = result.quantities["slope"]
    if slope.identified:
        bins = result.details["bins"]
        ax.plot(bins["ofi"], bins["move"], "o", ms=4, color=ACCENT)
        _line(ax, bins, slope)
    return ["slope", "r2"] if slope.identified else ["slope"]


def _line(ax: Axes, bins: pd.DataFrame, slope: Quantity) -> None:
    """Through the mean of all bars, shaded to the slope's interval."""
    weight = bins["bars"] / bins["bars"].sum()
    middle, height = (weight * bins["ofi"]).sum(), (weight * bins["move"]).sum()
    reach = np.linspace(bins["ofi"].min(), bins["ofi"].max(), 41)
    away = reach - middle
    ax.plot(reach, height + slope.value * away, color=INK, lw=1.2)
    band = [height + b * away for b in (slope.low, slope.high)]
    ax.fill_between(reach, *band, color=INK, alpha=0.12, lw=0)


def _r2(ax: Axes, result: Result) -> Sequence[str]:
    ax.set_ylabel("R² within the block")
    ax.set_xlabel("block begins (UTC)")
    ax.set_ylim(0, 1)
    if "by_time" in result.details:
        table = result.details["by_time"]
        place = np.arange(len(table))
        for name, (label, colour, mark) in _R2.items():
            if table[name].notna().any():
                ax.plot(place, table[name], marker=mark, ms=4, lw=1, color=colour, label=label)
        step = max(len(table) // 8, 1)
        ax.set_xticks(place[::step], table["starts_utc"].iloc[::step])
        ax.legend(frameon=False, fontsize=8)
    return ["r2", "r2_trades"]


def _depth(ax: Axes, result: Result) -> Sequence[str]:
    unit = result.unit.split()[0]
    ax.set_xlabel("depth: mean size of a whole level (units)")
    ax.set_ylabel(f"slope ({unit} a unit)")
    blocks = result.details.get("blocks")
    if blocks is None:
        return ["depth_exponent"]
    blocks = blocks[(blocks["slope"] > 0) & blocks["depth"].gt(0)]
    if not len(blocks):
        return ["depth_exponent"]
    reach = np.array([blocks["depth"].min(), blocks["depth"].max()])
    low = np.minimum(1.96 * blocks["std_error"], 0.95 * blocks["slope"])  # the scale has no 0
    error = [low, 1.96 * blocks["std_error"]]
    about = {"fmt": "o", "ms": 4, "lw": 0.8, "color": ACCENT, "alpha": 0.8}
    ax.errorbar(blocks["depth"], blocks["slope"], yerr=error, **about)
    if result.quantities["depth_exponent"].identified:
        const, lam = result.details["depth"]["estimate"].iloc[:2]
        ax.plot(reach, np.exp(const) * reach**-lam, color=INK, lw=1.2, label="fitted")
    if result.quantities["slope_times_two_depths"].identified:
        ax.plot(reach, 0.5 / reach, color=SECOND, lw=1, ls="--", label="1/(2 depth)")
    ax.set_xscale("log")
    ax.set_yscale("log")
    for which in (ax.xaxis.set_major_formatter, ax.xaxis.set_minor_formatter):
        which("{x:g}")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=8)
    return ["depth_exponent", "slope_times_two_depths"]
