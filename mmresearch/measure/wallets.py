"""Several wallets, sub-accounts or venues of one owner as one account."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mmresearch.market import Market

_SERIES = ["account", "symbol"]


def join_accounts(market: Market, wallets: Mapping[str, str] | None = None) -> Market:
    """The market with each wallet named as the account it belongs to.

    Loaders name accounts as the source does: an address, a venue, a sub-account. Joined, what moves
    between wallets of one account nets out: such transfers are left out, for a source may tell only
    one side of them. Fills between two of them stay, as they pay fees. A joined position is
    the sum of the wallets' last reports, from when every wallet that ever reports the symbol has.

    Parameters
    ----------
    market : Market
    wallets : dict
        Wallet -> account, {"0xab": "fund", "binance": "fund"}; others keep their names.

    Returns
    -------
    Market
        With the extra column `wallet`, who it was, in fills and transfers; its receipt is that of
        the files, and what was left out is in the market given.

    Raises
    ------
    ValueError
        Wallets that the market does not have.
    """
    wallets = dict(wallets or {})
    named = ("fills", "transfers", "positions")
    tables = {name: market[name] for name in named if name in market}
    held = {name for table in tables.values() for name in table["account"].unique()}
    held |= {
        n
        for table in tables.values()
        if "counterparty" in table
        for n in table["counterparty"].dropna().unique()
    }
    unknown = sorted(set(wallets) - held)
    if unknown:
        raise ValueError(f"no wallets {unknown[:5]}; the market has {sorted(held)[:10]}")
    joined = {name: _renamed(table, wallets) for name, table in tables.items()}
    if "transfers" in joined:
        moved = joined["transfers"]
        joined["transfers"] = moved[moved["account"] != moved["counterparty"].fillna("")]
    if "positions" in joined:
        joined["positions"] = _summed(joined["positions"])
    return market.replace(**joined)


def _renamed(table: pd.DataFrame, wallets: dict[str, str]) -> pd.DataFrame:
    renamed = table.assign(wallet=table["account"], account=table["account"].replace(wallets))
    if "counterparty" in table:
        renamed["counterparty"] = table["counterparty"].replace(wallets)
    return renamed


def _summed(positions: pd.DataFrame) -> pd.DataFrame:
    """Each account's position: the sum of its wallets' last reports, once all have reported."""
    parts = []
    for (account, symbol), rows in positions.groupby(_SERIES, sort=False):
        wide = rows.pivot_table(index="time", columns="wallet", values="position", aggfunc="last")
        total = wide.ffill().dropna().sum(axis=1)
        known = {"time": total.index, "account": account, "symbol": symbol}
        parts.append(pd.DataFrame(known | {"position": total.to_numpy()}))
    return pd.concat(parts, ignore_index=True) if parts else positions.drop(columns="wallet")
