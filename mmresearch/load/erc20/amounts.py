"""What was transferred: amounts to the last digit, and the names of tokens.

A token's contract counts in whole numbers of its smallest unit. They are turned into units by
moving the decimal point in their text, so nothing is rounded before the last step, to float64.
"""

from __future__ import annotations

import polars as pl

from mmresearch.load.erc20.files import SOURCE
from mmresearch.load.onchain import Sheet, halves
from mmresearch.load.text import rows_fault
from mmresearch.receipt import Fault, SourceError

_ROUNDED = 1e-9  # units that stand beside whole numbers are floats


def with_amounts(sheets: list[Sheet], rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows with `amount_exact` (units, every digit) and `amount_raw` (the smallest unit).

    Parameters
    ----------
    rows : DataFrame
        raw (whole numbers as text) or units (numbers as text), token.
    known : DataFrame
        token, decimals.
    """
    rows = rows.join(
        known.select("token", "decimals"), on="token", how="left", maintain_order="left"
    )
    _refuse_unknown(sheets, rows)
    rows = rows.with_columns(halves(rows["units"]), raw=_without_zeros("raw"))
    counted = pl.col("raw").is_not_null() & pl.col("decimals").is_not_null()
    parts = rows.select(
        pl.when(counted).then(_head(pl.col("decimals"))).otherwise(pl.col("whole")).alias("whole"),
        pl.when(counted).then(_tail(pl.col("decimals"))).otherwise(pl.col("part")).alias("part"),
        decimals="decimals",
    )
    part = pl.col("part").str.strip_chars_end("0")
    exact = pl.when(part == "").then("whole").otherwise(pl.col("whole") + "." + part)
    rows = rows.with_columns(parts.select(amount_exact=exact).to_series())
    _refuse_other(sheets, rows)
    digits = pl.col("whole") + pl.col("part").str.pad_end(pl.col("decimals"), "0")
    return rows.with_columns(
        amount=pl.col("amount_exact").cast(pl.Float64),
        amount_raw=pl.coalesce("raw", digits.str.strip_chars_start("0").replace("", "0")),
    ).drop("whole", "part")


def asset_names(every: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """What each token is called: a symbol where it is certain whose it is, else the token itself.

    Parameters
    ----------
    every : DataFrame
        id (the token, with its chain if there are several), token, symbol (what it calls itself)
        of every row of the files.
    known : DataFrame
        token, symbol: what the user calls it.

    Returns
    -------
    DataFrame
        id, asset, symbol (the files'), given (the user's), shared (whether other tokens use that
        symbol too).
    """
    given = known.select("token", given="symbol")
    tokens = every.select("id", "token").unique(maintain_order=True)
    tokens = tokens.join(given, on="token", how="left", maintain_order="left")
    said = every.select("id", "symbol").drop_nulls().unique(maintain_order=True)
    own = said.group_by("id", maintain_order=True).agg("symbol")
    alone = pl.col("symbol").list.len() == 1
    own = own.with_columns(symbol=pl.when(alone).then(pl.col("symbol").list.first()))
    claims = [said.select("id", "symbol"), tokens.select("id", symbol="given").drop_nulls()]
    claims = pl.concat(claims).with_columns(word=pl.col("symbol").str.to_lowercase())
    users = claims.group_by("word").agg(users=pl.col("id").n_unique())
    tokens = tokens.join(own, on="id", how="left", maintain_order="left")
    tokens = tokens.with_columns(word=pl.col("symbol").str.to_lowercase())
    tokens = tokens.join(users, on="word", how="left", maintain_order="left")
    shared = (pl.col("users") > 1).fill_null(False)
    mine = pl.when(~shared).then("symbol")
    return tokens.select(
        "id", "symbol", "given", asset=pl.coalesce("given", mine, "id"), shared=shared
    )


def _refuse_unknown(sheets: list[Sheet], rows: pl.DataFrame) -> None:
    """One error for all tokens in whole numbers whose decimals nobody said."""
    unknown = pl.col("decimals").is_null() & pl.col("units").is_null()
    groups = rows.filter(unknown).group_by("token", maintain_order=True)
    counts = groups.agg(pl.len().alias("n"), pl.col("file", "line").first())
    expected = "its decimals: pass decimals={address: decimals}, or a table address, decimals"
    faults = [
        Fault(sheets[file].name, line, f"token {token} of unknown decimals ({n:,} rows)", expected)
        for token, n, file, line in counts.iter_rows()
    ]
    if faults:
        raise SourceError(SOURCE, faults)


def _refuse_other(sheets: list[Sheet], rows: pl.DataFrame) -> None:
    """Decimals that do not fit the file's units: more digits than they allow, or another value."""
    finer = pl.col("raw").is_null() & (pl.col("part").str.len_bytes() > pl.col("decimals"))
    both = pl.all_horizontal(pl.col("raw", "decimals", "units").is_not_null())
    said = (pl.col("whole") + "." + pl.col("part")).cast(pl.Float64)
    off = (pl.col("amount_exact").cast(pl.Float64) - said).abs() > _ROUNDED * said
    faults = []
    for (file,), group in rows.filter(finer | (both & off)).group_by("file", maintain_order=True):
        first = group.row(0, named=True)
        expected = f"what {first['decimals']} decimals of token {first['token']} give"
        found = f"amount {first['units']}"
        faults.append(rows_fault(sheets[file].name, group["line"].to_list(), found, expected))
    if faults:
        raise SourceError(SOURCE, faults)


def _without_zeros(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars_start("0").replace("", "0")


def _padded(decimals: pl.Expr) -> pl.Expr:
    return pl.col("raw").str.zfill(decimals + 1)


def _head(decimals: pl.Expr) -> pl.Expr:
    return _padded(decimals).str.head(_padded(decimals).str.len_bytes().cast(pl.Int64) - decimals)


def _tail(decimals: pl.Expr) -> pl.Expr:
    return _padded(decimals).str.tail(decimals)
