"""Fills beside the public tape: which print a fill was, and which could not have been one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from mmresearch import store
from mmresearch.market import Market
from mmresearch.measure import blocks

_NUMBERS = ["time", "seq", "price", "size"]
_SAME = 1e-9  # relative: sizes and prices of two sources are rounded differently


class Tape(NamedTuple):
    """One symbol's prints as arrays [n] in order of (time, seq); no print: arrays of length 0."""

    time: np.ndarray
    seq: np.ndarray
    price: np.ndarray
    size: np.ndarray


def tape_of(market: Market, name: str) -> Tape:
    """The symbol's public prints."""
    parts = []
    if "trades" in market:
        parts = list(blocks.of_symbol(market, "trades", _NUMBERS, name))
    none = {"time": np.empty(0, np.int64), "seq": np.empty(0, np.int64)}
    none |= {"price": np.empty(0), "size": np.empty(0)}
    parts = parts or [none]
    return Tape(*(np.concatenate([part[c] for part in parts]) for c in _NUMBERS))


def crosses_of(market: Market, name: str) -> pd.DataFrame:
    """The symbol's prints that were an auction's cross, where the source says so (`event`)."""
    wanted = [*_NUMBERS, "trade_id", "event"]
    found = [pd.DataFrame(columns=wanted[:-1])]
    for frame in market.blocks("trades", wanted, symbol=name) if "trades" in market else ():
        if "event" in frame.columns:
            crosses = frame.filter(pl.col("event") == "cross")
            found += [store.to_pandas(crosses)[wanted[:-1]]] if len(crosses) else []
    return pd.concat(found[1:] or found, ignore_index=True)


def in_auction(fills: pd.DataFrame, crosses: pd.DataFrame) -> np.ndarray:
    """Whether each fill of one symbol was made in a cross.

    By its own `event` where fills have one; else its print is a cross: one of the same number, or
    of the same time and price and no smaller (a cross is printed once for all who took part).
    """
    found = np.zeros(len(fills), dtype=bool)
    if "event" in fills:
        found |= (fills["event"] == "cross").to_numpy(dtype=bool, na_value=False)
    if crosses.empty:
        return found
    found |= fills["trade_id"].isin(crosses["trade_id"].dropna()).to_numpy()
    largest = crosses.groupby(_moment(crosses))["size"].max()
    of_fill = largest.reindex(_moment(fills)).to_numpy()
    return found | (fills["size"].to_numpy() <= of_fill * (1 + _SAME))


def larger_than_any(
    size: np.ndarray, session: np.ndarray, tape: Tape, edges: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Whether each fill is larger than every print of its session; never where nothing printed.

    session [n]: the row of each fill's session, -1 for none; edges: opens and closes.
    """
    begins = np.searchsorted(tape.time, edges[0])
    ends = np.searchsorted(tape.time, edges[1], side="right")
    largest = np.full(len(begins) + 1, np.inf)  # the last row is for fills of no session
    for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if end > begin:
            largest[row] = tape.size[begin:end].max()
    return size > largest[session] * (1 + _SAME)


def print_rows(fills: pd.DataFrame, trades: pd.DataFrame) -> np.ndarray:
    """For each fill the row in `trades` of the print that it was, -1 where none is found.

    Both tables hold one symbol. By the venue's number (`trade_id`), which both sides of a trade
    share; else by equal time, price and size: the account's first fill of these is the first such
    print, its second the second.
    """
    found = np.full(len(fills), -1)
    known = trades["trade_id"].notna().to_numpy()
    if known.any() and fills["trade_id"].notna().any():
        rows = np.flatnonzero(known)
        numbers = trades["trade_id"].iloc[rows]
        once = ~numbers.duplicated().to_numpy()
        row = pd.Index(numbers[once]).get_indexer(fills["trade_id"])
        found = np.where((row >= 0) & fills["trade_id"].notna(), rows[once][row], -1)
    rest = np.flatnonzero(found < 0)
    if len(rest) and len(trades):
        found[rest] = _by_values(fills.iloc[rest], trades)
    return found


def _by_values(fills: pd.DataFrame, trades: pd.DataFrame) -> np.ndarray:
    keys = ["time", "price", "size"]
    ours, theirs = (t[keys].round({"price": 9, "size": 9}) for t in (fills, trades))
    near = theirs["time"].isin(ours["time"]).to_numpy()  # few, of a long tape
    theirs = theirs.assign(row=np.arange(len(theirs)))[near]
    theirs["turn"] = theirs.groupby(keys).cumcount()
    whose = fills[["account", "side"]]
    ours["turn"] = pd.concat([ours, whose], axis=1).groupby([*keys, *whose]).cumcount()
    met = ours.merge(theirs, on=[*keys, "turn"], how="left")
    return met["row"].fillna(-1).to_numpy("int64")


def _moment(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([rows["time"], rows["price"].astype("float64").round(9)])
