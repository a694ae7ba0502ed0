"""What was known just before an event: the strict join on (time, seq)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from mmresearch.measure import blocks
from mmresearch.measure.blocks import Block, rows_by_symbol

_ORDER = ["time", "seq"]


def known_before(events: pd.DataFrame, states: pd.DataFrame) -> np.ndarray:
    """For each event the row of the last state with an earlier (time, seq), -1 if there is none.

    Both tables hold one symbol, ordered by (time, seq). A state of the event's own instant counts
    only if its seq is smaller, so a quote that moves because of a trade is never taken for the
    quote that the trade met.
    """
    return _before(*blocks.of_table(events, _ORDER).values(), blocks.of_table(states, _ORDER))


def _before(at: np.ndarray, seq: np.ndarray, states: Block) -> np.ndarray:
    from mmresearch.measure.kernels import last_before  # numba: loaded only here

    order = (blocks.constant(array) for array in (at, seq, states["time"], states["seq"]))
    return last_before(*order)


def known_before_by_symbol(events: pd.DataFrame, states: pd.DataFrame) -> np.ndarray:
    """`known_before` for tables of several symbols: positions in `states`, -1 if there is none."""
    found, places = np.full(len(events), -1), rows_by_symbol(states)
    for symbol, rows in rows_by_symbol(events).items():
        if symbol in places:
            own = np.arange(len(states))[places[symbol]]
            before = known_before(events.iloc[rows], states.iloc[places[symbol]])
            found[rows] = np.where(before >= 0, own[before], -1)
    return found


def value_before(
    events: pd.DataFrame,
    states: Iterable[Block],
    name: str,
    *,
    skip: bool = True,
    first: float = np.nan,
) -> np.ndarray:
    """For each event the value that was last known before its (time, seq), `first` if none was.

    The tables hold one symbol; the events come in any order, the states in blocks by (time, seq),
    of which one is in memory. A value that is missing is passed over, or with skip=False is what
    was known.
    """
    at, seq = blocks.of_table(events, _ORDER).values()
    order = np.argsort(at, kind="stable")
    at, seq = at[order], seq[order]
    values, last, told = np.full(len(at), first), first, 0
    for block in states:
        known = ~np.isnan(block[name])
        if skip and not known.all():
            block = {column: array[known] for column, array in block.items()}
        when, price = block["time"], block[name]
        if not len(when):
            continue
        begin, end = np.searchsorted(at, when[0]), np.searchsorted(at, when[-1], side="right")
        values[told:end] = last
        row = _before(at[begin:end], seq[begin:end], block)
        values[begin:end] = np.where(row >= 0, price[row], values[begin:end])
        # the events of a block's last instant are asked again, for the next may begin with it
        last, told = price[-1], end
    values[told:] = last
    found = np.empty(len(at))
    found[order] = values
    return found
