"""Where inventory came from and went: fills and transfers by counterparty, venue, hour and more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.fills import account_fills, symbol_transfers

PROPERTIES = (
    *("account", "symbol", "asset", "currency", "counterparty", "venue"),
    *("hour", "day", "role", "side", "kind"),
)


PROPERTIES = (
    *("account", "symbol", "asset", "currency", "counterparty", "venue"),
    *("hour", "day", "role", "side", "kind"),
)
_SOURCES = ["account", "symbol", "kind", "counterparty"]


def flow_sources(market: Market, *, account: str | None = None) -> pd.DataFrame:
    """What came in and went out, by account, symbol, kind (fill, transfer) and counterparty.

    Without fills they are the aggregate maker's, inferred from the trades (`infer_fills`).

    Returns
    -------
    DataFrame
        received and delivered (units, both >= 0), net = received - delivered (+ into the account),
        events; largest gross flow first within an account and symbol. An unknown counterparty
        reads "unknown". Transfers of an asset that is no symbol's, or of several, stand under the
        asset's name. `flows` has more, by other properties.
    """
    table = flows(market, by=_SOURCES, account=account)
    gross = -(table["received"] + table["delivered"])
    order = np.lexsort((gross, table["symbol"], table["account"]))
    columns = [*_SOURCES, "received", "delivered", "events", "net"]
    return table.iloc[order].reset_index(drop=True)[columns]


def flows(
    market: Market,
    *,
    by: str | Sequence[str] = ("account", "symbol", "kind", "counterparty"),
    account: str | Sequence[str] | None = None,
    zone: str = "UTC",
) -> pd.DataFrame:
    """Fills and transfers added up by one or several of their properties.

    Units of different symbols do not add up, so rows are always apart by symbol. Transfers of a
    currency stand under its name.

    Parameters
    ----------
    market : Market
        With fills (or trades: then the aggregate maker's) or transfers.
    by : str or list of str
        account, symbol, asset, currency, counterparty, venue (a column `venue` of the fills; else
        the `wallet` that `join_accounts` keeps, else the account, as loaders name accounts by
        venue), hour (0 to 23) or day, both in `zone`, role ("maker", "taker", "unknown"), side
        ("bought", "sold"; of transfers "received", "delivered"), kind ("fill", "transfer").
    account : str or list of str, optional
        Default: all.
    zone : str
        Time zone of hours and days.

    Returns
    -------
    DataFrame
        The properties and symbol; events; received, delivered (units, 0 or more), net = received -
        delivered (+ into the account); turnover, size * price * multiplier of the fills in the
        symbol's currency (of an inverse contract size * multiplier), 0 for transfers; share of the
        symbol's turnover; fees (+ paid) of the fills whose fee is known. In order of the
        properties, hours and days in time, else the largest turnover first.

    Raises
    ------
    ValueError
        A property that is not known, an account without events.
    """
    names = [by] if isinstance(by, str) else list(by)
    unknown = [name for name in names if name not in PROPERTIES]
    if unknown or not names:
        raise ValueError(f"no property {unknown}; flows are by {', '.join(PROPERTIES)}")
    events = pd.concat([_fills(market, account), _transfers(market, account)], ignore_index=True)
    if events.empty:
        raise ValueError(f"no fill and no transfer of {account or 'any account'} to add up")
    events["received"] = events["amount"].clip(lower=0)
    events["delivered"] = -events["amount"].clip(upper=0)
    keys = list(dict.fromkeys([*names, "symbol"]))
    events = events.assign(**_properties(events, keys, market, zone))
    table = events.groupby(keys, sort=True).agg(
        events=("amount", "size"),
        received=("received", "sum"),
        delivered=("delivered", "sum"),
        turnover=("turnover", "sum"),
        fees=("fee", "sum"),
    )
    table = table.reset_index()
    table.insert(table.columns.get_loc("turnover"), "net", table["received"] - table["delivered"])
    total = table.groupby("symbol")["turnover"].transform("sum")
    table.insert(table.columns.get_loc("fees"), "share", table["turnover"] / total.where(total > 0))
    if not {"hour", "day"}.intersection(keys):
        table = table.sort_values("turnover", ascending=False, kind="stable", ignore_index=True)
    return table


def _fills(market: Market, account: str | Sequence[str] | None) -> pd.DataFrame:
    fills = account_fills(market, account=account)
    factor = fills["symbol"].map(market.symbols.set_index("symbol")["multiplier"]).astype("float64")
    price = fills["price"].where(~fills["symbol"].isin(market.inverse), 1.0)
    kept = fills.drop(columns=["price", "trade_id"])
    return kept.assign(
        kind="fill",
        amount=fills["side"] * fills["size"],
        turnover=fills["size"] * price * factor,
        fee=fills["fee"].fillna(0.0),
    )


def _transfers(market: Market, account: str | Sequence[str] | None) -> pd.DataFrame:
    moved = symbol_transfers(market, account=account)
    return moved.assign(kind="transfer", turnover=0.0, fee=0.0)


def _properties(
    events: pd.DataFrame, names: Sequence[str], market: Market, zone: str
) -> dict[str, pd.Series | np.ndarray]:
    """The values of each property, and only of those asked for."""
    about = market.symbols.set_index("symbol")

    def of_symbol(column: str) -> pd.Series:
        return events["symbol"].map(about[column]).fillna(events["symbol"])

    made = {
        "asset": lambda: of_symbol("asset"),
        "currency": lambda: of_symbol("currency"),
        "counterparty": lambda: events["counterparty"].fillna("unknown"),
        "venue": lambda: _venue(events),
        "hour": lambda: events["time"].dt.tz_convert(zone).dt.hour,
        "day": lambda: events["time"].dt.tz_convert(zone).dt.date,
        "role": lambda: _role(events),
        "side": lambda: _side(events),
    }
    return {name: made[name]() for name in names if name in made}


def _venue(events: pd.DataFrame) -> pd.Series:
    venue = events["account"]
    for column in ("wallet", "venue"):
        if column in events:
            venue = events[column].fillna(venue)
    return venue


def _side(events: pd.DataFrame) -> np.ndarray:
    came, filled = events["amount"].to_numpy() > 0, (events["kind"] == "fill").to_numpy()
    moved = np.where(came, "received", "delivered")
    return np.where(filled, np.where(came, "bought", "sold"), moved)


def _role(events: pd.DataFrame) -> np.ndarray:
    if "maker" not in events:  # transfers alone
        return np.full(len(events), "unknown")
    maker = events["maker"].astype("boolean")
    known = [maker.fillna(False).to_numpy(bool), (~maker).fillna(False).to_numpy(bool)]
    return np.select(known, ["maker", "taker"], "unknown")
