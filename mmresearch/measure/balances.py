"""Balances: what each account holds of each asset, added up over its symbols and fees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.entries import CURRENCY, FILL, TRANSFER
from mmresearch.measure.fills import account_fills, of_account
from mmresearch.measure.marks import mark_entries

_SERIES = ["account", "asset"]
_KINDS = ["opening", "transfer", "funding", "fee", "fill"]  # of one (time, seq): in this order
_SUMS = {"fill": "traded", "fee": "fees", "funding": "funding", "transfer": "transferred"}

Held = dict[str, float] | dict[tuple[str, str], float]


def balances(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    currency: str | None = None,
    opening: Held | None = None,
) -> pd.DataFrame:
    """What each account holds of each asset after every fill, fee, funding payment and transfer.

    Where `ledger` books a position by symbol, this adds up an asset over its symbols: BNB bought in
    BNBBTC, sold in BNBUSDT and paid as a fee is one balance. A fill moves two assets, its fee a
    third. A derivative stands as the exposure it comes to: a linear contract as its asset against
    its currency, an inverse one of N as N / price of its asset against N of the currency.

    Parameters
    ----------
    market : Market
        With fills (or trades: then the aggregate maker's) or transfers.
    account : str or list of str, optional
        Default: all.
    currency : str, optional
        Adds what balances are worth in it, by the marks of the symbol that prices the asset in it.
    opening : dict, optional
        Units held before the first entry, by asset or (account, asset); else unknown: the balance
        is then relative to the first entry.

    Returns
    -------
    DataFrame
        A row an entry, ordered by account, asset, time, seq and kind.

        kind         "opening", "transfer", "funding", "fee" or "fill"
        symbol       of fills and their fees
        amount       units of the asset into the account
        balance      units held after the entry
        traded, fees (+ paid), funding, transferred
                     cumulative units; balance = opening + traded - fees + funding + transferred
        opening_known

        With `currency`: price (its units for one of the asset; missing if no symbol says), value,
        and cumulative in it traded_value, fees_value, funding_value, transferred_value (openings
        among them) and revaluation, what holding gained as prices moved. In every row value =
        transferred_value + traded_value - fees_value + funding_value + revaluation.

    Raises
    ------
    ValueError
        No entry at all, accounts or assets that are not there.
    """
    entries = pd.concat([_fills(market, account), _transfers(market, account)], ignore_index=True)
    _refuse(entries, market, account, opening)
    entries = pd.concat([_openings(entries, opening), entries], ignore_index=True)
    entries["kind"] = pd.Categorical(entries["kind"], _KINDS, ordered=True)
    entries = entries.sort_values([*_SERIES, "time", "seq", "kind"], kind="stable")
    book = entries.reset_index(drop=True)
    book["kind"] = book["kind"].astype("str")
    series = [book[name] for name in _SERIES]
    book["balance"] = book["amount"].groupby(series).cumsum()
    for kind, name in _SUMS.items():
        moved = book["amount"].where(book["kind"] == kind, 0.0)
        book[name] = (-moved if kind == "fee" else moved).groupby(series).cumsum()
    book["opening_known"] = (book["kind"] == "opening").groupby(series).transform("any")
    if currency is not None:
        book = book.join(_values(book, market, currency))
    return book.drop(columns="print")


def _fills(market: Market, account: str | Sequence[str] | None) -> pd.DataFrame:
    """Three rows a fill: the asset, the money it was exchanged for, the fee if it has one."""
    fills = account_fills(market, account=account)
    about = market.symbols.set_index("symbol").reindex(fills["symbol"])
    size = (fills["side"] * fills["size"]).to_numpy() * about["multiplier"].to_numpy()
    price = fills["price"].to_numpy()
    inverse = fills["symbol"].isin(market.inverse).to_numpy()
    names = {name: about[name].to_numpy(object) for name in ("asset", "currency", "settlement")}
    money = pd.Series(names["currency"]).fillna("currency").to_numpy(object)
    paid_in = pd.Series(names["settlement"]).fillna("currency").to_numpy(object)
    base = np.where(inverse, size / price, size)
    quote = np.where(inverse, -size, -size * price)
    legs = [
        _part(fills, names["asset"], "fill", base, price),
        _part(fills, money, "fill", quote, np.nan),
        _part(fills, paid_in, "fee", -fills["fee"].to_numpy(), np.nan),
    ]
    legs[2] = legs[2][fills["fee"].notna() & (fills["fee"] != 0)]
    return pd.concat(legs, ignore_index=True)


def _transfers(market: Market, account: str | Sequence[str] | None) -> pd.DataFrame:
    if "transfers" not in market:
        return _part(account_fills(market).iloc[:0], "", "transfer", 0.0, np.nan)
    moved = of_account(market["transfers"], account)
    kind = moved["counterparty"].where(moved["counterparty"].isin(["fee", "funding"]), "transfer")
    return _part(moved.assign(symbol=""), moved["asset"], kind, moved["amount"], np.nan)


def _part(
    table: pd.DataFrame,
    asset: np.ndarray | pd.Series | str,
    kind: pd.Series | str,
    amount: np.ndarray | pd.Series | float,
    price: np.ndarray | float,
) -> pd.DataFrame:
    known = table[["account", "time", "seq", "symbol"]]
    return known.assign(asset=asset, kind=kind, amount=amount, print=price).astype(
        {"asset": "str", "kind": "str", "symbol": "str"}
    )[["account", "asset", "time", "seq", "kind", "symbol", "amount", "print"]]


def _refuse(
    entries: pd.DataFrame,
    market: Market,
    account: str | Sequence[str] | None,
    opening: Held | None,
) -> None:
    if account is None and entries.empty:
        raise ValueError(f"{market.name!r} has no fills, trades or transfers to add up")
    wanted = [account] if isinstance(account, str) else list(account or [])
    lacking = sorted(set(wanted) - set(entries["account"]))
    if lacking:
        raise ValueError(f"no entries of the accounts {lacking[:5]}")
    asked = {key[1] if isinstance(key, tuple) else key for key in opening or {}}
    unknown = sorted(asked - set(entries["asset"]))
    if unknown:
        held = sorted(entries["asset"].unique())[:10]
        raise ValueError(f"opening names assets that never moved: {unknown[:5]}; there are {held}")


def _openings(entries: pd.DataFrame, opening: Held | None) -> pd.DataFrame:
    first = entries.groupby(_SERIES)["time"].min().reset_index()
    pairs = zip(first["account"], first["asset"], strict=True)
    held = [(opening or {}).get(pair, (opening or {}).get(pair[1], np.nan)) for pair in pairs]
    first = first.assign(seq=-1, symbol="", held=held).dropna(subset="held")
    return _part(first, first["asset"], "opening", first["held"].astype(float), np.nan)


def _values(book: pd.DataFrame, market: Market, currency: str) -> pd.DataFrame:
    """price, value and where the value came from, all in `currency`."""
    series = [book[name] for name in _SERIES]
    price = _prices(book, market, currency)
    before = book["balance"].groupby(series).shift().fillna(0.0)
    step = price.groupby(series).diff().fillna(0.0)
    worth = pd.DataFrame({"price": price, "value": book["balance"] * price})
    brought = {"traded": ["fill"], "fees": ["fee"], "funding": ["funding"]}
    brought["transferred"] = ["transfer", "opening"]
    for name, kinds in brought.items():
        moved = (book["amount"] * price).where(book["kind"].isin(kinds), 0.0)
        worth[f"{name}_value"] = (-moved if name == "fees" else moved).groupby(series).cumsum()
    worth["revaluation"] = (before * step).groupby(series).cumsum().where(price.notna())
    return worth


def _prices(book: pd.DataFrame, market: Market, currency: str) -> pd.Series:
    """Each asset's price in the currency at each entry: by the marks of a symbol of the two."""
    symbols = market.symbols
    direct = symbols[(symbols["currency"] == currency) & (symbols["asset"] != currency)]
    turned = symbols[(symbols["asset"] == currency) & (symbols["currency"] != currency)]
    homes = dict(zip(direct["asset"][::-1], direct["symbol"][::-1], strict=True))  # the first wins
    others = dict(zip(turned["currency"][::-1], turned["symbol"][::-1], strict=True))
    named = others | homes
    by = pd.Series([named.get(asset, "") for asset in book["asset"]], dtype="str")
    entries = pd.DataFrame(
        {
            "symbol": by,
            "time": book["time"],
            "seq": book["seq"],
            "kind": np.where(book["asset"] == currency, CURRENCY, TRANSFER),
            "price": book["print"],
            "series": book.groupby(_SERIES).ngroup(),
        }
    )
    own = (book["symbol"] == by) & book["print"].notna()
    entries.loc[own, "kind"] = FILL
    mark = mark_entries(entries, market)["mark"]
    return mark.where(book["asset"].isin([*homes, currency]), 1 / mark)
