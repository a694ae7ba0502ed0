"""What moved into and out of each account: its fills and transfers as one table of events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Bars
from mmresearch.measure.fills import (
    infer_fills,
    of_account,
    shared_assets,
    shared_words,
    symbol_transfers,
)
from mmresearch.measure.quotes import best_quotes
from mmresearch.measure.reported import FROM_REPORTS, reported_flows

NO_FLOW = "no fill (and no transfer) of what was asked for; is any trade signed?"
_MOVES = ["bought", "sold", "moved"]
_COLUMNS = ["time", "seq", "account", "symbol", *_MOVES]
_FILL = ["time", "seq", "account", "side", "size"]


def account_flows(
    market: Market,
    *,
    account: str | Sequence[str] | None = None,
    symbol: str | Sequence[str] | None = None,
) -> tuple[pd.DataFrame, str]:
    """Every fill and every transfer of a symbol's asset, in units, and a note on their source.

    Without fills the account is the aggregate maker (`infer_fills`). Transfers are read for the
    accounts named, or for those that have fills. With reported positions alone the flows are their
    changes.

    Returns
    -------
    DataFrame
        time, seq, account, symbol, bought, sold (both 0 or more), moved (+ into the account);
        the fills first, then the transfers, each ordered by (time, seq).
    str
        What there is to know about the source, or "".

    Raises
    ------
    ValueError
        An account or a symbol that the market does not have, or a transfer whose asset is held by
        several symbols while `symbol` does not say which.
    """
    symbols = listed(symbol)
    _refuse_unknown("symbol", symbols, market.symbols["symbol"])
    if "positions" in market and not {"fills", "trades", "transfers"}.intersection(market):
        return _of_reports(market["positions"], listed(account), symbols), FROM_REPORTS
    fills, note = _fills(market, symbols)
    accounts = _accounts(fills, market.get("transfers"), listed(account))
    table = flows_of(fills, market, accounts, symbols)
    if table.empty:
        raise ValueError(NO_FLOW)
    refuse_idle("account", accounts, table)
    refuse_idle("symbol", symbols, table)
    return table, note


def flows_of(
    fills: pd.DataFrame, market: Market, accounts: list[str] | None, symbols: list[str] | None
) -> pd.DataFrame:
    """The flows of these accounts and symbols in the fills and in the market's transfers."""
    if accounts is not None:
        fills = fills[fills["account"].isin(accounts)]
    flows = [_of_fills(_of_symbols(fills, symbols))]
    if "transfers" in market:
        named = fills["account"].unique() if accounts is None else accounts
        flows.append(_of_transfers(market, list(named), symbols))
    return pd.concat([flow for flow in flows if len(flow)] or flows[:1], ignore_index=True)


def saved_flows(market: Market, symbol: str, accounts: list[str]) -> pd.DataFrame:
    """As `flows_of`, of one symbol, from fills that are read in blocks; accounts are categories."""
    flows = [_of_block(rows, accounts) for rows in market.blocks("fills", _FILL, symbol=symbol)]
    if "transfers" in market:
        moved = _of_transfers(market, accounts, [symbol]).drop(columns="symbol")
        flows.append(moved.assign(account=pd.Categorical(moved["account"], categories=accounts)))
    return pd.concat([flow for flow in flows if len(flow)] or flows[:1], ignore_index=True)


def _of_block(fills: pl.DataFrame, accounts: list[str]) -> pd.DataFrame:
    fills = fills.with_columns(account=pl.col("account").cast(pl.Enum(accounts), strict=False))
    own = fills.drop_nulls("account").rechunk()
    time, seq, number, side, size = (own[c].to_physical().to_numpy() for c in _FILL)
    flows = {"time": pd.Series(time.view("datetime64[ns]")).dt.tz_localize("UTC"), "seq": seq}
    flows["account"] = pd.Categorical.from_codes(number.astype("int32"), categories=accounts)
    flows |= {"bought": np.where(side > 0, size, 0.0), "sold": np.where(side > 0, 0.0, size)}
    return pd.DataFrame(flows, copy=False).assign(moved=0.0)


class Holdings:
    """What a symbol's accounts hold at the end of one stretch of time and the start of the next.

    accounts: in order. level: units. known: whether the level is. outside: units that came after
    the last session so far. late: the number of events that did.
    """

    def __init__(self, accounts: Sequence[str], levels: dict[str, tuple[float, bool]]) -> None:
        opening, known = zip(*(levels.get(a, (0.0, False)) for a in accounts), strict=True)
        self.accounts = np.array(accounts, dtype=object)
        self.level, self.known = np.array(opening, dtype=float), np.array(known, dtype=bool)
        self.outside, self.late = np.zeros(len(accounts)), 0


def flow_bars(bars: Bars, flows: pd.DataFrame, held: Holdings) -> dict[str, np.ndarray]:
    """Each account's flows and inventory, one value a bar; brings `held` to the stretch's end."""
    from mmresearch.measure import bar_kernels  # numba: loaded only here

    accounts, n = held.accounts, len(bars)
    number = pd.Categorical(flows["account"], categories=accounts).codes.astype("int64")
    time, seq, *moves = blocks.of_table(flows, ["time", "seq", *_MOVES]).values()
    table, late = np.zeros((len(accounts), n, 4)), np.zeros(len(accounts))
    count = bar_kernels.flow_bars(
        time, seq, blocks.constant(number), tuple(moves), bars.edges, table, late
    )
    buys, sells, transfer, overnight = (table[:, :, k].ravel() for k in range(4))
    flow = buys - sells + transfer
    if n:
        overnight[::n] += held.outside
        held.outside, held.late = np.zeros(len(accounts)), 0
    start, end = _inventory(held.level, overnight, flow)
    if n:
        held.level = end.reshape(len(accounts), n)[:, -1]
    held.outside, held.late = held.outside + late, held.late + count
    return {
        "account": np.repeat(np.asarray(accounts, dtype=object), n),
        "inventory_start": start,
        "inventory_end": end,
        "flow": flow,
        "trade_flow": buys - sells,
        "transfer_flow": transfer,
        "overnight_flow": overnight,
        "buys": buys,
        "sells": sells,
        "maker_volume": buys + sells,
        "opening_known": np.repeat(held.known, n),
    }


def _inventory(
    opening: np.ndarray, overnight: np.ndarray, flow: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Running sums of opening, overnight flow, flow, overnight flow, flow, ... for each account."""
    accounts = len(opening)
    bars = len(flow) // accounts
    steps = np.empty((accounts, 2 * bars + 1))
    steps[:, 0] = opening
    steps[:, 1::2] = overnight.reshape(accounts, bars)
    steps[:, 2::2] = flow.reshape(accounts, bars)
    level = steps.cumsum(axis=1)
    return level[:, 1::2].ravel(), level[:, 2::2].ravel()


def _fills(market: Market, symbols: list[str] | None) -> tuple[pd.DataFrame, str]:
    if "fills" in market and len(market["fills"]):
        return market["fills"], ""
    if "trades" not in market:
        if "transfers" in market:
            return pd.DataFrame(columns=["account", *_COLUMNS[:2]]), "no fills: transfers only"
        raise ValueError(f"market {market.name!r} has no fills, trades or transfers: no inventory")
    quotes = best_quotes(market)
    tape = {"trades": market["trades"]} | ({} if quotes is None else {"quotes": quotes})
    tape = {name: _of_symbols(table, symbols) for name, table in tape.items()}
    # with the calendars, for no quote of last night's session stands
    fills = infer_fills(Market(symbols=market.symbols, **tape))
    return fills, "no fills: the aggregate maker, inferred from the other side of every trade"


def _accounts(
    fills: pd.DataFrame, transfers: pd.DataFrame | None, accounts: list[str] | None
) -> list[str] | None:
    """The accounts asked for, if the market has them; those of transfers if it has no fills."""
    if accounts is None:
        return None if len(fills) or transfers is None else transfers["account"].unique().tolist()
    present = fills["account"].drop_duplicates()
    if transfers is not None:
        present = pd.concat([present, transfers["account"].drop_duplicates()])
    _refuse_unknown("account", accounts, present)
    return accounts


def _of_fills(fills: pd.DataFrame) -> pd.DataFrame:
    if fills.empty:
        return pd.DataFrame(columns=_COLUMNS)
    bought = fills["side"].to_numpy() > 0
    size = fills["size"].to_numpy()
    return fills[["time", "seq", "account", "symbol"]].assign(
        bought=np.where(bought, size, 0.0), sold=np.where(bought, 0.0, size), moved=0.0
    )


def _of_transfers(market: Market, accounts: list[str], symbols: list[str] | None) -> pd.DataFrame:
    shared = shared_assets(market, account=accounts, symbol=symbols)
    if shared:
        hint = "give one as symbol=, or a market with one of them"
        raise ValueError(f"{shared_words(shared)}; {hint}")
    own = symbol_transfers(market, account=accounts, symbol=symbols)
    own = own[own["symbol"].isin(symbols or market.symbols["symbol"])]
    return own.assign(bought=0.0, sold=0.0, moved=own["amount"])[_COLUMNS]


def _of_reports(
    positions: pd.DataFrame, accounts: list[str] | None, symbols: list[str] | None
) -> pd.DataFrame:
    _refuse_unknown("account", accounts, positions["account"])
    table = reported_flows(_of_symbols(of_account(positions, accounts), symbols))
    refuse_idle("symbol", symbols, table)
    return table[_COLUMNS]


def _of_symbols(table: pd.DataFrame, symbols: list[str] | None) -> pd.DataFrame:
    if symbols is None:
        return table
    return table[table["symbol"].isin(symbols)].reset_index(drop=True)


def listed(names: str | Sequence[str] | None) -> list[str] | None:
    """One name or several as a list; None stays None."""
    return [names] if isinstance(names, str) else None if names is None else list(names)


def _refuse_unknown(kind: str, names: list[str] | None, present: pd.Series) -> None:
    unknown = sorted(set(names or ()) - set(present))
    if unknown:
        shown = sorted(set(present))
        more = f" and {len(shown) - 20} more" if len(shown) > 20 else ""
        raise ValueError(f"no {kind} {unknown}; there are {', '.join(shown[:20])}{more}")


def refuse_idle(kind: str, names: list[str] | None, flows: pd.DataFrame) -> None:
    """Refuse accounts or symbols that were asked for and have no flow."""
    idle = sorted(set(names or ()) - set(flows[kind].unique()))
    if idle:
        raise ValueError(f"{kind} {idle} has no fill and no transfer in what was asked for")
