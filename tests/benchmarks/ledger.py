"""The ledger and FIFO lots beside pandas and a deque: `python -m tests.benchmarks.ledger`.

A million fills of 50 accounts, marked at the mid of a million quotes. All sides in this process and
in turns, medians of warm runs; the answers are compared first. pandas' groupby-apply books each
account in a loop over its rows, as one would write it in a notebook, after one `merge_asof`.
"""

from __future__ import annotations

import argparse
import statistics
from collections import deque
from collections.abc import Callable
from time import perf_counter

import numpy as np
import pandas as pd

import mmresearch as mm
from mmresearch.measure.entries import entries_and_openings, in_order
from mmresearch.measure.kernels import fifo

ACCOUNTS = 50
TARGET = 20


def market(rows: int) -> mm.Market:
    rng = np.random.default_rng(1)
    time = pd.Timestamp("2024-01-02", tz="UTC") + pd.to_timedelta(np.arange(rows) * 10, unit="ms")
    mid = np.round(100 + 0.01 * rng.standard_normal(rows).cumsum(), 2)
    quotes = {"time": time, "seq": 0, "symbol": "X", "bid": mid - 0.01, "ask": mid + 0.01}
    fills = {"time": time + pd.Timedelta("1ms"), "seq": np.arange(rows), "symbol": "X"}
    fills |= {"account": np.char.add("account ", rng.integers(0, ACCOUNTS, rows).astype(str))}
    fills |= {"side": rng.choice([-1.0, 1.0], rows), "size": rng.integers(1, 100, rows) * 1.0}
    return mm.Market(
        quotes=pd.DataFrame(quotes | {"bid_size": 1.0, "ask_size": 1.0}),
        fills=pd.DataFrame(fills | {"price": mid, "fee": 0.01}),
    )


def plain_ledger(study: mm.Market) -> pd.DataFrame:
    quotes = study.quotes[["time"]].assign(mid=(study.quotes["bid"] + study.quotes["ask"]) / 2)
    rows = pd.merge_asof(study.fills, quotes, on="time")
    return rows.groupby("account", group_keys=False)[list(rows)].apply(_booked)


def _booked(rows: pd.DataFrame) -> pd.DataFrame:
    held, cost, gain, found = 0.0, 0.0, 0.0, []
    for row in rows.itertuples(index=False):
        units = row.side * row.size
        after = held + units
        if held * units >= 0:
            cost = row.price if held == 0 else (cost * held + row.price * units) / after
        else:
            closed = np.sign(held) * min(abs(units), abs(held))
            gain += closed * (row.price - cost)
            if held * after < 0:
                cost = row.price
        held = after
        found.append((held, gain, held * (row.mid - cost)))
    names = ["position", "realised", "unrealised"]
    return rows.assign(**pd.DataFrame(found, columns=names, index=rows.index))


def plain_fifo(series: np.ndarray, amount: np.ndarray, price: np.ndarray) -> float:
    """All realised profit, by a deque an account."""
    queues: dict[int, deque] = {}
    realised = 0.0
    for key, units, paid in zip(series.tolist(), amount.tolist(), price.tolist(), strict=True):
        queue = queues.setdefault(key, deque())
        while units and queue and queue[0][0] * units < 0:
            lot = queue[0]
            part = lot[0] if abs(lot[0]) <= abs(units) else -units
            realised += part * (paid - lot[1])
            lot[0] -= part
            units += part
            if lot[0] == 0:
                queue.popleft()
        if units:
            queue.append([units, paid])
    return realised


def timed(call: Callable[[], object], runs: int) -> float:
    call()
    times = []
    for _ in range(runs):
        begun = perf_counter()
        call()
        times.append(perf_counter() - begun)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ledger")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    study = market(rows)
    ours = mm.ledger(study)
    plain = plain_ledger(study).sort_values(["account", "time"], kind="stable")
    for name in ("position", "realised", "unrealised"):
        np.testing.assert_allclose(ours[name], plain[name], rtol=1e-9, atol=1e-6)
    entries = in_order(*entries_and_openings(study, None, None))
    columns = [entries[name].to_numpy() for name in ("series", "kind", "amount", "price")]
    *_, units, gained, _ = fifo(*columns)
    last = np.append(np.flatnonzero(np.diff(columns[0])), rows - 1)
    few = (columns[0], columns[2], columns[3])
    np.testing.assert_allclose(gained[last].sum(), plain_fifo(*few), rtol=1e-9)
    seconds = {
        "average cost, marked": (
            timed(lambda: mm.ledger(study), 5),
            timed(lambda: plain_ledger(study), 1),
        ),
        "FIFO kernel": (timed(lambda: fifo(*columns), 5), timed(lambda: plain_fifo(*few), 1)),
        "FIFO lots, table": (timed(lambda: mm.lots(study), 3), np.nan),
    }
    table = pd.DataFrame(seconds, index=["mmresearch s", "plain Python s"]).T
    table["times faster"] = table["plain Python s"] / table["mmresearch s"]
    print(f"{rows:,} fills, {ACCOUNTS} accounts; {len(units):,} pieces of lots")
    print(table.to_string(float_format="%.3f"))
    print(f"target: average cost at least {TARGET} times faster than groupby-apply")


if __name__ == "__main__":
    main()
