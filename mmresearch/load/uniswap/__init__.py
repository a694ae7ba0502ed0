"""Uniswap v3: a pool as the market maker, its inventory in both tokens.

Files are judged together: the same minute or event may stand in two of them, a block's order runs
across them, and swaps must not count twice, as minutes and as events.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.load import onchain, onchain_order
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.told import tells
from mmresearch.load.uniswap import events as uniswap_events
from mmresearch.load.uniswap import minutes as uniswap_minutes
from mmresearch.load.uniswap.files import ENDINGS, EVENTS, MINUTES, addresses, read_file
from mmresearch.load.uniswap.pool import SOURCE, STEP, Pool, pool_of
from mmresearch.load.uniswap.tables import fills_and_trades, quotes, refuse_unfit, transfers
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError


@tells
def uniswap(
    *files: str | Path | Iterable[str | Path],
    token0: str | None = None,
    token1: str | None = None,
    decimals0: int | None = None,
    decimals1: int | None = None,
    fee: float | None = None,
    base: str | None = None,
    event: str | None = None,
    account: str = "pool",
    name: str | None = None,
) -> Market:
    """A Uniswap v3 pool from its minute flows, or from tables of its events.

    Parameters
    ----------
    *files : path or paths
        Of one pool, told by their headers. demeter-fetch's minute files (CSV: timestamp,
        netAmount0, netAmount1, closeTick, ..., inAmount0, inAmount1, currentLiquidity) and tick
        files; Swap, Mint, Burn and Collect as Dune, BigQuery or ethereum-etl decode them (CSV,
        Parquet); the subgraph's answers (JSON) or tables of them (CSV). Plain or packed, lists of
        them, folders, patterns.
    token0, token1 : str
        Names of the pool's tokens.
    decimals0, decimals1 : int
        Their decimals.
    fee : float
        The pool's fee as a share, 0.0005 for 0.05 %. These five are known for Polygon's USDC/WETH
        pool 0x45dd...0608, which its files name, and asked for else.
    base : str, optional
        The token that positions are in; the other is the currency. token1 if not given, or token0
        where only token1 is a currency (WETH/USDT).
    event : {"swap", "mint", "burn", "collect"}, optional
        Of tables whose columns and names do not tell (a burn's without its name).
    account : str
        The pool's name as an account.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        Symbol "WETH/USDC": prices in the currency a unit of the asset, calendar "24/7". Times
        without a zone are UTC.
        fills: the pool's side of every swap, +1 where it bought the asset. What comes in holds
        the fee, so `fee` is 0 and the fee is in the price. Of minute flows there is one fill a
        minute and direction, at the minute's last nanosecond, when it is known. Extra: `amount0`,
        `amount1` (the pool's, + in, whole numbers as text) and `fee_within`, currency: the fee
        in the price, which `spread_capture` takes out of it; a part may be the protocol's.
        trades: the same from the trader's side.
        quotes: price * (1 - fee) and price / (1 - fee), after each swap or at a minute's last
        nanosecond: what the next unit, if small, is bought and sold for. Sizes are missing, as
        the price moves with any; extra `liquidity` and `tick`. From sqrtPriceX96, or else from
        the tick: 1.0001**tick is token1 a token0 in smallest units, a price exact to one tick.
        transfers: both tokens of mints (+) and collects (-), no trades; of burns (-) instead if
        there are no collects, for what a burn frees leaves the pool when it is collected; of a
        swap that moved one token only (rounding). Extra `amount_raw`, `event`, ticks.
        What the pool held before is not known, and there are no `positions`.

    Raises
    ------
    SourceError
        Naming every fault of every file, and what must be said of the pool.
    """
    steps = in_steps(
        token0=token0,
        token1=token1,
        decimals0=decimals0,
        decimals1=decimals1,
        fee=fee,
        base=base,
        event=event,
        account=account,
    )
    return at_once(SOURCE, files, ENDINGS, steps, name=name)


def in_steps(*, base: str | None, event: str | None, account: str, **given: Any) -> Steps:
    """Every file's rows with their times; then the pool's, each once and in order.

    `given` is what the user says of the pool: names and decimals of its tokens, its fee.
    """
    if event is not None and event not in EVENTS:
        raise ValueError(f"no event {event!r}; give one of {', '.join(EVENTS)}")
    whole = partial(_whole, given=given, base=base, account=account)
    return Steps(partial(_read, event=event), whole, (onchain.Sheet,), {"event": event})


def _whole(sheets: list[onchain.Sheet], given: dict, base: str | None, account: str) -> Market:
    onchain.refuse_twins(SOURCE, sheets)
    pool = pool_of(addresses(sheets), given, base)
    found = _of_minutes(sheets) if _by_minute(sheets) else _of_events(sheets, pool)
    tables = _tables(found, pool, account)
    notes = (*_about(pool, account, tables), *found.notes, *onchain.open_ended(sheets))
    aside = onchain.aside(sheets, found.gone)
    about = {"symbol": pool.symbol, "asset": pool.asset, "currency": pool.currency}
    return Market(
        symbols=pd.DataFrame([about | {"calendar": "24/7"}]),
        receipt=Receipt(SOURCE, onchain.facts(sheets), aside, notes),
        name=f"{pool.symbol} pool",
        **tables,
    )


class _Found(NamedTuple):
    """What the files tell, in order of time.

    swaps: those that are trades; moves: what moves tokens without being one; states: the pool's
    price and liquidity; gone: the rows set aside (file, line, reason); notes: for the receipt.
    """

    swaps: pl.DataFrame
    moves: pl.DataFrame
    states: pl.DataFrame
    gone: pl.DataFrame
    notes: list[str]


def _read(path: Path, event: str | None) -> onchain.Sheet:
    found = read_file(path, event)
    if isinstance(found, onchain.Sheet):
        found = onchain_order.timed(found)
    if isinstance(found, onchain.Sheet) and found.layout == MINUTES.name:
        found = uniswap_minutes.faults_of(found) or found
    return onchain.sound(SOURCE, found)


def _by_minute(sheets: list[onchain.Sheet]) -> bool:
    """Whether the files are minute flows; never both, as a swap would count twice."""
    minutes = [sheet.layout == MINUTES.name for sheet in sheets]
    if any(minutes) and not all(minutes):
        name = sheets[minutes.index(False)].name
        found = "events beside minute flows: a swap would count twice"
        raise SourceError(SOURCE, [Fault(name, None, found, "one of both")])
    return all(minutes)


def _of_minutes(sheets: list[onchain.Sheet]) -> _Found:
    minutes, gone = uniswap_minutes.read_minutes(sheets)
    states = uniswap_minutes.states_of(minutes)
    ticks = states["tick"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    net = minutes.select(amount0="net0", amount1="net1")
    refuse_unfit(net, STEP**ticks, sheets[0].name)
    swaps = uniswap_minutes.swaps_of(minutes).with_columns(event=pl.lit("swap"))
    return _Found(*_apart(swaps), states, gone, uniswap_minutes.notes_on(minutes, states))


def _of_events(sheets: list[onchain.Sheet], pool: Pool) -> _Found:
    events, gone = uniswap_events.read_events(sheets, pool)
    swapped = events.filter(pl.col("event") == "swap")
    states = uniswap_events.states_of(swapped)
    refuse_unfit(swapped, states["ratio"].to_numpy(), sheets[0].name)
    number = pl.col("log_index").cast(pl.String)
    trade_id = pl.coalesce(pl.col("tx") + ":" + number, "tx")
    notes = uniswap_events.notes_on(sheets, events, gone)
    return _Found(*_apart(events.with_columns(trade_id=trade_id)), states, gone, notes)


def _apart(events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The swaps that are trades, and what moves tokens without being one."""
    nothing = pl.any_horizontal(pl.col("amount0", "amount1") == "0")
    trade = (pl.col("event") == "swap") & ~nothing
    return events.filter(trade), events.filter(~trade)


def _tables(found: _Found, pool: Pool, account: str) -> dict[str, pd.DataFrame]:
    """The schema's tables that have rows."""
    tables = {}
    if found.swaps.height:
        tables["fills"], tables["trades"] = fills_and_trades(found.swaps, pool, account)
    if found.states.height:
        tables["quotes"] = quotes(found.states, pool)
    if found.moves.height:
        tables["transfers"] = transfers(found.moves, pool, account)
    return tables


def _about(pool: Pool, account: str, tables: dict[str, pd.DataFrame]) -> list[str]:
    tokens = " and ".join(
        f"{t} ({d} decimals)" for t, d in zip(pool.tokens, pool.decimals, strict=True)
    )
    one_sided = int((tables["transfers"]["event"] == "swap").sum()) if "transfers" in tables else 0
    said = [
        f"pool {pool.address}: token0 and token1 are {tokens}; account {account!r} is the pool's",
        f"what comes in holds the fee of {pool.fee:.4%}: it is in the prices, fills have none",
        "what the pool held before the first event is not known",
    ]
    if "quotes" in tables:
        said.append("quotes have no sizes, as the price moves with any amount; see `liquidity`")
    if one_sided:
        said.append(f"{one_sided:,} swaps moved one token only, by rounding: they are transfers")
    return said
