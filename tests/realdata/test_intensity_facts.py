"""How deep AMZN's orders reached: counted from LOBSTER's lines, found again in the table."""

from __future__ import annotations

import csv
from collections import defaultdict

import numpy as np
import pytest

import mmresearch as mm

FOLDER = "lobster/AMZN_2012-06-21_level1"
DEPTHS = (1.0, 4.0, 8.0, 12.0)


@pytest.fixture(scope="module")
def files(request):
    folder = request.getfixturevalue("realdata") / FOLDER
    found = sorted(folder.glob("*.csv"))
    if len(found) != 2:
        pytest.skip("no real LOBSTER files")
    return found


@pytest.fixture(scope="module")
def market(files):
    return mm.load.lobster(*files)


def reached(files: list) -> dict[float, int]:
    """From the lines: executions of one time and side, worst price against the mid before them."""
    read = []
    for path in sorted(files, key=lambda p: "orderbook" in p.name):
        with path.open(encoding="ascii") as file:
            read.append(list(csv.reader(file)))
    orders: dict[tuple, list] = defaultdict(list)
    for place, (time, kind, _, _, price, resting) in enumerate(read[0]):
        if kind in ("4", "5") and place:
            ask, _, bid, _ = map(int, read[1][place - 1])
            orders[time, -int(resting)].append((int(price), ask + bid))
    counts = dict.fromkeys(DEPTHS, 0)
    for (_, side), prints in orders.items():
        worst = max(side * price for price, _ in prints)
        depth = (worst - side * prints[0][1] / 2) / 100  # prices are in 1/10,000, ticks of 1/100
        for asked in DEPTHS:
            counts[asked] += depth >= asked - 1e-9
    return counts


def test_orders_are_those_of_the_lines(market, files):
    table = mm.trades_by_depth(market, depths=DEPTHS)
    assert table.groupby("distance")["count"].sum().to_dict() == reached(files)
    assert table.attrs["unit"] == "ticks"
    assert table.groupby(["side", "distance"])["exposure"].sum().max() == pytest.approx(
        23_400, abs=5
    )


def test_fills_become_rarer_with_distance_and_not_exponentially_near_the_best(market):
    near = mm.calibrate_intensity(market)
    assert near.quantities["k"].identified
    assert near.quantities["k"].low > 0
    assert "rate_is_not_exponential" in near.flags
    far = mm.calibrate_intensity(mm.trades_by_depth(market, depths=np.arange(8, 24, 4)))
    assert "rate_is_not_exponential" not in far.flags
    assert near.quantities["k"].value < far.quantities["k"].value
