"""Figures of the shape of a series over the time of day."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from mmresearch.estimate.result import Result
from mmresearch.estimate.seasonal import seasonal
from mmresearch.show.plots import ACCENT, INK, QUIET, _axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_seasonal(
    found: pd.DataFrame | Result,
    column: str | None = None,
    *,
    ax: Axes | None = None,
    **options: Any,
) -> Axes:
    """The factor (or shift) of each bar of a session, its band, and the band of the whole shape.

    Takes what `seasonal` returned, or a table, a column and that function's options.

    Parameters
    ----------
    found : Result or DataFrame
    column : str
        Whose shape, where a table is given.
    ax : Axes, optional
    **options
        Of `seasonal`.
    """
    if not isinstance(found, Result):
        if column is None:
            raise ValueError("a table needs the column whose shape is drawn")
        found = seasonal(found, column, **options)
    ax = _axes(ax, (6.4, 3.6))
    said = ["no_shape", "open_to_middle", "close_to_middle", "r2"]
    ax.set_title("\n".join([found.question, *_title(found, said)]), fontsize=8.5, loc="left")
    shape = found.details.get("shape")
    if shape is None:
        ax.set_yticks([])
        return ax
    name = "factor" if "factor" in shape else "shift"
    hours = shape["time_of_day"] / 3600
    known = hours.notna().all()
    x = hours if known else shape["bar"]
    ax.axhline(1.0 if name == "factor" else 0.0, color=QUIET, lw=0.8)
    ax.fill_between(x, shape["joint_low"], shape["joint_high"], color=ACCENT, alpha=0.12, lw=0)
    ax.fill_between(x, shape["low"], shape["high"], color=ACCENT, alpha=0.25, lw=0)
    ax.plot(x, shape[name], color=INK, lw=1.3)
    ax.set_xlabel("hours since the session's open, start of the bar" if known else "bar")
    ax.set_ylabel(f"{name} (mean {'1' if name == 'factor' else '0'})")
    if known and float(np.ptp(x)) > 12:
        ax.set_xticks(np.arange(0, 25, 3))
    return ax


def _title(found: Result, names: list[str]) -> list[str]:
    told = [found.quantities[name] for name in names]
    if not any(q.identified for q in told):
        return [textwrap.fill(f"not identified: {told[0].reason}", 90)]
    return [textwrap.fill(str(q), 95) for q in told]
