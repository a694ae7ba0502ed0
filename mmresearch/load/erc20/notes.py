"""What a reader of token transfers must know, in words."""

from __future__ import annotations

import polars as pl

from mmresearch.load.onchain import Sheet

_ZERO = "0x" + "0" * 40
_SHOWN = 3


def notes_on(sheets: list[Sheet], kept: pl.DataFrame, names: pl.DataFrame) -> list[str]:
    """Notes for the receipt, with counts of the rows that were kept."""
    return [
        *(f"{n} of {layout}" for layout, n in _layouts(sheets)),
        *_kinds(kept),
        *_order(kept),
        *_symbols(kept, names),
        "amounts are the float64 nearest to the exact number, which is in amount_exact: none is"
        " off by more than 1.2e-16 of itself",
        "what was held before the first transfer is not known",
    ]


def _layouts(sheets: list[Sheet]) -> list[tuple[str, str]]:
    names = [sheet.layout for sheet in sheets]
    return [(name, _files(names.count(name))) for name in dict.fromkeys(names)]


def _files(n: int) -> str:
    return f"{n:,} file{'s' * (n > 1)}"


def _kinds(kept: pl.DataFrame) -> list[str]:
    both = pl.all_horizontal(pl.col("from_account", "to_account").is_not_null())
    counts = kept.select(
        both.sum().alias("both"),
        (pl.col("sender") == _ZERO).sum().alias("minted"),
        (pl.col("receiver") == _ZERO).sum().alias("burned"),
        (pl.col("amount") == 0).sum().alias("nothing"),
    ).row(0, named=True)
    said = [
        f"{kept.height:,} transfers touch a labelled address, {counts['both']:,} of them at both"
        " ends: these give two rows, which sum to 0"
    ]
    if counts["minted"] or counts["burned"]:
        said.append(
            f"{counts['minted']:,} are mints (from the zero address), {counts['burned']:,} burns"
            " (to it); the counterparty of these is that address"
        )
    if counts["nothing"]:
        said.append(f"{counts['nothing']:,} move an amount of 0, as fake transfers do")
    return said


def _order(kept: pl.DataFrame) -> list[str]:
    """On the order inside a block, and on rows that could be repetitions."""
    without = kept.filter(pl.col("log_index").is_null())
    if without.is_empty():
        return ["seq is the number of the log in its block (blocks of one second: one by one)"]
    content = pl.struct("tx", "token", "sender", "receiver", "amount_exact")
    alike = without.select((~content.is_first_distinct()).sum()).item()
    said = [f"{without.height:,} transfers have no log index: seq is their row in the file"]
    if alike:
        said.append(
            f"{alike:,} of them equal another of their transaction; nothing tells whether they"
            " are repetitions: kept"
        )
    return said


def _symbols(kept: pl.DataFrame, names: pl.DataFrame) -> list[str]:
    held = names.filter(pl.col("id").is_in(kept["id"].unique().implode()))
    said = []
    shared = held.filter(pl.col("shared") & pl.col("given").is_null())
    for (symbol,), tokens in shared.group_by("symbol", maintain_order=True):
        shown = ", ".join(tokens["id"].head(_SHOWN))
        said.append(f"other tokens call themselves {symbol} too: {shown} go by their address")
    unnamed = held.filter(pl.col("symbol").is_null() & pl.col("given").is_null()).height
    if unnamed:
        said.append(f"{unnamed:,} tokens have no symbol, or several: their address is the asset")
    twice = held.group_by("given").agg(pl.len().alias("n")).drop_nulls()
    for symbol, n in twice.filter(pl.col("n") > 1).sort("given").iter_rows():
        said.append(f"asset {symbol} is {n:,} tokens, as the table of decimals says")
    return said
