"""Token transfers of labelled addresses: what moved into and out of each account on a chain.

Files are judged together: a transfer may stand in the exports of both its addresses, and whether a
symbol is one token's alone only all files tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pandas as pd
import polars as pl

from mmresearch.load import onchain, onchain_order, text
from mmresearch.load.erc20.amounts import asset_names, with_amounts
from mmresearch.load.erc20.files import (
    LAYOUTS,
    SOURCE,
    Lookup,
    Table,
    read_blocks,
    read_decimals,
    read_labels,
)
from mmresearch.load.erc20.notes import notes_on
from mmresearch.load.steps import Steps, at_once
from mmresearch.load.told import tells
from mmresearch.market import Market
from mmresearch.receipt import Fault, Receipt, SourceError

ENDINGS = onchain.ENDINGS
NATIVE = "native"  # what has no contract: the chain's own coin
_COLUMNS = ("raw", "units", "log_index", "block", "symbol", "chain")
_CONTENT = ["tx", "token", "sender", "receiver", "amount_exact"]
_STRANGE, _INSIDE = "no labelled address", "between addresses of one account"
_REPEATED = "repeated"


@tells
def erc20(
    *files: str | Path | Iterable[str | Path],
    labels: Table | None = None,
    decimals: Table | None = None,
    blocks: Table | None = None,
    name: str | None = None,
) -> Market:
    r"""Transfers of ERC-20 tokens into and out of the accounts that own labelled addresses.

    Parameters
    ----------
    *files : path or paths
        Told by their headers: Etherscan's export of an address's token transfers (CSV),
        ethereum-etl's `token_transfers` (CSV, Parquet), Dune's `evt_Transfer` or
        `tokens.transfers` (CSV, Parquet). Plain or packed, lists of them, folders, patterns.
    labels : path, DataFrame or dict
        Whose an address is: address, account, and source (who says so). Several addresses may
        belong to one account. Nothing is labelled but what stands here.
    decimals : path, DataFrame or dict, optional
        The decimals of each token: address, decimals and, where the asset shall have that name,
        symbol. Tables in whole numbers (ethereum-etl, Dune) need it.
    blocks : path, DataFrame or dict, optional
        number, timestamp of each block, where the files have no times (ethereum-etl's CSV).
    name : str, optional
        Of the market.

    Addresses may be checksummed, lower case, padded to 32 bytes, or written as `\x...`. Times
    without a zone are UTC.

    Returns
    -------
    Market
        transfers: a row for each labelled side of a transfer: + into the account, - out of it, in
        units of the token. Between two accounts there are two rows, which sum to 0. What moves
        between addresses of one account is set aside, as it changes nothing. `counterparty` is
        the other side's account, or else its address; a mint comes from the zero address, a burn
        goes there. `asset` is the symbol that `decimals` gives, else the files' symbol if it is
        one token's alone, else the address. Extra: `token` (address), `amount_exact` (every
        digit, as text), `amount_raw` (in the smallest unit, missing where decimals are not
        known), `log_index`, `block`.
        symbols: one an asset, without a currency. Time is the block's; `seq` is the number of the
        log in its block, or the row in the file where there is none. What was held before the
        first transfer is not known, and transfers that are not in the files are missing.

    Raises
    ------
    SourceError
        Naming every fault of every file, and every token whose decimals are not known. Set aside
        instead, and kept in the receipt: rows without a labelled address, transfers inside an
        account, repeated rows.
    """
    steps = in_steps(labels=labels, decimals=decimals, blocks=blocks)
    return at_once(SOURCE, files, ENDINGS, steps, name=name)


def in_steps(*, labels: Table | None, decimals: Table | None, blocks: Table | None) -> Steps:
    """Every file's rows with their times; then whose they are, and what stands twice."""
    owners, known = read_labels(labels), read_decimals(decimals)
    whole = partial(_whole, owners=owners, known=known, blocks=blocks)
    return Steps(_read, whole, (onchain.Sheet,), {})


def _read(path: Path) -> onchain.Sheet:
    found = onchain.read(path, LAYOUTS)
    if isinstance(found, onchain.Sheet) and "time" in found.frame.columns:
        found = onchain_order.timed(found)
    return onchain.sound(SOURCE, found)


def _whole(
    sheets: list[onchain.Sheet], owners: Lookup, known: Lookup, blocks: Table | None
) -> Market:
    onchain.refuse_twins(SOURCE, sheets)
    _refuse_mixed(sheets)
    rows = _owned(_rows(sheets, blocks), owners.frame)
    names = asset_names(rows, known.frame)
    kept, gone = _sorted_out(sheets, rows, known.frame)
    kept = kept.join(names.select("id", "asset"), on="id", how="left", maintain_order="left")
    transfers = _transfers(kept)
    notes = (owners.note, known.note, *notes_on(sheets, kept, names), *onchain.open_ended(sheets))
    aside = onchain.aside(sheets, gone)
    assets = transfers["asset"].unique().sort().to_pandas()
    return Market(
        symbols=pd.DataFrame({"symbol": assets, "asset": assets, "calendar": "24/7"}),
        receipt=Receipt(SOURCE, onchain.facts(sheets), aside, notes),
        name=SOURCE,
        transfers=transfers.to_pandas(),
    )


def _sorted_out(
    sheets: list[onchain.Sheet], rows: pl.DataFrame, known: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The transfers that change an account, with their amounts; and what is set aside, and why."""
    nobodys = pl.col("from_account").is_null() & pl.col("to_account").is_null()
    ours = with_amounts(sheets, rows.filter(~nobodys), known)
    onchain_order.conflicts(SOURCE, sheets, ours, _CONTENT)
    ours = ours.with_columns(reason=_reasons(ours))
    strange = rows.filter(nobodys).with_columns(reason=pl.lit(_STRANGE))
    place = ["file", "line", "reason"]
    gone = pl.concat([strange.select(place), ours.drop_nulls("reason").select(place)])
    return ours.filter(pl.col("reason").is_null()), gone


def _refuse_mixed(sheets: list[onchain.Sheet]) -> None:
    """Refuse files of which some number their logs: one transfer could not be known in both."""
    with_index = ["log_index" in sheet.frame.columns for sheet in sheets]
    if any(with_index) and not all(with_index):
        without = sheets[with_index.index(False)]
        found = f"{without.layout}, without log indices, beside files that have them"
        expected = "files of one kind, or a transfer could count twice: load them apart"
        raise SourceError(SOURCE, [Fault(without.name, None, found, expected)])


def _rows(sheets: list[onchain.Sheet], blocks: Table | None) -> pl.DataFrame:
    """The rows of every file, in one writing, with their times and their order."""
    undated = any(sheet.times is None for sheet in sheets)
    table = read_blocks(blocks).frame if blocks is not None and undated else None
    frames, faults = [], []
    for number, sheet in enumerate(sheets):
        found = _dated(sheet, table) if sheet.times is None else onchain_order.rows_of(sheet)
        if isinstance(found, list):
            faults += found
        else:
            frames.append(_uniform(found).with_columns(file=pl.lit(number, pl.UInt32)))
    if faults:
        raise SourceError(SOURCE, faults)
    rows = pl.concat(frames)
    several = rows["chain"].n_unique() > 1
    token = pl.col("token")
    named = pl.concat_str(pl.col("chain").fill_null("?"), token, separator=":")
    seq = onchain_order.block_order("log_index", "block")
    return rows.with_columns(seq=seq, id=named if several else token)


def _uniform(frame: pl.DataFrame) -> pl.DataFrame:
    """The same columns whatever the layout; hashes and addresses in one writing."""
    lacking = [pl.lit(None, pl.String).alias(c) for c in _COLUMNS if c not in frame.columns]
    hexes = ("tx", "token", "sender", "receiver")
    frame = frame.with_columns(lacking)
    frame = frame.with_columns(onchain.one_writing(frame[c]).alias(c) for c in hexes)
    numbers = (onchain.integer(c) for c in ("log_index", "block"))
    frame = frame.with_columns(*numbers, token=pl.col("token").fill_null(NATIVE))
    return frame.select("line", "time", "place", *hexes, *_COLUMNS)


def _dated(sheet: onchain.Sheet, blocks: pl.DataFrame | None) -> pl.DataFrame | list[Fault]:
    """The rows with the times of their blocks."""
    if blocks is None:
        expected = "a column block_timestamp, or blocks=, a table number, timestamp"
        return [Fault(sheet.name, None, "no times of blocks", expected)]
    own = pl.col("block").str.replace(r"\.0+$", "").cast(pl.Int64).alias("number")
    rows = sheet.frame.with_columns(own)
    rows = rows.join(blocks, left_on="number", right_on="block", how="left", maintain_order="left")
    lost = rows.filter(pl.col("time").is_null())
    if lost.height:
        found = f"block {lost['number'][0]}, of no known time"
        lines = lost["line"].to_list()
        return [text.rows_fault(sheet.name, lines, found, "a block of the table blocks=")]
    return onchain_order.placed_rows(rows)


def _owned(rows: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The rows with the accounts of both ends, where they are labelled."""
    for end, account in (("sender", "from_account"), ("receiver", "to_account")):
        owner = labels.select(pl.col("address").alias(end), pl.col("account").alias(account))
        rows = rows.join(owner, on=end, how="left", maintain_order="left")
    return rows


def _reasons(ours: pl.DataFrame) -> pl.Series:
    """Why a row with a labelled address is set aside; missing: it is kept."""
    inside = (pl.col("from_account") == pl.col("to_account")).fill_null(False)
    repeated = onchain_order.again(ours, _CONTENT)
    why = pl.when(repeated).then(pl.lit(_REPEATED)).when(inside).then(pl.lit(_INSIDE))
    return ours.select(why.alias("reason")).to_series()


def _transfers(kept: pl.DataFrame) -> pl.DataFrame:
    """A row out of the sender's account and one into the receiver's, where they are labelled."""
    sent = kept.filter(pl.col("from_account").is_not_null())
    received = kept.filter(pl.col("to_account").is_not_null())
    sides = [
        _side(sent, "from_account", pl.coalesce("to_account", "receiver"), out=True),
        _side(received, "to_account", pl.coalesce("from_account", "sender"), out=False),
    ]
    ordered = pl.concat(sides).sort("time", "seq", "file", "line", maintain_order=True)
    return ordered.drop("file", "line")


def _side(rows: pl.DataFrame, account: str, other: pl.Expr, *, out: bool) -> pl.DataFrame:
    moves = pl.col("amount") != 0  # there is no -0

    def signed(digits: str) -> pl.Expr:
        return (
            pl.when(moves).then("-" + pl.col(digits)).otherwise(digits) if out else pl.col(digits)
        )

    return rows.select(
        "time",
        "seq",
        "file",
        "line",
        "asset",
        "tx",
        "token",
        "log_index",
        "block",
        account=account,
        amount=pl.when(moves & out).then(-pl.col("amount")).otherwise("amount"),
        counterparty=other,
        amount_exact=signed("amount_exact"),
        amount_raw=signed("amount_raw"),
    )
