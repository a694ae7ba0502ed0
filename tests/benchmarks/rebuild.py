"""Increments a second of the book rebuild: `python -m tests.benchmarks.rebuild`.

The stream is drawn: books of a few thousand levels a side that open with a snapshot, messages of a
few increments each, their distance from the best price mostly small, a third of them deletes. The
first call compiles, or loads what an earlier run compiled; the warm ones are what counts.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmresearch.load import rebuild
from tests.benchmarks.side import peak_megabytes, timed

TARGET = 5_000_000  # increments a second, 10 levels out
DEPTH = 3_000  # levels a side in the snapshot
RUNS = 5


class Increments(NamedTuple):
    """What `rebuild.books` reads, of one symbol."""

    group: np.ndarray
    side: np.ndarray
    price: np.ndarray
    size: np.ndarray
    reset: np.ndarray


def stream(count: int, *, seed: int = 7) -> Increments:
    """A snapshot and `count` increments around a price that walks in ticks of a cent.

    Where the price moves, the level that it moved onto is deleted: the book never crosses.
    """
    rng = np.random.default_rng(seed)
    moves = rng.choice([-1, 0, 1], size=count, p=[0.02, 0.96, 0.02])
    stays = moves == 0
    # seven in ten increments lie within some tens of ticks of the touch, the others anywhere
    near, far = rng.geometric(0.08, size=count), rng.integers(1, DEPTH + 1, size=count)
    away = np.where(rng.random(count) < 0.7, near, far) * stays
    side = np.where(stays, rng.choice([1, -1], size=count), -moves)
    sizes = rng.integers(1, 5_000, size=count) * (rng.random(count) > 1 / 3) * stays
    ticks = 2_500_000 + np.cumsum(moves) - side * away
    opening = np.arange(1, DEPTH + 1)
    return Increments(
        np.concatenate([np.zeros(2 * DEPTH, np.int64), 1 + np.cumsum(rng.random(count) < 0.4)]),
        np.concatenate([np.repeat([1, -1], DEPTH), side]).astype(np.int8),
        np.concatenate([2_500_000 - opening, 2_500_000 + opening, ticks]) / 100,
        np.concatenate([np.ones(2 * DEPTH), sizes / 1_000]),
        np.arange(2 * DEPTH + count) == 0,
    )


def now_megabytes() -> float:
    """What the process holds now; on Linux its peak is counted from here on."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    return peak_megabytes()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rebuild")
    parser.add_argument("--increments", type=int, default=5_000_000)
    parser.add_argument("--levels", type=int, default=10)
    wanted = parser.parse_args()
    increments = stream(wanted.increments)
    held = now_megabytes()
    times = timed(partial(rebuild.books, *increments, levels=wanted.levels), RUNS)
    found = rebuild.books(*increments, levels=wanted.levels)
    count, made = len(increments.price), sum(values.nbytes for values in found[:5])
    print(f"{count:,} increments, {len(found.rows):,} rows of {wanted.levels} levels a side")
    print(f"first {times['first']:.2f} s, warm {times['warm']:.2f} s (median of {RUNS})")
    print(f"{count / times['warm']:,.0f} increments a second warm; target {TARGET:,}")
    print(
        f"peak {times['peak_mb'] - held:,.0f} MB beyond the input; outputs {made / 2**20:,.0f} MB"
    )


if __name__ == "__main__":
    main()
