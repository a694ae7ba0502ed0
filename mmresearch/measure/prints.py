"""Public prints: what they come to bar by bar."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from mmresearch.measure.bars import Bars
from mmresearch.measure.blocks import Block, after_all

TRADE = ["time", "seq", "price", "size", "side"]
Tape = Callable[[Sequence[str]], Iterable[Block]]  # the prints anew, of them these columns


def trade_bars(trades: Iterable[Block], bars: Bars) -> tuple[dict[str, np.ndarray], int]:
    """The columns of the panel that come from prints, one value a bar; how many no bar holds.

    Parameters
    ----------
    trades : iterable of Block
        One symbol's prints, ordered by (time, seq), in as many blocks as there are.
    bars : Bars
        The symbol's bars.
    """
    from mmresearch.measure import bar_kernels  # numba: loaded only here

    place, last, edges = (0, 0, 0), np.nan, bars.edges
    table = np.zeros((len(bars), 6))
    for block in itertools.chain(trades, [after_all(TRADE)]):
        time, seq, *values = (block[name] for name in TRADE)
        place, last = bar_kernels.trade_bars(time, seq, tuple(values), edges, place, last, table)
    volume, count, start, price, imbalance, unsigned = table.T
    columns = {
        "market_volume": volume,
        "trades": count.astype("int64"),
        "trade_price_start": start,
        "trade_price": price,
        "trade_imbalance": imbalance,
        "unsigned_volume": unsigned,
    }
    return columns, place[-1] - 1
