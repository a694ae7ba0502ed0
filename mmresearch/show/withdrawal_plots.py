"""Figures of withdrawal: provision over the day, the index and what it calls, events with bands."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmresearch.estimate.result import Result
from mmresearch.estimate.withdrawal_events import withdrawal_events
from mmresearch.estimate.withdrawal_index import withdrawal_index
from mmresearch.market import Market
from mmresearch.measure.provision import provision
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes, _words_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = ("two_sided", "at_touch", "own_depth", "spread_bps", "depth")
_UNITS = {"two_sided": "share of time", "at_touch": "share of time", "own_depth": "units"}
_UNITS |= {"spread_bps": "bps", "depth": "units"}
_BESIDE = 3  # panels in a row: more are too small to read on a page
_OF_MARKET = ("freq", "account", "symbol")
_OF_INDEX = ("components", "season", "min_days", "quantile", "threshold")


def plot_provision(
    table: pd.DataFrame, *, columns: Sequence[str] = _SHOWN, part: str = "30min"
) -> list[Axes]:
    """What was provided over the day, a panel a column: median of the bars and their middle 80 %.

    Takes a table of `provision`; columns of which nothing is known are not drawn, and bars are
    taken together by the part of the day that they begin in.
    """
    import matplotlib.pyplot as plt

    known = [c for c in columns if c in table and table[c].notna().any()]
    if not known or table["time_of_day"].isna().all():
        ax = _axes(None, (6.4, 1.2))
        return [_words_only(ax, "nothing is known of provision over the day in this market")]
    across = min(len(known), _BESIDE)
    rows = -(-len(known) // across)
    _, grid = plt.subplots(rows, across, figsize=(8, 2.5 * rows), sharex=True, squeeze=False)
    axes, spare = grid.flat[: len(known)], grid.flat[len(known) :]
    step = pd.Timedelta(part).total_seconds()
    hours = (table["time_of_day"] // step + 0.5) * step / 3600
    for ax, name in zip(axes, known, strict=True):
        by = table[name].groupby(hours)
        low, middle, high = (by.quantile(q) for q in (0.1, 0.5, 0.9))
        ax.fill_between(middle.index, low, high, color=ACCENT, alpha=0.2, lw=0)
        ax.plot(middle.index, middle, "o-", ms=2.5, lw=1.2, color=ACCENT)
        unit = _UNITS.get(name, "")
        if unit == "share of time":
            ax.set_ylim(-0.03, 1.03)
        what = name.removesuffix("_bps").replace("_", " ")
        ax.set_title(f"{what} ({unit})" if unit else what, fontsize=9)
    for ax in axes[-across:]:  # the lowest of each column of panels
        ax.set_xlabel("hours from the open")
        ax.tick_params(labelbottom=True)
    for ax in spare:
        ax.remove()
    plt.tight_layout()
    return list(axes)


def plot_withdrawal(
    found: pd.DataFrame | Market,
    *,
    spells: pd.DataFrame | None = None,
    days: int = 1,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """The index of one account over its last days, its threshold, and what is called withdrawn.

    Takes a table of `withdrawal_index`, or a market with the arguments of `provision` and
    `withdrawal_index`. The first account is drawn. `spells` (account, start, end), where they are
    known, are the bars beneath.
    """
    table = _indexed(found, options)
    ax = _axes(ax, (8, 3))
    if isinstance(table, str) or table["index"].isna().all():
        left = table if isinstance(table, str) else _left_out(table)
        return _words_only(ax, f"no index: {left}")
    own = table[table["account"] == table["account"].iloc[0]]
    own = own[own["symbol"] == own["symbol"].iloc[0]]
    kept = own[own["index"].notna()]
    own = own[own["day"].isin(np.sort(kept["day"].unique())[-days:])].reset_index(drop=True)
    x = np.arange(len(own))
    called = own["withdrawn"].fillna(False).to_numpy(bool)
    top = np.nanmax([own["index"].max(), own["threshold"].max()])
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.fill_between(x, 0, 1, where=called, transform=ax.get_xaxis_transform(), step="mid",
                    color=SECOND, alpha=0.3, lw=0, label="called withdrawn")  # fmt: skip
    ax.plot(x, own["index"], lw=0.9, color=ACCENT, label="index")
    ax.plot(x, own["threshold"], lw=0.9, ls="--", color=INK, label="threshold, of past days")
    if spells is not None:
        _draw_spells(ax, own, spells)
    ax.set_ylim(top=1.3 * top)
    _clock_ticks(ax, own)
    ax.set_ylabel("standard deviations,\n+ withdrawn")
    who, share = own["account"].iloc[0], called.mean()
    ax.set_title(f"{who}: withdrawn in {share:.1%} of these bars", fontsize=9, loc="left")
    ax.legend(frameon=False, fontsize=8, ncols=4, loc="upper right")
    return ax


def plot_events(
    found: Result | pd.DataFrame | Market, *, ax: Axes | None = None, **options: Any
) -> Axes:
    """The mean abnormal outcome around events, before them and after.

    Takes what `withdrawal_events` returned; or a table and its arguments; or a market, with those
    of `provision` and `withdrawal_index` too. The dark shade holds each offset, the light one the
    whole curve; grey is what pseudo-events on other days show by chance.
    """
    result = found
    if not isinstance(found, Result):
        named = {n: options.pop(n) for n in (*_OF_MARKET, *_OF_INDEX) if n in options}
        table = _indexed(found, named) if isinstance(found, Market) else found
        if isinstance(table, str):
            return _words_only(_axes(ax, (6.4, 1.4)), table)
        result = withdrawal_events(table, **options)
    ax = _axes(ax, (6.4, 3.6))
    curve = result.details.get("curve")
    if curve is None:
        return _words_only(ax, result.errors)
    x = curve["seconds"] / 60
    ax.axhline(0, color=INK, lw=0.7)
    ax.axvline(0, color=QUIET, lw=0.8, ls=":")
    low, high = curve["placebo_low"], curve["placebo_high"]
    ax.fill_between(x, low, high, color=QUIET, alpha=0.3, lw=0, label="pseudo-events")
    band = {"color": ACCENT, "lw": 0}
    ax.fill_between(
        x, curve["joint_low"], curve["joint_high"], alpha=0.15, **band, label="whole curve"
    )
    ax.fill_between(x, curve["low"], curve["high"], alpha=0.3, **band, label="each offset")
    ax.plot(x, curve["estimate"], "o-", ms=3, lw=1.2, color=ACCENT, label="mean of events")
    ax.set_xlabel("minutes from the event's bar")
    ax.set_ylabel(textwrap.fill(result.unit, 32))
    said = [f"{result.sample.used} events on {result.sample.days} days"]
    said += [str(q) for q in result.quantities.values()]
    ax.set_title("\n".join(textwrap.fill(text, 90) for text in said), fontsize=8, loc="left")
    ax.legend(frameon=False, fontsize=8, ncols=2)
    return ax


def _indexed(found: pd.DataFrame | Market, options: dict[str, Any]) -> pd.DataFrame | str:
    """The table with its index; or why there is none."""
    if isinstance(found, Market):
        named = {n: options.pop(n) for n in _OF_MARKET if n in options}
        found = provision(found, **named)
    if "index" in found:
        return found
    try:
        return withdrawal_index(found, **options)
    except ValueError as error:
        return str(error)


def _left_out(table: pd.DataFrame) -> str:
    left = table.attrs.get("left_out", {})
    return "; ".join(f"{n:,} bars {why}" for why, n in left.items() if n) or "no bar has one"


def _draw_spells(ax: Axes, own: pd.DataFrame, spells: pd.DataFrame) -> None:
    named = "known spells"
    for spell in spells[spells["account"] == own["account"].iloc[0]].itertuples():
        inside = (own["end"] > spell.start) & (own["start"] < spell.end)
        if inside.any():
            rows = np.flatnonzero(inside)
            ends = (rows[0] - 0.5, rows[-1] + 0.5)
            ax.plot(ends, [0.02, 0.02], transform=ax.get_xaxis_transform(), lw=5,
                    solid_capstyle="butt", color=INK, label=named)  # fmt: skip
            named = None


def _clock_ticks(ax: Axes, own: pd.DataFrame) -> None:
    """Where days begin, or the hours of a single one."""
    first = np.flatnonzero(~own.duplicated("day"))
    if len(first) > 1:
        step = max(1, len(first) // 8)
        ax.set_xticks(first[::step], [f"{d:%d %b}" for d in own["day"].iloc[first[::step]]])
        return
    at = np.linspace(0, len(own) - 1, min(7, len(own))).astype(int)
    ax.set_xticks(at, [f"{t:%H:%M}" for t in own["start"].iloc[at]])
    ax.set_xlabel(f"{own['day'].iloc[0]:%Y-%m-%d}, UTC")
