"""Figures of depth: over the day, what a size costs, how it comes back, and how often in time."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmresearch.estimate.resiliency import resiliency
from mmresearch.estimate.result import Result
from mmresearch.market import Market
from mmresearch.measure.depth import depth
from mmresearch.measure.slippage import slippage
from mmresearch.show.plots import _COLOURS, ACCENT, INK, QUIET, SECOND, _axes, _words_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TOLD = 0.95  # of the bars: a mean over fewer is one of chosen moments, and may fall with size
_ODD = {"locked": "#c9a227", "crossed": SECOND, "one_sided": "#7a4fa3"}
_ODD |= {"unquoted": QUIET, "halted": INK}


def plot_depth(data: pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any) -> Axes:
    """Depth over the time of day: at the best price and within each distance that is known.

    Takes a table of `depth`, or a market and that function's arguments. Of several days the median
    of each time of day, the middle half of them shaded. Strips below show the share of time that
    was not ordinary, in its colour, where it is more than a hundredth.
    """
    bars = depth(data, **options) if isinstance(data, Market) else data
    ax = _axes(ax, (7.2, 3.6))
    hours = (bars["time_of_day"] / 3600).round(6)
    names = [c for c in bars if c == "depth" or c.startswith("depth_")]
    quoted = max(int(bars["depth"].notna().sum()), 1)  # the best price is shown whenever it stands
    told = [c for c in names if bars[c].notna().sum() >= _TOLD * quoted and bars[c].notna().any()]
    for colour, name in zip(_COLOURS, told, strict=False):
        by = bars[name].groupby(hours)
        middle = by.median()
        if len(set(bars["day"])) > 1:
            ax.fill_between(
                middle.index, by.quantile(0.25), by.quantile(0.75), color=colour, alpha=0.2, lw=0
            )
        label = "at the best price" if name == "depth" else f"within {name[6:-3]} bps"
        ax.plot(middle.index, middle, lw=1.1, color=colour, label=label)
    values = bars[told or names].to_numpy("float64")
    if len(told) > 1 and np.nanmin(values) > 0 and np.nanmax(values) > 30 * np.nanmin(values):
        ax.set_yscale("log")
    else:
        ax.set_ylim(0)
    _strips(ax, bars, hours)
    ax.set_xlabel("hours since the open")
    ax.set_ylabel("units on a side")
    hidden = [f"{c[6:-3]} bps" for c in names if c not in told and c != "depth"]
    said = f"not known within {', '.join(hidden)}: the levels shown end nearer" if hidden else ""
    said = said if told else "no size stands at the best price at any time"
    ax.set_title(textwrap.fill(said, 90), fontsize=8.5, loc="left")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=8)
    return ax


def plot_slippage(data: pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any) -> Axes:
    """What orders of each size cost beyond the mid, bought and sold.

    Takes a table of `slippage` of a market, or a market and that function's arguments. Dots are the
    mean of the bars, the shade their middle half. Sizes that the levels shown do not fill through
    95 % of the bars have no cost: the share of time that fills them stands at the foot.
    """
    bars = slippage(data, **options) if isinstance(data, Market) else data
    ax = _axes(ax, (6.4, 3.6))
    sizes = np.sort(bars["size"].unique())
    drawn = 0
    # smaller dots on larger: both cost the same where only the best price is known
    for colour, name, ms in zip((ACCENT, SECOND), ("buy", "sell"), (7, 3.5), strict=True):
        by = bars[f"{name}_bps"].groupby(bars["size"])
        told = by.count() >= _TOLD * by.size()
        shown = by.mean()[told]
        drawn += len(shown)
        low, high = by.quantile(0.25)[told], by.quantile(0.75)[told]
        ax.fill_between(shown.index, low, high, color=colour, alpha=0.18, lw=0)
        ax.plot(shown.index, shown, "o-", ms=ms, lw=ms / 3, color=colour, label=name)
    filled = bars.groupby("size")[["buy_filled_share", "sell_filled_share"]].mean().min(axis=1)
    for x in sizes:
        if not (filled[x] >= 0.995):
            ax.annotate(
                f"{filled[x]:.0%}",
                (x, 0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                fontsize=7,
                color=QUIET,
                ha="center",
            )
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{x:g}" for x in sizes], fontsize=8)
    ax.minorticks_off()
    ax.set_xlim(sizes[0] / 1.3, sizes[-1] * 1.3)
    ax.set_ylim(0, 1.1 * ax.dataLim.y1 if drawn else None)  # a single dot stands whole
    ax.set_xlabel("size (units); in grey the share of time in which the levels shown fill it")
    ax.set_ylabel("cost beyond the mid (bps)")
    if not drawn:
        none = "no size is filled by the levels shown through 95 % of the bars"
        ax.text(0.5, 0.5, none, ha="center", transform=ax.transAxes, fontsize=9, color=QUIET)
    ax.legend(frameon=False, fontsize=8)
    return ax


def plot_recovery(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """The share of what a large trade took that is back, in the mean, with its bands.

    Takes what `resiliency` returned, or its events or market and arguments. The dark shade holds
    each point, the light one the whole path; the curve is the exponential, where one is told.
    """
    result = found if isinstance(found, Result) else resiliency(found, **options)
    ax = _axes(ax, (6.4, 3.6))
    if _refusal(ax, result, "recovered"):
        return ax
    path = result.details["path"]
    x = path["seconds"].to_numpy()
    band = {"color": ACCENT, "lw": 0}
    ax.fill_between(
        x, path["joint_low"], path["joint_high"], alpha=0.15, **band, label="whole path"
    )
    ax.fill_between(x, path["low"], path["high"], alpha=0.3, **band, label="each point")
    ax.plot(x, path["estimate"], "o-", ms=4, lw=1.2, color=ACCENT, label="recovered, mean")
    half, back = (result.quantities[n] for n in ("half_life", "returns"))
    if half.identified and back.identified:
        h = np.geomspace(x[0], x[-1], 200)
        shape = back.value * (1 - np.exp(-np.log(2) / half.value * h))
        ax.plot(h, shape, lw=1.2, ls="--", color=SECOND, label="exponential")
    ax.axhline(0, color=INK, lw=0.7)
    ax.axhline(1, color=INK, lw=0.7, ls=":")
    ax.set_xscale("log")
    ax.set_ylim(max(min(path["low"].min(), -0.1), -1.0), min(max(path["high"].max(), 1.1), 2.0))
    ax.set_xlabel("seconds after the trade")
    ax.set_ylabel("share of what was missing")
    said = [str(result.quantities[n]) for n in ("half_life", "half_back")]
    ax.set_title("\n".join(textwrap.fill(s, 92) for s in said), fontsize=8.5, loc="left")
    ax.legend(frameon=False, fontsize=8)
    return ax


def plot_recovery_times(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """How many large trades the book has recovered from within so long (Kaplan-Meier).

    Takes what `resiliency` returned, or its events or market and arguments. Events that were cut
    short are not counted as recovered or not. The dotted line is the share of the events that were
    seen to recover, which takes those cut short as never recovered.
    """
    result = found if isinstance(found, Result) else resiliency(found, **options)
    ax = _axes(ax, (6.4, 3.6))
    if _refusal(ax, result, "recovered_within"):
        return ax
    lives = result.details["survival"]
    x = np.maximum(lives["seconds"].to_numpy(), 1e-3)
    steps = {"step": "post", "color": ACCENT, "alpha": 0.25, "lw": 0}
    ax.fill_between(x, lives["low"], lives["high"], **steps, label="95 %")
    ax.step(x, lives["recovered"], where="post", lw=1.3, color=ACCENT, label="recovered")
    ended = result.details["ended"]["events"]
    naive = ended.get("recovered", 0) / ended.sum()
    ax.axhline(naive, color=QUIET, ls=":", lw=1.1, label="seen to recover")
    ax.axhline(0.5, color=INK, lw=0.6, ls="--")
    ax.set_xscale("log")
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("seconds after the trade")
    ax.set_ylabel("share of large trades")
    said = [str(result.quantities[n]) for n in ("median_recovery", "recovered_within")]
    ax.set_title("\n".join(textwrap.fill(s, 92) for s in said), fontsize=8.5, loc="left")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _strips(ax: Axes, bars: pd.DataFrame, hours: pd.Series) -> None:
    """The share of time that was not ordinary, as dots along the foot."""
    for name, colour in _ODD.items():
        share = bars[f"{name}_share"].groupby(hours).mean()
        share = share[share > 0.01]
        if len(share):
            ax.scatter(
                share.index,
                np.full(len(share), 0.02),
                s=40 * share,
                color=colour,
                transform=ax.get_xaxis_transform(),
                label=f"{name.replace('_', '-')} (share of time: size)",
                clip_on=False,
            )


def _refusal(ax: Axes, result: Result, name: str) -> bool:
    """Say why where there is nothing to draw."""
    if "path" in result.details and len(result.details["path"]):
        return False
    _words_only(ax, str(result.quantities[name]))
    return True
