"""Hyperliquid: an account's fills, funding and ledger updates, and what it held at every fill.

Files are judged together: the order of one millisecond's fills, and what was held before them, can
depend on a row that another file holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.load.fills_export import fees as fills_fees
from mmresearch.load.hyperliquid.chain import in_order, openings, positions
from mmresearch.load.hyperliquid.files import SOURCE, Held, read_file
from mmresearch.load.hyperliquid.merge import fills_once, moves_once
from mmresearch.load.hyperliquid.notes import notes
from mmresearch.load.hyperliquid.units import with_units
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".lz4", ".gz", ".zst", ".zip")
_EXTRAS = ["order_id", "start_position", "direction", "closed_pnl", "hash", "twap_id"]
_EXTRAS += ["builder_fee", "liquidation"]
_MOVED = ["kind", "coin", "funding_rate"]


@tells
def hyperliquid(
    *files: str | Path | Iterable[str | Path],
    account: str | None = None,
    names: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Market:
    """An account's fills on Hyperliquid, its transfers, and the positions its fills report.

    Parameters
    ----------
    *files : path or paths
        Any of these, packed (lz4, gz, zst, zip) or not, also mixed: answers of `userFills`,
        `userFillsByTime`, `userTwapSliceFills`, `userFunding` and `userNonFundingLedgerUpdates`,
        or their records one a line; the node's hourly `node_fills_by_block`, `node_fills` and
        `node_trades`; the 16-column CSV export (Account, Coin, Execution Price, ..., Timestamp
        IST, Start Position, ...). Pages may overlap.
    account : str, optional
        The address. The API's answers do not say it: without it their account is the one that
        other files name, else "account". Of files that name accounts, only its rows are read.
    names : mapping, optional
        Pairs known by a number alone -> their tokens: {"@107": "HYPE/USDC"}.
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        fills: `side` is the account's (B +1, A -1); `maker` is not `crossed`; `fee` in the quote
        currency, positive paid, negative a rebate, builder's fee included. A fee paid in a token
        (who buys a pair pays in what it buys) is 0 there and a row of `transfers`. Fills of one
        millisecond are ordered so that each begins where the one before ended. Extra: fee_amount,
        fee_asset, order_id, start_position, direction, closed_pnl, hash, twap_id, builder_fee,
        liquidation. `counterparty` where a file holds both sides.
        transfers: fees in tokens, funding, and ledger updates, + into the account; `kind` is the
        API's word. A move between the account's own spot and perpetuals is two rows that come to
        nothing. Fills at price 0 (settled outcomes) are transfers of their token.
        positions: what `startPosition` says, just before every instant with fills of the coin, and
        what the last fill left. So `mm.ledger` opens right and `mm.reconcile` finds what is
        missing. A token that several pairs hold has none.
        symbols: a perpetual's asset is COIN-PERP, as its position is no balance of the token; it
        settles in USDC, or what its fees are in. A pair's are its tokens: by `names`, else by the
        assets of its fees. Ticks are not known.

    Raises
    ------
    SourceError
        Naming every fault of every file. Set aside instead, and kept in the receipt: repeated
        rows, and ledger updates that move nothing or are of a kind that is not known.
    """
    return at_once(SOURCE, files, ENDINGS, in_steps(account=account, names=names), name=name)


def in_steps(*, account: str | None, names: Mapping[str, str] | None) -> Steps:
    """Every file's fills and moves; then whose they are, each once, and in which order."""
    whole = partial(_whole, account=account, names=names or {})
    return Steps(partial(read_file, account=account), whole, (Held,), {"account": account})


def _whole(held: list[Held], account: str | None, names: Mapping[str, str]) -> Market:
    _refuse_twins(held)
    owner = account or _only_account(held) or "account"
    once = fills_once(held, account, owner)
    rows = in_order(with_units(once.fills, names))
    moved = moves_once(held, account, owner)
    if rows.is_empty() and not any(one.moves for one in held):
        found = "no fill and no transfer" + (f" of account {account}" if account else "")
        raise SourceError(SOURCE, [Fault(held[0].text.name, None, found, "some")])
    receipt = Receipt(
        SOURCE,
        pd.DataFrame([file_facts(one.text.path, one.count) for one in held]),
        pd.concat([once.aside, moved.aside], ignore_index=True),
        notes(held, rows, moved.transfers, owner if account is None else None),
    )
    tables = _tables(rows, moved.transfers)
    return Market(symbols=_symbols(rows), receipt=receipt, name=SOURCE, **tables)


def _refuse_twins(held: list[Held]) -> None:
    """Refuse files of one content, unless they hold nothing."""
    faults, seen = [], {}
    for one in held:
        content = hash(one.text.data)
        if content in seen and one.count:
            same = f"the same content as {seen[content]}"
            faults.append(Fault(one.text.name, None, same, "each file once"))
        seen.setdefault(content, one.text.name)
    if faults:
        raise SourceError(SOURCE, faults)


def _only_account(held: list[Held]) -> str | None:
    """The account that the files name, if they name one."""
    said = [one.fills["account"].drop_nulls().unique() for one in held]
    known = {*pl.concat(said), *(row.user for one in held for row in one.moves if row.user)}
    return known.pop() if len(known) == 1 else None


def _tables(rows: pl.DataFrame, moved: pl.DataFrame) -> dict[str, pd.DataFrame]:
    rows = rows.with_columns(
        money="currency",
        maker=~pl.col("crossed"),
        start_position="start",
    )
    free = pl.col("price") == 0
    fills = fills_fees.with_fee(rows.filter(~free))
    fees = fills_fees.fee_transfers(rows.filter(pl.col("fee_amount").is_not_null()))
    parts = [moved, _in_token(rows.filter(free)), fees.with_columns(kind=pl.lit(fills_fees.FEE))]
    tables = {"fills": fills_fees.fills_table(fills, _EXTRAS)} if fills.height else {}
    transfers = pl.concat(parts, how="diagonal").sort("time", "seq", maintain_order=True)
    transfers = transfers.with_columns(asset=_apart(rows))
    if transfers.height:
        tables["transfers"] = fills_fees.transfers_table(transfers, _MOVED)
    reports = pl.concat([openings(rows, moved), positions(rows)])
    if reports.height:
        tables["positions"] = fills_fees.table(reports)
    return tables


def _apart(rows: pl.DataFrame) -> pl.Expr:
    """Tokens that a perpetual is called like, apart from it, where no pair of theirs is there."""
    taken = sorted(set(rows["symbol"]) - set(rows["asset"]))
    asset = pl.col("asset")
    return pl.when(asset.is_in(taken)).then(asset + " token").otherwise(asset)


def _in_token(settled: pl.DataFrame) -> pl.DataFrame:
    """Fills for nothing: the token comes or goes, and no money."""
    return settled.select(
        "time",
        "seq",
        "account",
        "asset",
        "coin",
        amount=pl.col("side") * pl.col("size"),
        counterparty=pl.lit("settlement"),
        tx="trade_id",
        kind="direction",
    )


def _symbols(rows: pl.DataFrame) -> pd.DataFrame | None:
    if rows.is_empty():
        return None
    about = rows.unique("symbol", maintain_order=True).sort("symbol")
    return about.select("symbol", "asset", "currency", settlement="currency").to_pandas()
