"""Figures of what the price does after flow: responses by horizon, impact of single trades."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmresearch.estimate.projection import local_projection
from mmresearch.estimate.propagator import propagator
from mmresearch.estimate.result import Result
from mmresearch.show.plots import _COLOURS, ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mmresearch.market import Market


def plot_projection(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """The response by horizon: pointwise interval dark, joint band light, what stays and what not.

    Takes what `local_projection` returned, or its data and arguments. The dashed line is the
    response to flow as it is, expected part included. The level at the largest horizon is drawn
    across, and what is above it at the peak marked as transitory, where that is told from 0. With
    `by=` regimes are lines with error bars instead.
    """
    result = found if isinstance(found, Result) else local_projection(found, **options)
    ax = _axes(ax, (6.4, 4.0))
    ax.axhline(0, color=QUIET, lw=0.7)
    shape = [result.quantities[name] for name in ("permanent", "transitory_share")]
    ax.set_title("\n".join(textwrap.fill(str(q), 88) for q in shape), fontsize=8.5, loc="left")
    unit, _, step = result.unit.partition("; horizons in ")
    ax.set_xlabel(f"horizon ({step} after the flow's own)")
    ax.set_ylabel("response of the mid\n" + "\n".join(textwrap.wrap(f"({unit})", 42)))
    if "by" in result.details:
        _regimes(ax, result.details["by"])
    elif "response" in result.details:
        _curve(ax, result.details["response"])
        _split(ax, result)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=8)
    return ax


def _curve(ax: Axes, table: pd.DataFrame) -> None:
    x, band = table["horizon"], {"color": ACCENT, "lw": 0}
    ax.fill_between(x, table["joint_low"], table["joint_high"], alpha=0.15, label="joint", **band)
    ax.fill_between(x, table["low"], table["high"], alpha=0.3, label="pointwise", **band)
    ax.plot(x, table["estimate"], "o-", ms=3, lw=1.3, color=ACCENT, label="unexpected flow")
    ax.plot(x, table["raw"], "--", lw=1, color=SECOND, label="flow as it is")


def _split(ax: Axes, result: Result) -> None:
    """The level that stays, and what is above it at the peak."""
    table = result.details["response"]
    peak = table.loc[table["estimate"].abs().idxmax()]
    stays = result.quantities["permanent"].value
    ax.plot(table["horizon"].iloc[[0, -1]], [stays, stays], ":", lw=1, color=INK)
    share = result.quantities["transitory_share"]
    if share.identified and share.low > 0:
        ends = {"xy": (peak["horizon"], stays), "xytext": (peak["horizon"], peak["estimate"])}
        ax.annotate("", **ends, arrowprops={"arrowstyle": "<->", "color": INK, "lw": 0.8})
        middle = (peak["estimate"] + stays) / 2
        offset = {"xytext": (5, 0), "textcoords": "offset points"}
        ax.annotate("transitory", (peak["horizon"], middle), fontsize=8, va="center", **offset)


def _regimes(ax: Axes, table: pd.DataFrame) -> None:
    names = table["regime"].unique()
    width = np.diff(np.unique(table["horizon"]), prepend=-1).min() * 0.4
    for k, name in enumerate(names):
        part = table[table["regime"] == name]
        x = part["horizon"] + width * ((k + 0.5) / len(names) - 0.5)
        reach = part["high"] - part["estimate"]
        style = {"fmt": "o-", "ms": 3, "lw": 1, "color": _COLOURS[k % len(_COLOURS)]}
        label = f"{name} ({part['n'].iloc[0]:,})"
        ax.errorbar(x, part["estimate"], reach, label=label, **style)


def plot_propagator(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """The impact of one trade by lag, beside the mean move after a trade and the sides' memory.

    Takes what `propagator` returned, or its trades and arguments. G with its pointwise interval and
    joint band; R, which holds what later trades of the same side do too, and as dots what G and
    the memory C make of it; C on the right axis. Lags stand at 1 + lag on a logarithmic axis.
    """
    result = found if isinstance(found, Result) else propagator(found, **options)
    ax = _axes(ax, (6.4, 4.0))
    ax.axhline(0, color=QUIET, lw=0.7)
    named = ("share_left", "decay", "memory", "excess_decay")
    said = [textwrap.fill(str(result.quantities[name]), 92) for name in named]
    ax.set_title("\n".join(dict.fromkeys(said)), fontsize=8, loc="left")
    ax.set_xlabel("1 + lag (trades)")
    ax.set_ylabel("move of the mid (bps a trade)")
    if "propagator" in result.details:
        _impact(ax, result.details["propagator"])
    return ax


def _impact(ax: Axes, table: pd.DataFrame) -> None:
    x, band = 1 + table["lag"], {"color": ACCENT, "lw": 0}
    ax.fill_between(x, table["joint_low"], table["joint_high"], alpha=0.15, **band)
    ax.fill_between(x, table["low"], table["high"], alpha=0.3, **band)
    ax.plot(x, table["G"], "o-", ms=3, lw=1.3, color=ACCENT, label="G: one trade")
    ax.plot(x, table["R"], "--", lw=1.2, color=SECOND, label="R: after a trade")
    ax.plot(x, table["R_implied"], ".", ms=5, color=SECOND, label="R that G and C imply")
    ax.set_xscale("log")
    right = ax.twinx()
    right.spines[["top"]].set_visible(False)
    right.tick_params(labelsize=8)
    right.plot(
        x[1:], table["C"].iloc[1:], ":", lw=1.2, color=INK, label="C: memory of sides (right)"
    )
    right.set_ylabel("autocorrelation of sides")
    right.set_ylim(min(0.0, 1.1 * table["C"].min()), 1.0)
    lines = [*ax.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 2}
    ax.legend(handles=lines, frameon=False, fontsize=8, **place)
