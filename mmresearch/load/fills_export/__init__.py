"""An account's executions as the venues' own APIs return them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.load import several
from mmresearch.load.fills_export import fees as fills_fees
from mmresearch.load.fills_export import records as fills_records
from mmresearch.load.fills_export.checks import notes
from mmresearch.load.fills_export.records import Records
from mmresearch.load.fills_export.rows import read_rows
from mmresearch.load.fills_export.units import with_units
from mmresearch.load.fills_export.venues import NAMES, Venue, rows_of, told
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError, file_facts

_SOURCE = "fills_export"
ENDINGS = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".zip", ".lz4", ".zst")


@tells
def fills_export(
    *files: str | Path | Iterable[str | Path],
    venue: str | None = None,
    account: str | None = None,
    name: str | None = None,
) -> Market:
    """An account's fills from answers of Binance, Bybit, Kraken, BitMEX, dYdX, Deribit, Coinbase.

    Parameters
    ----------
    *files : path or paths
        JSON as the API returned it, whole answers or the bare lists inside, or records one a line;
        packed or not. Pages may overlap: an execution that stands in two is kept once.
    venue : str, optional
        One of them in small letters, to insist on it; else a file's form tells.
    account : str, optional
        Whose executions these are. Else the venue's name, with the number it gives the account
        where it says that (BitMEX, dYdX, Coinbase): "bitmex 1234567".
    name : str, optional
        Of the market.

    Returns
    -------
    Market
        fills: `side` is the account's (+1 it bought), size as the venue counts it (contracts of
        BitMEX, of Binance's COIN-M; dollars of Deribit's inverse contracts), `maker` true where
        the account's order was resting, missing where the venue does not say. `fee` is in what the
        symbol settles in, positive paid, negative a rebate; a fee in another asset (Binance's BNB,
        Bybit's spot) is 0 there and a row of `transfers`. Extra: fee_amount, fee_asset, order_id
        and some of the venue's own columns.
        transfers: those fees (counterparty "fee"), and funding of Bybit and BitMEX (counterparty
        "funding", `instrument`: its contract), + into the account.
        symbols: inverse contracts settle in their asset. A position in another derivative is in
        contracts, not in coins: its asset is the symbol. Ticks are not known.

    Raises
    ------
    SourceError
        Naming every fault of every file. Set aside instead, and kept in the receipt: repeated
        executions, and records that are none (BitMEX' new and cancelled orders).
    """
    if venue is not None and venue not in NAMES:
        raise ValueError(f"no venue {venue!r}; the venues are {', '.join(NAMES)}")
    one = functools.partial(_one, venue=venue, account=account)
    market = several.each(_SOURCE, files, ENDINGS, one, name=name)
    if not market.receipt.rows_read:
        found = Fault(market.receipt.files["file"].iloc[0], None, "no execution", "executions")
        raise SourceError(_SOURCE, [found])
    return market


def _one(path: Path, *, venue: str | None, account: str | None) -> Market:
    found = fills_records.read_roots(_SOURCE, path)
    if isinstance(found, list):
        raise SourceError(_SOURCE, found)
    held = [rows_of(root) for root in found.roots]
    wrong = [
        Fault(found.name, line, said, "executions as an API returns them")
        for line, said in zip(found.lines, held, strict=True)
        if isinstance(said, str)
    ]
    if wrong:
        raise SourceError(_SOURCE, wrong)
    rows = [row for some in held for row in some]
    if not rows:  # a page past the last
        receipt = Receipt(_SOURCE, pd.DataFrame([file_facts(path, 0)]))
        return Market(receipt=receipt, fills=fills_fees.no_fills())
    form = told(found.name, rows, venue)
    if isinstance(form, Fault):
        raise SourceError(_SOURCE, [form])
    return _market(path, Records(found.text, rows, form.marks[0]), form, account)


def _market(path: Path, records: Records, form: Venue, account: str | None) -> Market:
    kept, aside = read_rows(_SOURCE, records, form)
    rows = with_units(kept, form.name).with_columns(account=_account(kept, form, account))
    fills = fills_fees.with_fee(rows.filter(pl.col("kind") == "fill"))
    moved = pl.concat([_funding(rows), _fees(fills)]).sort("time", "seq", maintain_order=True)
    tables = {}
    if fills.height:
        tables["fills"] = fills_fees.fills_table(fills, list(form.extras.values()))
    if moved.height:
        tables["transfers"] = fills_fees.transfers_table(moved, ["instrument"])
    facts = pd.DataFrame([file_facts(path, len(records.rows))])
    receipt = Receipt(_SOURCE, facts, aside, notes(records, form, rows, account))
    return Market(symbols=_symbols(rows), receipt=receipt, name=form.name, **tables)


def _account(rows: pl.DataFrame, form: Venue, account: str | None) -> pl.Expr:
    """As given, else the venue's name, with its number of the account where it says one."""
    venue = form.name.split()[0]
    if account is not None or "account_said" not in rows.columns:
        return pl.lit(account or venue)
    return pl.coalesce(pl.format("{} {}", pl.lit(venue), "account_said"), pl.lit(venue))


def _fees(fills: pl.DataFrame) -> pl.DataFrame:
    return fills_fees.fee_transfers(fills).with_columns(instrument=pl.lit(None, pl.String))


def _funding(rows: pl.DataFrame) -> pl.DataFrame:
    """Funding paid is a fee that the venue states as one: positive went out of the account."""
    paid = rows.filter((pl.col("kind") == "funding") & pl.col("fee_amount").is_not_null())
    return paid.select(
        "time",
        "seq",
        "account",
        asset=pl.coalesce("fee_asset", "money", "symbol"),
        amount=-pl.col("fee_amount"),
        counterparty=pl.lit("funding"),
        tx="trade_id",
        instrument="symbol",
    )


def _symbols(rows: pl.DataFrame) -> pd.DataFrame:
    about = rows.unique("symbol", maintain_order=True).sort("symbol")
    columns = ["symbol", "asset", "currency", "multiplier"]
    return about.select(*columns, settlement="money").to_pandas()
