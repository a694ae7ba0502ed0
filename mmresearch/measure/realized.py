"""Realized variance by session: of every price, of a clock step, and without the bounce."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.session_days import with_day

PRICES = ("trade", "mid")
_SLOW_RETURNS = 78  # five minutes in a session of six and a half hours
_COLUMNS = ["symbol", "day", "returns", "rv", "rv_step", "tsrv", "noise"]


def realized_variance(
    data: pd.DataFrame | Market,
    *,
    symbol: str | Sequence[str] | None = None,
    price: str = "trade",
    step: str = "5min",
    offsets: int = 10,
    slow: int | None = None,
) -> pd.DataFrame:
    """Sums of squared log price changes of each session, in basis points squared.

    Parameters
    ----------
    data : Market or DataFrame
        A market; or rows of symbol, day, time, price (and seq, which breaks ties).
    symbol : str or list, optional
        Which; all if not given.
    price : str
        Of a market: "trade" prices, which bounce between bid and ask, or the "mid" of its quotes.
    step : str
        Of the clock, for `rv_step`: prices last seen at its grid, from the first price to the last.
    offsets : int
        Grids that start 0, 1/n, 2/n, ... of a step later, over which `rv_step` is averaged.
    slow : int, optional
        Price changes of the slow scale of `tsrv`; of a 78th of the session's if not given.

    Returns
    -------
    DataFrame
        symbol, day, returns (number of price changes n), rv (every price), rv_step (mean over
        offsets, each raised to the whole time), tsrv, noise: c² = (rv - tsrv) / (2 n), the half
        spread squared where prices bounce by coin: the expected rv is then the variance plus 2 n
        c². Missing where a session has too few prices. Nothing crosses a night.

    Notes
    -----
    tsrv is the two-scale estimator with its small-sample factor: the mean of the slow scale's
    variance over all its offsets, less m / n times rv, with m = (n - K + 1) / K changes in each,
    over 1 - m / n.

    References
    ----------
    Zhang, Mykland and Aït-Sahalia (2005), A tale of two time scales, Journal of the American
    Statistical Association 100.
    """
    if price not in PRICES:
        raise ValueError(f"price must be one of {', '.join(PRICES)}, not {price!r}")
    if offsets < 1 or (slow is not None and slow < 2) or not pd.Timedelta(step) > pd.Timedelta(0):
        raise ValueError("offsets must be at least 1, slow at least 2, step above 0")
    rows = _market_prices(data, price) if isinstance(data, Market) else _table_prices(data)
    if symbol is not None:
        rows = rows[rows["symbol"].isin([symbol] if isinstance(symbol, str) else symbol)]
    lines = []
    for (name, day), part in rows.groupby(["symbol", "day"]):
        level = 1e4 * np.log(part["price"].to_numpy("float64"))
        at = part["time"].to_numpy("datetime64[ns]").astype("int64")
        lines.append((name, day, *_session(level, at, pd.Timedelta(step).value, offsets, slow)))
    return pd.DataFrame(lines, columns=_COLUMNS)


def _session(
    level: np.ndarray, at: np.ndarray, step: int, offsets: int, slow: int | None
) -> tuple[int, float, float, float, float]:
    n = len(level) - 1
    if n < 1:
        return n, np.nan, np.nan, np.nan, np.nan
    rv = float(np.sum(np.diff(level) ** 2))
    two = _two_scale(level, rv, slow or max(2, round(n / _SLOW_RETURNS)))
    return n, rv, _by_clock(level, at, step, offsets), two, (rv - two) / (2 * n)


def _two_scale(level: np.ndarray, rv: float, slow: int) -> float:
    n = len(level) - 1
    if n < 2 * slow:
        return np.nan
    many = (n - slow + 1) / slow
    mean = np.sum((level[slow:] - level[:-slow]) ** 2) / slow
    return float((mean - many / n * rv) / (1 - many / n))


def _by_clock(level: np.ndarray, at: np.ndarray, step: int, offsets: int) -> float:
    """Mean over the offsets of the sums on each grid, raised to the time that the prices span."""
    found = []
    for k in range(offsets):
        grid = np.arange(at[0] + k * step // offsets, at[-1] + 1, step)
        if len(grid) < 2:
            continue
        seen = level[np.searchsorted(at, grid, side="right") - 1]
        found.append(np.sum(np.diff(seen) ** 2) * (at[-1] - at[0]) / (grid[-1] - grid[0]))
    return float(np.mean(found)) if found else np.nan


def _market_prices(market: Market, price: str) -> pd.DataFrame:
    if price == "trade":
        rows = market["trades"][["symbol", "time", "seq", "price"]]
    else:
        quotes = best_quotes(market)
        if quotes is None:
            raise ValueError("the market has no quotes for a mid; price='trade' needs none")
        rows = quotes[["symbol", "time", "seq"]]
        rows = rows.assign(price=(quotes["bid"] + quotes["ask"]) / 2)
    return _in_order(with_day(rows, market))


def _table_prices(rows: pd.DataFrame) -> pd.DataFrame:
    lacking = [c for c in ("symbol", "day", "time", "price") if c not in rows.columns]
    if lacking:
        raise ValueError(f"the prices lack the columns {', '.join(lacking)}")
    return _in_order(rows)


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    low = int((rows["price"] <= 0).sum()) + int(np.isinf(rows["price"]).sum())
    if low:
        raise ValueError(f"price is not above 0, or infinite, in {low} rows")
    rows = rows[rows["price"].notna() & rows["day"].notna()]
    keys = [c for c in ("symbol", "time", "seq") if c in rows.columns]
    return rows.sort_values(keys, kind="stable", ignore_index=True)
