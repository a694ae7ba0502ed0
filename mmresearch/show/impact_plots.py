"""Figures of price impact: slopes by group, parts of the variance, the law of large orders."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmresearch.estimate.impact_law import impact_law
from mmresearch.estimate.price_impact import price_impact
from mmresearch.estimate.result import Result
from mmresearch.estimate.revision_gmm import PARTS
from mmresearch.estimate.trade_indicator import trade_indicator
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mmresearch.market import Market

_WIDE = 88
_PARTS = {
    "public_news": ("news that no\ntrade told", INK),
    "rounding": ("rounding", QUIET),
    "trade_information": ("surprise\nof trades", ACCENT),
    "trading_costs": ("bounce", SECOND),
    "both": ("surprise with\nbounce", "#7a4fa3"),
}


def plot_impact(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """Slopes by group or hour, or the spread and its adverse part by size, with their intervals.

    Takes what `price_impact` returned, or its data and arguments. With `by=` points are the groups'
    slopes, the shade the slope of all; of Glosten and Harris without `by=` the lines are the
    effective spread and the part of it that stays, by the size of the trade.
    """
    result = found if isinstance(found, Result) else price_impact(found, **options)
    ax = _axes(ax, (6.4, 4.0))
    ax.axhline(0, color=QUIET, lw=0.7)
    _title(ax, result, ("slope",) if "slope" in result.quantities else ("z1", "adverse_share"))
    details = result.details
    if "groups" in details:
        groups = details["groups"].set_index("group")
        _slopes(ax, groups["estimate"], groups["low"], groups["high"])
        _all(ax, result, "slope")
        ax.set_ylabel("\n".join(textwrap.wrap(f"slope ({result.unit})", 42)))
        _tested(ax, details["equality"])
    elif "hours" in details:
        hours = details["hours"]
        if "z1" in hours:
            _slopes(ax, hours["z1"], hours["z1_low"], hours["z1_high"])
            _tested(ax, details["equality"])
        _all(ax, result, "z1")
        ax.set_xlabel(hours.index.name)
        ax.set_ylabel("\n".join(textwrap.wrap(f"z1 ({result.quantities['z1'].unit})", 42)))
    elif "sizes" in details:
        _by_size(ax, details["sizes"])
        ax.set_ylabel(result.quantities["spread"].unit)
        ax.set_xlabel(f"size of the trade ({result.unit.rpartition('per ')[2]})")
    elif "slope" in result.quantities and result.quantities["slope"].identified:
        slope = result.quantities["slope"]
        _slopes(ax, *(pd.Series([v], ["all"]) for v in (slope.value, slope.low, slope.high)))
        ax.set_ylabel("\n".join(textwrap.wrap(f"slope ({result.unit})", 42)))
    return ax


def plot_variance(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """What price changes are made of: shares of their variance, with intervals.

    Takes what `trade_indicator` returned, or its data and arguments. The shares add up to one; a
    share below 0 is drawn as it is.
    """
    result = found if isinstance(found, Result) else trade_indicator(found, **options)
    ax = _axes(ax, (6.4, 3.6))
    told = [result.quantities[name] for name in PARTS]
    _title(ax, result, ("theta", "adverse_share"))
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.set_ylabel("share of the variance of price changes")
    if not all(np.isfinite(q.value) for q in told):
        return ax
    place = np.arange(len(told))
    value = np.array([q.value for q in told])
    ax.bar(place, value, color=[_PARTS[name][1] for name in PARTS], width=0.62, alpha=0.85)
    reach = np.array([[q.value - q.low, q.high - q.value] for q in told]).T
    ax.errorbar(place, value, reach, fmt="none", color=INK, lw=1, capsize=3)
    for x, q in zip(place, told, strict=True):
        top = max(q.high, 0)
        ax.annotate(f"{q.value:.0%}", (x, top), (0, 3), textcoords="offset points", ha="center")
    ax.set_xticks(place, [_PARTS[name][0] for name in PARTS], fontsize=8)
    ax.margins(y=0.14)
    return ax


def plot_impact_law(
    found: Result | pd.DataFrame, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """Mean impact of orders by size, with 95 % intervals of the means, and the fitted law.

    Takes what `impact_law` returned, or orders and its arguments. Sizes on a log scale, impacts
    not: means below 0 are shown. The dashed line is the law that logs of single orders give.
    """
    result = found if isinstance(found, Result) else impact_law(found, **options)
    ax = _axes(ax, (6.4, 4.0))
    ax.axhline(0, color=QUIET, lw=0.7)
    _title(ax, result, ("delta", "prefactor"))
    ax.set_xlabel("size of the order, share of the session's volume")
    ax.set_ylabel("impact, in the session's volatilities")
    if "bins" not in result.details:
        return ax
    bins = result.details["bins"]
    style = {"fmt": "o", "ms": 4, "lw": 1, "color": ACCENT}
    ax.errorbar(bins["size"], bins["impact"], 1.96 * bins["std_error"], label="means", **style)
    size = np.geomspace(bins["size"].iloc[0], bins["size"].iloc[-1], 81)
    first, delta = (result.quantities[name].value for name in ("prefactor", "delta"))
    ax.plot(size, first * size**delta, color=INK, lw=1.3, label=f"law, exponent {delta:.2f}")
    naive = result.details["traps"]["delta"].iloc[1]
    middle = float(np.exp(np.log(bins["size"]).mean()))
    flat = first * middle**delta * (size / middle) ** naive
    label = f"exponent of logs, {naive:.2f}"
    ax.plot(size, flat, "--", color=SECOND, lw=1, label=label)
    ax.set_xscale("log")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _title(ax: Axes, result: Result, names: tuple[str, ...]) -> None:
    said = [textwrap.fill(str(result.quantities[n]), _WIDE) for n in names]
    ax.set_title("\n".join(said), fontsize=8.5, loc="left")


def _slopes(ax: Axes, value: pd.Series, low: pd.Series, high: pd.Series) -> None:
    place = np.arange(len(value))
    reach = np.array([value - low, high - value], dtype="float64")
    ax.errorbar(place, value.astype("float64"), reach, fmt="o", ms=5, lw=1.2, color=ACCENT)
    names = [str(name).removeprefix("hour ") for name in value.index]
    ax.set_xticks(place, names, fontsize=8)
    if any(str(name).startswith("hour ") for name in value.index):
        ax.set_xlabel("hour of the session")
    ax.set_xlim(-0.6, len(value) - 0.4)


def _all(ax: Axes, result: Result, name: str) -> None:
    """The one slope of all as a shade behind."""
    whole = result.quantities[name]
    if whole.identified:
        ax.axhspan(whole.low, whole.high, color=QUIET, alpha=0.25, lw=0)
        ax.axhline(whole.value, color=INK, lw=0.8, ls=":")


def _tested(ax: Axes, test: pd.DataFrame) -> None:
    p = test["p"].iloc[0]
    said = "no test that they are one" if np.isnan(p) else f"one for all: p = {p:.2g}"
    ax.annotate(said, (0.98, 0.03), xycoords="axes fraction", ha="right", fontsize=8)


def _by_size(ax: Axes, sizes: pd.DataFrame) -> None:
    x, band = sizes["size"], {"alpha": 0.2, "lw": 0}
    ax.plot(x, sizes["spread"], "o-", ms=4, color=INK, label="effective spread")
    ax.fill_between(x, sizes["spread_low"], sizes["spread_high"], color=INK, **band)
    whole = sizes["spread"]
    ax.plot(x, whole * sizes["adverse_share"], "o-", ms=4, color=ACCENT, label="of it stays")
    ends = (whole * sizes[f"adverse_share_{end}"] for end in ("low", "high"))
    ax.fill_between(x, *ends, color=ACCENT, **band)
    ax.set_xscale("log")
    ax.legend(frameon=False, fontsize=8)
