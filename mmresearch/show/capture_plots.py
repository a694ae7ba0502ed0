"""Figures of what the maker earns: the parts of its profit, day by day, by time held, by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmresearch.estimate.result import Result
from mmresearch.market import Market
from mmresearch.measure.capture import PARTS, spread_capture
from mmresearch.measure.fee_schedule import with_fees
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes, _date_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMES = {
    "spread_earned": "spread\nearned",
    "adverse_selection": "adverse\nselection",
    "revaluation": "inventory\nrevalued",
    "fees_and_rebates": "fees and\nrebates",
    "transfers": "transfers",
    "apart": "fills kept\napart",
    "profit": "profit",
}
_COLOURS = {
    "spread_earned": ACCENT,
    "adverse_selection": SECOND,
    "revaluation": "#7a4fa3",
    "fees_and_rebates": "#2d7d46",
    "transfers": "#b59a1e",
    "apart": QUIET,
}


def plot_waterfall(
    found: pd.DataFrame | Result | Market,
    *,
    maker_bps: float | None = None,
    taker_bps: float | None = None,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """From the spread earned to the profit, part by part: what takes away is drawn downwards.

    Takes the table of `spread_capture` (all its rows are added up), or what `average_capture` made
    of it (with its intervals as whiskers), or a market with the arguments of `spread_capture`; of a
    market `maker_bps` and `taker_bps`, where one is given, stand in the place of the recorded fees
    (`with_fees`; the other is 0). Fills kept apart have a bar of their own where there are any.
    """
    if isinstance(found, Market):
        given = {"maker": maker_bps, "taker": taker_bps}
        rates = {name: rate for name, rate in given.items() if rate is not None}
        found = spread_capture(with_fees(found, **rates) if rates else found, **options)
    elif options or maker_bps is not None or taker_bps is not None:
        raise ValueError("a market takes options; a table of spread_capture has been asked already")
    parts, unit, said = _of_result(found) if isinstance(found, Result) else _of_table(found)
    ax = _axes(ax, (7.2, 3.8))
    _waterfall(ax, parts)
    ax.set_ylabel(unit)
    ax.set_title(said, fontsize=8.5, loc="left")
    return ax


def plot_capture_by_day(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Profit of each row's time by its parts, and beneath it the sum so far with its drawdowns.

    Takes the table of `spread_capture`; accounts and symbols of the same time are added up. The
    shade is how far the sum is below its highest value before, counted from 0.
    """
    _refuse_currencies(table)
    ax = _axes(ax, (8.0, 4.6))
    rows = table.groupby("start")[[*PARTS, "profit"]].sum()
    place, above, below = np.arange(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    for name in _shown(rows[list(PARTS)].abs().sum()):
        value = PARTS[name] * rows[name].to_numpy()
        bottom = np.where(value > 0, above, below)
        label = _NAMES[name].replace("\n", " ")
        ax.bar(place, value, 0.75, bottom=bottom, color=_COLOURS[name], alpha=0.85, label=label)
        above, below = above + np.clip(value, 0, None), below + np.clip(value, None, 0)
    ax.plot(place, rows["profit"], "o", ms=3.5, color=INK, label="profit")
    ax.axhline(0, color=INK, lw=0.7)
    money = _currency(table)
    ax.set_ylabel(f"profit and parts\n({money})")
    _room(ax)
    above_all = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 4}
    ax.legend(frameon=False, fontsize=8, **above_all)
    lower = _beneath(ax)
    _cumulative(lower, rows["profit"].to_numpy(), money)
    _date_ticks(lower, pd.DatetimeIndex(rows.index))
    ax.tick_params(labelbottom=False)
    return ax


def plot_holding(found: pd.DataFrame | Result, *, ax: Axes | None = None) -> Axes:
    """What positions made by how long they were held, from `positioning_by_holding`.

    Takes the table, whose sessions and series are added up, or the means that
    `average_positioning` made of it, with their intervals.
    """
    return _bins(found, "what units made, by how long they were held", ax)


def plot_periods(found: pd.DataFrame | Result, *, ax: Axes | None = None) -> Axes:
    """What positions made by the period of the inventory's swings, from `positioning_by_period`.

    Takes the table, whose sessions and series are added up, or the means that
    `average_positioning` made of it, with their intervals.
    """
    return _bins(found, "what the inventory's swings made, by their period", ax)


def _of_table(table: pd.DataFrame) -> tuple[pd.DataFrame, str, str]:
    """The parts and the profit of all rows, added up, without intervals."""
    _refuse_currencies(table)
    parts = table[[*PARTS, "profit"]].sum().rename("estimate").to_frame()
    parts = parts.assign(low=np.nan, high=np.nan)
    counts = table[["fills", "fills_apart", "fees_unknown"]].sum()
    days, (fills, apart, unpaid) = table["day"].nunique(), counts
    who = ", ".join(table["account"].unique()[:3])
    who += ", ..." if table["account"].nunique() > 3 else ""
    horizon = table.attrs.get("horizon", "")
    said = f"{who}: {fills:,} fills of {days} session{'s' * (days != 1)}"
    said += f", {apart:,} kept apart" if apart else ""
    said += f", fees of {'all' if unpaid == fills else f'{unpaid:,}'} not known" if unpaid else ""
    said += f"; adverse selection after {horizon}" if horizon else ""
    return parts.loc[_shown(parts["estimate"].abs(), apart)], _currency(table), said


def _of_result(result: Result) -> tuple[pd.DataFrame, str, str]:
    """The means of the parts with their intervals."""
    known = result.table.set_index("term")[["estimate", "low", "high"]]
    lost = [name for name in [*PARTS, "profit"] if name not in known.index]
    if lost:
        raise ValueError(f"a result of average_capture has the terms {', '.join(lost)}")
    parts = known.loc[_shown(known["estimate"].abs())]
    days = result.sample.days
    said = f"{days} session{'s' * (days != 1)}, means with intervals"
    return parts, result.unit.partition(";")[0], said


def _waterfall(ax: Axes, parts: pd.DataFrame) -> None:
    level, place = 0.0, np.arange(len(parts))
    for x, (name, part) in zip(place, parts.iterrows(), strict=True):
        sign, base = PARTS.get(name, 1), 0.0 if name == "profit" else level
        value = sign * part["estimate"]
        colour = INK if name == "profit" else ACCENT if value >= 0 else SECOND
        ax.bar(x, value, 0.62, bottom=base, color=colour, alpha=0.85)
        ends = base + sign * part[["low", "high"]].to_numpy(dtype="float64")
        if np.isfinite(ends).all():
            reach = np.abs(np.sort(ends) - (base + value))[:, None]
            ax.errorbar(x, base + value, reach, fmt="none", color=INK, lw=1, capsize=3)
        level = base + value
        if name != "profit":
            ax.plot([x + 0.31, x + 0.69], [level, level], color=QUIET, lw=0.8)
        low, top = (end([base, level, *ends]) for end in (np.nanmin, np.nanmax))
        under = max(base, level) <= 0 and low < 0  # not across the line of zero
        told = {"xytext": (0, -3 if under else 3), "va": "top" if under else "bottom"}
        told |= {"textcoords": "offset points", "ha": "center", "fontsize": 8}
        ax.annotate(_signed(value), (x, low if under else top), **told)
    ax.axhline(0, color=INK, lw=0.7)
    ax.set_xticks(place, [_NAMES[name] for name in parts.index], fontsize=8)
    _room(ax)


def _room(ax: Axes) -> None:
    """Some room above and below bars, which else end at the frame, and readable numbers."""
    ax.use_sticky_edges = False
    ax.margins(y=0.1)
    low, high = ax.get_ylim()
    if max(abs(low), abs(high)) >= 1e4:
        ax.yaxis.set_major_formatter("{x:,.0f}")


def _shown(size: pd.Series, apart: int = 0) -> list[str]:
    """The parts, but transfers and fills kept apart where there were none; and the profit."""
    names = [n for n in size.index if n not in ("transfers", "apart") or size[n] > 0]
    if apart and "apart" not in names:
        names.insert(len(names) - 1, "apart")
    return names


def _beneath(ax: Axes) -> Axes:
    """Axes in the lower part of the place of `ax`, with the same x."""
    grid = ax.get_subplotspec().subgridspec(2, 1, height_ratios=(3, 2))
    ax.set_subplotspec(grid[0])
    return _axes(ax.figure.add_subplot(grid[1], sharex=ax), (8.0, 4.6))


def _cumulative(ax: Axes, profit: np.ndarray, money: str) -> None:
    total = np.concatenate([[0.0], np.cumsum(profit)])
    highest = np.maximum.accumulate(total)
    place = np.arange(len(total)) - 1
    ax.fill_between(place, total, highest, color=SECOND, alpha=0.3, lw=0, label="drawdown")
    ax.plot(place, total, "-", color=INK, lw=1.2)
    deepest = (highest - total).max()
    ax.annotate(
        f"largest drawdown {_signed(-deepest)}" if deepest else "no drawdown",
        (0.01, 0.97),
        xycoords="axes fraction",
        va="top",
        fontsize=8,
        color=SECOND,
    )
    ax.axhline(0, color=QUIET, lw=0.7)
    _room(ax)
    ax.set_ylabel(f"sum so far\n({money})")


def _bins(found: pd.DataFrame | Result, title: str, ax: Axes | None) -> Axes:
    """Bars by bin of a table with `bin` and `positioning`, or of a result's terms."""
    rows, unit = _means_of(found) if isinstance(found, Result) else _sums_of(found)
    ax = _axes(ax, (6.4, 0.9 + 0.36 * max(len(rows), 3)))
    place, value = np.arange(len(rows)), rows["estimate"].to_numpy()
    colours = np.where(value >= 0, ACCENT, SECOND)
    colours = np.where(rows["refused"], QUIET, np.where(rows.index == "total", INK, colours))
    ax.barh(place, value, 0.62, color=colours, alpha=0.85)
    reach = np.abs(rows[["low", "high"]].to_numpy().T - value)
    ax.errorbar(value, place, xerr=reach, fmt="none", color=INK, lw=1, capsize=3)
    ax.axvline(0, color=INK, lw=0.7)
    names = np.where(rows["refused"], rows.index + "\n(not identified)", rows.index)
    ax.set_yticks(place, names, fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel(unit)
    ax.set_title(title, fontsize=8.5, loc="left")
    return ax


def _means_of(result: Result) -> tuple[pd.DataFrame, str]:
    """The means by term with intervals, and whether each was refused."""
    rows = result.table.set_index("term")[["estimate", "low", "high"]]
    told = {name: found.identified for name, found in result.quantities.items()}
    return rows.assign(refused=[not told.get(name, True) for name in rows.index]), result.unit


def _sums_of(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The sums by bin over all sessions and series, without intervals."""
    money = table.attrs.get("currency", ["currency"])
    if len(money) > 1:
        raise ValueError(f"one currency is drawn at a time, and the table has {', '.join(money)}")
    order = table.attrs.get("bins", list(dict.fromkeys(table["bin"])))
    sums = table.groupby("bin")["positioning"].sum().reindex(order).rename("estimate")
    return sums.to_frame().assign(low=np.nan, high=np.nan, refused=False), f"{money[0]}, sum"


def _currency(table: pd.DataFrame) -> str:
    return str(table["currency"].iloc[0]) if len(table) else "currency"


def _refuse_currencies(table: pd.DataFrame) -> None:
    money = table["currency"].unique()
    if len(money) != 1:
        named = ", ".join(map(str, money)) or "no row"
        raise ValueError(f"one currency is drawn at a time, and the table has {named}")


def _signed(value: float) -> str:
    """With its sign, four significant digits, whole numbers from 1,000 up."""
    if abs(value) >= 1e3:
        return f"{value:+,.0f}"
    return "0" if value == 0 else f"{value:+.3g}"
