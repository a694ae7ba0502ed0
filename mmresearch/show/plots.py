"""Figures: each takes a table or a result and returns its Axes."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mmresearch.estimate.result import Result
    from mmresearch.market import Market

INK, ACCENT, SECOND, QUIET = "#1c1e21", "#1f5fa8", "#c2571a", "#9aa3ad"
_COLOURS = [ACCENT, SECOND, "#2d7d46", "#7a4fa3"]
_MOST_LINES = 4  # more series than this are drawn as a band
_HOUR = pd.Timedelta("1h")


def plot_inventory(panel: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Inventory at each bar's end, sessions joined edge to edge, a line a series.

    More than four series are shown as the median and the middle 80 % of their standardised levels
    (each less its mean, over its standard deviation).
    """
    ax = _axes(ax, (8, 3.2))
    wide = panel.pivot_table(index="start", columns=["account", "symbol"], values="inventory_end")
    place = np.arange(len(wide))
    if wide.shape[1] <= _MOST_LINES:
        for colour, (name, levels) in zip(_COLOURS, wide.items(), strict=False):
            ax.step(place, levels, where="post", lw=0.9, color=colour, label=" ".join(name))
        ax.legend(frameon=False, fontsize=8)
        ax.set_ylabel("inventory (units)")
    else:
        scaled = (wide - wide.mean()) / wide.std().replace(0, np.nan)
        low, middle, high = (scaled.quantile(q, axis=1) for q in (0.1, 0.5, 0.9))
        ax.fill_between(place, low, high, color=ACCENT, alpha=0.2, lw=0, label="middle 80 %")
        ax.plot(place, middle, color=ACCENT, lw=1.2, label=f"median of {wide.shape[1]} series")
        ax.legend(frameon=False, fontsize=8)
        ax.set_ylabel("inventory (sd of each series)")
    ax.axhline(0, color=QUIET, lw=0.7)
    _date_ticks(ax, wide.index)
    return ax


def plot_profit(ledger: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Profit after fees, marked, event by event; each account's symbols added, four accounts."""
    ax = _axes(ax, (8, 3.2))
    net = ledger["realised"] + ledger["unrealised"] - ledger["fees"]
    step = net.groupby([ledger["account"], ledger["symbol"]]).diff().fillna(net)
    steps = ledger[["time", "account"]].assign(step=step)
    made = steps.pivot_table("step", "time", "account", aggfunc="sum", fill_value=0.0).cumsum()
    for colour, (account, profit) in zip(_COLOURS, made.items(), strict=False):
        ax.plot(np.arange(len(made)), profit, lw=1, color=colour, label=account)
    _date_ticks(ax, made.index)
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.set_ylabel("profit after fees, marked\n(quote currency)")
    ax.legend(frameon=False, fontsize=8)
    return ax


def plot_sources(sources: pd.DataFrame, *, most: int = 10, ax: Axes | None = None) -> Axes:
    """What came in (right) and went out (left) by counterparty, the largest first.

    Units of what was traded; transfers of currencies are another unit and left out.
    """
    traded = sources.loc[sources["kind"] == "fill", "symbol"]
    sources = sources[sources["symbol"].isin(traded)]
    names = sources["kind"] + " " + sources["counterparty"]
    table = sources.groupby(names)[["received", "delivered", "net"]].sum()
    table = table.loc[(table["received"] + table["delivered"]).nlargest(most).index[::-1]]
    ax = _axes(ax, (8, 0.8 + 0.32 * len(table)))
    ax.barh(table.index, table["received"], color=ACCENT, height=0.6, label="received")
    ax.barh(table.index, -table["delivered"], color=SECOND, height=0.6, label="delivered")
    ax.plot(table["net"], table.index, "o", ms=4, color=INK, label="net")
    ax.axvline(0, color=INK, lw=0.7)
    ax.set_xlabel("units into (+) and out of (-) the account")
    ax.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return ax


def plot_reversion(panel: pd.DataFrame, *, bins: int = 15, ax: Axes | None = None) -> Axes:
    """Mean change of inventory over a bar by the level at its start, with 95 % error bars.

    Reversion shows as a falling line through the target. Errors take bars as independent and are
    a guide to the eye; the estimate is `inventory_reversion`. Several series are standardised.
    """
    ax = _axes(ax, (5.6, 3.6))
    start, flow = panel["inventory_start"], panel["flow"]
    if panel.groupby(["account", "symbol"]).ngroups > 1:
        by = [panel["account"], panel["symbol"]]
        scale = start.groupby(by).transform("std").replace(0, np.nan)
        start, flow = (start - start.groupby(by).transform("mean")) / scale, flow / scale
        unit = "sd of each series"
    else:
        unit = "units"
    known = start.notna() & flow.notna()
    means = _binned(start[known], flow[known], bins)
    ax.errorbar(means["x"], means["y"], 1.96 * means["se"], fmt="o", ms=4, lw=1, color=ACCENT)
    slope, base = np.polyfit(start[known], flow[known], 1)
    ends = means["x"].iloc[[0, -1]].to_numpy()
    ax.plot(ends, base + slope * ends, color=SECOND, lw=1.2, label=f"slope {slope:.4f} a bar")
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.set_xlabel(f"inventory at the bar's start ({unit})")
    ax.set_ylabel(f"change over the bar ({unit})")
    ax.legend(frameon=False, fontsize=8)
    return ax


def plot_half_life(
    market: Market,
    *,
    freq: str = "1min",
    account: str | None = None,
    target: str = "auto",
    lags: int = 1,
    ax: Axes | None = None,
) -> Axes:
    """`plot_reversion` of one choice of bars, account, target and lags, its half-life as the title.

    target is the `intercept` of `inventory_reversion`, or "shifting" (`shifting_target`, one lag).
    """
    from mmresearch.estimate.reversion import inventory_reversion
    from mmresearch.estimate.targets import shifting_target
    from mmresearch.measure.panel import panel

    bars = panel(market, freq=freq, account=account)
    ax = plot_reversion(bars, ax=ax)
    if target == "shifting":
        found = shifting_target(bars)
    else:
        found = inventory_reversion(bars, intercept=target, lags=lags)
    answer = str(found.quantities["half_life"])
    ax.set_title("\n".join(textwrap.wrap(answer, 72)), fontsize=8.5, loc="left")
    return ax


def plot_response(panel: pd.DataFrame, *, bins: int = 15, ax: Axes | None = None) -> Axes:
    """Mean return of a bar by the maker's inventory change in it, with 95 % error bars.

    A falling line: prices fall while the maker buys. How much of it is pressure that fades and how
    much is information that stays is `price_pressure`'s question.
    """
    ax = _axes(ax, (5.6, 3.6))
    column = "return_bps" if panel["return_bps"].notna().any() else "trade_return_bps"
    by = [panel["account"], panel["symbol"]]
    flow = panel["flow"] / panel["flow"].groupby(by).transform("std").replace(0, np.nan)
    known = flow.notna() & panel[column].notna() & (flow != 0)
    means = _binned(flow[known], panel.loc[known, column], bins)
    ax.errorbar(means["x"], means["y"], 1.96 * means["se"], fmt="o", ms=4, lw=1, color=ACCENT)
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.set_xlabel("inventory change over the bar (sd of each series)")
    ax.set_ylabel(f"{column.replace('_bps', '').replace('_', ' ')} (bps)")
    return ax


def plot_pressure(
    market: Market, *, freq: str = "1min", account: str | None = None, ax: Axes | None = None
) -> Axes:
    """`plot_response` of one choice of bars and account, with the price pressure as the title."""
    from mmresearch.estimate.pressure import price_pressure
    from mmresearch.measure.panel import panel

    bars = panel(market, freq=freq, account=account)
    found = price_pressure(bars).quantities
    ax = plot_response(bars, ax=ax)
    title = "\n".join(textwrap.fill(str(found[q]), 80) for q in ("pressure", "total"))
    ax.set_title(title, fontsize=8.5, loc="left")
    return ax


def plot_placebo(placebo: Result, *, term: str = "total", ax: Axes | None = None) -> Axes:
    """The estimate beside what it is on inventory that cannot have moved the price."""
    ax = _axes(ax, (5.6, 3.2))
    draws = placebo.details["placebo"]
    shuffled = draws.loc[draws["kind"] != "led", term]
    ax.hist(shuffled, bins=25, color=QUIET, label="shuffled inventory")
    for value in draws.loc[draws["kind"] == "led", term]:
        ax.axvline(value, color=ACCENT, lw=1.5, label="led inventory")
    ax.axvline(placebo.details["real"][term].iloc[0], color=SECOND, lw=2, label="the real one")
    ax.set_xlabel(f"{term} ({placebo.unit})")
    ax.set_ylabel("draws")
    ax.legend(frameon=False, fontsize=8)
    return ax


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)
    return ax


def _words_only(ax: Axes, text: str) -> Axes:
    """Instead of a figure, why there is none; as high as the words, if nothing else is there."""
    words = textwrap.fill(text, 80)
    ax.set_axis_off()
    ax.text(0, 0.5, words, transform=ax.transAxes, fontsize=9, color=INK, va="center")
    if ax.figure.axes == [ax]:
        ax.figure.set_size_inches(
            ax.figure.get_size_inches()[0], 0.3 + 0.2 * len(words.split("\n"))
        )
    return ax


def _binned(x: pd.Series, y: pd.Series, bins: int) -> pd.DataFrame:
    """Means of x and y by quantile of x, with the standard error of y's mean."""
    groups = pd.qcut(x.rank(method="first"), min(bins, max(1, len(x) // 10)), labels=False)
    table = pd.DataFrame({"x": x, "y": y}).groupby(groups)
    return table.agg(x=("x", "mean"), y=("y", "mean"), se=("y", "sem"))


def _date_ticks(ax: Axes, times: pd.DatetimeIndex) -> None:
    """About six dates along an axis that counts bars, so that nights take no room; of one the time.

    A single date stands with the first of the times (UTC).
    """
    first = pd.Series(times.strftime("%Y-%m-%d")).drop_duplicates()
    chosen = first.iloc[:: max(1, len(first) // 6)]
    if len(first) == 1 and len(times) > 6:
        places = np.linspace(0, len(times) - 1, 6).round().astype(int)
        clock = times[places].strftime("%H:%M:%S" if times[-1] - times[0] < _HOUR else "%H:%M")
        chosen = pd.Series([f"{chosen.iloc[0]}\n{clock[0]}", *clock[1:]], index=places)
    ax.set_xticks(chosen.index, chosen.to_numpy())
