"""Markouts of a heavy day's fills: `python -m tests.benchmarks.markouts [--scale 0.1]`.

1 M fills of two accounts on 20 M quotes and 3 M public trades: capture, markout and adverse
selection at five horizons. Two sides: `mm.markouts`; and one bare loop without checks, sessions,
symbols, blocks or reasons, which is the limit. Each is measured on tables that are in memory
already, and ours from the market folder too, in processes of its own. No quote has the time of a
fill or of a horizon's end. The answers are compared first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import polars as pl

import mmresearch as mm
from mmresearch import native, store
from mmresearch.measure.references import HORIZONS
from tests.benchmarks import heavy_sides
from tests.benchmarks.heavy import HEAVY, day

NANO = pl.duration(nanoseconds=1)
COLUMNS = {"quotes": ["time", "bid", "ask"], "fills": ["time", "side", "price"]}
NAMES = ["capture", *(f"{kind}_{h}" for kind in ("markout", "adverse") for h in HORIZONS)]
TABLES = ["quotes", "trades", "fills"]
TARGET = "target: twice the bare loop, and 2,500 MB"


def write(folder: Path, scale: float) -> Path:
    """The folder of one day; quotes are a nanosecond past the microsecond, all else on it."""
    tables = day({name: int(scale * count) for name, count in HEAVY.items()})
    tables["quotes"] = tables["quotes"].with_columns(time=pl.col("time") + NANO)
    symbols = pl.DataFrame({"symbol": ["X"], "asset": ["X"], "calendar": ["24/7"]})
    with store.Writer(folder) as writer:
        writer.add("symbols", symbols)
        for name, table in tables.items():
            writer.add(name, native.checked(table, name))
        writer.commit({"name": folder.name})
    return folder


def ours(market: mm.Market) -> dict[str, np.ndarray]:
    found = mm.markouts(market)
    return {name.replace("_bps", ""): found[name].to_numpy() for name in found.filter(like="_bps")}


@numba.njit(cache=True)
def _bare(when, bid, ask, at, side, price, steps, end):
    n, count = len(at), len(steps)
    found = np.full((1 + 2 * count, n), np.nan)
    places, valid = np.full(count + 1, -1), np.full(count + 1, np.nan)
    for i in range(n):
        for k in range(count + 1):
            then, j = at[i] + (steps[k - 1] if k else 0), places[k]
            while j + 1 < len(when) and when[j + 1] < then:
                j += 1
                if bid[j] < ask[j]:
                    valid[k] = (bid[j] + ask[j]) / 2
                elif k == 0:
                    valid[k] = np.nan
            places[k] = j
        now = valid[0]
        found[0, i] = 1e4 * side[i] * (now - price[i]) / now
        for k in range(count):
            if at[i] + steps[k] <= end:
                found[1 + k, i] = 1e4 * side[i] * (valid[k + 1] - price[i]) / now
                found[1 + count + k, i] = 1e4 * side[i] * (now - valid[k + 1]) / now
    return found


def bare(quotes: pd.DataFrame, fills: pd.DataFrame, end: int) -> dict[str, np.ndarray]:
    steps = np.array([pd.Timedelta(h).value for h in HORIZONS])
    when, at = (t["time"].to_numpy("datetime64[ns]").view("int64") for t in (quotes, fills))
    sides = (quotes[c].to_numpy() for c in ("bid", "ask"))
    how = (fills[c].to_numpy() for c in ("side", "price"))
    return dict(zip(NAMES, _bare(when, *sides, at, *how, steps, end), strict=True))


def frames(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Quotes and fills by plain pandas, of the columns that are needed; the record's end."""
    paths = {
        name: sorted([*folder.glob(f"{name}/**/*.parquet"), *folder.glob(f"{name}-*")])
        for name in TABLES
    }
    quotes, fills = (
        pd.concat([pd.read_parquet(path, columns=columns) for path in paths[name]])
        for name, columns in COLUMNS.items()
    )
    trades = pd.concat([pd.read_parquet(path, columns=["time"]) for path in paths["trades"]])
    return quotes, fills, max(t["time"].max() for t in (quotes, trades)).value


def in_memory(folder: Path) -> mm.Market:
    market = mm.open(folder)
    market.hold(TABLES)
    return market


# name -> what is made ready before the clock starts, from the folder
SIDES: dict[str, Callable[[Path], Callable[[], object]]] = {
    "mm.markouts, in memory": lambda folder: partial(ours, in_memory(folder)),
    "the bare loop, in memory": lambda folder: partial(bare, *frames(folder)),
    "mm.markouts, from the folder": lambda folder: lambda: ours(mm.open(folder)),
}


def same(folder: Path) -> None:
    """Both give the same numbers, or an AssertionError says where not."""
    found = ours(mm.open(folder))
    for name, values in bare(*frames(folder)).items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-6, err_msg=name)
    print(f"{len(found)} columns equal in {len(found['capture']):,} rows", file=sys.stderr)


if __name__ == "__main__":
    heavy_sides.main("tests.benchmarks.markouts")
