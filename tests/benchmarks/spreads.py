"""Signs and spreads of a heavy day: `python -m tests.benchmarks.spreads [--scale 0.1]`.

20 M quotes and 3 M trades without sides: Lee and Ready's signs, effective spread, realized spread
and impact at five horizons. Three sides: `mm.spreads`; six `pandas.merge_asof`; and one bare loop
without checks, sessions, symbols or blocks, which is the limit. Each is measured on tables that are
in memory already and, but for the loop, from the market folder, in processes of its own. No quote
has the time of a trade or of a horizon's end, so that joins on time alone can answer as well. The
answers are compared first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import pandas as pd
import polars as pl

import mmresearch as mm
from mmresearch import native, store
from mmresearch.measure.spreads import HORIZONS
from tests.benchmarks import heavy_sides
from tests.benchmarks.heavy import HEAVY, day

NANO = pl.duration(nanoseconds=1)
QUOTES, TRADES = ["time", "bid", "ask"], ["time", "price"]
TARGET = "target: 1.5 times the bare loop or half of six merge_asof, and 2,000 MB"
Found = dict[str, np.ndarray]


def write(folder: Path, scale: float) -> Path:
    """The folder of one day; quotes are a nanosecond past the microsecond, trades on it."""
    rows = {name: int(scale * count) for name, count in HEAVY.items()}
    tables = day(rows)
    quotes = tables["quotes"].with_columns(time=pl.col("time") + NANO)
    trades = tables["trades"].with_columns(side=pl.lit(None, pl.Float64))
    symbols = pl.DataFrame({"symbol": ["X"], "asset": ["X"], "calendar": ["24/7"]})
    with store.Writer(folder) as writer:
        writer.add("symbols", symbols)
        for name, table in (("quotes", quotes), ("trades", trades)):
            writer.add(name, native.checked(table, name))
        writer.commit({"name": folder.name})
    return folder


def ours(market: mm.Market) -> Found:
    found = mm.spreads(market, sides="lee_ready")
    names = ["side", "effective_full_bps"]
    names += [f"{kind}_full_bps_{h}" for kind in ("realized", "impact") for h in HORIZONS]
    return {name.replace("_full_bps", ""): found[name].to_numpy() for name in names}


def pandas_six(quotes: pd.DataFrame, trades: pd.DataFrame) -> Found:
    """Six as-of joins."""
    mids = quotes[["time"]].assign(mid=(quotes["bid"] + quotes["ask"]) / 2)
    mids["open"] = quotes["ask"] > quotes["bid"]
    met = pd.merge_asof(trades, mids, on="time", allow_exact_matches=False)
    price, mid = met["price"], met["mid"]
    tick = np.sign(price.diff()).replace(0, np.nan).ffill()
    side = np.sign((price - mid).where((price - mid).abs() > 1e-12 * mid)).fillna(tick)
    valid, end = mids[mids["open"]], max(quotes["time"].iloc[-1], trades["time"].iloc[-1])
    mid = mid.where(met["open"].eq(True))
    found = {"side": side, "effective": 2e4 * side * (price - mid) / mid}
    for horizon in HORIZONS:
        then = trades[["time"]] + pd.Timedelta(horizon)
        later = pd.merge_asof(then, valid, on="time")["mid"].where(then["time"] <= end)
        found[f"realized_{horizon}"] = 2e4 * side * (price - later) / mid
        found[f"impact_{horizon}"] = 2e4 * side * (later - mid) / mid
    return {name: values.to_numpy() for name, values in found.items()}


@numba.njit(cache=True)
def _bare(when, bid, ask, at, price, steps, end):
    n, count = len(at), len(steps)
    found = np.full((2 + 2 * count, n), np.nan)
    places = np.full(count + 1, -1)
    valid = np.full(count + 1, np.nan)
    carried, last = np.nan, np.nan
    for i in range(n):
        for k in range(count + 1):
            then, j = at[i] + (steps[k - 1] if k else 0), places[k]
            while j + 1 < len(when) and when[j + 1] < then:
                j += 1
                if k == 0 or ask[j] > bid[j]:
                    valid[k] = (bid[j] + ask[j]) / 2
            places[k] = j
        if i and price[i] != last:
            carried = np.sign(price[i] - last)
        mid, last = valid[0], price[i]
        off = abs(price[i] - mid) > 1e-12 * mid
        side = np.sign(price[i] - mid) if off else carried
        if places[0] >= 0 and not ask[places[0]] > bid[places[0]]:
            mid = np.nan
        found[0, i], found[1, i] = side, 2e4 * side * (price[i] - mid) / mid
        for k in range(count):
            if at[i] + steps[k] <= end:
                found[2 + k, i] = 2e4 * side * (price[i] - valid[k + 1]) / mid
                found[2 + count + k, i] = 2e4 * side * (valid[k + 1] - mid) / mid
    return found


def bare(quotes: pd.DataFrame, trades: pd.DataFrame) -> Found:
    steps = np.array([pd.Timedelta(h).value for h in HORIZONS])
    when, at = (t["time"].to_numpy("datetime64[ns]").view("int64") for t in (quotes, trades))
    sides, price = (quotes[c].to_numpy() for c in ("bid", "ask")), trades["price"].to_numpy()
    found = _bare(when, *sides, at, price, steps, max(when[-1], at[-1]))
    names = [f"{kind}_{h}" for kind in ("realized", "impact") for h in HORIZONS]
    return dict(zip(["side", "effective", *names], found, strict=True))


def frames(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Quotes and trades by plain pandas, of the columns that are needed."""
    found = []
    for name, columns in (("quotes", QUOTES), ("trades", TRADES)):
        paths = sorted([*folder.glob(f"{name}/**/*.parquet"), *folder.glob(f"{name}-*")])
        found.append(pd.concat([pd.read_parquet(path, columns=columns) for path in paths]))
    return tuple(found)


def in_memory(folder: Path) -> mm.Market:
    market = mm.open(folder)
    market.hold(["quotes", "trades"])
    return market


# name -> what is made ready before the clock starts, from the folder
SIDES: dict[str, Callable[[Path], Callable[[], Found]]] = {
    "mm.spreads, in memory": lambda folder: _called(ours, in_memory(folder)),
    "six merge_asof, in memory": lambda folder: _called(pandas_six, *frames(folder)),
    "the bare loop, in memory": lambda folder: _called(bare, *frames(folder)),
    "mm.spreads, from the folder": lambda folder: lambda: ours(mm.open(folder)),
    "six merge_asof, from the folder": lambda folder: lambda: pandas_six(*frames(folder)),
}


def _called(function: Callable[..., Found], *held: object) -> Callable[[], Found]:
    return lambda: function(*held)


def same(folder: Path) -> None:
    """All three give the same numbers, or an AssertionError says where not."""
    found, tables = ours(mm.open(folder)), frames(folder)
    for other in (bare(*tables), pandas_six(*tables)):
        for name, values in other.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-6, err_msg=name)
    print(f"{len(found)} columns equal in {len(found['side']):,} rows", file=sys.stderr)


if __name__ == "__main__":
    heavy_sides.main("tests.benchmarks.spreads")
