"""Large orders made of many fills: runs of one side, their share of volume and their impact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.asof import known_before_by_symbol
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.realized import realized_variance
from mmresearch.measure.session_days import with_day

_SERIES = ["account", "symbol", "day"]
_ORDER = ["account", "symbol", "time", "seq"]
PUBLIC = "public tape"
_COLUMNS = [*_SERIES, "start", "end", "side", "fills", "quantity", "volume", "size"]
_COLUMNS += ["price_before", "price_after", "sigma_bps", "impact", "proxy", "own_session"]


def metaorders(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
    of: str = "auto",
    gap: str = "5min",
    after: str = "1s",
    fewest: int = 2,
) -> pd.DataFrame:
    """Runs of fills on one side, of each account or, as a proxy, of the public tape.

    Parameters
    ----------
    market : Market
        With trades, for the session's volume and volatility; fills of accounts; quotes or a book
        for the mid, else impacts are of trade prices.
    account, symbol : str or list, optional
        Which; all if not given.
    of : str
        "fills" of accounts; "trades": aggressors' prints of one side are taken for one trader's, a
        proxy, and flagged as one, for a run holds many traders, and an order's pauses end it.
        "auto": fills where there are any. A maker waits to be met, and its runs are no orders.
    gap : str
        The longest pause inside an order; a fill on the other side or a night ends it too.
    after : str
        How long after its last fill the price after it is read, inside the session.
    fewest : int
        Fills of an order.

    Returns
    -------
    DataFrame
        account, symbol, day, start, end, side (+1 bought), fills, quantity (units), volume (units
        printed in the session), size (their ratio), price_before (known before the first fill),
        price_after, sigma_bps, impact (side times the log change over sigma_bps), proxy, and
        own_session: sigma is the root of the realized variance (5-minute, of trades) of the last
        session before, or, for a symbol's first, of its own. Orders without a price before, of
        unknown side, or in sessions whose sigma is 0 are left out: attrs["dropped"] counts them.
    """
    if (
        fewest < 1
        or not pd.Timedelta(gap) > pd.Timedelta(0)
        or pd.Timedelta(after) < pd.Timedelta(0)
    ):
        raise ValueError("gap must be above 0, after 0 or more, fewest 1 or more")
    if "trades" not in market or not len(market["trades"]):
        raise ValueError("the market has no trades: the session's volume and volatility need them")
    if of not in ("auto", "fills", "trades"):
        raise ValueError(f"of must be 'auto', 'fills' or 'trades', not {of!r}")
    proxy = of == "trades" or not ("fills" in market and len(market["fills"]))
    if proxy and (account is not None or of == "fills"):
        where = "are of no account" if of == "trades" else "has no fills"
        what = "public prints" if of == "trades" else "the market"
        raise ValueError(f"{what} {where}: orders of accounts cannot be told")
    fills = _fills(market, account, symbol, proxy)
    runs = _runs(fills, pd.Timedelta(gap))
    few = int((runs["fills"] < fewest).sum())
    runs = runs[runs["fills"] >= fewest].reset_index(drop=True)
    runs = runs.merge(_sessions(market), on=["symbol", "day"], how="left")
    runs[["price_before", "price_after"]] = _prices(runs, market, pd.Timedelta(after))
    change = 1e4 * np.log(runs["price_after"] / runs["price_before"])
    runs = runs.assign(
        size=runs["quantity"] / runs["volume"],
        impact=runs["side"] * change / runs["sigma_bps"].where(runs["sigma_bps"] > 0),
        proxy=proxy,
    )
    bare = runs[["size", "impact"]].isna().any(axis=1)
    table = runs.loc[~bare, _COLUMNS].reset_index(drop=True)
    table.attrs = {"dropped": {f"of fewer than {fewest} fills": few, "no price": int(bare.sum())}}
    table.attrs["dropped"]["fills without side or session"] = int(fills.attrs["lost"])
    return table


def _fills(
    market: Market,
    account: str | Sequence[str] | None,
    symbol: str | Sequence[str] | None,
    proxy: bool,
) -> pd.DataFrame:
    """Fills in order with their day; the public tape's where they stand in for orders."""
    rows = market["trades"].assign(account=PUBLIC) if proxy else market["fills"]
    for name, chosen in (("account", account), ("symbol", symbol)):
        if chosen is None:
            continue
        listed = [chosen] if isinstance(chosen, str) else list(chosen)
        lacking = sorted(set(listed) - set(rows[name]))
        if lacking:
            raise ValueError(f"no fill of the {name} {', '.join(lacking)}")
        rows = rows[rows[name].isin(listed)]
    if "side" not in rows:
        rows = rows.assign(side=np.nan)
    kept = ["account", "symbol", "time", "seq", "side", "size"]
    rows = with_day(rows[kept].sort_values(_ORDER, kind="stable", ignore_index=True), market)
    known = rows["day"].notna() & rows["side"].notna()
    lost = int((~known).sum())
    rows = rows[known].reset_index(drop=True)
    rows.attrs = {"lost": lost}
    return rows


def _runs(fills: pd.DataFrame, gap: pd.Timedelta) -> pd.DataFrame:
    keys = [*_SERIES, "side"]
    same = (fills[keys] == fills[keys].shift()).all(axis=1)
    same &= fills["time"].diff() <= gap
    return (
        fills.groupby((~same).cumsum())
        .agg(
            **{name: (name, "first") for name in keys},
            start=("time", "first"),
            seq=("seq", "first"),
            end=("time", "last"),
            fills=("size", "size"),
            quantity=("size", "sum"),
        )
        .reset_index(drop=True)
    )


def _sessions(market: Market) -> pd.DataFrame:
    """Volume of each symbol's session, and the volatility of the last one before."""
    trades = with_day(market["trades"][["symbol", "time", "size"]], market)
    trades = trades[trades["day"].notna()]
    volume = trades.groupby(["symbol", "day"])["size"].sum().rename("volume").reset_index()
    variance = realized_variance(market)[["symbol", "day", "rv_step"]]
    table = volume.merge(variance, on=["symbol", "day"], how="left")
    before = table.groupby("symbol")["rv_step"].shift()
    own = before.isna()
    sigma = np.sqrt(before.where(~own, table["rv_step"]))
    return table.assign(sigma_bps=sigma, own_session=own).drop(columns="rv_step")


def _prices(runs: pd.DataFrame, market: Market, after: pd.Timedelta) -> np.ndarray:
    """The mid known before each first fill and that of `after` the last, else trade prices."""
    quotes = best_quotes(market)
    if quotes is not None and len(quotes):
        states = quotes[["symbol", "time", "seq"]]
        states = states.assign(price=(quotes["bid"] + quotes["ask"]) / 2)
    else:
        states = market["trades"][["symbol", "time", "seq", "price"]]
    states = states[states["price"].notna()]
    states = states.sort_values(["symbol", "time", "seq"], kind="stable", ignore_index=True)
    begun = runs[["symbol", "start", "seq"]].rename(columns={"start": "time"})
    # everything at that instant is known: no event has a larger seq
    last = np.iinfo(np.int64).max
    done = pd.DataFrame({"symbol": runs["symbol"], "time": runs["end"] + after, "seq": last})
    columns = [_known(events, states, runs["day"], market) for events in (begun, done)]
    return np.column_stack(columns)


def _known(
    events: pd.DataFrame, states: pd.DataFrame, days: pd.Series, market: Market
) -> np.ndarray:
    """The price last known before each event, missing where it is of another session."""
    order = events.sort_values(["symbol", "time", "seq"], kind="stable").index
    row = np.full(len(events), -1)
    row[order] = known_before_by_symbol(events.loc[order].reset_index(drop=True), states)
    if not len(states):
        return np.full(len(events), np.nan)
    then = states.iloc[np.maximum(row, 0)].reset_index(drop=True)
    same = with_day(then[["symbol", "time"]], market)["day"].to_numpy() == days.to_numpy()
    return np.where((row >= 0) & same, then["price"].to_numpy("float64"), np.nan)
