"""What tells of token transfers: the vendors' tables, and the user's labels, decimals and blocks.

Layouts: Etherscan's "ERC-20 Token Txns" export of an address; ethereum-etl's token_transfers
(github.com/blockchain-etl/ethereum-etl, docs/schema.md); Dune's erc20_<chain>.evt_Transfer and
tokens.transfers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import polars as pl

from mmresearch.load import onchain, onchain_order
from mmresearch.load.onchain import Layout, address, label, raw, time, tx, units, whole
from mmresearch.receipt import Fault, SourceError

SOURCE = "erc20"
Table = str | Path | pd.DataFrame | Mapping
_MOST_DECIMALS = 255  # an unsigned byte, by the standard


_ENDS = {"sender": address("from"), "receiver": address("to")}
_DUNE = {"tx": tx("evttxhash|txhash"), "time": time("evtblocktime|blocktime"), **_ENDS}
_DUNE |= {"token": address("contractaddress", empty=True)}
_DUNE_MORE = {
    "log_index": whole("evtindex", empty=True),
    "block": whole("evtblocknumber|blocknumber", empty=True),
    "symbol": label("symbol|tokensymbol"),
    "chain": label("blockchain"),
}
LAYOUTS = (
    Layout(
        "Etherscan's export",
        "Transaction Hash, UnixTimestamp, From, To, TokenValue, ContractAddress",
        {
            "tx": tx("transactionhash|txhash"),
            "time": time("unixtimestamp"),
            "units": units("tokenvalue|value"),
            "token": address("contractaddress"),
            **_ENDS,
        },
        {"block": whole("blockno", empty=True), "symbol": label("tokensymbol")},
    ),
    Layout(
        "ethereum-etl's token_transfers",
        "token_address, from_address, to_address, value, transaction_hash, block_number",
        {
            "token": address("tokenaddress"),
            "sender": address("fromaddress"),
            "receiver": address("toaddress"),
            "raw": raw("value"),
            "tx": tx("transactionhash"),
            "block": whole("blocknumber"),
        },
        {"log_index": whole("logindex", empty=True), "time": time("blocktimestamp")},
    ),
    Layout(
        "Dune's transfers",
        "contract_address, evt_tx_hash or tx_hash, evt_block_time or block_time, from, to,"
        " value or amount_raw",
        {"raw": raw("value|amountraw"), **_DUNE},
        {"units": units("amount", empty=True), **_DUNE_MORE},
    ),
    Layout(
        "Dune's transfers in units",
        "the same with amount",
        {"units": units("amount"), **_DUNE},
        _DUNE_MORE,
    ),
)
_LABELS = Layout(
    "labels",
    "address, account (and source)",
    {"address": address("address"), "account": onchain.Field("account", r".*\S.*", "a name")},
    {"source": label("source")},
)
_DECIMALS = Layout(
    "decimals",
    "address, decimals (and symbol)",
    {
        "address": address("address|tokenaddress|contractaddress"),
        "decimals": whole("decimals", sign="[+-]?", empty=True),
    },
    {"symbol": label("symbol")},
)
_BLOCKS = Layout(
    "blocks",
    "number, timestamp",
    {"block": whole("number|blocknumber"), "time": time("timestamp|time|blocktimestamp")},
    {},
)


class Lookup(NamedTuple):
    """A table that the user gave: its rows, and what it is, for the receipt."""

    frame: pl.DataFrame
    note: str


def read_labels(labels: Table | None) -> Lookup:
    """address, account: one row a labelled address."""
    if labels is None:
        expected = "a table address, account (and source): pass labels='labels.csv'"
        raise SourceError(SOURCE, [Fault("labels", None, "nothing given", expected)])
    sheet = _given("labels", labels, _LABELS)
    rows = _once(sheet, "address", "account", "one account an address")
    accounts = rows["account"].n_unique()
    note = f"{_origin(sheet)}: {rows.height:,} addresses of {accounts:,} accounts"
    if "source" in rows:
        said = rows["source"].fill_null("unknown").value_counts(sort=True).iter_rows()
        note += "; sources: " + ", ".join(f"{name} {n}" for name, n in said)
    return Lookup(rows.select("address", "account"), note)


def read_decimals(decimals: Table | None) -> Lookup:
    """token, decimals, symbol (missing: not given): one row a token."""
    none = pl.DataFrame(schema={"token": pl.String, "decimals": pl.Int64, "symbol": pl.String})
    if decimals is None or (isinstance(decimals, Mapping) and not decimals):
        return Lookup(none, "decimals: no table was given")
    sheet = _given("decimals", decimals, _DECIMALS)
    known = sheet._replace(frame=sheet.frame.drop_nulls("decimals"))
    rows = _once(known, "address", "decimals", "one number of decimals a token")
    values = onchain.integer("decimals")
    bad = rows.filter(~values.is_between(0, _MOST_DECIMALS))
    if bad.height:
        found = f"{bad['decimals'][0]} decimals of {bad['address'][0]}"
        fault = Fault(sheet.name, bad["line"][0], found, f"0 to {_MOST_DECIMALS}")
        raise SourceError(SOURCE, [fault])
    symbol = pl.col("symbol") if "symbol" in rows else pl.lit(None, pl.String)
    table = rows.select(token="address", decimals=values, symbol=symbol)
    return Lookup(table, f"{_origin(sheet)}: {table.height:,} tokens")


def read_blocks(blocks: Table) -> Lookup:
    """block, time (UTC): one row a block."""
    sheet = _given("blocks", blocks, _BLOCKS)
    timed = onchain_order.timed(sheet)
    if isinstance(timed, list):
        raise SourceError(SOURCE, timed)
    numbered = onchain_order.rows_of(timed).with_columns(block=onchain.integer("block"))
    once = _once(sheet._replace(frame=numbered), "block", "time", "one time a block")
    return Lookup(once.select("block", "time"), f"{_origin(sheet)}: {once.height:,} blocks")


def _given(what: str, table: Table, layout: Layout) -> onchain.Sheet:
    """The rows of a table given as a file, a DataFrame, or a mapping of one column to the next."""
    if isinstance(table, str | Path):
        found = onchain.read(Path(table), [layout])
    else:
        frame = table
        if isinstance(table, Mapping):
            names = layout.header.partition(" (")[0].split(", ")
            frame = pd.DataFrame(list(table.items()), columns=names)
        found = onchain.held(what, frame, layout)
    if isinstance(found, list):
        raise SourceError(SOURCE, found)
    return found


def _once(sheet: onchain.Sheet, key: str, value: str, expected: str) -> pl.DataFrame:
    """Each key once; refuses a key that has two values."""
    rows = sheet.frame
    if key == "address":
        rows = rows.with_columns(onchain.one_writing(rows[key]).alias(key))
    first = pl.col(value).first().over(key)
    torn = rows.with_columns(first=first).filter(pl.col(value) != pl.col("first"))
    faults = [
        Fault(sheet.name, row["line"], f"{key} {row[key]}: {row['first']}, {row[value]}", expected)
        for row in torn.unique(key, maintain_order=True).iter_rows(named=True)
    ]
    if faults:
        raise SourceError(SOURCE, faults)
    return rows.unique(key, keep="first", maintain_order=True)


def _origin(sheet: onchain.Sheet) -> str:
    """What a table is, and if it is a file, its hash."""
    if sheet.path.name == sheet.layout:
        return f"{sheet.layout}: given as a table"
    digest = hashlib.sha256(sheet.path.read_bytes()).hexdigest()
    return f"{sheet.layout}: {sheet.name}, sha256 {digest[:16]}"
