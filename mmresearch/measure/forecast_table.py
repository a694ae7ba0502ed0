"""Realized variance and what may foretell it, each with the instant at which it was known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.bars import nanoseconds
from mmresearch.measure.panel import panel
from mmresearch.measure.provision import provision
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.realized import realized_variance, session_prices

_CONTRACT = """\
account|name|whose inventory|start
symbol|name||start
day|date|the session's date|start
bar|number|0 is the first of the session|start
start|UTC|as in `panel`|start
end|UTC|as in `panel`|end
known|UTC|when the row is known: its end|end
time_of_day|seconds|from the session's open to the start|start
gap|flag|first bar of a session before which a session is missing|start
rv|bps^2|realized variance of the row; which prices and steps attrs["variance"] says|end
quarticity|bps^4|of whole sessions, as in `realized_variance`|end
abs_inventory|units|size of inventory_end, whichever its sign|end
inventory_imbalance|multiple|abs_inventory over its mean of earlier days; missing on the first|end
withdrawal|share|of seconds in which the account did not quote both sides|end
order_flow_imbalance|multiple|size of the order flow imbalance over depth|end
depth|units|mean size displayed at the best bid and ask|end
spread_bps|basis points|mean quoted spread of the market|end
market_volume|units|size of all public prints|end
"""
FORECAST_TABLE = pd.DataFrame(
    [line.split("|") for line in _CONTRACT.splitlines()],
    columns=["column", "unit", "sign", "known"],
)
PREDICTORS = ("inventory_imbalance", "withdrawal", "order_flow_imbalance", "depth", "spread_bps")
_LACKING = {
    "inventory_imbalance": "the account's inventory is nowhere in the market",
    "withdrawal": "the account's own quotes are not in the market",
    "order_flow_imbalance": "there are no quotes with sizes",
    "depth": "there are no quotes with sizes on a clock",
    "spread_bps": "there are no quotes on a clock",
}


def forecast_table(
    market: Market,
    *,
    freq: str = "1D",
    account: str | None = None,
    symbol: str | None = None,
) -> pd.DataFrame:
    """The table that `volatility_forecast` reads: variance, predictors, and when each was known.

    Parameters
    ----------
    market : Market
        As for `panel`.
    freq : str
        "1D", a row a session, or a clock step such as "5min", a row a bar.
    account, symbol : str, optional
        Which; needed where the market has several.

    Returns
    -------
    DataFrame
        The columns of `FORECAST_TABLE`, in order of time. Everything in a row is known at its end,
        `known`, and may foretell the rows after it. Sessions: rv is `rv_step` of mids, or of trade
        prices where there are no quotes. Bars: the sum of squared log changes in the bar, of mids,
        or of trade prices, whose bounce is then in it. attrs: "variance" (in words), "predictors"
        (those of the usual ones that are known and change), "unknown" (column -> why not).

    Raises
    ------
    ValueError
        Several accounts or symbols and none chosen; what `panel` refuses.
    """
    bars = panel(market, freq=freq, account=account, symbol=symbol)
    for name in ("account", "symbol"):
        several = bars[name].unique()
        if len(several) > 1:
            shown = ", ".join(map(str, several[:3]))
            raise ValueError(f"{len(several)} values of {name} ({shown}, ...): choose one")
    table = bars[["account", "symbol", "day", "bar", "start", "end"]].assign(known=bars["end"])
    table = table.assign(time_of_day=bars["time_of_day"], gap=bars["gap"])
    name = str(table["symbol"].iloc[0])
    variance, words = _variance(market, bars, name, whole=freq == "1D")
    table = table.join(variance)
    table = table.assign(abs_inventory=bars["inventory_end"].abs())
    table["inventory_imbalance"] = _imbalance(table["abs_inventory"], table["day"])
    table["withdrawal"] = np.nan
    if "own_quotes" in market:
        who = str(table["account"].iloc[0])
        given = provision(market, freq=freq, account=who, symbol=name)
        keys = ["day", "bar"]
        share = 1 - given.set_index(keys)["two_sided"]
        table["withdrawal"] = share.reindex(pd.MultiIndex.from_frame(table[keys])).to_numpy()
    depth = bars["depth"]
    table["order_flow_imbalance"] = bars["order_flow_imbalance"].abs() / depth.where(depth > 0)
    table = table.assign(depth=depth, spread_bps=bars["spread_bps"])
    table = table.assign(market_volume=bars["market_volume"])[FORECAST_TABLE["column"].tolist()]
    changes = {n: _changes(table[n]) for n in PREDICTORS}
    unknown = {n: _LACKING[n] for n in PREDICTORS if table[n].isna().all()}
    unknown |= {n: "it does not change" for n in PREDICTORS if not changes[n] and n not in unknown}
    told = [n for n in PREDICTORS if changes[n]]
    table.attrs = {"freq": freq, "variance": words, "predictors": told, "unknown": unknown}
    return table


def join_known(
    table: pd.DataFrame,
    other: pd.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    at: str = "known",
    within: str | pd.Timedelta = "10D",
) -> pd.DataFrame:
    """The table with columns of another one, each as it was last known at the row's `known`.

    Parameters
    ----------
    table : DataFrame
        With `known`, as `forecast_table` makes it.
    other : DataFrame
        The columns, and `at`, the instant at which its row was known (published, not reported of).
    columns : sequence of str, optional
        All numbers that the table has not, if not given.
    at : str
    within : str
        How old a value may be; older ones are missing.

    Returns
    -------
    DataFrame
        With each column and `<column>_known`. Where no row of the other was known in time, the
        column is missing throughout, attrs["apart"] says from when to when it was known, and
        `volatility_forecast` refuses it with that reason.
    """
    if columns is None:
        columns = [c for c in other.select_dtypes("number").columns if c not in table]
    faults = [f"the table has no column {c}" for c in ("known",) if c not in table]
    faults += [f"the other has no column {c}" for c in (at, *columns) if c not in other]
    faults += [f"the table has a column {c} already" for c in columns if c in table]
    if faults:
        raise ValueError("; ".join(faults))
    known = other[[at, *columns]].dropna(subset=[at]).sort_values(at, kind="stable")
    now, then = nanoseconds(table["known"]), nanoseconds(known[at])
    row = np.searchsorted(then, now, side="right") - 1
    fresh = row >= 0
    fresh[fresh] &= now[fresh] - then[row[fresh]] <= pd.Timedelta(within).value
    made, apart = table.copy(), dict(table.attrs.get("apart", {}))
    for name in columns:
        taken = known[name].to_numpy("float64")[np.maximum(row, 0)] if len(known) else np.nan
        made[name] = np.where(fresh, taken, np.nan)
        stamps = table["known"]  # of the type that a time has here, where no row is known
        if len(known):
            stamps = known[at].iloc[np.maximum(row, 0)].set_axis(table.index)
        made[f"{name}_known"] = stamps.where(fresh)
        if not fresh.any() and len(known):
            apart[name] = f"from {known[at].iloc[0]:%Y-%m-%d} to {known[at].iloc[-1]:%Y-%m-%d}"
    made.attrs = dict(table.attrs) | {"apart": apart}
    return made


def _variance(
    market: Market, bars: pd.DataFrame, symbol: str, *, whole: bool
) -> tuple[pd.DataFrame, str]:
    """Rv and quarticity of each row, and in words what they are of."""
    quotes = best_quotes(market)
    price = "trade" if quotes is None else "mid"
    of = "trade prices, with their bounce" if quotes is None else "mids"
    if whole:
        found = realized_variance(market, symbol=symbol, price=price).set_index("day")
        found = found[["rv_step", "quarticity"]].reindex(bars["day"])
        found = found.rename(columns={"rv_step": "rv"}).set_index(bars.index)
        return found, f"five-minute changes of {of}, averaged over ten grids"
    rv = bars["realized_variance"] if quotes is not None else _of_trades(market, bars, symbol)
    return pd.DataFrame({"rv": rv, "quarticity": np.nan}), f"every change of {of}"


def _of_trades(market: Market, bars: pd.DataFrame, symbol: str) -> np.ndarray:
    """Squared log changes of trade prices, each in the bar in which it came about."""
    end = nanoseconds(bars["end"])
    total = np.zeros(len(bars))
    seen = np.zeros(len(bars), bool)
    for _, part in session_prices(market, symbol=symbol):
        at = nanoseconds(part["time"])[1:]
        square = np.diff(1e4 * np.log(part["price"].to_numpy("float64"))) ** 2
        place = np.searchsorted(end, at, side="left")
        inside = place < len(end)
        np.add.at(total, place[inside], square[inside])
        seen[place[inside]] = True
    return np.where(seen, total, np.where(np.isnan(bars["trade_price"]), np.nan, total))


def _changes(values: pd.Series) -> bool:
    """Whether values differ by more than rounding."""
    return bool(values.max() - values.min() > 1e-9 * values.abs().max())


def _imbalance(size: pd.Series, day: pd.Series) -> np.ndarray:
    """Over the mean of all rows of earlier days."""
    by_day = size.groupby(day, sort=True).agg(["sum", "count"]).cumsum().shift()
    mean = (by_day["sum"] / by_day["count"]).reindex(day).to_numpy()
    return size.to_numpy() / np.where(mean > 0, mean, np.nan)
