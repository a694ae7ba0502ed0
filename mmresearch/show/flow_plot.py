"""Where inventory came from and went: bands from counterparties through the account to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from mmresearch.show.plots import ACCENT, INK, QUIET, SECOND

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEFORE, AFTER = "from its position", "to its position"
_LINE = 0.17  # inches a label needs
_BAR = 0.02  # a bar's width, of the axes
_LEFT, _MIDDLE, _RIGHT = 0.22, 0.5, 0.78
_BEND = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]


def plot_flows(
    flows: pd.DataFrame,
    *,
    account: str | None = None,
    symbol: str | None = None,
    most: int = 10,
    ax: Axes | None = None,
) -> Axes:
    """Units received (from the left) and delivered (to the right), a band a counterparty.

    What is delivered but was not received comes from the position (held before, or now short), what
    is received and not delivered goes to it: so both sides are of one height. Counterparties beyond
    the `most` largest are one band, "others". Transfers are marked with a star.

    Parameters
    ----------
    flows : DataFrame
        As `mm.flow_sources` or `mm.flows` by counterparty gives it.
    account, symbol : str, optional
        Which, where the table holds several.
    most : int
        Bands a side.

    Raises
    ------
    ValueError
        Several symbols, whose units do not add up, or no flow at all.
    """
    rows = _chosen(flows, account, symbol)
    sides = [_bands(rows, column, most) for column in ("received", "delivered")]
    gap = sides[1].sum() - sides[0].sum()
    if abs(gap) > 1e-9 * max(sides[0].sum(), sides[1].sum()):
        side, name = (0, BEFORE) if gap > 0 else (1, AFTER)
        sides[side] = pd.concat([sides[side], pd.Series({name: abs(gap)})])
    count = max(len(side) for side in sides)
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 1.6 + 0.34 * count), layout="constrained")
    name = account or " + ".join(rows["account"].unique()[:2]) if "account" in rows else "account"
    _draw(ax, sides, f"{name}\n{rows['symbol'].iloc[0]}")
    return ax


def _chosen(flows: pd.DataFrame, account: str | None, symbol: str | None) -> pd.DataFrame:
    rows = flows
    for column, wanted in (("account", account), ("symbol", symbol)):
        if wanted is not None:
            rows = rows[rows[column] == wanted]
    if "counterparty" not in rows:
        raise ValueError("flows by counterparty are needed: mm.flow_sources(market)")
    if not (rows["received"] + rows["delivered"]).sum() > 0:
        raise ValueError("nothing was received and nothing delivered in what was asked for")
    several = rows["symbol"].unique()
    if len(several) > 1:
        raise ValueError(f"units of several symbols do not add up; give symbol=, one of {several}")
    return rows


def _bands(rows: pd.DataFrame, column: str, most: int) -> pd.Series:
    """Units by counterparty, the largest first, the rest as one."""
    moved = rows["kind"].eq("transfer") if "kind" in rows else pd.Series(False, rows.index)
    names = rows["counterparty"].astype("str") + np.where(moved, " *", "")
    units = rows[column].groupby(names).sum().sort_values(ascending=False, kind="stable")
    units = units[units > 0]
    if len(units) > most:
        rest = units.iloc[most - 1 :]
        units = pd.concat([units.iloc[: most - 1], pd.Series({f"{len(rest)} others": rest.sum()})])
    return units


def _draw(ax: Axes, sides: list[pd.Series], title: str) -> None:
    total = sides[0].sum()
    gap = _LINE / (ax.get_position().height * ax.figure.get_figheight())
    gap = min(gap, 0.5 / max(len(side) for side in sides))
    room = 1 - gap * (max(len(side) for side in sides) - 1)
    ax.set(xlim=(0, 1), ylim=(-0.02, 1.06))
    ax.axis("off")
    for side, x, colour in zip(sides, (_LEFT, _RIGHT), (ACCENT, SECOND), strict=True):
        heights = room * side / total
        spare = (1 - heights.sum() - gap * (len(side) - 1)) / 2
        outer, inner = 1 - spare, 0.5 + room / 2
        for name, height in heights.items():
            own = QUIET if name in (BEFORE, AFTER) else colour
            _band(ax, (x, outer), (_MIDDLE, inner), height, own)
            digits = ",.0f" if side[name] >= 1e4 else ",.4g"
            words = f"{name}  {side[name]:{digits}}"
            left = x < _MIDDLE
            ax.text(
                x - 0.015 - _BAR if left else x + 0.015 + _BAR,
                outer - height / 2,
                words,
                ha="right" if left else "left",
                va="center",
                fontsize=8,
                color=INK,
            )
            outer, inner = outer - height - gap, inner - height
    ax.add_patch(Rectangle((_MIDDLE - _BAR / 2, 0.5 - room / 2), _BAR, room, color=INK, lw=0))
    ax.text(_MIDDLE, 0.5 + room / 2 + 0.02, title, ha="center", va="bottom", fontsize=9, color=INK)
    if any(" *" in name for side in sides for name in side.index):
        ax.text(_MIDDLE, -0.02, "* transfer", ha="center", va="top", fontsize=7, color=INK)
    ax.text(_LEFT, 1.06, "received from", ha="center", fontsize=8, color=ACCENT)
    ax.text(_RIGHT, 1.06, "delivered to", ha="center", fontsize=8, color=SECOND)


def _band(
    ax: Axes, outer: tuple[float, float], inner: tuple[float, float], height: float, colour: str
) -> None:
    """A curved band from a bar at `outer` to the middle, both given by their upper edge."""
    (x, top), (centre, middle) = outer, inner
    turn = (x + centre) / 2
    points = [
        *[(x, top), (turn, top), (turn, middle), (centre, middle)],
        *[(centre, middle - height), (turn, middle - height), (turn, top - height)],
        *[(x, top - height), (x, top)],
    ]
    ax.add_patch(PathPatch(Path(points, _BEND), facecolor=colour, alpha=0.35, lw=0.3))
    away = x - _BAR if x < centre else x
    ax.add_patch(Rectangle((away, top - height), _BAR, height, color=colour, lw=0.7))
