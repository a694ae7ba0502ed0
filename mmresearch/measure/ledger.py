"""The ledger: every entry of every account, with position, cost, cash and profit after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.entries import (
    FILL,
    KINDS,
    OPENING,
    TRANSFER,
    Opening,
    entries_and_openings,
    in_order,
)
from mmresearch.measure.marks import booked_prices, mark_entries, texts, turned

_COLUMNS = [
    *["account", "symbol", "time", "seq", "kind", "flow", "price", "fee", "fee_known"],
    *["position", "average_cost", "cash", "realised", "unrealised", "fees", "transferred"],
    *["mid", "mark", "mark_source", "opening_known", "opening_source"],
    *["reported", "gap"],
]


def ledger(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    opening: Opening | None = None,
) -> pd.DataFrame:
    """Fills, transfers and reported positions as one account book, at average cost.

    Without fills the aggregate maker's are inferred from the trades (`infer_fills`). Transfers of a
    symbol's asset come in and go out at the mark, so by themselves they make no profit. Transfers
    of a currency move cash of the whole account: they stand under the currency's name, flow 0. An
    asset that is no symbol's, or of several symbols (a fee in BNB beside BNBBTC and BNBUSDT),
    stands under its own name, without a mark; `balances` adds up what is held of it. Positions,
    costs and marks run on from one session to the next.

    A reported position holds after every event up to and including its time; one at or before the
    first event of its account and symbol is taken as before it. The opening position is `opening`,
    else the last such report, else what the first fill's `start_position` says (a column that some
    venues have), else unknown: then the series starts at 0, relative to the first
    event. A known opening is an entry, at the time of the series' first entry and at the mark.

    Parameters
    ----------
    market : Market
        With fills, trades, transfers or positions; marks from its quotes and trades.
    account : str or list of str, optional
        Default: all.
    opening : number or dict, optional
        Units held before the first event: one number for all, or by symbol or (account, symbol).

    Returns
    -------
    DataFrame
        A row an entry, ordered by account, symbol, time, seq (equal seq: transfers before fills).
        seq is -1 for an opening and a report before the events, 2**62 for a report after them.

        kind            "opening", "fill", "transfer" or "snapshot" (a reported position)
        flow            units into the account's position; 0 for openings and snapshots
        price           of the fill; of openings and transfers the mark
        fee, fee_known  quote currency, + paid; an unknown fee counts as 0, fee_known is False
        position        units held after the entry, + long
        average_cost    quote currency a unit of the position, missing when flat
        cash            quote currency, from 0, fees deducted
        realised        profit of what was closed, cumulative, before fees
        unrealised      position * (mark - average_cost) * multiplier
        fees            cumulative
        transferred     value of transfers at the mark, cumulative, + into the account
        mid             last known up to and including the entry, by (time, seq)
        mark            what the position is valued at
        mark_source     "mid"; "trade", the last print, where no mid is known; "fill", the
                        account's own last; "later", the symbol's first of these, where none was
                        known yet; "currency" (1); "" (none)
        opening_known   whether the opening position was given or reported
        opening_source  "given", "reported", "start_position" or "unknown"
        reported, gap   of snapshots: the position reported, and reported - position

        In every row: cash + position * mark * multiplier = opening value + realised + unrealised
        - fees + transferred, where opening value is opening * its mark * multiplier.

        An inverse contract (`Market.inverse`) settles in its asset: cash, realised, unrealised and
        transferred are in that, as is the fee, and for prices the identity reads -1 / price.
    """
    entries, starts = entries_and_openings(market, account, opening)
    entries = in_order(entries, starts)
    entries = pd.concat([entries, mark_entries(entries, market)], axis=1)
    kind, series = entries["kind"].to_numpy(), entries["series"].to_numpy()
    booked = _accounts(entries, starts, market)
    columns = dict(entries.items()) | dict(booked.items())
    columns |= {name: texts(starts[name].array, series) for name in ("account", "symbol")}
    columns["kind"] = texts(KINDS, kind)
    columns["flow"] = np.where((kind == FILL) | (kind == TRANSFER), entries["amount"], 0.0)
    columns["fee_known"] = (kind != FILL) | entries["fee"].notna()
    columns["opening_known"] = starts["known"].to_numpy()[series]
    columns["opening_source"] = pd.Categorical(starts["source"]).take(series)
    columns["gap"] = entries["reported"] - booked["position"]
    return pd.DataFrame({name: columns[name] for name in _COLUMNS}, copy=False)


def _accounts(entries: pd.DataFrame, starts: pd.DataFrame, market: Market) -> pd.DataFrame:
    """The price each entry is booked at, and the accounts after it."""
    from mmresearch.measure.kernels import average_cost  # numba: loaded only here

    kind, series = entries["kind"].to_numpy(), entries["series"].to_numpy()
    price, multiplier, inverse = booked_prices(entries, starts, market)
    amount, fee = entries["amount"].to_numpy(), np.nan_to_num(entries["fee"].to_numpy())
    columns = ("position", "average_cost", "cash", "realised", "fees", "transferred")
    accounts = average_cost(series, kind, amount, turned(price, inverse), fee, multiplier)
    booked = {"price": price} | dict(zip(columns, accounts, strict=True))
    booked = pd.DataFrame(booked, copy=False)
    paper = turned(entries["mark"], inverse) - booked["average_cost"]
    paper *= booked["position"] * multiplier
    booked["unrealised"] = paper.where(booked["position"] != 0, 0.0)
    booked["average_cost"] = turned(booked["average_cost"], inverse)
    return booked


def opening_positions(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    opening: Opening | None = None,
) -> pd.DataFrame:
    """What each account held of each symbol before its first event, as `ledger` has it.

    Returns
    -------
    DataFrame
        A row a series: account, symbol, opening (units, 0 if unknown), known, cost (its mark at
        the first entry, quote currency a unit; missing if unknown).
    """
    entries, starts = entries_and_openings(market, account, opening)
    cost = _first_marks(entries, starts, market) if starts["known"].any() else np.nan
    starts = starts.assign(cost=cost)[["account", "symbol", "opening", "known", "cost"]]
    return starts[starts["symbol"].isin(market.symbols["symbol"])].reset_index(drop=True)


def _first_marks(entries: pd.DataFrame, starts: pd.DataFrame, market: Market) -> pd.Series:
    """The marks of the openings: of a series' fills only the first can bear on it."""
    entries = in_order(entries, starts)
    fills = entries[entries["kind"] == FILL].drop_duplicates("series")
    first = pd.concat([entries[entries["kind"] == OPENING], fills]).sort_index()
    first = first.reset_index(drop=True)
    marks = mark_entries(first, market)["mark"]
    opened = first["kind"] == OPENING
    return marks[opened].set_axis(first.loc[opened, "series"]).reindex(starts.index)
