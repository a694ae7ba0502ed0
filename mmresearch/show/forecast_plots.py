"""Figures of volatility forecasts: beside what came, what they lost less, which may be the best."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmresearch.estimate.loss_paths import LOSSES, loss_path
from mmresearch.estimate.result import Result
from mmresearch.estimate.volatility_forecast import volatility_forecast
from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND, _axes, _words_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 300  # forecasts that a figure can show one by one
_SHORT = 30


def plot_forecast(
    found: Result | pd.DataFrame,
    *,
    horizon: int | None = None,
    holdout: bool = False,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """Realized variance and its forecasts with and without predictors, on a logarithmic scale.

    Takes what `volatility_forecast` returned, or its table and arguments; of more than 300
    forecasts the last ones. holdout: those of the hold-out, once it is opened.
    """
    result = _result(found, options)
    ax = _axes(ax, (7.2, 3.6))
    table = _forecasts(result, holdout)
    if table is None:
        return _nothing(ax, result, holdout)
    base, model, horizon = _pair(result, table, horizon)
    part = table[table["horizon"] == horizon]
    shown = {n: part[part["model"] == n].tail(_MOST).reset_index(drop=True) for n in (base, model)}
    at = _places(shown[base], ax)
    ax.plot(at, shown[base]["realized"], ".", ms=3.5, color=INK, label="realized")
    ax.plot(at, shown[base]["forecast"], lw=1.2, color=SECOND, label=base)
    if model != base:
        ax.plot(at, shown[model]["forecast"], lw=1.2, color=ACCENT, label=_short(model))
    ax.set_yscale("log")
    shape = " without the shape of the day" if (part["shape"] != 1).any() else ""
    ax.set_ylabel(f"variance{shape} (bps²)")
    ax.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, -0.3), ncols=3)
    name = "holdout_r2_oos" if holdout else "r2_oos"
    ax.set_title(textwrap.fill(str(result.quantities[name]), 90), fontsize=9, loc="left")
    return ax


def plot_loss_difference(
    found: Result | pd.DataFrame,
    *,
    loss: str = "qlike",
    horizon: int | None = None,
    holdout: bool = False,
    level: float = 0.95,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """Running sum of the loss without predictors less the loss with them: up, they help.

    The shade holds the whole path with probability `level` if both forecast equally well. Takes
    what `plot_forecast` takes.
    """
    result = _result(found, options)
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, not {loss!r}")
    ax = _axes(ax, (7.2, 3.2))
    table = _forecasts(result, holdout)
    if table is None:
        return _nothing(ax, result, holdout)
    base, model, horizon = _pair(result, table, horizon)
    if model == base:
        return _nothing(ax, result, holdout)
    path = loss_path(table, base, model, horizon=horizon, loss=loss, level=level)
    at = _places(path, ax)
    ax.fill_between(at, -path["band"], path["band"], color=QUIET, alpha=0.25, lw=0)
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.plot(at, path["sum"], color=ACCENT, lw=1.4)
    ax.set_ylabel(f"sum of {loss.upper()} saved")
    words = f"{base} less {_short(model)}, {horizon} ahead; "
    words += f"shade: {level:.0%} of paths of equal forecasts"
    ax.set_title(textwrap.fill(words, 90), fontsize=9, loc="left")
    return ax


def plot_confidence_set(
    found: Result | pd.DataFrame,
    *,
    horizon: int | None = None,
    holdout: bool = False,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """Mean QLIKE of every model; filled are those that may be the best, with their p.

    Takes what `plot_forecast` takes.
    """
    result = _result(found, options)
    name = "holdout_models" if holdout else "models"
    table = result.details.get(name)
    if table is None:
        return _nothing(_axes(ax, (6.4, 3.6)), result, holdout)
    horizon = horizon or int(table["horizon"].iloc[0])
    table = table[table["horizon"] == horizon].sort_values("qlike", ascending=False)
    ax = _axes(ax, (6.8, 0.9 + 0.3 * len(table)))
    place = np.arange(len(table))
    best = table["may_be_best"].to_numpy(bool)
    ax.scatter(table["qlike"][best], place[best], color=ACCENT, s=28, zorder=3)
    ax.scatter(
        table["qlike"][~best], place[~best], s=28, facecolor="white", edgecolor=INK, zorder=3
    )
    for spot, value, p in zip(place, table["qlike"], table["mcs_p"], strict=True):
        told = "" if np.isnan(p) else f"  p {p:.2f}"
        ax.annotate(
            told,
            (value, spot),
            va="center",
            fontsize=7.5,
            xytext=(4, 0),
            textcoords="offset points",
        )
    names = [textwrap.fill(_short(m), 44) for m in table["model"]]
    ax.set_yticks(place, names, fontsize=7.5)
    ax.margins(x=0.15)
    ax.set_xlabel(f"mean QLIKE, {horizon} ahead")
    ax.set_title("Filled: may be the best (model confidence set)", fontsize=9, loc="left")
    return ax


def _result(found: Result | pd.DataFrame, options: dict[str, Any]) -> Result:
    return found if isinstance(found, Result) else volatility_forecast(found, **options)


def _short(model: str) -> str:
    """A model with many predictors by their number."""
    parts = model.split(" + ")
    return model if len(parts) <= 3 else f"{parts[0]} + all {len(parts) - 1} predictors"


def _forecasts(result: Result, holdout: bool) -> pd.DataFrame | None:
    return result.details.get("holdout_forecasts" if holdout else "forecasts")


def _pair(result: Result, table: pd.DataFrame, horizon: int | None) -> tuple[str, str, int]:
    """The first model, the same with all predictors, and the horizon."""
    horizon = horizon or int(table["horizon"].iloc[0])
    names = table.loc[table["horizon"] == horizon, "model"].unique().tolist()
    if not names:
        raise ValueError(f"no forecasts of {horizon} ahead")
    base = names[1]  # the first is the past mean
    own = [n for n in names if n == base or n.startswith(f"{base} + ")]
    return base, own[-1], horizon


def _places(path: pd.DataFrame, ax: Axes) -> np.ndarray:
    """Rows side by side, without the nights, and days where they begin."""
    at = np.arange(len(path))
    first = np.flatnonzero((path["day"] != path["day"].shift()).to_numpy())
    few, apart = [], len(path) / 6
    for place in first:
        if not few or place - few[-1] >= apart:
            few.append(int(place))
    ax.set_xticks(few, [f"{d:%Y-%m-%d}" for d in path["day"].iloc[few]], fontsize=8)
    return at


def _nothing(ax: Axes, result: Result, holdout: bool) -> Axes:
    """The figure of a refusal says why."""
    name = "holdout_r2_oos" if holdout else "r2_oos"
    why = result.quantities[name].reason or "there is nothing to draw"
    return _words_only(ax, why)
