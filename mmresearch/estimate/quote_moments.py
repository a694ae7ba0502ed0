"""What the theory of quotes asks of data: how far the mid wanders, and how wide own quotes are."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mmresearch.estimate.errors import regress
from mmresearch.estimate.panel_rows import refuse_panel
from mmresearch.estimate.result import Quantity
from mmresearch.estimate.sandwich import SOME_DAYS
from mmresearch.estimate.skew_rows import ByName, by_name

_FEWEST = 20


def mid_volatility(
    panel: pd.DataFrame, *, tick: ByName | None = None, errors: str = "auto", level: float = 0.95
) -> Quantity:
    """Standard deviation of the mid's change in a second: theory's sigma, with its interval.

    Parameters
    ----------
    panel : DataFrame
        As `mm.panel` makes it, in bars of time. Bars of a minute or more are long enough for the
        noise of the quotes themselves (their lean, a mid that moves by half ticks) to be small.
    tick : float or mapping by symbol, optional
        Else the panel's attrs["ticks"]. Where a symbol's is not known the answer is in basis
        points.
    errors, level
        As in `estimate.errors.regress`, but that "auto" is clustered by session from six on: what
        is above 0 has an interval on the scale of its logarithm, which few sessions suffice for.

    Returns
    -------
    Quantity
        "volatility of the mid", ticks (else bps) per square root of a second. Changes are those
        inside bars, so that nights are left out. Not identified without mids or bars of time.

    Notes
    -----
    The square is the sum of squared changes over the seconds they took, each symbol's bars once;
    its errors are those of a regression of squares on seconds through the origin.
    """
    refuse_panel(panel, ["mid", "mid_start"], ["start", "end"])
    bars = panel.drop_duplicates(["symbol", "day", "bar"])
    unit, size = _unit(panel, bars["symbol"], bars["mid_start"], tick)
    seconds = (bars["end"] - bars["start"]).dt.total_seconds()
    squares = ((bars["mid"] - bars["mid_start"]) / size) ** 2
    known = squares.notna() & (seconds > 0)
    squares, seconds, days = squares[known], seconds[known], bars.loc[known, "day"]
    weight = np.sqrt(seconds)  # so that the slope is the sum of squares over that of seconds
    found, how = _slope(squares / weight, weight, days, errors, level)
    named = ("volatility of the mid", f"{unit} per root second")
    return _told(*named, tuple(map(math.sqrt, found)), how, len(squares), level)


def own_spread(
    panel: pd.DataFrame, *, tick: ByName | None = None, errors: str = "auto", level: float = 0.95
) -> Quantity:
    """Mean distance between an account's own bid and ask at bars' ends, with its interval.

    Parameters
    ----------
    panel, tick, errors, level
        As in `mid_volatility`; bars with both sides count.

    Returns
    -------
    Quantity
        "own spread", ticks (else basis points of the quotes' middle). Not identified without own
        quotes.
    """
    refuse_panel(panel, ["own_bid", "own_ask"])
    bars = panel[panel[["own_bid", "own_ask"]].notna().all(axis=1)]
    unit, size = _unit(panel, bars["symbol"], (bars["own_bid"] + bars["own_ask"]) / 2, tick)
    wide = (bars["own_ask"] - bars["own_bid"]) / size
    found, how = _slope(wide, pd.Series(1.0, index=wide.index), bars["day"], errors, level)
    return _told("own spread", unit, found, how, len(wide), level)


def _unit(
    panel: pd.DataFrame, symbols: pd.Series, price: pd.Series, tick: ByName | None
) -> tuple[str, pd.Series]:
    """Ticks where every symbol's is known, else basis points of the price."""
    ticks = by_name(tick, symbols, "tick", panel.attrs.get("ticks"))
    known = len(ticks) > 0 and ticks.notna().all()
    return ("ticks", ticks) if known else ("bps", price / 1e4)


def _slope(
    y: pd.Series, x: pd.Series, days: pd.Series, errors: str, level: float
) -> tuple[tuple[float, float, float], str]:
    """The slope through the origin with its interval, and how that was computed."""
    if len(y) < _FEWEST:
        return (math.nan, math.nan, math.nan), "none"
    if np.ptp((y / x).to_numpy()) == 0:
        return (float((y / x).iloc[0]),) * 3, "the same in every bar"
    if errors == "auto":
        errors = "cluster" if days.nunique() >= SOME_DAYS else "hac"
    fit = regress(y, pd.DataFrame({"x": x}), days, errors=errors, level=level)
    value, low, high = fit.table[["estimate", "low", "high"]].iloc[0]
    reach = math.exp((high - low) / 2 / value)
    return (value, value / reach, value * reach), f"{fit.errors}, on the logarithm"


def _told(
    name: str, unit: str, found: tuple[float, ...], how: str, bars: int, level: float
) -> Quantity:
    reason = "" if bars >= _FEWEST else f"{bars} bars have what is needed, where {_FEWEST} do"
    return Quantity(name, *found, unit, how, not reason, reason, level)
