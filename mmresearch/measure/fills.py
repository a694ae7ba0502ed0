"""An account's fills: as recorded, or the aggregate maker's, inferred from the public tape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from mmresearch import schema
from mmresearch.market import Market
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.sign_rules import refuse_rule
from mmresearch.measure.signs import sign_by_mid, sign_trades

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
    other rules only with quotes), but never an auction's cross. A trade that stays unsigned gives
    no fill; how many those are is `len(trades) - len(fills)`.

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
    refuse_rule(rule)
    tape = trades["trades"] if isinstance(trades, Market) else schema.check(trades, "trades")
    if isinstance(trades, Market) and quotes is None:
        quotes = best_quotes(trades)
    aggressor = tape["side"].to_numpy()
    if np.isnan(aggressor).any() and (rule == "tick" or quotes is not None):
        inferred = sign_trades(trades, quotes, rule=rule)["side"].to_numpy()
        aggressor = _filled_in(tape, inferred)
    return _other_side(tape, aggressor, account)


def infer_by_mid(
    trades: pd.DataFrame, known_mid: Callable[[], np.ndarray], sessions: pd.DataFrame
) -> pd.DataFrame:
    """As `infer_fills` of one symbol's checked trades, by the mid that was known before each.

    It is asked for only where the side of a trade is missing.
    """
    aggressor = trades["side"].to_numpy()
    if np.isnan(aggressor).any():
        aggressor = _filled_in(trades, sign_by_mid(trades, known_mid(), sessions))
    return _other_side(trades, aggressor, AGGREGATE)


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


def symbol_transfers(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    symbol: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The market's transfers with `symbol`: the one whose asset it is, or the asset's own name.

    A currency, or an asset of no symbol, keeps its own name, and so does what an inverse contract
    settles in: it is money there, the position is in contracts. So does an asset that several
    symbols hold (of those in `symbol`, where given): the transfer does not say whose position it
    changed. Without transfers: no rows.
    """
    moved = market["transfers"] if "transfers" in market else _no_rows("transfers")
    moved = of_account(moved, account)
    homes = _homes(market, symbol).drop_duplicates("asset", keep=False)
    home = dict(zip(homes["asset"], homes["symbol"], strict=True))
    return moved.assign(symbol=[home.get(asset, asset) for asset in moved["asset"]])


def shared_assets(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    symbol: Sequence[str] | None = None,
) -> dict[str, list[str]]:
    """Assets that were moved while several symbols hold them, with those symbols."""
    if "transfers" not in market:
        return {}
    moved = of_account(market["transfers"], account)["asset"].unique()
    homes = _homes(market, symbol)
    shared = homes[homes["asset"].duplicated(keep=False) & homes["asset"].isin(moved)]
    return {asset: sorted(held) for asset, held in shared.groupby("asset")["symbol"]}


def shared_words(shared: dict[str, list[str]]) -> str:
    """What is not known where assets are shared."""
    return "transfers do not say which symbol's position they changed: " + "; ".join(
        f"{asset} is held in {', '.join(held)}" for asset, held in shared.items()
    )


def _homes(market: Market, symbol: Sequence[str] | None) -> pd.DataFrame:
    homes = market.symbols.loc[~market.symbols["symbol"].isin(market.inverse), ["symbol", "asset"]]
    return homes if symbol is None else homes[homes["symbol"].isin(symbol)]


def _filled_in(tape: pd.DataFrame, inferred: np.ndarray) -> np.ndarray:
    """The aggressor's side, where it is missing and there was one as it is inferred."""
    aggressor = tape["side"].to_numpy()
    return np.where(np.isnan(aggressor) & _continuous(tape), inferred, aggressor)


def _continuous(tape: pd.DataFrame) -> np.ndarray:
    """Prints that had an aggressor; an auction's cross (`event`, if the source says) had none."""
    if "event" not in tape:
        return np.ones(len(tape), dtype=bool)
    return (tape["event"] != "cross").to_numpy()


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
