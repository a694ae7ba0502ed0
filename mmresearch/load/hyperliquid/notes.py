"""What was understood of Hyperliquid's files, in words and counts, for the receipt."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from mmresearch.load.hyperliquid.files import Held

_USUAL = ("Open Long", "Open Short", "Close Long", "Close Short", "Long > Short", "Short > Long")
_USUAL += ("Buy", "Sell")


def notes(
    held: Sequence[Held], rows: pl.DataFrame, moved: pl.DataFrame, guessed: str | None
) -> tuple[str, ...]:
    """`guessed` is the account of rows that do not say theirs, where the user did not either."""
    silent = any(one.moves or one.fills["account"].null_count() for one in held)
    found = [note for one in held for note in one.notes]
    if guessed is not None and silent:
        found.append(f"account {guessed!r}, as the API's answers do not say it: pass account=")
    return (*found, *_of_fills(rows), *_of_tokens(rows), *_of_moves(moved))


def _of_fills(rows: pl.DataFrame) -> list[str]:
    if rows.is_empty():
        return []
    accounts, coins = rows["account"].n_unique(), rows["coin"].n_unique()
    first = rows["linked"].null_count()
    linked = int(rows["linked"].sum())
    torn = rows.filter(~pl.col("linked"))
    found = [
        f"{rows.height:,} fills of {accounts:,} accounts in {coins:,} coins, side by the account",
        f"{linked:,} of {rows.height - first:,} fills begin where the one before of their coin"
        " ended",
    ]
    if torn.height:
        row = torn.row(0, named=True)
        found.append(
            f"{torn.height:,} fills do not, the first {row['coin']} of {row['account']} at"
            f" {row['time'] // 10**6} ms: fills, or moves of a token, are missing before them"
        )
    lacking = rows["start"].null_count()
    found += [f"{lacking:,} fills do not say their start position"] if lacking else []
    kinds = rows.filter(~pl.col("direction").is_in(_USUAL))["direction"].value_counts(sort=True)
    said = ", ".join(f"{n:,} {kind}" for kind, n in kinds.drop_nulls().iter_rows())
    found += [f"among the fills: {said}"] if said else []
    free = int((rows["price"] == 0).sum())
    found += [f"{free:,} fills at price 0 are transfers of their token"] if free else []
    return found


def _of_tokens(rows: pl.DataFrame) -> list[str]:
    pairs = rows.filter("spot").unique("coin", maintain_order=True).sort("coin")
    found = []
    for row in pairs.filter(pl.col("coin").str.starts_with("@")).iter_rows(named=True):
        if row["symbol"] == row["coin"]:
            base = row["asset"] if row["asset"] != row["coin"] else "a token that is not named"
            quote = row["currency"] or "a token that is not named"
            given = f"names={{'{row['coin']}': 'BASE/QUOTE'}}"
            found.append(f"{row['coin']} is {base} in {quote}, by its fees: {given} says more")
    shared = pairs.filter(pl.col("asset").is_duplicated())
    if shared.height:
        names = ", ".join(shared["symbol"])
        found.append(f"{names} hold a token together: no positions, as its balance is of all")
    tokens = rows.filter(
        (pl.col("fee_amount") != 0) & pl.col("fee_asset").ne_missing(pl.col("currency"))
    )
    if tokens.height:
        names = ", ".join(tokens["fee_asset"].unique().drop_nulls().sort())
        found.append(f"{tokens.height:,} fees in {names}: rows of transfers, fee 0")
    return found


def _of_moves(moved: pl.DataFrame) -> list[str]:
    counts = moved["kind"].value_counts(sort=True)
    said = ", ".join(f"{n:,} {kind}" for kind, n in counts.iter_rows())
    return [f"transfers by kind: {said}"] if said else []
