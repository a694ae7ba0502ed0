"""Realized variance by session: of every price, of a clock step, without the bounce, the jumps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.session_days import with_day

PRICES = ("trade", "mid")
_SLOW_RETURNS = 78  # five minutes in a session of six and a half hours
_ON_GRIDS = ["rv_step", "bipower", "quarticity"]
_COLUMNS = ["symbol", "day", "returns", "rv", *_ON_GRIDS, "jump", "tsrv", "noise"]


def realized_variance(
    data: pd.DataFrame | Market,
    *,
    symbol: str | Sequence[str] | None = None,
    price: str = "trade",
    step: str = "5min",
    offsets: int = 10,
    slow: int | None = None,
    stagger: int = 1,
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
    stagger : int
        Steps left out between the two factors of `bipower`: 0 takes neighbours, whose factors share
        the bounce of the price between them; 1 does not.

    Returns
    -------
    DataFrame
        symbol, day, returns (number of price changes n), rv (every price), rv_step (mean over
        offsets, each raised to the whole time), bipower (the same grids: the variance without
        jumps), quarticity (of the same grids, bps to the fourth; the squared error of rv_step is
        about 2/m of it, with m steps in the session), jump (rv_step less bipower, 0 where that is
        below 0: the floor puts it above 0 on average even without a jump), tsrv, noise: c² = (rv -
        tsrv) / (2 n), the half spread squared where prices bounce by coin: the expected rv is then
        the variance plus 2 n c², which `mm.bounce_test` tests. Missing where a session has too few
        prices. Nothing crosses a night. All are known when the session has ended.

    Notes
    -----
    tsrv is the two-scale estimator with its small-sample factor: the mean of the slow scale's
    variance over all its offsets, less m / n times rv, with m = (n - K + 1) / K changes in each,
    over 1 - m / n. On a grid of m steps with changes r, bipower is (π/2) m/(m - 1 - stagger) Σ
    |r_i| |r_(i-1-stagger)| and quarticity (m/3) Σ r⁴, which jumps do enter. Staggering takes the
    shared bounce out of the products, not the bounce out of the factors: at five minutes of a price
    that bounces, rv_step and bipower are both too large, about alike.

    References
    ----------
    Barndorff-Nielsen and Shephard (2004), Power and bipower variation with stochastic volatility
    and jumps, Journal of Financial Econometrics 2.
    Zhang, Mykland and Aït-Sahalia (2005), A tale of two time scales, Journal of the American
    Statistical Association 100.
    """
    wide = pd.Timedelta(step)
    if offsets < 1 or (slow is not None and slow < 2) or not wide > pd.Timedelta(0) or stagger < 0:
        raise ValueError("offsets must be at least 1, slow at least 2, step above 0, stagger not")
    lines = []
    for (name, day), part in session_prices(data, symbol=symbol, price=price):
        level = 1e4 * np.log(part["price"].to_numpy("float64"))
        at = part["time"].to_numpy("datetime64[ns]").astype("int64")
        grids = _by_clock(level, at, wide.value, offsets, stagger)
        n, rv, two, noise = _by_change(level, slow)
        jump = max(grids[0] - grids[1], 0.0) if np.isfinite(grids[1]) else np.nan
        lines.append((name, day, n, rv, *grids, jump, two, noise))
    return pd.DataFrame(lines, columns=_COLUMNS)


def session_prices(
    data: pd.DataFrame | Market, *, symbol: str | Sequence[str] | None = None, price: str = "trade"
) -> Iterator[tuple[tuple[str, pd.Timestamp], pd.DataFrame]]:
    """((symbol, day), prices in order of time) of each session, as in `realized_variance`."""
    if price not in PRICES:
        raise ValueError(f"price must be one of {', '.join(PRICES)}, not {price!r}")
    rows = _market_prices(data, price) if isinstance(data, Market) else _table_prices(data)
    if symbol is not None:
        rows = rows[rows["symbol"].isin([symbol] if isinstance(symbol, str) else symbol)]
    return iter(rows.groupby(["symbol", "day"]))


def _by_change(level: np.ndarray, slow: int | None) -> tuple[int, float, float, float]:
    """n, rv, tsrv and noise, of every change."""
    n = len(level) - 1
    if n < 1:
        return n, np.nan, np.nan, np.nan
    rv = float(np.sum(np.diff(level) ** 2))
    two = two_scale(level, slow or max(2, round(n / _SLOW_RETURNS)))
    return n, rv, two, (rv - two) / (2 * n)


def two_scale(level: np.ndarray, slow: int) -> float:
    """The two-scale variance of the log prices, missing below two slow changes."""
    n = len(level) - 1
    if n < 2 * slow:
        return np.nan
    many = (n - slow + 1) / slow
    rv = np.sum(np.diff(level) ** 2)
    mean = np.sum((level[slow:] - level[:-slow]) ** 2) / slow
    return float((mean - many / n * rv) / (1 - many / n))


def _by_clock(
    level: np.ndarray, at: np.ndarray, step: int, offsets: int, stagger: int
) -> list[float]:
    """Means over the offsets of each grid's measures, raised to the time that the prices span."""
    found = []
    for k in range(offsets):
        grid = np.arange(at[0] + k * step // offsets, at[-1] + 1, step)
        if len(grid) < 2:
            continue
        seen = level[np.searchsorted(at, grid, side="right") - 1]
        raised = (at[-1] - at[0]) / (grid[-1] - grid[0])
        found.append(_on_grid(np.diff(seen), stagger) * [raised, raised, raised**2])
    if not found:
        return [np.nan] * len(_ON_GRIDS)
    columns = np.transpose(found)
    return [float(c[~np.isnan(c)].mean()) if not np.isnan(c).all() else np.nan for c in columns]


def _on_grid(change: np.ndarray, stagger: int) -> np.ndarray:
    """Variance, bipower variation and quarticity of the changes of one grid."""
    m, apart = len(change), 1 + stagger
    size, bipower = np.abs(change), np.nan
    if m > apart:
        bipower = np.pi / 2 * m / (m - apart) * np.sum(size[apart:] * size[:-apart])
    return np.array([np.sum(size**2), bipower, m / 3 * np.sum(size**4)])


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
