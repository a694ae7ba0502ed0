"""An account's fills: as recorded, or the aggregate maker's, inferred from the public tape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch import schema
from mmresearch.market import Market
from mmresearch.measure.signs import RULES, best_quotes, sign_trades

AGGREGATE = "aggregate maker"


def infer_fills(
    trades: pd.DataFrame | Market,
    quotes: pd.DataFrame | None = None,
    *,
    rule: str = "lee_ready",
    account: str = AGGREGATE,
) -> pd.DataFrame:
    """The fills of everyone who was passive, as one account: the other side of every aggressor.

    The account's side is minus the aggressor's: where customers buy, it sells. The tape's own side
    is used where it is known; where it is missing, `rule` signs the trade ("tick" always, the
    other rules only with quotes). A trade that stays unsigned gives no fill; how many those are is
    `len(trades) - len(fills)`.

    Parameters
    ----------
    trades : DataFrame or Market
        A trades table, or a market with trades (and quotes, if it has them).
    quotes : DataFrame, optional
        A quotes table.
    rule : str
        As in `sign_trades`.
    account : str
        The name the fills carry.

    Returns
    -------
    DataFrame
        A fills table: time, seq, symbol, price, size and trade_id of the trade, side (+1 the
        account bought), maker true; fee and counterparty are unknown.
    """
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r}; the rules are {', '.join(RULES)}")
    tape = trades["trades"] if isinstance(trades, Market) else schema.check(trades, "trades")
    if isinstance(trades, Market) and quotes is None:
        quotes = best_quotes(trades)
    aggressor = tape["side"].to_numpy()
    if np.isnan(aggressor).any() and (rule == "tick" or quotes is not None):
        inferred = sign_trades(trades, quotes, rule=rule)["side"].to_numpy()
        aggressor = np.where(np.isnan(aggressor), inferred, aggressor)
    return _other_side(tape, aggressor, account)


def account_fills(market: Market, *, account: str | Sequence[str] | None = None) -> pd.DataFrame:
    """The market's fills, or the aggregate maker's where the market has trades but no fills.

    `account`: a name, several, or None for all. Without fills and without trades: no rows.
    """
    if "fills" in market and len(market["fills"]):
        fills = market["fills"]
    elif "trades" in market:
        fills = infer_fills(market)
    else:
        fills = _no_rows("fills")
    return of_account(fills, account)


def of_account(table: pd.DataFrame, account: str | Sequence[str] | None) -> pd.DataFrame:
    """The rows of one account, of several, or all (None)."""
    if account is None:
        return table
    names = [account] if isinstance(account, str) else list(account)
    return table[table["account"].isin(names)].reset_index(drop=True)


def symbol_transfers(market: Market, *, account: str | Sequence[str] | None = None) -> pd.DataFrame:
    """The market's transfers with `symbol`: the one whose asset it is, or the asset's own name.

    Where several symbols hold one asset, a transfer cannot say which position it changed: it goes
    to the first of them in `market.symbols`, so their sum is right and the split is not known. A
    currency, or an asset of no symbol, keeps its own name. Without transfers: no rows.
    """
    moved = market["transfers"] if "transfers" in market else _no_rows("transfers")
    moved = of_account(moved, account)
    home = market.symbols.drop_duplicates("asset").set_index("asset")["symbol"]
    symbol = moved["asset"].map(home).fillna(moved["asset"]).astype("str")
    return moved.assign(symbol=symbol)


def _other_side(trades: pd.DataFrame, aggressor: np.ndarray, account: str) -> pd.DataFrame:
    signed = ~np.isnan(aggressor)
    kept = trades[signed].reset_index(drop=True)
    return pd.DataFrame(
        {
            "time": kept["time"],
            "seq": kept["seq"],
            "account": pd.Series(account, index=kept.index, dtype="str"),
            "symbol": kept["symbol"],
            "side": -aggressor[signed],
            "price": kept["price"],
            "size": kept["size"],
            "fee": np.nan,
            "maker": pd.Series(True, index=kept.index, dtype="boolean"),
            "counterparty": pd.Series(np.nan, index=kept.index, dtype="str"),
            "trade_id": kept["trade_id"],
        }
    )


def _no_rows(name: str) -> pd.DataFrame:
    """A table without rows, its columns in the schema's types."""
    types = {"time": "datetime64[ns, UTC]", "whole": "int64", "text": "str", "flag": "boolean"}
    columns = schema.columns(name)
    return pd.DataFrame({c.name: pd.Series(dtype=types.get(c.kind, "float64")) for c in columns})
