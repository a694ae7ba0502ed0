"""The entries of a ledger in their order: openings, transfers, fills, reported positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmresearch.market import Market
from mmresearch.measure.fills import account_fills, of_account, symbol_transfers
from mmresearch.measure.reported import reports_of

OPENING, TRANSFER, FILL, SNAPSHOT, CURRENCY = range(5)
KINDS = ["opening", "transfer", "fill", "snapshot", "transfer"]
_FIRST, _LAST = -1, 2**62  # `seq` of entries before, and after, all events of their instant
_SERIES = ["account", "symbol"]

Opening = float | dict[str, float] | dict[tuple[str, str], float]


def entries_and_openings(
    market: Market, account: str | Sequence[str] | None, opening: Opening | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All entries but the openings, not in order, and a row a series: its opening."""
    entries = _entries(market, account)
    return entries, _starts(entries, market, opening)


def in_order(entries: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """The entries with the known openings, ordered, and `series`: the row of each in `starts`."""
    known = starts[starts["known"]]
    if len(known):
        first = _part(known, OPENING, seq=_FIRST, amount=known["opening"])
        entries = pd.concat([first, entries], ignore_index=True)
    series = entries.groupby(_SERIES).ngroup().to_numpy()
    order = np.lexsort((entries["seq"], entries["time"].to_numpy("datetime64[ns]"), series))
    return entries.assign(series=series).iloc[order].reset_index(drop=True)


def _entries(market: Market, account: str | Sequence[str] | None) -> pd.DataFrame:
    """Reports before the events, transfers, fills, later reports; `amount` is what comes in."""
    fills = account_fills(market, account=account)
    moved = symbol_transfers(market, account=account)
    money = [*market.symbols["currency"], *market.symbols["settlement"]]
    is_money = ~moved["symbol"].isin(market.symbols["symbol"]) & moved["symbol"].isin(money)
    moves = _part(moved, np.where(is_money, CURRENCY, TRANSFER), amount=moved["amount"])
    size = fills["side"] * fills["size"]
    trades = _part(fills, FILL, amount=size, price=fills["price"], fee=fills["fee"])
    early, late = _reports(market, account, pd.concat([moves, trades], ignore_index=True))
    parts = [early, moves, trades, late]
    entries = pd.concat(parts, ignore_index=True)
    _check_found(entries, market, account)
    return entries


def _check_found(
    entries: pd.DataFrame, market: Market, account: str | Sequence[str] | None
) -> None:
    if account is None and entries.empty:
        raise ValueError(f"{market.name!r} has no fills, trades, transfers or positions to book")
    wanted = [account] if isinstance(account, str) else list(account or [])
    lacking = sorted(set(wanted) - set(entries["account"].unique()))
    if lacking:
        held = account_fills(market)["account"].unique()[:5].tolist()
        raise ValueError(f"no entries of the accounts {lacking[:5]}; accounts with fills: {held}")


def _reports(
    market: Market, account: str | Sequence[str] | None, events: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reported positions at or before the first event of their series, and those after it."""
    reports = reports_of(market)
    if reports is None:
        return events.iloc[:0], events.iloc[:0]
    reports = of_account(reports, account)
    first = events.groupby(_SERIES)["time"].min().rename("first").reset_index()
    first = reports.merge(first, on=_SERIES, how="left")["first"]
    # where nothing but reports is known the first of them is the opening
    first = first.fillna(reports.groupby(_SERIES)["time"].transform("min").reset_index(drop=True))
    early = reports["time"].to_numpy("datetime64[ns]") <= first.to_numpy("datetime64[ns]")
    rows = _part(reports, SNAPSHOT, seq=np.where(early, _FIRST, _LAST), amount=0.0)
    rows[["reported", "said_by"]] = reports[["position", "said_by"]]
    return rows[early], rows[~early]


def _part(
    table: pd.DataFrame,
    kind: int | np.ndarray,
    *,
    amount: pd.Series | float,
    price: pd.Series | float = np.nan,
    fee: pd.Series | float = np.nan,
    seq: int | np.ndarray | None = None,
) -> pd.DataFrame:
    columns = {
        **{name: table[name] for name in ("account", "symbol", "time")},
        "seq": table["seq"] if seq is None else seq,
        "kind": kind,
        "amount": amount,
        "price": price,
        "fee": fee,
        "reported": np.nan,
        "said_by": "",
    }
    types = {"seq": "int64", "kind": "int64", "said_by": "str"}
    return pd.DataFrame(columns, index=table.index).astype(types)


def _starts(entries: pd.DataFrame, market: Market, opening: Opening | None) -> pd.DataFrame:
    """A row a series, in order: account, symbol, time of its first entry, opening, known, source.

    source: "given", "reported", "start_position" (of its first fill) or "unknown".
    """
    early = entries[(entries["kind"] == SNAPSHOT) & (entries["seq"] == _FIRST)]
    starts = entries.groupby(_SERIES).agg(time=("time", "min")).reset_index()
    last = early.groupby(_SERIES)[["reported", "said_by"]].last()
    last = last.rename(columns={"reported": "opening", "said_by": "source"}).reset_index()
    starts = starts.merge(last, on=_SERIES, how="left", sort=False)
    is_symbol = starts["symbol"].isin(market.symbols["symbol"])
    given = _given(starts, market, opening).where(is_symbol)
    starts["opening"] = given.fillna(starts["opening"])
    starts["source"] = starts["source"].fillna("unknown").mask(given.notna(), "given")
    starts["known"] = starts["opening"].notna()
    starts["opening"] = starts["opening"].fillna(0.0)
    return starts


def _given(starts: pd.DataFrame, market: Market, opening: Opening | None) -> pd.Series:
    """The opening given for each series, missing where none is."""
    if opening is None:
        return pd.Series(np.nan, index=starts.index)
    if not isinstance(opening, dict):
        return pd.Series(float(opening), index=starts.index)
    asked = {key[1] if isinstance(key, tuple) else key for key in opening}
    unknown = sorted(asked - set(market.symbols["symbol"]))
    if unknown:
        raise ValueError(f"opening names symbols that the market does not have: {unknown[:5]}")
    pairs = zip(starts["account"], starts["symbol"], strict=True)
    found = [opening.get(pair, opening.get(pair[1], np.nan)) for pair in pairs]
    return pd.Series(found, index=starts.index, dtype="float64")
