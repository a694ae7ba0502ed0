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
    """All entries but the openings, not in order, and a row a series: its opening.

    `series` is each entry's row of these, by (account, symbol); the two names are categories, for a
    million texts are slow.
    """
    entries = _entries(market, account)
    (a, accounts), (s, symbols) = (pd.factorize(entries[name], sort=True) for name in _SERIES)
    series, pairs = pd.factorize(a * len(symbols) + s, sort=True)
    named = {"account": (a, accounts), "symbol": (s, symbols)}
    named = {name: pd.Categorical.from_codes(*which) for name, which in named.items()}
    entries = entries.assign(**named, series=series)
    which = np.divmod(pairs, max(len(symbols), 1))
    starts = {name: named[name].categories.take(k) for name, k in zip(_SERIES, which, strict=True)}
    return entries, _starts(entries, pd.DataFrame(starts, dtype="str"), market, opening)


def in_order(entries: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """The entries with the known openings, ordered by series, time and seq."""
    known = starts[starts["known"]]
    if len(known):
        first = _part(known, OPENING, seq=_FIRST, amount=known["opening"]).assign(
            series=known.index
        )
        entries = pd.concat([first.astype(entries.dtypes[_SERIES]), entries], ignore_index=True)
    series = entries["series"].to_numpy(np.min_scalar_type(len(starts)))  # short ones sort fast
    order = np.lexsort((entries["seq"], entries["time"].to_numpy("datetime64[ns]"), series))
    ordered = {name: column.array.take(order) for name, column in entries.items()}
    return pd.DataFrame(ordered, copy=False)


def _entries(market: Market, account: str | Sequence[str] | None) -> pd.DataFrame:
    """Reports before the events, transfers, fills, later reports; `amount` is what comes in."""
    fills = account_fills(market, account=account)
    size = fills["side"] * fills["size"]
    trades = _part(fills, FILL, amount=size, price=fills["price"], fee=fills["fee"])
    moves = [_moves(market, account)] if "transfers" in market else []
    early, late = _reports(market, account, [*moves, trades])
    parts = [part for part in (early, *moves, trades, late) if len(part)] or [trades]
    one = parts[0].reset_index(drop=True)
    entries = one if len(parts) == 1 else pd.concat(parts, ignore_index=True)
    _check_found(entries, market, account)
    return entries


def _moves(market: Market, account: str | Sequence[str] | None) -> pd.DataFrame:
    moved = symbol_transfers(market, account=account)
    money = [*market.symbols["currency"], *market.symbols["settlement"]]
    is_money = ~moved["symbol"].isin(market.symbols["symbol"]) & moved["symbol"].isin(money)
    return _part(moved, np.where(is_money, CURRENCY, TRANSFER), amount=moved["amount"])


def _check_found(
    entries: pd.DataFrame, market: Market, account: str | Sequence[str] | None
) -> None:
    if account is None and entries.empty:
        raise ValueError(f"{market.name!r} has no fills, trades, transfers or positions to book")
    if account is None:
        return
    wanted = [account] if isinstance(account, str) else list(account)
    lacking = sorted(set(wanted) - set(entries["account"].unique()))
    if lacking:
        held = account_fills(market)["account"].unique()[:5].tolist()
        raise ValueError(f"no entries of the accounts {lacking[:5]}; accounts with fills: {held}")


def _reports(
    market: Market, account: str | Sequence[str] | None, events: list[pd.DataFrame]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reported positions at or before the first event of their series, and those after it."""
    reports = reports_of(market)
    if reports is None:
        return events[0].iloc[:0], events[0].iloc[:0]
    events = pd.concat(events, ignore_index=True)
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
    }
    types = {"seq": "int64", "kind": "int64"}
    return pd.DataFrame(columns, index=table.index, copy=False).astype(types)


def _starts(
    entries: pd.DataFrame, starts: pd.DataFrame, market: Market, opening: Opening | None
) -> pd.DataFrame:
    """A row a series, in order: account, symbol, time of its first entry, opening, known, source.

    source: "given", "reported", "start_position" (of its first fill) or "unknown".
    """
    starts["time"] = entries["time"].groupby(entries["series"]).min()
    early = entries[(entries["kind"] == SNAPSHOT) & (entries["seq"] == _FIRST)]
    early = early.reindex(columns=["series", "reported", "said_by"])  # no report, nobody said
    last = early.groupby("series")[["reported", "said_by"]].last()
    starts["opening"], starts["source"] = last["reported"], last["said_by"].astype("str")
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
