"""An account's own quotes, bar by bar: what it stood ready to trade at when the bar ended.

As the market's, they are carried within their session only. A side that is missing is not quoted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import polars as pl

from mmresearch.market import Market
from mmresearch.measure import blocks
from mmresearch.measure.bars import Bars
from mmresearch.measure.blocks import Block, after_all

SIDES = ["bid", "ask", "bid_size", "ask_size"]
OWN = ["time", "seq", "account", *SIDES]
_AFTER_ALL = after_all(OWN) | {"account": np.array([-1])}


def held(table: pd.DataFrame | None) -> Callable[[str, Sequence[str]], Iterator[Block]]:
    """For a symbol and its accounts their quotes of a table in memory; none without one.

    In a block the account is its place among the accounts, -1 where it is none of them.
    """
    if table is None:
        return lambda symbol, accounts: iter(())
    codes, names = pd.factorize(table["account"])
    of = blocks.by_symbol(table, blocks.of_table(table, OWN[:2] + SIDES) | {"account": codes})

    def own(symbol: str, accounts: Sequence[str]) -> Iterator[Block]:
        place = pd.Index(accounts).get_indexer(names)
        return (rows | {"account": place[rows["account"]]} for rows in of(symbol))

    return own


def own_blocks(market: Market, symbol: str, accounts: Sequence[str]) -> Iterator[Block]:
    """As `held` gives them, of a saved market, some rows at a time."""
    if "own_quotes" in market:
        place = pl.col("account").cast(pl.Enum(accounts), strict=False).to_physical()
        for frame in market.blocks("own_quotes", OWN, symbol=symbol):
            rows = frame.with_columns(account=place.cast(pl.Int64)).drop_nulls("account").rechunk()
            yield from blocks.of_frame(rows.select(OWN))


def own_bars(quotes: Iterator[Block], bars: Bars, accounts: Sequence[str]) -> dict[str, np.ndarray]:
    """The panel's columns of own quotes: of each account a value a bar, that of the bar's end.

    Parameters
    ----------
    quotes : iterator of Block
        One symbol's own quotes, ordered by (time, seq), in as many blocks as there are.
    bars : Bars
        The symbol's bars.
    accounts : list of str
        Whose; a block names them by their place.
    """
    table = np.full((4, len(accounts), len(bars)), np.nan)
    first = next(quotes, None)
    if first is not None:
        from mmresearch.measure import bar_kernels  # numba: loaded only here

        place, standing = (0, 0), np.full((4, len(accounts)), np.nan)
        for block in itertools.chain([first], quotes, [_AFTER_ALL]):
            time, seq, account, *sides = (block[name] for name in OWN)
            number = blocks.constant(account.astype("int64"))
            place = bar_kernels.own_bars(
                time, seq, number, tuple(sides), bars.edges, place, standing, table
            )
    return {f"own_{side}": table[row].ravel() for row, side in enumerate(SIDES)}
