"""Figures of price pressure: its half-life beside inventory's, both orderings, every placebo."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mmresearch.estimate.result import Result
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mmresearch.estimate.result import Quantity

_LIVES = {"half_life": ("inventory", ACCENT), "price_half_life": ("in prices", SECOND)}
_ORDERINGS = {"flow first": ACCENT, "return first": SECOND}


def plot_pressure_half_life(
    found: Result | Mapping[str, Result], *, ax: Axes | None = None
) -> Axes:
    """Half-life of inventory beside that of its pressure in prices, with 95 % intervals.

    Takes what `price_pressure(method="state_space")` returned, or several by name. In the model the
    two are one; the title says where no value is in both intervals. An interval without an upper
    end is an arrow. The axis is logarithmic, in the unit of the first result.
    """
    named = {"": found} if isinstance(found, Result) else dict(found)
    missing = [n for n, one in named.items() if not _LIVES.keys() <= one.quantities.keys()]
    if missing or not named:
        raise ValueError("a result of price_pressure(method='state_space') is needed")
    ax = _axes(ax, (6.4, 1.4 + 0.7 * len(named)))
    rows = [(n, key) for n in named for key in _LIVES]
    most = max([_top(named[n].quantities[key]) for n, key in rows], default=1.0)
    for place, (name, key) in enumerate(reversed(rows)):
        word, colour = _LIVES[key]
        _interval(ax, place, named[name].quantities[key], colour, 4 * most)
        ax.text(-0.01, place, f"{name} {word}".strip(), **_beside(ax), fontsize=8)
    ax.set_yticks([])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xscale("log")
    unit = next(iter(named.values())).quantities["price_half_life"].unit
    ax.set_xlabel(f"half-life ({unit})")
    said = [_agreement(n, one) for n, one in named.items()]
    title = "\n".join(textwrap.fill(line, 90) for line in said)
    ax.set_title(title, fontsize=8.5, loc="left")
    return ax


def plot_causality(result: Result, *, ax: Axes | None = None) -> Axes:
    """The price after a unit of flow under both orderings, and flow's effect by transfers.

    Takes what `inventory_causality` returned. Bands are point by point. Where the two lines part
    the data do not say which moved first within a bar.
    """
    if "responses" not in result.details:
        raise ValueError("a result of inventory_causality is needed")
    ax = _axes(ax, (6.4, 3.6))
    paths = result.details["responses"]
    paths = paths[paths["of"] == "price"]
    for name, colour in _ORDERINGS.items():
        path = paths[paths["ordering"] == name]
        ax.plot(path["horizon"], path["response"], "o-", ms=3, lw=1.2, color=colour, label=name)
        ax.fill_between(path["horizon"], path["low"], path["high"], color=colour, alpha=0.15, lw=0)
    effect = result.quantities["by_transfers"]
    if effect.identified:
        reach = [[effect.value - effect.low], [effect.high - effect.value]]
        style = {"fmt": "s", "ms": 5, "color": INK, "label": "by transfers, in the bar"}
        ax.errorbar([-0.25], [effect.value], np.abs(reach), **style)
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.set_xlabel("bars after the shock")
    ax.set_ylabel(f"price ({result.unit.partition(';')[0].removeprefix('return in ')})", fontsize=8)
    ax.legend(frameon=False, fontsize=8)
    said = [result.quantities[q] for q in ("flow_causes_price_p", "price_causes_flow_p")]
    said = [f"{q.name} {q.value:.3g}" for q in said]
    if not effect.identified:
        said.append(f"by transfers: not identified, {effect.reason}")
    ax.set_title("\n".join(textwrap.fill(s, 90) for s in said), fontsize=8.5, loc="left")
    return ax


def plot_placebos(placebo: Result, *, term: str = "total", ax: Axes | None = None) -> Axes:
    """The real estimate and each placebo with its interval: led, other makers, shuffled.

    Takes what `inventory_placebo` returned; term is "total" or "pressure". Placebos should hold
    zero, but for another maker's alone, which common flow moves.
    """
    table = placebo.table
    rows = table[(table["term"] == term) | table["term"].str.startswith(f"{term}, ")]
    if rows.empty:
        raise ValueError(f"term must be total or pressure, not {term!r}")
    ax = _axes(ax, (6.4, 1.0 + 0.34 * len(rows)))
    for place, row in enumerate(rows.iloc[::-1].itertuples()):
        colour = SECOND if row.term == term else ACCENT
        word = "real" if row.term == term else row.term.removeprefix(f"{term}, ")
        ax.plot([row.low, row.high], [place, place], color=colour, lw=1.6)
        ax.plot(row.estimate, place, "o", ms=5, color=colour)
        ax.text(-0.01, place, word, **_beside(ax), fontsize=8)
    ax.axvline(0, color=QUIET, lw=0.7)
    ax.set_yticks([])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlabel(f"{term} ({placebo.unit})")
    return ax


def _beside(ax: Axes) -> dict:
    """Text to the left of the axis, at the height of a row."""
    return {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center"}


def _top(quantity: Quantity) -> float:
    known = [v for v in (quantity.low, quantity.value, quantity.high) if np.isfinite(v) and v > 0]
    return max(known, default=1.0)


def _interval(ax: Axes, place: int, quantity: Quantity, colour: str, end: float) -> None:
    """The interval as a line, to an arrow where it has no end; no point where not identified."""
    low, high = quantity.low, quantity.high
    if np.isnan(low) and np.isnan(high):
        return
    smallest = end / 1e4
    left = max(low, smallest) if np.isfinite(low) else smallest
    right = high if np.isfinite(high) else end
    ax.plot([left, right], [place, place], color=colour, lw=1.6)
    if not np.isfinite(high):
        ax.plot(right, place, ">", ms=6, color=colour)
    if quantity.identified and quantity.value > 0:
        ax.plot(quantity.value, place, "o", ms=5, color=colour)


def _agreement(name: str, result: Result) -> str:
    start = f"{name}: " if name else ""
    lives = [result.quantities[key] for key in _LIVES]
    if "half_lives_differ" in result.flags:
        return (
            f"{start}they differ: {result.details['meaning'].loc['half_lives_differ', 'meaning']}"
        )
    lacking = [q for q in lives if not q.identified]
    if lacking:
        return f"{start}{lacking[0].name} is not identified: {lacking[0].reason}"
    return f"{start}they agree: there are half-lives in both intervals"
