"""Where an inventory came from: flow by counterparty and by transfer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.fills import account_fills, symbol_transfers

_KEYS = ["account", "symbol", "kind", "counterparty"]


def flow_sources(market: Market, *, account: str | None = None) -> pd.DataFrame:
    """What came in and went out, by account, symbol, kind (fill, transfer) and counterparty.

    Without fills they are the aggregate maker's, inferred from the trades (`infer_fills`).

    Returns
    -------
    DataFrame
        received and delivered (units, both >= 0), net = received - delivered (+ into the account),
        events; largest gross flow first within an account and symbol. An unknown counterparty
        reads "unknown". Transfers of an asset that is no symbol's stand under the asset's name.
    """
    flows = pd.concat([_fills(market), _transfers(market)], ignore_index=True)
    if account is not None:
        flows = flows[flows["account"] == account]
    flows = flows.assign(
        counterparty=flows["counterparty"].fillna("unknown"),
        received=flows["amount"].clip(lower=0),
        delivered=-flows["amount"].clip(upper=0),
    )
    table = flows.groupby(_KEYS, as_index=False).agg(
        received=("received", "sum"), delivered=("delivered", "sum"), events=("amount", "size")
    )
    table["net"] = table["received"] - table["delivered"]
    gross = -(table["received"] + table["delivered"])
    order = np.lexsort((gross, table["symbol"], table["account"]))
    return table.iloc[order].reset_index(drop=True)


def _fills(market: Market) -> pd.DataFrame:
    fills = account_fills(market)
    amount = fills["side"] * fills["size"]
    return fills[["account", "symbol", "counterparty"]].assign(kind="fill", amount=amount)


def _transfers(market: Market) -> pd.DataFrame:
    moved = symbol_transfers(market)
    return moved[["account", "symbol", "counterparty", "amount"]].assign(kind="transfer")
